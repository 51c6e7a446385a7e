// CACHE_INVALIDATE as the drivers of the kernel series had it: few checks, the IOTLB done before other caches are refused,
// and on VT-d silence about what its table lacks. VT-d's device TLBs go along with the IOTLB, as there.
// Source: "SMMUv3 Nested Stage Setup" IOMMU part v10 7/13, arm_smmu_cache_invalidate; Linux 5.10
// intel_iommu_sva_invalidate. Not modelled: page counts of 2^31 and above, which overflowed an int there.

import type { IommuDriver } from "../../contract/driver.js";
import { EINVAL } from "../../uapi/errno.js";
import { IOMMU_CACHE_INVALIDATE_INFO_VERSION_1, type iommu_cache_invalidate_info } from "../../uapi/index.js";
import { enforce, type Rule } from "../rules.js";
import {
  type CacheName,
  GRANULARITIES,
  type Granularity,
  SERIES_MATRIX_BY_ARCHID,
  SERIES_MATRIX_BY_PASID,
} from "./matrix.js";
import { cachesOf, invalidationOf, type Judgement } from "./request.js";
import { type Selection, selectionOf } from "./selection.js";

const NOTHING: Judgement = { invalidation: undefined, refusal: undefined };

/** Sizes of the series are of 64 bits. */
const wrapped = (value: bigint): bigint => BigInt.asUintN(64, value);

const VERSION_RULES: readonly Rule<iommu_cache_invalidate_info>[] = [
  [
    EINVAL,
    (i) => i.version !== IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
    (i) => `version expected ${IOMMU_CACHE_INVALIDATE_INFO_VERSION_1}, got ${i.version}`,
  ],
];

/** Of the IOTLB by ASID. */
const ARCHID_RULES: readonly Rule<Selection>[] = [
  [
    EINVAL,
    ({ archid, pasid }) => archid === undefined || pasid !== undefined,
    () => "flags expected ARCHID and not PASID",
  ],
];

/** Judges a call. @throws Refusal EINVAL */
export function judgeBySeries(info: iommu_cache_invalidate_info, driver: IommuDriver): Judgement {
  enforce(VERSION_RULES, info);
  return driver.supports.archid ? judgeByArchid(info, driver) : judgeByPasid(info, driver);
}

function judgeByArchid(info: iommu_cache_invalidate_info, driver: IommuDriver): Judgement {
  // An unknown granularity ends in the default of the same switch that has no DOMAIN.
  const granularity = GRANULARITIES[info.granularity] ?? "domain";
  const { done, refusal } = cachesOf(SERIES_MATRIX_BY_ARCHID, info.cache, granularity);
  if (!done.has("iotlb")) return { invalidation: undefined, refusal };
  const selection = selectionOf(info, granularity);
  enforce(ARCHID_RULES, selection);
  const address = selection.addr;
  const size = wrapped(selection.granuleSize * selection.nbGranules);
  // The loop over granules does not begin when the range is empty or wraps.
  const isEmpty = granularity === "address" && wrapped(address + size) <= address;
  if (isEmpty) return { invalidation: undefined, refusal };
  const caches = new Set<CacheName>(granularity === "pasid" ? ["iotlb", "deviceTlb"] : ["iotlb"]);
  const invalidation = invalidationOf(caches, granularity, selection, { address, size }, driver);
  return { invalidation, refusal };
}

function judgeByPasid(info: iommu_cache_invalidate_info, driver: IommuDriver): Judgement {
  const granularity: Granularity | undefined = GRANULARITIES[info.granularity];
  if (granularity === undefined) return NOTHING;
  const { done, refusal } = cachesOf(SERIES_MATRIX_BY_PASID, info.cache, granularity);
  const selection = selectionOf(info, granularity);
  const caches = done.has("iotlb") ? new Set<CacheName>([...done, "deviceTlb"]) : done;
  const range = granularity === "address" ? alignedBlock(selection) : { address: 0n, size: 0n };
  // Without its flag the PASID is 0, which nothing is bound to.
  const byPasid = { ...selection, pasid: selection.pasid ?? 0n };
  return { invalidation: invalidationOf(caches, granularity, byPasid, range, driver), refusal };
}

/** The naturally aligned power of two of pages that a range is rounded up to; an empty one is a page. */
function alignedBlock({ addr, granuleSize, nbGranules }: Selection): { address: bigint; size: bigint } {
  const pages = wrapped(granuleSize * nbGranules) >> 12n;
  const order = pages <= 1n ? 0 : (pages - 1n).toString(2).length;
  const size = 4096n << BigInt(order);
  return { address: addr & -size, size };
}
