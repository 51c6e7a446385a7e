// A fault or page request as an entry of the DMA-fault ring: struct iommu_fault, 64 bytes.
// Source: linux/iommu.h struct iommu_fault; which flags a fault has: Linux arm_smmu_handle_evt of "SMMUv3 Nested Stage
// Setup" v10 13/13 (by profile) or every field that the record has.

import type { FaultReport } from "../../contract/driver.js";
import type { PageRequest } from "../../contract/machine.js";
import {
  type InputOf,
  IOMMU_FAULT_DMA_UNRECOV,
  IOMMU_FAULT_PAGE_REQ,
  IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
  IOMMU_FAULT_PAGE_REQUEST_PASID_VALID,
  IOMMU_FAULT_PERM_EXEC,
  IOMMU_FAULT_PERM_PRIV,
  IOMMU_FAULT_PERM_READ,
  IOMMU_FAULT_PERM_WRITE,
  IOMMU_FAULT_UNRECOV_ADDR_VALID,
  IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID,
  IOMMU_FAULT_UNRECOV_PASID_VALID,
  iommu_fault,
} from "../../uapi/index.js";

/** A value that iommu_fault encodes. */
export type FaultEntry = InputOf<typeof iommu_fault>;

/** What a fault is shown with. */
export interface FaultView {
  /** PASID as the guest knows it; absent = not shown. */
  readonly pasid: number | undefined;
  /** `fetch_addr` as the field extraction of the series had it. */
  readonly fetchAddressShifted: boolean;
}

/** `mask` if a condition holds. */
const when = (condition: boolean | undefined, mask: number): number => (condition ? mask : 0);

/** Bits 51:3 of the event's address, at bit 0. */
const shifted = (address: bigint): bigint => BigInt.asUintN(52, address) >> 3n;

/** An unrecoverable fault. */
export function unrecoverableEntry(
  { address, fetchAddress, perm }: FaultReport,
  reason: number,
  { pasid, fetchAddressShifted }: FaultView,
): FaultEntry {
  const flags =
    when(pasid !== undefined, IOMMU_FAULT_UNRECOV_PASID_VALID) |
    when(address !== undefined, IOMMU_FAULT_UNRECOV_ADDR_VALID) |
    when(fetchAddress !== undefined, IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID);
  const fetch_addr = fetchAddressShifted ? shifted(fetchAddress ?? 0n) : (fetchAddress ?? 0n);
  return {
    type: IOMMU_FAULT_DMA_UNRECOV,
    padding: 0,
    event: { reason, flags, pasid: pasid ?? 0, perm, addr: address ?? 0n, fetch_addr },
  };
}

/** A page request; `pasid` as the guest knows it. */
export function pageRequestEntry(request: PageRequest, pasid: number | undefined): FaultEntry {
  const flags =
    when(pasid !== undefined, IOMMU_FAULT_PAGE_REQUEST_PASID_VALID) |
    when(request.last, IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE);
  const perm =
    when(request.read, IOMMU_FAULT_PERM_READ) |
    when(request.write, IOMMU_FAULT_PERM_WRITE) |
    when(request.execute, IOMMU_FAULT_PERM_EXEC) |
    when(request.privileged, IOMMU_FAULT_PERM_PRIV);
  const addr = request.address & ~0xfffn;
  return {
    type: IOMMU_FAULT_PAGE_REQ,
    padding: 0,
    prm: { flags, pasid: pasid ?? 0, grpid: request.group, perm, addr, private_data: [0n, 0n] },
  };
}

/** Writes an entry into the ring. */
export const writeEntry = (entry: FaultEntry) => (region: Uint8Array, at: number) =>
  iommu_fault.encodeInto(region, at, entry);
