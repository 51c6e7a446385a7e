// The rows of the benchmark as data: which workload, which batch size, with which walk caches, against which yardsticks.
import { WORKLOAD_TITLES, type WorkloadName } from "./workloads.js";

/** A yardstick by name. */
export interface YardstickKind {
  readonly name: string;
  readonly walkCaches: boolean;
  readonly branchless: boolean;
}

/** Typed-array IOTLB with a chain of compares, and a walk that reads up to 24 descriptors. */
export const YARDSTICK: YardstickKind = { name: "typescript", walkCaches: false, branchless: false };
/** Its ways compared without branches: the other choice that a programmer has. */
export const BRANCHLESS: YardstickKind = {
  name: "typescript, branchless",
  walkCaches: false,
  branchless: true,
};
/** With walk caches; only where misses count. */
export const WALK_CACHED: YardstickKind = {
  name: "typescript, walk caches",
  walkCaches: true,
  branchless: false,
};

/** One row of the result. */
export interface RowPlan {
  readonly name: string;
  readonly workload: WorkloadName;
  readonly batch: number;
  /** Requests stand in the model's columns beforehand. */
  readonly inPlace: boolean;
  /** The model's walk caches. */
  readonly walkCaches: boolean;
  readonly yardsticks: readonly YardstickKind[];
}

function row(condition: string, workload: WorkloadName, batch: number, rest: Partial<RowPlan> = {}): RowPlan {
  const how = rest.inPlace === true ? `${batch} in place` : `${batch}`;
  return {
    inPlace: false,
    walkCaches: true,
    yardsticks: [YARDSTICK, BRANCHLESS],
    ...rest,
    name: `translate | vmsa nested ${workload === "mixed" ? "4K to 1G" : "4K"} | ${condition} | batch ${how}`,
    workload,
    batch,
  };
}

/**
 * The rows of a run.
 *
 * @param requests requests a pass, a multiple of 4096
 * @returns every row, in the order of the report
 */
export function planRows(requests: number): RowPlan[] {
  const missing = { yardsticks: [YARDSTICK, WALK_CACHED] };
  const rows: RowPlan[] = [];
  for (const batch of [1, 16, 256, 4096]) rows.push(row("tlb hit", "tlb", batch));
  for (const batch of [1, 16, 256, 4096]) rows.push(row("tlb miss", "stride", batch, missing));
  for (const batch of [1, 16, 256, 4096]) {
    rows.push(
      row("tlb miss, no walk caches", "stride", batch, { walkCaches: false, yardsticks: [YARDSTICK] }),
    );
  }
  const others = ["seq", "hot", "multi", "mseq", "miss", "mixed"] as const;
  for (const name of others) {
    rows.push(row(WORKLOAD_TITLES[name], name, 4096, name === "miss" ? missing : {}));
  }
  rows.push(row(WORKLOAD_TITLES.seq, "seq", requests, { inPlace: true }));
  rows.push(row("tlb hit", "tlb", requests, { inPlace: true }));
  rows.push(row("tlb miss", "stride", requests, { inPlace: true, ...missing }));
  return rows;
}
