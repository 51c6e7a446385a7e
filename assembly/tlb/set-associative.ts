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
  POLICY_LRU,
  POLICY_PLRU,
  TLB_BASE,
  TLB_CLOCK,
  TLB_MASK,
  TLB_META,
  TLB_POLICY,
  TLB_RANDOM,
  TLB_SETS,
  TLB_STAMPS,
  TLB_WAYS,
} from "../../src/spec/abi/core";
import { Arena, count } from "../mem/arena";
import { ID_MASK, Ids } from "./ids";

/** Address bits of a tag or data word. */
export const ADDRESS_MASK: u64 = 0x000ffffffffff000;

/** The tag of the page of 2^`lg2` bytes that holds `address`, in the space `id` (already spread). */
export function tagOf(address: u64, lg2: u32, id: u64): u64 {
  return (address & ADDRESS_MASK & (u64(-1) << lg2)) | id | lg2;
}

/** Index hash: neighbouring pages go to neighbouring sets, spaces start at different ones. */
export function setHash(address: u64, lg2: u32, seed: u32): u32 {
  const page = (address << 12) >> (12 + lg2);
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

/** Way (0..3) of the fast layout's set at `set` that holds `tag`, or 4. */
export function findFast(set: usize, tag: u64): u32 {
  if (ASC_FEATURE_SIMD) {
    const wanted = i64x2.splat(tag);
    const low = i64x2.bitmask(i64x2.eq(v128.load(set), wanted));
    const high = i64x2.bitmask(i64x2.eq(v128.load(set, 16), wanted));
    return ctz(low | (high << 2) | 16);
  }
  // Without branches: exactly one comparison can hold.
  const way =
    <u32>(load<u64>(set, 8) === tag) +
    ((<u32>(load<u64>(set, 16) === tag)) << 1) +
    <u32>(load<u64>(set, 24) === tag) * 3;
  return way + <u32>(load<u64>(set) !== tag && way === 0) * 4;
}

/** Address of the tag word of `tag`, or 0. The data word is `ways * 8` bytes further. */
export function find(tlb: usize, tag: u64, hash: u32): usize {
  const ways = load<u32>(tlb + TLB_WAYS);
  const set: usize = load<u32>(tlb + TLB_BASE) + <usize>setIndex(tlb, hash) * (ways << 4);
  if (ways === 4) {
    const way = findFast(set, tag);
    return way < 4 ? set + ((<usize>way) << 3) : 0;
  }
  const end = set + ((<usize>ways) << 3);
  for (let at = set; at < end; at += 8) {
    if (load<u64>(at) === tag) return at;
  }
  return 0;
}

/** The data word that belongs to the tag at `slot`. */
export function dataAt(tlb: usize, slot: usize): u64 {
  return load<u64>(slot + ((<usize>load<u32>(tlb + TLB_WAYS)) << 3));
}

/** Tells the replacement policy that `slot` was used. */
export function touch(tlb: usize, slot: usize): void {
  const policy = load<u32>(tlb + TLB_POLICY);
  if (policy === POLICY_LRU) {
    stamp(tlb, slot);
  } else if (policy === POLICY_PLRU) {
    pointAway(tlb, slot);
  }
}

function stamp(tlb: usize, slot: usize): void {
  const clock = load<u64>(tlb + TLB_CLOCK) + 1;
  store<u64>(tlb + TLB_CLOCK, clock);
  store<u64>(stampOf(tlb, slot), clock);
}

/** Stamps are u64, one a way, in set order. */
function stampOf(tlb: usize, slot: usize): usize {
  const ways = <usize>load<u32>(tlb + TLB_WAYS);
  const offset = slot - load<u32>(tlb + TLB_BASE);
  const set = offset / (ways << 4);
  const way = (offset - set * (ways << 4)) >> 3;
  return load<u32>(tlb + TLB_STAMPS) + ((set * ways + way) << 3);
}

/** Tree PLRU: one u64 of tree bits a set, node 1 the root; a bit points to the half to evict next. */
function pointAway(tlb: usize, slot: usize): void {
  const ways = load<u32>(tlb + TLB_WAYS);
  const offset = <u32>slot - load<u32>(tlb + TLB_BASE);
  const set = offset / (ways << 4);
  const way = (offset - set * (ways << 4)) >> 3;
  const at = load<u32>(tlb + TLB_META) + ((<usize>set) << 3);
  let tree = load<u64>(at);
  let node: u32 = 1;
  for (let half = ways >> 1; half > 0; half >>= 1) {
    const right = (way & half) !== 0;
    tree = right ? tree & ~((<u64>1) << node) : tree | ((<u64>1) << node);
    node = (node << 1) | <u32>right;
  }
  store<u64>(at, tree);
}

function plruVictim(tlb: usize, set: u32, ways: u32): u32 {
  const tree = load<u64>(load<u32>(tlb + TLB_META) + ((<usize>set) << 3));
  let node: u32 = 1;
  let way: u32 = 0;
  for (let half = ways >> 1; half > 0; half >>= 1) {
    const right = <u32>(tree >> node) & 1;
    way |= right ? half : 0;
    node = (node << 1) | right;
  }
  return way;
}

/** In the FIFO word of a set: it has been full, so the way below is the next to go. */
const WAS_FULL: u32 = 0x8000;

/**
 * The next way in round-robin order. A set that is still filling gives its free ways in order; once
 * invalidations make holes, free ways are looked for (freeWay) and the order begins at way 0.
 */
function fifoVictim(tlb: usize, set: u32, ways: u32): u32 {
  const at = load<u32>(tlb + TLB_META) + ((<usize>set) << 1);
  const word = <u32>load<u16>(at);
  const full = (word & WAS_FULL) !== 0;
  const way = full || !Ids.holes ? word & ~WAS_FULL : 0;
  const next = way + 1 === ways ? WAS_FULL : way + 1;
  store<u16>(at, <u16>(next | (full || Ids.holes ? WAS_FULL : 0)));
  return way;
}

function lruVictim(tlb: usize, set: u32, ways: u32): u32 {
  const stamps = load<u32>(tlb + TLB_STAMPS) + ((<usize>set * ways) << 3);
  let victim: u32 = 0;
  let oldest = u64(-1);
  for (let way: u32 = 0; way < ways; ++way) {
    const at = load<u64>(stamps + ((<usize>way) << 3));
    if (at < oldest) {
      oldest = at;
      victim = way;
    }
  }
  return victim;
}

function randomVictim(tlb: usize, ways: u32): u32 {
  let x = load<u32>(tlb + TLB_RANDOM);
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  store<u32>(tlb + TLB_RANDOM, x);
  return x % ways;
}

/** The way that makes room in a set without a hole. */
function victim(tlb: usize, set: u32, ways: u32): u32 {
  const policy = load<u32>(tlb + TLB_POLICY);
  if (policy === POLICY_FIFO) return fifoVictim(tlb, set, ways);
  if (policy === POLICY_LRU) return lruVictim(tlb, set, ways);
  if (policy === POLICY_PLRU) return plruVictim(tlb, set, ways);
  return randomVictim(tlb, ways);
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
  static insertAbsent(tlb: usize, tag: u64, data: u64, hash: u32): void {
    const set = hash & load<u32>(tlb + TLB_MASK);
    const base: usize = load<u32>(tlb + TLB_BASE) + ((<usize>set) << 6);
    const fifo = load<u32>(tlb + TLB_POLICY) === POLICY_FIFO;
    let way = !fifo || Ids.holes ? freeWay(tlb, base, 4) : 4;
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
    Ids.change();
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
