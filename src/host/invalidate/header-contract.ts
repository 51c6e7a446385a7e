// CACHE_INVALIDATE as the header documents it: every field is looked at, and a call that is refused has invalidated
// nothing, also when only one of several caches cannot do it.
// Source: linux/iommu.h, comments of struct iommu_cache_invalidate_info and its members; SMMUv3 selects by ASID (ARCHID),
// VT-d by PASID, where ARCHID alone says nothing.

import type { IommuDriver } from "../../contract/driver.js";
import { EINVAL } from "../../uapi/errno.js";
import {
  IOMMU_CACHE_INV_TYPE_NR,
  IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
  type iommu_cache_invalidate_info,
} from "../../uapi/index.js";
import { enforce, hex, isPowerOfTwo, isZero, type Rule } from "../rules.js";
import { GRANULARITIES, type Granularity, HEADER_MATRIX } from "./matrix.js";
import { cachesOf, invalidationOf, type Judgement } from "./request.js";
import { type Selection, selectionOf } from "./selection.js";

const INFO_RULES: readonly Rule<iommu_cache_invalidate_info>[] = [
  [
    EINVAL,
    (i) => i.version !== IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
    (i) => `version expected ${IOMMU_CACHE_INVALIDATE_INFO_VERSION_1}, got ${i.version}`,
  ],
  [
    EINVAL,
    (i) => i.cache === 0 || i.cache >> IOMMU_CACHE_INV_TYPE_NR !== 0,
    (i) => `cache expected 1..7, got ${i.cache}`,
  ],
  [
    EINVAL,
    (i) => GRANULARITIES[i.granularity] === undefined,
    (i) => `granularity expected 0..2, got ${i.granularity}`,
  ],
  [EINVAL, (i) => !isZero(i.padding), () => "padding expected zeros"],
];

interface Call {
  readonly granularity: Granularity;
  readonly selection: Selection;
  /** PASID and ARCHID select; otherwise PASID alone. */
  readonly byArchid: boolean;
  /** The smallest page. */
  readonly smallest: bigint;
}

const SELECTION_RULES: readonly Rule<Call>[] = [
  [
    EINVAL,
    ({ selection }) => selection.unknownFlags !== 0,
    ({ selection }) => `flags expected without ${hex(selection.unknownFlags >>> 0)}`,
  ],
  [
    EINVAL,
    ({ granularity, selection: { pasid, archid } }) =>
      granularity === "pasid" && pasid === undefined && archid === undefined,
    () => "flags expected PASID or ARCHID at granularity PASID, got neither",
  ],
  [
    EINVAL,
    ({ byArchid, selection: { pasid, archid } }) => !byArchid && pasid === undefined && archid !== undefined,
    () => "flags expected PASID, got ARCHID alone, which selects nothing on this IOMMU",
  ],
];

const RANGE_RULES: readonly Rule<Call>[] = [
  [
    EINVAL,
    ({ selection, smallest }) => !isPowerOfTwo(selection.granuleSize) || selection.granuleSize < smallest,
    ({ selection, smallest }) =>
      `granule_size expected a power of two of at least ${smallest}, got ${hex(selection.granuleSize)}`,
  ],
  [EINVAL, ({ selection }) => selection.nbGranules === 0n, () => "nb_granules expected at least 1, got 0"],
  [
    EINVAL,
    ({ selection: { addr, granuleSize, nbGranules } }) => addr + granuleSize * nbGranules > 1n << 64n,
    ({ selection: { addr, granuleSize, nbGranules } }) =>
      `addr ${hex(addr)} + ${nbGranules} granules of ${hex(granuleSize)} wraps`,
  ],
];

/** Judges a call. @throws Refusal EINVAL */
export function judgeByHeader(info: iommu_cache_invalidate_info, driver: IommuDriver): Judgement {
  enforce(INFO_RULES, info);
  const granularity = GRANULARITIES[info.granularity]!;
  const { done, refusal } = cachesOf(HEADER_MATRIX, info.cache, granularity);
  const selection = selectionOf(info, granularity);
  const { pageSizes, supports } = driver;
  const call: Call = { granularity, selection, byArchid: supports.archid, smallest: pageSizes & -pageSizes };
  enforce(SELECTION_RULES, call);
  if (granularity === "address") enforce(RANGE_RULES, call);
  const range = { address: selection.addr, size: selection.granuleSize * selection.nbGranules };
  return { invalidation: invalidationOf(done, granularity, selection, range, driver), refusal };
}
