// A set-associative translation cache, used twice: IOTLB and stage-2 TLB.
//
//   set:  | tag 0 | tag 1 | … | tag W-1 | data 0 | … | data W-1 |      u64 each
//   tag:  63:52 id high | 51:12 page address | 11:6 id low | 5:0 log2(page size)
//   data: 51:12 output - input (mod 2^52) | 11:8 code of the stage-1 leaf | 7:0 denied accesses
//
// With four ways a set is one 64-byte line and one SIMD compare finds the way (the fast layout); any
// other geometry takes the scalar loop. Hits store nothing but the stamp of LRU/PLRU, FIFO is the
// default for that reason. A way whose tag id is dead counts as free.

import {
  CNT_EVICTED,
  POLICY_FIFO,
  TLB_BASE,
  TLB_MASK,
  TLB_POLICY,
  TLB_SETS,
  TLB_WAYS,
} from "../../src/spec/abi/core";
import { Arena, count } from "../mem/arena";
import { ID_MASK, Ids } from "./ids";
import { fifoVictim, randomVictim, touch, victim } from "./replacement";

/** Address bits of a tag or data word. */
export const ADDRESS_MASK: u64 = 0x000ffffffffff000;

/** The tag of the page of 2^`lg2` bytes that holds `address`, in the space `id` (already spread). */
export function tagOf(address: u64, lg2: u32, id: u64): u64 {
  return (address & ADDRESS_MASK & (u64(-1) << lg2)) | id | lg2;
}

/** Index hash: neighbouring pages go to neighbouring sets, spaces start at different ones. */
export function setHash(address: u64, lg2: u32, seed: u32): u32 {
  return hashOf((address << 12) >> (12 + lg2), seed);
}

/** The same by the number of a page. */
export function hashOf(page: u64, seed: u32): u32 {
  return <u32>(page ^ (page >> 9)) + seed;
}

/** Log2 of the page size in tag word `tag`. */
export function lg2Of(tag: u64): u32 {
  return <u32>tag & 63;
}

function setIndex(tlb: usize, hash: u32): u32 {
  const mask = load<u32>(tlb + TLB_MASK);
  return mask !== <u32>-1 ? hash & mask : hash % load<u32>(tlb + TLB_SETS);
}

/**
 * Four bits a way, from the first, that say whether it holds `tag` in the fast layout's set at `set`; at most one does. Their
 * index, doubled, is the way's offset in the set. One mask of both halves: 5 % of a hit less than two.
 */
export function matchFast(set: usize, tag: u64): u32 {
  if (ASC_FEATURE_SIMD) {
    const wanted = i64x2.splat(tag);
    const low = i64x2.eq(v128.load(set), wanted);
    return i8x16.bitmask(i16x8.narrow_i32x4_s(low, i64x2.eq(v128.load(set, 16), wanted)));
  }
  return (
    <u32>(load<u64>(set) === tag) |
    ((<u32>(load<u64>(set, 8) === tag)) << 4) |
    ((<u32>(load<u64>(set, 16) === tag)) << 8) |
    ((<u32>(load<u64>(set, 24) === tag)) << 12)
  );
}

/** Way (0..3) of the fast layout's set at `set` that holds `tag`, or 4. */
export function findFast(set: usize, tag: u64): u32 {
  return ctz(matchFast(set, tag) | 0x10000) >> 2;
}

/** Address of the tag word of `tag`, or 0. The data word is `ways * 8` bytes further. */
export function find(tlb: usize, tag: u64, hash: u32): usize {
  const ways = load<u32>(tlb + TLB_WAYS);
  const set: usize = load<u32>(tlb + TLB_BASE) + <usize>setIndex(tlb, hash) * (ways << 4);
  if (ways === 4) return slotOf(set, matchFast(set, tag));
  const end = set + ((<usize>ways) << 3);
  // Eight at a time without a branch in between: which way it is cannot be predicted.
  if ((ways & 7) === 0) {
    for (let at = set; at < end; at += 64) {
      const slot = slotOf(at, matchFast(at, tag) | (matchFast(at + 32, tag) << 16));
      if (slot !== 0) return slot;
    }
    return 0;
  }
  for (let at = set; at < end; at += 8) {
    if (load<u64>(at) === tag) return at;
  }
  return 0;
}

function slotOf(tags: usize, match: u32): usize {
  return match !== 0 ? tags + ((<usize>ctz(match)) << 1) : 0;
}

/** The data word that belongs to the tag at `slot`. */
export function dataAt(tlb: usize, slot: usize): u64 {
  return load<u64>(slot + ((<usize>load<u32>(tlb + TLB_WAYS)) << 3));
}

/** A free way of the set at `base`, one whose id is dead counting as free, or `ways`. */
function freeWay(tlb: usize, base: usize, ways: u32): u32 {
  const mayBeDead = Ids.deadEntries !== 0 || tlb !== Arena.iotlb;
  if (ASC_FEATURE_SIMD && ways === 4 && !mayBeDead) return findFast(base, 0);
  for (let way: u32 = 0; way < ways; ++way) {
    const held = load<u64>(base + ((<usize>way) << 3));
    if (held === 0 || (mayBeDead && !Ids.isLive(held))) return way;
  }
  return ways;
}

function wayOf(base: usize, ways: u32, tag: u64): u32 {
  if (ways === 4) return findFast(base, tag);
  let way: u32 = 0;
  while (way < ways && load<u64>(base + ((<usize>way) << 3)) !== tag) ++way;
  return way;
}

/** Puts (tag, data) in, over the entry itself, a free way or the policy's victim; returns the tag's address. */
export function insert(tlb: usize, tag: u64, data: u64, hash: u32): usize {
  const ways = load<u32>(tlb + TLB_WAYS);
  const set = setIndex(tlb, hash);
  const base: usize = load<u32>(tlb + TLB_BASE) + <usize>set * (ways << 4);
  let way = wayOf(base, ways, tag);
  if (way === ways) {
    // FIFO fills 0, 1, 2 … by itself; only what invalidations left behind must be looked for.
    const fifo = load<u32>(tlb + TLB_POLICY) === POLICY_FIFO;
    if (!fifo || Ids.holes) way = freeWay(tlb, base, ways);
    if (way === ways) way = fifo ? fifoVictim(tlb, set, ways) : victim(tlb, set, ways);
    replace(tlb, base + ((<usize>way) << 3), tag);
  }
  Ids.change();
  const slot = base + ((<usize>way) << 3);
  store<u64>(slot + ((<usize>ways) << 3), data);
  if (load<u32>(tlb + TLB_POLICY) !== POLICY_FIFO) touch(tlb, slot);
  return slot;
}

/** What the shortest miss path needs of a TLB in the fast layout, inlined into it. */
export class FastLayout {
  /** As insert, for four ways, 2^n sets, FIFO or random, and a tag that is surely not in. */
  @inline
  static insertAbsent(tlb: usize, base: usize, set: u32, tag: u64, data: u64): void {
    const fifo = load<u32>(tlb + TLB_POLICY) === POLICY_FIFO;
    let way: u32 = 4;
    if (!fifo || Ids.holes) {
      // As freeWay, which would be a call (15 % of a miss of one stage).
      way = Ids.deadEntries === 0 ? findFast(base, 0) : freeWay(tlb, base, 4);
    }
    if (way === 4) way = fifo ? fifoVictim(tlb, set, 4) : randomVictim(tlb, 4);
    const slot = base + ((<usize>way) << 3);
    const old = load<u64>(slot);
    store<u64>(slot, tag);
    store<u64>(slot, data, 32);
    if (((old ^ tag) & ID_MASK) !== 0) {
      account(old, tag);
    } else {
      count(CNT_EVICTED);
    }
  }
}

/** An entry of tag `old` (0 = none) made room in the IOTLB for `tag`, whose id is another. */
function account(old: u64, tag: u64): void {
  if (old !== 0) {
    // What a retired id left behind was counted when it was invalidated.
    if (Ids.isLive(old)) count(CNT_EVICTED);
    Ids.removed(old);
  }
  Ids.added(tag);
}

/** Writes `tag` over what stands at `slot`. Only entries of the IOTLB are counted by id. */
function replace(tlb: usize, slot: usize, tag: u64): void {
  const old = load<u64>(slot);
  store<u64>(slot, tag);
  if (tlb !== Arena.iotlb) return;
  if (((old ^ tag) & ID_MASK) !== 0) {
    account(old, tag);
  } else {
    count(CNT_EVICTED);
  }
}

/** Empties the way whose tag word is at `slot`. */
export function erase(tlb: usize, slot: usize): void {
  Ids.holes = true;
  Ids.change();
  if (tlb === Arena.iotlb) Ids.removed(load<u64>(slot));
  store<u64>(slot, 0);
}

/** Erases every entry of a dead id, so that the id can be taken again. */
export function eraseDead(tlb: usize): void {
  const ways = load<u32>(tlb + TLB_WAYS);
  let set: usize = load<u32>(tlb + TLB_BASE);
  for (let n = load<u32>(tlb + TLB_SETS); n > 0; --n) {
    for (let way: u32 = 0; way < ways; ++way) {
      const at = set + ((<usize>way) << 3);
      const tag = load<u64>(at);
      if (tag !== 0 && !Ids.isLive(tag)) store<u64>(at, 0);
    }
    set += (<usize>ways) << 4;
  }
}

/** Number of ways in all sets. */
export function capacity(tlb: usize): u32 {
  return load<u32>(tlb + TLB_SETS) * load<u32>(tlb + TLB_WAYS);
}
