// How an SMMUv3 answers where no table does, and how a request ends that a rule of the architecture stops
// (IHI 0070 3.3.2, 3.4, 5.5, 7.3). A stalled request is held by src/smmuv3/stalls.ts; here it only gets that status.

import {
  ACCESS_EXECUTE,
  ACCESS_WRITE,
  CLASS_IN,
  CNT_ABORTED,
  CNT_DISABLED,
  CNT_NOT_LOOKED_UP,
  FAULT_FLAG_MERGE,
  FAULT_FLAG_STALL,
  STATUS_ABORTED,
  STATUS_FAULT,
  STATUS_RAZ_WI,
  STATUS_STALLED,
} from "../../src/spec/abi/core";
import { IDR0_TERM_MODEL_LSB } from "../../src/spec/smmuv3/registers";

import { count } from "../mem/arena";
import { bypass, recordFault } from "../outcome";
import { VmsaStage1 } from "../pt/fmt/vmsa-stage1";
import { VmsaStage2 } from "../pt/fmt/vmsa-stage2";
import { nestedWalk, stage1Request, stage2Request } from "../pt/nested";
import { Fault, REASON_ADDRESS_SIZE, REASON_TRANSLATION } from "../pt/state";
import { Short } from "../short-path";
import {
  ACCESS_AND_SHIFT,
  ACCESS_OR_SHIFT,
  CTX_FLAGS,
  MODE_ABORT,
  MODE_BYPASS,
  MODE_MASK,
  MODE_NESTED,
  MODE_SPLIT,
  MODE_STAGE2,
} from "../tlb/contexts";
import {
  FLAG_ABORT,
  FLAG_MERGE,
  FLAG_RECORD,
  FLAG_RECORD_STAGE2,
  FLAG_STALL,
  FLAG_STALL_STAGE2,
  Lookup,
} from "./configure";
import { globalAbort, idr0, oas, recordsInvalidStreams } from "./features";
import { eventOf, isGoverned, REASON_BAD_STREAMID } from "./reason";
import { splitWalk } from "./split-stage";

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

/** A request that no table of its stream covers: abort, bypass, or an address beyond the tables. */
export function withoutTables(context: usize, iova: u64, access: u32): u32 {
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
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

/** The short way of misses (../short-path.ts). */
export function answerMisses(first: u32, last: u32, context: usize, half: usize, probed: u32): u32 {
  return Short.run<VmsaStage1, VmsaStage2>(first, last, context, half, probed);
}

/** The walks of a mode; true with Leaf set, false with the Fault raised. */
export function walkContext(mode: u32, space: usize, input: u64, access: u32): bool {
  if (mode === MODE_NESTED) return nestedWalk<VmsaStage1, VmsaStage2>(space, input, access);
  if (mode === MODE_STAGE2) return stage2Request<VmsaStage2>(space, input, access);
  if (mode === MODE_SPLIT) return splitWalk(space, input, access);
  return stage1Request<VmsaStage1>(space, input, access);
}

/** The same for ats/rights.ts. */
export class Walks {
  walk(mode: u32, space: usize, input: u64, access: u32): bool {
    return walkContext(mode, space, input, access);
  }
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
  const flags = context !== 0 ? load<u32>(context + CTX_FLAGS) : Lookup.flags;
  let record = true;
  let stall = false;
  let razWi = false;
  if (isGoverned(Fault.reason)) {
    if (Fault.stage2) {
      stall = (flags & FLAG_STALL_STAGE2) !== 0;
      record = (flags & FLAG_RECORD_STAGE2) !== 0;
    } else if (hasStage1(flags, context)) {
      stall = (flags & FLAG_STALL) !== 0;
      record = (flags & FLAG_RECORD) !== 0;
      razWi = (flags & FLAG_ABORT) === 0 && !idr0(IDR0_TERM_MODEL_LSB);
    }
  } else if (Fault.reason === REASON_BAD_STREAMID) {
    record = recordsInvalidStreams();
  }
  // A stall is always recorded: R is ignored (5.5 ARS = 0bxx1).
  const more = (stall ? FAULT_FLAG_STALL : 0) | ((flags & FLAG_MERGE) !== 0 ? FAULT_FLAG_MERGE : 0);
  recordFault(at, index, type, stream, pasid, iova, access, record || stall, more);
  if (stall) return STATUS_STALLED;
  return razWi ? STATUS_RAZ_WI : STATUS_FAULT | type;
}

/** Whether CD.A, CD.R and CD.S apply: a bypassed stage 1 has no CD, so its address-size fault is always recorded. */
function hasStage1(flags: u32, context: usize): bool {
  const mode = flags & MODE_MASK;
  return context !== 0 && mode !== MODE_BYPASS && mode !== MODE_STAGE2;
}

/** The access code after STE overrides; a write is data whatever its execute attribute (5.2 INSTCFG). */
export function effectiveAccess(context: usize, access: u32): u32 {
  return overrideAccess(context !== 0 ? load<u32>(context + CTX_FLAGS) : Lookup.accessAndOr, access);
}

/** The same with the overrides of `flags`: of a context or of an STE record. */
export function overrideAccess(flags: u32, access: u32): u32 {
  const overridden = (access & (flags >> ACCESS_AND_SHIFT)) | ((flags >> ACCESS_OR_SHIFT) & 7);
  return (overridden & ACCESS_WRITE) !== 0 ? overridden & ~ACCESS_EXECUTE : overridden;
}
