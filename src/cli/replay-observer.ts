// What a replay tells whoever studies it: all that an IOTLB sees, in its order.
import type { Batch, TranslationInvalidation } from "../index.js";
import type { Table } from "./replay-memory.js";

/** What the IOTLB entries of a stream, or of one PASID of it, are tagged with. */
export interface TaggedSpace {
  /** Names of the translation spaces that the core makes for it when it has not made them yet, in its order. */
  readonly makes: readonly string[];
  /** Which of them has the entries (of the lower half of the addresses; the upper half's is the next). */
  readonly holder: number;
  readonly stage: 1 | 2;
  /** VMID or domain-id. */
  readonly vmid: number;
  /** ASID or PASID; second stages have none. */
  readonly asid: number;
  /** Whose leaves the entries stand for. */
  readonly table: Table;
}

/** Is told of a replay while it runs. */
export interface ReplayObserver {
  /** The machine is switched on: its caches are empty. */
  powerOn(): void;
  /** From now on a stream, or one PASID of it (0: none), translates through a space; undefined: through none. */
  attached(stream: number, pasid: number, space: TaggedSpace | undefined): void;
  /** A range was taken out of a table; caches may still have it. */
  unmapped(table: Table, first: number, size: number): void;
  /** An invalidation of the trace is about to be carried out: index in INVALIDATION_ROWS. */
  command(code: number): void;
  /** Entries are dropped. */
  invalidated(invalidation: TranslationInvalidation): void;
  /** A batch has run: its first `count` requests, in so many seconds. */
  batch(batch: Batch, count: number, seconds: number): void;
}

/** The options of a machine that tells an observer what it drops. */
export function watchedBy(observer: ReplayObserver | undefined): {
  onInvalidation?: ReplayObserver["invalidated"];
} {
  return observer ? { onInvalidation: (invalidation) => observer.invalidated(invalidation) } : {};
}
