// Options of an SMMUv3: those of every machine, its ID registers, and who takes its interrupts and records.

import type { MachineOptions } from "../machine/options.js";
import type { SmmuFeatures } from "./features.js";
import type { SmmuIrq } from "./interrupts.js";
import type { ResumeOutcome } from "./stalled-transaction.js";

/** Options of an SMMUv3. */
export interface SmmuV3Options extends MachineOptions {
  /** What the ID registers advertise; default `SMMUV3_PRESETS.full`. */
  features?: SmmuFeatures;
  /** Called when an interrupt of the SMMU is raised. */
  onIrq?: (irq: SmmuIrq) => void;
  /** Receives event records in the Event queue's place; it is never full. */
  eventSink?: (record: Uint8Array) => void;
  /**
   * Called once for each transaction that has stalled, with how it ended: the endpoint's side of CMD_RESUME and
   * CMD_STALL_TERM. It may be called before the `translate` or `run` that stalled it returns.
   */
  onResume?: (outcome: ResumeOutcome) => void;
  /** Stalled transactions that are held at most, 1..2^20; default 65536. One more is aborted, with a record. */
  maxStalled?: number;
  /** Let similar events share a record where STE.MEV = 1 and before an STE is known; default false. */
  mergeEvents?: boolean;
}

const DEFAULT_HELD = 65536;
const MOST_HELD = 2 ** 20;

/**
 * How many stalled transactions a machine holds at most.
 *
 * @throws TypeError or RangeError for a `maxStalled` that is no integer in 1..2^20
 */
export function mostHeld({ maxStalled = DEFAULT_HELD }: SmmuV3Options): number {
  if (!Number.isInteger(maxStalled)) {
    throw new TypeError(`"maxStalled" expected an integer, got ${String(maxStalled)}`);
  }
  if (maxStalled < 1 || maxStalled > MOST_HELD) {
    throw new RangeError(`"maxStalled" expected 1..${MOST_HELD}, got ${maxStalled}`);
  }
  return maxStalled;
}
