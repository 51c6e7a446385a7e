// A page table over memory of its own, for tests that look at the words that it writes.
import { TableAllocator } from "../../src/memory/allocator.js";
import { PageTable, type PageTableOptions } from "../../src/memory/page-table.js";
import { SparseWords } from "./sparse-words.js";

export type Shape = Omit<PageTableOptions, "allocate" | "memory">;

export const K4: Shape = { stage: 1, granule: 4096, inputBits: 48 };
export const K16: Shape = { stage: 1, granule: 16384, inputBits: 47 };
export const K64: Shape = { stage: 1, granule: 65536, inputBits: 48 };

/** The table that was built last. */
export class TableRig {
  memory = new SparseWords();
  tables = new TableAllocator(0n, 4096n);

  build(shape: Shape, base = 0x10_0000n): PageTable {
    this.memory = new SparseWords();
    this.tables = new TableAllocator(base, 0x1000_0000n);
    const { memory, tables } = this;
    return new PageTable({
      release: (address, bytes) => tables.release(address, bytes),
      ...shape,
      memory,
      allocate: (bytes, align) => tables.allocate(bytes, align),
    });
  }
}
