// One request through its context: the IOTLB under every size and tag, then the walks that the context's mode
// names, and filling the IOTLB. What a vendor says where no table covers the address is dispatch.ts's matter.

import { CNT_IOTLB_MISSES, CNT_NOT_LOOKED_UP, STATUS_FAULT, STATUS_TRANSLATED } from "../src/spec/abi/core";
import { walkContext } from "./dispatch";
import { BITS_52 } from "./lib/bits";
import { count } from "./mem/arena";
import { NO_TABLES } from "./outcome";
import { isBarred, neverOf } from "./pt/bars";
import { Request } from "./pt/state";
import { CTX_FLAGS, HALF_SPACE, halfOf, isCovered, MODE_MASK } from "./tlb/contexts";
import { fill, probeAll } from "./tlb/iotlb";
import { SPACE_CONFIG } from "./tlb/space";

/**
 * Translates through `context`; returns the status, STATUS_FAULT with the Fault raised, or NO_TABLES when no
 * table of the context covers the address.
 */
export function translateWith(context: usize, iova: u64, access: u32): u32 {
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  const half = halfOf(context, iova);
  const space: usize = load<u32>(half + HALF_SPACE);
  if (!isCovered(half, iova)) {
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
