// The counters of a device TLB.

/** What a device TLB has done since creation or the last `resetCounters`. */
export interface DeviceTlbCounters {
  /** Accesses of the endpoint. */
  accesses: number;
  /** Of these, those that an entry answered. */
  hits: number;
  /** Accesses that went out untranslated. */
  untranslated: number;
  /** Translation requests. */
  translationRequests: number;
  /** Of these, completions with a right to read or to write. */
  granted: number;
  /** Completions with Success without rights. */
  denied: number;
  /** Completions with Unsupported Request. */
  unsupported: number;
  /** Completions with Completer Abort. */
  aborted: number;
  /** Page requests handed to `pri`. */
  pageRequests: number;
  /** Invalidations carried out. */
  invalidations: number;
  /** Entries that they dropped. */
  invalidatedEntries: number;
  /** Entries that made room for others. */
  evictedEntries: number;
}

/** Nothing counted yet. */
export function noCounts(): DeviceTlbCounters {
  return {
    accesses: 0,
    hits: 0,
    untranslated: 0,
    translationRequests: 0,
    granted: 0,
    denied: 0,
    unsupported: 0,
    aborted: 0,
    pageRequests: 0,
    invalidations: 0,
    invalidatedEntries: 0,
    evictedEntries: 0,
  };
}
