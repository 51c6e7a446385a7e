// Stream table entries and context descriptors of the benchmark, as a driver writes them: 48-bit input at both stages, 4K
// granules, write-back. Arm IHI 0070 G.b 5.2 (STE) and 5.4 (CD).
import type { TableMemory } from "nested-iommu";

/** Byte address of the linear stream table. */
export const STREAM_TABLE = 0x10000;
/** log2 of its entries. */
export const STREAM_TABLE_LG2 = 7;

/** What a stream goes through: a context descriptor (stage 1), stage 2, or both. */
export interface StreamStages {
  /** Address of the CD; with stage 2, an IPA. */
  readonly cd?: bigint;
  /** Root of stage 2. */
  readonly stage2?: bigint;
  /** Log2 of the CDs in a linear table: SubstreamIDs; requests without one end in a fault. Default 0: one CD. */
  readonly cdsLg2?: number;
}

/**
 * Writes a context descriptor.
 *
 * @param memory where to
 * @param address its address there
 * @param asid ASID
 * @param root root of the stage-1 tables
 */
export function writeContextDescriptor(
  memory: TableMemory,
  address: bigint,
  asid: number,
  root: bigint,
): void {
  // T0SZ 16, TG0 4K, write-back, inner shareable, EPD1, V | IPS 48 bits, AA64, R, A, ASET, ASID
  memory.writeU64(address, 0x0000_6205_c000_3510n | (1n << 47n) | (BigInt(asid) << 48n));
  memory.writeU64(address + 8n, root);
  memory.writeU64(address + 24n, 0xffn);
}

/**
 * Writes a stream table entry.
 *
 * @param memory physical memory
 * @param stream StreamID, below 2^STREAM_TABLE_LG2
 * @param stages what the stream goes through
 */
export function writeStreamEntry(memory: TableMemory, stream: number, stages: StreamStages): void {
  const { cd, stage2, cdsLg2 = 0 } = stages;
  const ste = BigInt(STREAM_TABLE + stream * 64);
  const config = 4n | (cd === undefined ? 0n : 1n) | (stage2 === undefined ? 0n : 2n);
  memory.writeU64(ste, 1n | (config << 1n) | (cd ?? 0n) | (BigInt(cdsLg2) << 59n)); // V, Config, S1ContextPtr, S1CDMax
  memory.writeU64(ste + 8n, (1n << 44n) | 0xd4n); // SHCFG: as it comes in; S1CIR, S1COR, S1CSH
  const vmid = BigInt(stream + 1);
  // S2VMID | S2T0SZ 16, S2SL0 2, write-back, inner shareable, S2TG 4K, S2PS 48 bits, S2AA64, S2R
  memory.writeU64(ste + 16n, vmid | (stage2 === undefined ? 0n : 0x040d_3590n << 32n));
  memory.writeU64(ste + 24n, stage2 ?? 0n);
}
