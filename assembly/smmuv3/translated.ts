// An access whose address the endpoint's ATC has translated (IHI 0070 3.9.1.1, 3.9.1.3, 13.6.3): passed, forbidden, or
// translated by stage 2. IDR3.PASIDTT is 0: whatever PASID it has, it is unprivileged data without one.
// Choices where the manual leaves one: a physical address beyond OAS is aborted without an event; overrides of the STE do
// not concern an access that passes.

import {
  ACCESS_WRITE,
  CLASS_IN,
  CNT_ABORTED,
  CNT_DISABLED,
  FAULT_FLAG_MERGE,
  STATUS_ABORTED,
  STATUS_FAULT,
  STATUS_TRANSLATED,
} from "../../src/spec/abi/core";
import { EVT_F_TRANSL_FORBIDDEN } from "../../src/spec/smmuv3/events";
import { IDR0_ATS_LSB } from "../../src/spec/smmuv3/registers";
import { STE_EATS_FULL, STE_EATS_NONE } from "../../src/spec/smmuv3/ste";
import { FaultRecord, MUST_WAIT } from "../ats/completion";
import { count } from "../mem/arena";
import { bypass } from "../outcome";
import { VmsaStage2 } from "../pt/fmt/vmsa-stage2";
import { stage2 } from "../pt/nested";
import { Fault, REASON_ADDRESS_SIZE, REASON_MISSING } from "../pt/state";
import { dropReference } from "../tlb/space";
import { effectiveEats, mergeFlag } from "./ats";
import { acquireStage2 } from "./configure";
import { checksTranslated, idr0, isEnabled, oas, recordsAtsErrors } from "./features";
import { eventOf, isGoverned } from "./reason";
import { findSte } from "./ste";
import { CONFIG_VALID, STE_FLAG_S2R, STE_RECORD_CONFIG, STE_RECORD_FLAGS } from "./ste-record";
import { overrideAccess } from "./translate";

/** The status of the access, with Leaf where it goes on; MUST_WAIT for a missing frame. */
export function passTranslated(stream: u32, address: u64, access: u32): u32 {
  count(CNT_DISABLED);
  const plain = access & ACCESS_WRITE;
  FaultRecord.access = plain;
  FaultRecord.pasid = 0;
  if (!idr0(IDR0_ATS_LSB)) return abortSilently();
  if (!isEnabled()) return forbid(0);
  if (!checksTranslated()) return passPhysical(address);
  const ste = findSte(stream);
  if (ste === 0) return endByFault(recordsAtsErrors(), FAULT_FLAG_MERGE);
  if ((load<u32>(ste + STE_RECORD_CONFIG) & CONFIG_VALID) === 0) return abortSilently();
  const eats = effectiveEats(ste);
  if (eats === STE_EATS_NONE) return forbid(mergeFlag(ste));
  return eats === STE_EATS_FULL ? passPhysical(address) : translateIpa(ste, address, plain);
}

function abortSilently(): u32 {
  count(CNT_ABORTED);
  return STATUS_ABORTED;
}

function forbid(merge: u32): u32 {
  Fault.raise(0);
  FaultRecord.ask(EVT_F_TRANSL_FORBIDDEN, true, merge);
  return STATUS_FAULT | EVT_F_TRANSL_FORBIDDEN;
}

function passPhysical(address: u64): u32 {
  return address >> oas() !== 0 ? abortSilently() : bypass(address);
}

function endByFault(recorded: bool, merge: u32): u32 {
  if (Fault.reason === REASON_MISSING) return MUST_WAIT;
  const type = eventOf(Fault.reason);
  FaultRecord.ask(type, recorded, merge);
  return STATUS_FAULT | type;
}

/** Split-stage: what the endpoint has is an IPA. Its faults are recorded as those of other accesses. */
function translateIpa(ste: usize, ipa: u64, plain: u32): u32 {
  const flags = load<u32>(ste + STE_RECORD_FLAGS);
  const merge = mergeFlag(ste);
  const access = overrideAccess(flags, plain);
  FaultRecord.access = access;
  if (ipa >> oas() !== 0) {
    Fault.raise(REASON_ADDRESS_SIZE);
    return endByFault(true, merge);
  }
  const space = acquireStage2(ste);
  const ok = stage2<VmsaStage2>(space, ipa, access, CLASS_IN, 0);
  dropReference(space);
  if (ok) return STATUS_TRANSLATED;
  return endByFault(!isGoverned(Fault.reason) || (flags & STE_FLAG_S2R) !== 0, merge);
}
