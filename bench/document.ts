// The tables of docs/performance.md, made from results: a block between `<!-- begin NAME -->` and `<!-- end NAME -->` is
// replaced, so that no figure in the document is typed by hand.
import type { BrowserResult, PlayRates } from "./browser-rate.js";
import type { ColdStart } from "./cold-start.js";
import type { GrowthCell, GrowthResult } from "./growth.js";
import type { MachineInfo } from "./machine-info.js";
import type { Spread } from "./measure.js";
import type { MemoryUse } from "./memory-use.js";
import { range, shown, startRows } from "./report.js";
import type { BenchResult, BenchRow } from "./result.js";
import { SECTIONS, type Section } from "./rows.js";
import { checkTargets } from "./targets.js";
import type { VersionResult } from "./versions.js";

/** Any result that tables can be made of. */
export type DocumentSource = BenchResult | GrowthResult | VersionResult | BrowserResult;

/** The blocks of a document, by name. */
export type Blocks = ReadonlyMap<string, string>;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** Where a run was made, as one line. */
function placeOf({
  cpu,
  cpus,
  platform,
  load,
  node,
  v8,
  wasmBytes,
  requests,
  rounds,
  time,
}: MachineInfo): string {
  return (
    `${cpu}, ${cpus} CPUs, load ${load}, ${platform}, Node ${node} (V8 ${v8}), core of ${wasmBytes.toLocaleString("en")} ` +
    `bytes; ${rounds} rounds of ${time} ms a side, ${requests.toLocaleString("en")} requests a pass.`
  );
}

/** A row's name without what all rows of its section share. */
function shortName({ name, section }: BenchRow): string {
  const [, format = "", condition = "", how = ""] = name.split(" | ");
  if (section === "patterns" || section === "native") return `${condition}`;
  if (section === "VT-d" || section === "stages") return `${format.replace(/^\S+ /, "")}, ${condition}`;
  return how === "in place" ? condition : `${condition}, ${how}`;
}

function sectionTable(rows: readonly BenchRow[]): string {
  const others = [...new Set(rows.flatMap(({ ratio }) => Object.keys(ratio)))];
  return table(
    ["", "ns", "hits", "leaves / IOTLB", ...others.map((other) => `against ${other}`)],
    rows.map((row) => [
      shortName(row),
      range(row.ns, 1),
      row.hitRate === null ? "–" : `${(row.hitRate * 100).toFixed(1)} %`,
      `${row.leaves} / ${row.entries}`,
      ...others.map((other) => {
        const ratio = row.ratio[other];
        return ratio === undefined ? "–" : range(ratio, 2);
      }),
    ]),
  );
}

function startTable(cold: ColdStart): string {
  return table(["", `${cold.processes} new processes`], startRows(cold));
}

function memoryTable({ perEntry, perContext, defaultMachine }: MemoryUse): string {
  return table(
    ["", "bytes"],
    [
      ["an IOTLB entry", shown(perEntry)],
      ["a (stream, PASID) context, all that belongs to it", shown(perContext)],
      ["linear memory of a default machine", defaultMachine.toLocaleString("en")],
    ],
  );
}

function targetTable(results: readonly BenchResult[]): string {
  const coldStart = results.find((result) => result.coldStart)?.coldStart;
  const memory = results.find((result) => result.memory)?.memory;
  const found = { rows: results.flatMap(({ rows }) => rows), coldStart, memory };
  return table(
    ["", "against", "goal", "measured", ""],
    checkTargets(found).map(({ what, against, goal, measured, met }) => [
      what,
      against,
      goal,
      measured === null ? "–" : shown(measured),
      met === null ? "not measured" : met ? "met" : "**missed**",
    ]),
  );
}

function growthHits(cells: readonly GrowthCell[]): string {
  const contexts = [...new Set(cells.map((cell) => cell.contexts))];
  const entries = [...new Set(cells.map((cell) => cell.entries))];
  return table(
    ["entries \\ contexts", ...contexts.map(String)],
    entries.map((size) => [
      size.toLocaleString("en"),
      ...contexts.map((count) => {
        const cell = cells.find((candidate) => candidate.entries === size && candidate.contexts === count);
        return cell === undefined ? "–" : `${cell.ns.median.toFixed(1)} (${cell.ratio.median.toFixed(2)}x)`;
      }),
    ]),
  );
}

function growthMisses(cells: readonly GrowthCell[]): string {
  return table(
    ["mapped", "ns", "times the first", "hits"],
    cells.map(({ mapped, ns, ratio, hitRate }) => [
      `${mapped / 2 ** 20} MiB`,
      range(ns, 1),
      range(ratio, 2),
      `${(hitRate * 100).toFixed(1)} %`,
    ]),
  );
}

function ablationTable({ others, rows }: VersionResult): string {
  const short = (name: string): string => name.split(" | ")[2] ?? name;
  return table(
    ["without, or instead", ...rows.map(({ name }) => short(name))],
    [
      ["as it is, ns", ...rows.map(({ ns }) => ns.median.toFixed(1))],
      ...others.map((other) => [
        other,
        ...rows.map(({ ratio }) => {
          const found = ratio[other];
          return found === undefined ? "–" : `${range(found, 2)}`;
        }),
      ]),
    ],
  );
}

function browserTable(result: BrowserResult): string {
  const { browser, node, plays, trace, accesses, cpu, cpus, load, rounds } = result;
  const thousands = ({ min, median, max }: Spread): string =>
    `${range({ min: min / 1000, median: median / 1000, max: max / 1000 }, 0)} k`;
  const sides: [string, PlayRates][] = [
    [`the page in ${browser}, first play`, result.pageFirst],
    ["the page, later plays", result.page],
    [`the same engine in Node ${node}, later plays on one machine`, result.engine],
    ["`nested-iommu replay`, a process each", result.command],
  ];
  const rows = sides.map(([name, rates]) => [name, thousands(rates.translate), thousands(rates.all)]);
  return (
    `${table(["accesses a second", "translation alone", "all"], rows)}\n\n` +
    `${trace}: ${accesses.toLocaleString("en")} accesses; ${rounds} rounds, ${plays} plays a rate where they are later ones. ` +
    `${cpu}, ${cpus} CPUs, load ${load}.`
  );
}

/** Name of a section's block. */
export function blockOf(section: Section): string {
  return section.toLowerCase().replaceAll(" ", "-");
}

/**
 * Makes blocks of results.
 *
 * @param sources results of bench, bench --native, bench --growth, bench:ablation and bench-browser, in any order; the last of
 *   a kind counts
 * @returns the blocks that these results give
 */
export function blocksOf(sources: readonly DocumentSource[]): Blocks {
  const blocks = new Map<string, string>();
  const benches = sources.filter((source): source is BenchResult => "targets" in source);
  for (const { machine, rows, coldStart, memory } of benches) {
    for (const section of SECTIONS) {
      const own = rows.filter((row) => row.section === section);
      if (own.length > 0) blocks.set(blockOf(section), sectionTable(own));
    }
    blocks.set(rows.some(({ section }) => section === "native") ? "native-place" : "place", placeOf(machine));
    if (coldStart) blocks.set("start", startTable(coldStart));
    if (memory) blocks.set("memory", memoryTable(memory));
  }
  if (benches.length > 0) blocks.set("targets", targetTable(benches));
  for (const source of sources) {
    if (!("kind" in source)) continue;
    if (source.kind === "growth") {
      if (source.hits.length > 0) blocks.set("growth-hits", growthHits(source.hits));
      if (source.misses.length > 0) blocks.set("growth-misses", growthMisses(source.misses));
    } else if (source.kind === "browser") {
      blocks.set("browser", browserTable(source));
    } else {
      blocks.set("ablation", ablationTable(source));
    }
  }
  return blocks;
}

/**
 * Puts blocks into a document.
 *
 * @param text the document
 * @param blocks what stands between the marks; marks without a block stay as they are
 * @returns the document, and the names of blocks that it has no marks for
 */
export function fillDocument(text: string, blocks: Blocks): { text: string; unused: string[] } {
  const unused: string[] = [];
  let filled = text;
  for (const [name, block] of blocks) {
    const begin = `<!-- begin ${name} -->`;
    const end = `<!-- end ${name} -->`;
    const from = filled.indexOf(begin);
    const to = filled.indexOf(end);
    if (from < 0 || to < from) {
      unused.push(name);
      continue;
    }
    filled = `${filled.slice(0, from + begin.length)}\n\n${block}\n\n${filled.slice(to)}`;
  }
  return { text: filled, unused };
}

/** What the README shows of a run: the SMMUv3 patterns against plain TypeScript. */
export function readmeTable({ rows, machine }: BenchResult): string {
  const others = ["typed arrays", "Map by number", "Map by bigint"];
  const patterns = rows.filter(({ section }) => section === "patterns");
  const cells = patterns.map((row) => [
    shortName(row),
    row.ns.median.toFixed(1),
    ...others.map((other) => (row.ratio[other] ? `${row.ratio[other].median.toFixed(1)}x` : "–")),
  ]);
  return `${table(["nested translation, batches in place", "ns", ...others], cells)}\n\n${placeOf(machine)}`;
}
