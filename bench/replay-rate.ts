// `nested-iommu replay` of a capture against gunzip and a scan for line feeds alone: processes that take turns, each less the time
// that Node and the command line need to start.
//   node dist/bench/replay-rate.js [--rounds N] [--json] [FILE…]      default: the captures of test/fixtures
import { spawnSync } from "node:child_process";
import { createReadStream, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";
import { type Spread, spread } from "./measure.js";
import { range } from "./report.js";

/** What a file gave. */
export interface ReplayRate {
  file: string;
  accesses: number;
  /** Accesses a second, start-up left out. */
  perSecond: Spread;
  /** Rate of the replay over the rate of gunzip and scan. */
  ratio: Spread;
}

const LINE_FEED = 10;
const ROOT = dirname(createRequire(import.meta.url).resolve("nested-iommu/package.json"));
const CLI = join(ROOT, "dist/cli/main.js");
const CAPTURES = join(ROOT, "test/fixtures/captures/traces");

/** Gunzips a file and counts its lines. */
async function scan(file: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(file).pipe(createGunzip())) {
    const bytes = chunk as Uint8Array;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  }
  return lines;
}

/** Runs Node with arguments; returns milliseconds and the output. */
function timed(args: readonly string[]): { ms: number; stdout: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${args.join(" ")} failed: ${stderr.trim()}`);
  return { ms: performance.now() - start, stdout };
}

/**
 * Measures a capture.
 *
 * @param file a trace, gzip
 * @param rounds how often
 * @returns rates, start-up left out
 */
export function measureReplay(file: string, rounds: number): ReplayRate {
  const self = fileURLToPath(import.meta.url);
  const rates: number[] = [];
  const ratios: number[] = [];
  let accesses = 0;
  for (let round = 0; round < rounds; round++) {
    const start = timed([CLI, "--version"]).ms;
    const scanned = Math.max(timed([self, "--scan", file]).ms - start, 0.1);
    const replayed = timed([CLI, "replay", "--json", file]);
    const ms = Math.max(replayed.ms - start, 0.1);
    accesses = (JSON.parse(replayed.stdout) as { accesses: number }).accesses;
    rates.push((accesses / ms) * 1000);
    ratios.push(scanned / ms);
  }
  return { file: basename(file), accesses, perSecond: spread(rates), ratio: spread(ratios) };
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, json: { type: "boolean" }, scan: { type: "string" } },
  allowPositionals: true,
});
if (values.scan !== undefined) {
  console.log(await scan(values.scan));
} else {
  const bundled = readdirSync(CAPTURES).map((name) => join(CAPTURES, name));
  const files = positionals.length > 0 ? positionals : bundled.filter((name) => name.endsWith(".itr.gz"));
  const found = files.map((file) => measureReplay(file, Number(values.rounds)));
  if (values.json) console.log(JSON.stringify(found));
  else {
    for (const { file, accesses, perSecond, ratio } of found) {
      const millions = (perSecond.median / 1e6).toFixed(1);
      console.log(
        `${file}: ${accesses} accesses, ${millions} M/s, ${range(ratio, 2)} of gunzip and line scan alone`,
      );
    }
  }
}
