// The shortest miss path: IOTLB misses in the fast layout whose last-level tables are all cached and whose pages are plain
// (pt/plain.ts). Misses come in runs of one source, so a run is a loop of its own (nested-iommu bench, "new page every
// request": 36 to 20 ns). Generic over the formats of a vendor.

import {
  CLASS_IN,
  CLASS_TT,
  CNT_IOTLB_MISSES,
  CNT_PLAIN_NESTED,
  CNT_PLAIN_STAGE1,
  CNT_PLAIN_STAGE2,
  SOURCE_WALK_CACHE,
} from "../src/spec/abi/core";
import { BITS_52, below } from "./lib/bits";
import { Arena, countBy } from "./mem/arena";
import { granuleLg2Of } from "./pt/config";
import { leafCode } from "./pt/leaf-code";
import { Plain } from "./pt/plain";
import { cacheMaskOf, cacheOf } from "./pt/stage";
import {
  CTX_FLAGS,
  HALF_SPACE,
  halfMaskOf,
  hasOverride,
  MODE_MASK,
  MODE_NESTED,
  MODE_STAGE2,
} from "./tlb/contexts";
import { Ids } from "./tlb/ids";
import { isSurelyAbsent, noteFilled } from "./tlb/iotlb";
import { ADDRESS_MASK, FastLayout, hashOf, matchFast, tagOf } from "./tlb/set-associative";
import { SPACE_CONFIG, SPACE_ID_BITS, SPACE_STAGE2, seedOf } from "./tlb/space";

/** Bit 55 of an address, which selects the half, in its upper word. */
const HALF_BIT: u32 = 1 << 23;

/**
 * What the requests of a run have in common, worked out once. In globals, since the engine would work expressions of locals
 * out anew in every turn: it hoists nothing out of a loop with many exits (24 to 20 ns).
 */
class Run {
  static stream: u32 = 0;
  static pasid: u32 = 0;
  /** Upper words of addresses, and which of their bits count. */
  static upper: u32 = 0;
  static upperMask: u32 = 0;
  /** Entries to be: log2 of their size, where they begin among the sets, the constant part of tag and data word. */
  static size: u32 = 0;
  static pages: u64 = 0;
  static seed: u32 = 0;
  static tag: u64 = 0;
  static leaf: u64 = 0;
  /** For each stage what Plain.look wants to know of it, and the bits of an address inside a page. */
  static start1: u32 = 0;
  static key1: u64 = 0;
  static covered1: u64 = 0;
  static lg1: u32 = 0;
  static inside1: u64 = 0;
  static address1: u64 = 0;
  static rights1: u64 = 0;
  static start2: u32 = 0;
  static key2: u64 = 0;
  static covered2: u64 = 0;
  static lg2: u32 = 0;
  static inside2: u64 = 0;
  static address2: u64 = 0;
  static rights2: u64 = 0;
}

export class Short {
  /**
   * Answers requests first..last-1, the first of which has been probed for 2^probed bytes with the tags of `half`'s space,
   * while they are of one source and plain misses; returns the first that is not.
   */
  @inline
  static run<F, S>(first: u32, last: u32, context: usize, half: usize, probed: u32): u32 {
    const space: usize = load<u32>(half + HALF_SPACE);
    if (space === 0 || !isSurelyAbsent(space, probed) || hasOverride(context)) return first;
    Run.stream = load<u32>(Arena.stream + ((<usize>first) << 2));
    Run.pasid = load<u32>(Arena.pasid + ((<usize>first) << 2));
    Run.upper = half === context ? 0 : -1;
    Run.upperMask = halfMaskOf(half) | HALF_BIT;
    const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
    if (mode === MODE_NESTED) {
      const stage2: usize = load<u32>(space + SPACE_STAGE2);
      return Short.misses<F, S>(first, last, probed, space, stage2, true);
    }
    return mode === MODE_STAGE2
      ? Short.misses<S, S>(first, last, probed, space, space, false)
      : Short.misses<F, F>(first, last, probed, space, space, false);
  }

  /** Fills Run in for the stage of `space1` alone, or for it and that of `space2`; false where there are no caches. */
  @inline
  static prepare<F, S>(space1: usize, space2: usize, nested: bool): bool {
    const config1 = load<u64>(space1 + SPACE_CONFIG);
    const lg1 = granuleLg2Of(config1);
    Run.start1 = Plain.startOf(seedOf(space1), lg1);
    Run.key1 = Plain.keyOf(load<u64>(space1 + SPACE_ID_BITS), lg1);
    Run.covered1 = Plain.coveredBy(lg1);
    Run.lg1 = lg1;
    Run.inside1 = below(lg1);
    Run.address1 = changetype<F>(0).plainAddress(u64(-1), lg1);
    Run.rights1 = changetype<F>(0).rightsOf(config1);
    if (nested) {
      const config2 = load<u64>(space2 + SPACE_CONFIG);
      const lg2 = granuleLg2Of(config2);
      Run.start2 = Plain.startOf(seedOf(space2), lg2);
      Run.key2 = Plain.keyOf(load<u64>(space2 + SPACE_ID_BITS), lg2);
      Run.covered2 = Plain.coveredBy(lg2);
      Run.lg2 = lg2;
      Run.inside2 = below(lg2);
      Run.address2 = changetype<S>(0).plainAddress(u64(-1), lg2);
      Run.rights2 = changetype<S>(0).rightsOf(config2);
    }
    Run.size = nested ? min(lg1, Run.lg2) : lg1;
    Run.pages = u64(-1) << Run.size;
    Run.seed = seedOf(space1);
    Run.tag = tagOf(0, Run.size, load<u64>(space1 + SPACE_ID_BITS));
    Run.leaf = leafCode(lg1);
    return cacheOf(changetype<F>(0).stage()) !== 0 && cacheOf(changetype<S>(0).stage()) !== 0;
  }

  /** The loop for the stage of `space1` alone, or for it and that of `space2`. */
  @inline
  static misses<F, S>(first: u32, last: u32, probed: u32, space1: usize, space2: usize, nested: bool): u32 {
    if (!Short.prepare<F, S>(space1, space2, nested) || Run.size !== probed) return first;
    const stage1 = changetype<F>(0).stage();
    const notGlobal = changetype<F>(0).notGlobal();
    const stage2 = changetype<S>(0).stage();
    let i = first;
    for (; i < last; ++i) {
      if (load<u32>(Arena.stream + ((<usize>i) << 2)) !== Run.stream) break;
      if (load<u32>(Arena.pasid + ((<usize>i) << 2)) !== Run.pasid) break;
      const iova = load<u64>(Arena.iova + ((<usize>i) << 3));
      // A cached table that fits stands for the bits that tags hold, as an entry does.
      if (((<u32>(iova >> 32) ^ Run.upper) & Run.upperMask) !== 0) break;
      const input = iova & BITS_52;
      const tag = (input & Run.pages) | Run.tag;
      const index = hashOf(input >> Run.size, Run.seed) & Arena.fastMask;
      const set = Arena.fastSets + ((<usize>index) << 6);
      if (matchFast(set, tag) !== 0) break;

      const page1 = Plain.look<F>(
        input,
        cacheOf(stage1),
        cacheMaskOf(stage1),
        Run.start1,
        Run.key1,
        Run.covered1,
        Run.lg1,
        Run.address1,
        Run.rights1,
        notGlobal,
      );
      const ipa = (page1 & ADDRESS_MASK) | (input & Run.inside1);
      const page2 = nested
        ? Plain.look<S>(
            ipa,
            cacheOf(stage2),
            cacheMaskOf(stage2),
            Run.start2,
            Run.key2,
            Run.covered2,
            Run.lg2,
            Run.address2,
            Run.rights2,
            0,
          )
        : page1;
      const output = nested ? (page2 & ADDRESS_MASK) | (ipa & Run.inside2) : ipa;
      const rest = (page1 | page2) & ~ADDRESS_MASK;
      if (((rest >> (load<u8>(Arena.access + i) & 7)) & 1) !== 0) break;
      if (changetype<S>(0).isInterrupt(iova) || changetype<S>(0).isInterrupt(output)) break;

      Plain.trace<F>(space1, input, nested ? CLASS_TT : CLASS_IN);
      if (nested) Plain.trace<S>(space2, ipa, CLASS_IN);
      const data = ((output - input) & ADDRESS_MASK) | Run.leaf | rest;
      FastLayout.insertAbsent(Arena.iotlb, set, index, tag, data);
      store<u64>(Arena.pa + ((<usize>i) << 3), output);
      store<u8>(Arena.leafLg2 + i, <u8>Run.size);
      store<u8>(Arena.fetches + i, nested ? 2 : 1);
      store<u8>(Arena.source + i, <u8>SOURCE_WALK_CACHE);
    }
    if (i === first) return first;
    countBy(CNT_IOTLB_MISSES, i - first);
    countBy(nested ? CNT_PLAIN_NESTED : stage1 === 1 ? CNT_PLAIN_STAGE1 : CNT_PLAIN_STAGE2, i - first);
    noteFilled(space1, Run.size, Run.lg1);
    Ids.change();
    return i;
  }
}
