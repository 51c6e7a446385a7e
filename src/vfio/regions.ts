// Regions of a device file: which there are, what GET_REGION_INFO says of them, and where in the file they lie.
// Source: Linux 5.10, drivers/vfio/pci/vfio_pci.c and vfio_pci_private.h (VFIO_PCI_OFFSET_SHIFT 40); kernel series
// "SMMUv3 Nested Stage Setup (VFIO part)" v10, 4/11, for the DMA-fault region.
// Not modelled: BARs, ROM and configuration space (absent: size 0); without VGA its index is no region, as in Linux.

import { Refusal } from "../contract/refusal.js";
import { EINVAL } from "../uapi/errno.js";
import {
  VFIO_PCI_NUM_REGIONS,
  VFIO_PCI_VGA_REGION_INDEX,
  VFIO_REGION_INFO_CAP_DMA_FAULT,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP,
  VFIO_REGION_INFO_CAP_TYPE,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT,
  VFIO_REGION_TYPE_NESTED,
  vfio_region_info_cap_fault,
  vfio_region_info_cap_sparse_mmap,
  vfio_region_info_cap_type,
  vfio_region_sparse_mmap_area,
} from "../uapi/index.js";

/** First device-specific region: the DMA-fault region, where there is one. */
export const FAULT_REGION_INDEX = VFIO_PCI_NUM_REGIONS;

/** A header page, then 512 entries of 64 bytes. */
const FAULT_REGION_SIZE = 36864n;
const FAULT_RING_OFFSET = 4096n;
/** Version of the layout of the fault region. */
const FAULT_REGION_VERSION = 1;
/** A region's index is bits 63:40 of its place in the file. */
const REGION_SPAN = 2 ** 40;

/** What GET_REGION_INFO says of a region. */
export interface RegionInfo {
  /** VFIO_REGION_INFO_FLAG_*, without CAPS. */
  readonly flags: number;
  /** Bytes. */
  readonly size: bigint;
  /** Capabilities, encoded, each with `next` 0. */
  readonly capabilities: readonly Uint8Array[];
}

const ABSENT: RegionInfo = { flags: 0, size: 0n, capabilities: [] };

const header = (id: number) => ({ id, version: 1, next: 0 });

/** Only the ring may be mapped: one area, behind the header page. */
function sparseMmap(): Uint8Array {
  const { size } = vfio_region_info_cap_sparse_mmap;
  const bytes = new Uint8Array(size + vfio_region_sparse_mmap_area.size);
  const area = { offset: FAULT_RING_OFFSET, size: FAULT_REGION_SIZE - FAULT_RING_OFFSET };
  vfio_region_info_cap_sparse_mmap.encodeInto(bytes, 0, {
    header: header(VFIO_REGION_INFO_CAP_SPARSE_MMAP),
    nr_areas: 1,
    reserved: 0,
  });
  vfio_region_sparse_mmap_area.encodeInto(bytes, size, area);
  return bytes;
}

const FAULT_REGION: RegionInfo = {
  flags: VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP,
  size: FAULT_REGION_SIZE,
  capabilities: [
    vfio_region_info_cap_type.encode({
      header: header(VFIO_REGION_INFO_CAP_TYPE),
      type: VFIO_REGION_TYPE_NESTED,
      subtype: VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT,
    }),
    sparseMmap(),
    vfio_region_info_cap_fault.encode({
      header: header(VFIO_REGION_INFO_CAP_DMA_FAULT),
      version: FAULT_REGION_VERSION,
    }),
  ],
};

/** Regions of a device with or without a DMA-fault region. */
export function regionCount(hasFaultRegion: boolean): number {
  return hasFaultRegion ? FAULT_REGION_INDEX + 1 : FAULT_REGION_INDEX;
}

/** What GET_REGION_INFO says of a region. @throws Refusal EINVAL when there is no such region */
export function regionInfo(index: number, hasFaultRegion: boolean): RegionInfo {
  if (index >= regionCount(hasFaultRegion)) {
    throw new Refusal(EINVAL, `"index" expected less than ${regionCount(hasFaultRegion)}, got ${index}`);
  }
  if (index === FAULT_REGION_INDEX) return FAULT_REGION;
  if (index === VFIO_PCI_VGA_REGION_INDEX) throw new Refusal(EINVAL, "the device has no VGA region");
  return ABSENT;
}

/** Where a region lies in the device's file. */
export function regionOffset(index: number): bigint {
  return BigInt(index) * BigInt(REGION_SPAN);
}

/**
 * The region at a place in the device's file.
 *
 * @param position byte position in the file, 0..2^53-1
 * @returns index of the region and byte offset in it
 * @throws TypeError when it is no number; RangeError when it is no integer in range
 */
export function regionAt(position: number): { index: number; offset: number } {
  if (typeof position !== "number") {
    throw new TypeError(`"position" expected number in 0..2^53-1, got ${typeof position}`);
  }
  if (!Number.isSafeInteger(position) || position < 0) {
    throw new RangeError(`"position" expected integer in 0..2^53-1, got ${position}`);
  }
  return { index: Math.floor(position / REGION_SPAN), offset: position % REGION_SPAN };
}
