// Where a page request leads (Rev 5.10, 7.4.1): root, context, PASID directory and PASID entry with the faults that
// Table 30 has for page requests. No context is made of it: what it may translate is not asked.

import { PASID_VALID } from "../../src/spec/abi/core";
import { SCE_PASIDE_LSB, SCE_PRE_LSB } from "../../src/spec/vtd/context-entry";
import {
  FR_CONTEXT_NO_PAGE_REQUEST,
  FR_CONTEXT_NO_PASID,
  FR_PAGE_REQUEST_IN_LEGACY,
  FR_PASID_IS_RID_PASID,
  FR_PASID_TOO_LARGE,
  FR_ROOT_NOT_PRESENT,
} from "../../src/spec/vtd/faults";
import { bit } from "../lib/bits";
import { Fault, REASON_MISSING } from "../pt/state";
import { isBeyondDirectory, isConsistent, isScalable, ridPasidOf } from "./configure";
import { isLegacy } from "./features";
import { domainOf, isUsable, typeOf } from "./pasid";
import { codeOf, raise } from "./reason";
import { Disable, pasidEntry, scalableContext } from "./structures";

/** Answers below 0: minus the fault reason code, and minus this more when FPD keeps the fault from being recorded. */
const UNRECORDED: u32 = 256;
const MISSING_FRAME: f64 = -1024;
/** Answers from 0 on: PASID in bits 19:0, domain-id in 35:20, PGTT above. */
const DID_LSB: u64 = 20;
const PGTT_LSB: u64 = 36;

/** Where a page request of (source-id, PASID word) leads, as a number that src/vtd/page-request-target.ts reads. */
export function pageRequestTarget(stream: u32, word: u32): f64 {
  Disable.fpd = false;
  const answer = find(stream, word);
  if (answer >= 0) return <f64>answer;
  if (Fault.reason === REASON_MISSING) return MISSING_FRAME;
  return -(<f64>(codeOf(0, false) + (Disable.fpd ? UNRECORDED : 0)));
}

function refuse(code: u32): i64 {
  raise(code);
  return -1;
}

/** The answer for a request that passes; -1 with the Fault raised. */
function find(stream: u32, word: u32): i64 {
  if (isLegacy()) return refuse(FR_PAGE_REQUEST_IN_LEGACY);
  if (!isScalable()) return -1;
  // A source-id has 16 bits: others have no root entry.
  if (stream >> 16 !== 0) return refuse(FR_ROOT_NOT_PRESENT);
  const context = scalableContext(stream);
  if (context === 0 || !isConsistent(context)) return -1;
  const low = load<u64>(context);
  const ridPasid = ridPasidOf(context);
  const hasPasid = (word & PASID_VALID) !== 0;
  const pasid = hasPasid ? word & 0xfffff : ridPasid;
  if (hasPasid && !bit(low, SCE_PASIDE_LSB)) return refuse(FR_CONTEXT_NO_PASID);
  if (isBeyondDirectory(context, pasid)) return refuse(FR_PASID_TOO_LARGE);
  if (!bit(low, SCE_PRE_LSB)) return refuse(FR_CONTEXT_NO_PAGE_REQUEST);
  if (hasPasid && pasid === ridPasid) return refuse(FR_PASID_IS_RID_PASID);
  const entry = pasidEntry(context, pasid);
  if (entry === 0 || !isUsable(entry)) return -1;
  return <i64>(((<u64>typeOf(entry)) << PGTT_LSB) | ((<u64>domainOf(entry)) << DID_LSB) | pasid);
}
