// How a VT-d unit answers where no table of a context covers the address, which walks its modes name, and how a
// request ends that a rule stops (Rev 5.10, 3.4 to 3.8, 7.1, 7.2). Not modelled: atomic requests, zero-length reads.

import {
  ACCESS_EXECUTE,
  ACCESS_WRITE,
  CNT_DISABLED,
  CNT_NOT_LOOKED_UP,
  PASID_VALID,
  STATUS_FAULT,
  STATUS_TRANSLATED,
} from "../../src/spec/abi/core";
import { FR_LEGACY_TOO_WIDE, FR_PASID_NO_EXECUTE, FR_TOO_WIDE } from "../../src/spec/vtd/faults";

import { count } from "../mem/arena";
import { bypass, recordFault } from "../outcome";
import { isInterrupt } from "../pt/fmt/vtd";
import { CTX_FLAGS, CTX_PASID, MODE_BYPASS, MODE_MASK } from "../tlb/contexts";
import { isRecorded } from "./context";
import { isBeyondHost, isLegacy } from "./features";
import { codeOf, raise } from "./reason";
import { Disable } from "./structures";
import { isOutputLegal } from "./walks";
import { walkWindow } from "./windows";

/** GSTS.TES = 0: everything passes. Returns the status. */
export function translateDisabled(iova: u64): u32 {
  count(CNT_DISABLED);
  count(CNT_NOT_LOOKED_UP);
  return bypass(iova);
}

/** A request without PASID to the interrupt range is an interrupt, whatever the tables say (3.14). */
export function isUntranslated(pasid: u32, iova: u64): bool {
  return (pasid & PASID_VALID) === 0 && isInterrupt(iova);
}

/** A request that no space of its context covers: pass-through, an address too wide, or one in a window. */
export function withoutTables(context: usize, iova: u64, access: u32): u32 {
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  if (mode === MODE_BYPASS) return passThrough(context, iova, access);
  if (walkWindow(context, mode, iova, access)) return STATUS_TRANSLATED;
  return STATUS_FAULT;
}

function passThrough(context: usize, iova: u64, access: u32): u32 {
  if ((access & ACCESS_EXECUTE) !== 0 && load<u32>(context + CTX_PASID) !== 0) {
    raise(FR_PASID_NO_EXECUTE);
    return STATUS_FAULT;
  }
  if (isBeyondHost(iova)) {
    raise(isLegacy() ? FR_LEGACY_TOO_WIDE : FR_TOO_WIDE);
    return STATUS_FAULT;
  }
  return isOutputLegal(iova) ? bypass(iova) : STATUS_FAULT;
}

/** Ends a faulting request: appends its record as the `at`-th and returns the status code. */
export function endWithFault(
  at: u32,
  index: u32,
  stream: u32,
  pasid: u32,
  iova: u64,
  access: u32,
  context: usize,
): u32 {
  const code = codeOf(access, isLegacy());
  const recorded = context !== 0 ? isRecorded(context) : !Disable.fpd;
  recordFault(at, index, code, stream, pasid, iova, access, recorded);
  return statusOf(code);
}

/** The status byte of a fault: codes of 0x80 and more go from 0x40 on, so that all are there beside the other statuses. */
export function statusOf(code: u32): u32 {
  return code < <u32>STATUS_FAULT ? STATUS_FAULT | code : 0x40 | (code & 0x3f);
}

/** A write is data, whatever its execute attribute. */
export function effectiveAccess(context: usize, access: u32): u32 {
  return (access & ACCESS_WRITE) !== 0 ? access & ~ACCESS_EXECUTE : access;
}
