// One unit of a pool as the machine's thread has it: columns to fill, runs to await. The work is done in its worker.

import { MOST_RUNS } from "../core/shared-control.js";
import type { SharedCore, UnitArena } from "../core/shared-core.js";
import type { UnitWord } from "../core/shared-unit.js";
import { Batch } from "../machine/batch.js";
import type { TranslationCounters } from "../machine/counters.js";
import type { PooledMachine } from "./pooled-machine.js";
import { startWorker, type WorkerThread } from "./worker-thread.js";

/** Somebody who waits. */
interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

interface Run<F> extends Waiter<F[]> {
  readonly first: number;
  readonly end: number;
}

interface Sync extends Waiter<void> {
  /** What the doorbell must have been answered behind. */
  readonly bell: number;
}

/**
 * A translation unit with caches of its own, in a worker: as a real IOMMU has one TLB for each group of devices.
 *
 * Made by `TranslationPool.create`. `F` is what the machine's faults are.
 */
export class TranslationUnit<F> {
  /** Columns of requests and answers for `run`, in memory that the worker shares. */
  readonly batch: Batch;
  readonly #index: number;
  readonly #machine: PooledMachine<F>;
  readonly #arena: UnitArena;
  readonly #thread: WorkerThread;
  readonly #runs: Run<F>[] = [];
  readonly #syncs: Sync[] = [];
  readonly #ready: Promise<void>;
  #start: Waiter<void> | undefined;
  #isHeld = true;
  #ended: Error | undefined;

  /** @internal */
  constructor(machine: PooledMachine<F>, core: SharedCore, index: number, script: URL | string | undefined) {
    this.#index = index;
    this.#machine = machine;
    this.#arena = core.units[index]!;
    this.batch = new Batch(this.#arena);
    this.#ready = new Promise((resolve, reject) => {
      this.#start = { resolve, reject };
    });
    this.#thread = startWorker(script, {
      message: (data) => this.#take(data as UnitWord),
      ended: (cause) => this.#end(cause),
    });
    this.#thread.post(core.startOf(index));
  }

  /** @internal Resolves when the worker is there. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /**
   * Translates requests of the columns, in order, in the unit's worker. What this thread did before (memory, registers,
   * commands) is in force for all of them. Up to 16 runs of a unit may be awaited at once if their requests are not the
   * same; they are done one after the other. A run costs some 10 µs beside its requests: make it thousands of them.
   *
   * @param count how many requests, 0..batch.capacity − `first`
   * @param first index of the first of them
   * @returns the faults in request order, their records written; rejects when the worker ends, and with what an
   * embedder's callback threw
   * @throws RangeError when requests are out of range or in a run already, or 16 runs are awaited
   */
  run(count: number, first = 0): Promise<F[]> {
    const { capacity } = this.batch;
    check("first", first, capacity);
    check("count", count, capacity - first);
    const end = first + count;
    if (this.#runs.some((other) => first < other.end && other.first < end)) {
      throw new RangeError(`"first" and "count" expected requests that no run has, got ${first}..${end - 1}`);
    }
    if (this.#runs.length >= MOST_RUNS) {
      throw new RangeError(`unit ${this.#index} expected at most ${MOST_RUNS} runs at a time`);
    }
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#runs.push({ first, end, resolve, reject });
      this.#hold();
      this.#arena.mailbox.run(first, end);
    });
  }

  /** What this unit alone has counted; exact after `pool.sync()` while it runs nothing. */
  counters(): TranslationCounters {
    return this.#machine.countersOf(this.#arena);
  }

  /** @internal Resolves when everything posted so far is in force, or there is nobody any more for whom it could be. */
  sync(): Promise<void> {
    const { mailbox } = this.#arena;
    const bell = mailbox.bell;
    if (this.#ended || mailbox.isAnswered(bell)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#syncs.push({ bell, resolve, reject });
      this.#hold();
      mailbox.requestWord();
      this.#answer();
    });
  }

  /** @internal Ends the worker; what is awaited rejects. */
  async close(): Promise<void> {
    this.#end(new Error("the pool was closed"));
    await this.#thread.terminate();
  }

  #take(word: UnitWord): void {
    if (this.#ended) return;
    if (word.kind === "ready") this.#start?.resolve();
    else if (word.kind === "done") this.#finish(word.faults);
    else this.#answer();
    this.#hold();
  }

  /** The process lives as long as somebody waits. */
  #hold(): void {
    const isNeeded = this.#runs.length + this.#syncs.length > 0;
    if (isNeeded === this.#isHeld) return;
    this.#isHeld = isNeeded;
    this.#thread.hold(isNeeded);
  }

  #finish(faults: number): void {
    const run = this.#runs.shift();
    if (!run) return;
    this.#arena.mailbox.completed();
    this.#arena.showRun(run.first);
    try {
      run.resolve(this.#machine.collect(this.#arena, faults));
    } catch (error) {
      run.reject(error as Error);
    }
  }

  #answer(): void {
    const { mailbox } = this.#arena;
    while (this.#syncs[0] && mailbox.isAnswered(this.#syncs[0].bell)) this.#syncs.shift()?.resolve();
    if (this.#syncs.length > 0) mailbox.requestWord();
  }

  /** The worker is gone: nobody waits for it any longer. */
  #end(cause: Error): void {
    if (this.#ended) return;
    this.#ended = new Error(`unit ${this.#index} has no worker any more: ${cause.message}`, { cause });
    void this.#thread.terminate();
    this.#arena.mailbox.abandon();
    this.#start?.reject(this.#ended);
    for (const waiter of [...this.#runs.splice(0), ...this.#syncs.splice(0)]) waiter.reject(this.#ended);
  }
}

function check(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`"${name}" expected 0..${most}, got ${String(value)}`);
  }
}
