// Hits without a probe: requests whose source remembers their page (tlb/memo.ts), and what makes it remember one.

import { answerMisses } from "./dispatch";
import { BITS_52 } from "./lib/bits";
import { Arena } from "./mem/arena";
import { answer } from "./request";
import {
  findContext,
  GUESS_MASK,
  HALF_ID,
  HALF_SEED,
  HALF_SPACE,
  halfOf,
  hasOverride,
  isInHalf,
} from "./tlb/contexts";
import { Ids } from "./tlb/ids";
import { predictorIndex } from "./tlb/iotlb";
import { MEMO_DATA, MEMO_GENERATION, MEMO_LG2, MEMO_PAGE, memoKey, memoOf, memorize } from "./tlb/memo";
import { ADDRESS_MASK, findFast, setHash, tagOf } from "./tlb/set-associative";

/** Answers requests from memos alone; returns the first that it cannot answer. */
export function memoHits(first: u32, last: u32): u32 {
  let i = first;
  if (load<u32>(Arena.pasid + ((<usize>i) << 2)) === 0) i = Memos.hits(first, last, false);
  if (i === last || load<u32>(Arena.pasid + ((<usize>i) << 2)) === 0) return i;
  return Memos.hits(i, last, true);
}

class Memos {
  /**
   * Nothing is called here, so no entry comes or goes on the way: one look at a memo is enough for a run of one source,
   * and the engine keeps everything in registers (nested-iommu bench, "sequential": 4.5 to 3.5 ns). Requests with PASID
   * want one register more, which costs 12 %: without them the loop is one of its own.
   */
  @inline
  static hits(first: u32, last: u32, withPasid: bool): u32 {
    const streams = Arena.stream;
    const pasids = Arena.pasid;
    const iovas = Arena.iova;
    const accesses = Arena.access;
    const pas = Arena.pa;
    const leaves = Arena.leafLg2;
    let knownStream = ~load<u32>(streams + ((<usize>first) << 2));
    let knownPasid: u32 = 0;
    let page: u64 = 0;
    let mask: u64 = 0;
    let data: u64 = 0;
    let lg2: u32 = 0;
    let i = first;
    for (; i < last; ++i) {
      const stream = load<u32>(streams + ((<usize>i) << 2));
      const pasid = load<u32>(pasids + ((<usize>i) << 2));
      const iova = load<u64>(iovas + ((<usize>i) << 3));
      if (!withPasid && pasid !== 0) break;
      if (stream !== knownStream || (withPasid && pasid !== knownPasid)) {
        const memo = memoOf(stream, withPasid ? pasid : 0);
        if (load<u64>(memo) !== memoKey(stream, withPasid ? pasid : 0)) break;
        if (load<u32>(memo, MEMO_GENERATION) !== Ids.generation) break;
        page = load<u64>(memo, MEMO_PAGE);
        data = load<u64>(memo, MEMO_DATA);
        lg2 = load<u32>(memo, MEMO_LG2);
        mask = u64(-1) << lg2;
        knownStream = stream;
        if (withPasid) knownPasid = pasid;
      }
      if (((iova ^ page) & mask) !== 0 || ((data >> (load<u8>(accesses + i) & 7)) & 1) !== 0) break;
      store<u64>(pas + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
      store<u8>(leaves + i, <u8>lg2);
    }
    return i;
  }
}

/** Request `i` by a probe, which its context then remembers, or by the paths behind it; false when it must wait. */
export function remember(i: u32): bool {
  const stream = load<u32>(Arena.stream + ((<usize>i) << 2));
  const pasid = load<u32>(Arena.pasid + ((<usize>i) << 2));
  const context = findContext(stream, pasid);
  const iova = load<u64>(Arena.iova + ((<usize>i) << 3));
  const half = halfOf(context, iova);
  if (context !== 0 && !hasOverride(context) && load<u32>(half + HALF_SPACE) !== 0) {
    const access = <u32>load<u8>(Arena.access + i) & 7;
    const seed = <u32>load<u16>(half + HALF_SEED);
    const lg2 = <u32>load<u8>(Arena.predictor + predictorIndex(iova, seed));
    const set = Arena.fastSets + ((<usize>(setHash(iova, lg2, seed) & Arena.fastMask)) << 6);
    const way = findFast(set, tagOf(iova, lg2, load<u64>(half + HALF_ID) & ~GUESS_MASK));
    if (way === 4) {
      if (answerMisses(i, i + 1, context, half, lg2) !== i) return true;
    } else if (isInHalf(half, iova)) {
      const data = load<u64>(set + ((<usize>way) << 3), 32);
      if (((data >> access) & 1) === 0) {
        store<u64>(Arena.pa + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
        store<u8>(Arena.leafLg2 + i, <u8>lg2);
        memorize(stream, pasid, iova, lg2, data);
        return true;
      }
    }
  }
  return answer(i, true, context);
}
