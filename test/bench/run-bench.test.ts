// The shape of a benchmark's result, and that every side of every row gives the addresses that the layout of the tables says.
// The runs are as short as they can be: their times mean nothing and are not looked at.
import { describe, expect, it } from "vitest";
import { type BenchResult, formatBench, readResult, runBench } from "../../bench/index.js";
import { planRows, SECTIONS } from "../../bench/rows.js";

const SHORT = { quick: true, rounds: 1, time: 0, requests: 4096, seed: 7 } as const;

describe("a run of every row", () => {
  const progress: string[] = [];
  let result: BenchResult;

  it("measures each planned row, or says why it cannot (no answer is wrong)", async () => {
    result = await runBench({
      ...SHORT,
      starts: 0,
      onProgress: (done, total, row) => progress.push(`${done}/${total} ${row}`),
    });
    const plans = planRows();
    const seen = [...result.rows, ...result.skipped].map(({ name }) => name).sort();
    expect(seen).toEqual(plans.map(({ name }) => name).sort());
    expect(new Set(seen).size).toBe(plans.length);
    expect(progress).toHaveLength(plans.length + 1);
    for (const { reason } of result.skipped) expect(reason).toContain("bind()");
    for (const row of result.rows) {
      const plan = plans.find(({ name }) => name === row.name)!;
      expect(Object.keys(row.ratio), row.name).toEqual([...plan.against]);
    }
  }, 120_000);

  it("reports spreads, hit rates by the model's counters and working sets", () => {
    expect(result.machine).toMatchObject({ seed: 7, requests: 4096, rounds: 1, node: process.versions.node });
    for (const { ns, ratio, name } of result.rows) {
      for (const spread of [ns, ...Object.values(ratio)]) {
        expect(spread.min, name).toBeGreaterThan(0);
        expect(spread.median, name).toBeGreaterThanOrEqual(spread.min);
        expect(spread.max, name).toBeGreaterThanOrEqual(spread.median);
      }
    }
    const row = (part: string) => result.rows.find(({ name }) => name.includes(part))!;
    expect(row("random in 64 pages | in place")).toMatchObject({ hitRate: 1, leaves: 64, entries: 2048 });
    expect(row("new page every request | in place")).toMatchObject({ hitRate: 0, leaves: 4096 });
    expect(row("64 streams x 24 pages").leaves).toBeLessThanOrEqual(64 * 24);
    const storm = row("TLBI by address every 16");
    expect(storm.hitRate).toBeLessThan(1);
    expect(storm.hitRate).toBeGreaterThan(0.9); // at most one refill each 16
    expect(row("1 % unmapped").hitRate).toBeGreaterThan(0.9);
    expect(row("by ASID, 64 K entries | the core alone").hitRate).toBeNull();
    for (const { name, hitRate, section } of result.rows.filter(({ name }) => name.includes("vtd"))) {
      expect(section).toBe("VT-d");
      if (name.includes("new page")) expect(hitRate).toBe(0);
      if (name.includes("in 64 pages")) expect(hitRate).toBe(1);
    }
  });

  it("measures the memory of an IOTLB entry as its tag, its data and a share of the set's turn (at least 16 bytes)", () => {
    expect(result.memory?.perEntry).toBeGreaterThanOrEqual(16);
    expect(result.memory?.perEntry).toBeLessThanOrEqual(17);
    expect(result.memory?.perContext).toBeGreaterThan(0);
  });

  it("compares with every target that it measured, and fails for none", () => {
    const measured = result.targets.filter(({ measured: value }) => value !== null);
    expect(measured.length).toBeGreaterThanOrEqual(20);
    for (const { met } of measured) expect(typeof met).toBe("boolean");
    const start = result.targets.find(({ against }) => against === "start-up");
    expect(start).toMatchObject({ measured: null, met: null });
  });

  it("prints every row in the section it belongs to", () => {
    const text = formatBench(result);
    for (const { name } of result.rows) expect(text).toContain(name);
    const present = SECTIONS.filter((section) => result.rows.some((row) => row.section === section));
    const heads = present.map((section) => text.indexOf(`\n${section.padEnd(8)}`));
    expect(heads.every((at) => at > 0)).toBe(true);
    expect([...heads].sort((a, b) => a - b)).toEqual(heads);
  });

  it("survives JSON unchanged", () => {
    expect(readResult(JSON.stringify(result), "now.json")).toEqual(result);
  });
});

it("runs only the rows asked for", async () => {
  const result = await runBench({ ...SHORT, only: "batch 256" });
  const names = result.rows.map(({ name }) => name.split(" | ").at(-1));
  // hits, misses, in place, and two storms
  expect(names.sort()).toEqual([...Array(4).fill("batch 256"), "batch 256 in place"]);
  expect(result.coldStart).toBeUndefined();
});

describe("options", () => {
  it("refuses a pass that is no whole number of batches", async () => {
    await expect(runBench({ requests: 5000 })).rejects.toThrow(
      new RangeError('"requests" expected a multiple of 4096, got 5000'),
    );
  });

  it("refuses a run of no rounds", async () => {
    await expect(runBench({ rounds: 0 })).rejects.toThrow(
      new RangeError('"rounds" expected a whole number from 1, got 0'),
    );
  });
});

describe("readResult", () => {
  it("refuses what is no result, naming the file", () => {
    expect(() => readResult("[]", "x.json")).toThrow(
      new TypeError('x.json: expected the result of "bench --json"'),
    );
    expect(() => readResult('{"rows":[],"version":1}', "x.json")).toThrow(
      new TypeError("x.json: expected version 2, got 1"),
    );
    expect(() => readResult("{", "x.json")).toThrow(SyntaxError);
  });
});
