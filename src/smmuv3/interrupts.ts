// Interrupt outputs of the SMMU, gated by IRQ_CTRL: an edge on a wire and, where one is configured, an MSI before it.
// Source: Arm IHI 0070 G.b, sections 3.18.2 (sources, both kinds at once) and 6.3.16 (enables). MSIs are in msi.ts.

import { FirstError } from "../machine/first-error.js";
import * as R from "../spec/smmuv3/registers.js";
import type { MsiTarget, MsiWriter, SmmuIrq } from "./msi.js";
import type { RegisterFile } from "./registers.js";

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
  readonly #messages: MsiWriter | undefined;

  /**
   * Connects the outputs.
   *
   * @param registers where IRQ_CTRL is
   * @param onIrq called once an edge
   * @param messages where MSIs go; default none
   */
  constructor(registers: RegisterFile, onIrq?: (irq: SmmuIrq) => void, messages?: MsiWriter) {
    this.#registers = registers;
    this.#onIrq = onIrq;
    this.#messages = messages;
  }

  /**
   * Sends the interrupt of a source that is enabled.
   *
   * @param irq the source
   * @param message the MSI of a CMD_SYNC, which is in memory already; default what the source's registers configure
   */
  raise(irq: SmmuIrq, message?: MsiTarget): void {
    const bit = ENABLE[irq];
    if (bit !== undefined && ((this.#registers.get(R.REG_IRQ_CTRLACK) >>> bit) & 1) === 0) return;
    // No closures: a listener that causes the next interrupt is called from here, again and again.
    const errors = new FirstError();
    try {
      if (message) this.#messages?.announce({ irq, ...message });
      else this.#messages?.raise(irq);
    } catch (error) {
      errors.keep(error);
    }
    try {
      this.#onIrq?.(irq);
    } catch (error) {
      errors.keep(error);
    }
    errors.rethrow();
  }
}
