// A row of the benchmark, set up: sides that do the same work.
import type { TranslationCounters } from "nested-iommu";
import type { Side } from "./side.js";

/** Who runs against whom, and over what. */
export interface Contest {
  readonly model: Side;
  /** What the ratios are to, by name. */
  readonly others: ReadonlyMap<string, Side>;
  /** The model's machine. */
  readonly machine: { counters(): TranslationCounters; resetCounters(): void };
  /** Translations or invalidations a pass. */
  readonly operations: number;
  /** IOTLB entries of the model. */
  readonly entries: number;
}
