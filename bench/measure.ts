// Measures one row: every side over the same requests in the same process, interleaved (A B A B …), with tinybench
// timing whole passes. A ratio is taken inside a round, since the machine under the rounds may change speed.
import { Bench } from "tinybench";
import type { Side } from "./sides.js";
import type { ExpectedWorkload } from "./workloads.js";

/** Smallest, middle and largest value over the rounds. */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** A row of the result. */
export interface BenchRow {
  name: string;
  /** Nanoseconds per translation of the model. */
  ns: Spread;
  /** By yardstick: its time over the model's in the same round. */
  ratio: Record<string, Spread>;
  /** IOTLB hits over look-ups, from the model's own counters; 0..1. */
  hitRate: number;
}

/** How long to measure. */
export interface Effort {
  rounds: number;
  /** Milliseconds a side and round. */
  time: number;
  /** Milliseconds of warm-up a side and round. */
  warmup: number;
}

/** Two sides disagreed: the times mean nothing. */
export class BenchMismatchError extends Error {
  override name = "BenchMismatchError";
}

/**
 * Checks every answer of a side.
 *
 * @param row name for the message
 * @param who name of the side
 * @param side the side
 * @param workload its requests and what they must get
 * @throws BenchMismatchError at the first answer that is wrong
 */
export function checkSide(row: string, who: string, side: Side, workload: ExpectedWorkload): void {
  const { expected } = workload;
  side.checkAll((index, pa, status) => {
    if (status === 0 && pa === expected[index]) return;
    const { stream, iova } = workload.requests;
    throw new BenchMismatchError(
      `${row}: ${who} answered request ${index} (stream ${stream[index]}, iova 0x${iova[index]!.toString(16)}) ` +
        `with 0x${pa.toString(16)}, status ${status}; expected 0x${expected[index]!.toString(16)}`,
    );
  });
}

/**
 * Runs the rounds of one row.
 *
 * @param row name for messages
 * @param model the model's side
 * @param yardsticks the other sides by name
 * @param requests requests a pass
 * @param effort how long
 * @returns times and ratios
 * @throws BenchMismatchError when the checksums of the passes differ
 */
export function measureRow(
  row: string,
  model: Side,
  yardsticks: ReadonlyMap<string, Side>,
  requests: number,
  effort: Effort,
): Pick<BenchRow, "ns" | "ratio"> {
  const ns: number[] = [];
  const ratios = new Map<string, number[]>([...yardsticks.keys()].map((name) => [name, []]));
  for (let round = 0; round < effort.rounds; round++) {
    const { times, sums } = runRound([model, ...yardsticks.values()], round, effort);
    if (sums.some((sum) => sum !== sums[0])) {
      throw new BenchMismatchError(`${row}: the checksums of a pass differ: ${sums.join(", ")}`);
    }
    ns.push((times[0]! * 1e6) / requests);
    let side = 1;
    for (const list of ratios.values()) list.push(times[side++]! / times[0]!);
  }
  const ratio: Record<string, Spread> = {};
  for (const [name, list] of ratios) ratio[name] = spread(list);
  return { ns: spread(ns), ratio };
}

function runRound(
  sides: readonly Side[],
  round: number,
  effort: Effort,
): { times: number[]; sums: number[] } {
  const sums = sides.map(() => 0);
  const bench = new Bench({
    // The first round also brings both sides to the optimising compiler.
    warmupTime: round === 0 ? effort.warmup * 10 : effort.warmup,
    warmupIterations: 1,
    time: effort.time,
    iterations: 3,
    throws: true,
  });
  sides.forEach((side, index) => {
    const { pass } = side;
    bench.add(`${index}`, () => {
      sums[index] = pass();
    });
  });
  bench.runSync();
  const times = bench.tasks.map((task) => {
    const { result } = task;
    if (!("latency" in result)) throw new Error(`a pass did not complete: ${result.state}`);
    return result.latency.p50;
  });
  return { times, sums };
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted[sorted.length - 1]! };
}
