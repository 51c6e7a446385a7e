// What a PageTable is made from and what it gives back, and the checks of its addresses.
import type { GeometryOptions } from "./page-table-geometry.js";

/** Memory that holds tables; PhysicalMemory is one, a view of IPA space adds an offset. */
export interface TableMemory {
  /** Reads 8 bytes, little-endian. */
  readU64(address: bigint): bigint;
  /** Writes 8 bytes, little-endian. */
  writeU64(address: bigint, value: bigint): void;
  /** @internal PhysicalMemory.wordsAt; where it is absent or gives nothing, words are read and written one by one. */
  wordsAt?(address: number, bytes: number): Uint32Array | undefined;
  /** @internal PhysicalMemory.wordIndexAt; absent or negative: as with wordsAt. */
  wordIndexAt?(address: number): number;
  /** @internal PhysicalMemory.allWords. */
  allWords?(): Uint32Array;
}

/** Where the tables of a tree go, whatever their format. */
export interface TableStorage {
  /** Returns the address of a block, a multiple of `align`, whatever it holds; TableAllocator.allocate is one. */
  allocate(bytes: number, align: number): bigint;
  /** Takes back a table that became empty (it reads 0 again); default: it is not used again. */
  release?(address: bigint, bytes: number): void;
  /**
   * Leave a table in place when its last entry goes, as Linux does, so that a cached table pointer stays right
   * after an invalidation with Leaf = 1; a block that is mapped there later replaces it. Default false.
   */
  keepEmptyTables?: boolean;
  /** Where the tables are written. */
  memory: TableMemory;
}

/** Shape of a PageTable and where its tables go. */
export interface PageTableOptions extends GeometryOptions, TableStorage {}

/** What a PageTable has for an input address. */
export interface PageTableLookup {
  /** Output address of this byte. */
  output: bigint;
  /** Log2 of the bytes of the block or page, the Contiguous bit not counted. */
  leafLg2: number;
  /** The leaf's descriptor. */
  descriptor: bigint;
  /** Address of the descriptor. */
  address: bigint;
}

/** The error for a map over a mapping. */
export function mapped(at: number): RangeError {
  return new RangeError(`"input" expected a range that is not mapped, got a mapping at 0x${at.toString(16)}`);
}

/** Throws unless `value` is a bigint below 2^bits and a multiple of `align`. */
export function checkAddress(name: string, value: unknown, align: number, bits: number): void {
  if (typeof value !== "bigint") throw new TypeError(`"${name}" expected bigint, got ${typeof value}`);
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw new RangeError(
      `"${name}" expected bigint in 0..2^${bits}-1, got ${value < 0n ? value : `0x${value.toString(16)}`}`,
    );
  }
  if (value % BigInt(align) !== 0n) {
    throw new RangeError(`"${name}" expected a multiple of ${align}, got 0x${value.toString(16)}`);
  }
}

/** Throws unless each of the first `count` numbers is a multiple of `align`, a power of two, below 2^bits. */
export function checkPages(pages: Float64Array, count: number, align: number, bits: number): void {
  const scale = 1 / align;
  const limit = 2 ** bits * scale;
  for (let i = 0; i < count; i++) {
    const number = (pages[i] as number) * scale;
    if (number >= 0 && number < limit && Math.floor(number) === number) continue;
    throw new RangeError(`"pages[${i}]" expected a multiple of ${align} in 0..2^${bits}-1, got ${pages[i]}`);
  }
}
