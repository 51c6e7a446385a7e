// Start-up: import, machine, first translation, and how long until full speed; the median of some processes, each new.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Spread, spread } from "./measure.js";

/** What cold-start-child.ts prints. */
interface Run {
  importMs: number;
  createMs: number;
  tablesMs: number;
  firstTranslationMs: number;
  importToFirstMs: number;
  fullSpeedTranslations: number;
  fullSpeedMs: number;
  coldNs: number;
  steadyNs: number;
}

/** How the library starts. */
export type ColdStart = { [Key in keyof Run]: Spread } & { processes: number };

const KEYS = [
  "importMs",
  "createMs",
  "tablesMs",
  "firstTranslationMs",
  "importToFirstMs",
  "fullSpeedTranslations",
  "fullSpeedMs",
  "coldNs",
  "steadyNs",
] as const;

/**
 * Measures start-up.
 *
 * @param processes how many, ≥ 1
 * @param child the compiled cold-start-child.js
 * @returns spreads over the processes
 * @throws Error when a process fails
 */
export function measureColdStart(
  processes: number,
  child = fileURLToPath(new URL("./cold-start-child.js", import.meta.url)),
): ColdStart {
  const runs = Array.from({ length: processes }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [child], { encoding: "utf8" });
    if (status !== 0) throw new Error(`the cold start failed: ${stderr.trim()}`);
    return JSON.parse(stdout) as Run;
  });
  const spreads = Object.fromEntries(KEYS.map((key) => [key, spread(runs.map((run) => run[key]))]));
  return { ...(spreads as { [Key in keyof Run]: Spread }), processes };
}
