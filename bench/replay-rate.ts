// Replaying a capture against gunzip and a scan for line feeds alone, in one process, taking turns: from the compressed file,
// and from events that were decoded before.
//   node dist/bench/replay-rate.js [--rounds N] [--json] [FILE…]      default: the captures of test/fixtures
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { createTraceReader, decodeTrace, type TraceEvents } from "nested-iommu";
import { type ReplayMachine, TraceReplay } from "nested-iommu/replay";
import { type Spread, spread } from "./measure.js";
import { range } from "./report.js";

/** What a file gave. */
export interface ReplayRate {
  file: string;
  accesses: number;
  /** Accesses a second from the compressed file. */
  fromFile: Spread;
  /** That rate over the rate of gunzip and scan alone. */
  ratio: Spread;
  /** Accesses a second from decoded events. */
  fromEvents: Spread;
}

const LINE_FEED = 10;
const WARMUP = 3;
const OPTIONS = { caches: {}, nested: false, stage2LeafLg2: 21 } as const;

/** Gunzips a file and counts its lines. */
function scan(packed: Uint8Array): number {
  const bytes = gunzipSync(packed);
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

function replayFile(packed: Uint8Array, file: string): number {
  const replay = new TraceReplay(OPTIONS);
  const reader = createTraceReader("itr", (events) => replay.take(events), { file });
  reader.push(gunzipSync(packed));
  reader.end();
  return replay.finish().accesses;
}

/** Replays decoded events, on the machine of the time before. */
function eventReplayer(events: TraceEvents): () => number {
  let machine: ReplayMachine | undefined;
  return () => {
    const replay = new TraceReplay(OPTIONS, undefined, machine);
    replay.take(events);
    const { accesses } = replay.finish();
    machine = replay.machine;
    return accesses;
  };
}

function seconds(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/**
 * Measures a capture.
 *
 * @param path a trace in the project's own format, gzip
 * @param rounds how often
 */
export function measureReplay(path: string, rounds: number): ReplayRate {
  const packed = readFileSync(path);
  const file = basename(path);
  const fromEvents = eventReplayer(decodeTrace(gunzipSync(packed), { file }));
  const accesses = replayFile(packed, file);
  for (let n = 0; n < WARMUP; n++) {
    scan(packed);
    replayFile(packed, file);
    fromEvents();
  }
  const rates: { file: number[]; ratio: number[]; events: number[] } = { file: [], ratio: [], events: [] };
  for (let round = 0; round < rounds; round++) {
    const scanned = seconds(() => scan(packed));
    const replayed = seconds(() => replayFile(packed, file));
    rates.file.push(accesses / replayed);
    rates.ratio.push(scanned / replayed);
    rates.events.push(accesses / seconds(fromEvents));
  }
  return {
    file,
    accesses,
    fromFile: spread(rates.file),
    ratio: spread(rates.ratio),
    fromEvents: spread(rates.events),
  };
}

function captures(): string[] {
  const root = dirname(createRequire(import.meta.url).resolve("nested-iommu/package.json"));
  const folder = join(root, "test/fixtures/captures/traces");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".itr.gz"))
    .map((name) => join(folder, name));
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, json: { type: "boolean" } },
  allowPositionals: true,
});
const found = (positionals.length > 0 ? positionals : captures()).map((path) =>
  measureReplay(path, Number(values.rounds)),
);
if (values.json) console.log(JSON.stringify(found));
else {
  for (const { file, accesses, fromFile, ratio, fromEvents } of found) {
    const millions = ({ median }: Spread): string => `${(median / 1e6).toFixed(1)} M/s`;
    console.log(
      `${file}: ${accesses} accesses, ${millions(fromFile)} from .itr.gz, ${range(ratio, 2)} of gunzip and line scan ` +
        `alone; ${millions(fromEvents)} from decoded events`,
    );
  }
}
