// The benchmark's result as one HTML file, from a saved result: every row, side and target is in it, and nothing from elsewhere.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { benchCommand } from "../../bench/command.js";
import type { BenchResult, BenchRow } from "../../bench/result.js";
import { barTable } from "../../src/cli/report/charts.js";
import { escapeHtml, htmlTable, reportPage } from "../../src/cli/report/page.js";

const PIECES = { barTable, htmlTable, reportPage };
const spread = (median: number): BenchRow["ns"] => ({ min: median / 2, median, max: median * 2 });
const row = (
  name: string,
  section: BenchRow["section"],
  ns: number,
  ratio: Record<string, number>,
): BenchRow => ({
  ...{
    name,
    section,
    ns: spread(ns),
    hitRate: section === "invalidations" ? null : 0.75,
    leaves: 64,
    entries: 2048,
  },
  ratio: Object.fromEntries(Object.entries(ratio).map(([other, times]) => [other, spread(times)])),
});
const RESULT: BenchResult = {
  version: 2,
  machine: {
    ...{ cpu: "Processor <A&B>", cpus: 2, platform: "linux x64", load: 0.5, node: "20.0.0", v8: "11.3" },
    ...{ wasmBytes: 57_000, seed: 42, requests: 65_536, rounds: 7, time: 60 },
  },
  rows: [
    row("translate | vmsa nested 4K | sequential | in place", "patterns", 4, {
      "typed arrays": 5,
      "Map by number": 20,
    }),
    row("translate | vtd nested | new page", "VT-d", 50, { "SMMUv3 model": 0.8 }),
    row("TLBI by address, 2 K entries | a command", "invalidations", 100, {}),
  ],
  skipped: [{ name: "a row", reason: "no such <machine>" }],
  targets: [
    { against: "plain TypeScript", what: "sequential", goal: "≥ 3x", measured: 5, met: true },
    { against: "a hit", what: "TLBI", goal: "≤ 2x", measured: 25, met: false },
    { against: "start-up", what: "full speed after", goal: "≤ 300000", measured: null, met: null },
  ],
  notes: ["One note."],
};

let folder: string;
let saved: string;
let html: string;
const errors: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bench-report-"));
  saved = join(folder, "b.json");
  writeFileSync(saved, JSON.stringify(RESULT));
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation((text: string) => void errors.push(text));
  const file = join(folder, "out.html");
  expect(await benchCommand(["--report", file, "--input", saved], PIECES)).toBe(0);
  html = readFileSync(file, "utf8");
});

afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe("bench --report", () => {
  it("names every row and side, with its rate and time, and every target that was measured", () => {
    for (const { name, ratio } of RESULT.rows) {
      expect(html).toContain(`scope="rowgroup">${escapeHtml(name.replaceAll(" | ", ", "))}</th>`);
      for (const other of Object.keys(ratio)) expect(html).toContain(`<td>${other}</td>`);
    }
    // 4 ns are 250 M/s; typed arrays take five times as long.
    expect(html).toContain("<td>250.0</td><td>4.0 (2.0-8.0)</td><td>75.0 %</td>");
    expect(html).toContain("<td>50.0</td><td>20.0 (10.0-40.0)</td><td></td><td>5.00 (2.50-10.00)x</td>");
    expect(html).toContain(
      '<td>sequential</td><td>plain TypeScript</td><td>≥ 3x</td><td>5.00</td><td class="good">met</td>',
    );
    expect(html).toContain('<td class="bad">missed</td>');
    expect(html).not.toContain("full speed after");
    expect(html).toContain("<dt>targets met</dt><dd>1 of 2</dd>");
  });

  it("draws each bar to scale, with a mark from the slowest to the fastest round", () => {
    // The section's longest mark ends at 500 M/s: 250 M/s are half of it.
    const first = html.slice(html.indexOf("<td>the model</td>"));
    expect(first).toMatch(/^<td>the model<\/td><td class="bar"><svg [^>]*><rect y="2" width="50.00"/);
    expect(first).toContain('d="M25.00 7H100.00M');
  });

  it("says on what it was measured and what was left out, escaped", () => {
    expect(html).toContain(escapeHtml("Processor <A&B>, 2 CPUs"));
    expect(html).toContain(escapeHtml("Left out: a row: no such <machine>"));
    expect(html).not.toContain("<A&B>");
    expect(html).not.toContain("<machine>");
  });

  it("needs no script and nothing from elsewhere", () => {
    expect(html).not.toMatch(/<script|https?:|src=|@import|url\(/);
    expect(html).toContain("prefers-color-scheme:dark");
    expect(html).toContain("@media print");
  });

  it("refuses what cannot be reported or written in one line, with exit code 2", async () => {
    const cases: [string[], typeof PIECES | undefined, RegExp][] = [
      [["--report", "x.html"], undefined, /--report expected from nested-iommu bench/],
      [["--report", "x.html", "--growth"], PIECES, /expected without --growth/],
      [["--report", join(folder, "none/x.html"), "--input", saved], PIECES, /cannot be written/],
      [["--input", join(folder, "none.json")], PIECES, /no such file/],
    ];
    for (const [args, pieces, message] of cases) {
      errors.length = 0;
      expect(await benchCommand(args, pieces)).toBe(2);
      expect(errors.join("\n")).toMatch(message);
      expect(errors.join("\n")).not.toContain("\n");
    }
  });
});
