// Addresses that five levels reach and a context's spaces do not: tags of the caches hold 52 bits of an input address,
// a five-level table takes 57. Such a request walks through one of the 32 windows of 2^52 bytes, a space of its own
// for the time of the walk, and nothing of it is cached. And the addresses that no table reaches.

import { CNT_IOTLB_MISSES } from "../../src/spec/abi/core";
import { FR_LEGACY_TOO_WIDE, FR_NOT_CANONICAL, FR_SS_TOO_WIDE } from "../../src/spec/vtd/faults";
import { BITS_52 } from "../lib/bits";
import { count } from "../mem/arena";
import { isBarred } from "../pt/bars";
import { firstLevelOf } from "../pt/config";
import { acquireSpace, HALF_SPACE, MODE_STAGE2, retag } from "../tlb/contexts";
import {
  dropReference,
  isEmpty,
  KIND_STAGE1,
  KIND_STAGE2,
  SPACE_ASID,
  SPACE_CONFIG,
  SPACE_ROOT,
  SPACE_STAGE2,
  vmidOf,
} from "../tlb/space";
import { isLegacy, mgaw } from "./features";
import { raise } from "./reason";
import { walkContext } from "./walks";

/** Bytes of root table entries for one window: 16 entries. */
const WINDOW_LG2: u32 = 7;

/** Whether bits 63:56 agree: a canonical address of five levels. */
function isCanonical57(iova: u64): bool {
  const top = <i64>iova >> 56;
  return top === 0 || top === -1;
}

/** Walks the window of `iova`; false with the Fault raised, also where there is none. */
export function walkWindow(context: usize, mode: u32, iova: u64, access: u32): bool {
  const space: usize = load<u32>(context + HALF_SPACE);
  const config = load<u64>(space + SPACE_CONFIG);
  if (isBarred(config, access)) return false;
  const fiveLevel = firstLevelOf(config) < 0;
  if (mode === MODE_STAGE2) {
    if (!fiveLevel || iova >> mgaw() !== 0 || iova >> 57 !== 0) {
      return raise(isLegacy() ? FR_LEGACY_TOO_WIDE : FR_SS_TOO_WIDE);
    }
  } else if (!fiveLevel || !isCanonical57(iova)) {
    return raise(FR_NOT_CANONICAL);
  }
  count(CNT_IOTLB_MISSES);
  const second = mode === MODE_STAGE2;
  const root = load<u64>(space + SPACE_ROOT) + (((iova >> 52) & 31) << WINDOW_LG2);
  const window = acquireSpace(
    second ? KIND_STAGE2 : KIND_STAGE1,
    vmidOf(space),
    load<u32>(space + SPACE_ASID),
    root,
    config,
    load<u32>(space + SPACE_STAGE2),
  );
  const ok = walkContext(mode, window, iova & BITS_52, access);
  // Invalidations by address know the addresses that tags hold: table pointers of a window must not outlive the walk.
  if (!isEmpty(window)) retag(window);
  dropReference(window);
  return ok;
}
