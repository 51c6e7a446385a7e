// The probing loop for IOTLBs that are not in the fast layout: other numbers of ways, policies that hits must tell of. It finds
// and touches what the general path (request.ts) would, but decodes nothing and asks for one page size only (nested-iommu
// bench, LRU: 31 to 13 ns a hit, eight ways: 50 to 15).

import { BITS_52 } from "./lib/bits";
import { Arena } from "./mem/arena";
import { answer } from "./request";
import { ContextLookup } from "./tlb/context-lookup";
import { GUESS_MASK, HALF_ID, HALF_SEED, halfOf, isInHalf } from "./tlb/contexts";
import { predictorIndex } from "./tlb/iotlb";
import { touch } from "./tlb/replacement";
import { ADDRESS_MASK, dataAt, find, setHash, tagOf } from "./tlb/set-associative";

/** Requests first..last-1 while translation is on and contexts stay cached; returns the index it stopped at. */
export function runOtherLayout(first: u32, last: u32): u32 {
  const tlb = Arena.iotlb;
  for (let i = first; i < last; ++i) {
    const context = ContextLookup.find(
      load<u32>(Arena.stream + ((<usize>i) << 2)),
      load<u32>(Arena.pasid + ((<usize>i) << 2)),
    );
    if (context !== 0) {
      const iova = load<u64>(Arena.iova + ((<usize>i) << 3));
      const half = halfOf(context, iova);
      const seed = <u32>load<u16>(half + HALF_SEED);
      const id = load<u64>(half + HALF_ID);
      // As plainBlock. A half without tags guesses a size that no entry has, not even an empty way.
      const guess = <u32>(id & GUESS_MASK);
      const lg2 = guess !== 0 ? guess : <u32>load<u8>(Arena.predictor + predictorIndex(iova, seed));
      const slot = find(tlb, tagOf(iova, lg2, id), setHash(iova, lg2, seed));
      if (slot !== 0 && isInHalf(half, iova)) {
        const data = dataAt(tlb, slot);
        if (((data >> (load<u8>(Arena.access + i) & 7)) & 1) === 0) {
          touch(tlb, slot);
          store<u64>(Arena.pa + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
          store<u8>(Arena.leafLg2 + i, <u8>lg2);
          continue;
        }
      }
    }
    if (!answer(i, true, context)) return i;
  }
  return last;
}
