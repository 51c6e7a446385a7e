// The benchmark: rows of nanoseconds per translation and of ratios in the same run: of the SMMUv3 model to a plain-TypeScript
// yardstick, of the VT-d model to the SMMUv3 model.
// `runBench` measures, `formatBench` prints; the command line loads both.

import type { Contest } from "./contest.js";
import { planContests } from "./contest-plans.js";
import { describeMachine } from "./machine-info.js";
import { type BenchRow, checkSide, type Effort, measureRow } from "./measure.js";
import type { BenchResult } from "./result.js";

export type { MachineInfo } from "./machine-info.js";
export { BenchMismatchError, type BenchRow, type Spread } from "./measure.js";
export { formatBench } from "./report.js";
export type { BenchResult } from "./result.js";

/** How to run the benchmark. */
export interface BenchOptions {
  /** Fewer rounds and shorter times: under 20 s instead of under 3 minutes. */
  quick?: boolean;
  /** Accepted for the command line; the result is the same object. */
  json?: boolean;
  /** Called before each row and at the end. */
  onProgress?: (done: number, total: number, row: string) => void;
  /** Rounds a row, ≥ 1; default 5 with `quick`, else 7. */
  rounds?: number;
  /** Milliseconds a side and round; default 20 with `quick`, else 200. */
  time?: number;
  /** Requests a pass, a multiple of 4096; default 65,536. */
  requests?: number;
  /** Seed of the request streams; default: from the clock. */
  seed?: number;
  /** Only rows whose name contains this text. */
  only?: string;
}

const NOTES = [
  "ns: per translation, minimum / median / maximum over the rounds of the median pass of a round.",
  "ratio: the yardstick's time over the model's in the same round; above 1 the model is faster.",
  "Model rows include copying each batch of requests into the model's columns, except the rows in place, where the " +
    "columns were filled before; the yardstick reads the caller's arrays as they are.",
  "The yardstick gets a head start: tables in one flat array, StreamIDs decoded beforehand, no event records.",
  "VT-d rows: no yardstick; the ratio is the SMMUv3 model's time over the VT-d model's, for the same stages, pages of 4 KiB " +
    "and requests; about 1 means that VT-d is as fast.",
  "Both sides start each row with an empty IOTLB of 2048 entries, 4 ways, FIFO; every PA was compared before timing.",
];

/**
 * Runs the benchmark.
 *
 * @param options what to run; default: everything, with care
 * @returns the machine and a row for each condition
 * @throws BenchMismatchError when a side gives a wrong PA; RangeError when an option is out of range
 */
export async function runBench(options: BenchOptions = {}): Promise<BenchResult> {
  const quick = options.quick === true;
  const requests = options.requests ?? 65_536;
  if (!Number.isInteger(requests) || requests < 4096 || requests % 4096 !== 0) {
    throw new RangeError(`"requests" expected a multiple of 4096, got ${requests}`);
  }
  const effort: Effort = {
    rounds: options.rounds ?? (quick ? 5 : 7),
    time: options.time ?? (quick ? 20 : 200),
    warmup: quick ? 4 : 20,
  };
  const seed = (options.seed ?? Date.now()) >>> 0;
  const plans = planContests(requests, seed).filter(({ name }) => name.includes(options.only ?? ""));
  const rows: BenchRow[] = [];
  for (const plan of plans) {
    options.onProgress?.(rows.length, plans.length, plan.name);
    // Leaves the event loop a turn, so that a progress bar can be drawn.
    await new Promise((resolve) => setImmediate(resolve));
    rows.push(runRow(plan.name, plan.setUp(), requests, effort));
  }
  options.onProgress?.(rows.length, plans.length, "");
  return { machine: describeMachine(seed, requests, effort), rows, notes: NOTES };
}

function runRow(name: string, contest: Contest, requests: number, effort: Effort): BenchRow {
  const { machine, workload, model, others } = contest;
  checkSide(name, "the model", model, workload);
  for (const [other, side] of others) checkSide(name, other, side, workload);
  const times = measureRow(name, model, others, requests, effort);

  machine.resetCounters();
  model.pass();
  const { iotlbHits, iotlbMisses } = machine.counters();
  return { name, ...times, hitRate: iotlbHits / Math.max(1, iotlbHits + iotlbMisses) };
}
