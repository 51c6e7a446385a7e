// A batch: the requests first..last-1 of the columns, in order. Hits are answered here, everything else
// goes to the vendor (dispatch.ts). Three loops over the same request:
//   plain  probe the set that the predictor names (fast layout only)
//   memo   first ask for the page that the source used last (tlb/memo.ts); worth it for sequential traffic (2x), a cost
//          for random traffic (15 %), so blocks of requests choose by hit count
//   general  other layouts, caches off, translation disabled
// A hit writes only its PA and leaf size: the other columns are filled for the whole batch beforehand.

import { CNT_REQUESTS, SOURCE_IOTLB, SOURCE_WALK_CACHE, STATUS_TRANSLATED } from "../src/spec/abi/core";
import { isEnabled, ShortPath } from "./dispatch";
import { BITS_52 } from "./lib/bits";
import { Arena, countBy } from "./mem/arena";
import { Leaf } from "./pt/state";
import { answer } from "./request";
import {
  dropContexts,
  findContext,
  GUESS_MASK,
  HALF_ID,
  HALF_SEED,
  HALF_SPACE,
  halfOf,
  hasOverride,
  isInHalf,
} from "./tlb/contexts";
import { Ids } from "./tlb/ids";
import { predictorIndex } from "./tlb/iotlb";
import { MEMO_DATA, MEMO_GENERATION, MEMO_LG2, MEMO_PAGE, memoKey, memoOf, memorize } from "./tlb/memo";
import { ADDRESS_MASK, findFast, setHash, tagOf } from "./tlb/set-associative";

const BLOCK: u32 = 64;
/** Blocks without the memo after one in which it did not pay. */
const PLAIN_BLOCKS: u32 = 15;
/** The most of them, when it has not paid time and again. */
const MOST_PLAIN_BLOCKS: u32 = 240;

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
      const stopped = plainBlock(i, end);
      Batch.plainLeft -= stopped - i;
      if (stopped !== end) return stopped;
      i = end;
    } else {
      const end = min(last, i + BLOCK - Batch.tried);
      const stopped = memoBlock(i, end);
      Batch.tried += stopped - i;
      if (Batch.tried >= BLOCK) {
        if (Batch.others << 1 > Batch.tried) {
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

/** The columns of a request that the short path has answered with Leaf. */
function storeWalked(i: u32, fetches: u32): void {
  store<u64>(Arena.pa + ((<usize>i) << 3), Leaf.output);
  store<u8>(Arena.leafLg2 + i, <u8>Leaf.lg2);
  store<u8>(Arena.fetches + i, <u8>fetches);
  store<u8>(Arena.source + i, <u8>SOURCE_WALK_CACHE);
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
  const direct = Arena.streamTable;
  const directSize = Arena.streamTableSize;
  for (let i = first; i < last; ++i) {
    const stream = load<u32>(streams + ((<usize>i) << 2));
    const pasid = load<u32>(pasids + ((<usize>i) << 2));
    const iova = load<u64>(iovas + ((<usize>i) << 3));
    const context: usize =
      pasid === 0 && stream < directSize
        ? load<u32>(direct + ((<usize>stream) << 2))
        : findContext(stream, pasid);
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
        const fetches = ShortPath.translate(context, half, iova, load<u8>(accesses + i) & 7, lg2);
        if (fetches !== 0) {
          storeWalked(i, fetches);
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

/** Answers requests from memos alone; returns the first that it cannot answer. */
function memoHits(first: u32, last: u32): u32 {
  let i = first;
  if (load<u32>(Arena.pasid + ((<usize>i) << 2)) === 0) i = Memos.hits(first, last, false);
  if (i === last || load<u32>(Arena.pasid + ((<usize>i) << 2)) === 0) return i;
  return Memos.hits(i, last, true);
}

class Memos {
  /**
   * Nothing is called here, so no entry comes or goes on the way: one look at a memo is enough for a run of one source,
   * and the engine keeps everything in registers (nested-iommu bench, "sequential": 4.5 to 3.5 ns). Requests with PASID
   * want one register more, which costs 12 %: without them the loop is one of its own.
   */
  @inline
  static hits(first: u32, last: u32, withPasid: bool): u32 {
    const streams = Arena.stream;
    const pasids = Arena.pasid;
    const iovas = Arena.iova;
    const accesses = Arena.access;
    const pas = Arena.pa;
    const leaves = Arena.leafLg2;
    let knownStream = ~load<u32>(streams + ((<usize>first) << 2));
    let knownPasid: u32 = 0;
    let page: u64 = 0;
    let mask: u64 = 0;
    let data: u64 = 0;
    let lg2: u32 = 0;
    let i = first;
    for (; i < last; ++i) {
      const stream = load<u32>(streams + ((<usize>i) << 2));
      const pasid = load<u32>(pasids + ((<usize>i) << 2));
      const iova = load<u64>(iovas + ((<usize>i) << 3));
      if (!withPasid && pasid !== 0) break;
      if (stream !== knownStream || (withPasid && pasid !== knownPasid)) {
        const memo = memoOf(stream, withPasid ? pasid : 0);
        if (load<u64>(memo) !== memoKey(stream, withPasid ? pasid : 0)) break;
        if (load<u32>(memo, MEMO_GENERATION) !== Ids.generation) break;
        page = load<u64>(memo, MEMO_PAGE);
        data = load<u64>(memo, MEMO_DATA);
        lg2 = load<u32>(memo, MEMO_LG2);
        mask = u64(-1) << lg2;
        knownStream = stream;
        if (withPasid) knownPasid = pasid;
      }
      if (((iova ^ page) & mask) !== 0 || ((data >> (load<u8>(accesses + i) & 7)) & 1) !== 0) break;
      store<u64>(pas + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
      store<u8>(leaves + i, <u8>lg2);
    }
    return i;
  }
}

/** Request `i` by a probe, which its context then remembers, or by the paths behind it; false when it must wait. */
function remember(i: u32): bool {
  const stream = load<u32>(Arena.stream + ((<usize>i) << 2));
  const pasid = load<u32>(Arena.pasid + ((<usize>i) << 2));
  const context = findContext(stream, pasid);
  const iova = load<u64>(Arena.iova + ((<usize>i) << 3));
  const half = halfOf(context, iova);
  if (context !== 0 && !hasOverride(context) && load<u32>(half + HALF_SPACE) !== 0) {
    const access = <u32>load<u8>(Arena.access + i) & 7;
    const seed = <u32>load<u16>(half + HALF_SEED);
    const lg2 = <u32>load<u8>(Arena.predictor + predictorIndex(iova, seed));
    const set = Arena.fastSets + ((<usize>(setHash(iova, lg2, seed) & Arena.fastMask)) << 6);
    const way = findFast(set, tagOf(iova, lg2, load<u64>(half + HALF_ID) & ~GUESS_MASK));
    if (way === 4) {
      const fetches = ShortPath.translate(context, half, iova, access, lg2);
      if (fetches !== 0) {
        storeWalked(i, fetches);
        return true;
      }
    } else if (isInHalf(half, iova)) {
      const data = load<u64>(set + ((<usize>way) << 3), 32);
      if (((data >> access) & 1) === 0) {
        store<u64>(Arena.pa + ((<usize>i) << 3), (iova + (data & ADDRESS_MASK)) & BITS_52);
        store<u8>(Arena.leafLg2 + i, <u8>lg2);
        memorize(stream, pasid, iova, lg2, data);
        return true;
      }
    }
  }
  return answer(i, true, context);
}
