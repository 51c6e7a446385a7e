// The benchmark: nanoseconds per translation of the SMMUv3 and VT-d models, and ratios in the same run to plain TypeScript and
// to each other. `runBench` measures, `formatBench` prints; the command line loads both.
import { type ColdStart, measureColdStart } from "./cold-start.js";
import type { Contest } from "./contest.js";
import { OWN_LIBRARY } from "./library.js";
import { describeMachine } from "./machine-info.js";
import { type Effort, measureRow } from "./measure.js";
import { measureMemory } from "./memory-use.js";
import { NOTES } from "./notes.js";
import { type BenchResult, type BenchRow, RESULT_VERSION } from "./result.js";
import { Rig, UnsupportedRowError } from "./rig.js";
import { planRows, type RowPlan } from "./rows.js";
import { type BenchOptions, settingsOf } from "./settings.js";
import { checkTargets } from "./targets.js";

export type { ColdStart } from "./cold-start.js";
export { compareResults, formatComparison } from "./compare.js";
export type { MachineInfo } from "./machine-info.js";
export { BenchMismatchError, type RowTimes, type Spread } from "./measure.js";
export type { MemoryUse } from "./memory-use.js";
export { runNative } from "./native/run.js";
export { MissingToolError } from "./native/tools.js";
export { formatBench } from "./report.js";
export { type BenchResult, type BenchRow, readResult } from "./result.js";
export type { BenchOptions } from "./settings.js";
export type { TargetResult } from "./targets.js";

/**
 * Runs the benchmark.
 *
 * @param options what to run; default: everything, with care
 * @returns the machine, a row for each condition, start-up, memory and how targets were met
 * @throws BenchMismatchError when a side gives a wrong PA; RangeError when an option is out of range
 */
export async function runBench(options: BenchOptions = {}): Promise<BenchResult> {
  const { requests, seed, effort } = settingsOf(options);
  const only = options.only ?? "";
  const plans = planRows().filter(({ name, section }) => name.includes(only) || section.includes(only));
  const rig = new Rig(OWN_LIBRARY, requests, seed);
  const rows: BenchRow[] = [];
  const skipped: BenchResult["skipped"] = [];
  for (const [done, plan] of plans.entries()) {
    options.onProgress?.(done, plans.length, plan.name);
    // Leaves the event loop a turn, so that a progress bar can be drawn.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      rows.push(measuredRow(plan, rig.contest(plan), effort));
    } catch (error) {
      if (!(error instanceof UnsupportedRowError)) throw error;
      skipped.push({ name: plan.name, reason: error.message });
    }
  }
  options.onProgress?.(plans.length, plans.length, "");
  const starts = options.starts ?? (only !== "" ? 0 : options.quick ? 3 : 7);
  const found: { rows: BenchRow[]; coldStart?: ColdStart; memory?: BenchResult["memory"] } = { rows };
  if (starts > 0) found.coldStart = measureColdStart(starts);
  if (only === "") found.memory = measureMemory(OWN_LIBRARY);
  return {
    version: RESULT_VERSION,
    machine: describeMachine(seed, requests, effort),
    ...found,
    skipped,
    targets: checkTargets(found),
    notes: NOTES,
  };
}

/**
 * Measures a row and reads the model's counters.
 *
 * @param plan the row
 * @param contest the row, set up
 * @param effort how long
 * @returns the row of the result
 */
export function measuredRow(plan: RowPlan, contest: Contest, effort: Effort): BenchRow {
  const { machine, model, entries } = contest;
  const times = measureRow(plan.name, contest, effort);
  machine.resetCounters();
  model.prepare?.();
  model.pass();
  const { iotlbHits, iotlbMisses } = machine.counters();
  const lookups = iotlbHits + iotlbMisses;
  return {
    name: plan.name,
    section: plan.section,
    ...times,
    hitRate: lookups === 0 ? null : iotlbHits / lookups,
    leaves: model.workload.leaves,
    entries,
  };
}
