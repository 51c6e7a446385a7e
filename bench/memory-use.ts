// Memory of the model: how much longer its linear memory is with more IOTLB entries or contexts. Linear memory is asked for in
// one piece here (a large `reserve`), so that its length is the need, in pages of 64 KiB.
import type { MachineOptions } from "nested-iommu";
import type { Library } from "./library.js";

/** Bytes that things take. */
export interface MemoryUse {
  /** Of one more IOTLB entry. */
  perEntry: number;
  /** Of one more (stream, PASID) context with all that belongs to it. */
  perContext: number;
  /** Of linear memory in a default machine before any RAM is backed. */
  defaultMachine: number;
}

const RESERVE = 256 << 20;

function lengthWith(library: Library, options: MachineOptions): number {
  const smmu = new library.SmmuV3({ ...options, reserve: RESERVE });
  return smmu.batch.stream.buffer.byteLength;
}

/**
 * Measures.
 *
 * @param library which build
 * @returns bytes
 */
export function measureMemory(library: Library): MemoryUse {
  const entries = (count: number): number =>
    lengthWith(library, { iotlb: { entries: count, ways: 4, policy: "fifo" } });
  const contexts = (count: number): number => lengthWith(library, { configCache: { contexts: count } });
  return {
    perEntry: (entries(2 ** 20) - entries(2 ** 19)) / 2 ** 19,
    perContext: (contexts(65536) - contexts(32768)) / 32768,
    defaultMachine: new library.SmmuV3().batch.stream.buffer.byteLength,
  };
}
