// What a run of the benchmark found: the shape of `nested-iommu bench --json`.
import type { BenchRow } from "./bench-row.js";
import type { ColdStart } from "./cold-start.js";
import type { MachineInfo } from "./machine-info.js";
import type { MemoryUse } from "./memory-use.js";
import type { TargetResult } from "./targets.js";

export type { BenchRow } from "./bench-row.js";

/** Of this shape; another shape has another number. */
export const RESULT_VERSION = 2;

/** What a run found. */
export interface BenchResult {
  version: typeof RESULT_VERSION;
  machine: MachineInfo;
  rows: BenchRow[];
  /** Rows that this build of the library cannot run, with the reason. */
  skipped: { name: string; reason: string }[];
  /** Start-up, measured in processes of their own; absent when left out. */
  coldStart?: ColdStart;
  memory?: MemoryUse;
  targets: TargetResult[];
  /** What to know when reading the numbers. */
  notes: string[];
}

/**
 * Reads a result that was written as JSON.
 *
 * @param text the JSON
 * @param name of the file, for the message
 * @returns the result
 * @throws SyntaxError when the text is no JSON; TypeError when it is no result of this version
 */
export function readResult(text: string, name: string): BenchResult {
  const value: unknown = JSON.parse(text);
  const result = value as Partial<BenchResult> | null;
  if (typeof result !== "object" || result === null || !Array.isArray(result.rows)) {
    throw new TypeError(`${name}: expected the result of "bench --json"`);
  }
  if (result.version !== RESULT_VERSION) {
    throw new TypeError(`${name}: expected version ${RESULT_VERSION}, got ${String(result.version)}`);
  }
  return result as BenchResult;
}
