// Counters of a machine: those of translation are read out of the core, the others out of the parts that count.

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

/** The counters of event records. */
export interface EventCounts {
  /** Records written to the Event queue, or handed to `eventSink`. */
  eventsRecorded: number;
  /** Events that share the record of another (`mergeEvents`). */
  eventsMerged: number;
  /** Events discarded because the Event queue was full, off or in error. */
  eventsLost: number;
}

/** The counters of stalled transactions. */
export interface StallCounts {
  /** Transactions that have stalled, each counted once. */
  stalls: number;
  /** Transactions that were aborted because `maxStalled` were held. */
  stallsRefused: number;
  /** Attempts to translate a stalled transaction again; `requests` counts them, too. */
  stallRetries: number;
  /** Stalled transactions that CMD_RESUME, CMD_STALL_TERM, SMMUEN = 0 or a reset ended. */
  stallsTerminated: number;
}

/** What a machine has done since creation or the last `resetCounters`. */
export interface SmmuCounters extends TranslationCounters, PageCounts, EventCounts, StallCounts {}

/** Reads all counters. */
export function readCounters(
  core: Core,
  pages: PageCounts,
  events: EventCounts,
  stalls: StallCounts,
): SmmuCounters {
  return { ...readTranslationCounters(core, eventName), ...pages, ...events, ...stalls };
}
