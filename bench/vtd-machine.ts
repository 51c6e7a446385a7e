// The VT-d rows' machines: three streams behind a VT-d unit in scalable mode, one for each way to translate, each with 1 GiB
// in 4K pages and tables of four levels; and the same three behind an SMMUv3, to compare with. Both are written into
// simulated memory as a driver would write them. Intel VT-d Rev 5.10, 9.2 (root entry), 9.4 (context entry), 9.5 and 9.6
// (PASID directory and table entries): requests without PASID take entry 0 of their stream's PASID table.
import { type TableMemory, VtdFirstStageTable, VtdSecondStageTable } from "nested-iommu";
import { writeContextDescriptor, writeStreamEntry } from "./smmuv3-structures.js";
import { BIG_SIZE, type MakeTable, PAGES, storageIn, writeNestedSpace, writeSingleSpace } from "./space.js";
import { VMSA } from "./vmsa.js";

/** The streams by what they go through. */
export const STAGE_STREAMS = { "second stage": 1, "first stage": 2, nested: 3 } as const;
/** A way to translate. */
export type Stages = keyof typeof STAGE_STREAMS;

/** Byte address of the root table. */
export const ROOT_TABLE = 0x10000;
const CONTEXT_TABLE = 0x11000;
const PASID_TABLES = 0x20000n; // directory and table, a page each, for every stream
const GUEST_BYTES = 4 << 20;
const MAPPINGS = [{ offset: 0n, size: BIG_SIZE, attributes: PAGES }] as const;

const VTD: { readonly stage1: MakeTable; readonly stage2: MakeTable } = {
  stage1: (storage) => new VtdFirstStageTable(storage),
  stage2: (storage) => new VtdSecondStageTable(storage),
};

/**
 * Writes root, context and PASID tables and the tables of every stream.
 *
 * @param memory where to; addresses 0..WINDOW-1 are written
 */
export function writeVtdTables(memory: TableMemory): void {
  const storage = storageIn(memory);
  memory.writeU64(BigInt(ROOT_TABLE), BigInt(CONTEXT_TABLE) | 1n);
  const { "second stage": second, "first stage": first, nested } = STAGE_STREAMS;
  writePasidEntry(memory, second, { stage2: writeSingleSpace(storage, VTD.stage2, MAPPINGS, second).root });
  writePasidEntry(memory, first, { stage1: writeSingleSpace(storage, VTD.stage1, MAPPINGS, first).root });
  const { stage1, stage2 } = writeNestedSpace(storage, VTD, MAPPINGS, nested, GUEST_BYTES);
  writePasidEntry(memory, nested, { stage1: stage1.root, stage2: stage2.root });
}

function writePasidEntry(
  memory: TableMemory,
  stream: number,
  { stage1 = 0n, stage2 = 0n }: { stage1?: bigint; stage2?: bigint },
): void {
  const directory = PASID_TABLES + BigInt(0x2000 * stream);
  const entry = directory + 0x1000n;
  memory.writeU64(BigInt(CONTEXT_TABLE + 32 * stream), directory | 1n); // P, PASIDDIRPTR
  memory.writeU64(directory, entry | 1n); // P, SMPTBLPTR
  const type = (stage1 === 0n ? 0n : 1n) | (stage2 === 0n ? 0n : 2n); // first, second or nested
  memory.writeU64(entry, 1n | (2n << 2n) | (type << 6n) | stage2); // P, AW 48 bits, PGTT, SSPTPTR
  memory.writeU64(entry + 8n, BigInt(stream) | (1n << 23n)); // DID, PWSNP
  memory.writeU64(entry + 16n, stage1); // FSPM 4 levels, FSPTPTR
}

/**
 * Writes a stream table and the tables of every stream: stage 2 alone, stage 1 alone, and nested.
 *
 * @param memory where to; addresses 0..WINDOW-1 are written
 */
export function writeSmmuV3Counterpart(memory: TableMemory): void {
  const storage = storageIn(memory);
  const { "second stage": second, "first stage": first, nested } = STAGE_STREAMS;
  writeStreamEntry(memory, second, { stage2: writeSingleSpace(storage, VMSA.stage2, MAPPINGS, second).root });
  const cd = storage.allocate(64, 64);
  writeContextDescriptor(memory, cd, first + 1, writeSingleSpace(storage, VMSA.stage1, MAPPINGS, first).root);
  writeStreamEntry(memory, first, { cd });
  const space = writeNestedSpace(storage, VMSA, MAPPINGS, nested, GUEST_BYTES);
  writeContextDescriptor(space.view, space.page, nested + 1, space.stage1.root);
  writeStreamEntry(memory, nested, { cd: space.page, stage2: space.stage2.root });
}
