// What belongs to a stage whatever its format: the cache of its partial walks, and its counters. `stage` is 1 or 2 and
// always a constant of the format, so that every call folds.

import {
  CNT_S1_FETCHES,
  CNT_S2_FETCHES,
  CNT_WC1_HITS,
  CNT_WC1_MISSES,
  CNT_WC2_HITS,
  CNT_WC2_MISSES,
} from "../../src/spec/abi/core";
import { Arena } from "../mem/arena";

/** The walk cache, or 0 when it is off. */
export function cacheOf(stage: u32): usize {
  return stage === 1 ? Arena.walkCache1 : Arena.walkCache2;
}

export function cacheMaskOf(stage: u32): u32 {
  return stage === 1 ? Arena.walkCache1Mask : Arena.walkCache2Mask;
}

/** Counter of walks that began at a cached table. */
export function hitCounterOf(stage: u32): u32 {
  return stage === 1 ? CNT_WC1_HITS : CNT_WC2_HITS;
}

/** Counter of walks that began at the root. */
export function missCounterOf(stage: u32): u32 {
  return stage === 1 ? CNT_WC1_MISSES : CNT_WC2_MISSES;
}

/** Counter of descriptors read at `level`, -1..3. */
export function fetchCounterOf(stage: u32, level: i32): u32 {
  return (stage === 1 ? CNT_S1_FETCHES : CNT_S2_FETCHES) + ((<u32>(level + 1)) << 3);
}
