// Options of a VT-d unit: those of every machine, its capabilities, and who takes its interrupts.

import type { MachineOptions } from "../machine/options.js";
import type { VtdFeatures } from "./features.js";
import type { MemoryType } from "./memory-type.js";
import type { VtdIrq, VtdMsi } from "./msi.js";

/** Options of a VT-d unit. */
export interface VtdOptions extends MachineOptions {
  /** What the capability registers report; default `VTD_PRESETS.full`. */
  features?: VtdFeatures;
  /**
   * Revision of the manual whose PASID entries the unit has, 3 or 5; default 5. With ECAP.MTS, 3 has EMT, PWT and PCD in
   * bits 95:91, which 5 reserves.
   */
  revision?: 3 | 5;
  /**
   * Type of a physical address by the platform's range registers (MTRRs), where memory types are combined with them;
   * default WB everywhere. Counts with ECAP.MTS only.
   */
  rangeType?: (pa: bigint) => MemoryType;
  /** Called for each interrupt message that the unit would send. */
  onIrq?: (irq: VtdIrq) => void;
  /**
   * Called for each interrupt message before `onIrq`, with address and data. Messages to FEEx_xxxx are interrupts and go
   * nowhere else; one to another address has been written there by then, if RAM is there.
   */
  onMsi?: (msi: VtdMsi) => void;
}
