// Options of a VT-d unit: those of every machine, its capabilities, and who takes its interrupts.

import type { MachineOptions } from "../machine/options.js";
import type { VtdFeatures } from "./features.js";
import type { VtdIrq } from "./interrupts.js";

/** Options of a VT-d unit. */
export interface VtdOptions extends MachineOptions {
  /** What the capability registers report; default `VTD_PRESETS.full`. */
  features?: VtdFeatures;
  /** Called for each interrupt message that the unit would send. */
  onIrq?: (irq: VtdIrq) => void;
}
