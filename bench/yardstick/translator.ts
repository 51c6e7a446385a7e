// What every yardstick does, so that a side of a comparison knows no kind of it.
import type { Answers, Requests } from "../requests.js";
import type { WalkCacheSizes } from "./cached-walk.js";
import type { Invalidation } from "./invalidation.js";

/** What a yardstick is made of. */
export interface YardstickOptions {
  /** The tables: addresses 0..4 * memory.length - 1. */
  readonly memory: Int32Array;
  /** Byte address of a linear stream table. */
  readonly streamTable: number;
  readonly streamTableLg2: number;
  /** IOTLB entries, a power of two ≥ 4; 4 ways. */
  readonly entries: number;
  readonly walkCaches: WalkCacheSizes;
}

/** An IOTLB and walker in plain TypeScript. */
export interface Translator extends Invalidation {
  /**
   * Translates a run of requests.
   *
   * @param requests the request columns
   * @param from index of the first request
   * @param to index after the last request
   * @param answers the answer columns, written at 0..to-from-1
   * @returns how many did not succeed
   */
  translate(requests: Requests, from: number, to: number, answers: Answers): number;
}
