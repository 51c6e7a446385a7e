// Faults and page responses of linux/iommu.h: what a device did wrong or asks for, and the answer.
// Source: the header of the QEMU series "vSMMUv3/pSMMUv3 2 stage VFIO integration" v6, patch 02/24 (Linux 5.6-rc3).
// iommu_fault is also the 64-byte entry of the DMA-fault ring (vfio_region_dma_fault).
//
//   iommu_fault           0        4        8                                 40        48       64
//                         │ type   │ padding│ event (iommu_fault_unrecoverable)│         ·        │  type 1
//                         │        │        │ prm (iommu_fault_page_request)             │       │  type 2
//                         │        │        │ padding2 (u8[56])                                  │  any other

import { defineStruct, type ValueOf } from "./codec.js";
import { member, u32, u64, u64s } from "./layout.js";

/**
 * Unrecoverable fault, 32 bytes: `reason` is an IOMMU_FAULT_REASON_*, `flags` IOMMU_FAULT_UNRECOV_*, `perm`
 * IOMMU_FAULT_PERM_*.
 *
 * Source: linux/iommu.h, struct iommu_fault_unrecoverable.
 */
export const iommu_fault_unrecoverable = defineStruct("iommu_fault_unrecoverable", 32, {
  reason: u32(0),
  flags: u32(4),
  pasid: u32(8),
  perm: u32(12),
  addr: u64(16),
  fetch_addr: u64(24),
});
/** Decoded `struct iommu_fault_unrecoverable`. */
export type iommu_fault_unrecoverable = ValueOf<typeof iommu_fault_unrecoverable>;

/**
 * Page request, 40 bytes: `flags` IOMMU_FAULT_PAGE_REQUEST_*, `perm` IOMMU_FAULT_PERM_*.
 *
 * Source: linux/iommu.h, struct iommu_fault_page_request.
 */
export const iommu_fault_page_request = defineStruct("iommu_fault_page_request", 40, {
  flags: u32(0),
  pasid: u32(4),
  grpid: u32(8),
  perm: u32(12),
  addr: u64(16),
  private_data: u64s(24, 2),
});
/** Decoded `struct iommu_fault_page_request`. */
export type iommu_fault_page_request = ValueOf<typeof iommu_fault_page_request>;

/**
 * Fault, 64 bytes: `type` says which member of the union holds, IOMMU_FAULT_DMA_UNRECOV `event`,
 * IOMMU_FAULT_PAGE_REQ `prm`.
 *
 * Source: linux/iommu.h, struct iommu_fault.
 */
export const iommu_fault = defineStruct("iommu_fault", 64, {
  type: u32(0),
  padding: u32(4),
  event: member(8, iommu_fault_unrecoverable),
  prm: member(8, iommu_fault_page_request),
  padding2: member(8, 56),
});
/** Decoded `struct iommu_fault`, its union as bytes. */
export type iommu_fault = ValueOf<typeof iommu_fault>;

/**
 * Answer to a page request, 20 bytes: `version` IOMMU_PAGE_RESP_VERSION_1, `flags` IOMMU_PAGE_RESP_PASID_VALID or 0,
 * `code` IOMMU_PAGE_RESP_SUCCESS, _INVALID or _FAILURE (0, 1, 2: not the codes of PCIe, VT-d or SMMU).
 *
 * Source: linux/iommu.h, struct iommu_page_response.
 */
export const iommu_page_response = defineStruct("iommu_page_response", 20, {
  version: u32(0),
  flags: u32(4),
  pasid: u32(8),
  grpid: u32(12),
  code: u32(16),
});
/** Decoded `struct iommu_page_response`. */
export type iommu_page_response = ValueOf<typeof iommu_page_response>;
