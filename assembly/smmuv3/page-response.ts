// What automatic answers to page requests need of an STE: PPAR (IHI 0070 8.1).

import { FAULT_FLAG_MERGE } from "../../src/spec/abi/core";
import { writeFault } from "../outcome";
import { Fault, REASON_MISSING } from "../pt/state";
import { recordsError } from "./ats";
import { eventOf } from "./reason";
import { findSte } from "./ste";
import { STE_FLAG_PPAR, STE_RECORD_FLAGS } from "./ste-record";

/**
 * STE.PPAR of `stream`: 0 or 1; -1 when no valid STE can be read, with the first fault record saying why; -2 when an
 * external frame is missing. `pasid` is the request's.
 */
export function responsePasid(stream: u32, pasid: u32): i32 {
  const record = findSte(stream);
  if (record !== 0) return (load<u32>(record + STE_RECORD_FLAGS) & STE_FLAG_PPAR) !== 0 ? 1 : 0;
  const reason = Fault.reason;
  if (reason === REASON_MISSING) return -2;
  writeFault(0, 0, eventOf(reason), stream, pasid, 0, 0, recordsError(reason), FAULT_FLAG_MERGE);
  return -1;
}
