// Options of an SMMUv3: those of every machine, its ID registers, and who takes its interrupts and records.

import type { MachineOptions } from "../machine/options.js";
import type { SmmuFeatures } from "./features.js";
import type { SmmuIrq, SmmuMsi } from "./msi.js";
import type { ResumeOutcome } from "./stalled-transaction.js";

/** Options of an SMMUv3. */
export interface SmmuV3Options extends MachineOptions {
  /** What the ID registers advertise; default `SMMUV3_PRESETS.full`. */
  features?: SmmuFeatures;
  /** Called when a wired interrupt of the SMMU is raised, whether or not an MSI is configured too. */
  onIrq?: (irq: SmmuIrq) => void;
  /**
   * Called for each MSI of the SMMU (IDR0.MSI), after it was written where its address is in RAM. Elsewhere it returns true
   * if a device takes the write, such as an ITS; else the write is aborted, which is a global error.
   */
  onMsi?: (msi: SmmuMsi) => boolean | undefined;
  /** Called when a CMD_SYNC sends a wake-up event (IDR0.SEV). */
  onWakeEvent?: () => void;
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
