// The address spaces of the benchmark, whatever their table format: data pages from DATA_IOVA on at one stage, or at two
// where the guest's own tables lie in its address space, too. Every stream has its data at an address of its own, above 2^36,
// so that addresses need more than 32 bits. Tables are written into an image of low memory once, and copied from there into
// every machine and yardstick.
import { type LeafAttributes, TableAllocator, type TableMemory } from "nested-iommu";

/** Bytes from address 0 that hold every table. */
export const WINDOW = 80 * 1024 * 1024;
/** Addresses below this hold structures; tables follow. */
export const TABLES_BASE = 0x40000n;
/** Input address of the first data page of every space. */
export const DATA_IOVA = 0x20_4000_0000n;
/** Bytes of a large space. */
export const BIG_SIZE = 1n << 30n;
/** Leaves of 4 KiB. */
export const PAGES: LeafAttributes = { read: true, write: true, user: true, global: false, maxLeafLg2: 12 };

const TABLE_GPA = 0x4000_0000n;
/** Where a guest's data lies in its address space. */
export const DATA_GPA = 0x1_4000_0000n;
const DATA_PA = 0x10_0000_0000n;
const SPACE_PA = 0x2_0000_0000n; // 8 GiB of data addresses a space
/** Bytes of data addresses that each PASID of a stream has. */
export const PASID_BYTES = 2 ** 27;

/** A part of a space. */
export interface Mapping {
  /** From the first data page. */
  readonly offset: bigint;
  readonly size: bigint;
  readonly attributes: LeafAttributes;
}

/** Where a table goes. */
export interface Storage {
  allocate(bytes: number, align: number): bigint;
  memory: TableMemory;
}

/** Translation tables of a stage. */
export interface StageTable {
  readonly root: bigint;
  map(input: bigint, output: bigint, size: bigint, attributes: LeafAttributes): void;
}

/** Makes the tables of a stage in some format. */
export type MakeTable = (storage: Storage) => StageTable;

/** A space of two stages. */
export interface NestedSpace {
  readonly stage1: StageTable;
  readonly stage2: StageTable;
  /** A page of the guest beside its tables, and the memory as the guest sees it. */
  readonly page: bigint;
  readonly view: TableMemory;
}

/** Low memory as bytes, written beforehand. */
export type Image = Uint8Array<ArrayBuffer>;

/**
 * Writes tables into an image.
 *
 * @param write writes into the memory that it gets, addresses 0..WINDOW-1
 * @returns what has been written, without the zeros behind it, in whole frames of 64 KiB
 */
export function makeImage(write: (memory: TableMemory) => void): Image {
  const words = new BigUint64Array(WINDOW / 8);
  let last = 0;
  write({
    readU64: (address) => words[Number(address >> 3n)]!,
    writeU64: (address, value) => {
      const word = Number(address >> 3n);
      words[word] = value;
      last = Math.max(last, word);
    },
  });
  return new Uint8Array(words.buffer.slice(0, Math.ceil((last + 1) / 8192) * 65536));
}

/**
 * Makes room for tables in a memory.
 *
 * @param memory where to
 * @returns memory and allocator
 */
export function storageIn(memory: TableMemory): Storage {
  const pool = new TableAllocator(TABLES_BASE, BigInt(WINDOW) - TABLES_BASE);
  return { memory, allocate: (size, align) => pool.allocate(size, align) };
}

/**
 * The physical address of a stream's first data page.
 *
 * @param stream a configured stream
 * @returns byte address
 */
export function dataPa(stream: number): bigint {
  return DATA_PA + BigInt(stream) * SPACE_PA;
}

/**
 * The physical address a stream's data address has, from the layout alone.
 *
 * @param stream a configured stream
 * @param iova an address the stream has mapped
 * @param pasid SubstreamID, where each has pages of its own
 * @returns byte address
 */
export function expectedPa(stream: number, iova: bigint, pasid = 0): bigint {
  return dataPa(stream) + BigInt(pasid * PASID_BYTES) + (iova - DATA_IOVA);
}

/**
 * Writes a space of one stage.
 *
 * @param storage where to
 * @param make the format
 * @param mappings what it maps
 * @param stream whose data it leads to
 * @returns the tables
 */
export function writeSingleSpace(
  storage: Storage,
  make: MakeTable,
  mappings: readonly Mapping[],
  stream: number,
): StageTable {
  const table = make(storage);
  for (const { offset, size, attributes } of mappings) {
    table.map(DATA_IOVA + offset, dataPa(stream) + offset, size, attributes);
  }
  return table;
}

/**
 * Writes a space of two stages. The guest's own tables are a run of host pages that the guest sees at TABLE_GPA.
 *
 * @param storage where to
 * @param make the formats of both stages
 * @param mappings what it maps
 * @param stream whose data it leads to
 * @param bytes how much the guest has for its own tables, a multiple of 4096
 * @returns the tables
 */
export function writeNestedSpace(
  storage: Storage,
  make: { stage1: MakeTable; stage2: MakeTable },
  mappings: readonly Mapping[],
  stream: number,
  bytes: number,
): NestedSpace {
  const { guest, stage2 } = writeGuest(storage, make.stage2, mappings, stream, bytes);
  const page = guest.allocate(4096, 4096);
  const stage1 = make.stage1(guest);
  for (const { offset, size, attributes } of mappings) {
    stage1.map(DATA_IOVA + offset, DATA_GPA + offset, size, attributes);
  }
  return { stage1, stage2, page, view: guest.memory };
}

/**
 * Writes the stage 2 of a guest: a run of host pages for the guest's own tables at TABLE_GPA, and its data.
 *
 * @param storage where to
 * @param make the format
 * @param mappings what the guest has beside the tables
 * @param stream whose data it leads to
 * @param bytes how much the guest has for its own tables, a multiple of 4096
 * @returns the guest's memory as the guest sees it, and stage 2
 */
export function writeGuest(
  storage: Storage,
  make: MakeTable,
  mappings: readonly Mapping[],
  stream: number,
  bytes: number,
): { guest: Storage; stage2: StageTable } {
  const host = storage.allocate(bytes, 4096);
  const stage2 = make(storage);
  stage2.map(TABLE_GPA, host, BigInt(bytes), { read: true, write: true, maxLeafLg2: 12 });
  for (const { offset, size, attributes } of mappings) {
    stage2.map(DATA_GPA + offset, dataPa(stream) + offset, size, attributes);
  }
  const pool = new TableAllocator(TABLE_GPA, BigInt(bytes));
  const allocate = (size: number, align: number): bigint => pool.allocate(size, align);
  return { guest: { memory: guestView(storage.memory, host), allocate }, stage2 };
}

/** One level of indirection: writes at a guest address land where stage 2 puts them. */
function guestView(memory: TableMemory, host: bigint): TableMemory {
  const pa = (address: bigint): bigint => address - TABLE_GPA + host;
  return {
    readU64: (address) => memory.readU64(pa(address)),
    writeU64: (address, value) => memory.writeU64(pa(address), value),
  };
}
