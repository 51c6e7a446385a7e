// What a replay finds out.
import type { TranslationCounters } from "../index.js";
import type { AccessTally } from "./replay-accesses.js";
import type { Architecture } from "./replay-architectures.js";

/** Everything a replay found out. */
export interface ReplayResult extends AccessTally {
  header: Record<string, string>;
  architecture: Architecture;
  windows: number;
  streams: number;
  domains: number;
  maps: number;
  unmaps: number;
  /** Maps over a mapping that was still there, unmaps of nothing: tolerated. */
  overlaps: number;
  emptyUnmaps: number;
  invalidationLines: number;
  registerWrites: number;
  bypassed: number;
  faultLines: number;
  /** Lines passed over; undefined: the first malformed one would have been the end. */
  skipped?: number;
  /** Seconds in all. */
  seconds: number;
  counters: TranslationCounters;
  tables: { domains: number; hypervisor: number };
}

/** A result in which nothing has happened yet. */
export function emptyResult(): Omit<ReplayResult, "architecture" | "counters"> {
  return {
    header: {},
    ...{ accesses: 0, reads: 0, writes: 0, windows: 0, streams: 0, domains: 0 },
    ...{ maps: 0, unmaps: 0, overlaps: 0, emptyUnmaps: 0 },
    ...{ invalidationLines: 0, registerWrites: 0, bypassed: 0, faultLines: 0 },
    ...{ traceMicroseconds: 0, translateSeconds: 0, seconds: 0, differences: 0, listed: [] },
    tables: { domains: 0, hypervisor: 0 },
  };
}
