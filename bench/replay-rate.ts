// Replaying a capture against gunzip and a scan for line feeds alone, in one process, taking turns: from the compressed file,
// and from events that were decoded before. Both sides read the file as the command does, in one way: as a stream, zlib
// unpacking the next chunk in its own thread while this one goes through the last. Phases are those alone, nothing beside them.
//   node dist/bench/replay-rate.js [--rounds N] [--json] [FILE…]      default: the captures of test/fixtures
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createGunzip, gunzipSync } from "node:zlib";
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
  /** Milliseconds of each part of the work alone. */
  phases: { gunzip: Spread; decode: Spread; events: Spread };
}

const LINE_FEED = 10;
const CHUNK = 1 << 18;
const WARMUP = 3;
const OPTIONS = { caches: {}, nested: false, stage2LeafLg2: 21 } as const;

function unpacked(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: CHUNK }).pipe(createGunzip({ chunkSize: CHUNK }));
}

/** Gunzips a file and counts its lines. */
async function scan(path: string): Promise<number> {
  let lines = 0;
  for await (const bytes of unpacked(path)) {
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  }
  return lines;
}

async function replayFile(path: string): Promise<number> {
  const replay = new TraceReplay(OPTIONS);
  const reader = createTraceReader("itr", (events) => replay.take(events), { file: path });
  for await (const bytes of unpacked(path)) reader.push(bytes);
  reader.end();
  return replay.finish().accesses;
}

function decode(bytes: Uint8Array): number {
  const reader = createTraceReader("itr", () => {});
  reader.push(bytes);
  reader.end();
  return reader.line;
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

async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/**
 * Measures a capture.
 *
 * @param path a trace in the project's own format, gzip
 * @param rounds how often
 */
export async function measureReplay(path: string, rounds: number): Promise<ReplayRate> {
  const packed = readFileSync(path);
  const bytes = gunzipSync(packed);
  const fromEvents = eventReplayer(decodeTrace(bytes, { file: path }));
  const accesses = await replayFile(path);
  const sides = {
    scan: () => scan(path),
    replay: () => replayFile(path),
    gunzip: () => gunzipSync(packed),
    decode: () => decode(bytes),
    events: fromEvents,
  };
  const times: Record<keyof typeof sides, number[]> = {
    scan: [],
    replay: [],
    gunzip: [],
    decode: [],
    events: [],
  };
  for (let round = -WARMUP; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides) as [keyof typeof sides, () => unknown][]) {
      const time = await seconds(side);
      if (round >= 0) times[name].push(time);
    }
  }
  const milliseconds = (name: keyof typeof sides): Spread => spread(times[name].map((time) => 1000 * time));
  return {
    file: basename(path),
    accesses,
    fromFile: spread(times.replay.map((time) => accesses / time)),
    ratio: spread(times.replay.map((time, round) => (times.scan[round] as number) / time)),
    fromEvents: spread(times.events.map((time) => accesses / time)),
    phases: {
      gunzip: milliseconds("gunzip"),
      decode: milliseconds("decode"),
      events: milliseconds("events"),
    },
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
const found: ReplayRate[] = [];
for (const path of positionals.length > 0 ? positionals : captures()) {
  found.push(await measureReplay(path, Number(values.rounds)));
}
if (values.json) console.log(JSON.stringify(found));
else {
  for (const { file, accesses, fromFile, ratio, fromEvents, phases } of found) {
    const millions = ({ median }: Spread): string => `${(median / 1e6).toFixed(1)} M/s`;
    const parts = Object.entries(phases).map(([name, { median }]) => `${name} ${median.toFixed(1)} ms`);
    console.log(
      `${file}: ${accesses} accesses, ${millions(fromFile)} from .itr.gz, ${range(ratio, 2)} of gunzip and line scan ` +
        `alone; ${millions(fromEvents)} from decoded events; alone ${parts.join(", ")}`,
    );
  }
}
