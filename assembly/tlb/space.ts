// Translation spaces: what the tags of the architecture (StreamWorld, VMID, ASID or global, table half)
// and the walk configuration together name. All entries of a space share one dense id (ids.ts).
// Two contexts share a space, and so TLB entries, when their tags AND everything their walks depend on
// are equal: a cached answer is then always an answer that the walk of this context could have given.
//
//  0 idBits u64 | 8 id u32 | 12 seed u32 | 16 IOTLB sizes u64 | 24 stage-2 TLB sizes u64
// 32 walk-cache sizes u64 | 40 root u64 | 48 walk config u64 | 56 vmid u32 | 60 asid u32
// 64 stage-2 space u32 | 68 global space u32 | 72 kind u32 | 76 references u32
// 80 contexts list u32 | 84 fragmented u32 | 88 next by key u32 | 92 next by asid u32 | 96 next by vmid u32
// 100 page lg2 u32 | 104 tag of a last-level table u64 (id and size) | 112 plain mask u64 (../pt/plain.ts)
// 120 direct u32: a context has translated through it as its only stage, so that the IOTLB may hold its entries

import { CNT_EVICTED, CNT_INVALIDATED, SPACE_SIZE } from "../../src/spec/abi/core";
import { Arena, countBy } from "../mem/arena";
import { granuleLg2Of } from "../pt/config";
import { Ids, idBits } from "./ids";

export const SPACE_ID_BITS: usize = 0;
export const SPACE_ID: usize = 8;
export const SPACE_SEED: usize = 12;
export const SPACE_SIZES: usize = 16;
export const SPACE_STAGE2_SIZES: usize = 24;
export const SPACE_WALK_SIZES: usize = 32;
export const SPACE_ROOT: usize = 40;
export const SPACE_CONFIG: usize = 48;
export const SPACE_VMID: usize = 56;
export const SPACE_ASID: usize = 60;
export const SPACE_STAGE2: usize = 64;
export const SPACE_GLOBAL: usize = 68;
export const SPACE_KIND: usize = 72;
export const SPACE_REFS: usize = 76;
export const SPACE_CONTEXTS: usize = 80;
export const SPACE_FRAGMENTED: usize = 84;
export const SPACE_NEXT: usize = 88;
export const SPACE_NEXT_ASID: usize = 92;
export const SPACE_NEXT_VMID: usize = 96;
export const SPACE_PAGE_LG2: usize = 100;
export const SPACE_TABLE_TAG: usize = 104;
export const SPACE_PLAIN_MASK: usize = 112;
export const SPACE_DIRECT: usize = 120;

/** Kinds: the non-global entries of a stage-1 half, its global ones, the entries of a stage 2. */
export const KIND_FREE: u32 = 0;
export const KIND_STAGE1: u32 = 1;
export const KIND_GLOBAL: u32 = 2;
export const KIND_STAGE2: u32 = 3;
/** Asid of spaces that have none. */
export const NO_ASID: u32 = 0xffffffff;

/** Descriptors that one walk-cache entry stands for, log2. */
export const CHUNK_LG2: u32 = 9;

/** Allocation state of the space records. */
export class SpaceTable {
  static hand: u32 = 0;
  static used: u32 = 0;

  static reset(): void {
    SpaceTable.hand = 0;
    SpaceTable.used = 0;
  }
}

function mix(a: u64, b: u64): u64 {
  const x = (a ^ (b * 0x9e3779b97f4a7c15)) * 0xbf58476d1ce4e5b9;
  return x ^ (x >> 29);
}

function keyHash(kind: u32, vmid: u32, asid: u32, root: u64, config: u64, stage2: usize): u32 {
  const tags = ((<u64>asid) << 32) | (vmid << 2) | kind;
  return <u32>(mix(mix(mix(tags, root), config), <u64>stage2) >> 16) & Arena.spaceHashMask;
}

function tagHash(vmid: u32, asid: u32): u32 {
  return <u32>(mix(<u64>vmid + 1, <u64>asid) >> 16) & Arena.spaceHashMask;
}

function headByKey(hash: u32): usize {
  return Arena.spaceHash + ((<usize>hash) << 2);
}

/** Head of the list of spaces with (vmid, asid) tags of this hash; the list holds others too. */
export function headByAsid(vmid: u32, asid: u32): usize {
  return Arena.spaceHash + ((<usize>Arena.spaceHashMask + 1 + tagHash(vmid, asid)) << 2);
}

/** Head of the list of spaces with a vmid of this hash; the list holds others too. */
export function headByVmid(vmid: u32): usize {
  return Arena.spaceHash + ((((<usize>Arena.spaceHashMask + 1) << 1) + tagHash(vmid, 0)) << 2);
}

function push(head: usize, space: usize, next: usize): void {
  store<u32>(space + next, load<u32>(head));
  store<u32>(head, <u32>space);
}

function unlink(head: usize, space: usize, next: usize): void {
  let at = head;
  while (load<u32>(at) !== <u32>space) at = load<u32>(at) + next;
  store<u32>(at, load<u32>(space + next));
}

/** The space with exactly this key, or 0. */
export function findSpace(kind: u32, vmid: u32, asid: u32, root: u64, config: u64, stage2: usize): usize {
  let space: usize = load<u32>(headByKey(keyHash(kind, vmid, asid, root, config, stage2)));
  while (space !== 0) {
    if (
      load<u64>(space + SPACE_ROOT) === root &&
      load<u64>(space + SPACE_CONFIG) === config &&
      load<u32>(space + SPACE_VMID) === vmid &&
      load<u32>(space + SPACE_ASID) === asid &&
      load<u32>(space + SPACE_STAGE2) === <u32>stage2 &&
      load<u32>(space + SPACE_KIND) === kind
    ) {
      return space;
    }
    space = load<u32>(space + SPACE_NEXT);
  }
  return 0;
}

/** Fills the free record `space` and links it; it takes a reference on its stage 2. */
export function initSpace(
  space: usize,
  kind: u32,
  vmid: u32,
  asid: u32,
  root: u64,
  config: u64,
  stage2: usize,
  id: u32,
): void {
  memory.fill(space, 0, SPACE_SIZE);
  const index = <u32>(space - Arena.spaces) / SPACE_SIZE;
  store<u32>(space + SPACE_PAGE_LG2, granuleLg2Of(config));
  putId(space, id);
  // Low-discrepancy start sets: neighbouring spaces spread evenly, better than a random mix.
  store<u32>(space + SPACE_SEED, (index * 0x9e3779b1) >>> 16);
  store<u64>(space + SPACE_ROOT, root);
  store<u64>(space + SPACE_CONFIG, config);
  store<u32>(space + SPACE_VMID, vmid);
  store<u32>(space + SPACE_ASID, asid);
  store<u32>(space + SPACE_STAGE2, <u32>stage2);
  store<u32>(space + SPACE_KIND, kind);
  if (stage2 !== 0) addReference(stage2);
  push(headByKey(keyHash(kind, vmid, asid, root, config, stage2)), space, SPACE_NEXT);
  push(headByAsid(vmid, asid), space, SPACE_NEXT_ASID);
  push(headByVmid(vmid), space, SPACE_NEXT_VMID);
}

function putId(space: usize, id: u32): void {
  store<u32>(space + SPACE_ID, id);
  store<u64>(space + SPACE_ID_BITS, idBits(id));
  store<u64>(space + SPACE_TABLE_TAG, idBits(id) | (load<u32>(space + SPACE_PAGE_LG2) + CHUNK_LG2));
}

/** Unlinks `space` and frees its record; its entries die with its id. */
export function freeSpace(space: usize): void {
  const vmid = load<u32>(space + SPACE_VMID);
  const asid = load<u32>(space + SPACE_ASID);
  const stage2: usize = load<u32>(space + SPACE_STAGE2);
  const global: usize = load<u32>(space + SPACE_GLOBAL);
  const hash = keyHash(
    load<u32>(space + SPACE_KIND),
    vmid,
    asid,
    load<u64>(space + SPACE_ROOT),
    load<u64>(space + SPACE_CONFIG),
    stage2,
  );
  unlink(headByKey(hash), space, SPACE_NEXT);
  unlink(headByAsid(vmid, asid), space, SPACE_NEXT_ASID);
  unlink(headByVmid(vmid), space, SPACE_NEXT_VMID);
  countBy(CNT_EVICTED, Ids.retire(load<u32>(space + SPACE_ID)));
  if (stage2 !== 0) dropReference(stage2);
  if (global !== 0) dropReference(global);
  store<u32>(space + SPACE_KIND, KIND_FREE);
}

export function addReference(space: usize): void {
  store<u32>(space + SPACE_REFS, load<u32>(space + SPACE_REFS) + 1);
}

export function dropReference(space: usize): void {
  store<u32>(space + SPACE_REFS, load<u32>(space + SPACE_REFS) - 1);
}

/** A free record, made by freeing an unreferenced space if need be; 0 when all are referenced. */
export function takeRecord(): usize {
  if (SpaceTable.used < Arena.spaceCount) {
    const fresh = Arena.spaces + <usize>SpaceTable.used * SPACE_SIZE;
    SpaceTable.used += 1;
    return fresh;
  }
  for (let n: u32 = 0; n < Arena.spaceCount; ++n) {
    const space = Arena.spaces + <usize>SpaceTable.hand * SPACE_SIZE;
    SpaceTable.hand = SpaceTable.hand + 1 === Arena.spaceCount ? 0 : SpaceTable.hand + 1;
    if (load<u32>(space + SPACE_KIND) === KIND_FREE) return space;
    if (load<u32>(space + SPACE_REFS) === 0) {
      freeSpace(space);
      return space;
    }
  }
  return 0;
}

/** Whether no cache can hold anything under the id of `space`. */
export function isEmpty(space: usize): bool {
  if (Ids.entries(load<u32>(space + SPACE_ID)) !== 0) return false;
  return (load<u64>(space + SPACE_WALK_SIZES) | load<u64>(space + SPACE_STAGE2_SIZES)) === 0;
}

/** Gives `space` the id `fresh`: everything cached for it is gone. Counts the IOTLB entries. */
export function renumber(space: usize, fresh: u32): void {
  countBy(CNT_INVALIDATED, Ids.retire(load<u32>(space + SPACE_ID)));
  putId(space, fresh);
  store<u64>(space + SPACE_SIZES, 0);
  store<u64>(space + SPACE_STAGE2_SIZES, 0);
  store<u64>(space + SPACE_WALK_SIZES, 0);
  store<u32>(space + SPACE_FRAGMENTED, 0);
}

/** Notes in the bitmap at `offset` of `space` that pages of 2^lg2 bytes are in use. */
export function noteSize(space: usize, offset: usize, lg2: u32): void {
  const sizes = load<u64>(space + offset);
  if (((sizes >> lg2) & 1) === 0) store<u64>(space + offset, sizes | ((<u64>1) << lg2));
}
