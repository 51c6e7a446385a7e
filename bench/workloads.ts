// The request streams of the benchmark, made before any timing from a seed. At least 65,536 requests each, so that no
// branch predictor learns them; every address is mapped, reads and writes are mixed at random.
import { BIG_STREAM, MIXED_AREAS, MIXED_STREAM, SMALL_PAGES, SMALL_STREAMS } from "./machine.js";
import { Random } from "./random.js";
import { newRequests, type Requests } from "./requests.js";
import { BIG_SIZE, DATA_IOVA, expectedPa } from "./space.js";

/** A named request stream. */
export interface Workload {
  readonly name: string;
  readonly requests: Requests;
}

/** A workload and the PAs that the layout of the tables gives for it. */
export interface ExpectedWorkload extends Workload {
  readonly expected: BigUint64Array;
}

/** What each stream does. */
export const WORKLOAD_TITLES = {
  seq: "sequential, 64 B steps in a 256 KiB ring",
  hot: "random in 64 pages",
  tlb: "random in 75 % of the IOTLB",
  multi: "64 streams x 24 pages, random",
  mseq: "64 streams interleaved, 256 B bursts",
  stride: "new page every request",
  miss: "random over 1 GiB",
  mixed: "mixed leaf sizes, random",
} as const;

export type WorkloadName = keyof typeof WORKLOAD_TITLES;

/** Offset in the space and stream of request `i`. */
type Address = (i: number, random: Random) => { stream: number; offset: number };

const PAGE = 4096;

function inPages(stream: number, pages: number): Address {
  return (_i, random) => ({ stream, offset: random.below(pages) * PAGE + random.below(PAGE) });
}

function mixed(_i: number, random: Random): { stream: number; offset: number } {
  const area = MIXED_AREAS[random.below(MIXED_AREAS.length)]!;
  const leaf = 2 ** area.leafLg2;
  return {
    stream: MIXED_STREAM,
    offset: Number(area.offset) + random.below(area.count) * leaf + random.below(leaf),
  };
}

function addresses(name: WorkloadName, entries: number, big: number): Address {
  switch (name) {
    case "seq":
      return (i) => ({ stream: big, offset: (i * 64) % (256 * 1024) });
    case "hot":
      return inPages(big, 64);
    case "tlb":
      return inPages(big, Math.floor(entries * 0.75));
    case "multi":
      return (_i, random) => ({
        stream: random.below(SMALL_STREAMS),
        offset: random.below(SMALL_PAGES * PAGE),
      });
    case "mseq":
      return (i) => {
        const burst = i >> 2;
        const turn = Math.floor(burst / SMALL_STREAMS);
        return { stream: burst % SMALL_STREAMS, offset: ((turn * 4 + (i & 3)) * 64) % (SMALL_PAGES * PAGE) };
      };
    case "stride":
      return (i) => ({ stream: big, offset: (i * PAGE) % Number(BIG_SIZE) });
    case "miss":
      return inPages(big, Number(BIG_SIZE) / PAGE);
    case "mixed":
      return mixed;
  }
}

/**
 * Makes a request stream.
 *
 * @param name which one
 * @param count number of requests, 1..2^26
 * @param entries IOTLB entries, for the working set of `tlb`
 * @param seed seed of the random addresses and of the read/write mix
 * @param big the stream whose space is BIG_SIZE
 * @returns the requests as columns
 */
export function makeWorkload(
  name: WorkloadName,
  count: number,
  entries: number,
  seed: number,
  big: number = BIG_STREAM,
): Workload {
  const requests = newRequests(count);
  const random = new Random(seed);
  const address = addresses(name, entries, big);
  for (let i = 0; i < count; i++) {
    const { stream, offset } = address(i, random);
    requests.stream[i] = stream;
    requests.iova[i] = DATA_IOVA + BigInt(offset);
    requests.access[i] = random.next() >>> 31;
  }
  return { name, requests };
}

/**
 * Adds what the layout of the tables says.
 *
 * @param workload the requests
 * @returns the same with the PAs they must get
 */
export function expectAnswers(workload: Workload): ExpectedWorkload {
  const { count, stream, iova } = workload.requests;
  const expected = new BigUint64Array(count);
  for (let i = 0; i < count; i++) expected[i] = expectedPa(stream[i]!, iova[i]!);
  return { ...workload, expected };
}
