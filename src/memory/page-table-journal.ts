// Journal: what one call has changed in a tree, so that a call that fails leaves every entry as it was.
import type { TableStore } from "./page-table-store.js";

/** Adjacent entries that a call is about to write. */
export interface JournalStep {
  table: number;
  index: number;
  entries: number;
  /** How many more of them will be valid. */
  added: number;
  /** Their words; absent where all are 0. */
  before: Uint32Array | undefined;
  /** The new table that the entry will point to. */
  child?: number;
}

/** The changes of one call, in order. */
export class Journal {
  readonly #store: TableStore;
  readonly #steps: JournalStep[] = [];

  constructor(store: TableStore) {
    this.#store = store;
  }

  /** Notes a change before it is made, and counts its entries. */
  note(step: JournalStep): void {
    this.#steps.push(step);
    if (step.added !== 0) this.#store.count(step.table, step.added);
  }

  /** Undoes everything and gives new tables back. */
  undo(): void {
    for (const { table, index, entries, added, before, child } of this.#steps.reverse()) {
      this.#store.edit(table, index, entries, (words) => {
        if (before) words.set(before);
        else words.fill(0);
      });
      if (added !== 0) this.#store.count(table, -added);
      if (child !== undefined) this.#store.release(child);
    }
  }
}
