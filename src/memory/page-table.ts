// PageTable: VMSAv8-64 translation tables of either stage in simulated memory.
// Source: Arm DDI 0487 M.a, D8.2 (levels, concatenated stage-2 roots), D8.3 (descriptors), D8.7 (Contiguous bit).
import { Geometry } from "./page-table-geometry.js";
import type { LeafAttributes } from "./page-table-leaf.js";
import type { PageTableOptions } from "./page-table-options.js";
import { TableTree } from "./page-table-tree.js";
import { VmsaFormat } from "./page-table-vmsa.js";

export type { PageTableLookup, PageTableOptions, TableMemory } from "./page-table-options.js";

/** One VMSAv8-64 translation table tree in simulated memory; its root is CD.TTBx or STE.S2TTB. */
export class PageTable extends TableTree<LeafAttributes> {
  /** Levels, shifts and sizes. */
  readonly geometry: Geometry;

  /**
   * @param options shape, allocator and memory
   * @throws RangeError when the shape is not one the architecture has; TypeError when a value has the wrong type
   * @example
   * const tables = new TableAllocator(0x8000_0000n, 0x100_0000n);
   * const stage1 = new PageTable({
   *   stage: 1, granule: 4096, inputBits: 48, memory: smmu.memory,
   *   allocate: (bytes, align) => tables.allocate(bytes, align),
   * });
   * stage1.map(0x1000_0000n, 0x4000_0000n, 0x20_0000n); // one 2 MiB block
   */
  constructor(options: PageTableOptions) {
    const geometry = new Geometry(options);
    super(new VmsaFormat(geometry), options);
    this.geometry = geometry;
  }
}
