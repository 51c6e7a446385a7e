// What the caches of a core hold, entry by entry: for people, tests and pictures. Reads the arena, changes nothing.
// Layouts: assembly/tlb/set-associative.ts and walk-cache.ts.

import type { Core } from "../core/core.js";
import * as A from "../spec/abi/core.js";

/** Of a tag word: the address bits, and the 18 bits of the space. */
const ADDRESS_MASK = 0x000f_ffff_ffff_f000n;
const ID_LIVE = 0x8000_0000;

/** The contents of a set-associative cache; one element of each array an entry, set by set, way by way. */
export interface TlbContents {
  readonly sets: number;
  readonly ways: number;
  /**
   * Number of the translation space (what VMID, ASID and tables together name) that the entry belongs to, 1..2^18-1; 0 where
   * there is none, or one that an invalidation has ended.
   */
  readonly space: Uint32Array;
  /** Log2 of the bytes that the entry covers. */
  readonly leafLg2: Uint8Array;
  /** First input address that it covers, low 52 bits. */
  readonly input: BigUint64Array;
  /** First output address. */
  readonly output: BigUint64Array;
}

/** One table pointer of a walk cache. */
export interface CachedTable {
  readonly slot: number;
  readonly space: number;
  /** First input address whose descriptors it holds, and log2 of the bytes that they cover. */
  readonly input: bigint;
  readonly coversLg2: number;
  /** Where the first of these descriptors is, as the stage sees it. */
  readonly address: bigint;
}

/** What the caches hold; a cache that is off is absent. */
export interface CacheContents {
  readonly iotlb?: TlbContents;
  /** IPA to PA, for nested walks. */
  readonly stage2Tlb?: TlbContents;
  readonly stage1Tables?: readonly CachedTable[];
  readonly stage2Tables?: readonly CachedTable[];
}

/** Everything that the caches of `core` hold now. */
export function inspectCaches(core: Core): CacheContents {
  const live = liveIds(core);
  const tlb = (header: number): TlbContents | undefined =>
    core.part(header) === 0 ? undefined : inspectTlb(core, core.part(header), live);
  const tables = (header: number, mask: number): CachedTable[] | undefined =>
    core.part(header) === 0 ? undefined : inspectTables(core, core.part(header), core.part(mask) + 1, live);
  const iotlb = tlb(A.HDR_IOTLB);
  const stage2Tlb = tlb(A.HDR_STAGE2_TLB);
  const stage1Tables = tables(A.HDR_WALK_CACHE_1, A.HDR_WALK_CACHE_1_MASK);
  const stage2Tables = tables(A.HDR_WALK_CACHE_2, A.HDR_WALK_CACHE_2_MASK);
  return {
    ...(iotlb && { iotlb }),
    ...(stage2Tlb && { stage2Tlb }),
    ...(stage1Tables && { stage1Tables }),
    ...(stage2Tables && { stage2Tables }),
  };
}

type IsLive = (id: number) => boolean;

function liveIds(core: Core): IsLive {
  const at = core.part(A.HDR_IDS) / 4;
  return (id) => ((core.u32[at + id] ?? 0) & ID_LIVE) !== 0;
}

/** The number of the space in a tag word: 63:52 and 11:6. */
function spaceOf(tag: bigint, isLive: IsLive): number {
  const id = Number(((tag >> 52n) << 6n) | ((tag >> 6n) & 0x3fn));
  return id !== 0 && isLive(id) ? id : 0;
}

function inspectTlb(core: Core, descriptor: number, isLive: IsLive): TlbContents {
  const word = (offset: number): number => core.u32[(descriptor + offset) / 4] ?? 0;
  const sets = word(A.TLB_SETS);
  const ways = word(A.TLB_WAYS);
  const base = word(A.TLB_BASE) / 8;
  const count = sets * ways;
  const contents = {
    sets,
    ways,
    space: new Uint32Array(count),
    leafLg2: new Uint8Array(count),
    input: new BigUint64Array(count),
    output: new BigUint64Array(count),
  };
  for (let entry = 0; entry < count; ++entry) {
    // A set is its tags and then its data words.
    const at = base + Math.floor(entry / ways) * ways * 2 + (entry % ways);
    const tag = core.u64[at] ?? 0n;
    const space = spaceOf(tag, isLive);
    if (space === 0) continue;
    const input = tag & ADDRESS_MASK;
    contents.space[entry] = space;
    contents.leafLg2[entry] = Number(tag & 63n);
    contents.input[entry] = input;
    contents.output[entry] = (input + ((core.u64[at + ways] ?? 0n) & ADDRESS_MASK)) & ((1n << 52n) - 1n);
  }
  return contents;
}

function inspectTables(core: Core, base: number, count: number, isLive: IsLive): CachedTable[] {
  const found: CachedTable[] = [];
  for (let slot = 0; slot < count; ++slot) {
    const at = (base + slot * A.WALK_ENTRY_SIZE) / 8;
    const tag = core.u64[at] ?? 0n;
    const space = spaceOf(tag, isLive);
    if (space === 0) continue;
    found.push({
      slot,
      space,
      input: tag & ADDRESS_MASK,
      coversLg2: Number(tag & 63n),
      address: core.u64[at + 2] ?? 0n,
    });
  }
  return found;
}
