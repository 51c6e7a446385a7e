// The machine's side of a unit's control block: posting invalidations, power-ons and runs. Posting never waits. An idle
// worker is not woken for an invalidation: it answers nothing before its next run, and takes what was posted first then.

import {
  ANSWERED,
  DOORBELL,
  FLUSHES,
  type InvalidationName,
  MOST_RUNS,
  READ,
  RESET_AT,
  RESETS,
  RING_RECORDS,
  RUNS,
  runAt,
  WANTED,
  WRITTEN,
  writeRecord,
} from "./shared-control.js";

/** How many of `from` lie before `to`; both count up and wrap around. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}

/** What the machine's thread has for one unit. */
export class Mailbox {
  readonly #words: Int32Array;
  #written = 0;
  #posted = 0;
  #done = 0;

  /** @param words the unit's control block */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Runs that have been posted and are not done. */
  get running(): number {
    return this.#posted - this.#done;
  }

  /** Asks for a call of the core in the unit; if the ring is full, for all its caches to be dropped. */
  invalidate(name: InvalidationName, args: readonly number[]): void {
    const waiting = distance(Atomics.load(this.#words, READ), this.#written);
    if (waiting >= RING_RECORDS) {
      Atomics.add(this.#words, FLUSHES, 1);
    } else {
      writeRecord(this.#words, this.#written, name, args);
      this.#written = (this.#written + 1) | 0;
      Atomics.store(this.#words, WRITTEN, this.#written);
    }
    Atomics.add(this.#words, DOORBELL, 1);
    if (waiting === RING_RECORDS / 2) this.wake();
  }

  /** Says that registers have changed. */
  ring(): void {
    Atomics.add(this.#words, DOORBELL, 1);
  }

  /** Asks for a power-on: what was posted before is void. */
  reset(): void {
    Atomics.store(this.#words, RESET_AT, this.#written);
    Atomics.add(this.#words, RESETS, 1);
    this.ring();
  }

  /** Posts a run of requests first..end-1; there are at most MOST_RUNS at a time. */
  run(first: number, end: number): void {
    if (this.running >= MOST_RUNS) throw new RangeError(`expected at most ${MOST_RUNS} runs at a time`);
    const at = runAt(this.#posted);
    this.#words[at] = first;
    this.#words[at + 1] = end;
    ++this.#posted;
    Atomics.add(this.#words, RUNS, 1);
    this.ring();
    this.wake();
  }

  /** Notes that the oldest run is done. */
  completed(): void {
    ++this.#done;
  }

  /** The worker is gone: none of its runs will ever be done. */
  abandon(): void {
    this.#done = this.#posted;
  }

  /** What the doorbell says now: `isAnswered` of it becomes true when everything posted so far is in force. */
  get bell(): number {
    return Atomics.load(this.#words, DOORBELL);
  }

  /** Whether everything posted up to `bell` is in force. */
  isAnswered(bell: number): boolean {
    return distance(bell, Atomics.load(this.#words, ANSWERED)) >= 0;
  }

  /** Asks the worker to say when it has answered the doorbell next. */
  requestWord(): void {
    Atomics.store(this.#words, WANTED, 1);
    this.wake();
  }

  /** Wakes the worker if it sleeps. */
  wake(): void {
    Atomics.notify(this.#words, DOORBELL);
  }
}
