// The gen command: options, and the generated trace into a file or the standard output.
import { createWriteStream } from "node:fs";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ParseArgsConfig } from "node:util";
import { createGzip } from "node:zlib";
import { TraceGenerator, type Workload } from "./gen-workload.js";
import { InputError, messageOf } from "./input-error.js";

const TEXT = { type: "string" } as const;

/** For parseArgs. */
export const GEN_FLAGS: NonNullable<ParseArgsConfig["options"]> = {
  tenants: TEXT,
  pattern: TEXT,
  arch: TEXT,
  streams: TEXT,
  pages: TEXT,
  "page-size": TEXT,
  requests: TEXT,
  writes: TEXT,
  invalidate: TEXT,
  uses: TEXT,
  seed: TEXT,
};

const PAGE_LG2: Readonly<Record<string, number>> = { "4k": 12, "2m": 21, "1g": 30 };
/** Address bits that a trace's memory may take. */
const MEMORY_BITS = 46;
const MOST_PAGES = 2 ** 22;
const MOST_PASIDS = 2 ** 20 - 1;

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** Runs the command; returns the exit code. */
export async function gen(values: Values, files: readonly string[]): Promise<number> {
  if (files.length > 1) throw new InputError(`gen: expected one OUTPUT at most, got ${files.length}`);
  const [file = "-"] = files;
  const text = Readable.from(new TraceGenerator(workload(values)).text());
  try {
    if (file === "-") await pipeline(text, process.stdout, { end: false });
    else if (file.endsWith(".gz")) await pipeline(text, createGzip(), output(file));
    else await pipeline(text, output(file));
  } catch (error) {
    throw new InputError(messageOf(error), file);
  }
  return 0;
}

function output(file: string): Writable {
  return createWriteStream(file);
}

/** The workload that the options ask for. Throws InputError that names the option. */
export function workload(values: Values): Workload {
  const load: Workload = {
    arch: choice(values, "arch", ["smmuv3", "vtd"] as const),
    pattern: choice(values, "pattern", ["ring", "random", "zipf"] as const),
    invalidate: choice(values, "invalidate", ["none", "strict", "lazy"] as const),
    tenants: whole(values, "tenants", 1, 1, 65535),
    streams: whole(values, "streams", 1, 1, 4096),
    pages: whole(values, "pages", 64, 1, MOST_PAGES),
    pageLg2: PAGE_LG2[choice(values, "page-size", ["4k", "2m", "1g"] as const)] as number,
    requests: whole(values, "requests", 100_000, 0, 1e12),
    uses: whole(values, "uses", 16, 1, 1e6),
    seed: whole(values, "seed", 1, 0, 2 ** 32 - 1),
    writes: share(values, "writes", 0.5),
  };
  const pages = load.tenants * load.pages;
  if (pages > MOST_PAGES)
    throw new InputError(`--tenants times --pages expected at most ${MOST_PAGES}, got ${pages}`);
  if (2 * pages * 2 ** load.pageLg2 > 2 ** MEMORY_BITS) {
    throw new InputError(
      `--tenants times --pages times --page-size expected at most 2^${MEMORY_BITS - 1} bytes`,
    );
  }
  if (load.tenants > load.streams * MOST_PASIDS)
    throw new InputError("--tenants expected fewer, or more --streams");
  return load;
}

function whole(values: Values, name: string, standard: number, low: number, high: number): number {
  const text = values[name];
  if (text === undefined) return standard;
  const value = /^[0-9]{1,15}$/.test(String(text)) ? Number(text) : -1;
  if (value < low || value > high) {
    throw new InputError(`--${name} expected integer in ${low}..${high}, got "${String(text)}"`);
  }
  return value;
}

function share(values: Values, name: string, standard: number): number {
  const text = values[name];
  if (text === undefined) return standard;
  const value = /^[0-9]+(\.[0-9]+)?$/.test(String(text)) ? Number(text) : -1;
  if (value < 0 || value > 1)
    throw new InputError(`--${name} expected a number in 0..1, got "${String(text)}"`);
  return value;
}

/** One of some words; the first is the default. */
function choice<T extends string>(values: Values, name: string, words: readonly [T, ...T[]]): T {
  const text = values[name] ?? words[0];
  const found = words.find((word) => word === text);
  if (found === undefined) {
    throw new InputError(`--${name} expected one of ${words.join(" ")}, got "${String(text)}"`);
  }
  return found;
}
