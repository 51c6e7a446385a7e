// A side of a comparison: it does the same work as the others of its row, again and again.
import type { Workload } from "./workloads.js";

/** Does everything once; returns a checksum of its answers. */
export type Pass = () => number;

/** Receives the answer of request `index`. */
export type Check = (index: number, pa: bigint, status: number) => void;

/** One contender over one workload. */
export interface Side {
  readonly pass: Pass;
  /** Its requests and what they must get. */
  readonly workload: Workload;
  /** The checksum of right answers. */
  readonly checksum: number;
  /** Before a series of passes, outside the times. */
  readonly prepare?: () => void;
  /** The same pass without timing in mind, every answer looked at. */
  checkAll(check: Check): void;
}

/** What happens after batch `n`: an invalidation, or the driver's part of the event queue. */
export type After = (n: number) => void;

/**
 * The checksum of right answers to batches: faults, and the first PA of every batch.
 *
 * @param workload the requests and what they must get
 * @param batch requests a batch
 * @returns what the pass of a side must return
 */
export function batchChecksum({ requests, expected, statuses }: Workload, batch: number): number {
  let sum = 0;
  for (let from = 0; from < requests.count; from += batch) {
    let failed = 0;
    for (let i = from; i < from + batch; i++) if (statuses[i] !== 0) failed++;
    sum = (sum + failed) | 0;
    sum = (Math.imul(sum, 31) + Number(expected[from]! & 0xffff_ffffn)) | 0;
  }
  return sum;
}
