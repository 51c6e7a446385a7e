// Fault records → fault reports: which are the guest's, and under which reason.
// Source: Intel VT-d Rev 5.10, sections 7.1.3 and 11.4.7.6; enum iommu_fault_reason of linux/iommu.h.
// Codes without a row are the host's own matter, the second stage and the structures up to the PASID entry: their reports
// carry no reason. One code, FR_WRITE, is raised by either stage (denied-write.ts).

import type { FaultReport } from "../../contract/driver.js";
import * as F from "../../spec/vtd/faults.js";
import * as U from "../../uapi/iommu-constants.js";
import { decodeFaultRecord, type VtdFaultRecord } from "../fault-record.js";

const REASON: Readonly<Record<number, number>> = {
  [F.FR_EXECUTE]: U.IOMMU_FAULT_REASON_PERMISSION,
  [F.FR_PASID_NO_EXECUTE]: U.IOMMU_FAULT_REASON_PERMISSION,
  [F.FR_PASID_NO_SUPERVISOR]: U.IOMMU_FAULT_REASON_PERMISSION,
  [F.FR_FS_ACCESS]: U.IOMMU_FAULT_REASON_WALK_EABT,
  [F.FR_FS_NOT_PRESENT]: U.IOMMU_FAULT_REASON_PTE_FETCH,
  // The entry is there, but nothing can be made of it.
  [F.FR_FS_RESERVED]: U.IOMMU_FAULT_REASON_PTE_FETCH,
  [F.FR_FS_ROOT_ACCESS]: U.IOMMU_FAULT_REASON_WALK_EABT,
  // What a first-stage entry points to is no guest-physical address.
  [F.FR_FS_NESTED_TOO_WIDE]: U.IOMMU_FAULT_REASON_OOR_ADDRESS,
  // Accessed and dirty flags that hardware was to set.
  [F.FR_FS_UPDATE_NOT_SNOOPED]: U.IOMMU_FAULT_REASON_ACCESS,
  [F.FR_FS_UPDATE_FAILED]: U.IOMMU_FAULT_REASON_WALK_EABT,
  [F.FR_NOT_CANONICAL]: U.IOMMU_FAULT_REASON_PTE_FETCH,
  [F.FR_USER_PRIVILEGE]: U.IOMMU_FAULT_REASON_PERMISSION,
  [F.FR_WRITE]: U.IOMMU_FAULT_REASON_PERMISSION,
};

const PERM: Readonly<Record<VtdFaultRecord["access"], number>> = {
  read: U.IOMMU_FAULT_PERM_READ,
  write: U.IOMMU_FAULT_PERM_WRITE,
  "page-request": 0,
};

/**
 * What a fault record says, in the terms of struct iommu_fault_unrecoverable.
 *
 * @param record 16 bytes
 * @param isSecondStage whether it was the second stage that did not let a request of this source, PASID and address write
 * @returns the report; without a reason when it is not for the guest
 */
export function faultReport(
  record: Uint8Array,
  isSecondStage: (fault: VtdFaultRecord) => boolean,
): FaultReport {
  const fault = decodeFaultRecord(record);
  const { stream, name, address, pasid } = fault;
  const reason = reasonOf(fault, isSecondStage);
  return {
    stream,
    name,
    perm:
      PERM[fault.access] |
      (fault.execute ? U.IOMMU_FAULT_PERM_EXEC : 0) |
      (fault.privileged ? U.IOMMU_FAULT_PERM_PRIV : 0),
    address,
    ...(reason !== undefined && { reason }),
    ...(pasid !== undefined && { pasid }),
  };
}

/** Guests' first stages serve DMA with PASID alone. */
function reasonOf(
  fault: VtdFaultRecord,
  isSecondStage: (fault: VtdFaultRecord) => boolean,
): number | undefined {
  if (fault.pasid === undefined || fault.access === "page-request") return undefined;
  if (fault.reason === F.FR_WRITE && isSecondStage(fault)) return undefined;
  return REASON[fault.reason];
}
