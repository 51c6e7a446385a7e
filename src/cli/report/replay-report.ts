// The report of a replay as one HTML file.
import { arch, cpus, platform } from "node:os";
import type { ReplayResult } from "../replay-result.js";
import { count, percent } from "../text.js";
import { barChart, lineChart } from "./charts.js";
import { htmlTable, type ReportSection, reportPage } from "./page.js";
import type { ReplaySamples } from "./replay-samples.js";

/** What the report is of. */
export interface ReplayTitle {
  readonly trace: string;
  readonly mode: string;
  readonly iotlb: string;
}

/** The whole file. */
export function replayReport(title: ReplayTitle, result: ReplayResult, samples: ReplaySamples): string {
  const intro =
    `${count(result.accesses)} accesses of ${title.trace}, ${title.mode}, IOTLB ${title.iotlb}; ` +
    `${count(result.differences)} physical addresses other than recorded. Node ${process.versions.node} on ` +
    `${cpus()[0]?.model.trim() ?? "an unknown processor"}, ${platform()} ${arch()}.`;
  return reportPage(`Replay of ${title.trace}`, intro, [
    summary(result),
    overTime(samples),
    depths(samples),
    invalidations(result),
    streams(samples),
  ]);
}

function summary({
  counters,
  accesses,
  translateSeconds,
  seconds,
  maps,
  unmaps,
}: ReplayResult): ReportSection {
  const rows = [
    ["translations", count(accesses)],
    [
      "IOTLB hits",
      `${count(counters.iotlbHits)} (${percent(counters.iotlbHits, counters.iotlbHits + counters.iotlbMisses)})`,
    ],
    ["IOTLB misses", count(counters.iotlbMisses)],
    ["descriptors read", count(counters.fetches)],
    ["faults", count(counters.faulted)],
    ["mappings made, taken back", `${count(maps)}, ${count(unmaps)}`],
    ["translations a second, translation alone", count(accesses / Math.max(translateSeconds, 1e-9))],
    ["translations a second, with the driver's part", count(accesses / Math.max(seconds, 1e-9))],
  ];
  return { title: "Summary", about: "Counted by the model.", body: htmlTable(["what", "value"], rows) };
}

function overTime({ samples }: ReplaySamples): ReportSection {
  const axes = { title: "IOTLB hit rate over the accesses", x: "accesses", y: "hit rate", most: 1 };
  const hits = samples.map(({ at, accesses, hits: n }) => [at, n / accesses] as const);
  const reads = samples.map(({ at, accesses, reads: n }) => [at, n / accesses] as const);
  return {
    title: "Over time",
    about: "Share of accesses that the IOTLB answers, and descriptors read an access.",
    body:
      lineChart(axes, [{ name: "IOTLB hit rate", points: hits }]) +
      lineChart({ title: "Descriptors read an access", x: "accesses", y: "reads an access" }, [
        { name: "reads an access", points: reads },
      ]),
  };
}

function depths({ depths: all }: ReplaySamples): ReportSection {
  const rows = [...all.entries()].filter(([, times]) => times > 0);
  const bars = rows.map(([depth, times]) => ({
    name: depth === 0 ? "none: a cache knew" : `${depth}`,
    low: times,
    middle: times,
    high: times,
  }));
  return {
    title: "Depth of walks",
    about: "Accesses by the number of descriptors that they read.",
    body:
      barChart({ title: "Accesses by descriptors read", x: "accesses" }, bars) +
      htmlTable(
        ["descriptors read", "accesses"],
        rows.map(([depth, times]) => [String(depth), count(times)]),
      ),
  };
}

function invalidations({ counters, invalidationLines }: ReplayResult): ReportSection {
  const rows = [
    ["commands of the trace", count(invalidationLines)],
    ["carried out", count(counters.invalidations)],
    ["entries dropped", count(counters.invalidatedEntries)],
    ["of these more than was asked for", count(counters.collateralEntries)],
    ["entries evicted for want of room", count(counters.evictedEntries)],
  ];
  return {
    title: "Invalidations",
    about: "What they dropped, and their collateral (docs/capabilities.md).",
    body: htmlTable(["what", "times"], rows),
  };
}

function streams({ streams: all }: ReplaySamples): ReportSection {
  const rows = [...all]
    .sort(([, a], [, b]) => b.accesses - a.accesses)
    .map(([stream, one]) => [
      String(stream),
      ...[one.accesses, one.writes, one.hits, one.reads, one.failed].map(count),
      percent(one.hits, one.accesses),
    ]);
  const head = ["stream", "accesses", "writes", "IOTLB hits", "descriptors read", "failed", "hit rate"];
  return { title: "Streams", about: "The busiest first.", body: htmlTable(head, rows) };
}
