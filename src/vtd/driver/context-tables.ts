// The root table and the context tables of scalable mode: two context tables a bus, 128 device-functions each, made when
// the first endpoint in them is installed.
// Source: Intel VT-d Rev 5.10, sections 3.4.3, 9.2 and 9.4.

import type { Words } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import type { PhysicalMemory } from "../../memory/physical-memory.js";
import { SCE_BITS, SCE_FPD_LSB } from "../../spec/vtd/context-entry.js";
import { SRE_LP_LSB } from "../../spec/vtd/root-entry.js";

const ENTRY_BYTES = SCE_BITS / 8;
const TABLE_LG2 = 7;
const TABLE_BYTES = ENTRY_BYTES * 2 ** TABLE_LG2;
const ROOT_BYTES = 4096;
const MOST_STREAM = 0xffff;
const FPD = 1n << BigInt(SCE_FPD_LSB);

/** The context entries of all endpoints. */
export class ContextTables {
  /** Address of the root table. */
  readonly root: bigint;
  readonly #memory: PhysicalMemory;
  readonly #allocator: TableAllocator;
  /** Context tables by source-id / 128. */
  readonly #tables = new Map<number, bigint>();

  /** Makes an empty root table. */
  constructor(memory: PhysicalMemory, allocator: TableAllocator) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.root = allocator.allocate(ROOT_BYTES);
    // Backed now, so that a context table can always be linked.
    memory.fill(this.root, ROOT_BYTES, 0);
  }

  /**
   * Checks a source-id.
   *
   * @throws TypeError, RangeError for what is none
   */
  static check(stream: number): void {
    if (typeof stream !== "number") throw new TypeError(`"stream" expected number, got ${typeof stream}`);
    if (!Number.isInteger(stream) || stream < 0 || stream > MOST_STREAM) {
      throw new RangeError(`"stream" expected integer in 0..2^16-1, got ${stream}`);
    }
  }

  /**
   * Writes the entry of a source-id that has none.
   *
   * @param stream source-id
   * @param entry 32 bytes as words, present
   * @throws MemoryLimitError or RangeError when a table has no room; then nothing has changed
   */
  install(stream: number, entry: Words): void {
    const index = stream >>> TABLE_LG2;
    if (!this.#tables.has(index)) this.#addTable(index);
    const at = this.#address(stream);
    // The doubleword with P goes last.
    for (let n = 3; n >= 0; n--) {
      this.#memory.writeU64(at + BigInt(8 * n), BigInt(entry[2 * n]!) | (BigInt(entry[2 * n + 1]!) << 32n));
    }
  }

  /**
   * Says whether faults of an endpoint that qualify are kept out of the log (FPD).
   *
   * @param stream source-id, installed
   */
  silence(stream: number, isSilent: boolean): void {
    const at = this.#address(stream);
    const low = this.#memory.readU64(at);
    this.#memory.writeU64(at, isSilent ? low | FPD : low & ~FPD);
  }

  #addTable(index: number): void {
    const table = this.#allocator.allocate(TABLE_BYTES);
    try {
      this.#memory.fill(table, TABLE_BYTES, 0);
    } catch (error) {
      this.#allocator.release(table, TABLE_BYTES);
      throw error;
    }
    // Half a root entry each: the lower one for device-functions 0 to 127.
    this.#memory.writeU64(this.root + BigInt(8 * index), table | (1n << BigInt(SRE_LP_LSB)));
    this.#tables.set(index, table);
  }

  #address(stream: number): bigint {
    return this.#tables.get(stream >>> TABLE_LG2)! + BigInt((stream % 2 ** TABLE_LG2) * ENTRY_BYTES);
  }
}
