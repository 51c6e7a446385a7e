// Removal: one unmap call. The blocks that the two ends of the range cut are split first, which is all that can fail
// for want of room; what is then inside the range goes, whole tables of pages at once.
import { Journal } from "./page-table-journal.js";
import type { TableStore } from "./page-table-store.js";

/** A leaf that was marked as one of a contiguous run. */
interface Marked {
  table: number;
  level: number;
  index: number;
}

/** One unmap call. */
export class Removal {
  readonly #store: TableStore;
  /** Tables that the tree no longer points to. */
  readonly #dropped: number[] = [];

  constructor(store: TableStore) {
    this.#store = store;
  }

  /**
   * @param from first input address
   * @param to first input address after the range
   * @returns bytes that were mapped and no longer are
   * @throws what the allocator or memory throws when a block has to be split; then nothing has changed
   */
  run(from: number, to: number): number {
    const { root, shape } = this.#store;
    this.#split(from, to);
    const removed = this.#remove(root, shape.startLevel, from, to);
    for (const table of this.#dropped) this.#store.release(table);
    return removed;
  }

  #split(...edges: number[]): void {
    const journal = new Journal(this.#store);
    const marked: Marked[] = [];
    try {
      for (const edge of edges) this.#splitAt(edge, journal, marked);
    } catch (error) {
      journal.undo();
      throw error;
    }
    for (const leaf of marked) this.#unmarkRun(leaf);
  }

  /** Splits what holds an address until a leaf begins there, or nothing is mapped there. */
  #splitAt(edge: number, journal: Journal, marked: Marked[]): void {
    const { format, shape, root } = this.#store;
    let table = root;
    for (let level = shape.startLevel; !Number.isInteger(edge / this.#store.step(level)); level++) {
      const index = this.#store.index(level, edge);
      const words = this.#store.view(table, index, 1);
      const low = words[0] as number;
      const high = words[1] as number;
      if (!format.isValid(low)) return;
      if (format.isTable(low, level)) {
        table = format.address(low, high);
        continue;
      }
      if (this.#isMarked(low, high)) marked.push({ table, level, index });
      table = this.#splitLeaf(journal, table, level, index);
    }
  }

  /** Puts a table of the next size with the same attributes in a block's place; returns the table. */
  #splitLeaf(journal: Journal, table: number, level: number, index: number): number {
    const { format, entries } = this.#store;
    const child = this.#store.create();
    const before = this.#store.view(table, index, 1).slice();
    journal.note({ table, index, entries: 1, added: 0, before, child });
    const [low = 0, high = 0] = before;
    const page = format.atLevel(format.pageOf(low, high, level), level + 1);
    const size = this.#store.step(level);
    const step = this.#store.step(level + 1);
    let output = Math.floor(format.address(low, high) / size) * size;
    this.#store.edit(child, 0, entries, (words) => {
      for (let i = 0; i < words.length; i += 2) {
        words[i] = page.low | format.addressLow(output);
        words[i + 1] = page.high | format.addressHigh(output);
        output += step;
      }
    });
    this.#store.count(child, entries);
    this.#store.link(table, index, child);
    return child;
  }

  /** Takes entries out of a table; those that the range covers in part are tables. */
  #remove(table: number, level: number, from: number, to: number): number {
    const store = this.#store;
    const { format } = store;
    const step = store.step(level);
    const isWhole = to - from === step * store.entries && table !== store.root; // the root may be larger
    if (level === 3 && isWhole) return this.#empty(table) * step;
    const index = store.index(level, from);
    const base = Math.floor(from / step) * step;
    const entries = Math.ceil((to - base) / step);
    this.#unmarkEdges(table, level, index, index + entries);
    const words = store.view(table, index, entries).slice(); // tables below may make memory grow
    let removed = 0;
    let gone = 0;
    for (let i = 0; i < words.length; i += 2) {
      const low = words[i] as number;
      if (!format.isValid(low)) continue;
      if (format.isTable(low, level)) {
        const child = format.address(low, words[i + 1] as number);
        const at = base + (i / 2) * step;
        removed += this.#remove(child, level + 1, Math.max(from, at), Math.min(to, at + step));
        if (store.keepsEmpty || store.live(child) > 0) continue;
        this.#dropped.push(child);
      } else {
        removed += step;
      }
      words[i] = 0;
      words[i + 1] = 0;
      gone++;
    }
    if (gone === 0) return removed;
    store.edit(table, index, entries, (window) => window.set(words));
    store.count(table, -gone);
    return removed;
  }

  /** Empties a table of pages; returns how many there were. */
  #empty(table: number): number {
    const pages = this.#store.live(table);
    if (pages === 0) return 0;
    this.#store.edit(table, 0, this.#store.entries, (words) => words.fill(0));
    this.#store.count(table, -pages);
    return pages;
  }

  /** Unmarks the runs that the ends of a range of entries cut. */
  #unmarkEdges(table: number, level: number, first: number, end: number): void {
    const run = this.#store.shape.contiguousEntries(level);
    for (const [edge, index] of [
      [first, first],
      [end, end - 1],
    ] as const) {
      if (edge % run === 0) continue;
      const { format } = this.#store;
      const words = this.#store.view(table, index, 1);
      const low = words[0] as number;
      if (!format.isValid(low) || format.isTable(low, level)) continue;
      if (!this.#isMarked(low, words[1] as number)) continue;
      this.#unmarkRun({ table, level, index });
    }
  }

  /** Takes the mark off the leaves of the run of which `index` is one. */
  #unmarkRun({ table, level, index }: Marked): void {
    const { format, shape } = this.#store;
    const { low: lowMark, high: highMark } = format.contiguousBits;
    const run = shape.contiguousEntries(level);
    this.#store.edit(table, index - (index % run), run, (words) => {
      for (let i = 0; i < words.length; i += 2) {
        const low = words[i] as number;
        if (!format.isValid(low) || format.isTable(low, level)) continue;
        words[i] = low & ~lowMark;
        words[i + 1] = (words[i + 1] as number) & ~highMark;
      }
    });
  }

  #isMarked(low: number, high: number): boolean {
    const mark = this.#store.format.contiguousBits;
    return (low & mark.low) !== 0 || (high & mark.high) !== 0;
  }
}
