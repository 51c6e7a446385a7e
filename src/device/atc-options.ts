// Options of a device TLB, with the errors for what cannot be.

import type { PageRequest } from "../contract/machine.js";

/** Which entry of a full set makes room. */
export type AtcPolicy = "fifo" | "lru";

/** Options of a DeviceTlb. */
export interface DeviceTlbOptions {
  /** StreamID, or source-id of VT-d, of the endpoint. */
  stream: number;
  /** Number of entries, 1..65536, a multiple of `ways`; default 64. */
  entries?: number;
  /** Entries that one address may be in; default 4, or `entries` if there are fewer. */
  ways?: number;
  /** Default "lru". */
  policy?: AtcPolicy;
  /** Log2 of the page sizes that an entry may have, 12..64; a larger answer is cut to the next of them. Default all. */
  pageSizes?: readonly number[];
  /** PASIDs that the endpoint has, as a power of two, 0..20; default 20. */
  pasidBits?: number;
  /**
   * Called with a page request when a translation request was answered without the right that is needed: the endpoint's
   * side of PRI.
   *
   * @returns true when the page is there now and the translation may be asked for once more
   */
  pri?: (request: PageRequest) => boolean;
  /** Requests that the batch holds, 1..2^20; default 4096. */
  batchCapacity?: number;
}

/** Options with their defaults filled in. */
export interface AtcPlan {
  readonly stream: number;
  readonly entries: number;
  readonly ways: number;
  readonly policy: AtcPolicy;
  /** Log2 of the page sizes, largest first; the last is 12. */
  readonly pageSizes: readonly number[];
  readonly pasidBits: number;
  readonly batchCapacity: number;
}

const ALL_SIZES: readonly number[] = Array.from({ length: 53 }, (_, n) => 64 - n);
const SMALLEST = 12;

function whole(name: string, value: number, low: number, high: number): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new TypeError(`"${name}" expected an integer, got ${String(value)}`);
  }
  if (value < low || value > high) throw new RangeError(`"${name}" expected ${low}..${high}, got ${value}`);
  return value;
}

function sizesOf(sizes: readonly number[]): readonly number[] {
  for (const size of sizes) whole("pageSizes", size, SMALLEST, 64);
  return [...new Set([...sizes, SMALLEST])].sort((a, b) => b - a);
}

/**
 * Fills defaults in.
 *
 * @throws TypeError, RangeError that name the option and what was expected
 */
export function planAtc(options: DeviceTlbOptions): AtcPlan {
  const entries = whole("entries", options.entries ?? 64, 1, 65536);
  const ways = whole("ways", options.ways ?? Math.min(4, entries), 1, entries);
  if (entries % ways !== 0) {
    throw new RangeError(`"entries" expected a multiple of "ways" ${ways}, got ${entries}`);
  }
  const policy = options.policy ?? "lru";
  if (policy !== "fifo" && policy !== "lru") {
    throw new TypeError(`"policy" expected "fifo" or "lru", got ${String(policy)}`);
  }
  return {
    stream: whole("stream", options.stream, 0, 2 ** 32 - 1),
    entries,
    ways,
    policy,
    pageSizes: options.pageSizes ? sizesOf(options.pageSizes) : ALL_SIZES,
    pasidBits: whole("pasidBits", options.pasidBits ?? 20, 0, 20),
    batchCapacity: whole("batchCapacity", options.batchCapacity ?? 4096, 1, 2 ** 20),
  };
}
