// Counters of a unit: those of translation are read out of the core, those of page requests out of their queue.

import type { Core } from "../core/core.js";
import { readTranslationCounters, type TranslationCounters } from "../machine/counters.js";
import { vtdFaultName } from "./faults.js";

/** The counters of page requests. */
export interface VtdPageCounts {
  /** Page requests and Stop markers of endpoints. */
  pageRequests: number;
  /** Of these, those written to the page request queue. */
  pageRequestsQueued: number;
  /** Of these, those discarded because the queue was full or had overflowed, answered or not. */
  pageRequestsOverflowed: number;
  /** Of these, those stopped by a fault of the tables, answered or not. */
  pageRequestsFaulted: number;
  /** Responses sent to endpoints. */
  pageResponses: number;
  /** Of these, those that the unit sent by itself. */
  automaticPageResponses: number;
}

/** What a unit has done since creation or the last `resetCounters`. */
export interface VtdCounters extends TranslationCounters, VtdPageCounts {}

/** Reads all counters. */
export function readCounters(core: Core, pages: VtdPageCounts): VtdCounters {
  return { ...readTranslationCounters(core, vtdFaultName), ...pages };
}
