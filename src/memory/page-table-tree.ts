// TableTree: translation tables of any format in simulated memory, built as an operating system or a hypervisor does:
// map with the largest leaves that fit, map scattered pages, unmap with block splitting, look up.
//
// The tables in memory are the only copy; the builder keeps nothing but a count of valid entries per table. It must
// be the only writer, except for access flags and dirty bits. It issues no invalidations: that is the caller's part.
import type { EntryWords, LeafChoice, TableFormat } from "./page-table-format.js";
import { checkInteger } from "./page-table-geometry.js";
import { LeafTables } from "./page-table-leaf-tables.js";
import { LeafRun, type Leaves, ScatteredPages } from "./page-table-leaves.js";
import { Mapping } from "./page-table-mapping.js";
import { checkAddress, checkPages, type PageTableLookup, type TableStorage } from "./page-table-options.js";
import { Removal } from "./page-table-removal.js";
import { entryOf, TableStore } from "./page-table-store.js";

/** One tree of translation tables. `Attributes` is what its leaves can say. */
export class TableTree<Attributes extends LeafChoice> {
  /** Address of the root table. */
  readonly root: bigint;
  readonly #format: TableFormat<Attributes>;
  readonly #store: TableStore;
  readonly #leafTables: LeafTables;

  /** @internal */
  constructor(format: TableFormat<Attributes>, storage: TableStorage) {
    this.#format = format;
    this.#store = new TableStore(format, storage);
    this.#leafTables = new LeafTables(this.#store);
    this.root = BigInt(this.#store.root);
  }

  /** First level of the walk; 3 is the level of the smallest pages. */
  get startLevel(): number {
    return this.#format.shape.startLevel;
  }

  /** Tables in the tree; concatenated root tables count as one. */
  get tableCount(): number {
    return this.#store.tables;
  }

  /**
   * Maps a range that is not mapped, with the largest blocks and pages that fit.
   * @param input first input address, a multiple of the granule, below 2^inputBits; for stage 1 also an address of
   *   the upper half, sign-extended to 64 bits
   * @param output first output address, a multiple of the granule, below 2^outputBits
   * @param size bytes, a multiple of the granule, at least one
   * @param attributes permissions and attributes of every leaf; default: readable and writable data
   * @throws TypeError when a value has the wrong type; RangeError when it is out of range, when a part of the range
   *   is mapped already, or when the allocator has no room; MemoryLimitError when memory has none; then the tables
   *   are as they were
   */
  map(input: bigint, output: bigint, size: bigint, attributes: Attributes = {} as Attributes): void {
    const start = this.#range(input, size);
    const { granule, outputBits } = this.#format.shape;
    checkAddress("output", output, granule, outputBits);
    if (output + size > 1n << BigInt(outputBits)) {
      throw new RangeError(`"size" expected output + size <= 2^${outputBits}, got ${size}`);
    }
    const page = this.#page(attributes);
    this.#map(new LeafRun(this.#format, page, attributes, start, Number(size), Number(output)));
  }

  /**
   * Maps pages of the granule's size that lie anywhere, in a range that is not mapped.
   * @param input first input address, as for map
   * @param pages output address of each page, multiples of the granule below 2^outputBits
   * @param count how many of `pages`, at least 1
   * @param attributes permissions and attributes of every page, as for map
   * @throws as map
   */
  mapPages(
    input: bigint,
    pages: Float64Array,
    count: number,
    attributes: Attributes = {} as Attributes,
  ): void {
    if (!(pages instanceof Float64Array)) {
      throw new TypeError(`"pages" expected Float64Array, got ${typeof pages}`);
    }
    checkInteger("count", count, 1, pages.length);
    const { granule, outputBits } = this.#format.shape;
    const start = this.#range(input, BigInt(count) * BigInt(granule));
    checkPages(pages, count, granule, outputBits);
    const page = this.#page(attributes);
    this.#map(new ScatteredPages(this.#format, page, attributes, start, pages.subarray(0, count)));
  }

  /**
   * Removes a range; what is not mapped in it is passed over, and a block of which a part goes is split.
   * @param input first input address, as for map
   * @param size bytes, a multiple of the granule, at least one
   * @returns bytes that were mapped and no longer are
   * @throws TypeError when a value has the wrong type; RangeError when it is out of range; RangeError or
   *   MemoryLimitError when a block has to be split and there is no room for a table; then the tables are as they were
   */
  unmap(input: bigint, size: bigint): bigint {
    const start = this.#range(input, size);
    return BigInt(new Removal(this.#store).run(start, start + Number(size)));
  }

  /**
   * Binds attributes for many small mappings: what is inside one table of pages costs no bigint and no allocation.
   * @param attributes permissions and attributes of every leaf, as for map
   * @returns map for addresses and sizes that are numbers (exact: below 2^53)
   * @throws TypeError, RangeError as map, about attributes at once and about the rest by the function returned
   */
  mapper(attributes: Attributes = {} as Attributes): (input: number, output: number, size: number) => void {
    const page = this.#page(attributes);
    const { low, high } = this.#format.atLevel(page, 3);
    const small = attributes.contiguous !== true;
    return (input, output, size) => {
      if (small && this.#leafTables.map(input, output, size, low, high)) return;
      this.map(exact("input", input), exact("output", output), exact("size", size), attributes);
    };
  }

  /**
   * The same as unmap, for an address and size that are numbers (exact: below 2^53).
   * @param input first input address, as for map
   * @param size bytes, a multiple of the granule, at least one
   * @returns bytes that were mapped and no longer are
   * @throws as unmap
   */
  unmapAt(input: number, size: number): number {
    const removed = this.#leafTables.unmap(input, size);
    return removed >= 0 ? removed : Number(this.unmap(exact("input", input), exact("size", size)));
  }

  /**
   * Finds the leaf of an address by reading the tables.
   * @param input any input address, as for map
   * @returns the leaf, or undefined when the address is not mapped
   * @throws TypeError when the address is not a bigint; RangeError when it is out of range
   */
  lookup(input: bigint): PageTableLookup | undefined {
    const offset = this.#offset(input);
    const format = this.#format;
    const page = Number(offset - (offset % BigInt(format.shape.granule)));
    let table = this.#store.root;
    for (let level = format.shape.startLevel; ; level++) {
      const index = this.#store.index(level, page);
      const words = this.#store.view(table, index, 1);
      const low = words[0] as number;
      const high = words[1] as number;
      if (!format.isValid(low)) return undefined;
      if (format.isTable(low, level)) {
        table = format.address(low, high);
        continue;
      }
      const leafLg2 = format.shape.shift(level);
      const base = BigInt(Math.floor(format.address(low, high) / 2 ** leafLg2) * 2 ** leafLg2);
      const output = base | (offset & ((1n << BigInt(leafLg2)) - 1n));
      return { output, leafLg2, descriptor: entryOf(words, 0), address: BigInt(table + index * 8) };
    }
  }

  /** Gives every table back, the root included; nothing else can be done with this object afterwards. */
  dispose(): void {
    this.#store.dispose();
  }

  #map(leaves: Leaves): void {
    new Mapping(this.#store, leaves).run();
  }

  #page(attributes: Attributes): EntryWords {
    const { granuleLg2 } = this.#format.shape;
    checkInteger("attributes.maxLeafLg2", attributes.maxLeafLg2 ?? granuleLg2, granuleLg2, 52);
    return this.#format.leafBits(attributes);
  }

  /** Checks an input range and returns its start without sign extension. */
  #range(input: bigint, size: bigint): number {
    const start = this.#offset(input);
    const { granule, inputBits } = this.#format.shape;
    checkAddress("input", input, granule, 64);
    checkAddress("size", size, granule, 64);
    if (size === 0n || start + size > 1n << BigInt(inputBits)) {
      throw new RangeError(
        `"size" expected at least ${granule} and input + size <= 2^${inputBits}, got ${size}`,
      );
    }
    // where two halves have one root, no range goes from one to the other
    this.#format.inputOffset(input + size - 1n);
    return Number(start);
  }

  /** Checks one input address and returns it without sign extension. */
  #offset(input: bigint): bigint {
    if (this.#store.tables === 0) throw new TypeError("page table expected in use, got one after dispose()");
    checkAddress("input", input, 1, 64);
    return this.#format.inputOffset(input);
  }
}

/** A number as a bigint; throws unless it is an exact one. */
function exact(name: string, value: number): bigint {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected number, got ${typeof value}`);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`"${name}" expected an integer below 2^53, got ${value}`);
  return BigInt(value);
}
