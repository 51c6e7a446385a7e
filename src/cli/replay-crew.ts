// The threads of `replay --jobs N`: each has a machine of its own and replays one shard (replay-shards.ts). This thread reads
// and decodes the trace once and hands each its events, a block at a time and not more than a few ahead; the results are
// added up.
//
// Not by TranslationPool: there one thread would build all tables and carry out all commands, which is the greater part of a
// replay, and would have to wait for all units at each command.
import { Worker } from "node:worker_threads";
import type { TraceEvents } from "../index.js";
import { InputError } from "./input-error.js";
import { architectureOf } from "./replay-architectures.js";
import { addCounters } from "./replay-counters.js";
import type { MachineOptions } from "./replay-machine-options.js";
import type { ReplayResult } from "./replay-result.js";
import { ReplayShards } from "./replay-shards.js";
import type { FromWorker, ShardResult, ToWorker } from "./replay-worker.js";

/** Blocks that may wait for a worker, and events in one. */
const MOST_WAITING = 4;
const BLOCK = 8192;
const LISTED = 20;

interface Mate {
  readonly worker: Worker;
  /** Messages that it has not acknowledged. */
  waiting: number;
  result: ShardResult | undefined;
}

/** Workers that replay the shards of a trace. */
export class ReplayCrew {
  readonly #shards: ReplayShards;
  readonly #mates: readonly Mate[];
  readonly #onSkip: ((line: number, reason: string) => void) | undefined;
  #failure: InputError | undefined;
  #broken: unknown;
  #wake: (() => void) | undefined;

  /**
   * @param jobs how many
   * @param options what kind of machine each has
   * @param onSkip as for EventReplay
   */
  constructor(
    jobs: number,
    options: MachineOptions,
    onSkip: ((line: number, reason: string) => void) | undefined,
  ) {
    this.#shards = new ReplayShards(jobs);
    this.#onSkip = onSkip;
    const workerData = { options, skips: onSkip !== undefined };
    this.#mates = Array.from({ length: jobs }, () => {
      const worker = new Worker(new URL("./replay-worker.js", import.meta.url), { workerData });
      const mate: Mate = { worker, waiting: 0, result: undefined };
      worker.on("message", (message: FromWorker) => this.#hear(mate, message));
      worker.on("error", (error: unknown) => {
        this.#broken ??= error;
        this.#wake?.();
      });
      return mate;
    });
  }

  /** Takes a block of the trace. */
  take(events: TraceEvents): void {
    this.#shards.take(events);
    for (const [shard, block] of this.#shards.blocks.entries()) if (block.count >= BLOCK) this.#send(shard);
  }

  /** Resolves when no worker is too far behind. Throws what went wrong in one. */
  async drained(): Promise<void> {
    await this.#until(() => this.#mates.every(({ waiting }) => waiting < MOST_WAITING));
    if (this.#failure) throw this.#failure;
  }

  /** Ends the trace; everything that was found out. Throws what went wrong in a worker, the first line first. */
  async finish(): Promise<ReplayResult> {
    const failure = await this.#flushed(true);
    if (failure) throw failure;
    return this.#sum(this.#mates.map(({ result }) => result as ShardResult));
  }

  /** What went wrong in a worker with the lines that it was sent so far; of several the first line. */
  async failure(): Promise<InputError | undefined> {
    return this.#flushed(false);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await Promise.all(this.#mates.map(({ worker }) => worker.terminate()));
  }

  /** Sends what is left, and that it was all; what went wrong, when all is done. */
  async #flushed(ends: boolean): Promise<InputError | undefined> {
    for (const [shard, block] of this.#shards.blocks.entries())
      if (block.count > 0 || ends) this.#send(shard);
    for (const mate of ends ? this.#mates : []) {
      mate.waiting++;
      mate.worker.postMessage({ kind: "end" } satisfies ToWorker);
    }
    await this.#until(() => this.#mates.every(({ waiting }) => waiting === 0));
    return this.#failure;
  }

  #send(shard: number): void {
    const block = this.#shards.blocks[shard] as TraceEvents;
    const mate = this.#mates[shard] as Mate;
    const columns = block.columns();
    const buffers = Object.values(columns).flatMap((value) =>
      ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : [],
    );
    mate.waiting++;
    mate.worker.postMessage({ kind: "events", columns } satisfies ToWorker, buffers);
    block.clear();
  }

  #hear(mate: Mate, message: FromWorker): void {
    if (message.kind === "done") mate.waiting--;
    else if (message.kind === "skip") this.#onSkip?.(message.line, message.reason);
    else if (message.kind === "result") mate.result = message.result;
    else if (this.#failure?.line === undefined || message.line < this.#failure.line) {
      this.#failure = new InputError(message.reason, undefined, message.line || undefined);
    }
    this.#wake?.();
  }

  async #until(done: () => boolean): Promise<void> {
    while (this.#broken === undefined && !done()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#broken !== undefined) throw this.#broken;
  }

  #sum(results: readonly ShardResult[]): ReplayResult {
    const [first, ...others] = results as [ShardResult, ...ShardResult[]];
    const sum: ReplayResult = { ...first, architecture: architectureOf(first.header) };
    for (const other of others) {
      for (const name of ADDED) sum[name] += other[name];
      sum.tables = {
        domains: sum.tables.domains + other.tables.domains,
        hypervisor: sum.tables.hypervisor + other.tables.hypervisor,
      };
      addCounters(sum.counters, other.counters);
    }
    sum.listed = results
      .flatMap(({ listed }) => listed)
      .sort((a, b) => a.line - b.line)
      .slice(0, LISTED);
    return Object.assign(sum, this.#shards.counts);
  }
}

/** What shards find out that is added up; `translateSeconds` are then of all threads together. */
const ADDED = [
  ...(["accesses", "reads", "writes", "domains", "overlaps", "emptyUnmaps", "differences"] as const),
  "translateSeconds",
] as const;
