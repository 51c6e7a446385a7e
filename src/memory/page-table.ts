// PageTable: builds VMSAv8-64 translation tables of either stage in simulated memory, as an operating system or a
// hypervisor does: map with the largest leaves that fit, unmap with block splitting, look up.
// Source: Arm DDI 0487 M.a, D8.2 (levels, concatenated stage-2 roots), D8.3 (descriptors), D8.7 (Contiguous bit).
//
// The tables in memory are the only copy; the builder keeps nothing but a count of valid entries per table. It must
// be the only writer, except for access flags and dirty bits. It issues no invalidations: that is the caller's part.

import { checkInteger, Geometry } from "./page-table-geometry.js";
import {
  addressMask,
  atLevel,
  CONTIGUOUS,
  decodeAddress,
  encodeAddress,
  isTable,
  isValid,
  type LeafAttributes,
  leafBits,
  tableEntry,
} from "./page-table-leaf.js";
import {
  checkAddress,
  mapped,
  type PageTableLookup,
  type PageTableOptions,
  type TableMemory,
} from "./page-table-options.js";

export type { PageTableLookup, PageTableOptions, TableMemory } from "./page-table-options.js";

/** A map call on its way through the levels; input addresses without sign extension. */
interface Mapping {
  /** Leaf descriptor without address. */
  bits: bigint;
  contiguous: boolean;
  maxLeafLg2: number;
  start: number;
  end: number;
  /** Output minus input address. */
  delta: number;
  /** Everything below this input address is mapped. */
  done: number;
}

/** One translation table tree in simulated memory. */
export class PageTable {
  /** Address of the root table: CD.TTBx or STE.S2TTB. */
  readonly root: bigint;
  /** Levels, shifts and sizes. */
  readonly geometry: Geometry;
  readonly #memory: TableMemory;
  readonly #options: PageTableOptions;
  /** Valid entries by table address. */
  readonly #live = new Map<bigint, number>();

  /**
   * @param options shape, allocator and memory
   * @throws RangeError when the shape is not one the architecture has; TypeError when a value has the wrong type
   * @example
   * const tables = new TableAllocator(0x8000_0000n, 0x100_0000n);
   * const stage1 = new PageTable({
   *   stage: 1, granule: 4096, inputBits: 48, memory: smmu.memory,
   *   allocate: (bytes, align) => tables.allocate(bytes, align),
   * });
   * stage1.map(0x1000_0000n, 0x4000_0000n, 0x20_0000n); // one 2 MiB block
   */
  constructor(options: PageTableOptions) {
    this.geometry = new Geometry(options);
    this.#options = options;
    this.#memory = options.memory;
    this.root = this.#newTable(this.geometry.rootBytes);
  }

  /** First level of the walk, -1..3. */
  get startLevel(): number {
    return this.geometry.startLevel;
  }

  /** Tables in the tree; concatenated root tables count as one. */
  get tableCount(): number {
    return this.#live.size;
  }

  /**
   * Maps a range that is not mapped, with the largest blocks and pages that fit.
   * @param input first input address, a multiple of the granule, below 2^inputBits; for stage 1 also an address of
   *   the upper half, sign-extended to 64 bits
   * @param output first output address, a multiple of the granule, below 2^outputBits
   * @param size bytes, a multiple of the granule, at least one
   * @param attributes permissions and attributes of every leaf; default: readable and writable data
   * @throws TypeError when a value has the wrong type; RangeError when it is out of range, when a part of the range
   *   is mapped already, or when the allocator has no room; then nothing of the range stays mapped
   */
  map(input: bigint, output: bigint, size: bigint, attributes: LeafAttributes = {}): void {
    const start = this.#range(input, size);
    const { granule, granuleLg2, outputBits } = this.geometry;
    checkAddress("output", output, granule, outputBits);
    if (output + size > 1n << BigInt(outputBits)) {
      throw new RangeError(`"size" expected output + size <= 2^${outputBits}, got ${size}`);
    }
    const { contiguous = false, maxLeafLg2 = 52 } = attributes;
    checkInteger("attributes.maxLeafLg2", maxLeafLg2, granuleLg2, 52);
    const bits = leafBits(this.geometry, attributes);
    const end = start + Number(size);
    const mapping: Mapping = {
      bits,
      contiguous,
      maxLeafLg2,
      start,
      end,
      delta: Number(output) - start,
      done: start,
    };
    try {
      this.#map(mapping, this.root, this.startLevel, start, end);
    } catch (error) {
      if (mapping.done > start) this.#unmap(this.root, this.startLevel, start, mapping.done);
      throw error;
    }
  }

  /**
   * Removes a range; what is not mapped in it is passed over, and a block of which a part goes is split.
   * @param input first input address, as for map
   * @param size bytes, a multiple of the granule, at least one
   * @returns bytes that were mapped and no longer are
   * @throws TypeError when a value has the wrong type; RangeError when it is out of range, or when a block has to be
   *   split and the allocator has no room (then the range before that block is gone, the rest is as it was)
   */
  unmap(input: bigint, size: bigint): bigint {
    const start = this.#range(input, size);
    return BigInt(this.#unmap(this.root, this.startLevel, start, start + Number(size)));
  }

  /**
   * Finds the leaf of an address by reading the tables.
   * @param input any input address, as for map
   * @returns the leaf, or undefined when the address is not mapped
   * @throws TypeError when the address is not a bigint; RangeError when it is out of range
   */
  lookup(input: bigint): PageTableLookup | undefined {
    const at = this.#input(input);
    let table = this.root;
    for (let level = this.startLevel; ; level++) {
      const address = table + BigInt(this.#index(level, at) * 8);
      const entry = this.#memory.readU64(address);
      if (!isValid(entry)) return undefined;
      if (isTable(entry, level)) {
        table = decodeAddress(this.geometry, entry);
        continue;
      }
      const leafLg2 = this.geometry.shift(level);
      const offset = BigInt(at) & ((1n << BigInt(leafLg2)) - 1n);
      const base = (decodeAddress(this.geometry, entry) >> BigInt(leafLg2)) << BigInt(leafLg2);
      return { output: base | offset, leafLg2, descriptor: entry, address };
    }
  }

  #map(mapping: Mapping, table: bigint, level: number, from: number, to: number): void {
    const shift = this.geometry.shift(level);
    const step = 2 ** shift;
    const leafFits = this.geometry.mayHoldLeaf(level) && shift <= mapping.maxLeafLg2;
    for (let at = from; at < to; ) {
      const next = Math.min(to, (Math.floor(at / step) + 1) * step);
      const slot = table + BigInt(this.#index(level, at) * 8);
      const entry = this.#memory.readU64(slot);
      if (leafFits && next - at === step && (at + mapping.delta) % step === 0) {
        this.#checkVacant(entry, level, at);
        this.#memory.writeU64(slot, this.#leaf(mapping, level, at));
        if (!isValid(entry)) this.#count(table, 1);
        mapping.done = next;
      } else if (isValid(entry)) {
        if (!isTable(entry, level)) throw mapped(at);
        this.#map(mapping, decodeAddress(this.geometry, entry), level + 1, at, next);
      } else {
        this.#mapNew(mapping, table, slot, level, at, next);
      }
      at = next;
    }
  }

  /** Maps from..to through a new table below `slot`. */
  #mapNew(mapping: Mapping, table: bigint, slot: bigint, level: number, from: number, to: number): void {
    const child = this.#newTable(this.geometry.granule);
    this.#memory.writeU64(slot, tableEntry(this.geometry, child));
    this.#count(table, 1);
    try {
      this.#map(mapping, child, level + 1, from, to);
    } catch (error) {
      this.#dropIfEmpty(table, slot, child);
      throw error;
    }
  }

  /** A leaf may be written over nothing, or over an empty table that keepEmptyTables left behind. */
  #checkVacant(entry: bigint, level: number, at: number): void {
    if (!isValid(entry)) return;
    if (!isTable(entry, level)) throw mapped(at);
    this.#releaseEmptyTree(decodeAddress(this.geometry, entry), level + 1, at);
  }

  #releaseEmptyTree(table: bigint, level: number, at: number): void {
    const below: bigint[] = [];
    if (this.#live.get(table) !== 0) {
      for (let index = 0; index < 2 ** this.geometry.indexBits; index++) {
        const entry = this.#memory.readU64(table + BigInt(index * 8));
        if (!isValid(entry)) continue;
        if (!isTable(entry, level)) throw mapped(at + index * 2 ** this.geometry.shift(level));
        below.push(BigInt(index * 8));
      }
    }
    for (const offset of below) {
      const entry = this.#memory.readU64(table + offset);
      this.#releaseEmptyTree(decodeAddress(this.geometry, entry), level + 1, at);
      this.#memory.writeU64(table + offset, 0n);
      this.#count(table, -1);
    }
    this.#live.delete(table);
    this.#options.release?.(table, this.geometry.granule);
  }

  #leaf(mapping: Mapping, level: number, input: number): bigint {
    const { bits, contiguous, start, end, delta } = mapping;
    const entry = atLevel(bits, level) | encodeAddress(this.geometry, BigInt(input + delta));
    const entries = this.geometry.contiguousEntries(level);
    if (!contiguous || entries === 1) return entry;
    const run = entries * 2 ** this.geometry.shift(level);
    const first = Math.floor(input / run) * run;
    const whole = first >= start && first + run <= end && (first + delta) % run === 0;
    return whole ? entry | CONTIGUOUS : entry;
  }

  #unmap(table: bigint, level: number, from: number, to: number): number {
    const step = 2 ** this.geometry.shift(level);
    let removed = 0;
    for (let at = from; at < to; ) {
      const next = Math.min(to, (Math.floor(at / step) + 1) * step);
      const slot = table + BigInt(this.#index(level, at) * 8);
      let entry = this.#memory.readU64(slot);
      if (isValid(entry) && !isTable(entry, level)) {
        if ((entry & CONTIGUOUS) !== 0n) entry = this.#breakRun(table, level, at, from, to);
        if (next - at === step) {
          this.#memory.writeU64(slot, 0n);
          this.#count(table, -1);
          removed += step;
        } else {
          entry = this.#split(slot, entry, level);
        }
      }
      if (isValid(entry) && isTable(entry, level)) {
        const child = decodeAddress(this.geometry, entry);
        removed += this.#unmap(child, level + 1, at, next);
        this.#dropIfEmpty(table, slot, child);
      }
      at = next;
    }
    return removed;
  }

  /** Takes the Contiguous bit off a run of which only a part goes; returns the entry of `at`. */
  #breakRun(table: bigint, level: number, at: number, from: number, to: number): bigint {
    const step = 2 ** this.geometry.shift(level);
    const run = this.geometry.contiguousEntries(level) * step;
    const first = Math.floor(at / run) * run;
    if (first < from || first + run > to) {
      for (let input = first; input < first + run; input += step) {
        const slot = table + BigInt(this.#index(level, input) * 8);
        const entry = this.#memory.readU64(slot);
        if (isValid(entry) && !isTable(entry, level)) this.#memory.writeU64(slot, entry & ~CONTIGUOUS);
      }
    }
    return this.#memory.readU64(table + BigInt(this.#index(level, at) * 8));
  }

  /** Replaces a block by a table of the next size with the same attributes; returns the table's entry. */
  #split(slot: bigint, entry: bigint, level: number): bigint {
    const child = this.#newTable(this.geometry.granule);
    const step = 1n << BigInt(this.geometry.shift(level + 1));
    const bits = atLevel(entry & ~addressMask(this.geometry) & ~CONTIGUOUS, level + 1);
    const entries = 2 ** this.geometry.indexBits;
    let output = decodeAddress(this.geometry, entry);
    for (let index = 0; index < entries; index++) {
      this.#memory.writeU64(child + BigInt(index * 8), bits | encodeAddress(this.geometry, output));
      output += step;
    }
    this.#count(child, entries);
    const replaced = tableEntry(this.geometry, child);
    this.#memory.writeU64(slot, replaced);
    return replaced;
  }

  #dropIfEmpty(table: bigint, slot: bigint, child: bigint): void {
    if (this.#options.keepEmptyTables || this.#live.get(child) !== 0) return;
    this.#memory.writeU64(slot, 0n);
    this.#count(table, -1);
    this.#live.delete(child);
    this.#options.release?.(child, this.geometry.granule);
  }

  #newTable(bytes: number): bigint {
    const address = this.#options.allocate(bytes, bytes);
    checkAddress("allocate", address, bytes, this.geometry.outputBits);
    this.#live.set(address, 0);
    return address;
  }

  #count(table: bigint, change: number): void {
    this.#live.set(table, (this.#live.get(table) ?? 0) + change);
  }

  /** Index in the table of a level; at the first level over all concatenated tables. */
  #index(level: number, at: number): number {
    const index = Math.floor(at / 2 ** this.geometry.shift(level));
    return level === this.startLevel ? index : index % 2 ** this.geometry.indexBits;
  }

  /** Checks an input range and returns its start without sign extension. */
  #range(input: bigint, size: bigint): number {
    const start = this.#input(input);
    const { granule, inputBits } = this.geometry;
    checkAddress("input", input, granule, 64);
    checkAddress("size", size, granule, 53);
    if (size === 0n || BigInt(start) + size > 1n << BigInt(inputBits)) {
      throw new RangeError(
        `"size" expected at least ${granule} and input + size <= 2^${inputBits}, got ${size}`,
      );
    }
    return start;
  }

  /** Checks one input address and returns it without sign extension. */
  #input(input: bigint): number {
    checkAddress("input", input, 1, 64);
    const bits = BigInt(this.geometry.inputBits);
    const upper = this.geometry.stage === 1 && input >> bits === (1n << (64n - bits)) - 1n;
    const start = upper ? input & ((1n << bits) - 1n) : input;
    if (start >> bits !== 0n) {
      throw new RangeError(`"input" expected bigint in 0..2^${bits}-1, got 0x${input.toString(16)}`);
    }
    return Number(start);
  }
}
