// Translation requests of an endpoint, and accesses whose address its device-TLB has translated (Rev 5.10, 4.1, 4.2,
// 7.1.3). EXE and G are always 0, as the manual says. Choices where it leaves one: without ECAP.NWFS the No-Write flag
// counts nowhere, the interrupt range included; pages and pass-through regions around the interrupt range are answered
// in blocks that do not hold it, and where a PASID passes through to the range itself (SGN.8.2 excepts it) in one that is
// it; a fault that denies is kept for people to see and never recorded.
// Not modelled: host permission tables, PASIDs in translated requests (ECAP.PTRS), several translations a request.

import {
  ACCESS_EXECUTE,
  ACCESS_PRIVILEGED,
  ACCESS_WRITE,
  ATS_NO_SNOOP,
  ATS_PRIVILEGED,
  ATS_READ,
  ATS_SUCCESS,
  ATS_UNSUPPORTED,
  ATS_UNTRANSLATED_ONLY,
  ATS_WRITE,
  CNT_ABORTED,
  CNT_DISABLED,
  FAULT_FLAG_TRANSLATED,
  FAULT_FLAG_TRANSLATION,
  STATUS_ABORTED,
  STATUS_FAULT,
} from "../../src/spec/abi/core";
import {
  FR_LEGACY_TOO_WIDE,
  FR_PASID_NO_EXECUTE,
  FR_ROOT_NOT_PRESENT,
  FR_TOO_WIDE,
} from "../../src/spec/vtd/faults";
import { SSPTE_SNP_LSB } from "../../src/spec/vtd/paging-entry";
import {
  CAP_FS1GP_LSB,
  CAP_SSLPS_LSB,
  ECAP_DT_LSB,
  ECAP_FSTS_LSB,
  ECAP_NWFS_LSB,
} from "../../src/spec/vtd/registers";
import { Completion, FaultRecord, MUST_WAIT } from "../ats/completion";
import { allows, findRights, isForbidden } from "../ats/rights";
import { count } from "../mem/arena";
import { bypass, NO_TABLES } from "../outcome";
import { isInterrupt } from "../pt/fmt/vtd";
import { Fault, Leaf, REASON_MISSING } from "../pt/state";
import {
  CTX_FLAGS,
  dropContext,
  findContext,
  MODE_BYPASS,
  MODE_MASK,
  MODE_NESTED,
  MODE_STAGE2,
} from "../tlb/contexts";
import { resultOf } from "./ats-result";
import { configure, isScalable, isServed } from "./configure";
import { hasDeviceTlb, hasPageSnoop, isRecorded, Making } from "./context";
import { cap, ecap, isBeyondHost, isEnabled, isLegacy } from "./features";
import { codeOf, raise } from "./reason";
import { Disable, scalableContext } from "./structures";
import { statusOf } from "./translate";
import { cutAround, isOutputLegal, Walks } from "./walks";
import { walkWindow } from "./windows";

/** Size of answers without an address, and of the smallest page. */
const PAGE_LG2: u32 = 12;
/** What pass-through answers at most: the largest page of the unit. */
const PAGE_2M_LG2: u32 = 21;
const PAGE_1G_LG2: u32 = 30;
/** SNP, as Leaf.attributes has it (../pt/fmt/vtd-second-stage.ts). */
const SNOOP: u32 = 1 << SSPTE_SNP_LSB;

/** Answers a translation request with the Completion; false when it must wait. `access`: write = NW is clear. */
export function answerTranslationRequest(stream: u32, pasid: u32, iova: u64, access: u32): bool {
  const hasPasid = pasid !== 0;
  // Execute and privilege come with a PASID. On the wire it is a read.
  const asked = hasPasid ? access & (ACCESS_EXECUTE | ACCESS_PRIVILEGED) : 0;
  FaultRecord.access = asked;
  if (!ecap(ECAP_DT_LSB) || !isEnabled()) {
    count(CNT_DISABLED);
    Completion.refuse();
    return true;
  }
  const privileged: u32 = (asked & ACCESS_PRIVILEGED) !== 0 ? ATS_PRIVILEGED : 0;
  const context = contextFor(stream, pasid);
  if (context === 0) return endByFault(0, privileged);
  Completion.configured = true;
  const wantsWrite = !ecap(ECAP_NWFS_LSB) || (access & ACCESS_WRITE) !== 0;
  if (!hasPasid && isInterrupt(iova)) {
    // Endpoints ask before their interrupt messages, too (Table 30, S.1 and S.2).
    if (wantsWrite) Completion.grant(ATS_WRITE | ATS_UNTRANSLATED_ONLY, iova, PAGE_LG2);
    else Completion.deny(0, PAGE_LG2);
    return true;
  }
  if ((asked & ACCESS_EXECUTE) !== 0) {
    raise(FR_PASID_NO_EXECUTE);
    return endByFault(context, privileged);
  }
  const status = findPage(context, iova, asked, wantsWrite);
  if (status === STATUS_FAULT) return endByFault(context, privileged);
  grantRights(context, hasPasid, iova, asked, wantsWrite, privileged);
  return true;
}

/** The context of an endpoint that may use a device-TLB; 0 with the Fault raised. */
function contextFor(stream: u32, pasid: u32): usize {
  const known = findContext(stream, pasid);
  if (known !== 0) {
    if (hasDeviceTlb(known)) return known;
    // What blocks it has an FPD of its own, which the context does not tell from those below.
    dropContext(known);
  }
  Making.needsDeviceTlb = true;
  const context = configure(stream, pasid);
  Making.needsDeviceTlb = false;
  return context;
}

/** Leaf for reading and, if wanted and allowed, writing; STATUS_FAULT with the Fault raised. */
function findPage(context: usize, iova: u64, read: u32, wantsWrite: bool): u32 {
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  if (mode === MODE_BYPASS) return passThrough(iova);
  const write = read | ACCESS_WRITE;
  const status = findRights<Walks>(context, mode, iova, read, write, wantsWrite);
  if (status !== NO_TABLES) return status;
  if (wantsWrite) {
    if (walkWindow(context, mode, iova, write)) return 0;
    if (!isForbidden()) return STATUS_FAULT;
  }
  return walkWindow(context, mode, iova, read) ? 0 : STATUS_FAULT;
}

/** Pass-through: the region around the address that is as large as the largest page (4.2.3). */
function passThrough(iova: u64): u32 {
  if (isBeyondHost(iova)) {
    raise(FR_TOO_WIDE);
    return STATUS_FAULT;
  }
  Leaf.output = iova;
  Leaf.lg2 = largestPageLg2();
  Leaf.deny = 0;
  Leaf.attributes = 0;
  return 0;
}

/** Of either stage; the first has 2 MiB in any case. */
function largestPageLg2(): u32 {
  if (cap(CAP_FS1GP_LSB) || cap(CAP_SSLPS_LSB + 1)) return PAGE_1G_LG2;
  return ecap(ECAP_FSTS_LSB) || cap(CAP_SSLPS_LSB) ? PAGE_2M_LG2 : PAGE_LG2;
}

/** The rights that Leaf has (4.2.3). */
function grantRights(
  context: usize,
  hasPasid: bool,
  iova: u64,
  read: u32,
  wantsWrite: bool,
  privileged: u32,
): void {
  // Pages of a window are whole (windows.ts), and so is a region that passes through.
  cutAround(Leaf.output);
  if (!hasPasid) cutAround(iova);
  let grants = privileged;
  if (allows(read)) grants |= ATS_READ;
  if (wantsWrite && allows(read | ACCESS_WRITE)) grants |= ATS_WRITE;
  if (grants === privileged) {
    Completion.deny(privileged, PAGE_LG2);
    return;
  }
  const mode = load<u32>(context + CTX_FLAGS) & MODE_MASK;
  const second = mode === MODE_STAGE2 || mode === MODE_NESTED;
  if (hasPageSnoop(context) || (second && (Leaf.attributes & SNOOP) !== 0)) grants |= ATS_NO_SNOOP;
  Completion.grant(grants, Leaf.output, Leaf.lg2);
}

/** The end of a request that meets a fault: Unsupported Request or Completer Abort, recorded, or no rights. */
function endByFault(context: usize, privileged: u32): bool {
  if (Fault.reason === REASON_MISSING) return false;
  const code = codeOf(FaultRecord.access, isLegacy());
  const result = resultOf(code);
  if (result === ATS_SUCCESS) Completion.deny(privileged, PAGE_LG2);
  else if (result === ATS_UNSUPPORTED) Completion.refuse();
  else Completion.abort();
  const isQuiet = context !== 0 ? !isRecorded(context) : Disable.fpd;
  FaultRecord.ask(code, result !== ATS_SUCCESS && !isQuiet, FAULT_FLAG_TRANSLATION);
  return true;
}

/** The status of an access with a translated address, Leaf where it goes on; MUST_WAIT for a missing frame (4.2.5). */
export function passTranslated(stream: u32, pasid: u32, address: u64, access: u32): u32 {
  count(CNT_DISABLED);
  FaultRecord.access = access & ACCESS_WRITE;
  if (!ecap(ECAP_DT_LSB) || !isEnabled() || pasid !== 0) {
    // Protocol errors (4.2.1).
    count(CNT_ABORTED);
    return STATUS_ABORTED;
  }
  Disable.fpd = false;
  const legacy = isLegacy();
  const context: usize = legacy ? contextFor(stream, 0) : 0;
  if (legacy ? context === 0 : !isEndpointServed(stream)) return endTranslated(!Disable.fpd);
  const recorded = legacy ? isRecorded(context) : !Disable.fpd;
  if (isBeyondHost(address)) {
    raise(legacy ? FR_LEGACY_TOO_WIDE : FR_TOO_WIDE);
    return endTranslated(recorded);
  }
  return isOutputLegal(address) ? bypass(address) : endTranslated(recorded);
}

/** Root and context entry of scalable mode, which are all that such an access needs; the Fault raised if they block it. */
function isEndpointServed(stream: u32): bool {
  if (!isScalable()) return false;
  // A source-id has 16 bits: others have no root entry.
  if (stream >> 16 !== 0) return raise(FR_ROOT_NOT_PRESENT);
  const entry = scalableContext(stream);
  if (entry === 0) return false;
  Making.needsDeviceTlb = true;
  const served = isServed(entry);
  Making.needsDeviceTlb = false;
  return served;
}

function endTranslated(recorded: bool): u32 {
  if (Fault.reason === REASON_MISSING) return MUST_WAIT;
  const code = codeOf(FaultRecord.access, isLegacy());
  FaultRecord.ask(code, recorded, FAULT_FLAG_TRANSLATED);
  return statusOf(code);
}
