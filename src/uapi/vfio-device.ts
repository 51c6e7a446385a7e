// Groups and devices of linux/vfio.h: status, regions, irqs, and the header page of the DMA-fault region.
// Source: linux/vfio.h of Linux 5.6-rc3 with the nesting additions of the QEMU series v6, patch 02/24: the fault
// region, its capability, the irq type capability, and vfio_irq_info.cap_offset (a caller may still give argsz 16).
// Capabilities follow the fixed struct; cap_offset and vfio_info_cap_header.next count from the start of that struct.
//
//   vfio_region_dma_fault   0      4            8            12       16     20
//                           │ tail │ entry_size │ nb_entries │ offset │ head │   the consumer writes tail, nothing else

import { defineStruct, type ValueOf } from "./codec.js";
import { nested, tail, u16, u32, u64 } from "./layout.js";

/**
 * Header of every capability, 8 bytes: `next` is the offset of the next one, 0 at the end of the chain.
 *
 * Source: linux/vfio.h, struct vfio_info_cap_header.
 */
export const vfio_info_cap_header = defineStruct("vfio_info_cap_header", 8, {
  id: u16(0),
  version: u16(2),
  next: u32(4),
});
/** Decoded `struct vfio_info_cap_header`. */
export type vfio_info_cap_header = ValueOf<typeof vfio_info_cap_header>;

/**
 * Argument of VFIO_GROUP_GET_STATUS, 8 bytes: `flags` VFIO_GROUP_FLAGS_*.
 *
 * Source: linux/vfio.h, struct vfio_group_status.
 */
export const vfio_group_status = defineStruct("vfio_group_status", 8, {
  argsz: u32(0),
  flags: u32(4),
});
/** Decoded `struct vfio_group_status`. */
export type vfio_group_status = ValueOf<typeof vfio_group_status>;

/**
 * Argument of VFIO_DEVICE_GET_INFO, 16 bytes: `flags` VFIO_DEVICE_FLAGS_*.
 *
 * Source: linux/vfio.h, struct vfio_device_info.
 */
export const vfio_device_info = defineStruct("vfio_device_info", 16, {
  argsz: u32(0),
  flags: u32(4),
  num_regions: u32(8),
  num_irqs: u32(12),
});
/** Decoded `struct vfio_device_info`. */
export type vfio_device_info = ValueOf<typeof vfio_device_info>;

/**
 * Argument of VFIO_DEVICE_GET_REGION_INFO, 32 bytes: `flags` VFIO_REGION_INFO_FLAG_*, `offset` the place of the
 * region in the device's file.
 *
 * Source: linux/vfio.h, struct vfio_region_info.
 */
export const vfio_region_info = defineStruct("vfio_region_info", 32, {
  argsz: u32(0),
  flags: u32(4),
  index: u32(8),
  cap_offset: u32(12),
  size: u64(16),
  offset: u64(24),
});
/** Decoded `struct vfio_region_info`. */
export type vfio_region_info = ValueOf<typeof vfio_region_info>;

/**
 * Capability VFIO_REGION_INFO_CAP_TYPE, 16 bytes: which device-specific region this is.
 *
 * Source: linux/vfio.h, struct vfio_region_info_cap_type.
 */
export const vfio_region_info_cap_type = defineStruct("vfio_region_info_cap_type", 16, {
  header: nested(0, vfio_info_cap_header),
  type: u32(8),
  subtype: u32(12),
});
/** Decoded `struct vfio_region_info_cap_type`. */
export type vfio_region_info_cap_type = ValueOf<typeof vfio_region_info_cap_type>;

/**
 * One area of a region that may be mapped, 16 bytes: bytes from the start of the region.
 *
 * Source: linux/vfio.h, struct vfio_region_sparse_mmap_area.
 */
export const vfio_region_sparse_mmap_area = defineStruct("vfio_region_sparse_mmap_area", 16, {
  offset: u64(0),
  size: u64(8),
});
/** Decoded `struct vfio_region_sparse_mmap_area`. */
export type vfio_region_sparse_mmap_area = ValueOf<typeof vfio_region_sparse_mmap_area>;

/**
 * Capability VFIO_REGION_INFO_CAP_SPARSE_MMAP, 16 bytes, then `nr_areas` times vfio_region_sparse_mmap_area.
 *
 * Source: linux/vfio.h, struct vfio_region_info_cap_sparse_mmap.
 */
export const vfio_region_info_cap_sparse_mmap = defineStruct("vfio_region_info_cap_sparse_mmap", 16, {
  header: nested(0, vfio_info_cap_header),
  nr_areas: u32(8),
  reserved: u32(12),
  areas: tail(16, vfio_region_sparse_mmap_area),
});
/** Decoded `struct vfio_region_info_cap_sparse_mmap`, without its areas. */
export type vfio_region_info_cap_sparse_mmap = ValueOf<typeof vfio_region_info_cap_sparse_mmap>;

/**
 * Capability VFIO_REGION_INFO_CAP_DMA_FAULT, 12 bytes: `version` of the fault region's layout.
 *
 * Source: linux/vfio.h, struct vfio_region_info_cap_fault.
 */
export const vfio_region_info_cap_fault = defineStruct("vfio_region_info_cap_fault", 12, {
  header: nested(0, vfio_info_cap_header),
  version: u32(8),
});
/** Decoded `struct vfio_region_info_cap_fault`. */
export type vfio_region_info_cap_fault = ValueOf<typeof vfio_region_info_cap_fault>;

/**
 * Start of the DMA-fault region, 20 bytes: a ring of `nb_entries` times `entry_size` bytes at `offset`; the kernel
 * fills at `head`, the consumer takes at `tail`. No ioctl takes it.
 *
 * Source: linux/vfio.h, struct vfio_region_dma_fault.
 */
export const vfio_region_dma_fault = defineStruct("vfio_region_dma_fault", 20, {
  tail: u32(0),
  entry_size: u32(4),
  nb_entries: u32(8),
  offset: u32(12),
  head: u32(16),
});
/** Decoded `struct vfio_region_dma_fault`. */
export type vfio_region_dma_fault = ValueOf<typeof vfio_region_dma_fault>;

/**
 * Argument of VFIO_DEVICE_GET_IRQ_INFO, 20 bytes: `flags` VFIO_IRQ_INFO_*. `cap_offset` is new: the kernel asks for
 * 16 bytes (`endOf("count")`).
 *
 * Source: linux/vfio.h, struct vfio_irq_info.
 */
export const vfio_irq_info = defineStruct("vfio_irq_info", 20, {
  argsz: u32(0),
  flags: u32(4),
  index: u32(8),
  count: u32(12),
  cap_offset: u32(16),
});
/** Decoded `struct vfio_irq_info`. */
export type vfio_irq_info = ValueOf<typeof vfio_irq_info>;

/**
 * Capability VFIO_IRQ_INFO_CAP_TYPE, 16 bytes: which device-specific irq this is.
 *
 * Source: linux/vfio.h, struct vfio_irq_info_cap_type.
 */
export const vfio_irq_info_cap_type = defineStruct("vfio_irq_info_cap_type", 16, {
  header: nested(0, vfio_info_cap_header),
  type: u32(8),
  subtype: u32(12),
});
/** Decoded `struct vfio_irq_info_cap_type`. */
export type vfio_irq_info_cap_type = ValueOf<typeof vfio_irq_info_cap_type>;

/**
 * Argument of VFIO_DEVICE_SET_IRQS, 20 bytes, then its data: nothing, a byte or an int32 an irq, by `flags`
 * (VFIO_IRQ_SET_*).
 *
 * Source: linux/vfio.h, struct vfio_irq_set.
 */
export const vfio_irq_set = defineStruct("vfio_irq_set", 20, {
  argsz: u32(0),
  flags: u32(4),
  index: u32(8),
  start: u32(12),
  count: u32(16),
  data: tail(20, 1),
});
/** Decoded `struct vfio_irq_set`, without its data. */
export type vfio_irq_set = ValueOf<typeof vfio_irq_set>;
