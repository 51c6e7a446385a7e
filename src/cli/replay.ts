// The replay command: options, the report for people and the one for programs.
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type {
  CacheOptions,
  TraceArchitecture,
  TraceError,
  TraceFormat,
  TranslationCounters,
} from "../index.js";
import { describeIotlb } from "./caches.js";
import { InputError, messageOf } from "./input-error.js";
import { Progress } from "./progress.js";
import type { ReplayObserver } from "./replay-observer.js";
import type { ReplayResult } from "./replay-result.js";
import { replayTrace, type TraceInput } from "./replay-trace.js";
import { replayReport } from "./report/replay-report.js";
import { ReplayStudy } from "./report/replay-study.js";
import { count, percent, rate, styled } from "./text.js";

/** Lines passed over that are told one by one. */
const TOLD = 20;

/** What the command line asks for. */
export interface ReplayOptions {
  mode: "recorded" | "nested";
  caches: CacheOptions;
  /** Log2 of the largest leaf of the hypervisor's stage 2. */
  stage2LeafLg2: number;
  /** Format of the trace; default: as detected. */
  format?: TraceFormat | undefined;
  /** Architecture for formats that name none. */
  arch?: TraceArchitecture | undefined;
  /** Malformed lines are told and passed over. */
  skip?: boolean;
  /** ftrace: one access to each page when it is mapped. */
  touch?: boolean;
  /** Machines that share the work; default 1. */
  jobs?: number;
  /** HTML file to write a report to. */
  report?: string | undefined;
}

/** Runs the command; returns the exit code. */
export async function replay(file: string, options: ReplayOptions, json: boolean): Promise<number> {
  const { caches, mode } = options;
  const study = options.report === undefined ? undefined : new ReplayStudy(caches, mode === "nested");
  const result = await replayWithProgress(file, options, study);
  if (options.report !== undefined && study) {
    const title = { trace: basename(file), mode, iotlb: describeIotlb(caches) };
    writeReport(options.report, replayReport(title, result, study));
  }
  if (json) console.log(JSON.stringify(report(file, options, result)));
  else printReport(file, options, result);
  return result.differences > 0 ? 1 : 0;
}

function writeReport(file: string, html: string): void {
  try {
    writeFileSync(file, html);
  } catch (error) {
    throw new InputError(`cannot be written (${messageOf(error)})`, file);
  }
}

/** Replays a trace with a progress bar on a terminal. */
export async function replayWithProgress(
  file: string,
  options: ReplayOptions,
  observer?: ReplayObserver,
): Promise<ReplayResult> {
  const progress = new Progress(`${basename(file)} ${options.mode}`);
  try {
    return await replayTrace(
      file,
      {
        caches: options.caches,
        nested: options.mode === "nested",
        stage2LeafLg2: options.stage2LeafLg2,
        observer,
      },
      (done, total) => progress.update(done, total, total ? "" : `${Math.round(done / 1e6)} MB`),
      { ...pick(options), onSkip: options.skip ? skipReporter() : undefined },
    );
  } finally {
    progress.end();
  }
}

function pick({ format, arch, touch = false, jobs = 1 }: ReplayOptions): TraceInput {
  return { format, arch, touch, jobs };
}

/** Tells the first lines that are passed over on the standard error stream. */
function skipReporter(): (error: TraceError) => void {
  let told = 0;
  return ({ message }) => {
    if (told++ < TOLD) console.error(`nested-iommu: ${message} (passed over)`);
    else if (told === TOLD + 1) console.error("nested-iommu: ... further lines are only counted");
  };
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const perSecond = (accesses: number, seconds: number): number => (seconds === 0 ? 0 : accesses / seconds);

/** The report for programs. */
export function report(file: string, options: ReplayOptions, result: ReplayResult): object {
  const { counters } = result;
  const cache = (hits: number, misses: number): object => ({
    hits,
    misses,
    hitRate: ratio(hits, hits + misses),
  });
  return {
    trace: basename(file),
    header: result.header,
    mode: options.mode,
    ...((options.jobs ?? 1) > 1 ? { jobs: options.jobs } : {}),
    iotlb: describeIotlb(options.caches),
    stage2LeafLg2: options.mode === "nested" ? options.stage2LeafLg2 : null,
    streams: result.streams,
    domains: result.domains,
    windows: result.windows,
    traceSeconds: result.traceMicroseconds / 1e6,
    accesses: result.accesses,
    reads: result.reads,
    writes: result.writes,
    maps: result.maps,
    unmaps: result.unmaps,
    overlaps: result.overlaps,
    emptyUnmaps: result.emptyUnmaps,
    registerWrites: result.registerWrites,
    bypassed: result.bypassed,
    faultLines: result.faultLines,
    ...(result.skipped === undefined ? {} : { skippedLines: result.skipped }),
    seconds: { translate: result.translateSeconds, total: result.seconds },
    translationsPerSecond: {
      translate: perSecond(result.accesses, result.translateSeconds),
      total: perSecond(result.accesses, result.seconds),
    },
    caches: {
      iotlb: cache(counters.iotlbHits, counters.iotlbMisses),
      walkCacheStage1: cache(counters.walkCacheStage1Hits, counters.walkCacheStage1Misses),
      walkCacheStage2: cache(counters.walkCacheStage2Hits, counters.walkCacheStage2Misses),
      stage2Tlb: cache(counters.stage2TlbHits, counters.stage2TlbMisses),
      config: cache(counters.configHits, counters.configMisses),
    },
    fetches: {
      total: counters.fetches,
      perTranslation: ratio(counters.fetches, result.accesses),
      perWalk: ratio(counters.fetches, counters.walks),
      stage1: sum(counters.stage1Fetches),
      stage2: sum(counters.stage2Fetches),
    },
    faults: { total: counters.faulted, byName: counters.faults },
    invalidations: {
      lines: result.invalidationLines,
      commands: counters.invalidations,
      entries: counters.invalidatedEntries,
      collateral: counters.collateralEntries,
    },
    tables: result.tables,
    differences: { count: result.differences, first: result.listed },
  };
}

/** Names and values. */
function reportRows(result: ReplayResult): [string, string][] {
  const { counters, architecture } = result;
  const [first, second] = architecture.stages;
  const walks = (): string =>
    [
      `${first} ${hits(counters, "walkCacheStage1")}`,
      `${second} ${hits(counters, "walkCacheStage2")}`,
      `${architecture.between} ${hits(counters, "stage2Tlb")}`,
    ].join(", ");
  const faults = Object.entries(counters.faults).filter(([, times]) => times > 0);
  return [
    [
      "translations",
      `${count(result.accesses)} (${count(result.reads)} reads, ${count(result.writes)} writes)`,
    ],
    [
      "  per second",
      `${rate(perSecond(result.accesses, result.translateSeconds))} in the ${architecture.unit}, ${rate(perSecond(result.accesses, result.seconds))} with the driver's part`,
    ],
    ["IOTLB hits", percent(counters.iotlbHits, counters.iotlbHits + counters.iotlbMisses)],
    ["walk cache hits", walks()],
    [
      "memory fetches",
      `${(counters.fetches / Math.max(1, result.accesses)).toFixed(2)} a translation, ${(counters.fetches / Math.max(1, counters.walks)).toFixed(2)} a walk`,
    ],
    [
      "faults",
      faults.length === 0 ? "none" : faults.map(([name, times]) => `${name} ${count(times)}`).join(", "),
    ],
    [
      "invalidations",
      `${count(result.invalidationLines)} commands, ${count(counters.invalidatedEntries)} entries dropped`,
    ],
    ["maps, unmaps", `${count(result.maps)}, ${count(result.unmaps)}`],
    ["table pages", tablePages(result)],
    ...(result.skipped ? [["lines passed over", count(result.skipped)] as [string, string]] : []),
    ["wrong addresses", result.differences === 0 ? "none" : count(result.differences)],
  ];
}

function hits(
  counters: TranslationCounters,
  cache: "walkCacheStage1" | "walkCacheStage2" | "stage2Tlb",
): string {
  const found = counters[`${cache}Hits`];
  return percent(found, found + counters[`${cache}Misses`]);
}

function tablePages({ tables, architecture }: ReplayResult): string {
  return tables.hypervisor === 0
    ? `${count(tables.domains)} at most`
    : `${count(tables.domains)} of the guest, ${count(tables.hypervisor)} of ${architecture.stages[1]} at most`;
}

/** One line on what a trace is. */
export function describeTrace(file: string, result: ReplayResult): string {
  const { kernel, workload } = result.header;
  const what = [kernel && `Linux ${kernel}`, workload].filter(Boolean).join(", ");
  const time = `${(result.traceMicroseconds / 1e6).toFixed(1)} s in ${count(result.windows)} ${result.windows === 1 ? "window" : "windows"}`;
  return `${basename(file)}${what ? ` (${what})` : ""}: ${count(result.streams)} streams, ${count(result.domains)} domains, ${time}`;
}

function printDifferences(result: ReplayResult): void {
  for (const { line, stream, iova, expected, actual } of result.listed) {
    console.log(
      `${styled("red", "DIFF")} line ${line}: stream 0x${stream.toString(16)} iova ${iova}: expected ${expected}, got ${actual}`,
    );
  }
  const more = result.differences - result.listed.length;
  if (more > 0) console.log(`... and ${count(more)} more`);
}

function printReport(file: string, options: ReplayOptions, result: ReplayResult): void {
  console.log(describeTrace(file, result));
  const [first, second] = result.architecture.stages;
  const how =
    options.mode === "nested"
      ? `nested: the recorded ${first} over a ${second} with leaves of up to ${2 ** (options.stage2LeafLg2 - 10)} KiB`
      : "recorded: the tables of the recorded driver";
  console.log(`${styled("bold", how)}; IOTLB ${describeIotlb(options.caches)}`);
  printRows(result);
}

/** Prints the facts of a replay, and the wrong addresses. */
export function printRows(result: ReplayResult): void {
  for (const [name, value] of reportRows(result)) console.log(`  ${name.padEnd(18)}${value}`);
  printDifferences(result);
}
