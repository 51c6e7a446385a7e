// Counters of a machine: those of translation are read out of the core, those of page requests out of the PRI queue.

import type { Core } from "../core/core.js";
import { readTranslationCounters, type TranslationCounters } from "../machine/counters.js";
import { eventName } from "./events.js";

/** The counters of the page request interface. */
export interface PageCounts {
  /** Page requests and Stop markers of endpoints. */
  pageRequests: number;
  /** Of these, those written to the PRI queue. */
  pageRequestsQueued: number;
  /** Of these, those discarded because the PRI queue had overflowed, answered or not. */
  pageRequestsOverflowed: number;
  /** Responses sent to endpoints. */
  pageResponses: number;
  /** Of these, those that the SMMU sent by itself. */
  automaticPageResponses: number;
}

/** What a machine has done since creation or the last `resetCounters`. */
export interface SmmuCounters extends TranslationCounters, PageCounts {}

/** Reads all counters. */
export function readCounters(core: Core, pages: PageCounts): SmmuCounters {
  return { ...readTranslationCounters(core, eventName), ...pages };
}
