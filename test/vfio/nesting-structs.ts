// Arguments of the three calls of nesting, written by hand.

import { fields, followedBy, hex } from "./bytes.js";

/** struct vfio_iommu_type1_set_pasid_table: TRANSLATE of one CD at 0x10000. */
export const TABLE =
  "28000000 01000000  01000000 01000000 0000010000000000 00 01 000000000000  01000000 00 00 0000";
/** struct vfio_iommu_type1_cache_invalidate: IOTLB, DOMAIN. */
export const INVALIDATE = `38000000 00000000  01000000 01 00 0000 ${"00".repeat(40)}`;
/** struct vfio_iommu_type1_set_msi_binding: BIND 0x8000000 to gpa 0x8080000, one page. */
export const BIND = "20000000 01000000 0000000800000000 0000080800000000 0010000000000000";
export const UNBIND = "20000000 02000000 0000000800000000 0000000000000000 0010000000000000";

/** A struct with its first two fields replaced. */
export const withHead = (text: string | Uint8Array, argsz: number, flags: number): Uint8Array =>
  followedBy(fields(argsz, flags), (typeof text === "string" ? hex(text) : text).subarray(8));
