// A row of the benchmark, set up: sides that answer the same requests.
import type { TranslationCounters } from "nested-iommu";
import type { Side } from "./sides.js";
import type { ExpectedWorkload } from "./workloads.js";

/** Who runs against whom, and over what. */
export interface Contest {
  readonly workload: ExpectedWorkload;
  readonly model: Side;
  /** What the ratios are to, by name. */
  readonly others: ReadonlyMap<string, Side>;
  /** The model's machine. */
  readonly machine: { counters(): TranslationCounters; resetCounters(): void };
}
