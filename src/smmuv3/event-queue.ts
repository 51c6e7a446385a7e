// The Event queue in memory: 32-byte records, wrap, overflow, aborted writes.
// Source: Arm IHI 0070 G.b, sections 7.2.1 (when it is writable), 7.2.2 (aborts), 7.4 (overflow).
// Write aborts are synchronous: PROD does not move. Events are never merged, stalled faults are not modelled.

import * as R from "../spec/smmuv3/registers.js";
import type { GlobalErrors } from "./global-errors.js";
import type { Interrupts } from "./interrupts.js";
import { type QueueMemory, queueAddress, queueCount, queueNext } from "./queue.js";
import type { RegisterFile } from "./registers.js";

/** The producer's side of the Event queue. */
export class EventQueue {
  readonly #registers: RegisterFile;
  readonly #memory: QueueMemory;
  readonly #errors: GlobalErrors;
  readonly #interrupts: Interrupts;

  /**
   * Binds the queue to its registers and memory.
   *
   * @param registers where EVENTQ_BASE, PROD and CONS are
   * @param memory where records go
   * @param errors where EVENTQ_ABT_ERR goes
   * @param interrupts told when the queue becomes non-empty
   */
  constructor(registers: RegisterFile, memory: QueueMemory, errors: GlobalErrors, interrupts: Interrupts) {
    this.#registers = registers;
    this.#memory = memory;
    this.#errors = errors;
    this.#interrupts = interrupts;
  }

  /**
   * Records one event if the queue is writable, else drops it as the manual says.
   *
   * @param record 32 bytes
   * @returns true when the record is in the queue; false when it was discarded
   *
   * Source: IHI 0070 7.2, 7.4.
   */
  record(record: Uint8Array): boolean {
    const registers = this.#registers;
    if (!registers.enabled(R.CR0_EVENTQEN_LSB)) return false;
    if (this.#errors.isActive(R.GERROR_EVENTQ_ABT_ERR_LSB)) return false;
    const shape = registers.eventQueue();
    const prod = registers.get(R.REG_EVENTQ_PROD);
    const cons = registers.get(R.REG_EVENTQ_CONS);
    const overflow = (1 << R.EVENTQ_PROD_OVFLG_LSB) >>> 0;
    const held = queueCount(prod, cons, shape.sizeLg2);
    if (held >= 2 ** shape.sizeLg2) {
      // Full: the flag toggles once, until software makes OVACKFLG equal.
      if (((prod ^ cons) & overflow) === 0) registers.set(R.REG_EVENTQ_PROD, prod ^ overflow);
      return false;
    }
    const address = queueAddress(shape, prod);
    if (!this.#memory.isRam(address)) {
      this.#errors.raise(R.GERROR_EVENTQ_ABT_ERR_LSB);
      return false;
    }
    this.#memory.write(address, record);
    registers.set(R.REG_EVENTQ_PROD, (prod & overflow) | queueNext(prod, shape.sizeLg2));
    if (held === 0) this.#interrupts.raise("eventq");
    return true;
  }
}
