// Event records → fault reports: which are the guest's, and under which reason.
// Source: Arm IHI 0070 G.b, section 7.3; enum iommu_fault_reason of linux/iommu.h.
// Stage-2 faults and events without a row are the host's own: they carry no reason. Stalls do not occur (ste.ts).

import type { FaultReport } from "../../contract/driver.js";
import * as E from "../../spec/smmuv3/events.js";
import * as U from "../../uapi/iommu-constants.js";
import { type DecodedEvent, decodeEvent } from "../event-record.js";

const REASON: Readonly<Record<number, number>> = {
  [E.EVT_C_BAD_SUBSTREAMID]: U.IOMMU_FAULT_REASON_PASID_INVALID,
  [E.EVT_F_CD_FETCH]: U.IOMMU_FAULT_REASON_PASID_FETCH,
  [E.EVT_C_BAD_CD]: U.IOMMU_FAULT_REASON_BAD_PASID_ENTRY,
  [E.EVT_F_WALK_EABT]: U.IOMMU_FAULT_REASON_WALK_EABT,
  [E.EVT_F_TRANSLATION]: U.IOMMU_FAULT_REASON_PTE_FETCH,
  [E.EVT_F_ADDR_SIZE]: U.IOMMU_FAULT_REASON_OOR_ADDRESS,
  [E.EVT_F_ACCESS]: U.IOMMU_FAULT_REASON_ACCESS,
  [E.EVT_F_PERMISSION]: U.IOMMU_FAULT_REASON_PERMISSION,
};

/**
 * What an event record says, in the terms of struct iommu_fault_unrecoverable.
 *
 * @param record 32 bytes
 * @returns the report; without a reason when it is not for the guest
 */
export function faultReport(record: Uint8Array): FaultReport {
  const event = decodeEvent(record);
  const reason = event.stage2 ? undefined : REASON[event.type];
  return {
    stream: event.stream,
    name: event.name,
    perm: permOf(event),
    ...(reason !== undefined && { reason }),
    ...(event.pasid !== undefined && { pasid: event.pasid }),
    ...(event.iova !== undefined && { address: event.iova }),
    ...(event.fetchAddress !== undefined && { fetchAddress: event.fetchAddress }),
  };
}

function permOf({ write, execute, privileged }: DecodedEvent): number {
  if (write === undefined) return 0;
  return (
    (write ? U.IOMMU_FAULT_PERM_WRITE : U.IOMMU_FAULT_PERM_READ) |
    (execute ? U.IOMMU_FAULT_PERM_EXEC : 0) |
    (privileged ? U.IOMMU_FAULT_PERM_PRIV : 0)
  );
}
