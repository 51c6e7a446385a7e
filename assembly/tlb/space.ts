// Translation spaces: what the tags of the architecture (StreamWorld, VMID, ASID or global, table half)
// and the walk configuration together name. All entries of a space share one dense id (ids.ts).
// Two contexts share a space, and so TLB entries, when their tags AND everything their walks depend on
// are equal: a cached answer is then always an answer that the walk of this context could have given.
//
//  0 idBits u64 | 8 root u64 | 16 walk config u64 | 24 IOTLB sizes u32 | 28 stage-2 TLB sizes u32 (bit lg2 - 12)
// 32 stage-2 space u32 | 36 global space u32 | 40 references u32 | 44 first context u32 | 48 asid u32
// 52 next by asid u32 | 56 next by vmid u32 | 60 vmid u16 | 62 kind and flags u8 | 63 walk-cache sizes u8 (bit lg2 / 8)

import { CNT_EVICTED, CNT_INVALIDATED, SPACE_SIZE } from "../../src/spec/abi/core";
import { Arena, countBy } from "../mem/arena";
import { granuleLg2Of, WALK_UPPER_HALF } from "../pt/config";
import { Ids, idBits, idOf } from "./ids";

export const SPACE_ID_BITS: usize = 0;
export const SPACE_ROOT: usize = 8;
export const SPACE_CONFIG: usize = 16;
export const SPACE_SIZES: usize = 24;
export const SPACE_STAGE2_SIZES: usize = 28;
export const SPACE_STAGE2: usize = 32;
export const SPACE_GLOBAL: usize = 36;
const SPACE_REFS: usize = 40;
export const SPACE_CONTEXTS: usize = 44;
export const SPACE_ASID: usize = 48;
export const SPACE_NEXT_ASID: usize = 52;
export const SPACE_NEXT_VMID: usize = 56;
const SPACE_VMID: usize = 60;
const SPACE_KIND: usize = 62;
const SPACE_WALK_SIZES: usize = 63;

/** Kinds: the non-global entries of a stage-1 half, its global ones, the entries of a stage 2. */
export const KIND_FREE: u32 = 0;
export const KIND_STAGE1: u32 = 1;
export const KIND_GLOBAL: u32 = 2;
export const KIND_STAGE2: u32 = 3;
const KIND_MASK: u32 = 3;
/** Flag: the IOTLB holds pieces of larger stage-1 leaves. */
export const SPACE_FLAG_FRAGMENTED: u32 = 4;
/** Flag: a context has translated through it as its first or only stage, so that the IOTLB may hold its entries. */
export const SPACE_FLAG_DIRECT: u32 = 8;
/** Asid of spaces that have none. */
export const NO_ASID: u32 = 0xffffffff;

/** Descriptors that one walk-cache entry stands for, log2. */
export const CHUNK_LG2: u32 = 9;

/** Allocation state of the space records. */
export class SpaceTable {
  static hand: u32 = 0;
  static used: u32 = 0;
  /** Spaces of KIND_GLOBAL: while 0, an address and an ASID concern the spaces of that ASID alone. */
  static globals: u32 = 0;

  static reset(): void {
    SpaceTable.hand = 0;
    SpaceTable.used = 0;
    SpaceTable.globals = 0;
  }
}

export function kindOf(space: usize): u32 {
  return load<u8>(space + SPACE_KIND) & KIND_MASK;
}

export function hasFlag(space: usize, flag: u32): bool {
  return (load<u8>(space + SPACE_KIND) & flag) !== 0;
}

export function setFlag(space: usize, flag: u32): void {
  store<u8>(space + SPACE_KIND, <u8>(load<u8>(space + SPACE_KIND) | flag));
}

export function vmidOf(space: usize): u32 {
  return load<u16>(space + SPACE_VMID);
}

/** Whether it translates the upper half of its contexts' addresses. */
export function isUpperHalf(space: usize): bool {
  return kindOf(space) === KIND_STAGE1 && (load<u64>(space + SPACE_CONFIG) & WALK_UPPER_HALF) !== 0;
}

/** Log2 of the granule. */
export function pageLg2Of(space: usize): u32 {
  return granuleLg2Of(load<u8>(space + SPACE_CONFIG));
}

/**
 * Where the pages of `space` begin among the sets: multiples of the golden ratio, whose topmost bits spread evenly for every
 * number of spaces, better than a random mix. Those bits come down to where an index of the IOTLB looks; others than as
 * many as it needs would be a multiple of something else (test/core/set-distribution). Records are counted from the first, so
 * that it does not matter where the arena lies; src/study/set-index.ts says the same for the miss curve.
 */
export function seedOf(space: usize): u32 {
  return rotl<u32>((<u32>(space - Arena.spaces) >> 6) * 0x9e3779b1, Arena.setBits) & 0xffff;
}

/** The ids' number of `space`. */
function numberOf(space: usize): u32 {
  return idOf(load<u64>(space + SPACE_ID_BITS));
}

function tagHash(vmid: u32, asid: u32): u32 {
  // Low-discrepancy, as seeds of sets are.
  return ((vmid * 0x9e3779b1 + asid * 0x85ebca6b) >> 16) & Arena.spaceHashMask;
}

/** Head of the list of spaces with (vmid, asid) tags of this hash; the list holds others too. */
export function headByAsid(vmid: u32, asid: u32): usize {
  return Arena.spaceHash + ((<usize>tagHash(vmid, asid)) << 2);
}

/** Head of the list of spaces with a vmid of this hash; the list holds others too. */
export function headByVmid(vmid: u32): usize {
  return Arena.spaceHash + ((<usize>Arena.spaceHashMask + 1 + tagHash(vmid, 0)) << 2);
}

function push(head: usize, space: usize, next: usize): void {
  store<u32>(space + next, load<u32>(head));
  store<u32>(head, <u32>space);
}

function unlink(head: usize, space: usize, next: usize): void {
  let at = head;
  while (load<u32>(at) !== <u32>space) at = load<u32>(at) + next;
  store<u32>(at, load<u32>(space + next));
}

/** The space with exactly this key, or 0. */
export function findSpace(kind: u32, vmid: u32, asid: u32, root: u64, config: u64, stage2: usize): usize {
  let space: usize = load<u32>(headByAsid(vmid, asid));
  while (space !== 0) {
    if (
      load<u64>(space + SPACE_ROOT) === root &&
      load<u64>(space + SPACE_CONFIG) === config &&
      vmidOf(space) === vmid &&
      load<u32>(space + SPACE_ASID) === asid &&
      load<u32>(space + SPACE_STAGE2) === <u32>stage2 &&
      kindOf(space) === kind
    ) {
      return space;
    }
    space = load<u32>(space + SPACE_NEXT_ASID);
  }
  return 0;
}

/** Fills the free record `space` and links it; it takes a reference on its stage 2. */
export function initSpace(
  space: usize,
  kind: u32,
  vmid: u32,
  asid: u32,
  root: u64,
  config: u64,
  stage2: usize,
  id: u32,
): void {
  memory.fill(space, 0, SPACE_SIZE);
  store<u64>(space + SPACE_ID_BITS, idBits(id));
  store<u64>(space + SPACE_ROOT, root);
  store<u64>(space + SPACE_CONFIG, config);
  store<u16>(space + SPACE_VMID, <u16>vmid);
  store<u32>(space + SPACE_ASID, asid);
  store<u32>(space + SPACE_STAGE2, <u32>stage2);
  store<u8>(space + SPACE_KIND, <u8>kind);
  if (stage2 !== 0) addReference(stage2);
  if (kind === KIND_GLOBAL) SpaceTable.globals += 1;
  push(headByAsid(vmid, asid), space, SPACE_NEXT_ASID);
  push(headByVmid(vmid), space, SPACE_NEXT_VMID);
}

/** Unlinks `space` and frees its record; its entries die with its id. */
export function freeSpace(space: usize): void {
  const vmid = vmidOf(space);
  const asid = load<u32>(space + SPACE_ASID);
  const stage2: usize = load<u32>(space + SPACE_STAGE2);
  const global: usize = load<u32>(space + SPACE_GLOBAL);
  unlink(headByAsid(vmid, asid), space, SPACE_NEXT_ASID);
  unlink(headByVmid(vmid), space, SPACE_NEXT_VMID);
  countBy(CNT_EVICTED, Ids.retire(numberOf(space)));
  if (stage2 !== 0) dropReference(stage2);
  if (global !== 0) dropReference(global);
  if (kindOf(space) === KIND_GLOBAL) SpaceTable.globals -= 1;
  store<u8>(space + SPACE_KIND, <u8>KIND_FREE);
}

export function addReference(space: usize): void {
  store<u32>(space + SPACE_REFS, load<u32>(space + SPACE_REFS) + 1);
}

export function dropReference(space: usize): void {
  store<u32>(space + SPACE_REFS, load<u32>(space + SPACE_REFS) - 1);
}

/** A free record, made by freeing an unreferenced space if need be; 0 when all are referenced. */
export function takeRecord(): usize {
  if (SpaceTable.used < Arena.spaceCount) {
    const fresh = Arena.spaces + <usize>SpaceTable.used * SPACE_SIZE;
    SpaceTable.used += 1;
    return fresh;
  }
  for (let n: u32 = 0; n < Arena.spaceCount; ++n) {
    const space = Arena.spaces + <usize>SpaceTable.hand * SPACE_SIZE;
    SpaceTable.hand = SpaceTable.hand + 1 === Arena.spaceCount ? 0 : SpaceTable.hand + 1;
    if (kindOf(space) === KIND_FREE) return space;
    if (load<u32>(space + SPACE_REFS) === 0) {
      freeSpace(space);
      return space;
    }
  }
  return 0;
}

/** Whether no cache can hold anything under the id of `space`. */
export function isEmpty(space: usize): bool {
  if ((load<u32>(space + SPACE_SIZES) | load<u32>(space + SPACE_STAGE2_SIZES)) !== 0) return false;
  return load<u8>(space + SPACE_WALK_SIZES) === 0;
}

/** Gives `space` the id `fresh`: everything cached for it is gone. Counts the IOTLB entries. */
export function renumber(space: usize, fresh: u32): void {
  countBy(CNT_INVALIDATED, Ids.retire(numberOf(space)));
  store<u64>(space + SPACE_ID_BITS, idBits(fresh));
  store<u32>(space + SPACE_SIZES, 0);
  store<u32>(space + SPACE_STAGE2_SIZES, 0);
  store<u8>(space + SPACE_WALK_SIZES, 0);
  store<u8>(space + SPACE_KIND, <u8>(load<u8>(space + SPACE_KIND) & ~SPACE_FLAG_FRAGMENTED));
}

/** Smallest page of all: bit 0 of a bitmap of sizes. */
const SMALLEST_LG2: u32 = 12;

/** The bit of a page of 2^lg2 bytes, 12 ≤ lg2 ≤ 43, in a bitmap of sizes. */
export function sizeBit(lg2: u32): u32 {
  return 1 << (lg2 - SMALLEST_LG2);
}

/** Log2 of the smallest size in the bitmap `sizes`, which is not empty. */
export function smallestOf(sizes: u32): u32 {
  return ctz(sizes) + SMALLEST_LG2;
}

/** Notes in the bitmap at `offset` of `space` that pages of 2^lg2 bytes are in use. */
export function noteSize(space: usize, offset: usize, lg2: u32): void {
  const sizes = load<u32>(space + offset);
  if ((sizes & sizeBit(lg2)) === 0) store<u32>(space + offset, sizes | sizeBit(lg2));
}

/** Notes that a walk cache holds tables of `space` that translate 2^lg2 bytes. Sizes of one space are 2^9 apart and more. */
export function noteTables(space: usize, lg2: u32): void {
  store<u8>(space + SPACE_WALK_SIZES, <u8>(<u32>load<u8>(space + SPACE_WALK_SIZES) | (1 << (lg2 >> 3))));
}

/** Whether a walk cache may hold such tables. */
export function mayHaveTables(space: usize, lg2: u32): bool {
  return ((<u32>load<u8>(space + SPACE_WALK_SIZES) >> (lg2 >> 3)) & 1) !== 0;
}
