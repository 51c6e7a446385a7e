// A machine with several translation units, each in a worker: one set of registers, queues and memory, and a TLB, walk
// caches and configuration caches for each unit, like the distributed translation units (TBUs) of an Arm MMU around one
// control unit (TCU). Invalidations go to all of them. An embedder's external memory is not supported.

import { SharedCore } from "../core/shared-core.js";
import { type SharedCoreSource, sharedBuild } from "../core/shared-memory.js";
import type { MachineOptions } from "../machine/options.js";
import type { FaultOf, PooledMachine } from "./pooled-machine.js";
import { TranslationUnit } from "./translation-unit.js";

/** Options of a pool, beside those of its machine. */
export interface PoolOptions {
  /** How many units, 1..64. */
  workers: number;
  /** Where the worker's script is, if a bundler moved it: `nested-iommu/unit-worker` of this package. */
  workerUrl?: URL | string;
  /** The shared build of the core, or where it is, if a bundler moved it: `nested-iommu/wasm/shared.wasm` of this package. */
  sharedCore?: SharedCoreSource;
}

/** Options of a machine that may not be given with a pool. */
const REFUSED = ["external", "core", "trace"] as const;
const MOST_WORKERS = 64;

function checkOptions(options: MachineOptions & PoolOptions): void {
  const { workers } = options;
  if (!Number.isInteger(workers))
    throw new TypeError(`"workers" expected an integer, got ${String(workers)}`);
  if (workers < 1 || workers > MOST_WORKERS) {
    throw new RangeError(`"workers" expected 1..${MOST_WORKERS}, got ${workers}`);
  }
  for (const name of REFUSED) {
    if (options[name] !== undefined) throw new RangeError(`"${name}" expected to be absent in a pool`);
  }
}

/**
 * A machine and its translation units.
 *
 * @example
 * const pool = await TranslationPool.create(SmmuV3, { workers: 2 });
 * const unit = pool.unitOf(8);
 * unit.batch.stream[0] = 8;
 * unit.batch.iova[0] = 0x1000n;
 * const faults = await unit.run(1);
 * await pool.close();
 */
export class TranslationPool<M extends PooledMachine<unknown>> {
  /**
   * The machine: registers, memory, commands, events. Its own `run` and `translate` work, too, with caches on this thread.
   * Its counters include those of the units.
   */
  readonly machine: M;
  /** The units. */
  readonly units: readonly TranslationUnit<FaultOf<M>>[];

  private constructor(machine: M, units: readonly TranslationUnit<FaultOf<M>>[]) {
    this.machine = machine;
    this.units = units;
  }

  /**
   * Powers a machine with units on.
   *
   * @param Machine its class: SmmuV3 or VtdIommu
   * @param options those of the machine and of the pool
   * @returns when all workers are there
   * @throws TypeError, RangeError that name the option; Error when memory cannot be shared here, or a worker fails to start
   */
  static async create<M extends PooledMachine<unknown>, O extends MachineOptions>(
    Machine: new (options?: O) => M,
    options: NoInfer<O> & PoolOptions,
  ): Promise<TranslationPool<M>> {
    checkOptions(options);
    const { workers, workerUrl, sharedCore } = options;
    const build = await sharedBuild(sharedCore);
    let core: SharedCore | undefined;
    const makeCore: MachineOptions["makeCore"] = (plan, ranges) => {
      core = SharedCore.make(plan, ranges, workers, build);
      return core;
    };
    const machine = new Machine({ ...options, makeCore });
    const shared = core as SharedCore | undefined;
    if (!shared) throw new TypeError(`"Machine" expected SmmuV3 or VtdIommu, got ${Machine.name}`);
    const units = shared.units.map(
      (_, k) => new TranslationUnit(machine as PooledMachine<FaultOf<M>>, shared, k, workerUrl),
    );
    const pool = new TranslationPool(machine, units);
    try {
      await Promise.all(units.map((unit) => unit.ready));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /**
   * A unit for a stream, always the same. Any unit answers any stream alike; each stream in one unit needs the fewest
   * cache entries.
   *
   * @param stream StreamID or source-id, 0..2^32-1
   */
  unitOf(stream: number): TranslationUnit<FaultOf<M>> {
    const spread = Math.imul(stream, 0x9e3779b1) >>> 16;
    return this.units[spread % this.units.length]!;
  }

  /**
   * The completion of all that was done before: once it resolves, no unit answers from what an invalidation had to drop, or
   * by what a register had said. Runs need not be over.
   *
   * @returns rejects when a worker ends meanwhile
   */
  async sync(): Promise<void> {
    await Promise.all(this.units.map((unit) => unit.sync()));
  }

  /** Ends the workers; runs that are awaited reject. The machine itself goes on. Resolves when the workers are gone. */
  async close(): Promise<void> {
    await Promise.all(this.units.map((unit) => unit.close()));
  }
}
