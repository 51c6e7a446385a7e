// Options of a run, and what they leave open decided.
import type { Effort } from "./measure.js";

/** How to run the benchmark. */
export interface BenchOptions {
  /** Fewer rounds and shorter times: half a minute instead of under 4 minutes. */
  quick?: boolean;
  /** Called before each row and at the end. */
  onProgress?: (done: number, total: number, row: string) => void;
  /** Rounds a row, ≥ 1; default 3 with `quick`, else 7. */
  rounds?: number;
  /** Milliseconds a side and round; default 8 with `quick`, else 60. */
  time?: number;
  /** Requests a pass, a multiple of 4096; default 65,536. */
  requests?: number;
  /** Seed of the request streams; default: from the clock. */
  seed?: number;
  /** Only rows whose name or section contains this text. */
  only?: string;
  /** New processes that measure start-up; 0 leaves it out. Default 3 with `quick`, else 7; 0 with `only`. */
  starts?: number;
}

/** Options with everything decided. */
export interface Settings {
  readonly requests: number;
  readonly seed: number;
  readonly effort: Effort;
}

/**
 * Decides what options leave open.
 *
 * @param options as the caller gave them
 * @returns the settings
 * @throws RangeError when an option is out of range
 */
export function settingsOf(options: BenchOptions): Settings {
  const quick = options.quick === true;
  const requests = options.requests ?? 65_536;
  if (!Number.isInteger(requests) || requests < 4096 || requests % 4096 !== 0) {
    throw new RangeError(`"requests" expected a multiple of 4096, got ${requests}`);
  }
  const rounds = options.rounds ?? (quick ? 3 : 7);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new RangeError(`"rounds" expected a whole number from 1, got ${rounds}`);
  }
  const effort: Effort = {
    rounds,
    time: options.time ?? (quick ? 8 : 60),
    firstWarmup: options.time === 0 ? 0 : quick ? 30 : 100,
    warmup: quick ? 0 : 10,
    passes: quick ? 1 : 3,
  };
  return { requests, seed: (options.seed ?? Date.now()) >>> 0, effort };
}
