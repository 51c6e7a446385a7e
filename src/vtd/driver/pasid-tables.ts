// The PASID directory of one endpoint and the PASID tables below it, one for 64 PASIDs, made when the first of them is
// written. Once made they stay, as in Linux: a directory entry that hardware has seen never changes.
// Source: Intel VT-d Rev 5.10, sections 3.4.3, 9.5 and 9.6.

import type { Words } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import type { PhysicalMemory } from "../../memory/physical-memory.js";
import { PASIDE_BITS, PASIDE_P_LSB, PDE_P_LSB } from "../../spec/vtd/pasid-entry.js";

const FEWEST_BITS = 13;
const TABLE_LG2 = 6;
const ENTRY_BYTES = PASIDE_BITS / 8;
const TABLE_BYTES = ENTRY_BYTES * 2 ** TABLE_LG2;
/** A directory is aligned to it, and is no smaller. */
const PAGE_BYTES = 4096;
const PRESENT = 1n << BigInt(PASIDE_P_LSB);

/** The PASID entries of one endpoint. */
export class PasidTables {
  /** Address of the directory. */
  readonly directory: bigint;
  /** Bits of PASID that it resolves, 13..20. */
  readonly bits: number;
  readonly #memory: PhysicalMemory;
  readonly #allocator: TableAllocator;
  /** Tables by index in the directory. */
  readonly #tables = new Map<number, bigint>();

  /**
   * Makes a directory without tables but that of PASID 0, so that its entry can always be written.
   *
   * @param memory where it goes
   * @param allocator its places
   * @param pasidBits bits of a PASID that the endpoint has, 0..20
   * @throws MemoryLimitError or RangeError when there is no room; then nothing is taken
   */
  constructor(memory: PhysicalMemory, allocator: TableAllocator, pasidBits: number) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.bits = Math.max(pasidBits, FEWEST_BITS);
    this.directory = allocator.allocate(this.#directoryBytes);
    try {
      // Backed now, so that a table that has room can always be linked.
      memory.fill(this.directory, this.#directoryBytes, 0);
      this.#addTable(0);
    } catch (error) {
      allocator.release(this.directory, this.#directoryBytes);
      throw error;
    }
  }

  /** Gives everything back: the endpoint was not made known after all. */
  release(): void {
    for (const table of this.#tables.values()) this.#allocator.release(table, TABLE_BYTES);
    this.#allocator.release(this.directory, this.#directoryBytes);
  }

  /**
   * Writes the entry of a PASID that is not present.
   *
   * @param pasid 0..2^bits-1
   * @param entry 64 bytes as words, present
   * @throws MemoryLimitError or RangeError when a table has no room; then nothing has changed
   */
  write(pasid: number, entry: Words): void {
    const index = pasid >>> TABLE_LG2;
    if (!this.#tables.has(index)) this.#addTable(index);
    const at = this.#address(pasid);
    // The doubleword with P goes last.
    for (let n = 7; n >= 0; n--) this.#memory.writeU64(at + BigInt(8 * n), doubleword(entry, n));
  }

  /** Takes the entry of a PASID away, which was present: P goes first. */
  clear(pasid: number): void {
    const at = this.#address(pasid);
    this.#memory.writeU64(at, this.#memory.readU64(at) & ~PRESENT);
    for (let n = 0; n < 8; n++) this.#memory.writeU64(at + BigInt(8 * n), 0n);
  }

  get #directoryBytes(): number {
    return Math.max(8 * 2 ** (this.bits - TABLE_LG2), PAGE_BYTES);
  }

  #addTable(index: number): void {
    const table = this.#allocator.allocate(TABLE_BYTES);
    try {
      this.#memory.fill(table, TABLE_BYTES, 0);
    } catch (error) {
      this.#allocator.release(table, TABLE_BYTES);
      throw error;
    }
    this.#memory.writeU64(this.directory + BigInt(8 * index), table | (1n << BigInt(PDE_P_LSB)));
    this.#tables.set(index, table);
  }

  #address(pasid: number): bigint {
    const table = this.#tables.get(pasid >>> TABLE_LG2)!;
    return table + BigInt((pasid % 2 ** TABLE_LG2) * ENTRY_BYTES);
  }
}

function doubleword(words: Words, n: number): bigint {
  return BigInt(words[2 * n]!) | (BigInt(words[2 * n + 1]!) << 32n);
}
