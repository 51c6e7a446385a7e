// The result of a run as one HTML file: how many translations a second each row and each yardstick makes, with its spread,
// targets, start-up, memory, and where it was measured. What makes pages and charts is the command line's (src/cli/report),
// which hands it over: the benchmark sees the package's own names alone.
import type { ColdStart } from "./cold-start.js";
import type { MachineInfo } from "./machine-info.js";
import type { Spread } from "./measure.js";
import { range, shown, startRows } from "./report.js";
import type { BenchResult, BenchRow } from "./result.js";
import { SECTIONS } from "./rows.js";
import type { TargetResult } from "./targets.js";

/** A cell of a table: text, or HTML. */
type Cell = string | { readonly html: string };

interface Section {
  readonly title: string;
  readonly about: string;
  readonly body: string;
}

interface Bar {
  readonly name: string;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
  readonly cells: readonly string[];
  readonly colour?: number;
  readonly group?: string;
}

/** What pages are made with. */
export interface ReportPieces {
  reportPage(report: {
    title: string;
    intro: string;
    figures: readonly (readonly [string, string])[];
    sections: readonly Section[];
  }): string;
  htmlTable(name: string, head: readonly Cell[], rows: readonly (readonly Cell[])[]): string;
  barTable(name: string, head: readonly string[], bars: readonly Bar[]): string;
}

/** Rows whose figures are seen first, by a part of their name. */
const FIRST: readonly (readonly [figure: string, part: string])[] = [
  ["sequential", "sequential"],
  ["hits in 64 pages", "random in 64 pages"],
  ["hits, 75 % of the IOTLB", "random in 75 % of the IOTLB"],
  ["new page every request", "new page"],
];
const TITLES: Readonly<Record<string, string>> = {
  patterns: "Patterns of addresses, nested",
  stages: "One stage, and no walk caches",
};
const YARDSTICK = 1;

/**
 * Makes the file.
 *
 * @param result what runBench, runNative or an earlier run's JSON has
 * @param pieces what pages are made with
 * @returns HTML
 */
export function benchReport(result: BenchResult, pieces: ReportPieces): string {
  const { rows, targets, machine, coldStart, memory, notes, skipped } = result;
  const measured = targets.filter(({ met }) => met !== null);
  const met = measured.filter((target) => target.met);
  const sections = SECTIONS.flatMap((section) => {
    const own = rows.filter((row) => row.section === section);
    return own.length > 0 ? [throughput(section, own, pieces)] : [];
  });
  if (measured.length > 0) sections.push(targetSection(measured, pieces));
  if (coldStart) sections.push(startSection(coldStart, pieces));
  if (memory) {
    const cells = [
      ["an IOTLB entry", `${shown(memory.perEntry)} bytes`],
      ["a context, all that belongs to it", `${shown(memory.perContext)} bytes`],
      ["linear memory of a default machine", `${(memory.defaultMachine / 2 ** 20).toFixed(1)} MiB`],
    ];
    const body = pieces.htmlTable("Memory", ["what", "size"], cells);
    sections.push({ title: "Memory", about: "What the model keeps.", body });
  }
  sections.push(
    notesSection([...notes, ...skipped.map(({ name, reason }) => `Left out: ${name}: ${reason}`)], pieces),
  );
  sections.push(machineSection(machine, pieces));
  const first = FIRST.flatMap(([figure, part]): [string, string][] => {
    const row = rows.find(({ section, name }) => section === "patterns" && name.includes(part));
    return row ? [[figure, `${perSecond(row.ns.median)} M/s`]] : [];
  });
  return pieces.reportPage({
    title: "Benchmark of nested-iommu",
    intro: `${machine.cpu}, ${machine.cpus} CPUs, Node ${machine.node}; ${machine.rounds} rounds of ${machine.time} ms a side, seed ${machine.seed}.`,
    figures: [...first, ["targets met", `${met.length} of ${measured.length}`]],
    sections,
  });
}

/** Millions a second. */
function perSecond(ns: number): string {
  const millions = 1000 / ns;
  return millions.toFixed(millions < 10 ? 2 : 1);
}

function throughput(section: string, rows: readonly BenchRow[], { barTable }: ReportPieces): Section {
  const title = TITLES[section] ?? section.charAt(0).toUpperCase() + section.slice(1);
  const bars = rows.flatMap((row) => [
    { ...bar("the model", row.ns, hits(row), ""), group: row.name.replaceAll(" | ", ", ") },
    ...Object.entries(row.ratio).map(([other, ratio]) => {
      const scaled = (times: number): number => row.ns.median * times;
      const ns = { min: scaled(ratio.min), median: scaled(ratio.median), max: scaled(ratio.max) };
      return { ...bar(other, ns, "", `${range(ratio, 2)}x`), colour: YARDSTICK };
    }),
  ]);
  return {
    title,
    about:
      "Millions a second: bar the median, mark from the slowest to the fastest round. A yardstick's is the model's median by " +
      "its ratio, which is taken inside each round; above 1 the model is faster.",
    body: barTable(title, ["side", "M/s", "ns", "IOTLB hits", "model faster by"], bars),
  };
}

function bar(name: string, ns: Spread, hitRate: string, ratio: string): Bar {
  return {
    name,
    low: 1000 / ns.max,
    middle: 1000 / ns.median,
    high: 1000 / ns.min,
    cells: [perSecond(ns.median), range(ns, 1), hitRate, ratio],
  };
}

function hits({ hitRate }: BenchRow): string {
  return hitRate === null ? "" : `${(hitRate * 100).toFixed(1)} %`;
}

function targetSection(targets: readonly TargetResult[], { htmlTable }: ReportPieces): Section {
  const missed = targets.filter(({ met }) => !met).length;
  const rows = targets.map(({ what, against, goal, measured, met }): Cell[] => [
    what,
    against,
    goal,
    shown(measured ?? 0),
    { html: met ? `<td class="good">met</td>` : `<td class="bad">missed</td>` },
  ]);
  return {
    title: "Targets",
    about: `${targets.length - missed} met, ${missed} missed. Reported, never enforced: machines differ.`,
    body: htmlTable("Targets", ["what", "against", "goal", "measured", "result"], rows),
  };
}

function startSection(cold: ColdStart, { htmlTable }: ReportPieces): Section {
  const rows = startRows(cold);
  return {
    title: "Start-up",
    about: `In ${cold.processes} new processes: median (minimum-maximum).`,
    body: htmlTable("Start-up", ["what", "time"], rows),
  };
}

function notesSection(notes: readonly string[], { htmlTable }: ReportPieces): Section {
  const rows = notes.map((note): Cell[] => [note]);
  return {
    title: "How to read it",
    about: "What the figures are, and what they are not.",
    body: htmlTable("How to read it", ["notes"], rows),
  };
}

function machineSection(machine: MachineInfo, { htmlTable }: ReportPieces): Section {
  const rows = [
    ["processor", `${machine.cpu}, ${machine.cpus} CPUs`],
    ["platform", machine.platform],
    ["load at the end", String(machine.load)],
    ["Node and V8", `${machine.node}, ${machine.v8}`],
    ["core", `${machine.wasmBytes.toLocaleString("en")} bytes of WASM`],
    ["requests a pass", machine.requests.toLocaleString("en")],
    ["rounds, time a side", `${machine.rounds}, ${machine.time} ms`],
    ["seed", String(machine.seed)],
  ];
  return {
    title: "Machine and versions",
    about: "What the times depend on; ratios depend on it less.",
    body: htmlTable("Machine and versions", ["what", "which"], rows),
  };
}
