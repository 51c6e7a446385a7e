// The machine of the benchmark: 69 streams behind one SMMUv3, each with its own ASID, VMID and tables (4K granules, four
// levels a stage), written into memory as a driver would write them: 66 nested ones, one with stage 1 and one with stage 2
// alone, and one with PASIDs (pasid-machine.ts).
import type { TableMemory } from "nested-iommu";
import { PASID_PAGES, PASIDS, writePasidTables } from "./pasid-machine.js";
import { writeContextDescriptor, writeStreamEntry } from "./smmuv3-structures.js";
import { BIG_SIZE, type Mapping, PAGES, storageIn, writeNestedSpace, writeSingleSpace } from "./space.js";
import { VMSA } from "./vmsa.js";

/** Streams 0..63: a small space each. */
export const SMALL_STREAMS = 64;
/** Pages of 4K of each small space. */
export const SMALL_PAGES = 24;
/** The stream whose space is 1 GiB in 4K pages. */
export const BIG_STREAM = 100;
/** The stream whose space mixes leaf sizes. */
export const MIXED_STREAM = 101;
/** The stream with 1 GiB in 4K pages behind stage 1 alone, and the one behind stage 2 alone. */
export const STAGE1_STREAM = 103;
export const STAGE2_STREAM = 104;

/** The areas of the mixed space: leaf size, IOVA offset from DATA_IOVA, number of leaves. */
export const MIXED_AREAS = [
  { leafLg2: 12, offset: 0n, count: 256 },
  { leafLg2: 16, offset: 0x1000_0000n, count: 128 },
  { leafLg2: 21, offset: 0x2000_0000n, count: 128 },
  { leafLg2: 30, offset: 0x4000_0000n, count: 4 },
] as const;

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
  const storage = storageIn(memory);
  // First, since its guest's memory is one block of 32 MiB: the rest fits below it.
  writePasidTables(storage, PASIDS, PASID_PAGES);
  const streams = [...Array(SMALL_STREAMS).keys(), BIG_STREAM, MIXED_STREAM];
  for (const stream of streams) {
    const bytes = stream === BIG_STREAM ? 4 << 20 : 64 << 10;
    const space = writeNestedSpace(storage, VMSA, mappingsOf(stream), stream, bytes);
    // the guest's page beside its tables holds the CD
    writeContextDescriptor(space.view, space.page, stream + 1, space.stage1.root);
    writeStreamEntry(memory, stream, { cd: space.page, stage2: space.stage2.root });
  }
  const big = [{ offset: 0n, size: BIG_SIZE, attributes: PAGES }];
  const cd = storage.allocate(64, 64);
  const stage1 = writeSingleSpace(storage, VMSA.stage1, big, STAGE1_STREAM);
  writeContextDescriptor(memory, cd, STAGE1_STREAM + 1, stage1.root);
  writeStreamEntry(memory, STAGE1_STREAM, { cd });
  const stage2 = writeSingleSpace(storage, VMSA.stage2, big, STAGE2_STREAM);
  writeStreamEntry(memory, STAGE2_STREAM, { stage2: stage2.root });
}
