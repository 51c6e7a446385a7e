// Bursts: requests of one source (stream, PASID word) in a row. What they share is looked up once: the context, the half of its
// address space, tags and seed; and nothing is called in the loop (nested-iommu bench, "random in 64 pages": 6.1 to 4.7 ns;
// "mixed leaf sizes": 8.3 to 6.8).

import { BITS_52 } from "./lib/bits";
import { Arena } from "./mem/arena";
import { findContext, GUESS_MASK, HALF_ID, HALF_SEED, halfCheck, halfOf } from "./tlb/contexts";
import { predictorIndex } from "./tlb/iotlb";
import { ADDRESS_MASK, matchFast, setHash, tagOf } from "./tlb/set-associative";

/** The end of the burst that begins at `first`, at most `last`. */
export function burstEnd(first: u32, last: u32): u32 {
  const stream = load<u32>(Arena.stream + ((<usize>first) << 2));
  const pasid = load<u32>(Arena.pasid + ((<usize>first) << 2));
  const streams = Arena.stream;
  const pasids = Arena.pasid;
  let i = first + 1;
  if (ASC_FEATURE_SIMD) {
    const s = i32x4.splat(stream);
    const p = i32x4.splat(pasid);
    for (; i + 4 <= last; i += 4) {
      const at = (<usize>i) << 2;
      const differs = v128.or(v128.xor(v128.load(streams + at), s), v128.xor(v128.load(pasids + at), p));
      if (v128.any_true(differs)) break;
    }
  }
  while (
    i < last &&
    load<u32>(streams + ((<usize>i) << 2)) === stream &&
    load<u32>(pasids + ((<usize>i) << 2)) === pasid
  ) {
    ++i;
  }
  return i;
}

/** Answers requests first..last-1, a burst, as long as they hit; returns the first that does not. */
export function burstHits(first: u32, last: u32): u32 {
  const context = findContext(
    load<u32>(Arena.stream + ((<usize>first) << 2)),
    load<u32>(Arena.pasid + ((<usize>first) << 2)),
  );
  if (context === 0) return first;
  const half = halfOf(context, load<u64>(Arena.iova + ((<usize>first) << 3)));
  return (load<u64>(half + HALF_ID) & GUESS_MASK) !== 0
    ? Burst.hits(first, last, context, half, true)
    : Burst.hits(first, last, context, half, false);
}

class Burst {
  /** `small`: only 4 KiB pages so far. */
  @inline
  static hits(first: u32, last: u32, context: usize, half: usize, small: bool): u32 {
    const seed = <u32>load<u16>(half + HALF_SEED);
    const id = load<u64>(half + HALF_ID);
    const base = Arena.fastSets;
    const setMask = Arena.fastMask;
    const predictor = Arena.predictor;
    const iovas = Arena.iova;
    const accesses = Arena.access;
    const pas = Arena.pa;
    const leaves = Arena.leafLg2;
    const check = halfCheck(half);
    const expected: u64 = half === context ? 0 : check;
    let i = first;
    for (; i < last; ++i) {
      const iova = load<u64>(iovas + ((<usize>i) << 3));
      if ((iova & check) !== expected) break;
      let lg2: u32;
      let hash: u32;
      let tag: u64;
      if (small) {
        lg2 = 12;
        hash = (<u32>(iova >> 12) ^ <u32>(iova >> 21)) + seed;
        tag = (iova & ADDRESS_MASK) | id;
      } else {
        lg2 = <u32>load<u8>(predictor + predictorIndex(iova, seed));
        hash = setHash(iova, lg2, seed);
        tag = tagOf(iova, lg2, id);
      }
      const set = base + ((<usize>(hash & setMask)) << 6);
      const match = matchFast(set, tag);
      if (match === 0) break;
      const data = load<u64>(set + ((<usize>ctz(match)) << 1), 32);
      if (((data >> (load<u8>(accesses + i) & 7)) & 1) !== 0) break;
      store<u64>(pas + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
      store<u8>(leaves + i, <u8>lg2);
    }
    return i;
  }
}
