// The exports of the core, all of them. Everything goes through linear memory; see src/spec/abi/core.ts.

import { FRAME_LG2 } from "../src/spec/abi/core";
import { runAts as runAtsRows } from "./ats/run";
import { Batch, runBatch } from "./batch";
import {
  dropDomain,
  dropStes,
  enableBit,
  findPageRequestTarget,
  packMemoryTypeFacts,
  responsePasid,
} from "./dispatch";
import { LastField } from "./lib/bits";
import { Trace } from "./lib/trace";
import { Arena } from "./mem/arena";
import { Bus, slotOf } from "./mem/physical";
import { fillPermissions } from "./pt/fmt/vmsa-permissions";
import { Faults } from "./request";
import { readState, writeState } from "./saved-state";
import { ContextTable, dropContexts } from "./tlb/contexts";
import { Ids } from "./tlb/ids";
import { dropAll, dropRange } from "./tlb/invalidate";
import { Page } from "./tlb/invalidate-page";
import { SpaceTable } from "./tlb/space";
import { forgetTables } from "./tlb/sweep";

/** Takes the layout from the header at `header` and starts with empty caches; the arena must be zeroed. */
export function init(header: usize): void {
  Arena.load(header);
  Arena.loadEnableBit(enableBit());
  fillPermissions();
  Bus.dirtied = 0;
  Batch.reset();
  Faults.count = 0;
  SpaceTable.reset();
  ContextTable.reset();
  Ids.reset();
}

/**
 * Translates requests first..last-1 of the batch. Returns the number of fault records, or -1 - index of a
 * request that must wait for an external frame; `resume` goes on from there and keeps the records.
 */
export function run(first: u32, last: u32, resume: bool): i32 {
  if (!resume) Faults.count = 0;
  const stopped = runBatch(first, last);
  return stopped === last ? <i32>Faults.count : -1 - <i32>stopped;
}

/**
 * As `run`, for rows that are translation requests or accesses with translated addresses (PCIe ATS): `kind` is ATS_REQUEST
 * or ATS_TRANSLATED.
 */
export function runAts(kind: u32, first: u32, last: u32, resume: bool): i32 {
  if (!resume) Faults.count = 0;
  const stopped = runAtsRows(kind, first, last);
  return stopped === last ? <i32>Faults.count : -1 - <i32>stopped;
}

/**
 * The PA of one request that hits, or -1 for `single` to begin anew. The source is given by its `sourceSlot`, the access as
 * 1 << access. `hitHashed`: the same for sources with a PASID or outside of the direct table, which must be named, too.
 */
export { hitDirect as hit, hitHashed } from "./hit";
/**
 * Translates one request beside the batch; addresses below 2^52. Returns the PA, or negative: -1, the answer is in the
 * columns' spare request, with fault records; -2, it waits there for an external frame, as where `run` stops; -3, `iova`
 * is not an address. `single64`: the same for every address.
 */
export { translateNumber as single, translateSingle as single64 } from "./single";
/** Where the context of a source is looked for; it stays there for good. */
export { sourceSlot } from "./tlb/context-lookup";

/** Linear offset of the frame-table slot for physical address `pa`: its own, or the free one to take. */
export function frameSlot(pa: u64): usize {
  return slotOf(pa >> FRAME_LG2);
}

/** Fault records of the batch so far: needed only where `run` could not finish. */
export function faultCount(): u32 {
  return Faults.count;
}

/** The physical address that the request at which `run` stopped needs. */
export function missingAddress(): u64 {
  return Bus.missingAddress;
}

/**
 * Whether automatic page responses of `stream` carry the PASID (STE.PPAR): 0 or 1; -1 when no valid STE can be read,
 * -2 when the external frame of `missingAddress` must be filled first.
 */
export function pageResponsePasid(stream: u32, pasid: u32): i32 {
  return responsePasid(stream, pasid);
}

/**
 * Where a page request of a VT-d source-id leads (vtd/page-request.ts): PASID, domain-id and PGTT packed, or a negative
 * number for a fault or a missing external frame.
 */
export function pageRequestTarget(stream: u32, pasid: u32): f64 {
  return findPageRequestTarget(stream, pasid);
}

/** What decides the memory type of request `index` of the batch just run (vtd/memory-type.ts); negative: nothing. */
export function memoryTypeFacts(index: u32): f64 {
  return packMemoryTypeFacts(index);
}

/** CFGI_STE: forgets configuration of streams first..last. */
export function forgetStreams(first: u32, last: u32): void {
  dropStes(first, last);
  dropContexts(first, last, -1);
}

/** CFGI_CD: forgets the contexts of `stream` with `pasid` (without a PASID counts as 0), or all for -1. */
export function forgetContexts(stream: u32, pasid: i32): void {
  dropContexts(stream, stream, pasid);
}

/** PASID-cache invalidation: forgets the contexts of domain `did` with `pasid`; -1 = any. */
export function forgetDomain(did: i32, pasid: i32): void {
  dropDomain(did, pasid);
}

/** TLBI of all addresses; -1 = any VMID or ASID. Returns the number of IOTLB entries dropped. */
export function invalidateAll(stages: u32, vmid: i32, asid: i32): u32 {
  return dropAll(stages, vmid, asid);
}

/** TLBI by address of one page of 4 KiB, by its number. */
export function invalidatePage(stages: u32, vmid: i32, asid: i32, page: f64, leafOnly: bool): u32 {
  return Page.drop(stages, vmid, asid, (<u64>(<i64>page)) << 12, leafOnly);
}

/** TLBI by address: pages of 4 KiB first..last. `leafLg2` ≠ 0 names the only leaf size that must go. */
export function invalidateRange(
  stages: u32,
  vmid: i32,
  asid: i32,
  first: f64,
  last: f64,
  leafOnly: bool,
  leafLg2: u32,
): u32 {
  const from = (<u64>(<i64>first)) << 12;
  const to = ((<u64>(<i64>last)) << 12) | 0xfff;
  return dropRange(stages, vmid, asid, from, to, leafOnly, leafLg2);
}

/** External frames that the core has changed since the last call. */
export function takeDirtied(): u32 {
  const dirtied = Bus.dirtied;
  Bus.dirtied = 0;
  return dirtied;
}

/** Drops every cached table pointer: frames went away or moved. */
export function forgetFrames(): void {
  forgetTables();
}

/** A snapshot is about to be taken: what is not in linear memory is written there. */
export function saveState(): void {
  writeState();
}

/** The arena has been restored: what is not in linear memory is taken from there. */
export function loadState(): void {
  readState();
}

/** Walk records written so far (trace build); -1 in builds that keep none. */
export function traceCount(): i32 {
  return isDefined(NI_TRACE) ? <i32>Trace.written : -1;
}

/** Trace build: the field looked at last before the last fault, MSB in bits 31:16, LSB below. */
export function traceField(): u32 {
  return LastField.atFault;
}
