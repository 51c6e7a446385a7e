// Event interrupts: the Interrupt Pending (IP) and Interrupt Mask (IM) protocol that fault, invalidation completion and page
// request events share. Source: Intel VT-d Rev 5.10, sections 6.5.2.10, 7.3, 7.5, 11.4.7.2. The message itself is in msi.ts.

import * as R from "../spec/vtd/registers.js";
import type { VtdIrq } from "./msi.js";
import type { RegisterFile } from "./registers.js";

const CONTROL: Readonly<Record<VtdIrq, number>> = {
  fault: R.REG_FECTL,
  invalidation: R.REG_IECTL,
  "page-request": R.REG_PECTL,
};

/** Where the status bits of an event are. */
export interface EventStatus {
  /** Byte offset of the status register. */
  readonly offset: number;
  /** Its bits that each mean an interrupt condition not yet served. */
  readonly conditions: number;
}

/** One event interrupt. */
export class EventInterrupt {
  readonly #registers: RegisterFile;
  readonly #irq: VtdIrq;
  readonly #status: EventStatus;
  readonly #onIrq: ((irq: VtdIrq) => void) | undefined;

  /**
   * Connects an interrupt to its control register.
   *
   * @param registers where control and status registers are
   * @param irq which one
   * @param status what tells that a condition is not served
   * @param onIrq called for each interrupt message
   */
  constructor(
    registers: RegisterFile,
    irq: VtdIrq,
    status: EventStatus,
    onIrq: ((irq: VtdIrq) => void) | undefined,
  ) {
    this.#registers = registers;
    this.#irq = irq;
    this.#status = status;
    this.#onIrq = onIrq;
    registers.onWrite(CONTROL[irq], () => this.#send());
  }

  /**
   * Sets status bits; the first condition since all were served is an interrupt, which may have to wait for IM.
   *
   * @param bits conditions, and whatever else changes with them in the status register
   */
  raise(bits: number): void {
    const { offset, conditions } = this.#status;
    const before = this.#registers.get(offset);
    this.#registers.set(offset, before | bits);
    if ((before & conditions) !== 0) return;
    this.#registers.put(CONTROL[this.#irq], R.FECTL_IP_LSB, true);
    this.#send();
  }

  /** To be called when software may have served conditions: with the last one the interrupt that waits is gone. */
  served(): void {
    const { offset, conditions } = this.#status;
    if ((this.#registers.get(offset) & conditions) !== 0) return;
    this.#registers.put(CONTROL[this.#irq], R.FECTL_IP_LSB, false);
  }

  #send(): void {
    const control = CONTROL[this.#irq];
    if (!this.#registers.has(control, R.FECTL_IP_LSB) || this.#registers.has(control, R.FECTL_IM_LSB)) return;
    this.#registers.put(control, R.FECTL_IP_LSB, false);
    this.#onIrq?.(this.#irq);
  }
}
