// Which cache can be invalidated by which granularity: the table of linux/iommu.h (comment of struct
// iommu_cache_invalidate_info), and what two drivers did instead.
// Sources: linux/iommu.h; "SMMUv3 Nested Stage Setup" IOMMU part v10 7/13; Linux 5.10 inv_type_granu_table.

import {
  IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
  IOMMU_CACHE_INV_TYPE_IOTLB,
  IOMMU_CACHE_INV_TYPE_PASID,
} from "../../uapi/index.js";

/** The caches in the order of their bits, which is the order in which they are looked at. */
export const CACHES = [
  { bit: IOMMU_CACHE_INV_TYPE_IOTLB, name: "iotlb" },
  { bit: IOMMU_CACHE_INV_TYPE_DEV_IOTLB, name: "deviceTlb" },
  { bit: IOMMU_CACHE_INV_TYPE_PASID, name: "pasidCache" },
] as const;

/** A cache of CACHES. */
export type CacheName = (typeof CACHES)[number]["name"];

/** IOMMU_INV_GRANU_* → name: DOMAIN, PASID, ADDR. */
export const GRANULARITIES = ["domain", "pasid", "address"] as const;

/** A granularity of GRANULARITIES. */
export type Granularity = (typeof GRANULARITIES)[number];

/** What becomes of one cache at one granularity. */
export type Cell =
  /** Invalidated. */
  | "done"
  /** The call is refused, and no cache is touched. */
  | "EINVAL"
  /** The call fails, but what other caches allow is done. */
  | "ENOENT"
  /** Left alone with all caches that follow, and no error. */
  | "left";

/** Cells by cache and granularity. */
export type Matrix = Readonly<Record<CacheName, Readonly<Record<Granularity, Cell>>>>;

/** The header's table. */
export const HEADER_MATRIX: Matrix = {
  iotlb: { domain: "done", pasid: "done", address: "done" },
  deviceTlb: { domain: "EINVAL", pasid: "done", address: "done" },
  pasidCache: { domain: "done", pasid: "done", address: "EINVAL" },
};

/** The v10 series, for an IOMMU that tags by address space (SMMUv3). */
export const SERIES_MATRIX_BY_ARCHID: Matrix = {
  iotlb: { domain: "EINVAL", pasid: "done", address: "done" },
  deviceTlb: { domain: "ENOENT", pasid: "ENOENT", address: "ENOENT" },
  pasidCache: { domain: "ENOENT", pasid: "ENOENT", address: "ENOENT" },
};

/** Its VT-d half, for an IOMMU that tags by PASID. */
export const SERIES_MATRIX_BY_PASID: Matrix = {
  iotlb: { domain: "left", pasid: "done", address: "done" },
  deviceTlb: { domain: "left", pasid: "left", address: "done" },
  pasidCache: { domain: "left", pasid: "left", address: "left" },
};
