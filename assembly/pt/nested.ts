// Two stages (IHI 0070 3.3, 3.4): every stage-1 table address and the stage-1 output are IPAs that pass
// stage 2. A stage-2 fault wins over what stage 1 would have said next and carries the IPA and the class
// of what was being translated (table, data, or a configuration structure).
// Generic over the stage-2 format S; the narrower of two leaves is what may be cached.

import { CLASS_IN, CLASS_TT, CNT_S2TLB_HITS, CNT_S2TLB_MISSES } from "../../src/spec/abi/core";
import { BITS_52 } from "../lib/bits";
import { Arena, count } from "../mem/arena";
import { Bus, hostOf, markDirty } from "../mem/physical";
import { ADDRESS_MASK, dataAt, find, insert, setHash, tagOf } from "../tlb/set-associative";
import {
  noteSize,
  SPACE_CONFIG,
  SPACE_ID_BITS,
  SPACE_STAGE2,
  SPACE_STAGE2_SIZES,
  seedOf,
  smallestOf,
} from "../tlb/space";
import { inputBitsOf, WALK_PTW } from "./config";
import { attributeBits, attributesIn, leafCode, leafLg2Of } from "./leaf-code";
import { PhysicalTables } from "./physical-tables";
import { Plain } from "./plain";
import {
  Fault,
  Leaf,
  REASON_EXTERNAL_ABORT,
  REASON_MISSING,
  REASON_PERMISSION,
  REASON_TRANSLATION,
  Request,
} from "./state";
import { walk } from "./walk";

/** Data-word bit of stage-2 TLB entries: Device memory (access code 3, which needs no bit of its own). */
const DEVICE: u64 = 1 << 3;
const DENY: u64 = 0xff & ~DEVICE;

/** Looks `ipa` up in the stage-2 TLB; on a hit Leaf holds the answer. */
function lookup(space: usize, ipa: u64, access: u32): bool {
  const tlb = Arena.stage2Tlb;
  if (tlb === 0) return false;
  const id = load<u64>(space + SPACE_ID_BITS);
  const seed = seedOf(space);
  let sizes = load<u32>(space + SPACE_STAGE2_SIZES);
  while (sizes !== 0) {
    const lg2 = smallestOf(sizes);
    sizes &= sizes - 1;
    const slot = find(tlb, tagOf(ipa, lg2, id), setHash(ipa, lg2, seed));
    if (slot === 0) continue;
    const data = dataAt(tlb, slot);
    if ((((data & DENY) >> access) & 1) !== 0) break;
    Leaf.output = (ipa + (data & ADDRESS_MASK)) & BITS_52;
    Leaf.lg2 = lg2;
    Leaf.descriptorLg2 = leafLg2Of(data);
    // Code 3 (a write whatever else it says) shares the bit of 1, 7 that of 5.
    Leaf.deny = <u32>(data & DENY) | ((<u32>data & 2) << 2);
    Leaf.device = (data & DEVICE) !== 0;
    Leaf.attributes = attributesIn(data);
    count(CNT_S2TLB_HITS);
    Request.cached = true;
    return true;
  }
  count(CNT_S2TLB_MISSES);
  return false;
}

/** One stage by the short cut. */
function plainPage<F>(space: usize, input: u64, access: u32, class_: u32): bool {
  return Plain.page<F>(space, input, access, class_) && Request.plain(1);
}

function remember(space: usize, ipa: u64): void {
  const tlb = Arena.stage2Tlb;
  if (tlb === 0) return;
  const lg2 = Leaf.lg2;
  const delta = (Leaf.output - ipa) & ADDRESS_MASK;
  const data =
    delta |
    leafCode(Leaf.descriptorLg2) |
    attributeBits(Leaf.attributes) |
    (Leaf.deny & DENY) |
    (Leaf.device ? DEVICE : 0);
  insert(tlb, tagOf(ipa, lg2, load<u64>(space + SPACE_ID_BITS)), data, setHash(ipa, lg2, seedOf(space)));
  noteSize(space, SPACE_STAGE2_SIZES, lg2);
}

/**
 * Stage 2 of `ipa`: true with Leaf set, false with a stage-2 Fault of class `class_`.
 * `access` is the access code; for tables and configuration 0 (read) or 1 (update). `stage1Lg2` is what
 * stage 1 maps around it, 0 for tables and configuration.
 */
export function stage2<S>(space: usize, ipa: u64, access: u32, class_: u32, stage1Lg2: u32): bool {
  const config = load<u64>(space + SPACE_CONFIG);
  let ok = true;
  if (ipa >> inputBitsOf(config) !== 0) {
    ok = Fault.raise(REASON_TRANSLATION);
  } else if (class_ !== CLASS_IN) {
    if (!lookup(space, ipa, access)) {
      ok = walk<S, PhysicalTables>(space, ipa, access, class_);
      if (ok) remember(space, ipa);
    }
  } else if (!plainPage<S>(space, ipa, access, class_) && !lookup(space, ipa, access)) {
    ok = walk<S, PhysicalTables>(space, ipa, access, class_);
    // A page no larger than stage 1's is in the IOTLB entry already.
    if (ok && Leaf.lg2 > stage1Lg2) remember(space, ipa);
  }
  // S2PTW: tables and configuration must not come from Device memory (IHI 0070 5.2).
  if (ok && class_ !== CLASS_IN && Leaf.device && (config & WALK_PTW) !== 0) {
    ok = Fault.raise(REASON_PERMISSION);
  }
  if (ok) return true;
  Fault.stage2 = true;
  Fault.class = class_;
  Fault.ipa = ipa;
  Fault.tableRead = (access & 1) === 0;
  return false;
}

/** Linear offset of what is at `ipa`, for a fetch or an update; 0 with a Fault. */
function locateThrough<S>(space: usize, ipa: u64, updates: bool): usize {
  const below: usize = load<u32>(space + SPACE_STAGE2);
  const access: u32 = updates ? 1 : changetype<S>(0).tableFetch(load<u64>(below + SPACE_CONFIG));
  if (!stage2<S>(below, ipa, access, CLASS_TT, 0)) {
    Fault.tableRead = !updates;
    return 0;
  }
  const host = hostOf(Leaf.output);
  if (host !== 0) {
    if (updates) markDirty(Leaf.output);
    return host;
  }
  Fault.raiseFetch(Bus.missing ? REASON_MISSING : REASON_EXTERNAL_ABORT, Leaf.output);
  return 0;
}

/** Stage-1 tables in IPA space: the next stage of a nested stage 1. */
export class NestedTables<S> {
  locate(space: usize, address: u64): usize {
    return locateThrough<S>(space, address, false);
  }

  locateForUpdate(space: usize, address: u64): usize {
    return locateThrough<S>(space, address, true);
  }
}

/** Both stages of `input`; Leaf is their combination: output of stage 2, the smaller leaf, both denials. */
export function nestedWalk<F, S>(space: usize, input: u64, access: u32): bool {
  const below: usize = load<u32>(space + SPACE_STAGE2);
  if (Plain.nested<F, S>(space, below, input, access, CLASS_TT, CLASS_IN)) return Request.plain(2);
  if (!walk<F, NestedTables<S>>(space, input, access, CLASS_TT)) return false;
  const lg2 = Leaf.lg2;
  const descriptorLg2 = Leaf.descriptorLg2;
  const deny = Leaf.deny;
  const global = Leaf.global;
  const attributes = Leaf.attributes;
  if (!stage2<S>(below, Leaf.output, access, CLASS_IN, lg2)) return false;
  Leaf.lg2 = min(lg2, Leaf.lg2);
  Leaf.descriptorLg2 = descriptorLg2;
  Leaf.deny |= deny;
  Leaf.global = global;
  Leaf.attributes |= attributes;
  return true;
}

/** Stage 2 alone, for a stream without stage 1: Leaf or a stage-2 Fault of class IN. */
export function stage2Request<S>(space: usize, ipa: u64, access: u32): bool {
  if (plainPage<S>(space, ipa, access, CLASS_IN) || walk<S, PhysicalTables>(space, ipa, access, CLASS_IN))
    return true;
  Fault.stage2 = true;
  Fault.class = CLASS_IN;
  Fault.ipa = ipa;
  return false;
}

/** Stage 1 alone: its tables and its output are physical. */
export function stage1Request<F>(space: usize, input: u64, access: u32): bool {
  return (
    plainPage<F>(space, input, access, CLASS_IN) || walk<F, PhysicalTables>(space, input, access, CLASS_IN)
  );
}
