// One request through its context: the IOTLB under every size and tag, then the walks that the context's mode
// names, and filling the IOTLB. What a vendor says where no table covers the address is dispatch.ts's matter.

import {
  CLASS_IN,
  CLASS_TT,
  CNT_IOTLB_MISSES,
  CNT_NOT_LOOKED_UP,
  STATUS_FAULT,
  STATUS_TRANSLATED,
  VENDOR_SMMUV3,
} from "../src/spec/abi/core";
import { walkContext } from "./dispatch";
import { BITS_52 } from "./lib/bits";
import { Arena, count } from "./mem/arena";
import { isBarred, neverOf } from "./pt/bars";
import { VmsaStage1 } from "./pt/fmt/vmsa-stage1";
import { VmsaStage2 } from "./pt/fmt/vmsa-stage2";
import { Plain } from "./pt/plain";
import { Request } from "./pt/state";
import {
  CTX_FLAGS,
  HALF_MASK,
  HALF_SPACE,
  HALF_VALUE,
  halfOf,
  hasOverride,
  MODE_MASK,
  MODE_NESTED,
  MODE_STAGE2,
} from "./tlb/contexts";
import { fill, isSurelyAbsent, Probed, probeAll } from "./tlb/iotlb";
import { SPACE_CONFIG, SPACE_STAGE2 } from "./tlb/space";

/** In place of a status: no table covers the address. */
export const NO_TABLES: u32 = 255;

/**
 * Translates through `context`; returns the status, STATUS_FAULT with the Fault raised, or NO_TABLES when no
 * table of the context covers the address.
 */
export function translateWith(context: usize, iova: u64, access: u32): u32 {
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  const half = halfOf(context, iova);
  const space: usize = load<u32>(half + HALF_SPACE);
  if (space === 0 || (iova & load<u64>(half + HALF_MASK)) !== load<u64>(half + HALF_VALUE)) {
    count(CNT_NOT_LOOKED_UP);
    return NO_TABLES;
  }
  const config = load<u64>(space + SPACE_CONFIG);
  if (isBarred(config, access)) {
    count(CNT_NOT_LOOKED_UP);
    return STATUS_FAULT;
  }
  if (probeAll(context, space, iova, access)) {
    Request.hit = true;
    return STATUS_TRANSLATED;
  }
  count(CNT_IOTLB_MISSES);
  if (!walkContext(mode, space, iova & BITS_52, access)) return STATUS_FAULT;
  fill(context, space, iova, neverOf(config));
  return STATUS_TRANSLATED;
}

/** The shortest miss path, inlined into the probing loop: worth 6 % there. */
export class ShortPath {
  /**
   * The short way of an IOTLB miss in the fast layout, after a probe for 2^probed bytes with the tags of
   * `half`'s space: the number of descriptors read, with Leaf set and the IOTLB filled, or 0 when
   * translateWith must decide.
   */
  @inline
  static translate(context: usize, half: usize, iova: u64, access: u32, probed: u32): u32 {
    const space: usize = load<u32>(half + HALF_SPACE);
    if (Arena.vendor !== VENDOR_SMMUV3) return 0;
    if (space === 0 || !isSurelyAbsent(space, probed) || hasOverride(context)) return 0;
    if ((iova & load<u64>(half + HALF_MASK)) !== load<u64>(half + HALF_VALUE)) return 0;
    const input = iova & BITS_52;
    const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
    let fetches: u32 = 1;
    if (mode === MODE_NESTED) {
      const stage2: usize = load<u32>(space + SPACE_STAGE2);
      if (!Plain.nested<VmsaStage1, VmsaStage2>(space, stage2, input, access, CLASS_TT, CLASS_IN)) return 0;
      fetches = 2;
    } else if (mode === MODE_STAGE2) {
      if (!Plain.page<VmsaStage2>(space, input, access, CLASS_IN)) return 0;
    } else if (!Plain.page<VmsaStage1>(space, input, access, CLASS_IN)) {
      return 0;
    }
    count(CNT_IOTLB_MISSES);
    Probed.fill(context, space, iova, probed);
    return fetches;
  }
}
