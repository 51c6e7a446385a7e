// A batch: the requests first..last-1 of the columns, in order. Hits are answered here, everything else
// goes to the vendor (dispatch.ts). Loops over the same request:
//   burst  (burst.ts) probe the set that the predictor names, for requests of one source in a row that hit (fast layout only)
//   plain  the same for any requests; misses have a loop of their own, too (short-path.ts)
//   memo   (memo-hits.ts) first ask for the page that the source used last; worth it for sequential traffic (1.6x), a cost
//          for random traffic (15 %), so blocks of requests choose by hit count
//   other layouts (other-layouts.ts), and the general path where caches or translation are off
// A hit writes only its PA and leaf size: the other columns are filled for the whole batch beforehand.

import { CNT_REQUESTS, SOURCE_IOTLB, STATUS_TRANSLATED } from "../src/spec/abi/core";
import { burstEnd, burstHits } from "./burst";
import { answerMisses, isEnabled } from "./dispatch";
import { BITS_52 } from "./lib/bits";
import { Arena, countBy } from "./mem/arena";
import { memoHits, remember } from "./memo-hits";
import { runOtherLayout } from "./other-layouts";
import { answer } from "./request";
import { ContextLookup } from "./tlb/context-lookup";
import { dropContexts, findContext, GUESS_MASK, HALF_ID, HALF_SEED, halfOf, isInHalf } from "./tlb/contexts";
import { predictorIndex } from "./tlb/iotlb";
import { ADDRESS_MASK, findFast, setHash, tagOf } from "./tlb/set-associative";

const BLOCK: u32 = 64;
/** Blocks without the memo after one in which it did not pay. */
const PLAIN_BLOCKS: u32 = 15;
/** The most of them, when it has not paid time and again. */
const MOST_PLAIN_BLOCKS: u32 = 240;

/**
 * Of how many requests one may be another's to the memo. A probe is cheaper where one in eight is, but a block in which every
 * source begins a new page (one in four) says nothing of the next.
 */
const ONE_OTHER_IN: u32 = 4;

/** Requests of one source in a row from which on they are worth a loop of their own; as many are plain after one that missed. */
const SHORT_BURST: u32 = 16;
/** The most requests that are looked through for a burst, or that are plain after many that missed. */
const LONG_BURST: u32 = 1024;

/** State that outlives a batch, so that small batches choose as well as large ones. */
export class Batch {
  /** Requests left before the memo is tried again. */
  static plainLeft: u32 = 0;
  /** Requests of the memo block in progress, and those that the memo could not answer. */
  static tried: u32 = 0;
  static others: u32 = 0;
  /** Blocks without the memo after the next one in which it does not pay: grows while it never does. */
  static patience: u32 = PLAIN_BLOCKS;

  static reset(): void {
    Batch.plainLeft = 0;
    Batch.tried = 0;
    Batch.others = 0;
    Batch.patience = PLAIN_BLOCKS;
  }
}

/** Runs requests first..last-1; returns the index it stopped at: `last`, or a request that must wait. */
export function runBatch(first: u32, last: u32): u32 {
  const n = last - first;
  presume(first, n);
  const stopped = isFast() ? runFast(first, last) : runSlow(first, last);
  countBy(CNT_REQUESTS, stopped - first);
  return stopped;
}

/** Writes what a hit leaves in the columns that hits do not write. */
function presume(first: u32, n: u32): void {
  spread(Arena.status + first, <u8>STATUS_TRANSLATED, n);
  spread(Arena.fetches + first, 0, n);
  spread(Arena.source + first, <u8>SOURCE_IOTLB, n);
}

/** From how many bytes on a call into the engine pays: it costs some 15 ns, as much as a small batch. */
const FILL_MIN: u32 = 512;

/** memory.fill for short runs: eight bytes at a time, the last eight over what is written already. */
function spread(at: usize, value: u8, n: u32): void {
  if (n >= FILL_MIN) {
    memory.fill(at, value, n);
    return;
  }
  const end = at + n;
  if (n < 8) {
    for (let to = at; to < end; ++to) store<u8>(to, value);
    return;
  }
  const word = <u64>value * 0x0101010101010101;
  for (let to = at; to < end - 8; to += 8) store<u64>(to, word);
  store<u64>(end - 8, word);
}

/** Whether the probing loops fit: the fast layout, and translation is on. */
export function isFast(): bool {
  return Arena.fastMask !== <u32>-1 && isEnabled();
}

function runSlow(first: u32, last: u32): u32 {
  const enabled = isEnabled();
  if (enabled && Arena.configCacheOn && Arena.iotlb !== 0) return runOtherLayout(first, last);
  for (let i = first; i < last; ++i) {
    if (!Arena.configCacheOn) dropContexts(0, 0xffffffff, -1);
    const context = findContext(
      load<u32>(Arena.stream + ((<usize>i) << 2)),
      load<u32>(Arena.pasid + ((<usize>i) << 2)),
    );
    if (!answer(i, enabled, context)) return i;
  }
  return last;
}

function runFast(first: u32, last: u32): u32 {
  let i = first;
  while (i < last) {
    if (Batch.plainLeft !== 0) {
      const end = min(last, i + min(Batch.plainLeft, BLOCK * PLAIN_BLOCKS));
      const stopped = probingBlock(i, end);
      Batch.plainLeft -= stopped - i;
      if (stopped !== end) return stopped;
      i = end;
    } else {
      const end = min(last, i + BLOCK - Batch.tried);
      const stopped = memoBlock(i, end);
      Batch.tried += stopped - i;
      if (Batch.tried >= BLOCK) {
        if (Batch.others * ONE_OTHER_IN > Batch.tried) {
          Batch.plainLeft = BLOCK * Batch.patience;
          Batch.patience = min(Batch.patience << 2, MOST_PLAIN_BLOCKS);
        } else {
          Batch.patience = PLAIN_BLOCKS;
        }
        Batch.tried = 0;
        Batch.others = 0;
      }
      if (stopped !== end) return stopped;
      i = end;
    }
  }
  return last;
}

/** Probes the IOTLB: bursts in a loop of their own as long as they hit. */
function probingBlock(first: u32, last: u32): u32 {
  let i = first;
  let end = first;
  let others = SHORT_BURST;
  while (i < last) {
    if (i === end) end = burstEnd(i, min(last, i + LONG_BURST));
    const hits = end - i < SHORT_BURST ? i : burstHits(i, end);
    if (hits === end) {
      i = end;
      continue;
    }
    // Where bursts are short, or do not hit, the loops change places less and less often.
    others = hits - i < SHORT_BURST ? min(others << 1, LONG_BURST) : SHORT_BURST;
    const until = min(last, hits + others);
    i = plainBlock(hits, until);
    if (i !== until) return i;
    end = max(end, i);
  }
  return i;
}

/** Probes the IOTLB for every request; the columns' bases stay in locals, which the engine keeps in registers. */
function plainBlock(first: u32, last: u32): u32 {
  const base = Arena.fastSets;
  const setMask = Arena.fastMask;
  const predictor = Arena.predictor;
  const streams = Arena.stream;
  const pasids = Arena.pasid;
  const iovas = Arena.iova;
  const accesses = Arena.access;
  const pas = Arena.pa;
  const leaves = Arena.leafLg2;
  for (let i = first; i < last; ++i) {
    const stream = load<u32>(streams + ((<usize>i) << 2));
    const pasid = load<u32>(pasids + ((<usize>i) << 2));
    const iova = load<u64>(iovas + ((<usize>i) << 3));
    const context = ContextLookup.find(stream, pasid);
    if (context !== 0) {
      const half = halfOf(context, iova);
      const seed = <u32>load<u16>(half + HALF_SEED);
      const id = load<u64>(half + HALF_ID);
      let lg2: u32;
      let hash: u32;
      let tag: u64;
      if ((id & GUESS_MASK) !== 0) {
        // Only 4 KiB pages so far: constant shifts and no predictor (nested-iommu bench, "tlb hit": 8.8 to 7.3 ns).
        lg2 = 12;
        hash = (<u32>(iova >> 12) ^ <u32>((iova & ADDRESS_MASK) >> 21)) + seed;
        tag = (iova & ADDRESS_MASK) | id;
      } else {
        lg2 = <u32>load<u8>(predictor + predictorIndex(iova, seed));
        hash = setHash(iova, lg2, seed);
        tag = tagOf(iova, lg2, id);
      }
      const set = base + ((<usize>(hash & setMask)) << 6);
      const way = findFast(set, tag);
      if (way < 4 && isInHalf(half, iova)) {
        const data = load<u64>(set + ((<usize>way) << 3), 32);
        if (((data >> (load<u8>(accesses + i) & 7)) & 1) === 0) {
          store<u64>(pas + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
          store<u8>(leaves + i, <u8>lg2);
          continue;
        }
      } else if (way === 4) {
        const next = answerMisses(i, last, context, half, lg2);
        if (next !== i) {
          i = next - 1;
          continue;
        }
      }
    }
    if (!answer(i, true, context)) return i;
  }
  return last;
}

/** As plainBlock, but asks the contexts' memos first and keeps them. */
function memoBlock(first: u32, last: u32): u32 {
  let i = first;
  while (true) {
    i = memoHits(i, last);
    if (i === last || !remember(i)) return i;
    Batch.others += 1;
    ++i;
  }
}
