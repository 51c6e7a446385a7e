// Primary fault logging (VT-d 7.3, 11.4.9 FSTS_REG, 11.4.10 FECTL_REG, 11.4.14 FRCD_REG): recording registers filled
// in turn, overflow, and the fault event's interrupt pending bit. The invalidation queue's error bit is here too,
// since FSTS and the event are shared.
//
//   FSTS    0 PFO, 1 PPF (any F set), 4 IQE, 5 ICE, 6 ITE, 15:8 FRI; written 1 clears PFO, IQE, ICE, ITE
//   FECTL   31 IM, 30 IP
// Not modelled: compression of faults of one source, advanced logging, the message itself (counted instead).

import { bitOf } from "../structure.js";
import type { RecordWords } from "./fault-record.js";

const PFO = 1n << 0n;
const PPF = 1n << 1n;
const IQE = 1n << 4n;
const CLEARABLE = PFO | IQE | (1n << 5n) | (1n << 6n);
const F = 1n << 63n;
const MASKED = 1n << 31n;
const PENDING = 1n << 30n;

export class FaultLog {
  readonly records: RecordWords[];
  #next = 0;
  #first = 0;
  #status = 0n;
  #control = MASKED;
  /** Fault event messages that went out. */
  messages = 0;

  constructor(count: number) {
    this.records = Array.from({ length: count }, () => ({ low: 0n, high: 0n }));
  }

  get status(): bigint {
    return this.#status | this.#pendingFault() | (BigInt(this.#first) << 8n);
  }

  get control(): bigint {
    return this.#control;
  }

  #pendingFault(): bigint {
    return this.records.some(({ high }) => (high & F) !== 0n) ? PPF : 0n;
  }

  /** Any condition of the fault event that software has not served. */
  #unserved(): boolean {
    return (this.#status | this.#pendingFault()) !== 0n;
  }

  /** 11.4.10: only the first of several conditions is a new interrupt condition. */
  #raise(unservedBefore: boolean): void {
    if (unservedBefore) return;
    if ((this.#control & MASKED) !== 0n) this.#control |= PENDING;
    else this.messages++;
  }

  /** 7.3.1: false = lost. */
  record(words: RecordWords): boolean {
    if ((this.#status & PFO) !== 0n) return false;
    const before = this.#unserved();
    if ((this.records[this.#next]!.high & F) !== 0n) {
      this.#status |= PFO;
      this.#raise(before);
      return false;
    }
    if (this.#pendingFault() === 0n) this.#first = this.#next;
    this.records[this.#next] = { ...words };
    this.#next = (this.#next + 1) % this.records.length;
    this.#raise(before);
    return true;
  }

  /** 7.2.1: translation is off, and the next record goes into the first register. */
  restart(): void {
    this.#next = 0;
  }

  get queueError(): boolean {
    return (this.#status & IQE) !== 0n;
  }

  raiseQueueError(): void {
    const before = this.#unserved();
    this.#status |= IQE;
    this.#raise(before);
  }

  #served(): void {
    if (!this.#unserved()) this.#control &= ~PENDING;
  }

  writeStatus(value: bigint): void {
    this.#status &= ~(value & CLEARABLE);
    this.#served();
  }

  writeControl(value: bigint): void {
    this.#control = (value & MASKED) | (this.#control & PENDING);
    if ((value & MASKED) === 0n && (this.#control & PENDING) !== 0n) {
      this.#control &= ~PENDING;
      this.messages++;
    }
  }

  /** The upper half of a recording register: F is cleared by writing 1, the rest is read-only. */
  writeRecord(index: number, high: bigint): void {
    if (!bitOf(high, 63)) return;
    this.records[index]!.high &= ~F;
    this.#served();
  }

  /** As software serves a fault event: every record and status bit cleared. */
  serve(): void {
    for (const index of this.records.keys()) this.writeRecord(index, F);
    this.writeStatus(CLEARABLE);
  }
}
