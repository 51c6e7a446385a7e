// One request that the IOTLB could not answer: configuration, walks, filling the IOTLB, and the outcome
// when a rule of the architecture stops it (IHI 0070 3.3.2, 3.4, 5.5, 7.3). Stalls are not modelled.

import {
  ACCESS_EXECUTE,
  ACCESS_WRITE,
  CLASS_IN,
  CLASS_TT,
  CNT_ABORTED,
  CNT_BYPASSED,
  CNT_DISABLED,
  CNT_FAULT_TYPES,
  CNT_FAULTED,
  CNT_IOTLB_MISSES,
  CNT_NOT_LOOKED_UP,
  FAULT_ACCESS,
  FAULT_CLASS,
  FAULT_FETCH_ADDRESS,
  FAULT_FLAG_RECORD,
  FAULT_FLAG_STAGE2,
  FAULT_FLAG_TTRNW,
  FAULT_FLAGS,
  FAULT_INDEX,
  FAULT_IOVA,
  FAULT_IPA,
  FAULT_PASID,
  FAULT_SIZE,
  FAULT_STREAM,
  FAULT_TYPE,
  STATUS_ABORTED,
  STATUS_BYPASSED,
  STATUS_FAULT,
  STATUS_RAZ_WI,
  STATUS_TRANSLATED,
} from "../../src/spec/abi/core";
import { IDR0_TERM_MODEL_LSB } from "../../src/spec/smmuv3/registers";
import { BITS_52 } from "../lib/bits";
import { Arena, count } from "../mem/arena";
import { WALK_E0PD } from "../pt/config";
import { VmsaStage1 } from "../pt/fmt/vmsa-stage1";
import { VmsaStage2 } from "../pt/fmt/vmsa-stage2";
import { nestedWalk, stage1Request, stage2Request } from "../pt/nested";
import { Plain } from "../pt/plain";
import { Fault, Leaf, REASON_ADDRESS_SIZE, REASON_MISSING, REASON_TRANSLATION, Request } from "../pt/state";
import {
  ACCESS_AND_SHIFT,
  ACCESS_OR_SHIFT,
  CTX_FLAGS,
  HALF_MASK,
  HALF_SPACE,
  HALF_VALUE,
  halfOf,
  hasOverride,
  MODE_ABORT,
  MODE_BYPASS,
  MODE_MASK,
  MODE_NESTED,
  MODE_STAGE2,
} from "../tlb/contexts";
import { fill, isSurelyAbsent, Probed, probeAll } from "../tlb/iotlb";
import { SPACE_CONFIG, SPACE_STAGE2 } from "../tlb/space";
import { FLAG_ABORT, FLAG_RECORD, FLAG_RECORD_STAGE2, Lookup } from "./configure";
import { globalAbort, idr0, oas, recordsInvalidStreams } from "./features";
import { eventOf, isGoverned, REASON_BAD_STREAMID } from "./reason";

/** Every unprivileged access code. */
const UNPRIVILEGED: u32 = 0x0f;

/** SMMUEN = 0: GBPA decides (6.3.14). Returns the status. */
export function translateDisabled(iova: u64): u32 {
  count(CNT_DISABLED);
  count(CNT_NOT_LOOKED_UP);
  if (globalAbort() || iova >> oas() !== 0) {
    count(CNT_ABORTED);
    return STATUS_ABORTED;
  }
  return bypass(iova);
}

function bypass(iova: u64): u32 {
  count(CNT_BYPASSED);
  Leaf.output = iova;
  Leaf.lg2 = 0;
  return STATUS_BYPASSED;
}

/** Translates through `context`; returns the status, or STATUS_FAULT with the Fault raised. */
export function translateWith(context: usize, iova: u64, access: u32): u32 {
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  const half = halfOf(context, iova);
  const space: usize = load<u32>(half + HALF_SPACE);
  if (space === 0 || (iova & load<u64>(half + HALF_MASK)) !== load<u64>(half + HALF_VALUE)) {
    count(CNT_NOT_LOOKED_UP);
    return translateWithoutTables(mode, iova);
  }
  // E0PD: unprivileged requests see nothing in this half (5.4).
  const config = load<u64>(space + SPACE_CONFIG);
  if ((config & WALK_E0PD) !== 0 && access < 4) {
    count(CNT_NOT_LOOKED_UP);
    Fault.raise(REASON_TRANSLATION);
    return STATUS_FAULT;
  }
  if (probeAll(context, space, iova, access)) {
    Request.hit = true;
    return STATUS_TRANSLATED;
  }
  count(CNT_IOTLB_MISSES);
  const input = iova & BITS_52;
  let ok: bool;
  if (mode === MODE_NESTED) {
    ok = nestedWalk<VmsaStage1, VmsaStage2>(space, input, access);
  } else if (mode === MODE_STAGE2) {
    ok = stage2Request<VmsaStage2>(space, input, access);
  } else {
    ok = stage1Request<VmsaStage1>(space, input, access);
  }
  if (!ok) return STATUS_FAULT;
  fill(context, space, iova, (config & WALK_E0PD) !== 0 ? UNPRIVILEGED : 0);
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

/** A request that no table of its stream covers: abort, bypass, or an address beyond the tables. */
function translateWithoutTables(mode: u32, iova: u64): u32 {
  if (mode === MODE_ABORT) {
    count(CNT_ABORTED);
    return STATUS_ABORTED;
  }
  if (mode !== MODE_BYPASS && mode !== MODE_STAGE2) return outOfRange(mode, iova);
  if (iova >> oas() !== 0) {
    // Stage-1 bypass of an address that stage 2, or the system, cannot have (3.4).
    Fault.raise(REASON_ADDRESS_SIZE);
    return STATUS_FAULT;
  }
  return mode === MODE_BYPASS ? bypass(iova) : outOfRange(mode, iova);
}

/** No table covers the address: a stage-1 fault, or for a stage-2-only stream a stage-2 one. */
function outOfRange(mode: u32, iova: u64): u32 {
  Fault.raise(REASON_TRANSLATION);
  if (mode === MODE_STAGE2) {
    Fault.stage2 = true;
    Fault.class = CLASS_IN;
    Fault.ipa = iova;
  }
  return STATUS_FAULT;
}

/** Ends a faulting request: appends its record as the `index`-th and returns the status code. */
export function endWithFault(
  at: u32,
  index: u32,
  stream: u32,
  pasid: u32,
  iova: u64,
  access: u32,
  context: usize,
): u32 {
  const type = eventOf(Fault.reason);
  const flags = context !== 0 ? load<u32>(context + CTX_FLAGS) : 0;
  let record = true;
  let razWi = false;
  if (isGoverned(Fault.reason)) {
    if (Fault.stage2) {
      record = context !== 0 ? (flags & FLAG_RECORD_STAGE2) !== 0 : Lookup.recordStage2;
    } else if (hasStage1(flags, context)) {
      record = (flags & FLAG_RECORD) !== 0;
      razWi = (flags & FLAG_ABORT) === 0 && !idr0(IDR0_TERM_MODEL_LSB);
    }
  } else if (Fault.reason === REASON_BAD_STREAMID) {
    record = recordsInvalidStreams();
  }
  const fault = Arena.faults + <usize>at * FAULT_SIZE;
  store<u32>(fault + FAULT_INDEX, index);
  store<u8>(fault + FAULT_TYPE, <u8>type);
  store<u8>(
    fault + FAULT_FLAGS,
    <u8>(
      ((Fault.stage2 ? FAULT_FLAG_STAGE2 : 0) |
        (Fault.tableRead ? FAULT_FLAG_TTRNW : 0) |
        (record ? FAULT_FLAG_RECORD : 0))
    ),
  );
  store<u8>(fault + FAULT_CLASS, <u8>Fault.class);
  store<u8>(fault + FAULT_ACCESS, <u8>access);
  store<u32>(fault + FAULT_STREAM, stream);
  store<u32>(fault + FAULT_PASID, pasid);
  store<u64>(fault + FAULT_IOVA, iova);
  store<u64>(fault + FAULT_IPA, Fault.ipa);
  store<u64>(fault + FAULT_FETCH_ADDRESS, Fault.fetchAddress);
  count(CNT_FAULTED);
  count(CNT_FAULT_TYPES + (type << 3));
  return razWi ? STATUS_RAZ_WI : STATUS_FAULT | type;
}

/** Whether CD.A and CD.R apply: a bypassed stage 1 has no CD, so its address-size fault is always recorded. */
function hasStage1(flags: u32, context: usize): bool {
  const mode = flags & MODE_MASK;
  return context !== 0 && mode !== MODE_BYPASS && mode !== MODE_STAGE2;
}

/** The access code after STE overrides; a write is data whatever its execute attribute (5.2 INSTCFG). */
export function effectiveAccess(context: usize, access: u32): u32 {
  const flags = context !== 0 ? load<u32>(context + CTX_FLAGS) : Lookup.accessAndOr;
  const overridden = (access & (flags >> ACCESS_AND_SHIFT)) | ((flags >> ACCESS_OR_SHIFT) & 7);
  return (overridden & ACCESS_WRITE) !== 0 ? overridden & ~ACCESS_EXECUTE : overridden;
}

/** True when the request must be repeated after the embedder has filled an external frame. */
export function mustWait(): bool {
  return Fault.reason === REASON_MISSING;
}
