// The walk of one request on the cold machine, which makes every read, and beside it on one whose caches were warmed: reads
// that only the cold one makes are what caches are for.

import {
  type ExplainedStep,
  type Explanation,
  explain,
  explainedInOrder,
  type TranslateRequest,
} from "nested-iommu";
import { type Capture, type Machine, serveFaults } from "./capture.js";
import type { Flip, PageState } from "./state.js";

/** A request explained, with what caches would spare. */
export interface WalkView {
  readonly cold: Explanation;
  /** Reads in order; indices of these are what the page calls reads. */
  readonly reads: readonly ExplainedStep[];
  /** Indices of reads that the warm machine did not make. */
  readonly spared: ReadonlySet<number>;
  /** What answered on the warm machine; undefined without one. */
  readonly source: Explanation["answer"]["source"] | undefined;
}

const OFF = { iotlb: "off", walkCaches: "off", configCache: "off" } as const;
/** Enough for every capture; a machine is made for each change, so it must cost little. */
const SIZES = { memoryLimit: 2 ** 28, batchCapacity: 16 } as const;
const PAGE = 4096n;

/** Explains the request of `state` in `capture`. */
export function walkOf(capture: Capture, state: PageState, trace: Uint8Array): WalkView {
  const request = requestOf(state);
  const cold = explain(prepare(capture, state.flips, { ...SIZES, ...OFF, trace }), request);
  const reads = explainedInOrder(cold);
  if (state.caches === "off") return { cold, reads, spared: new Set(), source: undefined };
  const machine = prepare(capture, state.flips, { ...SIZES, trace });
  machine.translate(
    state.caches === "same" ? request : { ...request, iova: BigInt.asUintN(64, request.iova + PAGE) },
  );
  serveFaults(machine);
  const warm = explain(machine, request);
  const made = explainedInOrder(warm).map(key);
  const spared = new Set(reads.flatMap((read, n) => (made.includes(key(read)) ? [] : [n])));
  return { cold, reads, spared, source: warm.answer.source };
}

function prepare(capture: Capture, flips: readonly Flip[], options: Parameters<Capture["make"]>[0]): Machine {
  const machine = capture.make(options);
  for (const { pa, bit } of flips) {
    machine.memory.writeU64(pa, machine.memory.readU64(pa) ^ (1n << BigInt(bit)));
  }
  return machine;
}

function requestOf({ stream, pasid, iova, write, execute, privileged }: PageState): TranslateRequest {
  return { stream, ...(pasid !== undefined && { pasid }), iova, write, execute, privileged };
}

const key = ({ what, address }: ExplainedStep): string => `${what} ${address}`;
