// The invalidation that software asks for most: one page of 4 KiB, by ASID or as an intermediate address. In a space whose
// entries are all of that size it is one probe a cache; any other goes the way of ranges (invalidate.ts).

import { CNT_INVALIDATIONS } from "../../src/spec/abi/core";
import { Arena, count } from "../mem/arena";
import { inputBitsOf, WALK_TBI, WALK_UPPER_HALF } from "../pt/config";
import { dropEntry, dropPieces, dropRange, invalidated, STAGE_1, STAGE_2 } from "./invalidate";
import { ADDRESS_MASK, erase, find, findFast } from "./set-associative";
import {
  hasFlag,
  headByAsid,
  KIND_STAGE2,
  kindOf,
  NO_ASID,
  SPACE_ASID,
  SPACE_CONFIG,
  SPACE_FLAG_FRAGMENTED,
  SPACE_ID_BITS,
  SPACE_NEXT_ASID,
  SPACE_SIZES,
  SPACE_STAGE2_SIZES,
  SpaceTable,
  seedOf,
  sizeBit,
  vmidOf,
} from "./space";
import { Tables } from "./walk-cache";

const PAGE_LG2: u32 = 12;
/** The granule in a walk configuration. */
const GRANULE_MASK: u64 = 63;

export class Page {
  /**
   * As dropRange for the page at `input`. While nothing is global, stage 1 of an ASID is found by it, and stage 2 as what
   * has none (nested-iommu bench, "by address": 70 to 19 ns).
   */
  @inline
  static drop(stages: u32, vmid: i32, asid: i32, input: u64, leafOnly: bool): u32 {
    const tag: u32 = stages === STAGE_1 ? asid : NO_ASID;
    const isOne = stages === STAGE_1 ? asid >= 0 : stages === STAGE_2;
    if (vmid < 0 || !isOne || SpaceTable.globals !== 0 || Arena.fastMask === <u32>-1) {
      return dropRange(stages, vmid, asid, input, input | 0xfff, leafOnly, 0);
    }
    count(CNT_INVALIDATIONS);
    const before = invalidated();
    let space: usize = load<u32>(headByAsid(vmid, tag));
    for (; space !== 0; space = load<u32>(space + SPACE_NEXT_ASID)) {
      if (load<u32>(space + SPACE_ASID) !== tag || vmidOf(space) !== vmid) continue;
      if (Page.isPlain(space, input)) Page.dropFrom(space, input, leafOnly);
      else dropPieces(space, asid, input, leafOnly);
    }
    return invalidated() - before;
  }

  /** Whether all that may be cached of `input` are entries of 4 KiB, found by the address as it is. */
  @inline
  static isPlain(space: usize, input: u64): bool {
    const config = load<u64>(space + SPACE_CONFIG);
    if ((config & (WALK_UPPER_HALF | WALK_TBI | GRANULE_MASK)) !== PAGE_LG2) return false;
    if (input >> inputBitsOf(config) !== 0 || hasFlag(space, SPACE_FLAG_FRAGMENTED)) return false;
    return (load<u32>(space + SPACE_SIZES) | load<u32>(space + SPACE_STAGE2_SIZES)) <= sizeBit(PAGE_LG2);
  }

  @inline
  static dropFrom(space: usize, input: u64, leafOnly: bool): void {
    const id = load<u64>(space + SPACE_ID_BITS);
    const seed = seedOf(space);
    // As setHash and tagOf, with constant shifts.
    const hash = (<u32>(input >> 12) ^ <u32>((input & ADDRESS_MASK) >> 21)) + seed;
    const tag = (input & ADDRESS_MASK) | id | PAGE_LG2;
    const set = Arena.fastSets + ((<usize>(hash & Arena.fastMask)) << 6);
    const way = findFast(set, tag);
    if (way < 4) dropEntry(Arena.iotlb, set + ((<usize>way) << 3));
    if (load<u32>(space + SPACE_STAGE2_SIZES) !== 0) {
      const slot = find(Arena.stage2Tlb, tag, hash);
      if (slot !== 0) erase(Arena.stage2Tlb, slot);
    }
    if (leafOnly) return;
    if (kindOf(space) === KIND_STAGE2) {
      if (Arena.walkCache2 !== 0)
        Tables.dropPage(Arena.walkCache2, Arena.walkCache2Mask, space, input, id, seed);
    } else if (Arena.walkCache1 !== 0) {
      Tables.dropPage(Arena.walkCache1, Arena.walkCache1Mask, space, input, id, seed);
    }
  }
}
