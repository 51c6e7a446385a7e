// One request beside the columns, for the bound functions of src/machine/bound.ts: arguments in, PA out. First a hit alone,
// of a source whose place among the contexts is known (hit.ts); what is none comes here: plain misses are answered from
// registers, and everything else goes through the columns' spare request, as `translate` does. Where that leaves more than a
// PA (a status, fault records, an external frame) the embedder looks there.

import { CNT_REQUESTS, STATUS_BYPASSED } from "../src/spec/abi/core";
import { isFast, runBatch } from "./batch";
import { answerMisses } from "./dispatch";
import { INTEGER, toNumber } from "./hit";
import { BITS_52 } from "./lib/bits";
import { Arena, count } from "./mem/arena";
import { Bus } from "./mem/physical";
import { Faults } from "./request";
import { findContext, GUESS_MASK, HALF_ID, HALF_SEED, halfOf, isInHalf } from "./tlb/contexts";
import { predictorIndex } from "./tlb/iotlb";
import { ADDRESS_MASK, findFast, setHash, tagOf } from "./tlb/set-associative";

/** In place of a PA: the columns' spare request has the answer. */
const IN_COLUMNS: i64 = -1;
/** In place of a PA: it waits there for an external frame. */
const WAITS: i64 = -2;
/** In place of a PA: not an address, and nothing was done. */
const NO_ADDRESS: f64 = -3;

/** The PA of one request, IN_COLUMNS or WAITS. */
export function translateSingle(stream: u32, pasid: u32, access: u32, iova: u64): i64 {
  if (!isFast()) return throughColumns(stream, pasid, access, iova);
  const context = findContext(stream, pasid);
  if (context === 0) return throughColumns(stream, pasid, access, iova);
  const half = halfOf(context, iova);
  const seed = <u32>load<u16>(half + HALF_SEED);
  const id = load<u64>(half + HALF_ID);
  // As plainBlock: only 4 KiB pages so far, or ask the predictor.
  let lg2: u32 = 12;
  let hash: u32;
  let tag: u64;
  if ((id & GUESS_MASK) !== 0) {
    hash = (<u32>(iova >> 12) ^ <u32>((iova & ADDRESS_MASK) >> 21)) + seed;
    tag = (iova & ADDRESS_MASK) | id;
  } else {
    lg2 = <u32>load<u8>(Arena.predictor + predictorIndex(iova, seed));
    hash = setHash(iova, lg2, seed);
    tag = tagOf(iova, lg2, id);
  }
  const set = Arena.fastSets + ((<usize>(hash & Arena.fastMask)) << 6);
  const way = findFast(set, tag);
  if (way === 4) return missed(stream, pasid, access, iova, context, lg2);
  const data = load<u64>(set + ((<usize>way) << 3), 32);
  if (!isInHalf(half, iova) || ((data >> access) & 1) !== 0)
    return throughColumns(stream, pasid, access, iova);
  count(CNT_REQUESTS);
  return (iova + (data & ADDRESS_MASK)) & BITS_52;
}

/** A probe for 2^probed bytes was in vain. Apart from hits, so that they need few registers. */
function missed(stream: u32, pasid: u32, access: u32, iova: u64, context: usize, probed: u32): i64 {
  const i = Arena.batchCapacity;
  present(stream, pasid, access, iova);
  if (answerMisses(i, i + 1, context, halfOf(context, iova), probed) === i) {
    return throughColumns(stream, pasid, access, iova);
  }
  count(CNT_REQUESTS);
  return load<u64>(Arena.pa + ((<usize>i) << 3));
}

/** Writes the columns' spare request. */
function present(stream: u32, pasid: u32, access: u32, iova: u64): void {
  const i = Arena.batchCapacity;
  store<u32>(Arena.stream + ((<usize>i) << 2), stream);
  store<u32>(Arena.pasid + ((<usize>i) << 2), pasid);
  store<u64>(Arena.iova + ((<usize>i) << 3), iova);
  store<u8>(Arena.access + i, <u8>access);
}

/** By the columns' spare request, which `translate` uses too. */
function throughColumns(stream: u32, pasid: u32, access: u32, iova: u64): i64 {
  const i = Arena.batchCapacity;
  present(stream, pasid, access, iova);
  Faults.count = 0;
  if (runBatch(i, i + 1) === i) return WAITS;
  if (load<u8>(Arena.status + i) > <u8>STATUS_BYPASSED || Bus.dirtied !== 0) return IN_COLUMNS;
  // One that passed as it is may look negative.
  return max(<i64>load<u64>(Arena.pa + ((<usize>i) << 3)), IN_COLUMNS);
}

/** As translateSingle, with addresses below 2^52 as numbers; NO_ADDRESS for a number that is none. */
export function translateNumber(stream: u32, pasid: u32, access: u32, iova: f64): f64 {
  const bits = reinterpret<u64>(iova + INTEGER) & BITS_52;
  // Fractions, negative and larger numbers and NaN all come back as another number.
  if (toNumber(bits) !== iova) return NO_ADDRESS;
  const pa = translateSingle(stream, pasid, access, bits);
  return pa >= 0 ? toNumber(pa) : <f64>pa;
}
