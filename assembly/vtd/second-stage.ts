// The second stage of a PASID entry or a legacy context entry as a translation space (Rev 5.10, 3.7): widths, root,
// large pages. Inputs of up to 52 bits go through the space; wider ones through windows (windows.ts).

import { AW_57 } from "../../src/spec/vtd/pasid-entry";
import { CAP_SAGAW_LSB, CAP_SSLPS_LSB, ECAP_SC_LSB, ECAP_SMPWC_LSB } from "../../src/spec/vtd/registers";
import { ones } from "../lib/bits";
import { packWalk, WALK_AFFD, WALK_HA, WALK_HD, WALK_NO_UPDATE } from "../pt/config";
import { packHostWidth, WALK_LARGE_1G, WALK_LARGE_2M, WALK_SNOOP_CONTROL } from "../pt/fmt/vtd";
import { acquireSpace, attach } from "../tlb/contexts";
import { KIND_STAGE2, NO_ASID } from "../tlb/space";
import { cap, ecap, hostWidth, mgaw } from "./features";

/** Widest input that a space takes: what tags of the caches hold. */
export const SPACE_INPUT_BITS: u32 = 52;

/** Whether an address width encoding is supported: 1, 2 and 3 are 39, 48 and 57 bits (CAP.SAGAW bits 1 to 3). */
export function isWidthSupported(width: u32): bool {
  return width !== 0 && width <= <u32>AW_57 && cap(CAP_SAGAW_LSB + width);
}

/** Bits of input that a second stage of this width takes. */
export function inputBitsOfWidth(width: u32): u32 {
  return min(30 + 9 * width, mgaw());
}

/**
 * The space of a second stage with root table `root`, with a reference for the caller. `flags` are its accessed and
 * dirty flags (SSADE); `snooped` says whether they may be set (PWSNP); `alone` holds flags of the walk configuration
 * for requests that have no other stage.
 */
export function acquireSecondStage(
  did: u32,
  root: u64,
  width: u32,
  flags: bool,
  snooped: bool,
  alone: u64,
): usize {
  // 39 bits are three levels, and so on: the first level is 2 - width. Its table is whole, however narrow MGAW is;
  // what is beyond MGAW does not get here.
  const inputBits = max(21 + 9 * width, min(inputBitsOfWidth(width), SPACE_INPUT_BITS));
  let walk = packWalk(12, 2 - <i32>width, inputBits, 52) | packHostWidth(hostWidth()) | WALK_AFFD | alone;
  if (flags) {
    walk |= WALK_HA | WALK_HD;
    if (!snooped || !ecap(ECAP_SMPWC_LSB)) walk |= WALK_NO_UPDATE;
  }
  if (cap(CAP_SSLPS_LSB)) walk |= WALK_LARGE_2M;
  if (cap(CAP_SSLPS_LSB + 1)) walk |= WALK_LARGE_1G;
  if (ecap(ECAP_SC_LSB)) walk |= WALK_SNOOP_CONTROL;
  return acquireSpace(KIND_STAGE2, did, NO_ASID, root, walk, 0);
}

/** Lets `context` translate through the second stage alone. */
export function attachSecondStage(context: usize, space: usize, width: u32): void {
  attach(context, 0, space, ~ones(min(inputBitsOfWidth(width), SPACE_INPUT_BITS)));
}
