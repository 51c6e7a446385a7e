// How rows are measured: turns, checks and spreads. Sides are made by hand; no time is looked at.
import { describe, expect, it } from "vitest";
import { BenchMismatchError, checkSide, measureRow, measureTurns, spread } from "../../bench/measure.js";
import { newRequests } from "../../bench/requests.js";
import type { Side } from "../../bench/side.js";
import type { Workload } from "../../bench/workloads.js";

const EFFORT = { rounds: 2, time: 0, firstWarmup: 0, warmup: 0, passes: 1 };

function workload(): Workload {
  const requests = newRequests(2);
  requests.iova.set([0x1000n, 0x2000n]);
  requests.stream.set([7, 8]);
  return {
    requests,
    expected: new BigUint64Array([0xa000n, 0n]),
    statuses: new Uint8Array([0, 0x90]),
    leaves: 1,
  };
}

function side(rest: Partial<Side> = {}): Side {
  return {
    workload: workload(),
    checksum: 5,
    pass: () => 5,
    checkAll: (check) => {
      check(0, 0xa000n, 0);
      check(1, 0n, 0x90);
    },
    ...rest,
  };
}

const machine = { counters: () => ({}) as never, resetCounters: () => {} };

function contest(other: Side) {
  return { model: side(), others: new Map([["other", other]]), machine, operations: 2, entries: 4 };
}

describe("measureRow", () => {
  it("gives a ratio for each other side", () => {
    const { ns, ratio } = measureRow("row", contest(side()), EFFORT);
    expect(Object.keys(ratio)).toEqual(["other"]);
    expect(ns.min).toBeGreaterThan(0);
  });

  it("fails on a wrong checksum of a timed pass", () => {
    const wrong = side({ pass: () => 6 });
    expect(() => measureRow("row", contest(wrong), EFFORT)).toThrow(
      new BenchMismatchError("row: other: the checksum of a pass is 6, expected 5"),
    );
  });

  it("fails on a wrong PA before any timing, naming request and addresses", () => {
    const wrong = side({
      pass: () => {
        throw new Error("timed");
      },
      checkAll: (check) => check(0, 0xb000n, 0),
    });
    expect(() => measureRow("row", contest(wrong), EFFORT)).toThrow(
      "row: other answered request 0 (stream 7, iova 0x1000) with 0xb000, status 0; expected 0xa000, status 0",
    );
  });

  it("fails on a fault that should not be, and on a translation that should have been a fault", () => {
    const faulty = side({ checkAll: (check) => check(0, 0xa000n, 0x90) });
    expect(() => checkSide("row", "x", faulty)).toThrow(BenchMismatchError);
    const bold = side({ checkAll: (check) => check(1, 0n, 0) });
    expect(() => checkSide("row", "x", bold)).toThrow(BenchMismatchError);
  });
});

describe("measureTurns", () => {
  it("turns the order round every other round and prepares a side before its passes", () => {
    const log: string[] = [];
    const logging = (name: string): Side =>
      side({
        prepare: () => {
          if (log.at(-1) !== `prepare ${name}`) log.push(`prepare ${name}`);
        },
        pass: () => {
          if (log.at(-1) !== name) log.push(name);
          return 5;
        },
      });
    const times = measureTurns(
      "row",
      new Map([
        ["A", logging("A")],
        ["B", logging("B")],
      ]),
      EFFORT,
    );
    expect(times.get("A")).toHaveLength(2);
    const timed = log.filter((entry) => !entry.startsWith("prepare"));
    // A B, then B A, where the passes of a side without a change between them are one entry
    expect(timed.slice(-3)).toEqual(["A", "B", "A"]);
    const firstPrepare = log.indexOf("prepare A");
    expect(firstPrepare).toBeGreaterThanOrEqual(0);
    expect(log.indexOf("prepare B")).toBeGreaterThan(firstPrepare);
  });
});

describe("spread", () => {
  it("is the smallest, the middle and the largest", () => {
    expect(spread([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
    expect(spread([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4 });
    expect(spread([7])).toEqual({ min: 7, median: 7, max: 7 });
  });
});
