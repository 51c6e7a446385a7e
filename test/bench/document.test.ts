// The tables of docs/performance.md: made from results written by hand, put between marks.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { blockOf, blocksOf, type DocumentSource, fillDocument, readmeTable } from "../../bench/document.js";
import type { BenchResult, BenchRow } from "../../bench/result.js";
import { SECTIONS } from "../../bench/rows.js";

const at = (value: number) => ({ min: value - 1, median: value, max: value + 1 });
const MACHINE = {
  cpu: "a CPU",
  cpus: 2,
  platform: "linux x64",
  load: 0.5,
  node: "20.0.0",
  v8: "11",
  wasmBytes: 46000,
  seed: 1,
  requests: 65536,
  rounds: 7,
  time: 80,
};

function row(section: BenchRow["section"], name: string, rest: Partial<BenchRow> = {}): BenchRow {
  const ratio = { "typed arrays": at(3), "Map by number": at(12), "Map by bigint": at(25) };
  return { name, section, ns: at(7), ratio, hitRate: 1, leaves: 64, entries: 2048, ...rest };
}

function result(rows: BenchRow[], rest: Partial<BenchResult> = {}): BenchResult {
  return { version: 2, machine: MACHINE, rows, skipped: [], targets: [], notes: [], ...rest };
}

const HOT = row("patterns", "translate | vmsa nested 4K | random in 64 pages | in place");

describe("blocksOf", () => {
  it("makes a table of each section, a column for each other side", () => {
    const blocks = blocksOf([
      result([HOT, row("VT-d", "translate | vtd nested 4K | x | in place", { ratio: {} })]),
    ]);
    expect(blocks.get("patterns")).toBe(
      [
        "|  | ns | hits | leaves / IOTLB | against typed arrays | against Map by number | against Map by bigint |",
        "|---|---|---|---|---|---|---|",
        "| random in 64 pages | 7.0 (6.0-8.0) | 100.0 % | 64 / 2048 | 3.00 (2.00-4.00) | 12.00 (11.00-13.00) | 25.00 (24.00-26.00) |",
      ].join("\n"),
    );
    expect(blocks.get("vt-d")).toContain("| nested 4K, x | 7.0 (6.0-8.0) |");
    expect(blocks.get("place")).toContain("a CPU, 2 CPUs, load 0.5, linux x64, Node 20.0.0");
  });

  it("joins the targets of several results, and says which none of them measured", () => {
    const name = "translate | vmsa nested 4K | random in 64 pages | in place";
    const native = row("native", name, { ratio: { wasm2c: at(0.9) } });
    const targets = blocksOf([result([HOT]), result([native])]).get("targets")!;
    expect(targets).toContain("| hot | plain TypeScript, typed arrays | ≥ 1.4x | 3.00 | met |");
    expect(targets).toContain("| hits, worst of 3 patterns | the same WASM as C | ≤ 1.3x | 1.11 | met |");
    expect(targets).toContain("| full speed after | start-up | ≤ 300000 translations | – | not measured |");
  });

  it("sets the page's own meter beside Node and the command", () => {
    const rates = { translate: at(2_000_000), all: at(150_000) };
    const source: DocumentSource = {
      ...{ kind: "browser", cpu: "a CPU", cpus: 2, platform: "linux x64", load: 0.5, node: "20.0.0" },
      ...{ browser: "Chromium 143.0", trace: "demo.itr.gz", accesses: 1933, plays: 20, rounds: 7 },
      ...{ pageFirst: rates, page: rates, engine: rates, command: { translate: at(5000), all: at(2000) } },
    };
    const lines = blocksOf([source]).get("browser")!.split("\n");
    expect(lines[2]).toBe(
      "| the page in Chromium 143.0, first play | 2000 (2000-2000) k | 150 (150-150) k |",
    );
    expect(lines[5]).toBe("| `nested-iommu replay`, a process each | 5 (5-5) k | 2 (2-2) k |");
    expect(lines.at(-1)).toContain("demo.itr.gz: 1,933 accesses; 7 rounds, 20 plays");
  });

  it("lays growth out as a grid of entries and contexts", () => {
    const cell = (entries: number, contexts: number, ns: number) => ({
      entries,
      contexts,
      mapped: 4 * 2 ** 20,
      ns: at(ns),
      ratio: at(ns / 5),
      hitRate: 1,
    });
    const growth: DocumentSource = {
      kind: "growth",
      machine: MACHINE,
      hits: [cell(2048, 1, 5), cell(8192, 1, 6), cell(2048, 16, 5.5), cell(8192, 16, 6.5)],
      misses: [cell(2048, 1, 60)],
    };
    const blocks = blocksOf([growth]);
    expect(blocks.get("growth-hits")).toBe(
      `${["| entries \\ contexts | 1 | 16 |", "|---|---|---|", "| 2,048 | 5.0 (1.00x) | 5.5 (1.10x) |"].join(
        "\n",
      )}\n| 8,192 | 6.0 (1.20x) | 6.5 (1.30x) |`,
    );
    expect(blocks.get("growth-misses")).toContain("| 4 MiB | 60.0 (59.0-61.0) |");
  });

  it("gives ablation a line a variant and a column a row", () => {
    const versions: DocumentSource = {
      kind: "versions",
      machine: MACHINE,
      base: "as it is",
      others: ["no SIMD", "no bind"],
      rows: [{ name: HOT.name, section: "patterns", ns: at(7), ratio: { "no SIMD": at(2) } }],
    };
    expect(blocksOf([versions]).get("ablation")).toBe(
      [
        "| without, or instead | random in 64 pages |",
        "|---|---|",
        "| as it is, ns | 7.0 |",
        "| no SIMD | 2.00 (1.00-3.00) |",
        "| no bind | – |",
      ].join("\n"),
    );
  });
});

describe("fillDocument", () => {
  it("replaces what stands between the marks, again and again", () => {
    const text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
    const once = fillDocument(text, new Map([["x", "new"]])).text;
    expect(once).toBe("a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n");
    expect(fillDocument(once, new Map([["x", "new"]])).text).toBe(once);
  });

  it("names blocks that have no place", () => {
    expect(fillDocument("text", new Map([["x", "new"]]))).toEqual({ text: "text", unused: ["x"] });
  });
});

it("has a place for every table in docs/performance.md", () => {
  const text = readFileSync("docs/performance.md", "utf8");
  const others = [
    "targets",
    "place",
    "native-place",
    "ablation",
    "growth-hits",
    "growth-misses",
    "memory",
    "start",
  ];
  for (const name of [...SECTIONS.map(blockOf), ...others]) {
    const begin = text.indexOf(`<!-- begin ${name} -->`);
    expect(begin, name).toBeGreaterThan(0);
    expect(text.indexOf(`<!-- end ${name} -->`), name).toBeGreaterThan(begin);
  }
});

it("gives the README the patterns against plain TypeScript", () => {
  expect(readmeTable(result([HOT]))).toContain("| random in 64 pages | 7.0 | 3.0x | 12.0x | 25.0x |");
});
