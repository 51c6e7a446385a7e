// Cache invalidation of linux/iommu.h: what a guest dropped from its first-stage tables.
// Source: the header of the QEMU series "vSMMUv3/pSMMUv3 2 stage VFIO integration" v6, patch 02/24 (Linux 5.6-rc3).
// No argsz here; the VFIO wrapper has it. flags, archid and pasid lie at the same place in both members of the union.
//
//   iommu_cache_invalidate_info   0         4       5             6         8                          24     48
//                                 │ version │ cache │ granularity │ padding │ pasid_info (granularity 1)│   ·  │
//                                 │         │       │             │         │ addr_info  (granularity 2)       │

import { defineStruct, type ValueOf } from "./codec.js";
import { bytes, member, u8, u32, u64 } from "./layout.js";

/**
 * Address-selective invalidation, 40 bytes: `flags` IOMMU_INV_ADDR_FLAGS_*, `nb_granules` granules of
 * `granule_size` bytes from `addr`.
 *
 * Source: linux/iommu.h, struct iommu_inv_addr_info.
 */
export const iommu_inv_addr_info = defineStruct("iommu_inv_addr_info", 40, {
  flags: u32(0),
  archid: u32(4),
  pasid: u64(8),
  addr: u64(16),
  granule_size: u64(24),
  nb_granules: u64(32),
});
/** Decoded `struct iommu_inv_addr_info`. */
export type iommu_inv_addr_info = ValueOf<typeof iommu_inv_addr_info>;

/**
 * PASID-selective invalidation, 16 bytes: `flags` IOMMU_INV_PASID_FLAGS_*.
 *
 * Source: linux/iommu.h, struct iommu_inv_pasid_info.
 */
export const iommu_inv_pasid_info = defineStruct("iommu_inv_pasid_info", 16, {
  flags: u32(0),
  archid: u32(4),
  pasid: u64(8),
});
/** Decoded `struct iommu_inv_pasid_info`. */
export type iommu_inv_pasid_info = ValueOf<typeof iommu_inv_pasid_info>;

/**
 * Cache invalidation, 48 bytes: `cache` is a mask of IOMMU_CACHE_INV_TYPE_*, `granularity` an IOMMU_INV_GRANU_*;
 * IOMMU_INV_GRANU_DOMAIN reads nothing of the union.
 *
 * Source: linux/iommu.h, struct iommu_cache_invalidate_info.
 */
export const iommu_cache_invalidate_info = defineStruct("iommu_cache_invalidate_info", 48, {
  version: u32(0),
  cache: u8(4),
  granularity: u8(5),
  padding: bytes(6, 2),
  pasid_info: member(8, iommu_inv_pasid_info),
  addr_info: member(8, iommu_inv_addr_info),
});
/** Decoded `struct iommu_cache_invalidate_info`, its union as bytes. */
export type iommu_cache_invalidate_info = ValueOf<typeof iommu_cache_invalidate_info>;
