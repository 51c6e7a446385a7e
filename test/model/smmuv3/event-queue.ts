// What the Event queue must hold: records, full, overflow, abort errors (IHI 0070 3.5.2, 7.2.1, 7.2.2, 7.4). Pointers are
// endless counts.

import type { Transaction } from "./transaction.js";

/** A record that software has not read: 32 bytes in hexadecimal, STAG 0; of a stall also whose. */
export interface Expected {
  readonly record: string;
  readonly stalled: Transaction | undefined;
}

export class EventQueue {
  enabled = false;
  sizeLg2 = 2;
  hasMemory = true;
  produced = 0;
  consumed = 0;
  overflow = false;
  acknowledged = false;
  /** EVENTQ_ABT_ERR is active. */
  abortError = false;
  readonly entries: Expected[] = [];
  recorded = 0;
  lost = 0;
  /** Interrupts raised since it was last emptied. */
  irqs: string[] = [];

  get capacity(): number {
    return 2 ** this.sizeLg2;
  }

  get full(): boolean {
    return this.produced - this.consumed === this.capacity;
  }

  get writable(): boolean {
    return this.enabled && !this.full && !this.abortError;
  }

  /** PROD as software reads it. */
  get prod(): number {
    return (this.produced % (2 * this.capacity)) + (this.overflow ? 2 ** 31 : 0);
  }

  get cons(): number {
    return (this.consumed % (2 * this.capacity)) + (this.acknowledged ? 2 ** 31 : 0);
  }

  /** A record of a terminated transaction, or of a stalled one when the queue is writable; false: not written. */
  write(record: string, stalled: Transaction | undefined): boolean {
    if (!this.writable) {
      if (stalled !== undefined) return false;
      this.lost++;
      // Only a record that a full queue loses is an overflow, and a stall's is never lost.
      if (this.enabled && !this.abortError && this.overflow === this.acknowledged)
        this.overflow = !this.overflow;
      return false;
    }
    if (!this.hasMemory) {
      this.abortError = true;
      this.irqs.push("gerror");
      if (stalled === undefined) this.lost++;
      return false;
    }
    if (this.entries.length === 0) this.irqs.push("eventq");
    this.entries.push({ record, stalled });
    this.produced++;
    this.recorded++;
    return true;
  }

  read(count: number, acknowledge: boolean): Expected[] {
    const read = this.entries.splice(0, count);
    this.consumed += read.length;
    if (acknowledge) this.acknowledged = this.overflow;
    return read;
  }
}
