// Trees of 4 KiB stage-2 tables (unless asked otherwise) for the builder's tests, their tables from BASE on.
import { SmmuV3, type SmmuV3Options, TableAllocator } from "../../src/index.js";
import { PageTable, type PageTableOptions, type TableMemory } from "../../src/memory/page-table.js";

export const BASE = 0x4000_0000n;
const K4 = { stage: 2, granule: 4096, inputBits: 48 } as const;

export function build(
  memory: TableMemory,
  pool: TableAllocator,
  options: Partial<PageTableOptions> = {},
): PageTable {
  return new PageTable({
    ...K4,
    memory,
    allocate: (bytes, align) => pool.allocate(bytes, align),
    release: (address, bytes) => pool.release(address, bytes),
    ...options,
  });
}

export function inRam(
  options: Partial<PageTableOptions> = {},
  machine: SmmuV3Options = {},
  poolBytes = 1n << 26n,
) {
  const { memory } = new SmmuV3(machine);
  const pool = new TableAllocator(BASE, poolBytes);
  return { memory, pool, table: build(memory, pool, options) };
}

export const pagesOf = (count: number, output = 0x7000): Float64Array => new Float64Array(count).fill(output);
