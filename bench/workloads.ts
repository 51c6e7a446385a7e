// The request streams of the benchmark, made before any timing from a seed. At least 65,536 requests each, so that no
// branch predictor learns them; reads and writes are mixed at random; all but one have every address mapped.
import {
  BIG_STREAM,
  MIXED_AREAS,
  MIXED_STREAM,
  SMALL_PAGES,
  SMALL_STREAMS,
  STAGE1_STREAM,
  STAGE2_STREAM,
} from "./machine.js";
import { PASID_STREAM, PASIDS } from "./pasid-machine.js";
import { Random } from "./random.js";
import { newRequests, type Requests } from "./requests.js";
import { BIG_SIZE, DATA_IOVA, expectedPa } from "./space.js";

/** A request stream and what its requests must get. */
export interface Workload {
  readonly requests: Requests;
  /** What the layout of the tables gives; 0 where nothing is mapped. */
  readonly expected: BigUint64Array;
  /** 0, or the status that a request must end with. */
  readonly statuses: Uint8Array;
  /** Different leaves that the requests touch: the working set in IOTLB entries. */
  readonly leaves: number;
}

/** What each stream does. */
export const WORKLOAD_TITLES = {
  seq: "sequential, 64 B steps in a 256 KiB ring",
  hot: "random in 64 pages",
  tlb: "random in 75 % of the IOTLB",
  stride: "new page every request",
  miss: "random over 1 GiB",
  multi: "64 streams x 24 pages, random",
  mseq: "64 streams interleaved, 256 B bursts",
  pasids: "1024 PASIDs x 1 page, random",
  mixed: "mixed leaf sizes, random",
  faults: "random in 75 % of the IOTLB, 1 % unmapped",
} as const;

/** Name of a request stream. */
export type WorkloadName = keyof typeof WORKLOAD_TITLES;

/** What a stream goes through, and so which of the large streams a workload uses. */
export const STAGES = { nested: BIG_STREAM, "stage 1": STAGE1_STREAM, "stage 2": STAGE2_STREAM } as const;

/** What a request stream is made of. */
export interface WorkloadShape {
  readonly count: number;
  /** IOTLB entries, for the working set of `tlb` and `faults`. */
  readonly entries: number;
  readonly seed: number;
  /** The stream whose space is BIG_SIZE; default BIG_STREAM. */
  readonly stream?: number;
}

interface Target {
  stream: number;
  offset: number;
  pasid?: number;
  unmapped?: boolean;
  /** Log2 of the leaf there; default 12. */
  leafLg2?: number;
}

/** Where request `i` goes. */
export type Address = (i: number, random: Random) => Target;

const PAGE = 4096;
const PASID_GIVEN = 0x8000_0000;
const F_TRANSLATION = 0x90;

function inPages(stream: number, pages: number): Address {
  return (_i, random) => ({ stream, offset: random.below(pages) * PAGE + random.below(PAGE) });
}

/**
 * Random pages of some PASIDs.
 *
 * @param pasids how many PASIDs
 * @param pages how many pages of each
 * @returns where requests go
 */
export function inPasids(pasids: number, pages: number): Address {
  return (_i, random) => ({
    stream: PASID_STREAM,
    pasid: random.below(pasids),
    offset: random.below(pages) * PAGE + random.below(PAGE),
  });
}

function mixed(_i: number, random: Random): Target {
  const area = MIXED_AREAS[random.below(MIXED_AREAS.length)]!;
  const leaf = 2 ** area.leafLg2;
  return {
    stream: MIXED_STREAM,
    offset: Number(area.offset) + random.below(area.count) * leaf + random.below(leaf),
    leafLg2: area.leafLg2,
  };
}

function multi(_i: number, random: Random): Target {
  return { stream: random.below(SMALL_STREAMS), offset: random.below(SMALL_PAGES * PAGE) };
}

function bursts(i: number): Target {
  const burst = i >> 2;
  const turn = Math.floor(burst / SMALL_STREAMS);
  return { stream: burst % SMALL_STREAMS, offset: ((turn * 4 + (i & 3)) * 64) % (SMALL_PAGES * PAGE) };
}

function someUnmapped(mapped: Address): Address {
  return (i, random) => {
    const target = mapped(i, random);
    if (random.below(100) !== 0) return target;
    return { ...target, offset: target.offset + Number(BIG_SIZE), unmapped: true };
  };
}

function addresses(name: WorkloadName, entries: number, stream: number): Address {
  const fitting = inPages(stream, Math.floor(entries * 0.75));
  const all: Record<WorkloadName, Address> = {
    seq: (i) => ({ stream, offset: (i * 64) % (256 * 1024) }),
    hot: inPages(stream, 64),
    tlb: fitting,
    stride: (i) => ({ stream, offset: (i * PAGE) % Number(BIG_SIZE) }),
    miss: inPages(stream, Number(BIG_SIZE) / PAGE),
    multi,
    mseq: bursts,
    pasids: inPasids(PASIDS, 1),
    mixed,
    faults: someUnmapped(fitting),
  };
  return all[name];
}

/**
 * Makes a request stream.
 *
 * @param name which one
 * @param shape how many requests of what
 * @returns the requests as columns and what they must get
 */
export function makeWorkload(name: WorkloadName, shape: WorkloadShape): Workload {
  return workloadOf(addresses(name, shape.entries, shape.stream ?? BIG_STREAM), shape);
}

/**
 * Makes a request stream from a rule.
 *
 * @param address where each request goes
 * @param shape how many requests from which seed
 * @returns the requests as columns and what they must get
 */
export function workloadOf(
  address: Address,
  { count, seed }: Pick<WorkloadShape, "count" | "seed">,
): Workload {
  const requests = newRequests(count);
  const expected = new BigUint64Array(count);
  const statuses = new Uint8Array(count);
  const random = new Random(seed);
  const leaves = new Set<number>();
  for (let i = 0; i < count; i++) {
    const { stream, offset, pasid, unmapped, leafLg2 = 12 } = address(i, random);
    const iova = DATA_IOVA + BigInt(offset);
    requests.stream[i] = stream;
    if (pasid !== undefined) requests.pasid[i] = PASID_GIVEN + pasid;
    requests.iova[i] = iova;
    requests.access[i] = random.next() >>> 31;
    if (unmapped) {
      statuses[i] = F_TRANSLATION;
      continue;
    }
    expected[i] = expectedPa(stream, iova, pasid);
    leaves.add(((stream * 1024 + (pasid ?? 0)) * 32 + leafLg2) * 2 ** 22 + Math.floor(offset / 2 ** leafLg2));
  }
  return { requests, expected, statuses, leaves: leaves.size };
}
