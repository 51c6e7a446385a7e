// All rights of one page at once, as a translation request wants them: the IOTLB as for ordinary requests, else the walks
// that a mode names. Beside ../translate.ts, which asks for one access alone. Generic over the vendor's walks W, a class
// with `walk(mode, space, input, access)` that never touches `this`.

import {
  CLASS_IN,
  CNT_IOTLB_MISSES,
  CNT_PERMISSION_WALKS,
  STATUS_FAULT,
  STATUS_TRANSLATED,
} from "../../src/spec/abi/core";
import { BITS_52 } from "../lib/bits";
import { count } from "../mem/arena";
import { NO_TABLES } from "../outcome";
import { isBarred, neverOf } from "../pt/bars";
import { Fault, Leaf, REASON_PERMISSION, Request } from "../pt/state";
import { CTX_FLAGS, HALF_SPACE, halfOf, isCovered, MODE_MASK } from "../tlb/contexts";
import { fill, recall } from "../tlb/iotlb";
import { SPACE_CONFIG } from "../tlb/space";
import { Completion } from "./completion";

/** Whether the page found (Leaf) allows the access code `access`. */
export function allows(access: u32): bool {
  return ((Leaf.deny >> access) & 1) === 0;
}

/** Whether a walk stopped at what the page itself forbids, and not at a table or an update on the way. */
export function isForbidden(): bool {
  return Fault.reason === REASON_PERMISSION && Fault.class === CLASS_IN;
}

/**
 * Finds the page of `iova` for the access code `read`, or for `write` if that is wanted and allowed; a clean page becomes
 * dirty for a write. Returns STATUS_TRANSLATED with Leaf, whose `deny` tells of all accesses; STATUS_FAULT with the Fault
 * raised; or NO_TABLES. A `mode` other than the context's own does without the IOTLB.
 */
export function findRights<W>(
  context: usize,
  mode: u32,
  iova: u64,
  read: u32,
  write: u32,
  wantsWrite: bool,
): u32 {
  const walks = changetype<W>(0);
  const half = halfOf(context, iova);
  const space: usize = load<u32>(half + HALF_SPACE);
  if (!isCovered(half, iova)) return NO_TABLES;
  const config = load<u64>(space + SPACE_CONFIG);
  if (isBarred(config, read)) return STATUS_FAULT;
  const ownMode = mode === (load<u32>(context + CTX_FLAGS) & MODE_MASK);
  if (ownMode) {
    Completion.lookedUp = true;
    if (recall(space, iova)) {
      if (allows(read) && (!wantsWrite || allows(write))) {
        Request.hit = true;
        return STATUS_TRANSLATED;
      }
      count(CNT_PERMISSION_WALKS);
    }
    count(CNT_IOTLB_MISSES);
  }
  const input = iova & BITS_52;
  const found = wantsWrite && walks.walk(mode, space, input, write);
  if (!found) {
    if (wantsWrite && !isForbidden()) return STATUS_FAULT;
    if (!walks.walk(mode, space, input, read)) return STATUS_FAULT;
  }
  const never = neverOf(config);
  if (ownMode) fill(context, space, iova, never);
  Leaf.deny |= never;
  return STATUS_TRANSLATED;
}
