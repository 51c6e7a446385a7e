// The report of a replay as one HTML file.
import { arch, cpus, platform } from "node:os";
import type { ReplayResult } from "../replay-result.js";
import { count, percent, rate } from "../text.js";
import { packageVersion } from "../version.js";
import { barTable, lineChart } from "./charts.js";
import { folded, htmlTable, type ReportSection, reportPage } from "./page.js";
import { CURVE_SIZES, CURVE_WAYS, type CurveResult } from "./replay-curve.js";
import { halved, type ReplaySamples } from "./replay-samples.js";
import type { ReplayStudy } from "./replay-study.js";

/** What the report is of. */
export interface ReplayTitle {
  readonly trace: string;
  readonly mode: string;
  /** Geometry and policy of the IOTLB. */
  readonly iotlb: string;
}

/** Rows of a table of streams, and of stretches. */
const MOST_STREAMS = 200;
const MOST_STRETCHES = 32;

/** The whole file. */
export function replayReport(title: ReplayTitle, result: ReplayResult, study: ReplayStudy): string {
  const { samples, curve, commands } = study;
  const { counters, accesses, differences, translateSeconds } = result;
  samples.end();
  const { kernel, workload } = result.header;
  const what = [kernel && `Linux ${kernel}`, workload].filter(Boolean).join(", ");
  return reportPage({
    title: `Replay of ${title.trace}`,
    intro: `${what ? `${what}; ` : ""}${title.mode} tables, IOTLB ${title.iotlb}. ${count(result.streams)} streams, ${count(result.domains)} domains, ${count(result.windows)} ${result.windows === 1 ? "window" : "windows"}.`,
    figures: [
      ["accesses", count(accesses)],
      ["IOTLB hits", percent(counters.iotlbHits, counters.iotlbHits + counters.iotlbMisses)],
      ["descriptors read an access", (counters.fetches / Math.max(1, accesses)).toFixed(3)],
      ["translations a second", rate(accesses / Math.max(translateSeconds, 1e-9))],
      ["faults", count(counters.faulted)],
      ["wrong addresses", count(differences)],
    ],
    sections: [
      summary(result),
      overTime(samples),
      missCurve(title, curve.finish(counters), counters.iotlbMisses),
      depths(samples),
      invalidations(result, commands),
      streams(samples),
      throughput(result, samples),
      machine(),
    ],
  });
}

function summary({ counters, accesses, writes, maps, unmaps }: ReplayResult): ReportSection {
  const rows = [
    ["translations", count(accesses)],
    ["of these writes", count(writes)],
    [
      "IOTLB hits",
      `${count(counters.iotlbHits)} (${percent(counters.iotlbHits, counters.iotlbHits + counters.iotlbMisses)})`,
    ],
    ["IOTLB misses", count(counters.iotlbMisses)],
    ["descriptors read", count(counters.fetches)],
    ["faults", count(counters.faulted)],
    ["mappings made, taken back", `${count(maps)}, ${count(unmaps)}`],
  ];
  return {
    title: "Summary",
    about: "Counted by the model.",
    body: htmlTable("Summary", ["what", "value"], rows),
  };
}

function overTime({ samples }: ReplaySamples): ReportSection {
  const x = "accesses";
  const over = (title: string, y: string, value: (n: number) => number, most?: number): string =>
    lineChart({ title, x, y, ...(most !== undefined && { most }) }, [
      { name: y, points: samples.map(({ at }, n) => [at, value(n)] as const) },
    ]);
  const of = (n: number, key: "hits" | "reads"): number => {
    const sample = samples[n];
    return sample ? sample[key] / sample.accesses : 0;
  };
  let rows = samples;
  while (rows.length > MOST_STRETCHES) rows = halved(rows);
  const table = htmlTable(
    "Hit rate and reads over time",
    ["up to access", "IOTLB hits", "descriptors read an access"],
    rows.map(({ at, accesses, hits, reads }) => [
      count(at),
      percent(hits, accesses),
      (reads / accesses).toFixed(3),
    ]),
  );
  return {
    title: "Over time",
    about: "Share of accesses that the IOTLB answers, and descriptors that the others read.",
    body:
      over("IOTLB hit rate over the accesses", "hit rate", (n) => of(n, "hits"), 1) +
      over("Descriptors read an access", "descriptors", (n) => of(n, "reads")) +
      folded("The same in numbers", table),
  };
}

function missCurve({ iotlb }: ReplayTitle, curve: CurveResult, counted: number): ReportSection {
  const name = (ways: (typeof CURVE_WAYS)[number]): string =>
    ways === "all" ? "fully associative" : `${ways} ${ways === 1 ? "way" : "ways"}`;
  const ratio = (misses: number): number => misses / Math.max(1, curve.lookups);
  const series = CURVE_WAYS.map((ways, column) => ({
    name: name(ways),
    points: CURVE_SIZES.flatMap((entries, row) => {
      const misses = curve.misses[row]?.[column];
      return misses === undefined ? [] : [[entries, ratio(misses)] as const];
    }),
  }));
  const title = "Miss ratio of an LRU IOTLB by its size";
  const rows = CURVE_SIZES.map((entries, row) => [
    count(entries),
    ...(curve.misses[row] ?? []).map((misses) => (misses === undefined ? "–" : ratio(misses).toFixed(4))),
  ]);
  const exact =
    curve.doubts.length === 0
      ? "Each value is what a replay with an LRU IOTLB of that size and so many ways counts, exactly."
      : `Replays of a single size may count differently: ${curve.doubts.join("; ")}.`;
  return {
    title: "Miss ratio by size and ways",
    about:
      `From one pass over ${count(curve.lookups)} lookups and all invalidations. ${exact} Policy LRU, whatever this replay's own ` +
      `is: ${iotlb}, ${percent(counted, curve.lookups)} misses.`,
    body:
      lineChart({ title, x: "IOTLB entries", y: "miss ratio", logTicks: CURVE_SIZES }, series) +
      htmlTable(title, ["entries", ...CURVE_WAYS.map(name)], rows),
  };
}

function depths({ depths: all }: ReplaySamples): ReportSection {
  const bars = [...all.entries()]
    .filter(([, times]) => times > 0)
    .map(([depth, times]) => {
      return { name: String(depth), low: times, middle: times, high: times, cells: [count(times)] };
    });
  return {
    title: "Depth of walks",
    about: "Accesses by the number of descriptors that they read; 0: the IOTLB answered.",
    body: barTable("Accesses by descriptors read", ["descriptors read", "accesses"], bars),
  };
}

function invalidations(
  { counters, invalidationLines }: ReplayResult,
  commands: ReadonlyMap<string, number>,
): ReportSection {
  const rows = [
    ["IOTLB entries dropped", count(counters.invalidatedEntries)],
    ["collateral: cached tables dropped beyond what was named", count(counters.collateralEntries)],
    ["entries evicted for want of room", count(counters.evictedEntries)],
    ["invalidations of translations carried out", count(counters.invalidations)],
    ["commands of the trace", count(invalidationLines)],
  ];
  const kinds = [...commands].sort(([, a], [, b]) => b - a);
  const bars = kinds.map(([name, times]) => ({
    ...{ name, low: times, middle: times, high: times },
    cells: [count(times)],
  }));
  return {
    title: "Invalidations",
    about: "What the driver asked for, what went, and what went with it.",
    body:
      htmlTable("Invalidations", ["what", "times"], rows) +
      (bars.length > 0 ? barTable("Commands by kind", ["command", "times"], bars) : ""),
  };
}

function streams({ streams: all }: ReplaySamples): ReportSection {
  const sorted = [...all.values()].sort((a, b) => b.accesses - a.accesses);
  const rows = sorted
    .slice(0, MOST_STREAMS)
    .map(({ name, accesses, writes, hits, reads, failed }) => [
      name,
      ...[accesses, writes, hits, reads, failed].map(count),
      percent(hits, accesses),
    ]);
  const head = ["stream", "accesses", "writes", "IOTLB hits", "descriptors read", "failed", "hit rate"];
  const more = sorted.length - rows.length;
  return {
    title: "Streams",
    about: `The busiest first${more > 0 ? `; ${count(more)} more are not shown` : ""}.`,
    body: htmlTable("Streams", head, rows),
  };
}

function throughput(
  { accesses, seconds, translateSeconds }: ReplayResult,
  { samples }: ReplaySamples,
): ReportSection {
  const rates = samples.map((one) => one.accesses / Math.max(one.seconds, 1e-9)).sort((a, b) => a - b);
  const bar = (
    name: string,
    low: number,
    middle: number,
    high: number,
  ): Parameters<typeof barTable>[2][0] => ({
    ...{ name, low, middle, high },
    cells: [low, middle, high].map(rate),
  });
  const whole = (time: number): number => accesses / Math.max(time, 1e-9);
  const [alone, all] = [whole(translateSeconds), whole(seconds)];
  return {
    title: "Throughput",
    about:
      `Translations a second: over ${count(samples.length)} stretches of the trace, as a whole, and with reading the trace, the ` +
      "driver's part and this report's gathering.",
    body: barTable(
      "Translations a second",
      ["over", "lowest", "median", "highest"],
      [
        bar("each stretch", rates[0] ?? 0, rates[Math.floor(rates.length / 2)] ?? 0, rates.at(-1) ?? 0),
        bar("all, translation alone", alone, alone, alone),
        bar("all, with everything", all, all, all),
      ],
    ),
  };
}

function machine(): ReportSection {
  const { node, v8 } = process.versions;
  const rows = [
    ["nested-iommu", packageVersion()],
    ["processor", `${cpus()[0]?.model.trim() ?? "unknown"}, ${cpus().length} CPUs`],
    ["platform", `${platform()} ${arch()}`],
    ["Node and V8", `${node}, ${v8}`],
  ];
  return {
    title: "Machine and versions",
    about: "What the times depend on.",
    body: htmlTable("Machine and versions", ["what", "which"], rows),
  };
}
