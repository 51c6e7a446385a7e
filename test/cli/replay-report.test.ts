// The HTML report of a replay: one file without scripts, whose numbers are those of the command's JSON.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cli, scratch } from "./run.js";

const { path } = scratch();
const TRACE = new URL("../../demo/demo.itr.gz", import.meta.url).pathname;

/** Cells of the table below a heading, row by row. */
function tableUnder(html: string, title: string): string[][] {
  const section = html.split("<section>").find((part) => part.startsWith(`<h2>${title}</h2>`)) ?? "";
  const [, body = ""] = section.split("<tbody>");
  return body
    .split("<tr>")
    .slice(1)
    .map((row) => [...row.matchAll(/<td>([^<]*)<\/td>/g)].map(([, cell]) => cell!.replaceAll(",", "")));
}

describe("replay --report", () => {
  const file = path("report.html");
  const { code, out } = cli([
    "replay",
    "--json",
    "--iotlb",
    "64x4",
    "--policy",
    "lru",
    "--report",
    file,
    TRACE,
  ]);
  const result = JSON.parse(out) as {
    accesses: number;
    caches: { iotlb: { hits: number; misses: number } };
    fetches: { total: number };
    invalidations: { entries: number; lines: number };
  };
  const html = readFileSync(file, "utf8");

  it("writes one file that needs no script and nothing from elsewhere", () => {
    expect(code).toBe(0);
    expect(html.startsWith("<!doctype html>")).toBe(true);
    expect(html).not.toMatch(/<script|https?:|src=|@import|url\(/);
    expect(html).toContain("prefers-color-scheme:dark");
    expect(html).toContain("@media print");
  });

  it("has the counters of the command", () => {
    const summary = new Map(tableUnder(html, "Summary").map(([name, value]) => [name, value]));
    expect(summary.get("translations")).toBe(String(result.accesses));
    expect(summary.get("IOTLB hits")).toMatch(new RegExp(`^${result.caches.iotlb.hits} \\(`));
    expect(summary.get("IOTLB misses")).toBe(String(result.caches.iotlb.misses));
    expect(summary.get("descriptors read")).toBe(String(result.fetches.total));
    const dropped = tableUnder(html, "Invalidations").find(([name]) => name === "IOTLB entries dropped");
    expect(dropped?.[1]).toBe(String(result.invalidations.entries));
  });

  it("has a miss ratio for each size and number of ways, at this replay's own that of its counters", () => {
    const rows = tableUnder(html, "Miss ratio by size and ways");
    expect(rows.map(([entries]) => entries)).toEqual(
      [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map((lg2) => String(2 ** lg2)),
    );
    const { hits, misses } = result.caches.iotlb;
    expect(rows.find(([entries]) => entries === "64")?.[3]).toBe((misses / (hits + misses)).toFixed(4));
    expect(html).toContain("counts, exactly.");
  });

  it("tells the commands of the trace by kind, and on what it ran", () => {
    const section = html.split("<section>").find((part) => part.startsWith("<h2>Invalidations</h2>")) ?? "";
    const kinds = section.split("<tbody>")[2] ?? "";
    const times = [...kinds.matchAll(/<td>([\d,]+)<\/td>/g)].map(([, cell]) =>
      Number(cell!.replaceAll(",", "")),
    );
    expect(times.reduce((sum, one) => sum + one, 0)).toBe(result.invalidations.lines);
    expect(kinds).toContain("<td>va</td>");
    const machine = new Map(tableUnder(html, "Machine and versions").map(([name, value]) => [name, value]));
    expect(machine.get("Node and V8")).toBe(`${process.versions.node} ${process.versions.v8}`);
    expect(tableUnder(html, "Throughput").length).toBe(3);
  });

  it("counts every access once, by depth and by stream", () => {
    const sumOf = (rows: string[][], column: number): number =>
      rows.reduce((sum, cells) => sum + Number(cells[column]), 0);
    const depths = tableUnder(html, "Depth of walks");
    expect(sumOf(depths, 1)).toBe(result.accesses);
    // Configuration is read outside of walks: descriptors alone add up.
    expect(depths.reduce((sum, [depth, times]) => sum + Number(depth) * Number(times), 0)).toBe(
      result.fetches.total,
    );
    const streams = tableUnder(html, "Streams");
    expect(sumOf(streams, 1)).toBe(result.accesses);
    expect(sumOf(streams, 3)).toBe(result.caches.iotlb.hits);
    expect(sumOf(streams, 4)).toBe(result.fetches.total);
  });

  it("refuses a file that cannot be written, and --jobs, in one line with exit code 2", () => {
    for (const args of [
      ["--report", path("none/report.html")],
      ["--report", file, "--jobs", "2"],
    ]) {
      const refused = cli(["replay", ...args, TRACE]);
      expect(refused.code).toBe(2);
      expect(refused.err.trimEnd().split("\n").length).toBe(1);
    }
  });
});
