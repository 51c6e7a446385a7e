// Two results side by side, and the targets: from results written by hand.
import { describe, expect, it } from "vitest";
import { compareResults, formatComparison } from "../../bench/compare.js";
import type { BenchResult, BenchRow } from "../../bench/result.js";
import { checkTargets } from "../../bench/targets.js";

const at = (value: number) => ({ min: value, median: value, max: value });

function row(
  name: string,
  ns: number,
  ratio: Record<string, number>,
  section: BenchRow["section"],
): BenchRow {
  const ratios = Object.fromEntries(Object.entries(ratio).map(([other, value]) => [other, at(value)]));
  return { name, section, ns: at(ns), ratio: ratios, hitRate: 1, leaves: 64, entries: 2048 };
}

function result(rows: BenchRow[]): BenchResult {
  const machine = {
    cpu: "a CPU",
    cpus: 1,
    platform: "linux x64",
    load: 0,
    node: "20.0.0",
    v8: "11",
    wasmBytes: 1,
    seed: 1,
    requests: 65536,
    rounds: 5,
    time: 80,
  };
  return { version: 2, machine, rows, skipped: [], targets: [], notes: [] };
}

describe("compareResults", () => {
  const before = result([
    row("hits", 8, { "typed arrays": 3, "Map by number": 12 }, "patterns"),
    row("old row", 1, {}, "patterns"),
  ]);
  const now = result([
    row("hits", 10, { "typed arrays": 2.4, new: 1 }, "patterns"),
    row("new row", 1, {}, "VT-d"),
  ]);

  it("gives the ratio now over the ratio then, for sides that both have", () => {
    const { rows, added, gone } = compareResults(before, now);
    expect(rows).toHaveLength(1);
    expect(rows[0]!.change["typed arrays"]).toBeCloseTo(0.8);
    expect(Object.keys(rows[0]!.change)).toEqual(["typed arrays"]);
    expect([added, gone]).toEqual([["new row"], ["old row"]]);
  });

  it("prints rows, and names the ones that only one result has", () => {
    expect(formatComparison(compareResults(before, now))).toBe(
      [
        "      ns before            ns now               faster beside, now over before",
        "hits  8.0 (8.0-8.0)        10.0 (10.0-10.0)     typed arrays 0.80",
        "new: new row",
        "gone: old row",
      ].join("\n"),
    );
  });
});

describe("checkTargets", () => {
  const find = (rows: BenchRow[], what: string) =>
    checkTargets({ rows }).find((target) => target.what === what)!;

  it("takes 'at least' as the other side's time over the model's", () => {
    const name = "translate | vmsa nested 4K | sequential, 64 B steps in a 256 KiB ring | in place";
    const measured = (ratio: number) =>
      find([row(name, 3, { "typed arrays": ratio }, "patterns")], "sequential");
    // The first "sequential" is the one against C, which these rows do not answer.
    expect(measured(3).measured).toBeNull();
    const typed = (ratio: number) =>
      checkTargets({ rows: [row(name, 3, { "typed arrays": ratio }, "patterns")] }).find(
        ({ against, what }) => against === "plain TypeScript, typed arrays" && what === "sequential",
      );
    expect(typed(3)).toMatchObject({ goal: "≥ 3x", measured: 3, met: true });
    expect(typed(2.99)).toMatchObject({ met: false });
  });

  it("takes 'at most' as the model's time over the other side's", () => {
    const name = "translate | vmsa nested 4K | random in 75 % of the IOTLB | batch 16 in place";
    const rows = (ratio: number) => [row(name, 9, { "slices of 4096": ratio }, "batch sizes")];
    expect(find(rows(0.8), "batch 16, hits, in place")).toMatchObject({ measured: 1.25, met: true });
    expect(find(rows(0.5), "batch 16, hits, in place")).toMatchObject({ measured: 2, met: false });
  });

  it("takes the worst of several rows", () => {
    const rows = [
      row("translate | vtd nested 4K | a", 9, { "SMMUv3 model": 1 }, "VT-d"),
      row("translate | vtd nested 4K | b", 9, { "SMMUv3 model": 0.8 }, "VT-d"),
    ];
    expect(find(rows, "VT-d, worst of 15 rows")).toMatchObject({ measured: 1.25, met: false });
  });

  it("says nothing about what the run did not measure", () => {
    for (const { measured, met } of checkTargets({ rows: [] })) expect([measured, met]).toEqual([null, null]);
  });
});
