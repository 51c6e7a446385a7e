// The machine of the benchmark: 66 streams behind one SMMUv3, each nested, with its own ASID, VMID, stage-1 and stage-2
// tables (4K granules, four levels each), written into simulated memory as a driver would write them.
import { PageTable, TableAllocator, type TableMemory } from "nested-iommu";
import { writeContextDescriptor, writeStreamEntry } from "./smmuv3-structures.js";
import { BIG_SIZE, type MakeTable, type Mapping, PAGES, WINDOW, writeNestedSpace } from "./space.js";

/** Streams 0..63: a small space each. */
export const SMALL_STREAMS = 64;
/** Pages of 4K of each small space. */
export const SMALL_PAGES = 24;
/** The stream whose space is 1 GiB in 4K pages. */
export const BIG_STREAM = 100;
/** The stream whose space mixes leaf sizes. */
export const MIXED_STREAM = 101;

/** The areas of the mixed space: leaf size, IOVA offset from DATA_IOVA, number of leaves. */
export const MIXED_AREAS = [
  { leafLg2: 12, offset: 0n, count: 256 },
  { leafLg2: 16, offset: 0x1000_0000n, count: 128 },
  { leafLg2: 21, offset: 0x2000_0000n, count: 128 },
  { leafLg2: 30, offset: 0x4000_0000n, count: 4 },
] as const;

/** The VMSAv8-64 tables of the benchmark, by stage. */
export const VMSA: { readonly stage1: MakeTable; readonly stage2: MakeTable } = {
  stage1: (storage) => new PageTable({ ...storage, stage: 1, granule: 4096, inputBits: 48 }),
  stage2: (storage) => new PageTable({ ...storage, stage: 2, granule: 4096, inputBits: 48 }),
};

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
  const storage = { memory, allocate: (size: number, align: number) => pool.allocate(size, align) };
  const streams = [...Array(SMALL_STREAMS).keys(), BIG_STREAM, MIXED_STREAM];
  for (const stream of streams) {
    const bytes = stream === BIG_STREAM ? 4 << 20 : 64 << 10;
    const space = writeNestedSpace(storage, VMSA, mappingsOf(stream), stream, bytes);
    // the guest's page beside its tables holds the CD
    writeContextDescriptor(space.view, space.page, stream + 1, space.stage1.root);
    writeStreamEntry(memory, stream, { cd: space.page, stage2: space.stage2.root });
  }
}
