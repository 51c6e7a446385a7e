// The library under measurement: this one, or another build of it (bench:compare, bench:ablation).
import * as own from "nested-iommu";

/** What the benchmark needs of a build. */
export type Library = Pick<typeof own, "SmmuV3" | "VtdIommu">;

/** The build that the benchmark was compiled with. */
export const OWN_LIBRARY: Library = own;
