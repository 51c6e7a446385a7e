// The address spaces of the benchmark, whatever their table format: data pages from DATA_IOVA on at one stage, or at two
// where the guest's own tables lie in its address space, too. Every stream has its data at an address of its own, above 2^36,
// so that addresses need more than 32 bits; tables lie below WINDOW, so that a yardstick can copy them to a flat array.
import { type LeafAttributes, TableAllocator, type TableMemory } from "nested-iommu";

/** Bytes from address 0 that hold every table. */
export const WINDOW = 16 * 1024 * 1024;
/** Input address of the first data page of every space. */
export const DATA_IOVA = 0x20_4000_0000n;
/** Bytes of a large space. */
export const BIG_SIZE = 1n << 30n;
/** Leaves of 4 KiB. */
export const PAGES: LeafAttributes = { read: true, write: true, user: true, global: false, maxLeafLg2: 12 };

const TABLE_GPA = 0x4000_0000n;
const DATA_GPA = 0x1_4000_0000n;
const DATA_PA = 0x10_0000_0000n;
const SPACE_PA = 0x2_0000_0000n; // 8 GiB of data addresses a space

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
 * @returns byte address
 */
export function expectedPa(stream: number, iova: bigint): bigint {
  return dataPa(stream) + (iova - DATA_IOVA);
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
  const host = storage.allocate(bytes, 4096);
  const guest = new TableAllocator(TABLE_GPA, BigInt(bytes));

  const stage2 = make.stage2(storage);
  stage2.map(TABLE_GPA, host, BigInt(bytes), { read: true, write: true, maxLeafLg2: 12 });
  for (const { offset, size, attributes } of mappings) {
    stage2.map(DATA_GPA + offset, dataPa(stream) + offset, size, attributes);
  }

  const view = guestView(storage.memory, host);
  const page = guest.allocate(4096, 4096);
  const stage1 = make.stage1({ memory: view, allocate: (size, align) => guest.allocate(size, align) });
  for (const { offset, size, attributes } of mappings) {
    stage1.map(DATA_IOVA + offset, DATA_GPA + offset, size, attributes);
  }
  return { stage1, stage2, page, view };
}

/** One level of indirection: writes at a guest address land where stage 2 puts them. */
function guestView(memory: TableMemory, host: bigint): TableMemory {
  const pa = (address: bigint): bigint => address - TABLE_GPA + host;
  return {
    readU64: (address) => memory.readU64(pa(address)),
    writeU64: (address, value) => memory.writeU64(pa(address), value),
  };
}
