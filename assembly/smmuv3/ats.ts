// What translation requests and accesses with translated addresses have in common: the service that an STE gives its
// endpoint (IHI 0070 5.2 EATS, 3.9.2).

import { FAULT_FLAG_MERGE } from "../../src/spec/abi/core";
import { STE_EATS_FULL, STE_EATS_NONE, STE_EATS_SPLIT } from "../../src/spec/smmuv3/ste";
import { checksTranslated, recordsAtsErrors, recordsInvalidStreams } from "./features";
import { REASON_BAD_STREAMID } from "./reason";
import {
  CONFIG_S1,
  CONFIG_S2,
  STE_FLAG_EATS_SHIFT,
  STE_FLAG_MEV,
  STE_RECORD_CONFIG,
  STE_RECORD_FLAGS,
} from "./ste-record";

/** The effective EATS of the STE record `ste`: none, full or split. Split-stage needs ATSCHK, 0b11 needs a DPT. */
export function effectiveEats(ste: usize): u32 {
  if ((load<u32>(ste + STE_RECORD_CONFIG) & (CONFIG_S1 | CONFIG_S2)) === 0) return STE_EATS_NONE;
  const eats = (load<u32>(ste + STE_RECORD_FLAGS) >> STE_FLAG_EATS_SHIFT) & 3;
  if (eats === STE_EATS_FULL || (eats === STE_EATS_SPLIT && checksTranslated())) return eats;
  return STE_EATS_NONE;
}

/** Whether a configuration error that an endpoint's ATS or page request meets is recorded (3.9.1.2, 8.1). */
export function recordsError(reason: u32): bool {
  return recordsAtsErrors() && (reason !== REASON_BAD_STREAMID || recordsInvalidStreams());
}

/** FAULT_FLAG_MERGE if events of the STE record `ste` may share a record. */
export function mergeFlag(ste: usize): u32 {
  return (load<u32>(ste + STE_RECORD_FLAGS) & STE_FLAG_MEV) !== 0 ? FAULT_FLAG_MERGE : 0;
}
