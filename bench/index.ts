// The benchmark: rows of nanoseconds per translation and of ratios to a plain-TypeScript yardstick in the same run.
// `runBench` measures, `formatBench` prints; the command line loads both.
import { describeMachine } from "./machine-info.js";
import { type BenchRow, checkSide, type Effort, measureRow } from "./measure.js";
import type { BenchResult } from "./result.js";
import { Rig } from "./rig.js";
import { planRows, type RowPlan } from "./rows.js";
import { modelInPlaceSide, modelSide, type Side, yardstickSide } from "./sides.js";

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
  const plans = planRows(requests).filter(({ name }) => name.includes(options.only ?? ""));
  const rig = new Rig(requests, seed);
  const rows: BenchRow[] = [];
  for (const plan of plans) {
    options.onProgress?.(rows.length, plans.length, plan.name);
    // Leaves the event loop a turn, so that a progress bar can be drawn.
    await new Promise((resolve) => setImmediate(resolve));
    rows.push(runRow(rig, plan, requests, effort));
  }
  options.onProgress?.(rows.length, plans.length, "");
  return { machine: describeMachine(seed, requests, effort), rows, notes: NOTES };
}

function runRow(rig: Rig, plan: RowPlan, requests: number, effort: Effort): BenchRow {
  const smmu = rig.machine(plan.walkCaches);
  const workload = rig.workload(plan.workload);
  rig.flush();
  const yardsticks = new Map<string, Side>();
  for (const kind of plan.yardsticks) {
    yardsticks.set(kind.name, yardstickSide(rig.yardstick, workload.requests, plan.batch, kind));
  }
  const model = plan.inPlace
    ? modelInPlaceSide(smmu, workload.requests)
    : modelSide(smmu, workload.requests, plan.batch);

  checkSide(plan.name, "the model", model, workload);
  for (const [name, side] of yardsticks) checkSide(plan.name, name, side, workload);
  const times = measureRow(plan.name, model, yardsticks, requests, effort);

  smmu.resetCounters();
  model.pass();
  const { iotlbHits, iotlbMisses } = smmu.counters();
  return { name: plan.name, ...times, hitRate: iotlbHits / Math.max(1, iotlbHits + iotlbMisses) };
}
