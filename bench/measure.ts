// Measures one row: every side does the same work in the same process, interleaved (A B C, C B A, …), with tinybench timing
// whole passes. A ratio is taken inside a round, since the machine under the rounds may change speed.
import { Bench } from "tinybench";
import type { Contest } from "./contest.js";
import type { Side } from "./side.js";

/** Smallest, middle and largest value over the rounds. */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** Times of a row. */
export interface RowTimes {
  /** Nanoseconds per operation of the model. */
  ns: Spread;
  /** By other side: its time over the model's in the same round. */
  ratio: Record<string, Spread>;
}

/** How long to measure. */
export interface Effort {
  rounds: number;
  /** Milliseconds a side and round. */
  time: number;
  /** Milliseconds of warm-up a side: in the first round, which also brings it to the optimising compiler, and in others. */
  firstWarmup: number;
  warmup: number;
  /** Passes a side and round at least. */
  passes: number;
}

const MODEL = "the model";

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
 * @throws BenchMismatchError at the first answer that is wrong
 */
export function checkSide(row: string, who: string, side: Side): void {
  const { requests, expected, statuses } = side.workload;
  side.checkAll((index, pa, status) => {
    if (status === statuses[index] && pa === expected[index]) return;
    throw new BenchMismatchError(
      `${row}: ${who} answered request ${index} (stream ${requests.stream[index]}, ` +
        `iova 0x${requests.iova[index]!.toString(16)}) with 0x${pa.toString(16)}, status ${status}; ` +
        `expected 0x${expected[index]!.toString(16)}, status ${statuses[index]}`,
    );
  });
}

/**
 * Checks and measures a row.
 *
 * @param row name for messages
 * @param contest who runs against whom
 * @param effort how long
 * @returns times and ratios
 * @throws BenchMismatchError when an answer, or the checksum of a pass, is wrong
 */
export function measureRow(row: string, contest: Contest, effort: Effort): RowTimes {
  const sides = new Map<string, Side>([[MODEL, contest.model], ...contest.others]);
  for (const [who, side] of sides) checkSide(row, who, side);
  const times = measureTurns(row, sides, effort);
  const own = times.get(MODEL)!;
  const ratio: Record<string, Spread> = {};
  for (const name of contest.others.keys()) {
    ratio[name] = spread(times.get(name)!.map((time, round) => time / own[round]!));
  }
  return { ns: spread(own.map((time) => (time * 1e6) / contest.operations)), ratio };
}

/**
 * Lets sides take turns.
 *
 * @param row name for messages
 * @param sides who, by name
 * @param effort how long
 * @returns by name, the milliseconds of the median pass of each round
 * @throws BenchMismatchError when the checksum of a pass is wrong
 */
export function measureTurns(
  row: string,
  sides: ReadonlyMap<string, Side>,
  effort: Effort,
): Map<string, number[]> {
  const times = new Map<string, number[]>([...sides.keys()].map((name) => [name, []]));
  for (let round = 0; round < effort.rounds; round++) {
    for (const [name, time] of runRound(row, sides, round, effort)) times.get(name)!.push(time);
  }
  return times;
}

function runRound(
  row: string,
  sides: ReadonlyMap<string, Side>,
  round: number,
  effort: Effort,
): Map<string, number> {
  const warmupTime = round === 0 ? effort.firstWarmup : effort.warmup;
  const bench = new Bench({
    warmup: warmupTime > 0,
    warmupTime,
    warmupIterations: 1,
    time: effort.time,
    iterations: effort.passes,
    throws: true,
  });
  const order = [...sides];
  for (const [name, side] of round % 2 === 0 ? order : order.reverse()) {
    const { pass, checksum } = side;
    const timed = (): void => {
      const sum = pass();
      if (sum === checksum) return;
      throw new BenchMismatchError(`${row}: ${name}: the checksum of a pass is ${sum}, expected ${checksum}`);
    };
    bench.add(name, timed, { beforeAll: () => side.prepare?.() });
  }
  bench.runSync();
  return new Map(
    bench.tasks.map((task) => {
      const { result } = task;
      if (!("latency" in result)) throw new Error(`a pass did not complete: ${result.state}`);
      return [task.name, result.latency.p50];
    }),
  );
}

/**
 * Smallest, middle and largest of some values.
 *
 * @param values at least one
 * @returns the spread; of an even number the mean of the two middle ones
 */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted[sorted.length - 1]! };
}
