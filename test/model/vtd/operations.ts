// What the world does: operations as plain data, and how they are drawn. Numbers are taken modulo what there is.

import type { Random } from "../../property/random.js";

/** One DMA: which device and PASID, at which of the inputs that mean something, and how. */
export interface Dma {
  readonly from: number;
  readonly input: number;
  readonly access: number;
}

export type Operation =
  | { readonly op: "dma"; readonly requests: readonly Dma[] }
  /**
   * Software writes an entry and invalidates: what belongs to it, something else, or nothing. `touch`: a device uses it
   * before (bit 0), after (bit 1), and asks for the page in between (bit 2).
   */
  | {
      readonly op: "entry";
      readonly slot: number;
      readonly value: number;
      readonly flush: "fitting" | "anything" | "nothing";
      readonly way: number;
      readonly touch: number;
    }
  | { readonly op: "invalidate"; readonly slot: number; readonly way: number; readonly fitting: boolean }
  /** FPD of a context entry or PASID entry, with the invalidations. */
  | { readonly op: "fpd"; readonly what: number; readonly set: boolean }
  /** Software serves fault records, and PFO. */
  | { readonly op: "faults"; readonly records: number; readonly overflow: boolean }
  | { readonly op: "mask"; readonly event: "fault" | "page"; readonly set: boolean }
  | {
      readonly op: "page";
      readonly from: number;
      readonly group: number;
      readonly flags: number;
      readonly page: number;
    }
  | { readonly op: "stop-marker"; readonly from: number }
  | { readonly op: "pages"; readonly count: number; readonly status: number }
  | { readonly op: "respond"; readonly count: number; readonly code: number }
  | { readonly op: "place"; readonly tail: number; readonly free: number }
  | { readonly op: "translation"; readonly on: boolean }
  | { readonly op: "illegal"; readonly which: number };

/** One kind of operation. */
export type Of<Op extends Operation["op"]> = Extract<Operation, { op: Op }>;

const dma = (random: Random): Dma => ({
  from: random.below(64),
  input: random.below(64),
  access: random.below(4),
});

const DRAWS: readonly (readonly [weight: number, draw: (random: Random) => Operation])[] = [
  [260, (r) => ({ op: "dma", requests: Array.from({ length: r.pick([1, 1, 1, 2, 6]) }, () => dma(r)) })],
  [
    200,
    (r) => ({
      op: "entry",
      slot: r.below(1000),
      value: r.below(1000),
      flush: r.pick(["fitting", "fitting", "anything", "nothing"]),
      way: r.below(100),
      touch: r.below(8),
    }),
  ],
  [40, (r) => ({ op: "invalidate", slot: r.below(1000), way: r.below(100), fitting: r.chance(0.5) })],
  [15, (r) => ({ op: "fpd", what: r.below(100), set: r.chance(0.3) })],
  [90, (r) => ({ op: "faults", records: r.pick([1, 2, 15, 15]), overflow: r.chance(0.7) })],
  [20, (r) => ({ op: "mask", event: r.pick(["fault", "page"]), set: r.chance(0.4) })],
  [
    220,
    (r) => ({ op: "page", from: r.below(40), group: r.below(12), flags: r.below(32), page: r.below(64) }),
  ],
  [10, (r) => ({ op: "stop-marker", from: r.below(40) })],
  [60, (r) => ({ op: "pages", count: r.pick([1, 2, 200, 200]), status: r.below(4) })],
  [50, (r) => ({ op: "respond", count: r.pick([1, 2, 99]), code: r.below(3) })],
  [14, (r) => ({ op: "place", tail: r.below(128), free: r.below(6) })],
  [8, (r) => ({ op: "translation", on: r.chance(0.4) })],
  [6, (r) => ({ op: "illegal", which: r.below(100) })],
];

const TOTAL = DRAWS.reduce((sum, [weight]) => sum + weight, 0);

export function draw(random: Random): Operation {
  let left = random.below(TOTAL);
  for (const [weight, make] of DRAWS) {
    left -= weight;
    if (left < 0) return make(random);
  }
  throw new RangeError("weights");
}

/** A script: now and then translation is switched on again, or the time without would swallow most of it. */
export function script(random: Random, length: number): Operation[] {
  const operations: Operation[] = [];
  while (operations.length < length) {
    operations.push(draw(random));
    if (operations.length % 40 === 0) operations.push({ op: "translation", on: true });
  }
  return operations;
}
