// Interrupt outputs: edges handed to the embedder, gated by IRQ_CTRL.
// Source: Arm IHI 0070 G.b, sections 3.18.2 (sources) and 6.3.16 (enables).
// Not modelled: MSIs (IDR0.MSI = 0).

import * as R from "../spec/smmuv3/registers.js";
import type { RegisterFile } from "./registers.js";

/** An interrupt output of the SMMU. */
export type SmmuIrq = "eventq" | "priq" | "cmd-sync" | "gerror";

// The enable bit of each source; CMD_SYNC asks for its interrupt in the command and has none.
const ENABLE: Readonly<Record<SmmuIrq, number | undefined>> = {
  eventq: R.IRQ_CTRL_EVENTQ_IRQEN_LSB,
  priq: R.IRQ_CTRL_PRIQ_IRQEN_LSB,
  "cmd-sync": undefined,
  gerror: R.IRQ_CTRL_GERROR_IRQEN_LSB,
};

/** The SMMU's interrupt outputs. */
export class Interrupts {
  readonly #registers: RegisterFile;
  readonly #onIrq: ((irq: SmmuIrq) => void) | undefined;

  /**
   * Connects the outputs.
   *
   * @param registers where IRQ_CTRL is
   * @param onIrq called once an edge
   */
  constructor(registers: RegisterFile, onIrq?: (irq: SmmuIrq) => void) {
    this.#registers = registers;
    this.#onIrq = onIrq;
  }

  /**
   * Sends an edge if the source is enabled.
   *
   * @param irq the source
   */
  raise(irq: SmmuIrq): void {
    const bit = ENABLE[irq];
    if (bit !== undefined && ((this.#registers.get(R.REG_IRQ_CTRLACK) >>> bit) & 1) === 0) return;
    this.#onIrq?.(irq);
  }
}
