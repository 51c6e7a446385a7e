// Random sequences of everything that can be done to a machine, with restorations on the way.

import { describe, expect, it } from "vitest";
import { SMMUV3 } from "./smmuv3-kind.js";
import { runTwins } from "./twins.js";
import { VTD } from "./vtd-kind.js";

/** Counters that must not be 0: what the sequences are meant to have. */
function expectCounted(counters: object, ...names: string[]): void {
  const counted = new Map(Object.entries(counters));
  expect(names.filter((name) => !((counted.get(name) as number) > 0))).toEqual([]);
}

describe("an SMMUv3 with stalled transactions and page requests", () => {
  it.each([1, 2])("goes on as if nothing had happened (seed %i)", (seed) => {
    const smmu = runTwins(SMMUV3, { seed, steps: 700, period: 40, caches: true });
    expectCounted(
      smmu.counters(),
      ...["iotlbHits", "evictedEntries", "translated", "stalls", "stallRetries", "stallsTerminated"],
      ...["pageRequestsQueued", "pageRequestsOverflowed", "eventsRecorded", "eventsLost"],
      ...["translationsGranted", "translatedAccesses"],
    );
  });

  it.each([11])("answers the same with cold caches (seed %i)", (seed) => {
    const smmu = runTwins(SMMUV3, { seed, steps: 400, period: 40, caches: false });
    expectCounted(smmu.counters(), "iotlbHits", "stallRetries", "pageRequestsQueued");
  });
});

describe("a VT-d unit with faults and page requests", () => {
  it.each([1, 2])("goes on as if nothing had happened (seed %i)", (seed) => {
    const vtd = runTwins(VTD, { seed, steps: 700, period: 40, caches: true });
    expectCounted(
      vtd.counters(),
      ...["iotlbHits", "evictedEntries", "translated", "bypassed", "faulted", "invalidatedEntries"],
      ...["pageRequestsQueued", "pageRequestsOverflowed", "pageRequestsFaulted"],
    );
  });

  it.each([11])("answers the same with cold caches (seed %i)", (seed) => {
    const vtd = runTwins(VTD, { seed, steps: 400, period: 40, caches: false });
    expectCounted(vtd.counters(), "iotlbHits", "faulted", "pageRequestsQueued");
  });
});
