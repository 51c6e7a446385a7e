// A CACHE_INVALIDATE, judged: what the driver shall do, and whether the call fails all the same. Shared by the two ways of
// judging, header-contract.ts and series.ts.

import type { Invalidation, IommuDriver } from "../../contract/driver.js";
import { Refusal } from "../../contract/refusal.js";
import { EINVAL, ENOENT } from "../../uapi/errno.js";
import { CACHES, type CacheName, type Granularity, type Matrix } from "./matrix.js";
import type { Selection } from "./selection.js";

/** A call that was judged. */
export interface Judgement {
  /** For the driver; absent when there is nothing to invalidate. */
  readonly invalidation: Invalidation | undefined;
  /** What the call ends in afterwards. */
  readonly refusal: Refusal | undefined;
}

/** Which caches are invalidated. */
export interface Caches {
  readonly done: ReadonlySet<CacheName>;
  /** ENOENT for those that are not, if the table says so. */
  readonly refusal: Refusal | undefined;
}

/** PASIDs there are. */
const PASIDS = 1n << 20n;

/** @throws Refusal EINVAL where the table has it */
export function cachesOf(matrix: Matrix, mask: number, granularity: Granularity): Caches {
  const done = new Set<CacheName>();
  let refusal: Refusal | undefined;
  for (const { bit, name } of CACHES) {
    if ((mask & bit) === 0) continue;
    const cell = matrix[name][granularity];
    if (cell === "left") break;
    if (cell === "EINVAL") throw new Refusal(EINVAL, `${name} cannot be invalidated by ${granularity}`);
    if (cell === "ENOENT") refusal = new Refusal(ENOENT, `${name} cannot be invalidated`);
    else done.add(name);
  }
  return { done, refusal };
}

/**
 * What the driver gets. A PASID that cannot exist has nothing cached under it; what an ARCHID selects besides is done.
 *
 * @param range first address and bytes, of ADDR only
 * @returns absent when nothing is left to do
 */
export function invalidationOf(
  done: ReadonlySet<CacheName>,
  granularity: Granularity,
  selection: Selection,
  range: { readonly address: bigint; readonly size: bigint },
  { supports }: IommuDriver,
): Invalidation | undefined {
  const archid = supports.archid ? selection.archid : undefined;
  const isPasidPossible = selection.pasid === undefined || selection.pasid < PASIDS;
  const iotlb = done.has("iotlb") && (isPasidPossible || archid !== undefined);
  const deviceTlb = done.has("deviceTlb") && isPasidPossible;
  const pasidCache = done.has("pasidCache") && isPasidPossible;
  if (!iotlb && !deviceTlb && !pasidCache) return undefined;
  return {
    iotlb,
    deviceTlb,
    pasidCache,
    granularity,
    ...(selection.pasid !== undefined && isPasidPossible && { pasid: Number(selection.pasid) }),
    ...(archid !== undefined && { archid }),
    leaf: selection.leaf,
    ...range,
  };
}
