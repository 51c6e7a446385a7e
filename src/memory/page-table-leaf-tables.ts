// LeafTables: the short way for small ranges. What lies inside one table of smallest pages that is there already is
// mapped or unmapped in place: its table and where its words are is remembered, nothing is allocated (some 40 ns a page
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
  readonly #perTable: number;
  /** Pages of input addresses that are the same with and without sign extension. */
  readonly #inputPages: number;
  readonly #outputPages: number;
  /** By the low bits of a region's number: the region, its table, and where in `#words` that begins. */
  readonly #regions = new Float64Array(SLOTS).fill(-1);
  readonly #tables: (TableRecord | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #starts = new Int32Array(SLOTS);
  #releases = 0;
  /** All of memory: another array when it has grown, or lost a part. */
  #words: Uint32Array | undefined;

  /** @param store the tree's tables */
  constructor(store: TableStore) {
    const { granule, indexBits, inputBits, outputBits } = store.shape;
    this.#store = store;
    this.#format = store.format;
    this.#granule = granule;
    this.#perPage = 1 / granule;
    this.#pages = 2 ** indexBits;
    this.#perTable = 1 / this.#pages;
    this.#inputPages = 2 ** (inputBits - 1) / granule;
    this.#outputPages = 2 ** outputBits / granule;
  }

  /**
   * Maps a range as pages, if that is short.
   * @param low bits of a page without its address, 31:0
   * @param high bits 63:32
   * @returns whether it did; if not, nothing has changed
   */
  map(input: number, output: number, size: number, low: number, high: number): boolean {
    const page = input * this.#perPage;
    const pages = size * this.#perPage;
    const frame = output * this.#perPage;
    if (!(frame >= 0 && frame + pages <= this.#outputPages && Math.floor(frame) === frame)) return false;
    const slot = this.#slotOf(page, pages);
    if (slot < 0) return false;
    const words = this.#words as Uint32Array;
    const format = this.#format;
    const index = this.#indexOf(slot, page);
    const end = index + ((2 * pages) | 0);
    for (let i = index; i < end; i += 2) if (format.isValid(words[i] as number)) return false;
    for (let i = index, at = output; i < end; i += 2, at += this.#granule) {
      words[i + 1] = high | format.addressHigh(at);
      words[i] = low | format.addressLow(at);
    }
    (this.#tables[slot] as TableRecord).live += pages;
    return true;
  }

  /**
   * Unmaps a range of pages, if that is short.
   * @returns bytes that were mapped, or -1 when nothing was done
   */
  unmap(input: number, size: number): number {
    const page = input * this.#perPage;
    const pages = size * this.#perPage;
    const slot = this.#slotOf(page, pages);
    if (slot < 0) return -1;
    const words = this.#words as Uint32Array;
    const table = this.#tables[slot] as TableRecord;
    const format = this.#format;
    const { low: lowMark, high: highMark } = format.contiguousBits;
    const index = this.#indexOf(slot, page);
    const end = index + ((2 * pages) | 0);
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

  /** The slot of the table that holds all pages of a range, or -1 when there is none or the range is wrong. */
  #slotOf(page: number, pages: number): number {
    // fewer than what a block covers: no entry above comes into question
    if (!(pages > 0 && pages < this.#pages && Math.floor(pages) === pages)) return -1;
    if (!(page >= 0 && page + pages <= this.#inputPages && Math.floor(page) === page)) return -1;
    const region = Math.floor(page * this.#perTable);
    if (page + pages > (region + 1) * this.#pages) return -1;
    const store = this.#store;
    if (this.#releases !== store.releases || this.#words !== store.memory.allWords?.()) this.#forget();
    const slot = region & (SLOTS - 1);
    return this.#regions[slot] === region || this.#learn(slot, region) ? slot : -1;
  }

  /** Where the words of a page's entry begin. */
  #indexOf(slot: number, page: number): number {
    // the low bits of the page's number, whatever is above
    return ((this.#starts[slot] as number) + 2 * (page & (this.#pages - 1))) | 0;
  }

  #forget(): void {
    this.#regions.fill(-1);
    this.#tables.fill(undefined);
    this.#releases = this.#store.releases;
    this.#words = this.#store.memory.allWords?.();
  }

  /** Notes the table of a region, if there is one, and memory has words for it. */
  #learn(slot: number, region: number): boolean {
    const table = this.#find(region * this.#pages * this.#granule);
    const start = table === undefined ? -1 : (this.#store.memory.wordIndexAt?.(table.address) ?? -1);
    if (start < 0 || this.#words === undefined) return false;
    this.#regions[slot] = region;
    this.#tables[slot] = table;
    this.#starts[slot] = start;
    return true;
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
}
