// Invalidation by tag gives a space a new id; there are 2^18 - 1 of them, and the ids of the past come again after a
// sweep. More invalidations than ids, and nothing old may ever answer.

import { describe, expect, it } from "vitest";
import { Rig, tlbiAsid, tlbiVm } from "./rig.js";

const ROUNDS = 300_000;
/** Ids there are: 18 bits, 0 unused. */
const IDS = 262_143;
const IOTLB = 1;
const PAGE = 0x1000n;
const OLD = 0x1_0000_0000n;
const NEW = 0x2_0000_0000n;
/** As many as there are sets of the default IOTLB: an entry of each early id stays where it is. */
const PAGES = 512;
/** By how many rounds the wrap may be earlier or later than ids suggest: other spaces have some. */
const SLACK = 8;

type Move = (page: number, base: number) => void;

/**
 * Rounds of `invalidate`, which takes `idsARound` ids, and accesses that must miss and get the moved page; returns
 * the number of wrong answers. The first rounds leave an entry of each early id behind, each for a page of its own.
 * The pages move. After the wrap each page is looked up once, some in just the round that has the page's old id.
 */
function wrap(rig: Rig, invalidate: Uint8Array, idsARound: number, move: Move): number {
  const { smmu } = rig;
  const { batch } = smmu;
  const rounds = Math.ceil(ROUNDS / idsARound);
  const wrapAt = Math.floor(IDS / idsARound);
  const early = Math.floor(PAGES / idsARound);
  const lateRound = (page: number): number => wrapAt + page + (page % (2 * SLACK)) - SLACK;
  const late = new Map<number, number[]>();
  for (let page = 0; page < early; ++page) {
    late.set(lateRound(page), [...(late.get(lateRound(page)) ?? []), page]);
  }
  let wrong = 0;
  const look = (page: number, base: number): void => {
    batch.iova32[0] = page * 0x1000;
    wrong += smmu.run(1);
    if (batch.source[0] === IOTLB) ++wrong;
    if (batch.pa32[0] !== page * 0x1000 || batch.pa32[1] !== base) ++wrong;
  };
  batch.stream[0] = 0;
  let base = 1;
  for (let round = 0; round < rounds; ++round) {
    if (round >= early && round % 1000 === 0) {
      base = 3 - base;
      move(PAGES, base);
    }
    smmu.issue(invalidate);
    if (round < early) {
      look(round, 1);
      move(round, 2);
    } else {
      look(PAGES, base);
      for (const page of late.get(round) ?? []) look(page, 2);
    }
    // With two ids a round: which of them is odd must not matter.
    if (idsARound === 2 && round > wrapAt && round % 64 === 0) {
      smmu.issue(tlbiAsid(5, 9));
      look(PAGES, base);
    }
  }
  return wrong;
}

describe("more invalidations than ids", () => {
  it(`${ROUNDS} x TLBI_NH_ASID, each with a miss after it and the PA that the tables say; other ASIDs stay`, () => {
    const rig = new Rig();
    const { table } = rig.stage1(0, 5);
    const other = rig.stage1(1, 6).table;
    for (let page = 0n; page <= PAGES; ++page) table.map(page * PAGE, OLD + page * PAGE, PAGE);
    // Entries that live through it all, under an id of their own.
    for (let page = 0n; page < 8n; ++page) other.map(page * PAGE, 3n * OLD + page * PAGE, PAGE);
    const bystanders = Array.from({ length: 8 }, (_, n) => [1, BigInt(n) * PAGE] as const);
    rig.run(bystanders);
    const wrong = wrap(rig, tlbiAsid(5), 1, (page, base) => {
      const { address, descriptor } = table.lookup(BigInt(page) * PAGE)!;
      rig.smmu.memory.writeU64(address, (descriptor & ~OLD & ~NEW) | (BigInt(base) << 32n));
    });
    expect(wrong).toBe(0);
    expect(rig.smmu.counters().iotlbHits).toBe(0);
    rig.run(bystanders);
    expect(rig.answers(8)).toEqual(bystanders.map((_, n) => `0x30000${n}000`));
    // And the caches work as ever.
    rig.run(bystanders);
    expect(rig.smmu.counters().iotlbHits).toBeGreaterThanOrEqual(8);
    const all = Array.from({ length: PAGES }, (_, n) => [0, BigInt(n) * PAGE] as const);
    rig.run(all);
    rig.run(all);
    expect(rig.answers(PAGES)).toEqual(all.map(([, iova]) => `0x${(NEW + iova).toString(16)}`));
  });

  it("TLBI_S12_VMALL of a nested stream, stage-2 entries and table pointers included", () => {
    const rig = new Rig();
    const { stage1, stage2 } = rig.nested(0, 5, 9);
    for (let page = 0n; page <= PAGES; ++page) {
      stage1.map(page * PAGE, 0x8000_0000n + page * PAGE, PAGE);
      stage2.map(0x8000_0000n + page * PAGE, OLD + page * PAGE, PAGE);
    }
    const wrong = wrap(rig, tlbiVm(9), 2, (page, base) => {
      const { address, descriptor } = stage2.lookup(0x8000_0000n + BigInt(page) * PAGE)!;
      rig.smmu.memory.writeU64(address, (descriptor & ~OLD & ~NEW) | (BigInt(base) << 32n));
    });
    expect(wrong).toBe(0);
    expect(rig.smmu.counters()).toMatchObject({ iotlbHits: 0, faulted: 0 });
  });

  it("address spaces whose records are reclaimed, each time with an id of its own", () => {
    // One context and 66 records for 100 ASIDs in turn: nearly every request makes its space anew.
    const rig = new Rig({ configCache: { contexts: 1 } });
    const { batch } = rig.smmu;
    for (let stream = 0; stream < 100; ++stream) {
      rig.stage1(stream, stream + 1).table.map(0n, BigInt(stream + 1) << 32n, PAGE);
    }
    const n = 4000;
    for (let i = 0; i < n; ++i) {
      batch.stream[i] = i % 100;
      batch.iova[i] = 0x10n;
    }
    let wrong = 0;
    for (let done = 0; done < ROUNDS; done += n) {
      wrong += rig.smmu.run(n);
      for (let i = 0; i < n; ++i) {
        if (batch.pa32[2 * i] !== 0x10 || batch.pa32[2 * i + 1] !== (i % 100) + 1) ++wrong;
        if (batch.source[i] === IOTLB) ++wrong;
      }
    }
    expect(wrong).toBe(0);
    expect(rig.smmu.counters()).toMatchObject({ configMisses: ROUNDS, iotlbMisses: ROUNDS, iotlbHits: 0 });
    // Two streams stay within the records: their entries stay too.
    rig.smmu.resetCounters();
    rig.run(Array.from({ length: 100 }, (_, i) => [i % 2, 0x10n]));
    expect(rig.smmu.counters()).toMatchObject({ iotlbMisses: 2, iotlbHits: 98 });
  });
});
