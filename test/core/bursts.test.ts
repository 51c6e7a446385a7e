// Bursts: many requests of one source in a row, which the core answers in a loop of their own. Nothing but speed may depend
// on it: a machine that gets them in one batch, and one that gets them one by one, answer, count and evict the same.

import { describe, expect, it } from "vitest";
import type { SmmuV3Options } from "../../src/index.js";
import { PAGE, world } from "./hit-world.js";
import { type Rig, random, tlbiVa } from "./rig.js";
import { SCALAR } from "./scalar-build.js";

const UPPER = 0xffff_0000_0000_0000n;
const PASID = 0x8000_0000;
const BATCH = 512;
type Request = readonly [stream: number, iova: bigint, access: number, pasid: number];

/** Bursts of 1 to 120 requests; one in `faults` goes to nowhere. */
function bursts(next: (below: number) => number, faults: number): Request[] {
  const requests: Request[] = [];
  while (requests.length < BATCH) {
    const stream = next(12) === 0 ? 3 : next(3);
    const pasid = stream === 1 ? PASID + next(4) : 0;
    const pages = stream === 2 ? 0x208 : 1 + next(40);
    const mixed = next(4) === 0;
    for (let n = 1 + next(120); n > 0; --n) {
      const page = next(faults) === 0 ? 0x300 + next(1000) : next(pages);
      const iova = BigInt(page) * PAGE + BigInt(next(4096));
      // Stream 0: the upper half, a top byte, or bits that must be 0.
      const above =
        stream !== 0 || !mixed ? 0n : [UPPER, 0x5aff_0000_0000_0000n, 0x5a00n << 48n, 1n << 50n][next(4)]!;
      requests.push([stream, iova + above, next(12) === 0 ? 1 : 0, pasid]);
    }
  }
  return requests.slice(0, BATCH);
}

function answers({ smmu: { batch } }: Rig): unknown {
  const { pa, status, leafLg2, fetches, source } = batch;
  return [pa, status, leafLg2, fetches, source].map((column) => column.slice(0, BATCH));
}

const MACHINES: Record<string, SmmuV3Options> = {
  "the fast layout": {},
  "room for everything": { iotlb: { entries: 4096, ways: 4 } },
  "the scalar build": { core: SCALAR },
  LRU: { iotlb: { entries: 64, ways: 4, policy: "lru" } },
  "tree PLRU of eight ways": { iotlb: { entries: 64, ways: 8, policy: "plru" } },
  "sixteen ways in five sets": { iotlb: { entries: 80, ways: 16 } },
};

describe("a burst of one source", () => {
  for (const [name, options] of Object.entries(MACHINES)) {
    it(`is answered as its requests one by one, with ${name}`, () => {
      const [whole, single] = [world(options), world(options)];
      const next = random(0xb0b5);
      for (let round = 0; round < 12; ++round) {
        const requests = bursts(next, [1000, 40, 4][round % 3]!);
        for (const rig of [whole, single]) {
          rig.smmu.batch.pa.fill(~0n);
          rig.smmu.batch.status.fill(0x77);
        }
        whole.run(requests);
        single.run(requests.slice(0, 1));
        const { stream, iova, access, pasid } = whole.smmu.batch;
        single.smmu.batch.stream.set(stream);
        single.smmu.batch.iova.set(iova);
        single.smmu.batch.access.set(access);
        single.smmu.batch.pasid.set(pasid);
        for (let i = 1; i < BATCH; ++i) single.smmu.run(1, i);
        expect(answers(single), `round ${round}`).toEqual(answers(whole));
        expect(single.smmu.counters()).toEqual(whole.smmu.counters());
        const page = BigInt(next(40)) * PAGE;
        for (const rig of [whole, single]) {
          for (let asid = 1; asid < 6; ++asid) rig.smmu.issue(tlbiVa(asid, page));
        }
      }
      expect(whole.events).toEqual(single.events);
      expect(whole.events.length).toBeGreaterThan(100);
      expect(whole.smmu.counters().evictedEntries > 0).toBe(name !== "room for everything");
    });
  }

  it("that begins in one half of the address space goes on in the other (IHI 0070 5.4 TTB0, TTB1)", () => {
    const rig = world({ iotlb: { entries: 4096, ways: 4 } });
    const requests = Array.from({ length: 400 }, (_, i): Request => {
      return [0, (i % 50 < 25 ? 0n : UPPER) + BigInt(i % 40) * PAGE, 0, 0];
    });
    for (let pass = 0; pass < 6; ++pass) expect(rig.run(requests)).toBe(0);
    expect(rig.answers(400)).toEqual(
      requests.map(([, iova], i) => {
        const page = BigInt(i % 40) ^ 5n;
        return `0x${((iova >= UPPER ? 0x2_0000_0000n : 0x1_0000_0000n) + page * PAGE).toString(16)}`;
      }),
    );
    expect(rig.smmu.counters().iotlbMisses).toBe(80);
  });
});
