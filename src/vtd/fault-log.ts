// Primary fault logging: recording registers filled in turn, overflow, and the fault event.
// Source: Intel VT-d Rev 5.10, sections 7.2.1, 7.3, 11.4.7.1. Faults of one source are never merged (it is optional).
// FSTS also holds the errors of the invalidation queue, which share the event: see `raise`.

import type { Words } from "../machine/bit-fields.js";
import type { Saved } from "../snapshot/saved.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as R from "../spec/vtd/registers.js";
import { EventInterrupt } from "./interrupts.js";
import type { VtdIrq } from "./msi.js";
import type { RegisterFile } from "./registers.js";

const PFO = 1 << R.FSTS_PFO_LSB;
const PPF = 1 << R.FSTS_PPF_LSB;
const CONDITIONS = PFO | PPF | (1 << R.FSTS_IQE_LSB) | (1 << R.FSTS_ICE_LSB) | (1 << R.FSTS_ITE_LSB);
/** Bit of the highest word of a recording register. */
const F_BIT = R.FRCD_F_LSB - 96;

/** The fault recording registers and what belongs to them. */
export class FaultLog implements Saved {
  readonly #registers: RegisterFile;
  readonly #event: EventInterrupt;
  /** The register that takes the next fault. */
  #next = 0;

  /**
   * Connects the log to its registers.
   *
   * @param registers where FSTS, FECTL and the recording registers are
   * @param onIrq called for each fault event
   */
  constructor(registers: RegisterFile, onIrq: ((irq: VtdIrq) => void) | undefined) {
    this.#registers = registers;
    this.#event = new EventInterrupt(
      registers,
      "fault",
      { offset: R.REG_FSTS, conditions: CONDITIONS },
      onIrq,
    );
    registers.onWrite(R.REG_FSTS, () => this.#event.served());
    for (let n = 0; n < registers.features.faultRecords; n++) {
      registers.onWrite(this.#offset(n) + 12, () => this.#refresh());
    }
  }

  /** @internal */
  save(to: StateWriter): void {
    to.u32(this.#next);
  }

  /** @internal */
  load(from: StateReader): void {
    this.#next = from.u32("next recording register", this.#registers.features.faultRecords - 1);
  }

  #offset(n: number): number {
    return this.#registers.features.faultRecordOffset + 16 * n;
  }

  #isPending(n: number): boolean {
    return this.#registers.has(this.#offset(n) + 12, F_BIT);
  }

  /** PPF is whether any F is set (7.2.1). */
  #refresh(): void {
    const { faultRecords } = this.#registers.features;
    let pending = false;
    for (let n = 0; n < faultRecords; n++) pending ||= this.#isPending(n);
    this.#registers.put(R.REG_FSTS, R.FSTS_PPF_LSB, pending);
    this.#event.served();
  }

  /** Whether the next fault will be recorded. */
  get hasRoom(): boolean {
    return !this.#registers.has(R.REG_FSTS, R.FSTS_PFO_LSB) && !this.#isPending(this.#next);
  }

  /**
   * Records a fault if there is room; if not, sets PFO.
   *
   * @param words the record as encodeFaultWords makes it
   *
   * Source: Rev 5.10, 7.2.1.
   */
  record(words: Words): void {
    if (!this.hasRoom) {
      this.overflow();
      return;
    }
    const registers = this.#registers;
    const index = this.#next;
    for (const [n, word] of words.entries()) registers.set(this.#offset(index) + 4 * n, word);
    this.#next = (index + 1) % registers.features.faultRecords;
    if (registers.has(R.REG_FSTS, R.FSTS_PPF_LSB)) return;
    registers.set(R.REG_FSTS, registers.get(R.REG_FSTS) & ~(0xff << R.FSTS_FRI_LSB));
    this.#event.raise(PPF | (index << R.FSTS_FRI_LSB));
  }

  /** A fault came while there was no room: sets PFO. */
  overflow(): void {
    if (!this.#registers.has(R.REG_FSTS, R.FSTS_PFO_LSB)) this.#event.raise(PFO);
  }

  /** Sets an error bit of FSTS, by its number; a fault event unless a condition waits already. */
  raise(bit: number): void {
    this.#event.raise(1 << bit);
  }

  /** Recording begins at the first register again: translation was switched off (7.2.1). */
  rewind(): void {
    this.#next = 0;
  }
}
