// The shape of a benchmark's result. The run is as short as it can be: its times mean nothing and are not looked at.
import { expect, it } from "vitest";
import { formatBench, runBench } from "../../bench/index.js";

it("gives a row per condition with times, ratios and a hit rate", async () => {
  const progress: string[] = [];
  const result = await runBench({
    quick: true,
    rounds: 1,
    time: 0,
    requests: 4096,
    seed: 7,
    onProgress: (done, total, row) => progress.push(`${done}/${total} ${row}`),
  });
  expect(result.machine).toMatchObject({ seed: 7, requests: 4096, rounds: 1, node: process.versions.node });
  expect(progress).toHaveLength(result.rows.length + 1);
  expect(new Set(result.rows.map(({ name }) => name)).size).toBe(result.rows.length);
  const vtd = result.rows.filter(({ name }) => name.includes("| vtd "));
  for (const row of result.rows) {
    if (!vtd.includes(row)) {
      expect(row.name).toMatch(/^translate \| vmsa nested 4K.* \| .+ \| batch \d+( in place)?$/);
      expect(Object.keys(row.ratio)).toContain("typescript");
    }
    for (const spread of [row.ns, ...Object.values(row.ratio)]) {
      expect(spread.min).toBeGreaterThan(0);
      expect(spread.median).toBeGreaterThanOrEqual(spread.min);
      expect(spread.max).toBeGreaterThanOrEqual(spread.median);
    }
  }
  const hitRate = (part: string): number => result.rows.find(({ name }) => name.includes(part))!.hitRate;
  expect(hitRate("tlb hit | batch 4096")).toBe(1);
  expect(hitRate("tlb miss | batch 4096")).toBe(0);
  for (const batch of [1, 16, 256, 4096]) {
    for (const part of ["tlb hit", "tlb miss", "tlb miss, no walk caches"]) {
      expect(result.rows.some(({ name }) => name.endsWith(`| ${part} | batch ${batch}`))).toBe(true);
    }
  }
  // VT-d comes last, each stage and both against the SMMUv3 model
  expect(result.rows.slice(-vtd.length)).toEqual(vtd);
  const conditions = ["sequential, 64 B steps in a 256 KiB ring", "tlb hit", "tlb miss"];
  const names = ["second stage", "first stage", "nested"].flatMap((stages) =>
    conditions.map((condition) => `translate | vtd ${stages} 4K | ${condition} | batch 4096`),
  );
  expect(vtd.map(({ name }) => name)).toEqual(names);
  for (const { name, ratio, hitRate: hits } of vtd) {
    expect(Object.keys(ratio)).toEqual(["smmuv3 model"]);
    if (name.includes("| tlb hit |")) expect(hits).toBe(1);
    if (name.includes("| tlb miss |")) expect(hits).toBe(0);
  }
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  expect(formatBench(result).split("\n").length).toBeGreaterThan(result.rows.length + result.notes.length);
});

it("refuses a pass that is no whole number of batches", async () => {
  await expect(runBench({ requests: 5000 })).rejects.toThrow(
    new RangeError('"requests" expected a multiple of 4096, got 5000'),
  );
});
