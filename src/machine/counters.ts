// The counters of translation, read out of the core.

import type { ArenaView } from "../core/core.js";
import * as A from "../spec/abi/core.js";

/** What a machine has done since creation or the last `resetCounters`. */
export interface TranslationCounters {
  /** Requests answered. */
  requests: number;
  /** Requests that got a PA through a table. */
  translated: number;
  /** Requests that passed without translation. */
  bypassed: number;
  /** Requests that a rule of the architecture stopped with an event type or a fault reason. */
  faulted: number;
  /** Requests aborted without one (SMMUv3: Config 0b0xx, GBPA.ABORT). */
  aborted: number;
  /** IOTLB lookups that answered. */
  iotlbHits: number;
  /** IOTLB lookups that did not. */
  iotlbMisses: number;
  /** Misses whose entry was there but did not allow the access. */
  permissionWalks: number;
  /** Table walks begun for requests. */
  walks: number;
  /** Descriptors read, both stages. */
  fetches: number;
  /** Descriptors read by stage 1, by level -1..3. */
  stage1Fetches: number[];
  /** Descriptors read by stage 2, by level -1..3. */
  stage2Fetches: number[];
  /** Stage-1 walks that began at a cached table. */
  walkCacheStage1Hits: number;
  /** Stage-1 walks that began at the root. */
  walkCacheStage1Misses: number;
  /** Stage-2 walks that began at a cached table. */
  walkCacheStage2Hits: number;
  /** Stage-2 walks that began at the root. */
  walkCacheStage2Misses: number;
  /** Nested lookups that the stage-2 TLB answered. */
  stage2TlbHits: number;
  /** Nested lookups that it did not. */
  stage2TlbMisses: number;
  /** Requests whose decoded configuration was cached. */
  configHits: number;
  /** Requests that decoded their configuration. */
  configMisses: number;
  /** STEs and L1STDs, or root and context entries, read. */
  steFetches: number;
  /** CDs and L1CDs, or PASID directory and table entries, read. */
  cdFetches: number;
  /** TLB invalidations carried out. */
  invalidations: number;
  /** IOTLB entries that they dropped. */
  invalidatedEntries: number;
  /** Cached table pointers dropped beyond what was named (docs/capabilities.md, Over-invalidation). */
  collateralEntries: number;
  /** IOTLB entries that made room for others. */
  evictedEntries: number;
  /** Translation requests of endpoints (ATS) that got a right to read or to write; all ATS is in `requests`, too. */
  translationsGranted: number;
  /** Translation requests answered with Success without rights. */
  translationsDenied: number;
  /** Translation requests answered with Unsupported Request. */
  translationsUnsupported: number;
  /** Translation requests answered with Completer Abort. */
  translationsAborted: number;
  /** Accesses with translated addresses, passed or not. */
  translatedAccesses: number;
  /** Faults by name. */
  faults: Record<string, number>;
}

/** What counters are read from. */
type Counting = Pick<ArenaView, "plan" | "counter">;

const LEVELS = 5;
const FAULT_TYPES = 256;

function levels(core: Counting, base: number, plain: number): number[] {
  return Array.from(
    { length: LEVELS },
    (_, i) => core.counter(base + i * 8) + (i === LEVELS - 1 ? plain : 0),
  );
}

function faultsByName(core: Counting, nameOf: (type: number) => string): Record<string, number> {
  const faults: Record<string, number> = {};
  for (let type = 0; type < FAULT_TYPES; ++type) {
    const n = core.counter(A.CNT_FAULT_TYPES + type * 8);
    if (n > 0) faults[nameOf(type)] = n;
  }
  return faults;
}

/** Reads the counters of a core; `nameOf` names its fault types. */
export function readTranslationCounters(
  core: Counting,
  nameOf: (type: number) => string,
): TranslationCounters {
  const c = (offset: number): number => core.counter(offset);
  // A plain miss bumps one counter for all that it did at the last level (assembly/pt/plain.ts).
  const plain1 = c(A.CNT_PLAIN_STAGE1) + c(A.CNT_PLAIN_NESTED);
  const plain2 = c(A.CNT_PLAIN_STAGE2) + c(A.CNT_PLAIN_NESTED);
  const stage1Fetches = levels(core, A.CNT_S1_FETCHES, plain1);
  const stage2Fetches = levels(core, A.CNT_S2_FETCHES, plain2);
  const requests = c(A.CNT_REQUESTS);
  const misses = c(A.CNT_IOTLB_MISSES);
  const hasIotlb = core.plan.iotlb !== undefined;
  const lookups = requests - c(A.CNT_NOT_LOOKED_UP);
  return {
    requests,
    translated: requests - c(A.CNT_BYPASSED) - c(A.CNT_FAULTED) - c(A.CNT_ABORTED),
    bypassed: c(A.CNT_BYPASSED),
    faulted: c(A.CNT_FAULTED),
    aborted: c(A.CNT_ABORTED),
    iotlbHits: hasIotlb ? lookups - misses : 0,
    iotlbMisses: hasIotlb ? misses : 0,
    permissionWalks: c(A.CNT_PERMISSION_WALKS),
    walks: misses,
    fetches: [...stage1Fetches, ...stage2Fetches].reduce((sum, n) => sum + n, 0),
    stage1Fetches,
    stage2Fetches,
    walkCacheStage1Hits: c(A.CNT_WC1_HITS) + plain1,
    walkCacheStage1Misses: c(A.CNT_WC1_MISSES),
    walkCacheStage2Hits: c(A.CNT_WC2_HITS) + plain2,
    walkCacheStage2Misses: c(A.CNT_WC2_MISSES),
    stage2TlbHits: core.plan.stage2Tlb > 0 ? c(A.CNT_S2TLB_HITS) : 0,
    stage2TlbMisses: core.plan.stage2Tlb > 0 ? c(A.CNT_S2TLB_MISSES) : 0,
    configHits: core.plan.configCache ? requests - c(A.CNT_DISABLED) - c(A.CNT_CONFIG_MISSES) : 0,
    configMisses: c(A.CNT_CONFIG_MISSES),
    steFetches: c(A.CNT_STE_FETCHES),
    cdFetches: c(A.CNT_CD_FETCHES),
    invalidations: c(A.CNT_INVALIDATIONS),
    invalidatedEntries: c(A.CNT_INVALIDATED),
    collateralEntries: c(A.CNT_COLLATERAL),
    evictedEntries: c(A.CNT_EVICTED),
    translationsGranted: c(A.CNT_ATS_GRANTED),
    translationsDenied: c(A.CNT_ATS_DENIED),
    translationsUnsupported: c(A.CNT_ATS_UNSUPPORTED),
    translationsAborted: c(A.CNT_ATS_ABORTED),
    translatedAccesses: c(A.CNT_ATS_TRANSLATED),
    faults: faultsByName(core, nameOf),
  };
}
