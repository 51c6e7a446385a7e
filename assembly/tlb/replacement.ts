// Replacement: which way of a full set makes room, and what a hit must tell the policy for that: nothing (FIFO, random), a
// stamp (LRU), or a path through a tree (PLRU).

import {
  POLICY_FIFO,
  POLICY_LRU,
  POLICY_PLRU,
  TLB_BASE,
  TLB_CLOCK,
  TLB_META,
  TLB_POLICY,
  TLB_RANDOM,
  TLB_STAMPS,
  TLB_WAYS,
} from "../../src/spec/abi/core";
import { Ids } from "./ids";

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

/** Which way of its set `offset` bytes from the first set is. Divisions would cost as much as the rest of a hit. */
function wayAt(offset: u32, ways: u32): u32 {
  const words = ways << 1;
  return (ways & (ways - 1)) === 0 ? (offset >> 3) & (words - 1) : (offset >> 3) % words;
}

/** Stamps are u64, one a way, in set order: tags without the data words between them. */
function stampOf(tlb: usize, slot: usize): usize {
  const offset = <u32>slot - load<u32>(tlb + TLB_BASE);
  const way = wayAt(offset, load<u32>(tlb + TLB_WAYS));
  return load<u32>(tlb + TLB_STAMPS) + (offset >> 1) + (way << 2);
}

/** Tree PLRU: one u64 of tree bits a set, node 1 the root; a bit points to the half to evict next. */
function pointAway(tlb: usize, slot: usize): void {
  const ways = load<u32>(tlb + TLB_WAYS);
  const offset = <u32>slot - load<u32>(tlb + TLB_BASE);
  const way = wayAt(offset, ways);
  // Ways of PLRU are a power of two: 16 bytes a way, 8 bytes of tree a set.
  const at = load<u32>(tlb + TLB_META) + ((offset >> (ctz(ways) + 4)) << 3);
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
export function fifoVictim(tlb: usize, set: u32, ways: u32): u32 {
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

export function randomVictim(tlb: usize, ways: u32): u32 {
  let x = load<u32>(tlb + TLB_RANDOM);
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  store<u32>(tlb + TLB_RANDOM, x);
  return x % ways;
}

/** The way that makes room in a set without a hole. */
export function victim(tlb: usize, set: u32, ways: u32): u32 {
  const policy = load<u32>(tlb + TLB_POLICY);
  if (policy === POLICY_FIFO) return fifoVictim(tlb, set, ways);
  if (policy === POLICY_LRU) return lruVictim(tlb, set, ways);
  if (policy === POLICY_PLRU) return plruVictim(tlb, set, ways);
  return randomVictim(tlb, ways);
}
