// What a pool needs of a machine: every vendor's has it.

import type { ArenaView } from "../core/core.js";
import type { TranslationCounters } from "../machine/counters.js";

/** A machine that can have units; `F` is what its faults are. */
export interface PooledMachine<F> {
  /** The faults of the last run, in request order. */
  faults(): F[];
  /** @internal Records what a unit left in its arena after a run; returns the faults. */
  collect(arena: ArenaView, faults: number): F[];
  /** @internal What one unit has counted. */
  countersOf(arena: ArenaView): TranslationCounters;
}

/** What the faults of machine `M` are. */
export type FaultOf<M> = M extends PooledMachine<infer F> ? F : never;
