// The VT-d rows of the benchmark as data.
import type { Stages } from "./vtd-machine.js";
import { STAGE_STREAMS } from "./vtd-machine.js";
import { WORKLOAD_TITLES, type WorkloadName } from "./workloads.js";

/** One row of VT-d. */
export interface VtdRowPlan {
  readonly name: string;
  readonly stages: Stages;
  readonly workload: WorkloadName;
  readonly batch: number;
}

const BATCH = 4096;
const CONDITIONS = [
  [WORKLOAD_TITLES.seq, "seq"],
  ["tlb hit", "tlb"],
  ["tlb miss", "stride"],
] as const;

/** Every row of VT-d, in the order of the report. */
export function planVtdRows(): VtdRowPlan[] {
  return (Object.keys(STAGE_STREAMS) as Stages[]).flatMap((stages) =>
    CONDITIONS.map(([condition, workload]) => ({
      name: `translate | vtd ${stages} 4K | ${condition} | batch ${BATCH}`,
      stages,
      workload,
      batch: BATCH,
    })),
  );
}
