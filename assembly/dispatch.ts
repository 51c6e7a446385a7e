// The only file that lists vendors. A vendor gives: whether translation is on at all, how a request is answered when
// it is off, how a (stream, PASID) becomes a context, which walks a context's mode names, what it says where no table
// of a context covers the address, and how a fault ends.

import { VENDOR_VTD } from "../src/spec/abi/core";
import { Arena } from "./mem/arena";
import * as smmuv3Configure from "./smmuv3/configure";
import * as smmuv3Features from "./smmuv3/features";
import * as smmuv3Page from "./smmuv3/page-response";
import * as smmuv3Ste from "./smmuv3/ste";
import * as smmuv3 from "./smmuv3/translate";
import * as smmuv3Translated from "./smmuv3/translated";
import * as smmuv3Request from "./smmuv3/translation-request";
import * as vtdAts from "./vtd/ats";
import * as vtdConfigure from "./vtd/configure";
import * as vtdContext from "./vtd/context";
import * as vtdFeatures from "./vtd/features";
import * as vtdMemoryType from "./vtd/memory-type";
import * as vtdPageRequest from "./vtd/page-request";
import * as vtd from "./vtd/translate";
import * as vtdWalks from "./vtd/walks";

function isVtd(): bool {
  return Arena.vendor === VENDOR_VTD;
}

/** Whether requests are translated at all. */
export function isEnabled(): bool {
  return isVtd() ? vtdFeatures.isEnabled() : smmuv3Features.isEnabled();
}

/** The bit of the registers that isEnabled looks at. */
export function enableBit(): u32 {
  return isVtd() ? vtdFeatures.ENABLE_BIT : smmuv3Features.ENABLE_BIT;
}

/** Whether a request passes by the tables although they are on. */
export function isUntranslated(pasid: u32, iova: u64): bool {
  return isVtd() && vtd.isUntranslated(pasid, iova);
}

/** A request that passes by the tables, or comes while translation is off; returns its status. */
export function translateDisabled(iova: u64): u32 {
  return isVtd() ? vtd.translateDisabled(iova) : smmuv3.translateDisabled(iova);
}

/** Decodes the configuration of (stream, PASID word) into a new context; 0 with the Fault raised. */
export function configure(stream: u32, pasid: u32): usize {
  return isVtd() ? vtdConfigure.configure(stream, pasid) : smmuv3Configure.configure(stream, pasid);
}

/** The access code after what the configuration overrides. */
export function effectiveAccess(context: usize, access: u32): u32 {
  return isVtd() ? vtd.effectiveAccess(context, access) : smmuv3.effectiveAccess(context, access);
}

/** The shortest miss path (short-path.ts) from request `first` on; returns the first that it has not answered. */
export function answerMisses(first: u32, last: u32, context: usize, half: usize, probed: u32): u32 {
  return isVtd()
    ? vtdWalks.answerMisses(first, last, context, half, probed)
    : smmuv3.answerMisses(first, last, context, half, probed);
}

/** The walks of a mode; true with Leaf set, false with the Fault raised. */
export function walkContext(mode: u32, space: usize, input: u64, access: u32): bool {
  return isVtd()
    ? vtdWalks.walkContext(mode, space, input, access)
    : smmuv3.walkContext(mode, space, input, access);
}

/** The status of a request that no table of its context covers. */
export function withoutTables(context: usize, iova: u64, access: u32): u32 {
  return isVtd() ? vtd.withoutTables(context, iova, access) : smmuv3.withoutTables(context, iova, access);
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
  return isVtd()
    ? vtd.endWithFault(at, index, stream, pasid, iova, access, context)
    : smmuv3.endWithFault(at, index, stream, pasid, iova, access, context);
}

/** Answers a translation request (PCIe ATS) with the Completion of ats/completion.ts; false when it must wait. */
export function answerTranslationRequest(stream: u32, pasid: u32, iova: u64, access: u32): bool {
  return isVtd()
    ? vtdAts.answerTranslationRequest(stream, pasid, iova, access)
    : smmuv3Request.answerTranslationRequest(stream, pasid, iova, access);
}

/** The status of an access with a translated address, its Leaf where it goes on; MUST_WAIT for a missing frame. */
export function passTranslated(stream: u32, pasid: u32, address: u64, access: u32): u32 {
  return isVtd()
    ? vtdAts.passTranslated(stream, pasid, address, access)
    : smmuv3Translated.passTranslated(stream, address, access);
}

/** Forgets cached structures of streams first..last. */
export function dropStes(first: u32, last: u32): void {
  if (!isVtd()) smmuv3Ste.dropStes(first, last);
}

/** Forgets the contexts of a domain (VT-d), with one PASID or, for -1, with any; -1 = any domain. */
export function dropDomain(did: i32, pasid: i32): void {
  if (isVtd()) vtdContext.dropDomain(did, pasid);
}

/** Whether automatic page responses of `stream` carry the PASID (STE.PPAR): 0 or 1; -1 no valid STE, -2 wait. */
export function responsePasid(stream: u32, pasid: u32): i32 {
  return isVtd() ? 1 : smmuv3Page.responsePasid(stream, pasid);
}

/** Where a page request of a source-id leads (VT-d). */
export function findPageRequestTarget(stream: u32, pasid: u32): f64 {
  return vtdPageRequest.pageRequestTarget(stream, pasid);
}

/** What decides the memory type of a request (VT-d); negative: nothing. */
export function packMemoryTypeFacts(index: u32): f64 {
  return isVtd() ? vtdMemoryType.memoryTypeFacts(index) : -1;
}
