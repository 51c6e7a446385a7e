// Contexts: the decoded configuration of one (stream, PASID), ready for translation, in one line of 64 bytes. This is the
// configuration cache; what decodes is a vendor's business. For each half of the address space a context says what the
// upper address bits must be, and with which tag id and set seed to probe.
//
//   0 half 0: id bits u64 | 8 mask of bits 63:32 u32 | 12 space u32
//  16 seed u16 | 18 next, 20 previous context of the space u16 | 22 input bits u8 | 23 in use u8
//  24 stream u32 | 28 pasid u32
//  32 half 1: the same to byte 54 | 56 flags u32 | 60 next in hash u32

import { CONTEXT_SIZE, PASID_VALID } from "../../src/spec/abi/core";
import { BITS_52 } from "../lib/bits";
import { Arena } from "../mem/arena";
import { delist, enlist, HALF_SIZE, nextInList } from "./context-list";
import { Ids } from "./ids";
import {
  addReference,
  dropReference,
  findSpace,
  initSpace,
  isUpperHalf,
  KIND_GLOBAL,
  NO_ASID,
  renumber,
  SPACE_CONFIG,
  SPACE_CONTEXTS,
  SPACE_FLAG_DIRECT,
  SPACE_GLOBAL,
  SPACE_ID_BITS,
  SPACE_ROOT,
  SPACE_SIZES,
  SPACE_STAGE2,
  seedOf,
  setFlag,
  takeRecord,
  vmidOf,
} from "./space";
import { sweepDead } from "./sweep";

export const HALF_ID: usize = 0;
/** Bits of HALF_ID that guess the page size. */
export const GUESS_MASK: u64 = 63;
const HALF_MASK: usize = 8;
export const HALF_SPACE: usize = 12;
export const HALF_SEED: usize = 16;
const HALF_INPUT_BITS: usize = 22;
const CTX_IN_USE: usize = 23;
export const CTX_STREAM: usize = 24;
export const CTX_PASID: usize = 28;
export const CTX_FLAGS: usize = 56;
const CTX_NEXT: usize = 60;
const PASID_MASK: u32 = 0xfffff;

/** Bits of CTX_FLAGS that every vendor has: how the request is answered. */
export const MODE_MASK: u32 = 7;
export const MODE_ABORT: u32 = 0;
export const MODE_BYPASS: u32 = 1;
export const MODE_STAGE1: u32 = 2;
export const MODE_STAGE2: u32 = 3;
export const MODE_NESTED: u32 = 4;
/** No context's own: both stages, the output that of stage 1 (split-stage ATS of SMMUv3). */
export const MODE_SPLIT: u32 = 5;
/** Access override: effective access = (access & AND) | OR. */
export const ACCESS_AND_SHIFT: u32 = 8;
export const ACCESS_OR_SHIFT: u32 = 12;
const OVERRIDE_MASK: u32 = 0x7700;
const OVERRIDE_NONE: u32 = 0x0700;
/** In place of id bits: makes the size field of every tag 63, which no entry has (an empty way is 0). */
const NO_TAG: u64 = 63;
/** First flag bit that belongs to the vendor. */
export const VENDOR_FLAGS_SHIFT: u32 = 16;

export class ContextTable {
  static hand: u32 = 0;

  static reset(): void {
    ContextTable.hand = 0;
  }
}

/** Whether a context record holds one. */
export function isInUse(context: usize): bool {
  return load<u8>(context + CTX_IN_USE) !== 0;
}

/** `address` with its upper bits inverted in the upper half: 0 where they are as they must be. */
function folded(address: u64): u64 {
  return address ^ <u64>(<i64>(address << 8) >> 63);
}

/** Whether the bits above those that tags hold are right: all that an IOTLB entry has not been compared with. */
export function isInHalf(half: usize, address: u64): bool {
  return (<u32>(folded(address) >> 32) & load<u32>(half + HALF_MASK)) === 0;
}

/** Upper half of the bits that isInHalf looks at. */
export function halfMaskOf(half: usize): u32 {
  return load<u32>(half + HALF_MASK);
}

/** The address bits that isInHalf looks at, and the one that selects the half. */
export function halfCheck(half: usize): u64 {
  return ((<u64>load<u32>(half + HALF_MASK)) << 32) | ((<u64>1) << 55);
}

/** Whether `half` has a space, and its tables take `address`. */
export function isCovered(half: usize, address: u64): bool {
  if (load<u32>(half + HALF_SPACE) === 0 || !isInHalf(half, address)) return false;
  return (folded(address) & BITS_52) >> load<u8>(half + HALF_INPUT_BITS) === 0;
}

/** The half of the address space that `address` selects: bit 55 (below any tag byte). */
export function halfOf(context: usize, address: u64): usize {
  // One shift: bit 55 comes down to the size of a half, 32.
  return context + (<usize>(address >> 50) & HALF_SIZE);
}

/**
 * PASIDs are dense: side by side those of a stream never meet, so that the first of a list is nearly always the one and no
 * branch is mispredicted (32 K entries x 1024 PASIDs: 23 to 10 ns). The factor is the one of 400 random ones whose lists
 * are shortest for streams in a row and in steps of 8 and 256, with 1 to 300 PASIDs each.
 */
export function hashHead(stream: u32, pasid: u32): usize {
  const index = (pasid + ((stream * 0xa30d088b) >>> 16)) & Arena.contextHashMask;
  return Arena.contextHash + ((<usize>index) << 2);
}

/** A batch's PASID word as contexts are keyed: bit 31 and the 20-bit PASID, or 0 when none is given. */
export function pasidOf(word: u32): u32 {
  return (word & <u32>PASID_VALID) !== 0 ? word & (<u32>PASID_VALID | PASID_MASK) : 0;
}

/** The context of (stream, PASID word), or 0. Streams without PASID have a direct table. */
export function findContext(stream: u32, word: u32): usize {
  const pasid = pasidOf(word);
  if (pasid === 0 && stream < Arena.streamTableSize) {
    return load<u32>(Arena.streamTable + ((<usize>stream) << 2));
  }
  let context: usize = load<u32>(hashHead(stream, pasid));
  while (
    context !== 0 &&
    (load<u32>(context + CTX_STREAM) !== stream || load<u32>(context + CTX_PASID) !== pasid)
  ) {
    context = load<u32>(context + CTX_NEXT);
  }
  return context;
}

/** A cleared context for (stream, pasid), evicting the oldest when all are in use. */
export function newContext(stream: u32, pasid: u32): usize {
  const context = Arena.contexts + <usize>ContextTable.hand * CONTEXT_SIZE;
  ContextTable.hand = ContextTable.hand + 1 === Arena.contextCount ? 0 : ContextTable.hand + 1;
  if (isInUse(context)) dropContext(context);
  memory.fill(context, 0, CONTEXT_SIZE);
  // Until a space is attached no entry matches either half.
  store<u64>(context + HALF_ID, NO_TAG);
  store<u64>(context + HALF_SIZE + HALF_ID, NO_TAG);
  store<u32>(context + CTX_STREAM, stream);
  store<u32>(context + CTX_PASID, pasid);
  store<u8>(context + CTX_IN_USE, 1);
  if (pasid === 0 && stream < Arena.streamTableSize) {
    store<u32>(Arena.streamTable + ((<usize>stream) << 2), <u32>context);
  } else {
    const head = hashHead(stream, pasid);
    store<u32>(context + CTX_NEXT, load<u32>(head));
    store<u32>(head, <u32>context);
  }
  return context;
}

/** Forgets `context`; TLB entries made through it stay. */
export function dropContext(context: usize): void {
  const stream = load<u32>(context + CTX_STREAM);
  const pasid = load<u32>(context + CTX_PASID);
  if (pasid === 0 && stream < Arena.streamTableSize) {
    store<u32>(Arena.streamTable + ((<usize>stream) << 2), 0);
  } else {
    let at = hashHead(stream, pasid);
    while (load<u32>(at) !== <u32>context) at = load<u32>(at) + CTX_NEXT;
    store<u32>(at, load<u32>(context + CTX_NEXT));
  }
  detach(context, 0);
  detach(context, 1);
  store<u8>(context + CTX_IN_USE, 0);
  // Its memo may be of a page that stays.
  Ids.change();
}

/** Drops every context whose stream lies in first..last; `pasid` other than -1 narrows it to one. */
export function dropContexts(first: u32, last: u32, pasid: i64): void {
  for (let n: u32 = 0; n < Arena.contextCount; ++n) {
    const context = Arena.contexts + <usize>n * CONTEXT_SIZE;
    if (!isInUse(context)) continue;
    const stream = load<u32>(context + CTX_STREAM);
    if (stream < first || stream > last) continue;
    if (pasid >= 0 && (load<u32>(context + CTX_PASID) & PASID_MASK) !== <u32>pasid) continue;
    dropContext(context);
  }
}

/**
 * Lets addresses translate through `space`: those whose bits of `mask` are all 0, in half 1 all 1. `mask` is a run of bits
 * from the number of input bits up. Half 1 takes spaces of WALK_UPPER_HALF and no others.
 */
export function attach(context: usize, half: u32, space: usize, mask: u64): void {
  const at = context + <usize>half * HALF_SIZE;
  store<u32>(at + HALF_MASK, <u32>(mask >> 32));
  store<u8>(at + HALF_INPUT_BITS, <u8>ctz(mask));
  store<u32>(at + HALF_SPACE, <u32>space);
  setFlag(space, SPACE_FLAG_DIRECT);
  pointTo(context, half, space);
  enlist(context, half, space);
}

function detach(context: usize, half: u32): void {
  const at = context + <usize>half * HALF_SIZE;
  const space: usize = load<u32>(at + HALF_SPACE);
  if (space === 0) return;
  delist(context, half, space);
  store<u32>(at + HALF_SPACE, 0);
  dropReference(space);
}

/** Whether the stream's configuration changes access attributes: such requests take the general path. */
export function hasOverride(context: usize): bool {
  return (load<u32>(context + CTX_FLAGS) & OVERRIDE_MASK) !== OVERRIDE_NONE;
}

/** Makes half `half` of `context` probe with the tags of `space` (its own or its global partner). */
export function pointTo(context: usize, half: u32, space: usize): void {
  const at = context + <usize>half * HALF_SIZE;
  // A tag that no entry has keeps the fast path from answering without the override. Otherwise the low six
  // bits guess the page size: 12 while the space has had no larger pages, 0 = ask the predictor.
  const guess: u64 = load<u32>(space + SPACE_SIZES) >> 1 === 0 ? 12 : 0;
  store<u64>(at + HALF_ID, hasOverride(context) ? NO_TAG : load<u64>(space + SPACE_ID_BITS) | guess);
  store<u16>(at + HALF_SEED, <u16>seedOf(space));
}

function freshId(): u32 {
  const id = Ids.take();
  if (id !== 0) return id;
  sweepDead();
  return Ids.take();
}

function freeRecord(): usize {
  let record = takeRecord();
  // Every space referenced: contexts are what pins them, so the oldest go until one is free.
  while (record === 0) {
    const context = Arena.contexts + <usize>ContextTable.hand * CONTEXT_SIZE;
    ContextTable.hand = ContextTable.hand + 1 === Arena.contextCount ? 0 : ContextTable.hand + 1;
    if (isInUse(context)) dropContext(context);
    record = takeRecord();
  }
  return record;
}

/** The space with this key, found or made, with a reference for the caller. */
export function acquireSpace(kind: u32, vmid: u32, asid: u32, root: u64, config: u64, stage2: usize): usize {
  let space = findSpace(kind, vmid, asid, root, config, stage2);
  if (space === 0) {
    space = freeRecord();
    initSpace(space, kind, vmid, asid, root, config, stage2, freshId());
  }
  addReference(space);
  return space;
}

/** The space of the global entries that `space` sees: same tables, same VMID, any ASID. */
export function globalOf(space: usize): usize {
  let global: usize = load<u32>(space + SPACE_GLOBAL);
  if (global === 0) {
    // The reference keeps `space` from being reclaimed while room is made for its partner.
    addReference(space);
    global = acquireSpace(
      KIND_GLOBAL,
      vmidOf(space),
      NO_ASID,
      load<u64>(space + SPACE_ROOT),
      load<u64>(space + SPACE_CONFIG),
      load<u32>(space + SPACE_STAGE2),
    );
    store<u32>(space + SPACE_GLOBAL, <u32>global);
    dropReference(space);
  }
  return global;
}

/** Drops everything cached for `space`, in O(1) plus its contexts: a new id. */
export function retag(space: usize): void {
  renumber(space, freshId());
  const half: u32 = isUpperHalf(space) ? 1 : 0;
  let context: usize = load<u32>(space + SPACE_CONTEXTS);
  for (; context !== 0; context = nextInList(context, half)) pointTo(context, half, space);
}
