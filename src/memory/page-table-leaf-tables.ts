// LeafTables: the short way for small ranges. What lies inside one table of smallest pages that is there already is
// mapped or unmapped in place: its table is remembered, entries are two words, nothing is allocated (some 30 ns a page
// against 1 µs by the levels). All else takes the long way, which also says what is wrong: here nothing is thrown.
import type { LeafChoice, TableFormat } from "./page-table-format.js";
import type { TableRecord, TableStore } from "./page-table-store.js";

const SLOTS = 64;
const LEAF_LEVEL = 3;

/** Tables of smallest pages, by the region of input addresses that they cover. */
export class LeafTables {
  readonly #store: TableStore;
  readonly #format: TableFormat<LeafChoice>;
  readonly #granule: number;
  /** 1 / granule: a remainder of a number beyond 2^31 costs as much as all else here. */
  readonly #perPage: number;
  /** Pages that a table covers. */
  readonly #pages: number;
  /** Pages of input addresses that are the same with and without sign extension. */
  readonly #inputPages: number;
  readonly #outputLimit: number;
  readonly #regions = new Float64Array(SLOTS).fill(-1);
  readonly #tables: (TableRecord | undefined)[] = new Array(SLOTS).fill(undefined);
  #releases = 0;
  #words: Uint32Array = new Uint32Array(0);

  /** @param store the tree's tables */
  constructor(store: TableStore) {
    const { granule, indexBits, inputBits, outputBits } = store.shape;
    this.#store = store;
    this.#format = store.format;
    this.#granule = granule;
    this.#perPage = 1 / granule;
    this.#pages = 2 ** indexBits;
    this.#inputPages = 2 ** (inputBits - 1) / granule;
    this.#outputLimit = 2 ** outputBits;
  }

  /**
   * Maps a range as pages, if that is short.
   * @param low bits of a page without its address, 31:0
   * @param high bits 63:32
   * @returns whether it did; if not, nothing has changed
   */
  map(input: number, output: number, size: number, low: number, high: number): boolean {
    const frame = output * this.#perPage;
    if (!(output >= 0 && output + size <= this.#outputLimit && Math.floor(frame) === frame)) return false;
    const table = this.#tableOf(input, size);
    if (table === undefined) return false;
    const index = this.#indexOf(table, input);
    if (index < 0) return false;
    const words = this.#words;
    const format = this.#format;
    const entries = size * this.#perPage;
    const end = index + 2 * entries;
    for (let i = index; i < end; i += 2) if (format.isValid(words[i] as number)) return false;
    for (let i = index, at = output; i < end; i += 2, at += this.#granule) {
      words[i + 1] = high | format.addressHigh(at);
      words[i] = low | format.addressLow(at);
    }
    table.live += entries;
    return true;
  }

  /**
   * Unmaps a range of pages, if that is short.
   * @returns bytes that were mapped, or -1 when nothing was done
   */
  unmap(input: number, size: number): number {
    const table = this.#tableOf(input, size);
    if (table === undefined) return -1;
    const index = this.#indexOf(table, input);
    if (index < 0) return -1;
    const words = this.#words;
    const format = this.#format;
    const { low: lowMark, high: highMark } = format.contiguousBits;
    const end = index + 2 * (size * this.#perPage);
    let gone = 0;
    for (let i = index; i < end; i += 2) {
      if (!format.isValid(words[i] as number)) continue;
      if (((words[i] as number) & lowMark) !== 0 || ((words[i + 1] as number) & highMark) !== 0) return -1;
      gone++;
    }
    // a table that became empty may have to go
    if (gone === table.live && !this.#store.keepsEmpty) return -1;
    for (let i = index; i < end; i += 2) {
      if (!format.isValid(words[i] as number)) continue;
      words[i] = 0;
      words[i + 1] = 0;
    }
    table.live -= gone;
    return gone * this.#granule;
  }

  /** The table that holds all pages of a range, if there is one and the range is right. */
  #tableOf(input: number, size: number): TableRecord | undefined {
    const page = input * this.#perPage;
    const pages = size * this.#perPage;
    // fewer than what a block covers: no entry above comes into question
    if (!(pages > 0 && pages < this.#pages && Math.floor(pages) === pages)) return undefined;
    if (!(page >= 0 && page + pages <= this.#inputPages && Math.floor(page) === page)) return undefined;
    const region = Math.floor(page / this.#pages);
    if (page + pages > (region + 1) * this.#pages) return undefined;
    if (this.#releases !== this.#store.releases) this.#forget();
    const slot = region & (SLOTS - 1);
    if (this.#regions[slot] === region) return this.#tables[slot];
    const table = this.#find(input);
    if (table === undefined) return undefined;
    this.#regions[slot] = region;
    this.#tables[slot] = table;
    return table;
  }

  #forget(): void {
    this.#regions.fill(-1);
    this.#tables.fill(undefined);
    this.#releases = this.#store.releases;
  }

  /** Walks to the table of pages of an address. */
  #find(input: number): TableRecord | undefined {
    const store = this.#store;
    if (store.tables === 0) return undefined;
    let table = store.root;
    for (let level = store.shape.startLevel; level < LEAF_LEVEL; level++) {
      const words = store.view(table, store.index(level, input), 1);
      const low = words[0] as number;
      if (!this.#format.isValid(low) || !this.#format.isTable(low, level)) return undefined;
      table = this.#format.address(low, words[1] as number);
    }
    return store.record(table);
  }

  /** Where an entry's words are in `#words`, or -1 where memory has no words. */
  #indexOf(table: TableRecord, input: number): number {
    const { memory } = this.#store;
    // the low bits of the page's number, whatever is above
    const entry = (input * this.#perPage) & (this.#pages - 1);
    const index = memory.wordIndexAt?.(table.address + 8 * entry) ?? -1;
    // memory that has grown leaves an empty or a shorter view
    if (index >= this.#words.length) this.#words = memory.allWords?.() ?? this.#words;
    return index < this.#words.length ? index : -1;
  }
}
