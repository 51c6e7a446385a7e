// What a CACHE_INVALIDATE selects: the member of the union that its granularity names, and what no granularity names as
// zeros. DOMAIN reads nothing of the union, PASID its first 16 bytes.
// Source: linux/iommu.h, struct iommu_inv_pasid_info and iommu_inv_addr_info.

import {
  IOMMU_INV_ADDR_FLAGS_ARCHID,
  IOMMU_INV_ADDR_FLAGS_LEAF,
  IOMMU_INV_ADDR_FLAGS_PASID,
  IOMMU_INV_PASID_FLAGS_ARCHID,
  IOMMU_INV_PASID_FLAGS_PASID,
  iommu_cache_invalidate_info,
} from "../../uapi/index.js";
import type { Granularity } from "./matrix.js";

/** A selection, flags apart. */
export interface Selection {
  /** Flag bits that the member does not define. */
  readonly unknownFlags: number;
  /** Value of the PASID field, where its flag is set. */
  readonly pasid: bigint | undefined;
  /** Value of the ARCHID field, where its flag is set. */
  readonly archid: number | undefined;
  readonly leaf: boolean;
  readonly addr: bigint;
  readonly granuleSize: bigint;
  readonly nbGranules: bigint;
}

const EVERYTHING: Selection = {
  unknownFlags: 0,
  pasid: undefined,
  archid: undefined,
  leaf: false,
  addr: 0n,
  granuleSize: 0n,
  nbGranules: 0n,
};

const PASID_FLAGS = IOMMU_INV_PASID_FLAGS_PASID | IOMMU_INV_PASID_FLAGS_ARCHID;
const ADDR_FLAGS = IOMMU_INV_ADDR_FLAGS_PASID | IOMMU_INV_ADDR_FLAGS_ARCHID | IOMMU_INV_ADDR_FLAGS_LEAF;

/** Reads the union as a granularity has it. */
export function selectionOf(info: iommu_cache_invalidate_info, granularity: Granularity): Selection {
  if (granularity === "pasid") {
    const { flags, pasid, archid } = iommu_cache_invalidate_info.member(info, "pasid_info");
    return {
      ...EVERYTHING,
      unknownFlags: flags & ~PASID_FLAGS,
      pasid: flags & IOMMU_INV_PASID_FLAGS_PASID ? pasid : undefined,
      archid: flags & IOMMU_INV_PASID_FLAGS_ARCHID ? archid : undefined,
    };
  }
  if (granularity === "address") {
    const member = iommu_cache_invalidate_info.member(info, "addr_info");
    const { flags } = member;
    return {
      unknownFlags: flags & ~ADDR_FLAGS,
      pasid: flags & IOMMU_INV_ADDR_FLAGS_PASID ? member.pasid : undefined,
      archid: flags & IOMMU_INV_ADDR_FLAGS_ARCHID ? member.archid : undefined,
      leaf: (flags & IOMMU_INV_ADDR_FLAGS_LEAF) !== 0,
      addr: member.addr,
      granuleSize: member.granule_size,
      nbGranules: member.nb_granules,
    };
  }
  return EVERYTHING;
}
