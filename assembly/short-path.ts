// The shortest miss path: an IOTLB miss in the fast layout whose last-level tables are all cached and whose pages are
// plain (pt/plain.ts). Inlined into the probing loop, which is worth 6 % there; generic over the formats of a vendor.

import { CLASS_IN, CLASS_TT, CNT_IOTLB_MISSES } from "../src/spec/abi/core";
import { BITS_52 } from "./lib/bits";
import { count } from "./mem/arena";
import { Plain } from "./pt/plain";
import {
  CTX_FLAGS,
  HALF_SEED,
  HALF_SPACE,
  hasOverride,
  isInHalf,
  MODE_MASK,
  MODE_NESTED,
  MODE_STAGE2,
} from "./tlb/contexts";
import { isSurelyAbsent, Probed } from "./tlb/iotlb";
import { SPACE_STAGE2 } from "./tlb/space";

export class Short {
  /**
   * After a probe for 2^probed bytes with the tags of `half`'s space: the number of descriptors read, with Leaf set, or
   * 0 when translateWith must decide. Nothing is counted or filled yet but the plain pages.
   */
  @inline
  static walk<F, S>(context: usize, half: usize, iova: u64, access: u32, probed: u32): u32 {
    const space: usize = load<u32>(half + HALF_SPACE);
    if (space === 0 || !isSurelyAbsent(space, probed) || hasOverride(context)) return 0;
    // A cached table that fits stands for the bits that tags hold, as an entry does.
    if (!isInHalf(half, iova)) return 0;
    const input = iova & BITS_52;
    // Without a global partner the half probes with the space's own tags and seed.
    const seed = <u32>load<u16>(half + HALF_SEED);
    const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
    if (mode === MODE_NESTED) {
      const stage2: usize = load<u32>(space + SPACE_STAGE2);
      return Plain.nested<F, S>(space, seed, stage2, input, access, CLASS_TT, CLASS_IN) ? 2 : 0;
    }
    if (mode === MODE_STAGE2) return Plain.page<S>(space, seed, input, access, CLASS_IN) ? 1 : 0;
    return Plain.page<F>(space, seed, input, access, CLASS_IN) ? 1 : 0;
  }

  /** Fills the IOTLB with what `walk` found. */
  @inline
  static fill(context: usize, half: usize, iova: u64, probed: u32): void {
    count(CNT_IOTLB_MISSES);
    Probed.fill(context, half, iova, probed);
  }
}
