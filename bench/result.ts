// What a run of the benchmark found: the shape of `nested-iommu bench --json`.
import type { MachineInfo } from "./machine-info.js";
import type { BenchRow } from "./measure.js";

/** What a run found. */
export interface BenchResult {
  machine: MachineInfo;
  rows: BenchRow[];
  /** What to know when reading the numbers. */
  notes: string[];
}
