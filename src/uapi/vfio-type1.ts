// The type 1 IOMMU of linux/vfio.h: mappings, what it can do, and the three calls of nesting.
// Source: linux/vfio.h of Linux 5.6-rc3 with the nesting additions of the QEMU series v6, patch 02/24: SET_PASID_TABLE,
// CACHE_INVALIDATE, SET_MSI_BINDING. Guest PASID binding and page response have no ioctl in this header.
//
//   vfio_iommu_type1_set_pasid_table    0 argsz │ 4 flags │ 8 config (iommu_pasid_table_config)          │ 40
//   vfio_iommu_type1_cache_invalidate   0 argsz │ 4 flags │ 8 info (iommu_cache_invalidate_info)         │ 56
//   vfio_iommu_type1_set_msi_binding    0 argsz │ 4 flags │ 8 iova │ 16 gpa │ 24 size                    │ 32

import { defineStruct, type ValueOf } from "./codec.js";
import { iommu_cache_invalidate_info } from "./iommu-invalidate.js";
import { iommu_pasid_table_config } from "./iommu-pasid.js";
import { nested, tail, u32, u64 } from "./layout.js";
import { vfio_info_cap_header } from "./vfio-device.js";

/**
 * Argument of VFIO_IOMMU_GET_INFO, 24 bytes, of which 20..23 are padding: `flags` VFIO_IOMMU_INFO_*, `iova_pgsizes` a
 * mask of page sizes.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_info.
 */
export const vfio_iommu_type1_info = defineStruct("vfio_iommu_type1_info", 24, {
  argsz: u32(0),
  flags: u32(4),
  iova_pgsizes: u64(8),
  cap_offset: u32(16),
});
/** Decoded `struct vfio_iommu_type1_info`. */
export type vfio_iommu_type1_info = ValueOf<typeof vfio_iommu_type1_info>;

/**
 * One range of IOVAs that may be mapped, 16 bytes: `start` to `end`, both included.
 *
 * Source: linux/vfio.h, struct vfio_iova_range.
 */
export const vfio_iova_range = defineStruct("vfio_iova_range", 16, {
  start: u64(0),
  end: u64(8),
});
/** Decoded `struct vfio_iova_range`. */
export type vfio_iova_range = ValueOf<typeof vfio_iova_range>;

/**
 * Capability VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 16 bytes, then `nr_iovas` times vfio_iova_range.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_info_cap_iova_range.
 */
export const vfio_iommu_type1_info_cap_iova_range = defineStruct("vfio_iommu_type1_info_cap_iova_range", 16, {
  header: nested(0, vfio_info_cap_header),
  nr_iovas: u32(8),
  reserved: u32(12),
  iova_ranges: tail(16, vfio_iova_range),
});
/** Decoded `struct vfio_iommu_type1_info_cap_iova_range`, without its ranges. */
export type vfio_iommu_type1_info_cap_iova_range = ValueOf<typeof vfio_iommu_type1_info_cap_iova_range>;

/**
 * Argument of VFIO_IOMMU_MAP_DMA, 32 bytes: `flags` VFIO_DMA_MAP_FLAG_*, `size` bytes at `iova` become those at
 * `vaddr`.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_dma_map.
 */
export const vfio_iommu_type1_dma_map = defineStruct("vfio_iommu_type1_dma_map", 32, {
  argsz: u32(0),
  flags: u32(4),
  vaddr: u64(8),
  iova: u64(16),
  size: u64(24),
});
/** Decoded `struct vfio_iommu_type1_dma_map`. */
export type vfio_iommu_type1_dma_map = ValueOf<typeof vfio_iommu_type1_dma_map>;

/**
 * Argument of VFIO_IOMMU_UNMAP_DMA, 24 bytes: the call writes back in `size` how many bytes it unmapped.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_dma_unmap.
 */
export const vfio_iommu_type1_dma_unmap = defineStruct("vfio_iommu_type1_dma_unmap", 24, {
  argsz: u32(0),
  flags: u32(4),
  iova: u64(8),
  size: u64(16),
});
/** Decoded `struct vfio_iommu_type1_dma_unmap`. */
export type vfio_iommu_type1_dma_unmap = ValueOf<typeof vfio_iommu_type1_dma_unmap>;

/**
 * Argument of VFIO_IOMMU_SET_PASID_TABLE, 40 bytes: `flags` VFIO_PASID_TABLE_FLAG_*, `config` used on SET.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_set_pasid_table.
 */
export const vfio_iommu_type1_set_pasid_table = defineStruct("vfio_iommu_type1_set_pasid_table", 40, {
  argsz: u32(0),
  flags: u32(4),
  config: nested(8, iommu_pasid_table_config),
});
/** Decoded `struct vfio_iommu_type1_set_pasid_table`. */
export type vfio_iommu_type1_set_pasid_table = ValueOf<typeof vfio_iommu_type1_set_pasid_table>;

/**
 * Argument of VFIO_IOMMU_CACHE_INVALIDATE, 56 bytes: no flags are defined.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_cache_invalidate.
 */
export const vfio_iommu_type1_cache_invalidate = defineStruct("vfio_iommu_type1_cache_invalidate", 56, {
  argsz: u32(0),
  flags: u32(4),
  info: nested(8, iommu_cache_invalidate_info),
});
/** Decoded `struct vfio_iommu_type1_cache_invalidate`. */
export type vfio_iommu_type1_cache_invalidate = ValueOf<typeof vfio_iommu_type1_cache_invalidate>;

/**
 * Argument of VFIO_IOMMU_SET_MSI_BINDING, 32 bytes: `flags` VFIO_IOMMU_BIND_MSI or VFIO_IOMMU_UNBIND_MSI; `gpa` and
 * `size` (bytes) used on BIND.
 *
 * Source: linux/vfio.h, struct vfio_iommu_type1_set_msi_binding.
 */
export const vfio_iommu_type1_set_msi_binding = defineStruct("vfio_iommu_type1_set_msi_binding", 32, {
  argsz: u32(0),
  flags: u32(4),
  iova: u64(8),
  gpa: u64(16),
  size: u64(24),
});
/** Decoded `struct vfio_iommu_type1_set_msi_binding`. */
export type vfio_iommu_type1_set_msi_binding = ValueOf<typeof vfio_iommu_type1_set_msi_binding>;
