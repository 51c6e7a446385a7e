// Options of an SMMUv3: those of every machine, its ID registers, and who takes its interrupts and records.

import type { MachineOptions } from "../machine/options.js";
import type { SmmuFeatures } from "./features.js";
import type { SmmuIrq } from "./interrupts.js";

/** Options of an SMMUv3. */
export interface SmmuV3Options extends MachineOptions {
  /** What the ID registers advertise; default `SMMUV3_PRESETS.full`. */
  features?: SmmuFeatures;
  /** Called when an interrupt of the SMMU is raised. */
  onIrq?: (irq: SmmuIrq) => void;
  /** Receives event records in the Event queue's place; it is never full. */
  eventSink?: (record: Uint8Array) => void;
}
