// What the world does: operations as plain data, and how they are drawn. Numbers are taken modulo what there is.

import type { Random } from "../../property/random.js";
import type { Action } from "./transactions.js";

/** One DMA: whose, at which of the inputs that mean something, and how. */
export interface Dma {
  readonly from: number;
  readonly input: number;
  readonly access: number;
}

export type Operation =
  | { readonly op: "dma"; readonly requests: readonly Dma[] }
  /**
   * Software writes a descriptor and invalidates: what belongs to it, something else, or nothing. `touch`: a device uses
   * it before (bit 0), after (bit 1).
   */
  | {
      readonly op: "descriptor";
      readonly slot: number;
      readonly value: number;
      readonly flush: "fitting" | "anything" | "nothing";
      readonly way: number;
      readonly touch: number;
    }
  | { readonly op: "invalidate"; readonly slot: number; readonly way: number; readonly fitting: boolean }
  /** A, R, S of a CD, or S2R, S2S of an STE, with CFGI. */
  | { readonly op: "faults"; readonly what: number; readonly bits: number }
  | { readonly op: "resume"; readonly which: number; readonly action: Action }
  /** CMD_RESUME that names no transaction: a tag of another stream, or one never given. */
  | { readonly op: "resume-nobody"; readonly which: number; readonly action: Action }
  | { readonly op: "terminate"; readonly stream: number }
  | { readonly op: "events"; readonly count: number; readonly acknowledge: boolean }
  | { readonly op: "event-queue"; readonly on: boolean }
  | {
      readonly op: "new-event-queue";
      readonly sizeLg2: number;
      readonly at: number;
      readonly memory: boolean;
    }
  | { readonly op: "pages"; readonly count: number; readonly acknowledge: boolean }
  | { readonly op: "respond"; readonly count: number; readonly code: number }
  | { readonly op: "pri-queue"; readonly on: boolean }
  | { readonly op: "new-pri-queue"; readonly sizeLg2: number; readonly at: number; readonly memory: boolean }
  | {
      readonly op: "page";
      readonly from: number;
      readonly group: number;
      readonly pasid: number;
      readonly flags: number;
      readonly page: number;
    }
  | { readonly op: "stop-marker"; readonly from: number; readonly pasid: number }
  | { readonly op: "translation"; readonly on: boolean; readonly abort: boolean }
  | { readonly op: "illegal"; readonly which: number }
  | { readonly op: "acknowledge" };

/** One kind of operation. */
export type Of<Op extends Operation["op"]> = Extract<Operation, { op: Op }>;

const ACTIONS: readonly Action[] = ["retry", "retry", "abort", "raz-wi"];

const dma = (random: Random): Dma => ({
  from: random.below(64),
  input: random.below(64),
  access: random.below(8),
});

/** Weights, and how each is drawn. */
const DRAWS: readonly (readonly [weight: number, draw: (random: Random) => Operation])[] = [
  [300, (r) => ({ op: "dma", requests: Array.from({ length: r.pick([1, 1, 1, 2, 6]) }, () => dma(r)) })],
  [
    170,
    (r) => ({
      op: "descriptor",
      slot: r.below(1000),
      value: r.below(1000),
      flush: r.pick(["fitting", "fitting", "anything", "nothing"]),
      way: r.below(100),
      touch: r.below(4),
    }),
  ],
  [40, (r) => ({ op: "invalidate", slot: r.below(1000), way: r.below(100), fitting: r.chance(0.5) })],
  [40, (r) => ({ op: "faults", what: r.below(100), bits: r.below(64) })],
  [110, (r) => ({ op: "resume", which: r.below(100), action: r.pick(ACTIONS) })],
  [12, (r) => ({ op: "resume-nobody", which: r.below(100), action: r.pick(ACTIONS) })],
  [12, (r) => ({ op: "terminate", stream: r.below(5) })],
  [90, (r) => ({ op: "events", count: r.pick([1, 2, 3, 99]), acknowledge: r.chance(0.7) })],
  [8, (r) => ({ op: "event-queue", on: r.chance(0.4) })],
  [6, (r) => ({ op: "new-event-queue", sizeLg2: r.below(4), at: r.below(2), memory: r.chance(0.8) })],
  [
    170,
    (r) => ({
      op: "page",
      from: r.below(20),
      group: r.below(12),
      pasid: r.below(6),
      flags: r.below(32),
      page: r.below(64),
    }),
  ],
  [10, (r) => ({ op: "stop-marker", from: r.below(20), pasid: r.below(6) })],
  [40, (r) => ({ op: "pages", count: r.pick([1, 2, 99, 99]), acknowledge: r.chance(0.7) })],
  [40, (r) => ({ op: "respond", count: r.pick([1, 2, 99]), code: r.below(3) })],
  [6, (r) => ({ op: "pri-queue", on: r.chance(0.4) })],
  [6, (r) => ({ op: "new-pri-queue", sizeLg2: r.below(4), at: r.below(2), memory: r.chance(0.8) })],
  [6, (r) => ({ op: "translation", on: r.chance(0.4), abort: r.chance(0.5) })],
  [5, (r) => ({ op: "illegal", which: r.below(100) })],
  [20, () => ({ op: "acknowledge" })],
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

/** A script: now and then everything is switched on again, or queues that are off would swallow most of it. */
export function script(random: Random, length: number): Operation[] {
  const operations: Operation[] = [];
  while (operations.length < length) {
    operations.push(draw(random));
    if (operations.length % 40 === 0) {
      operations.push(
        { op: "translation", on: true, abort: false },
        { op: "event-queue", on: true },
        { op: "pri-queue", on: true },
      );
    }
  }
  return operations;
}
