// What is counted, against walks worked out by hand.

import { describe, expect, it } from "vitest";
import type { SmmuV3Options } from "../../src/index.js";
import { nestedByHand, PA, VA } from "./nested-by-hand.js";
import { CD_WORD, Rig, tlbiAsid, tlbiEverything } from "./rig.js";

function nested(options: SmmuV3Options = {}): Rig {
  const rig = new Rig(options);
  for (const [address, value] of nestedByHand()) rig.words(address, value);
  return rig;
}

describe("a nested walk", () => {
  it("reads 24 descriptors without walk caches, 4 more for the CD's address, none when the IOTLB hits", () => {
    const rig = nested({ walkCaches: "off" });
    const { smmu } = rig;
    expect(smmu.translate({ stream: 0, iova: VA + 0x123n })).toMatchObject({
      pa: PA + 0x123n,
      leafLg2: 12,
      fetches: 28,
      source: "walk",
    });
    // By level -1 to 3. Stage 2: the CD, four stage-1 tables, the data.
    expect(smmu.counters()).toMatchObject({
      requests: 1,
      translated: 1,
      walks: 1,
      iotlbHits: 0,
      iotlbMisses: 1,
      configHits: 0,
      configMisses: 1,
      steFetches: 1,
      cdFetches: 1,
      fetches: 28,
      stage1Fetches: [0, 1, 1, 1, 1],
      stage2Fetches: [0, 6, 6, 6, 6],
      stage2TlbHits: 0,
      stage2TlbMisses: 0,
      faults: {},
    });
    smmu.resetCounters();
    smmu.issue(tlbiEverything());
    expect(smmu.translate({ stream: 0, iova: VA })).toMatchObject({ pa: PA, fetches: 24, source: "walk" });
    expect(smmu.counters()).toMatchObject({
      requests: 1,
      configHits: 1,
      configMisses: 0,
      steFetches: 0,
      cdFetches: 0,
      fetches: 24,
      stage1Fetches: [0, 1, 1, 1, 1],
      stage2Fetches: [0, 5, 5, 5, 5],
      invalidations: 1,
      invalidatedEntries: 1,
    });
    smmu.resetCounters();
    expect(smmu.translate({ stream: 0, iova: VA })).toMatchObject({ pa: PA, fetches: 0, source: "iotlb" });
    expect(smmu.counters()).toMatchObject({
      requests: 1,
      iotlbHits: 1,
      iotlbMisses: 0,
      walks: 0,
      fetches: 0,
    });
  });

  it("reads 28 each time without any cache, STE and CD too", () => {
    const rig = nested({ walkCaches: "off", iotlb: "off", configCache: "off" });
    rig.run([
      [0, VA],
      [0, VA],
      [0, VA],
    ]);
    expect([...rig.smmu.batch.fetches.subarray(0, 3)]).toEqual([28, 28, 28]);
    expect(rig.smmu.counters()).toMatchObject({
      fetches: 84,
      steFetches: 3,
      cdFetches: 3,
      configMisses: 3,
      configHits: 0,
    });
  });

  it("reads 13 with cold caches: the second stage 2 starts at its last table", () => {
    const { smmu } = nested();
    // CD: 4. Each stage-1 table: 1 of stage 2 and its own. Data: 1.
    expect(smmu.translate({ stream: 0, iova: VA }).fetches).toBe(13);
    expect(smmu.counters()).toMatchObject({
      fetches: 13,
      stage1Fetches: [0, 1, 1, 1, 1],
      stage2Fetches: [0, 1, 1, 1, 6],
      walkCacheStage1Hits: 0,
      walkCacheStage1Misses: 1,
      walkCacheStage2Hits: 5,
      walkCacheStage2Misses: 1,
    });
  });

  it("reads 2 for the neighbouring page: both last tables are known", () => {
    const { smmu } = nested();
    smmu.translate({ stream: 0, iova: VA });
    smmu.resetCounters();
    expect(smmu.translate({ stream: 0, iova: VA + 0x1000n })).toMatchObject({
      pa: PA + 0x1000n,
      fetches: 2,
      source: "walk-cache",
    });
    expect(smmu.counters()).toMatchObject({
      fetches: 2,
      stage1Fetches: [0, 0, 0, 0, 1],
      stage2Fetches: [0, 0, 0, 0, 1],
      walkCacheStage1Hits: 1,
      walkCacheStage2Hits: 1,
      iotlbMisses: 1,
      configHits: 1,
    });
  });

  it("finds the tables' stage 2 in the stage-2 TLB after the ASID went", () => {
    const { smmu } = nested();
    smmu.translate({ stream: 0, iova: VA });
    smmu.issue(tlbiAsid(1, 1));
    smmu.resetCounters();
    // Four stage-1 descriptors; their addresses are known; the data page by the last table of stage 2.
    expect(smmu.translate({ stream: 0, iova: VA }).fetches).toBe(5);
    expect(smmu.counters()).toMatchObject({
      stage1Fetches: [0, 1, 1, 1, 1],
      stage2Fetches: [0, 0, 0, 0, 1],
      stage2TlbHits: 4,
      stage2TlbMisses: 0,
    });
  });
});

describe("a walk of one stage", () => {
  it("counts five levels from -1 with 52-bit addresses (LPA2)", () => {
    const rig = new Rig({ walkCaches: "off" });
    const table = rig.table(1, { inputBits: 52, outputBits: 52, ds: true });
    table.map(0xf_1234_5678_9000n, 0xa_0000_0000_0000n, 0x1000n);
    const cd = rig.cdAddress();
    // T0SZ = 12, IPS = 52 bits, DS.
    rig.words(cd, (CD_WORD & ~0x7_0000_003fn) | (6n << 32n) | 12n, table.root, 1n << 58n);
    rig.ste(0, cd | 0xbn);
    expect(rig.smmu.translate({ stream: 0, iova: 0xf_1234_5678_9abcn })).toMatchObject({
      pa: 0xa_0000_0000_0abcn,
      fetches: 5,
    });
    expect(rig.smmu.counters()).toMatchObject({
      stage1Fetches: [1, 1, 1, 1, 1],
      stage2Fetches: [0, 0, 0, 0, 0],
    });
  });

  it("ends at the level of a block", () => {
    const rig = new Rig({ walkCaches: "off" });
    rig.stage1(0, 1).table.map(0n, 0x4000_0000n, 0x4000_0000n);
    rig.stage2(1, 1).map(0n, 0x20_0000n, 0x20_0000n);
    expect(rig.smmu.translate({ stream: 0, iova: 0x1234_5678n })).toMatchObject({ fetches: 2, leafLg2: 30 });
    expect(rig.smmu.translate({ stream: 1, iova: 0x1_2345n })).toMatchObject({ fetches: 3, leafLg2: 21 });
    expect(rig.smmu.counters()).toMatchObject({
      stage1Fetches: [0, 1, 1, 0, 0],
      stage2Fetches: [0, 1, 1, 1, 0],
    });
  });

  it("counts the descriptors up to the one that faults", () => {
    const rig = new Rig();
    const { table } = rig.stage1(0, 1);
    table.map(0n, 0x7000n, 0x1000n);
    expect(rig.smmu.translate({ stream: 0, iova: 1n << 40n })).toMatchObject({ ok: false, fetches: 1 });
    expect(rig.smmu.translate({ stream: 0, iova: 1n << 21n })).toMatchObject({ ok: false, fetches: 3 });
    // The table of level 2 is known by now.
    expect(rig.smmu.translate({ stream: 0, iova: 2n << 21n })).toMatchObject({ ok: false, fetches: 1 });
    expect(rig.smmu.counters()).toMatchObject({
      stage1Fetches: [0, 2, 1, 2, 0],
      iotlbMisses: 3,
      translated: 0,
    });
  });
});

describe("outcomes", () => {
  it("are counted apart, and faults by name", () => {
    const rig = new Rig();
    const { smmu } = rig;
    const { table } = rig.stage1(0, 1);
    table.map(0n, 0x7000n, 0x1000n, { write: false });
    table.map(0x1000n, 0x8000n, 0x1000n, { accessed: false });
    rig.ste(1, 0x9n);
    rig.ste(2, 0x1n);
    rig.run([
      [0, 0n],
      [0, 0n],
      [0, 0n, 1],
      [0, 0x1000n],
      [0, 0x2000n],
      [0, 0x3000n],
      [1, 0x5n],
      [1, 1n << 60n],
      [2, 0n],
      [3, 0n],
      [4096, 0n],
      [0, 0n, 0, 0x8000_0001],
    ]);
    expect(smmu.counters()).toMatchObject({
      requests: 12,
      translated: 2,
      bypassed: 1,
      aborted: 1,
      faulted: 8,
      permissionWalks: 1,
      iotlbHits: 1,
      iotlbMisses: 5,
      faults: {
        F_PERMISSION: 1,
        F_ACCESS: 1,
        F_TRANSLATION: 2,
        F_ADDR_SIZE: 1,
        C_BAD_STE: 1,
        C_BAD_STREAMID: 1,
        C_BAD_SUBSTREAMID: 1,
      },
    });
    expect(Object.keys(smmu.counters().faults).length).toBe(7);
    const names = smmu.faults().map(({ name }) => name);
    expect(names.length).toBe(8);
    expect(names[0]).toBe("F_PERMISSION");
  });

  it("with SMMUEN = 0 are bypassed or aborted, and looked up nowhere", () => {
    const { smmu } = new Rig();
    smmu.write32(0x20, 0);
    smmu.translate({ stream: 0, iova: 0x1000n });
    smmu.translate({ stream: 0, iova: 1n << 60n });
    expect(smmu.counters()).toMatchObject({
      requests: 2,
      bypassed: 1,
      aborted: 1,
      iotlbHits: 0,
      iotlbMisses: 0,
      steFetches: 0,
      fetches: 0,
      configMisses: 0,
    });
  });

  it("with SMMUEN = 0 have no configuration, cached or not: no configHits", () => {
    const { smmu } = new Rig();
    smmu.write32(0x20, 0);
    smmu.translate({ stream: 0, iova: 0x1000n });
    expect(smmu.counters()).toMatchObject({ requests: 1, configHits: 0, configMisses: 0 });
  });

  it("are 0 everywhere after resetCounters; the caches stay warm", () => {
    const rig = nested();
    rig.run([
      [0, VA],
      [5, 0n],
    ]);
    rig.smmu.resetCounters();
    const counters = rig.smmu.counters();
    expect(counters.faults).toEqual({});
    const { faults: _, ...numbers } = counters;
    expect(
      Object.values(numbers)
        .flat()
        .every((n) => n === 0),
    ).toBe(true);
    expect(rig.smmu.translate({ stream: 0, iova: VA }).source).toBe("iotlb");
  });

  it("evictions and invalidated entries add up", () => {
    const rig = new Rig({ iotlb: { entries: 4, ways: 4 } });
    const { table } = rig.stage1(0, 1);
    table.map(0n, 0x10_0000n, 0x1_0000n, { maxLeafLg2: 12 });
    rig.run(Array.from({ length: 10 }, (_, n) => [0, BigInt(n) << 12n]));
    expect(rig.smmu.counters()).toMatchObject({ iotlbMisses: 10, evictedEntries: 6, invalidatedEntries: 0 });
    rig.smmu.issue(tlbiAsid(2));
    expect(rig.smmu.counters()).toMatchObject({ invalidations: 1, invalidatedEntries: 0 });
    rig.smmu.issue(tlbiAsid(1));
    expect(rig.smmu.counters()).toMatchObject({
      invalidations: 2,
      invalidatedEntries: 4,
      collateralEntries: 0,
    });
  });

  it("an entry that was invalidated is not evicted once more when its way is taken", () => {
    const rig = new Rig({ iotlb: { entries: 4, ways: 4 } });
    const { table } = rig.stage1(0, 1);
    table.map(0n, 0x10_0000n, 0x1_0000n, { maxLeafLg2: 12 });
    const four = (first: number) =>
      Array.from({ length: 4 }, (_, n) => [0, BigInt(first + n) << 12n] as const);
    rig.run(four(0));
    rig.smmu.issue(tlbiAsid(1));
    rig.run(four(4));
    expect(rig.smmu.counters()).toMatchObject({ iotlbMisses: 8, invalidatedEntries: 4, evictedEntries: 0 });
  });
});
