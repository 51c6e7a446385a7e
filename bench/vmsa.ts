// The VMSAv8-64 tables of the benchmark: 4K granules, 48-bit input, four levels a stage.
import { PageTable } from "nested-iommu";
import type { MakeTable } from "./space.js";

/** The tables by stage. */
export const VMSA: { readonly stage1: MakeTable; readonly stage2: MakeTable } = {
  stage1: (storage) => new PageTable({ ...storage, stage: 1, granule: 4096, inputBits: 48 }),
  stage2: (storage) => new PageTable({ ...storage, stage: 2, granule: 4096, inputBits: 48 }),
};
