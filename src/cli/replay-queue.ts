// The command queue of a replay: a ring in simulated memory that a driver fills and the hardware empties. SMMUv3's Command
// queue and VT-d's invalidation queue differ in the size of an entry, in how many fit, and in the doorbell.
import type { PhysicalMemory } from "../index.js";

/** Shape of a queue. */
export interface QueueShape {
  memory: PhysicalMemory;
  /** Address of entry 0. */
  base: bigint;
  /** Bytes of an entry. */
  entryBytes: number;
  /** Entries of the ring. */
  entries: number;
  /** How many may wait at a time: all of them, or one fewer where full must differ from empty. */
  capacity: number;
  /**
   * Tells the hardware how many entries were written since the start; they are consumed when it returns.
   * @throws RangeError when the hardware refused one
   */
  doorbell(produced: number): void;
}

/** The producer's side of a queue. */
export class ReplayQueue {
  readonly #shape: QueueShape;
  #produced = 0;
  #rung = 0;

  constructor(shape: QueueShape) {
    this.#shape = shape;
  }

  /** Writes one entry; a full queue is emptied before. */
  push(bytes: Uint8Array): void {
    const { memory, base, entryBytes, entries, capacity } = this.#shape;
    if (this.#produced - this.#rung === capacity) this.ring();
    memory.write(base + BigInt(entryBytes * (this.#produced % entries)), bytes);
    this.#produced++;
  }

  /** Has the hardware consume what was written. Throws RangeError when it refuses an entry. */
  ring(): void {
    if (this.#rung === this.#produced) return;
    this.#rung = this.#produced;
    this.#shape.doorbell(this.#produced);
  }
}
