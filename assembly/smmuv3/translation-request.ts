// A translation request of an endpoint (PCIe ATS): its completion and its event (IHI 0070 3.9.1.2, 13.6, 13.7).
// Choices where the manual leaves one: a request with NW = 1 is granted a write that needs no update; the identity of a
// skipped stage 1 is answered one STU at a time; U is always 0. The interface is not there without IDR0.ATS: UR.

import {
  ACCESS_EXECUTE,
  ACCESS_PRIVILEGED,
  ACCESS_WRITE,
  ATS_EXECUTE,
  ATS_PRIVILEGED,
  ATS_READ,
  ATS_WRITE,
  CNT_DISABLED,
  FAULT_FLAG_MERGE,
  STATUS_BYPASSED,
  STATUS_FAULT,
} from "../../src/spec/abi/core";
import { EVT_F_BAD_ATS_TREQ } from "../../src/spec/smmuv3/events";
import { IDR0_ATS_LSB } from "../../src/spec/smmuv3/registers";
import { STE_EATS_NONE, STE_EATS_SPLIT } from "../../src/spec/smmuv3/ste";
import { Completion, FaultRecord } from "../ats/completion";
import { allows, findRights } from "../ats/rights";
import { count } from "../mem/arena";
import { NO_TABLES } from "../outcome";
import { Fault, Leaf, REASON_MISSING } from "../pt/state";
import {
  CTX_FLAGS,
  findContext,
  MODE_ABORT,
  MODE_MASK,
  MODE_NESTED,
  MODE_SPLIT,
  MODE_STAGE2,
} from "../tlb/contexts";
import { effectiveEats, mergeFlag, recordsError } from "./ats";
import { configure } from "./configure";
import { idr0, isEnabled, smallestUnit } from "./features";
import { eventOf, isGoverned } from "./reason";
import { findSte } from "./ste";
import { CONFIG_VALID, STE_RECORD_CONFIG } from "./ste-record";
import { effectiveAccess, Walks, withoutTables } from "./translate";

/** Answers a translation request with the Completion; false when it must wait. `access`: write = NW is clear. */
export function answerTranslationRequest(stream: u32, pasid: u32, iova: u64, access: u32): bool {
  // Execute and privileged come with a PASID (13.7).
  const asked = pasid !== 0 ? access : access & ACCESS_WRITE;
  FaultRecord.access = asked;
  if (!idr0(IDR0_ATS_LSB)) return refuse(false, 0);
  if (!isEnabled()) return refuse(true, 0);
  const ste = findSte(stream);
  if (ste === 0) {
    count(CNT_DISABLED);
    return endByFault(FAULT_FLAG_MERGE, 0);
  }
  if ((load<u32>(ste + STE_RECORD_CONFIG) & CONFIG_VALID) === 0) return refuse(false, 0);
  const eats = effectiveEats(ste);
  const merge = mergeFlag(ste);
  if (eats === STE_EATS_NONE) return refuse(true, merge);
  const known = findContext(stream, pasid);
  const context = known !== 0 ? known : configure(stream, pasid);
  const privileged = (asked & ACCESS_PRIVILEGED) !== 0 ? ATS_PRIVILEGED : 0;
  if (context === 0) return endByFault(merge, privileged);
  Completion.configured = true;
  return grantRights(context, iova, asked, eats === STE_EATS_SPLIT, privileged, merge);
}

/** UR, with F_BAD_ATS_TREQ if `recorded`. */
function refuse(recorded: bool, merge: u32): bool {
  count(CNT_DISABLED);
  Completion.refuse();
  if (recorded) {
    Fault.raise(0);
    FaultRecord.ask(EVT_F_BAD_ATS_TREQ, true, merge);
  }
  return true;
}

/** The end of a request whose ordinary form would fault: CA for errors, else no rights (3.9.1.2). */
function endByFault(merge: u32, privileged: u32): bool {
  const reason = Fault.reason;
  if (reason === REASON_MISSING) return false;
  if (isGoverned(reason)) {
    Completion.deny(privileged, smallestUnit());
    FaultRecord.ask(eventOf(reason), false, merge);
    return true;
  }
  Completion.abort();
  FaultRecord.ask(eventOf(reason), recordsError(reason), merge);
  return true;
}

/** What the tables of `context` give to a request for `asked` (13.7.1). */
function grantRights(context: usize, iova: u64, asked: u32, split: bool, privileged: u32, merge: u32): bool {
  const ownMode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  if (ownMode === MODE_ABORT) {
    Completion.refuse();
    return true;
  }
  const base = asked & ACCESS_PRIVILEGED;
  const read = effectiveAccess(context, base);
  const write = effectiveAccess(context, base | ACCESS_WRITE);
  const wantsWrite = (asked & ACCESS_WRITE) !== 0;
  const mode = split && ownMode === MODE_NESTED ? MODE_SPLIT : ownMode;
  let status = findRights<Walks>(context, mode, iova, read, write, wantsWrite);
  if (status === NO_TABLES) status = withoutTables(context, iova, read);
  if (status === STATUS_FAULT) {
    FaultRecord.access = wantsWrite ? write : read;
    return endByFault(merge, privileged);
  }
  if (status === STATUS_BYPASSED) {
    // Stage 1 is skipped, and there is no other (13.6.4).
    Completion.grant(ATS_READ | ATS_WRITE, iova, smallestUnit());
    return true;
  }
  let grants = privileged;
  if (allows(read)) grants |= ATS_READ;
  if (allows(write)) grants |= ATS_WRITE;
  if (
    (asked & ACCESS_EXECUTE) !== 0 &&
    allows(read) &&
    allows(effectiveAccess(context, base | ACCESS_EXECUTE))
  ) {
    grants |= ATS_EXECUTE;
  }
  // Split-stage without stage 1: the address is an IPA already (13.6.5).
  const output = split && ownMode === MODE_STAGE2 ? iova : Leaf.output;
  Completion.grant(grants, output, Leaf.lg2);
  return true;
}
