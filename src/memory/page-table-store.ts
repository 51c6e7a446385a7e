// TableStore: the tables of one tree as they lie in memory: making, clearing and giving back tables, windows on their
// entries, and the count of valid entries of each. The count is all that is kept outside of memory.
import type { LeafChoice, TableFormat, TableShape } from "./page-table-format.js";
import { checkAddress, type TableMemory, type TableStorage } from "./page-table-options.js";

const ENTRY_BYTES = 8;
/** Most bytes of a window: it lies inside one frame of memory. */
const WINDOW_BYTES = 65536;

/** What is known of a table outside of memory. */
export interface TableRecord {
  readonly address: number;
  /** Valid entries. */
  live: number;
}

/** The tables of one tree. Tables are named by their addresses, entries by their index. */
export class TableStore {
  // its methods do not depend on what leaves can say
  readonly format: TableFormat<LeafChoice>;
  readonly shape: TableShape;
  /** Empty tables stay in the tree. */
  readonly keepsEmpty: boolean;
  readonly root: number;
  readonly #storage: TableStorage;
  readonly memory: TableMemory;
  /** Tables given back so far: who remembers tables forgets them when it grows. */
  releases = 0;
  /** Bytes that an entry covers, by level + 1: a power costs more than the rest of a step through the levels. */
  readonly #steps: number[];
  readonly #indexMask: number;
  readonly #tables = new Map<number, TableRecord>();

  constructor(format: TableFormat<LeafChoice>, storage: TableStorage) {
    this.format = format;
    this.shape = format.shape;
    this.keepsEmpty = storage.keepEmptyTables ?? false;
    this.#storage = storage;
    this.memory = storage.memory;
    this.#steps = [-1, 0, 1, 2, 3].map((level) => 2 ** this.shape.shift(level));
    this.#indexMask = 2 ** this.shape.indexBits - 1;
    this.root = this.#make(this.shape.rootBytes);
  }

  /** Number of tables, the root included. */
  get tables(): number {
    return this.#tables.size;
  }

  /** Entries of every table but the root. */
  get entries(): number {
    return this.#indexMask + 1;
  }

  /** Bytes that one entry of a level covers. */
  step(level: number): number {
    return this.#steps[level + 1] as number;
  }

  /** Valid entries of a table. A table without any reads 0. */
  live(table: number): number {
    return this.#tables.get(table)?.live ?? 0;
  }

  /** What is known of a table of the tree. */
  record(table: number): TableRecord | undefined {
    return this.#tables.get(table);
  }

  /** Notes that a table has `change` more valid entries. */
  count(table: number, change: number): void {
    const record = this.#tables.get(table);
    if (record) record.live += change;
  }

  /** Makes an empty table of the size that all but the root have. */
  create(): number {
    return this.#make(this.shape.granule);
  }

  #make(bytes: number): number {
    const address = this.#storage.allocate(bytes, bytes);
    checkAddress("allocate", address, bytes, this.shape.outputBits);
    const table = Number(address);
    try {
      // a word of each frame first: a frame that is backed has windows
      for (let at = 0; at < bytes; at += WINDOW_BYTES) this.memory.writeU64(address + BigInt(at), 0n);
      this.#clear(table, bytes);
    } catch (error) {
      this.#storage.release?.(address, bytes);
      throw error;
    }
    this.#tables.set(table, { address: table, live: 0 });
    return table;
  }

  /** Gives a table back, cleared; nothing may point to it any more. */
  release(table: number): void {
    const bytes = table === this.root ? this.shape.rootBytes : this.shape.granule;
    if (this.live(table) > 0) this.#clear(table, bytes);
    this.#tables.delete(table);
    this.releases++;
    this.#storage.release?.(BigInt(table), bytes);
  }

  /** Gives all tables back. */
  dispose(): void {
    for (const table of [...this.#tables.keys()]) this.release(table);
  }

  #clear(table: number, bytes: number): void {
    for (let at = 0; at < bytes; at += WINDOW_BYTES) {
      const entries = Math.min(bytes - at, WINDOW_BYTES) / ENTRY_BYTES;
      this.edit(table, at / ENTRY_BYTES, entries, (words) => words.fill(0));
    }
  }

  /** The words of some entries, for reading; good until a table is made or memory is written elsewhere. */
  view(table: number, index: number, entries: number): Uint32Array {
    const at = table + index * ENTRY_BYTES;
    return this.memory.wordsAt?.(at, entries * ENTRY_BYTES) ?? this.#copy(at, entries);
  }

  /**
   * Lets `change` write the words of some entries: of one that becomes valid the high word first, of one that becomes
   * invalid the low word, so that units that walk meanwhile never meet half of one. It must not call anything that may
   * write memory elsewhere.
   */
  edit(table: number, index: number, entries: number, change: (words: Uint32Array) => void): void {
    const at = table + index * ENTRY_BYTES;
    const window = this.memory.wordsAt?.(at, entries * ENTRY_BYTES);
    if (window) {
      change(window);
      return;
    }
    const before = this.#copy(at, entries);
    const after = before.slice();
    change(after);
    this.#write(at, before, after);
  }

  /** Makes an entry point to a table. */
  link(table: number, index: number, child: number): void {
    const { tableBits } = this.format;
    this.edit(table, index, 1, (words) => {
      words[1] = tableBits.high | this.format.addressHigh(child);
      words[0] = tableBits.low | this.format.addressLow(child);
    });
  }

  #copy(at: number, entries: number): Uint32Array {
    const words = new Uint32Array(2 * entries);
    for (let i = 0; i < words.length; i += 2) {
      const entry = this.memory.readU64(BigInt(at + i * 4));
      words[i] = Number(entry & 0xffff_ffffn);
      words[i + 1] = Number(entry >> 32n);
    }
    return words;
  }

  #write(at: number, before: Uint32Array, after: Uint32Array): void {
    for (let i = 0; i < after.length; i += 2) {
      if (after[i] === before[i] && after[i + 1] === before[i + 1]) continue;
      this.memory.writeU64(BigInt(at + i * 4), entryOf(after, i));
    }
  }

  /** Index in a table of the entry for an input address; in the root over all concatenated tables. */
  index(level: number, at: number): number {
    const index = Math.floor(at / this.step(level));
    // the low 32 bits of the quotient hold the index of any table but the root
    return level === this.shape.startLevel ? index : (index >>> 0) & this.#indexMask;
  }
}

/** The entry whose low word is at `i`. */
export function entryOf(words: Uint32Array, i: number): bigint {
  return (BigInt(words[i + 1] as number) << 32n) | BigInt(words[i] as number);
}
