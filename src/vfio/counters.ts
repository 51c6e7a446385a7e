// Counters of the host face: what became of the faults and page requests that the hardware reported.

import type { FaultCounters } from "../host/fault/device-faults.js";

/** All zeros. */
export function noCounts(): FaultCounters {
  return {
    faultsDelivered: 0,
    faultsDropped: 0,
    faultsHostOnly: 0,
    pageRequestsDelivered: 0,
    pageRequestsDropped: 0,
    pageRequestsAnswered: 0,
    pageRequestsCancelled: 0,
  };
}

/** Adds counts to others. */
export function addCounts(to: FaultCounters, counts: Readonly<FaultCounters>): void {
  for (const key of Object.keys(to) as (keyof FaultCounters)[]) to[key] += counts[key];
}
