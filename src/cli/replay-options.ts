// The options of `replay`: what the command line takes, and what it means.
import type { ParseArgsConfig } from "node:util";
import { TRACE_FORMATS, type TraceFormat } from "../index.js";
import { cacheOptions } from "./caches.js";
import { InputError } from "./input-error.js";
import type { ReplayOptions } from "./replay.js";
import { STAGE2_LEAF_LG2 } from "./replay-machine.js";

const FLAG = { type: "boolean" } as const;
const TEXT = { type: "string" } as const;

/** For parseArgs. */
export const REPLAY_FLAGS: NonNullable<ParseArgsConfig["options"]> = {
  json: FLAG,
  caches: TEXT,
  mode: TEXT,
  iotlb: TEXT,
  policy: TEXT,
  "s2-page": TEXT,
  format: TEXT,
  arch: TEXT,
  "on-error": TEXT,
  touch: FLAG,
  jobs: TEXT,
  report: TEXT,
};

const MOST_JOBS = 64;

/** The options of a command line. Throws InputError that names the option. */
export function replayOptions(values: Readonly<Record<string, string | boolean | undefined>>): ReplayOptions {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const mode = oneOf("--mode", text("mode") ?? "recorded", ["recorded", "nested"] as const);
  const leaf = oneOf("--s2-page", text("s2-page") ?? "2m", Object.keys(STAGE2_LEAF_LG2));
  const format = text("format");
  const arch = text("arch");
  return {
    mode,
    caches: cacheOptions(text("caches"), text("iotlb"), text("policy")),
    stage2LeafLg2: STAGE2_LEAF_LG2[leaf] as number,
    format: format === undefined ? undefined : oneOf<TraceFormat>("--format", format, TRACE_FORMATS),
    arch: arch === undefined ? undefined : oneOf("--arch", arch, ["smmuv3", "vtd"] as const),
    skip: oneOf("--on-error", text("on-error") ?? "stop", ["stop", "skip"] as const) === "skip",
    touch: values.touch === true,
    jobs: jobs(text("jobs")),
    report: reportFile(text("report"), text("jobs")),
  };
}

function reportFile(file: string | undefined, jobs = "1"): string | undefined {
  if (file !== undefined && jobs !== "1") throw new InputError("--report expected without --jobs, got both");
  return file;
}

function jobs(text = "1"): number {
  const value = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MOST_JOBS) throw new InputError(`--jobs expected 1..${MOST_JOBS}, got "${text}"`);
  return value;
}

function oneOf<T extends string>(option: string, value: string, values: readonly T[]): T {
  const found = values.find((item) => item === value);
  if (found === undefined)
    throw new InputError(`${option} expected one of ${values.join(" ")}, got "${value}"`);
  return found;
}
