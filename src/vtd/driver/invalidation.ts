// Descriptors for what a guest invalidates (CACHE_INVALIDATE), for what an unmap leaves behind, and for PASID entries
// that are gone. How many there are is bounded, whatever the range: beyond the bound more is dropped than was asked for.
// Source: struct iommu_cache_invalidate_info; Intel VT-d Rev 5.10, sections 6.5.2 and 6.5.2.12 (order), Tables 23, 24.

import type { Invalidation } from "../../contract/driver.js";
import { blocksOf } from "./blocks.js";
import {
  type Descriptor,
  iotlbOfBlock,
  iotlbOfDomain,
  pasidCacheOf,
  pasidCacheOfDomain,
  pasidIotlb,
  pasidIotlbOfBlock,
} from "./descriptor.js";
import type { DomainIds, TaggedPasid } from "./domain-ids.js";

/** Descriptors of one kind that one call may take. */
const MOST = 64;
/** A PASID-based invalidation takes any block. */
const ANY_BLOCK_LG2 = 64;

/**
 * The descriptors for what an invalidation asks of the unit's own caches.
 *
 * @param request what the guest asks for; its PASID is the host's
 * @param ids the domain's
 * @returns the descriptors in order, none where nothing is bound
 */
export function invalidationDescriptors(request: Invalidation, ids: DomainIds): Descriptor[] {
  const bound = ids.bound(request.granularity === "domain" ? undefined : request.pasid);
  if (bound.length === 0) return [];
  return [
    ...(request.pasidCache ? pasidCacheDescriptors(request, ids, bound) : []),
    ...(request.iotlb ? iotlbDescriptors(request, ids, bound) : []),
  ];
}

function pasidCacheDescriptors(
  { granularity }: Invalidation,
  ids: DomainIds,
  bound: TaggedPasid[],
): Descriptor[] {
  if (granularity === "domain") return ids.all.map(pasidCacheOfDomain);
  return bound.map(({ did, pasid }) => pasidCacheOf(did, pasid));
}

function iotlbDescriptors(request: Invalidation, ids: DomainIds, bound: TaggedPasid[]): Descriptor[] {
  const { granularity, address, size, leaf } = request;
  if (bound.length > MOST) return ids.all.map(iotlbOfDomain);
  const most = Math.floor(MOST / bound.length);
  const blocks =
    granularity === "address" ? blocksOf(address, address + size, ANY_BLOCK_LG2, most) : undefined;
  if (blocks === undefined) return bound.map(({ did, pasid }) => pasidIotlb(did, pasid));
  return bound.flatMap(({ did, pasid }) => blocks.map((block) => pasidIotlbOfBlock(did, pasid, block, leaf)));
}

/**
 * The descriptors for second-stage mappings that are gone: nested translations through them go, too (Table 23).
 *
 * @param iova first address
 * @param size bytes, at least 1
 * @param ids the domain's
 * @param largestBlockLg2 log2 of the largest block of a page-selective invalidation; absent: there is none
 */
export function unmapDescriptors(
  iova: bigint,
  size: bigint,
  ids: DomainIds,
  largestBlockLg2: number | undefined,
): Descriptor[] {
  const dids = ids.all;
  const most = Math.floor(MOST / dids.length);
  const blocks =
    largestBlockLg2 === undefined ? undefined : blocksOf(iova, iova + size, largestBlockLg2, most);
  return dids.flatMap((did) => blocks?.map((block) => iotlbOfBlock(did, block)) ?? [iotlbOfDomain(did)]);
}

/** The descriptors for the PASID entry of a guest's first stage that is gone. */
export function unboundDescriptors({ did, pasid }: TaggedPasid): Descriptor[] {
  return [pasidCacheOf(did, pasid), pasidIotlb(did, pasid)];
}
