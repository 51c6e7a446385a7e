// The IOTLB as a cache: which lookups hit and miss, against a textbook model where there is one set, and by properties
// where an index hash has a say. Stage 1 alone, 4 KiB pages, none of them global.

import { beforeAll, describe, expect, it } from "vitest";
import type { SmmuV3Options } from "../../src/index.js";
import { Rig, random, tlbiAsid, tlbiEverything, tlbiVa, tlbiVaa } from "./rig.js";
import { SCALAR } from "./scalar-build.js";
import { OneSet, type Policy } from "./tlb-model.js";

const PAGE = 0x1000n;
const IOTLB = 1;

type Iotlb = Extract<NonNullable<SmmuV3Options["iotlb"]>, object>;

/** Streams 0 to `streams - 1` with ASID stream + 1 over tables of their own; pages 0 to `pages - 1` are mapped. */
function world(iotlb: Iotlb, streams: number, pages: number, core: "release" | Uint8Array = "release"): Rig {
  const rig = new Rig({ iotlb, core });
  for (let stream = 0; stream < streams; ++stream) {
    const { table } = rig.stage1(stream, stream + 1);
    for (let page = 0; page < pages; ++page) {
      table.map(BigInt(page) * PAGE, 0x1_0000_0000n * BigInt(stream + 1) + BigInt(page) * PAGE, PAGE);
    }
  }
  return rig;
}

interface Step {
  stream: number;
  page: number;
}

/** Random accesses with bursts on one page; `pages` is what they are drawn from. */
function accesses(next: (below: number) => number, n: number, streams: number, pages: number): Step[] {
  const steps: Step[] = [];
  while (steps.length < n) {
    const step = { stream: next(streams), page: next(pages) };
    for (let burst = next(4) === 0 ? next(150) : 1; burst > 0; --burst) steps.push(step);
  }
  return steps.slice(0, n);
}

/** Runs the steps as one batch; returns how many did not find what the model says, and checks every PA. */
function mismatches(rig: Rig, model: OneSet, steps: readonly Step[]): number {
  rig.run(steps.map(({ stream, page }) => [stream, BigInt(page) * PAGE + 0x10n]));
  const { source, pa32 } = rig.smmu.batch;
  let wrong = 0;
  for (const [i, { stream, page }] of steps.entries()) {
    const hit = model.access(stream + 1, BigInt(page));
    if (hit !== (source[i] === IOTLB)) ++wrong;
    if (pa32[2 * i] !== page * 0x1000 + 0x10 || pa32[2 * i + 1] !== stream + 1) wrong += 1000;
  }
  return wrong;
}

describe("an IOTLB of one set hits and misses as the textbook says", () => {
  const geometries: [Policy, readonly number[]][] = [
    ["lru", [1, 2, 3, 4, 7, 16, 48, 100]],
    ["fifo", [1, 2, 3, 4, 7, 16, 48, 100]],
    ["plru", [1, 2, 4, 8, 16, 64]],
  ];
  for (const [policy, sizes] of geometries) {
    for (const ways of sizes) {
      it(`${policy}, ${ways} ways, with invalidations by address and ASID between`, () => {
        const next = random(0x1234_5678 + ways);
        const pages = Math.max(3, Math.ceil(ways * 0.8));
        const rig = world({ entries: ways, ways, policy }, 2, pages, ways % 3 === 1 ? SCALAR : "release");
        const model = new OneSet(ways, policy);
        let dropped = 0;
        // Filled to the brim first: from then on free ways come from invalidations only.
        const fill = Array.from({ length: ways }, (_, n) => ({ stream: n & 1, page: n >> 1 }));
        expect(mismatches(rig, model, fill)).toBe(0);
        for (let round = 0; round < 60; ++round) {
          expect(mismatches(rig, model, accesses(next, 1 + next(300), 2, pages)), `round ${round}`).toBe(0);
          const asid = 1 + next(2);
          const page = BigInt(next(pages));
          const kind = next(8);
          if (kind < 4) {
            rig.smmu.issue(tlbiVa(asid, page * PAGE));
            dropped += model.invalidate((held) => held.asid === asid && held.page === page);
          } else if (kind === 4) {
            rig.smmu.issue(tlbiVaa(page * PAGE));
            dropped += model.invalidate((held) => held.page === page);
          } else if (kind === 5) {
            rig.smmu.issue(tlbiAsid(asid));
            dropped += model.invalidate((held) => held.asid === asid);
          } else if (kind === 6 && round % 10 === 0) {
            rig.smmu.issue(tlbiEverything());
            dropped += model.invalidate(() => true);
          }
        }
        expect(rig.smmu.counters().invalidatedEntries).toBe(dropped);
      });
    }
  }

  for (const [policy, ways] of [
    ["lru", 5],
    ["fifo", 4],
    ["fifo", 5],
    ["plru", 4],
  ] as const) {
    it(`${policy}, ${ways} ways, also when invalidations come before the set was ever full`, () => {
      const next = random(77);
      let wrong = 0;
      for (let round = 0; round < 12; ++round) {
        const rig = world({ entries: ways, ways, policy }, 1, 9);
        const model = new OneSet(ways, policy);
        for (const page of [0, 1, 2]) wrong += mismatches(rig, model, [{ stream: 0, page }]);
        rig.smmu.issue(tlbiVa(1, BigInt(round % 3) * PAGE));
        model.invalidate((held) => held.page === BigInt(round % 3));
        wrong += mismatches(rig, model, accesses(next, 200, 1, 9));
      }
      expect(wrong).toBe(0);
    });
  }

  it("fifo: a way freed and refilled before the set was ever full does not make the newest entry go first", () => {
    const rig = world({ entries: 4, ways: 4 }, 1, 9);
    const sourceOf = (page: number): number => {
      rig.run([[0, BigInt(page) * PAGE]]);
      return rig.smmu.batch.source[0]!;
    };
    for (const page of [0, 1, 2]) sourceOf(page);
    rig.smmu.issue(tlbiVa(1, 0n));
    // Into the freed way, and into the last free one: full for the first time.
    for (const page of [3, 4]) sourceOf(page);
    sourceOf(5);
    expect(sourceOf(4)).toBe(IOTLB);
  });

  it("the fast layout and the memo loop count like one set of 4, request by request, across batches of any size", () => {
    const next = random(4);
    const rig = world({ entries: 4, ways: 4 }, 3, 4);
    const model = new OneSet(4, "fifo");
    let left = 20_000;
    while (left > 0) {
      const n = Math.min(left, 1 + next(400));
      expect(mismatches(rig, model, accesses(next, n, 3, 4))).toBe(0);
      left -= n;
    }
    const { requests, iotlbHits, iotlbMisses } = rig.smmu.counters();
    expect([requests, iotlbHits + iotlbMisses]).toEqual([20_000, 20_000]);
  });
});

describe("an IOTLB of many sets", () => {
  const geometries: Iotlb[] = [];
  for (const policy of ["fifo", "lru", "plru", "random"] as const) {
    geometries.push({ entries: 64, ways: 4, policy }, { entries: 24, ways: 2, policy });
    if (policy !== "plru")
      geometries.push({ entries: 60, ways: 5, policy }, { entries: 13, ways: 1, policy });
  }
  for (const iotlb of geometries) {
    it(`counts every lookup as a hit or a miss (${iotlb.entries} x ${iotlb.ways} ${iotlb.policy})`, () => {
      const next = random(99);
      const rig = world(iotlb, 2, 60);
      let hits = 0;
      for (let round = 0; round < 8; ++round) {
        const steps = accesses(next, 700, 2, 60);
        rig.run(steps.map(({ stream, page }) => [stream, BigInt(page) * PAGE]));
        hits += rig.smmu.batch.source.subarray(0, 700).filter((code) => code === IOTLB).length;
        rig.smmu.issue(round % 3 === 2 ? tlbiAsid(1) : tlbiVa(1, BigInt(next(60)) * PAGE));
      }
      const { requests, iotlbHits, iotlbMisses, walks, evictedEntries, invalidatedEntries } =
        rig.smmu.counters();
      expect([requests, iotlbHits + iotlbMisses, iotlbHits]).toEqual([5600, 5600, hits]);
      expect(walks).toBe(iotlbMisses);
      // What was filled and has not left is still there: as much as the next invalidation finds.
      rig.smmu.issue(tlbiEverything());
      const resident = rig.smmu.counters().invalidatedEntries - invalidatedEntries;
      expect(resident).toBeGreaterThan(0);
      expect(iotlbMisses - evictedEntries - invalidatedEntries).toBe(resident);
    });

    it(`keeps a working set of ${iotlb.ways} pages (${iotlb.entries} x ${iotlb.ways} ${iotlb.policy})`, () => {
      const next = random(5);
      const rig = world(iotlb, 2, 60);
      for (let set = 0; set < 20; ++set) {
        rig.smmu.issue(tlbiEverything());
        const held = Array.from({ length: iotlb.ways }, () => [next(2), BigInt(next(60)) * PAGE] as const);
        rig.run(held);
        rig.smmu.resetCounters();
        for (let round = 0; round < 5; ++round) rig.run(held);
        expect(rig.smmu.counters().iotlbMisses).toBe(0);
      }
    });
  }

  describe("keeps one page of each of 1024 contexts, 2048 entries, 4 ways", () => {
    const streams = 1024;
    let rig: Rig;
    beforeAll(() => {
      // The same tables for all; the ASIDs differ, so the entries do.
      rig = new Rig();
      const table = rig.table(1);
      for (let stream = 0; stream < streams; ++stream) {
        rig.stage1(stream, stream + 1, 0n, table);
        for (const iova of [
          0xfff0_0000n,
          BigInt(stream) << 12n,
          BigInt(stream) << 21n,
          BigInt(stream) << 30n,
        ]) {
          if (!table.lookup(iova)) table.map(iova, 0x8000_0000n, PAGE);
        }
      }
    });
    const patterns: [string, (stream: bigint) => bigint][] = [
      ["the same page", () => 0xfff0_0000n],
      ["neighbouring pages", (stream) => stream << 12n],
      ["pages 2 MiB apart", (stream) => stream << 21n],
      ["pages 1 GiB apart", (stream) => stream << 30n],
    ];
    for (const [name, iovaOf] of patterns) {
      it(`${name}: at least 90 % resident`, () => {
        rig.smmu.issue(tlbiEverything());
        const all = Array.from({ length: streams }, (_, n) => [n, iovaOf(BigInt(n))] as const);
        rig.run(all);
        rig.smmu.resetCounters();
        rig.smmu.issue(tlbiEverything());
        expect(rig.smmu.counters().invalidatedEntries).toBeGreaterThanOrEqual(0.9 * streams);
        rig.run(all);
        // Round and round through the sets that overflow, FIFO keeps nothing: what hits is what fits.
        rig.smmu.resetCounters();
        rig.run(all);
        expect(rig.smmu.counters().iotlbHits).toBeGreaterThanOrEqual(0.85 * streams);
      });
    }
  });
});

describe("an IOTLB that is off", () => {
  it("never answers and counts neither hits nor misses", () => {
    const rig = new Rig({ iotlb: "off" });
    const { table } = rig.stage1(0, 1);
    table.map(0n, 0x7000n, PAGE);
    rig.run(Array.from({ length: 100 }, () => [0, 0x10n]));
    expect(new Set(rig.answers(100))).toEqual(new Set(["0x7010"]));
    expect(rig.smmu.counters()).toMatchObject({ requests: 100, iotlbHits: 0, iotlbMisses: 0, walks: 100 });
    expect(rig.smmu.batch.source.subarray(0, 100).includes(IOTLB)).toBe(false);
  });
});
