// Who runs against whom in each row: the SMMUv3 model against plain-TypeScript yardsticks, then the VT-d model against the
// SMMUv3 model. A row's machines are made when it comes to it, so that no row pays for those of another vendor.
import type { Contest } from "./contest.js";
import { Rig } from "./rig.js";
import { planRows } from "./rows.js";
import { VtdRig } from "./vtd-rig.js";
import { planVtdRows } from "./vtd-rows.js";

/** A row and what it takes. */
export interface ContestPlan {
  readonly name: string;
  setUp(): Contest;
}

/**
 * The rows of a run.
 *
 * @param requests requests a pass, a multiple of 4096
 * @param seed seed of the random addresses
 * @returns every row, in the order of the report
 */
export function planContests(requests: number, seed: number): ContestPlan[] {
  const smmuv3 = once(() => new Rig(requests, seed));
  const vtd = once(() => new VtdRig(requests, seed));
  return [
    ...planRows(requests).map((plan) => ({ name: plan.name, setUp: () => smmuv3().contest(plan) })),
    ...planVtdRows().map((plan) => ({ name: plan.name, setUp: () => vtd().contest(plan) })),
  ];
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
