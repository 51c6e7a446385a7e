// The machine of the benchmark: 66 streams behind one SMMUv3, each nested, with its own ASID, VMID, stage-1 and stage-2
// tables (4K granules, four levels each), written into simulated memory as a driver would write them.
// Arm IHI 0070 G.b 5.2 (STE) and 5.4 (CD). Tables lie below WINDOW, so that the yardstick can copy them to a flat array;
// data pages lie above 2^36, so that addresses need more than 32 bits on both sides.
import { type LeafAttributes, PageTable, TableAllocator, type TableMemory } from "nested-iommu";

/** Bytes from address 0 that hold every table. */
export const WINDOW = 16 * 1024 * 1024;
/** Byte address of the linear stream table. */
export const STREAM_TABLE = 0x10000;
/** log2 of its entries. */
export const STREAM_TABLE_LG2 = 7;

/** Streams 0..63: a small space each. */
export const SMALL_STREAMS = 64;
/** Pages of 4K of each small space. */
export const SMALL_PAGES = 24;
/** The stream whose space is 1 GiB in 4K pages. */
export const BIG_STREAM = 100;
/** The stream whose space mixes leaf sizes. */
export const MIXED_STREAM = 101;
/** IOVA of the first data page of every space. */
export const DATA_IOVA = 0x20_4000_0000n;
export const BIG_SIZE = 1n << 30n;

/** The areas of the mixed space: leaf size, IOVA offset from DATA_IOVA, number of leaves. */
export const MIXED_AREAS = [
  { leafLg2: 12, offset: 0n, count: 256 },
  { leafLg2: 16, offset: 0x1000_0000n, count: 128 },
  { leafLg2: 21, offset: 0x2000_0000n, count: 128 },
  { leafLg2: 30, offset: 0x4000_0000n, count: 4 },
] as const;

const TABLE_IPA = 0x4000_0000n;
const DATA_IPA = 0x1_4000_0000n;
const DATA_PA = 0x10_0000_0000n;
const SPACE_PA = 0x2_0000_0000n; // 8 GiB of data addresses a space

/**
 * The physical address a stream's data address has, from the layout alone.
 *
 * @param stream a configured StreamID
 * @param iova an address the stream has mapped
 * @returns byte address
 */
export function expectedPa(stream: number, iova: bigint): bigint {
  return DATA_PA + BigInt(stream) * SPACE_PA + (iova - DATA_IOVA);
}

/** One level of indirection: writes at an IPA land where stage 2 puts them. */
function ipaView(memory: TableMemory, ipa: bigint, pa: bigint): TableMemory {
  return {
    readU64: (address) => memory.readU64(address - ipa + pa),
    writeU64: (address, value) => memory.writeU64(address - ipa + pa, value),
  };
}

interface Mapping {
  offset: bigint;
  size: bigint;
  attributes: LeafAttributes;
}

const PAGES: LeafAttributes = { read: true, write: true, user: true, global: false, maxLeafLg2: 12 };

function mappingsOf(stream: number): Mapping[] {
  if (stream === BIG_STREAM) return [{ offset: 0n, size: BIG_SIZE, attributes: PAGES }];
  if (stream !== MIXED_STREAM) return [{ offset: 0n, size: BigInt(SMALL_PAGES) << 12n, attributes: PAGES }];
  return MIXED_AREAS.map(({ leafLg2, offset, count }) => ({
    offset,
    size: BigInt(count) << BigInt(leafLg2),
    attributes: { ...PAGES, maxLeafLg2: leafLg2 === 16 ? 12 : leafLg2, contiguous: leafLg2 === 16 },
  }));
}

/**
 * Writes the stream table and the tables of every stream.
 *
 * @param memory where to; addresses 0..WINDOW-1 are written
 */
export function writeTables(memory: TableMemory): void {
  const pool = new TableAllocator(0x40000n, BigInt(WINDOW) - 0x40000n);
  const streams = [...Array(SMALL_STREAMS).keys(), BIG_STREAM, MIXED_STREAM];
  for (const stream of streams) writeSpace(memory, pool, stream);
}

function writeSpace(memory: TableMemory, pool: TableAllocator, stream: number): void {
  const mappings = mappingsOf(stream);
  const pa = DATA_PA + BigInt(stream) * SPACE_PA;
  // The guest's own tables: a run of host pages that the guest sees at TABLE_IPA. Its first page holds the CD.
  const bytes = stream === BIG_STREAM ? 4 << 20 : 64 << 10;
  const host = pool.allocate(bytes, 4096);
  const guest = new TableAllocator(TABLE_IPA, BigInt(bytes));

  const stage2 = new PageTable({
    stage: 2,
    granule: 4096,
    inputBits: 48,
    allocate: (size, align) => pool.allocate(size, align),
    memory,
  });
  stage2.map(TABLE_IPA, host, BigInt(bytes), { read: true, write: true, maxLeafLg2: 12 });
  for (const { offset, size, attributes } of mappings) {
    stage2.map(DATA_IPA + offset, pa + offset, size, attributes);
  }

  const view = ipaView(memory, TABLE_IPA, host);
  const cd = guest.allocate(4096, 4096);
  const stage1 = new PageTable({
    stage: 1,
    granule: 4096,
    inputBits: 48,
    allocate: (size, align) => guest.allocate(size, align),
    memory: view,
  });
  for (const { offset, size, attributes } of mappings) {
    stage1.map(DATA_IOVA + offset, DATA_IPA + offset, size, attributes);
  }

  const asid = BigInt(stream + 1);
  // CD: T0SZ 16, TG0 4K, write-back, inner shareable, EPD1, V | IPS 48 bits, AA64, R, A, ASET, ASID
  view.writeU64(cd, 0x0000_6205_c000_3510n | (1n << 47n) | (asid << 48n));
  view.writeU64(cd + 8n, stage1.root);
  view.writeU64(cd + 24n, 0xffn);

  const ste = BigInt(STREAM_TABLE + stream * 64);
  const vmid = BigInt(stream + 1);
  memory.writeU64(ste, 0xfn | cd); // V, Config 0b111, S1ContextPtr
  memory.writeU64(ste + 8n, (1n << 44n) | 0xd4n); // SHCFG: as it comes in; S1CIR, S1COR, S1CSH
  // S2VMID | S2T0SZ 16, S2SL0 2, write-back, inner shareable, S2TG 4K, S2PS 48 bits, S2AA64, S2R
  memory.writeU64(ste + 16n, vmid | (0x040d_3590n << 32n));
  memory.writeU64(ste + 24n, stage2.root);
}
