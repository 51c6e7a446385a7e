// The Event queue in memory: 32-byte records, wrap, overflow, aborted writes.
// Source: Arm IHI 0070 G.b, sections 7.2.1 (when it is writable), 7.2.2 (aborts), 7.4 (overflow).
// Write aborts are synchronous: PROD does not move. What is recorded at all, and merged, is event-recorder.ts's business.

import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as R from "../spec/smmuv3/registers.js";
import type { GlobalErrors } from "./global-errors.js";
import type { Interrupts } from "./interrupts.js";
import { type QueueMemory, queueAddress, queueCount, queueNext } from "./queue.js";
import type { RegisterFile } from "./registers.js";

const OVERFLOW = (1 << R.EVENTQ_PROD_OVFLG_LSB) >>> 0;

/** The producer's side of the Event queue. */
export class EventQueue implements Saved {
  readonly #registers: RegisterFile;
  readonly #memory: QueueMemory;
  readonly #errors: GlobalErrors;
  readonly #interrupts: Interrupts;
  #written = 0;
  /** Where the last record was written, and PROD after it. */
  #last: { readonly address: bigint; readonly prod: number } | undefined;

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

  /** Records written since the machine was powered on. */
  get written(): number {
    return this.#written;
  }

  /** @internal */
  save(to: StateWriter): void {
    to.u64(this.#written);
    to.optional(this.#last, ({ address, prod }) => {
      to.u64(address);
      to.u32(prod);
    });
  }

  /** @internal */
  load(from: StateReader): void {
    this.#written = from.number("records written");
    this.#last = from.optional("last record", () => ({
      address: from.u64("address of the last record"),
      prod: from.u32("EVENTQ_PROD after the last record"),
    }));
  }

  /** Whether a record would be written now (7.2.1); that it meets no memory shows only when it is. */
  get isWritable(): boolean {
    return this.#isOn && this.#held() < 1 << this.#registers.eventQueue().sizeLg2;
  }

  /** Whether software has yet to read the last record that was written, and would. */
  get isLastUnread(): boolean {
    const { sizeLg2 } = this.#registers.eventQueue();
    const prod = this.#registers.get(R.REG_EVENTQ_PROD) & ~OVERFLOW;
    const held = this.#held();
    if (!this.#isOn || held === 0 || held > 2 ** sizeLg2 || prod !== this.#last?.prod) return false;
    return queueAddress(this.#registers.eventQueue(), prod - 1) === this.#last.address;
  }

  get #isOn(): boolean {
    return this.#registers.enabled(R.CR0_EVENTQEN_LSB) && !this.#errors.isActive(R.GERROR_EVENTQ_ABT_ERR_LSB);
  }

  #held(): number {
    const registers = this.#registers;
    const { sizeLg2 } = registers.eventQueue();
    return queueCount(registers.get(R.REG_EVENTQ_PROD), registers.get(R.REG_EVENTQ_CONS), sizeLg2);
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
    if (!this.#isOn) return false;
    const shape = registers.eventQueue();
    const prod = registers.get(R.REG_EVENTQ_PROD);
    const cons = registers.get(R.REG_EVENTQ_CONS);
    const held = queueCount(prod, cons, shape.sizeLg2);
    if (held >= 1 << shape.sizeLg2) {
      // Full: the flag toggles once, until software makes OVACKFLG equal.
      if (((prod ^ cons) & OVERFLOW) === 0) registers.set(R.REG_EVENTQ_PROD, prod ^ OVERFLOW);
      return false;
    }
    const address = queueAddress(shape, prod);
    if (!this.#memory.isRam(address)) {
      this.#errors.raise(R.GERROR_EVENTQ_ABT_ERR_LSB);
      return false;
    }
    this.#memory.write(address, record);
    const next = queueNext(prod, shape.sizeLg2);
    registers.set(R.REG_EVENTQ_PROD, (prod & OVERFLOW) | next);
    this.#last = { address, prod: next };
    this.#written++;
    if (held === 0) this.#interrupts.raise("eventq");
    return true;
  }
}
