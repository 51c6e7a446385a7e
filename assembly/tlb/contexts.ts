// Contexts: the decoded configuration of one (stream, PASID), ready for translation. This is the
// configuration cache; what decodes is a vendor's business. The first line of a context is all that a
// TLB hit reads: for each half of the address space what the upper address bits must be and which tag
// id and set seed to probe with. The second line holds the memo of the last page and the links.
//
//   0 half 0: mask u64 | 8 value u64 | 16 id bits u64 | 24 seed u32 | 28 space u32
//  32 half 1: the same
//  64 memo: page u64 | 72 mask u64 | 80 data u64 | 88 generation u32 | 92 flags u32
//  96 stream u32 | 100 pasid u32 | 104 next in hash u32 | 108 in use u32
// 112 next, 116 previous context of half 0's space | 120, 124 of half 1's

import { CONTEXT_SIZE, PASID_VALID } from "../../src/spec/abi/core";
import { Arena } from "../mem/arena";
import { Ids } from "./ids";
import {
  addReference,
  dropReference,
  findSpace,
  initSpace,
  KIND_GLOBAL,
  NO_ASID,
  renumber,
  SPACE_CONFIG,
  SPACE_CONTEXTS,
  SPACE_DIRECT,
  SPACE_GLOBAL,
  SPACE_ID_BITS,
  SPACE_PLAIN_MASK,
  SPACE_ROOT,
  SPACE_SEED,
  SPACE_SIZES,
  SPACE_STAGE2,
  SPACE_VMID,
  takeRecord,
} from "./space";
import { sweepDead } from "./sweep";

export const HALF_MASK: usize = 0;
export const HALF_VALUE: usize = 8;
export const HALF_ID: usize = 16;
/** Bits of HALF_ID that guess the page size. */
export const GUESS_MASK: u64 = 63;
export const HALF_SEED: usize = 24;
export const HALF_SPACE: usize = 28;
export const HALF_SIZE: usize = 32;
export const MEMO_PAGE: usize = 64;
export const MEMO_MASK: usize = 72;
export const MEMO_DATA: usize = 80;
export const CTX_FLAGS: usize = 92;
export const CTX_STREAM: usize = 96;
export const CTX_PASID: usize = 100;
export const CTX_NEXT: usize = 104;
export const CTX_IN_USE: usize = 108;
const CTX_LINKS: usize = 112;
const PASID_MASK: u32 = 0xfffff;

/** Bits of CTX_FLAGS that every vendor has: how the request is answered. */
export const MODE_MASK: u32 = 7;
export const MODE_ABORT: u32 = 0;
export const MODE_BYPASS: u32 = 1;
export const MODE_STAGE1: u32 = 2;
export const MODE_STAGE2: u32 = 3;
export const MODE_NESTED: u32 = 4;
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

/** The half of the address space that `address` selects: bit 55 (below any tag byte). */
export function halfOf(context: usize, address: u64): usize {
  // One shift: bit 55 comes down to the size of a half, 32.
  return context + (<usize>(address >> 50) & HALF_SIZE);
}

function hashHead(stream: u32, pasid: u32): usize {
  const key = (stream * 0x9e3779b1) ^ (pasid * 0x85ebca6b);
  return Arena.contextHash + ((<usize>((key ^ (key >> 15)) & Arena.contextHashMask)) << 2);
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
  if (load<u32>(context + CTX_IN_USE) !== 0) dropContext(context);
  memory.fill(context, 0, CONTEXT_SIZE);
  // Until a space is attached no address matches either half.
  store<u64>(context + HALF_VALUE, 1);
  store<u64>(context + HALF_SIZE + HALF_VALUE, 1);
  store<u32>(context + CTX_STREAM, stream);
  store<u32>(context + CTX_PASID, pasid);
  store<u32>(context + CTX_IN_USE, 1);
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
  store<u32>(context + CTX_IN_USE, 0);
}

/** Drops every context whose stream lies in first..last; `pasid` other than -1 narrows it to one. */
export function dropContexts(first: u32, last: u32, pasid: i64): void {
  for (let n: u32 = 0; n < Arena.contextCount; ++n) {
    const context = Arena.contexts + <usize>n * CONTEXT_SIZE;
    if (load<u32>(context + CTX_IN_USE) === 0) continue;
    const stream = load<u32>(context + CTX_STREAM);
    if (stream < first || stream > last) continue;
    if (pasid >= 0 && (load<u32>(context + CTX_PASID) & PASID_MASK) !== <u32>pasid) continue;
    dropContext(context);
  }
}

/** Lets addresses with (address & mask) === value in half `half` translate through `space`. */
export function attach(context: usize, half: u32, space: usize, mask: u64, value: u64): void {
  const at = context + <usize>half * HALF_SIZE;
  store<u64>(at + HALF_MASK, mask);
  store<u64>(at + HALF_VALUE, value);
  store<u32>(at + HALF_SPACE, <u32>space);
  store<u32>(space + SPACE_DIRECT, 1);
  pointTo(context, half, space);
  const links = CTX_LINKS + ((<usize>half) << 3);
  const head: usize = load<u32>(space + SPACE_CONTEXTS);
  // Links carry the half in bit 0: contexts are 128-byte aligned.
  store<u32>(context + links, <u32>head);
  store<u32>(context + links + 4, 0);
  if (head !== 0) store<u32>(linkOf(head) + 4, <u32>context | half);
  store<u32>(space + SPACE_CONTEXTS, <u32>context | half);
}

function linkOf(tagged: usize): usize {
  return (tagged & ~1) + CTX_LINKS + ((tagged & 1) << 3);
}

function detach(context: usize, half: u32): void {
  const at = context + <usize>half * HALF_SIZE;
  const space: usize = load<u32>(at + HALF_SPACE);
  if (space === 0) return;
  const links = linkOf(context | half);
  const next: usize = load<u32>(links);
  const previous: usize = load<u32>(links + 4);
  if (next !== 0) store<u32>(linkOf(next) + 4, <u32>previous);
  if (previous !== 0) {
    store<u32>(linkOf(previous), <u32>next);
  } else {
    store<u32>(space + SPACE_CONTEXTS, <u32>next);
  }
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
  const guess: u64 = load<u64>(space + SPACE_SIZES) >> 13 === 0 ? 12 : 0;
  store<u64>(at + HALF_ID, hasOverride(context) ? NO_TAG : load<u64>(space + SPACE_ID_BITS) | guess);
  store<u32>(at + HALF_SEED, load<u32>(space + SPACE_SEED));
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
    if (load<u32>(context + CTX_IN_USE) !== 0) dropContext(context);
    record = takeRecord();
  }
  return record;
}

/**
 * The space with this key, found or made, with a reference for the caller. `plain` is what the format says
 * of plain pages under `config`.
 */
export function acquireSpace(
  kind: u32,
  vmid: u32,
  asid: u32,
  root: u64,
  config: u64,
  stage2: usize,
  plain: u64,
): usize {
  let space = findSpace(kind, vmid, asid, root, config, stage2);
  if (space === 0) {
    space = freeRecord();
    initSpace(space, kind, vmid, asid, root, config, stage2, freshId());
    store<u64>(space + SPACE_PLAIN_MASK, plain);
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
      load<u32>(space + SPACE_VMID),
      NO_ASID,
      load<u64>(space + SPACE_ROOT),
      load<u64>(space + SPACE_CONFIG),
      load<u32>(space + SPACE_STAGE2),
      0,
    );
    store<u32>(space + SPACE_GLOBAL, <u32>global);
    dropReference(space);
  }
  return global;
}

/** Drops everything cached for `space`, in O(1) plus its contexts: a new id. */
export function retag(space: usize): void {
  renumber(space, freshId());
  let tagged: usize = load<u32>(space + SPACE_CONTEXTS);
  while (tagged !== 0) {
    const context = tagged & ~1;
    pointTo(context, <u32>tagged & 1, space);
    tagged = load<u32>(linkOf(tagged));
  }
}
