// Mapping: one map call on its way through the levels of a tree. Either all of it gets mapped or every entry is as it
// was: what is written is noted first, tables that a block takes the place of are given up last.
import { Journal } from "./page-table-journal.js";
import type { Leaves } from "./page-table-leaves.js";
import { mapped } from "./page-table-options.js";
import type { TableStore } from "./page-table-store.js";

/** One map call. */
export class Mapping {
  readonly #store: TableStore;
  readonly #leaves: Leaves;
  readonly #journal: Journal;
  /** Empty tables in whose place leaves were written, with their levels. */
  readonly #replaced: { table: number; level: number }[] = [];

  constructor(store: TableStore, leaves: Leaves) {
    this.#store = store;
    this.#leaves = leaves;
    this.#journal = new Journal(store);
  }

  /** @throws RangeError when a part is mapped already; what the allocator or memory throws */
  run(): void {
    const { root, shape } = this.#store;
    try {
      this.#map(root, shape.startLevel, this.#leaves.start, this.#leaves.end);
    } catch (error) {
      this.#journal.undo();
      throw error;
    }
    for (const { table, level } of this.#replaced) this.#releaseTree(table, level);
  }

  #map(table: number, level: number, from: number, to: number): void {
    const step = this.#store.step(level);
    const fits = this.#leaves.fits(level, step);
    for (let at = from; at < to; ) {
      const entry = Math.floor(at / step) * step;
      const whole = fits && at === entry ? Math.floor(to / step) * step : at;
      const next = whole > at ? whole : Math.min(to, entry + step);
      if (whole > at) this.#fill(table, level, at, next);
      else this.#descend(table, level, at, next);
      at = next;
    }
  }

  /** Writes adjacent leaves. */
  #fill(table: number, level: number, from: number, to: number): void {
    const index = this.#store.index(level, from);
    const step = this.#store.step(level);
    const entries = (to - from) / step;
    const replaced = this.#store.live(table) === 0 ? 0 : this.#vacate(table, level, from, entries);
    const before = replaced === 0 ? undefined : this.#store.view(table, index, entries).slice();
    this.#journal.note({ table, index, entries, added: entries - replaced, before });
    this.#store.edit(table, index, entries, (words) => this.#leaves.write(words, level, step, from));
  }

  /** Maps a part of what one entry covers, through a table below it. */
  #descend(table: number, level: number, from: number, to: number): void {
    const { format } = this.#store;
    const index = this.#store.index(level, from);
    const words = this.#store.view(table, index, 1);
    const low = words[0] as number;
    if (format.isValid(low) && !format.isTable(low, level)) throw mapped(from);
    const child = format.isValid(low) ? format.address(low, words[1] as number) : this.#create(table, index);
    this.#map(child, level + 1, from, to);
  }

  #create(table: number, index: number): number {
    const child = this.#store.create();
    this.#journal.note({ table, index, entries: 1, added: 1, before: undefined, child });
    this.#store.link(table, index, child);
    return child;
  }

  /** Returns how many of the entries are empty tables that keepEmptyTables left behind; throws at a mapping. */
  #vacate(table: number, level: number, from: number, entries: number): number {
    const step = this.#store.step(level);
    const index = this.#store.index(level, from);
    let tables = 0;
    this.#eachEntry(table, level, index, entries, (child, i) => {
      const at = from + i * step;
      if (child === undefined) throw mapped(at);
      this.#checkEmpty(child, level + 1, at);
      this.#replaced.push({ table: child, level: level + 1 });
      tables++;
    });
    return tables;
  }

  /** Throws unless there is no leaf in a table and below it. */
  #checkEmpty(table: number, level: number, from: number): void {
    if (this.#store.live(table) === 0) return;
    const step = this.#store.step(level);
    this.#eachEntry(table, level, 0, this.#store.entries, (child, i) => {
      const at = from + i * step;
      if (child === undefined) throw mapped(at);
      this.#checkEmpty(child, level + 1, at);
    });
  }

  /** Gives back a table without leaves and what is below it. */
  #releaseTree(table: number, level: number): void {
    this.#eachEntry(table, level, 0, this.#store.entries, (child) => {
      if (child !== undefined) this.#releaseTree(child, level + 1);
    });
    this.#store.release(table);
  }

  /** Calls `visit` for each valid entry with the table below it, undefined for a leaf. */
  #eachEntry(
    table: number,
    level: number,
    index: number,
    entries: number,
    visit: (child: number | undefined, i: number) => void,
  ): void {
    const { format } = this.#store;
    let words = this.#store.view(table, index, entries);
    let isCopy = false;
    for (let i = 0; i < entries; i++) {
      const low = words[2 * i] as number;
      if (!format.isValid(low)) continue;
      if (!isCopy) words = words.slice(); // `visit` may make memory grow
      isCopy = true;
      visit(format.isTable(low, level) ? format.address(low, words[2 * i + 1] as number) : undefined, i);
    }
  }
}
