// Two machines that are given the same to do: one goes on undisturbed, the other is restored from a snapshot again and
// again. After every step both must have answered, called back and look the same.

import { expect } from "vitest";
import type { MachineOptions, SmmuV3, VtdIommu } from "../../src/index.js";
import { Random } from "../property/random.js";

export type Machine = SmmuV3 | VtdIommu;

/** One thing to do to a machine. */
export interface Step<M extends Machine> {
  readonly what: string;
  run(machine: M): unknown;
}

/** What a machine has called back. */
export class Log {
  readonly calls: unknown[] = [];
  /** A callback that is written down; `answer` makes what it returns. */
  note<Call, Answer = undefined>(name: string, answer?: (call: Call) => Answer): (call?: Call) => Answer {
    return (call) => {
      this.calls.push([name, call]);
      return answer?.(call as Call) as Answer;
    };
  }
}

/** Makes a machine's core of another build. */
export type MakeCore = MachineOptions["makeCore"];

/** A kind of machine, and what can be done to it. */
export interface Kind<M extends Machine> {
  /** A machine with tables and queues. */
  make(log: Log, makeCore?: MakeCore): M;
  restore(bytes: Uint8Array, log: Log, caches: boolean, makeCore?: MakeCore): M;
  /** Draws a step; `tidy`: caches are invalidated after changes, so that answers don't depend on them. */
  step(random: Random, tidy: boolean): Step<M>;
  /** Byte offsets of the registers. */
  readonly registers: readonly number[];
  /** Where tables and queues are: address and bytes. */
  readonly memory: readonly [bigint, number];
}

/** Everything that an embedder can see but memory; without what caches decide unless `caches`. */
export function seen<M extends Machine>(machine: M, registers: readonly number[], caches: boolean): unknown {
  const { pa, status, leafLg2, fetches, source } = machine.batch;
  const columns = caches ? [pa, status, leafLg2, fetches, source] : [pa, status, leafLg2];
  const { faulted, requests } = machine.counters();
  return {
    registers: registers.map((offset) => machine.read32(offset)),
    counters: caches ? machine.counters() : { faulted, requests },
    faults: machine.faults(),
    stalled: "stalled" in machine ? machine.stalled() : undefined,
    backed: machine.memory.backedBytes,
    columns: columns.map((column) => Array.from(column as ArrayLike<number | bigint>).join()),
  };
}

/** An answer without what caches decide. */
function plain(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) return answer;
  const { fetches: _fetches, source: _source, ...rest } = answer as Record<string, unknown>;
  return rest;
}

function tried(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return String(error);
  }
}

export interface TwinOptions {
  readonly seed: number;
  readonly steps: number;
  /** Steps between two restorations. */
  readonly period: number;
  readonly caches: boolean;
}

/** Runs both machines; returns the undisturbed one. */
export function runTwins<M extends Machine>(kind: Kind<M>, { seed, steps, period, caches }: TwinOptions): M {
  const random = new Random(seed);
  const logs = [new Log(), new Log()] as const;
  const whole = kind.make(logs[0]);
  let pieces = kind.make(logs[1]);
  for (let n = 0; n < steps; n++) {
    if (n % period === 0) {
      const bytes = pieces.snapshot({ caches });
      pieces = kind.restore(bytes, logs[1], caches);
      expect(Buffer.compare(pieces.snapshot({ caches }), bytes), `seed ${seed}, step ${n}`).toBe(0);
    }
    const step = kind.step(random, !caches);
    const where = `seed ${seed}, step ${n}: ${step.what}`;
    const answers = [whole, pieces].map((machine) => tried(() => step.run(machine)));
    const [one, other] = caches ? answers : answers.map(plain);
    expect(other, where).toEqual(one);
    expect(logs[1].calls, where).toEqual(logs[0].calls);
    for (const log of logs) log.calls.length = 0;
    expect(seen(pieces, kind.registers, caches), where).toEqual(seen(whole, kind.registers, caches));
  }
  if (caches) expect(Buffer.compare(pieces.snapshot(), whole.snapshot()), `seed ${seed}`).toBe(0);
  const memory = (machine: M): Uint8Array => machine.memory.read(...kind.memory);
  expect(Buffer.compare(memory(pieces), memory(whole))).toBe(0);
  return whole;
}
