// A recorded driver goes on with a machine that was restored in the middle, as if nothing had happened: every answer of
// every run, every counter and in the end the machine itself are those of a run without interruption.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { replayTrace } from "../../src/cli/replay-trace.js";
import { type Tally, Verifier } from "../../src/cli/verify.js";
import type * as Index from "../../src/index.js";
import { Journal } from "./stand-in.js";

const active = vi.hoisted(() => ({ journal: undefined as Journal | undefined }));
vi.mock("../../src/index.js", async (original) => {
  const index = await original<typeof Index>();
  const standIn = (Vendor: typeof Index.SmmuV3 | typeof Index.VtdIommu): unknown =>
    new Proxy(Vendor, {
      construct: (target, [options]) =>
        active.journal ? active.journal.make(target, options) : new target(options),
    });
  return { ...index, SmmuV3: standIn(index.SmmuV3), VtdIommu: standIn(index.VtdIommu) };
});

const fixture = (name: string): string => {
  const file = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  return [".json.gz", ".jsonl.gz", ".itr.gz"].map((ending) => file + ending).find(existsSync) ?? file;
};
const trace = (name: string): string => fixture(`captures/traces/${name}`);

const BASE_OPTIONS = { caches: {}, nested: false, stage2LeafLg2: 21 };
/** Restorations a file: with a few thousand calls they fall into every kind of moment. */
const RESTORATIONS = 12;

interface Replayed {
  journal: Journal;
  /** All that the replay found out but how long it took. */
  result: Omit<Awaited<ReturnType<typeof replayTrace>>, "seconds" | "translateSeconds" | "architecture">;
}

async function replayed(file: string, nested: boolean, journal: Journal): Promise<Replayed> {
  active.journal = journal;
  const { seconds, translateSeconds, architecture, ...result } = await replayTrace(file, {
    ...BASE_OPTIONS,
    nested,
  });
  return { journal, result };
}

async function verified(file: string, journal: Journal): Promise<Tally> {
  active.journal = journal;
  return new Verifier({}).file(file);
}

/** A journal that has as many machines restored as there is to be, on the way that `whole` went. */
function interrupted({ calls }: Journal, caches = true): Journal {
  return new Journal(Math.max(1, Math.floor(calls / RESTORATIONS)), caches);
}

function expectSame(pieces: Journal, whole: Journal): void {
  expect(pieces.restorations).toBeGreaterThanOrEqual(RESTORATIONS);
  const differs = pieces.answers.findIndex((answer, call) => answer !== whole.answers[call]);
  expect(differs, "first call with another answer").toBe(-1);
  expect(pieces.calls).toBe(whole.calls);
}

function expectIdentical(pieces: Journal, whole: Journal): void {
  expectSame(pieces, whole);
  expect(Buffer.compare(pieces.snapshot(), whole.snapshot())).toBe(0);
  const differs = pieces.ways.findIndex((way, call) => way !== whole.ways[call]);
  expect(differs, "first call answered in another way").toBe(-1);
}

beforeEach(() => {
  active.journal = undefined;
});

describe("a recorded SMMUv3 driver on restored machines", () => {
  it.each([
    ["smmu-s1-lazy-nvme4k", true],
    ["smmu-s2-strict-mixed", false],
  ])("%s, nested %s: answers, counters and machine are those of one run", async (name, nested) => {
    const whole = await replayed(trace(name), nested, new Journal(0));
    const pieces = await replayed(trace(name), nested, interrupted(whole.journal));
    expectIdentical(pieces.journal, whole.journal);
    expect(pieces.result).toEqual(whole.result);
  });

  it("smmu-s1-strict-mixed: the same, and with cold caches the same addresses and page sizes", async () => {
    const file = trace("smmu-s1-strict-mixed");
    const whole = await replayed(file, false, new Journal(0));
    const pieces = await replayed(file, false, interrupted(whole.journal));
    expectIdentical(pieces.journal, whole.journal);
    expect(pieces.result).toEqual(whole.result);
    const cold = await replayed(file, false, interrupted(whole.journal, false));
    expectSame(cold.journal, whole.journal);
    expect(cold.result.differences).toBe(0);
    expect(cold.result.counters.faults).toEqual(whole.result.counters.faults);
    expect(cold.result.counters.iotlbMisses).toBeGreaterThan(whole.result.counters.iotlbMisses);
  });
});

describe("what a running Linux and QEMU answered", () => {
  it.each([
    "captures/snapshots/smmu-s1-strict-mixed-snap1",
    "captures/snapshots/smmu-s2-strict-mixed-snap2",
    "conformance/smmuv3/cmdq",
    "conformance/vtd/snapshots/vtd-fl-strict-mixed-snap0",
    "conformance/vtd/snapshots/vtd-sl-cm-ats-mixed-snap1",
    "conformance/vtd/snapshots/vtd-legacy-strict-hotplug-snap0",
    "conformance/vtd/faultlog",
    "conformance/vtd/queue",
  ])("%s: restored machines answer so, and end as one that never was", async (name) => {
    const file = fixture(name);
    const whole = new Journal(0);
    const tally = await verified(file, whole);
    const pieces = interrupted(whole);
    expect(await verified(file, pieces)).toEqual(tally);
    expect(tally.failed).toBe(0);
    expectIdentical(pieces, whole);
  });
});
