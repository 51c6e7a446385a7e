// Invalidations: which stages, VMID and ASID (-1 = any), and addresses, with leaf only and leaf size. Without addresses a
// space takes a new id; with them the pages of the sizes in use are probed, or, where a stage-1 block may lie in fragments
// or the range is longer than the TLB, the whole TLB is searched. Exactly the named entries go (docs/capabilities.md lists
// the exceptions).

import {
  CNT_COLLATERAL,
  CNT_INVALIDATED,
  CNT_INVALIDATIONS,
  SPACE_SIZE,
  TLB_BASE,
  TLB_SETS,
  TLB_WAYS,
} from "../../src/spec/abi/core";
import { BITS_52, ones } from "../lib/bits";
import { Arena, count, countBy } from "../mem/arena";
import { inputBitsOf, WALK_TBI, WALK_UPPER_HALF } from "../pt/config";
import { leafLg2Of } from "../pt/leaf-code";
import { retag } from "./contexts";
import { ID_MASK } from "./ids";
import { ADDRESS_MASK, capacity, dataAt, erase, find, lg2Of, setHash, tagOf } from "./set-associative";
import {
  hasFlag,
  headByAsid,
  headByVmid,
  isEmpty,
  KIND_FREE,
  KIND_STAGE1,
  KIND_STAGE2,
  kindOf,
  SPACE_ASID,
  SPACE_CONFIG,
  SPACE_FLAG_DIRECT,
  SPACE_FLAG_FRAGMENTED,
  SPACE_GLOBAL,
  SPACE_ID_BITS,
  SPACE_NEXT_ASID,
  SPACE_NEXT_VMID,
  SPACE_SIZES,
  SPACE_STAGE2_SIZES,
  SpaceTable,
  seedOf,
  smallestOf,
  vmidOf,
} from "./space";
import { dropTables } from "./walk-cache";

export const STAGE_1: u32 = 1;
export const STAGE_2: u32 = 2;
/** Second stages that contexts use as their only stage. */
export const STAGE_2_DIRECT: u32 = 4;

/** IOTLB entries invalidated so far. */
export function invalidated(): u32 {
  return load<u32>(Arena.counters + CNT_INVALIDATED);
}

/** One space of a list, inlined: the calls would cost more than the look (nested-iommu bench, "by VMID": 12.7 to 11.3 ns). */
class One {
  /** Whether it is of one of `stages`. */
  @inline
  static isOf(stages: u32, space: usize): bool {
    const kind = kindOf(space);
    if (kind !== KIND_STAGE2) return kind !== KIND_FREE && (stages & STAGE_1) !== 0;
    return (stages & (hasFlag(space, SPACE_FLAG_DIRECT) ? STAGE_2 | STAGE_2_DIRECT : STAGE_2)) !== 0;
  }

  /** Drops all that is cached for it. */
  @inline
  static empty(space: usize): void {
    // With global entries its contexts may be pointing to their tags, which this invalidation drops, too.
    if (!isEmpty(space) || load<u32>(space + SPACE_GLOBAL) !== 0) retag(space);
  }
}

/** Drops everything of `stages` with these tags; returns how many IOTLB entries. */
export function dropAll(stages: u32, vmid: i32, asid: i32): u32 {
  count(CNT_INVALIDATIONS);
  const before = invalidated();
  if (vmid < 0) {
    for (let n: u32 = 0; n < SpaceTable.used; ++n) {
      const space = Arena.spaces + <usize>n * SPACE_SIZE;
      if (One.isOf(stages, space)) One.empty(space);
    }
  } else if (asid < 0) {
    let space: usize = load<u32>(headByVmid(vmid));
    for (; space !== 0; space = load<u32>(space + SPACE_NEXT_VMID)) {
      if (vmidOf(space) === vmid && One.isOf(stages, space)) One.empty(space);
    }
  } else {
    let space: usize = load<u32>(headByAsid(vmid, asid));
    for (; space !== 0; space = load<u32>(space + SPACE_NEXT_ASID)) {
      if (load<u32>(space + SPACE_ASID) === asid && vmidOf(space) === vmid) One.empty(space);
    }
  }
  return invalidated() - before;
}

/** What an invalidation by address names beside stages and VMID; ASID -1 = any. */
class Predicate {
  static asid: i32 = -1;
  static first: u64 = 0;
  static last: u64 = 0;
  static leafOnly: bool = false;
  /** Only leaves of 2^this bytes; 0 = any. */
  static leafLg2: u32 = 0;
}

/** Drops what translates any of first..last; returns how many IOTLB entries. */
export function dropRange(
  stages: u32,
  vmid: i32,
  asid: i32,
  first: u64,
  last: u64,
  leafOnly: bool,
  leafLg2: u32,
): u32 {
  count(CNT_INVALIDATIONS);
  const before = invalidated();
  Predicate.asid = asid;
  Predicate.first = first;
  Predicate.last = last;
  Predicate.leafOnly = leafOnly;
  Predicate.leafLg2 = leafLg2;
  if (vmid < 0) {
    for (let n: u32 = 0; n < SpaceTable.used; ++n) {
      const space = Arena.spaces + <usize>n * SPACE_SIZE;
      if (One.isOf(stages, space) && hasAsid(space)) drop(space);
    }
  } else {
    // While nothing is global, an ASID is only that of spaces that have it.
    const byAsid = asid >= 0 && SpaceTable.globals === 0;
    const next = byAsid ? SPACE_NEXT_ASID : SPACE_NEXT_VMID;
    let space: usize = load<u32>(byAsid ? headByAsid(vmid, asid) : headByVmid(vmid));
    for (; space !== 0; space = load<u32>(space + next)) {
      if (vmidOf(space) === vmid && One.isOf(stages, space) && hasAsid(space)) drop(space);
    }
  }
  return invalidated() - before;
}

/** Whether the predicate's ASID concerns `space`: global entries, and the tables above them, are every ASID's. */
function hasAsid(space: usize): bool {
  if (Predicate.asid < 0 || kindOf(space) !== KIND_STAGE1) return true;
  return load<u32>(space + SPACE_ASID) === <u32>Predicate.asid || load<u32>(space + SPACE_GLOBAL) !== 0;
}

/** The page at `input` from a space in which it may have several entries, or be part of larger ones. */
export function dropPieces(space: usize, asid: i32, input: u64, leafOnly: bool): void {
  Predicate.asid = asid;
  Predicate.first = input;
  Predicate.last = input | 0xfff;
  Predicate.leafOnly = leafOnly;
  Predicate.leafLg2 = 0;
  drop(space);
}

/** The predicate's range inside one space, as tags hold addresses: their low 52 bits. */
class Clip {
  static first: u64 = 0;
  static last: u64 = 0;
}

const TAG_BYTE: u64 = 0xff00000000000000;

/** Cuts the range to the half and the input range of `space`; false when nothing is left. */
function clip(space: usize): bool {
  const config = load<u64>(space + SPACE_CONFIG);
  const limit = ones(inputBitsOf(config));
  const stage1 = kindOf(space) !== KIND_STAGE2;
  const upper = stage1 && (config & WALK_UPPER_HALF) !== 0;
  const lowest = upper ? ~limit : 0;
  const highest = upper ? u64(-1) : limit;
  let first = Predicate.first;
  let last = Predicate.last;
  if (stage1 && (config & WALK_TBI) !== 0) {
    // Bit 55 selects the half, and the byte above it is a tag.
    if (last - first >= ~TAG_BYTE) {
      first = lowest;
      last = highest;
    } else {
      const firstUpper = ((first >> 55) & 1) !== 0;
      const lastUpper = ((last >> 55) & 1) !== 0;
      if (firstUpper === lastUpper && firstUpper !== upper) return false;
      first = firstUpper === upper ? (upper ? first | TAG_BYTE : first & ~TAG_BYTE) : lowest;
      last = lastUpper === upper ? (upper ? last | TAG_BYTE : last & ~TAG_BYTE) : highest;
    }
  }
  first = max(first, lowest);
  last = min(last, highest);
  if (first > last) return false;
  Clip.first = first & BITS_52;
  Clip.last = last & BITS_52;
  return true;
}

/** Drops the entries of one space that translate any of the range. */
function drop(space: usize): void {
  if (!clip(space)) return;
  const kind = kindOf(space);
  // Another ASID over the same tables: only the tables above the global leaves go.
  const other =
    kind === KIND_STAGE1 && Predicate.asid >= 0 && load<u32>(space + SPACE_ASID) !== <u32>Predicate.asid;
  if (!other) {
    if (Arena.iotlb !== 0) dropLeaves(Arena.iotlb, space, load<u32>(space + SPACE_SIZES));
    if (Arena.stage2Tlb !== 0) dropLeaves(Arena.stage2Tlb, space, load<u32>(space + SPACE_STAGE2_SIZES));
  }
  if (Predicate.leafOnly) return;
  if (kind === KIND_STAGE2) {
    if (Arena.walkCache2 !== 0) {
      dropTables(Arena.walkCache2, Arena.walkCache2Mask, space, Clip.first, Clip.last);
    }
  } else if (Arena.walkCache1 !== 0) {
    const dropped = dropTables(Arena.walkCache1, Arena.walkCache1Mask, space, Clip.first, Clip.last);
    if (other) countBy(CNT_COLLATERAL, dropped);
  }
}

function dropLeaves(tlb: usize, space: usize, sizesInUse: u32): void {
  const first = Clip.first;
  const last = Clip.last;
  let probes: u64 = 0;
  for (let sizes = sizesInUse; sizes !== 0; sizes &= sizes - 1) {
    const lg2 = <u64>smallestOf(sizes);
    probes += (last >> lg2) - (first >> lg2) + 1;
  }
  const id = load<u64>(space + SPACE_ID_BITS);
  if (hasFlag(space, SPACE_FLAG_FRAGMENTED) || probes > capacity(tlb)) {
    search(tlb, id, first, last);
    return;
  }
  const seed = seedOf(space);
  for (let sizes = sizesInUse; sizes !== 0; sizes &= sizes - 1) {
    const lg2 = smallestOf(sizes);
    for (let page = first >> lg2; page <= last >> lg2; ++page) {
      const slot = find(tlb, tagOf(page << lg2, lg2, id), setHash(page << lg2, lg2, seed));
      if (slot !== 0) dropIfLeaf(tlb, slot);
    }
  }
}

function dropIfLeaf(tlb: usize, slot: usize): void {
  if (Predicate.leafLg2 === 0 || leafLg2Of(dataAt(tlb, slot)) === Predicate.leafLg2) dropEntry(tlb, slot);
}

export function dropEntry(tlb: usize, slot: usize): void {
  erase(tlb, slot);
  if (tlb === Arena.iotlb) count(CNT_INVALIDATED);
}

/** Every entry of the id whose page, or whose stage-1 leaf, overlaps first..last. */
function search(tlb: usize, id: u64, first: u64, last: u64): void {
  const ways = load<u32>(tlb + TLB_WAYS);
  let set: usize = load<u32>(tlb + TLB_BASE);
  for (let n = load<u32>(tlb + TLB_SETS); n > 0; --n) {
    for (let way: u32 = 0; way < ways; ++way) {
      const slot = set + ((<usize>way) << 3);
      const tag = load<u64>(slot);
      if (tag === 0 || (tag & ID_MASK) !== id) continue;
      const span = ones(max(lg2Of(tag), leafLg2Of(dataAt(tlb, slot))));
      const start = tag & ADDRESS_MASK & ~span;
      if (start <= last && (start | span) >= first) dropIfLeaf(tlb, slot);
    }
    set += (<usize>ways) << 4;
  }
}
