// A row of a result: times, ratios and what the model counted.
import type { RowTimes } from "./measure.js";
import type { Section } from "./rows.js";

/** A row of the result. */
export interface BenchRow extends RowTimes {
  name: string;
  section: Section;
  /** IOTLB hits over look-ups of the model's own counters, 0..1; null where nothing is looked up. */
  hitRate: number | null;
  /** Different leaves that the requests touch. */
  leaves: number;
  /** IOTLB entries of the model. */
  entries: number;
}
