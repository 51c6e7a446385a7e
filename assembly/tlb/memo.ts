// Memos: the page that a source of requests (stream, PASID word) used last, so that sequential traffic is answered
// without a probe. One is valid while no entry came or went and no context was dropped (Ids.generation): then its page is
// still in the IOTLB. Direct-mapped: neighbouring streams, and neighbouring PASIDs of a stream, do not meet.
//
//  0 key u64: stream, PASID word | 8 address u64 | 16 data u64 | 24 generation u32 | 28 log2(page size) u32

import { MEMO_COUNT } from "../../src/spec/abi/core";
import { Arena } from "../mem/arena";
import { Ids } from "./ids";

export const MEMO_PAGE: usize = 8;
export const MEMO_DATA: usize = 16;
export const MEMO_GENERATION: usize = 24;
export const MEMO_LG2: usize = 28;

/** The key of a memo. */
export function memoKey(stream: u32, pasid: u32): u64 {
  return ((<u64>pasid) << 32) | stream;
}

/** Where the memo of (stream, PASID word) is, if it has one. */
export function memoOf(stream: u32, pasid: u32): usize {
  return Arena.memos + ((<usize>((stream ^ (pasid * 37)) & (MEMO_COUNT - 1))) << 5);
}

/** Remembers the page of 2^lg2 bytes around `iova`, and its data word. */
export function memorize(stream: u32, pasid: u32, iova: u64, lg2: u32, data: u64): void {
  const memo = memoOf(stream, pasid);
  store<u64>(memo, memoKey(stream, pasid));
  store<u64>(memo, iova, MEMO_PAGE);
  store<u64>(memo, data, MEMO_DATA);
  store<u32>(memo, Ids.generation, MEMO_GENERATION);
  store<u32>(memo, lg2, MEMO_LG2);
}
