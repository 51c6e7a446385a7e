// A batch of a device TLB equals its accesses one by one: the same answers, counters, events and translation requests,
// over a real SMMUv3 whose tables and translations come and go.

import { describe, expect, it } from "vitest";
import { DeviceTlb, type DeviceTlbOptions } from "../../src/index.js";
import { AtsWorld, EATS, RW1, S1DSS, STREAM, type WorldOptions } from "../ats/ats-world.js";
import { Random } from "../property/random.js";

const SEED = 77;
const PASID_VALID = 0x8000_0000;
const STATUSES = ["ok", "denied", "aborted", "failed"];
const SOURCES = ["device-tlb", "translation-request", "untranslated"];

const full = EATS.full | S1DSS.ssid0;

interface Side {
  readonly world: AtsWorld;
  readonly tlb: DeviceTlb;
  readonly events: Uint8Array[];
}

function side(options: WorldOptions, geometry: Omit<DeviceTlbOptions, "stream">): Side {
  const events: Uint8Array[] = [];
  const world = new AtsWorld({ batchCapacity: 32, eventSink: (record) => events.push(record), ...options });
  return {
    world,
    tlb: new DeviceTlb(world.smmu, { stream: STREAM, batchCapacity: 100, ...geometry }),
    events,
  };
}

describe.each<[string, WorldOptions]>([
  ["full ATS", { word1: full }],
  ["full ATS, checked", { word1: full, cr0: 0x1d }],
  ["split-stage", { word1: EATS.split | S1DSS.ssid0, cr0: 0x1d }],
  ["no ATS", { word1: EATS.none | S1DSS.ssid0 }],
])("%s", (_, options) => {
  it.each([
    { entries: 16, ways: 4, policy: "lru" },
    { entries: 6, ways: 2, policy: "fifo" },
  ] as const)("$entries entries, $policy", (geometry) => {
    const random = new Random(SEED);
    const one = side(options, geometry);
    const many = side(options, geometry);
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < 8; n++) {
        const page = random.below(16);
        const leaf = random.pick([0n, RW1, RW1, RW1 | 0x80n, RW1 & ~0x40n, RW1 | (1n << 54n)]);
        const pa = random.between(1, 1000);
        for (const { world } of [one, many]) {
          if (leaf === 0n) world.page(1, page, 0n);
          else world.map(page, 16 + page, pa, leaf);
          world.issue("3000000000000000 0000000000000000");
        }
        const invalidation = { stream: STREAM, global: false, iova: BigInt(page) << 12n, sizeLg2: 12 };
        for (const { tlb } of [one, many]) tlb.invalidate(invalidation);
      }
      const count = random.between(0, 100);
      const { batch } = many.tlb;
      for (let n = 0; n < count; n++) {
        // Few pages, some beyond the table; PASID 9 is beyond S1CDMax.
        batch.iova[n] = BigInt(random.below(17)) * 0x1000n + BigInt(random.below(4096));
        if (random.chance(0.02)) batch.iova[n] = BigInt(random.word()) << 32n;
        batch.access[n] = random.below(8);
        batch.pasid[n] = random.pick([0, 0, 5, PASID_VALID, PASID_VALID + 1, PASID_VALID + 9]);
      }
      const failed = many.tlb.run(count);
      const expected = Array.from({ length: count }, (_, n) => {
        const word = batch.pasid[n]!;
        const answer = one.tlb.translate({
          ...(word >= PASID_VALID && { pasid: word - PASID_VALID }),
          iova: batch.iova[n]!,
          write: (batch.access[n]! & 1) !== 0,
          execute: (batch.access[n]! & 2) !== 0,
          privileged: (batch.access[n]! & 4) !== 0,
        });
        return [answer.pa, answer.status, answer.source];
      });
      const got = Array.from({ length: count }, (_, n) => [
        batch.pa[n],
        STATUSES[batch.status[n]!],
        SOURCES[batch.source[n]!],
      ]);
      expect(got, `seed ${SEED}, round ${round}`).toEqual(expected);
      expect(failed).toBe(expected.filter(([, status]) => status !== "ok").length);
    }
    expect(many.tlb.counters()).toEqual(one.tlb.counters());
    expect(many.events).toEqual(one.events);
    const of = ({ world }: Side): object => ({ ...world.smmu.counters() });
    expect(of(many)).toEqual(of(one));
  });
});

it("refuses a count that does not fit", () => {
  const { tlb } = side({}, {});
  expect(() => tlb.run(101)).toThrow(/"count" expected 0\.\.100, got 101/);
  expect(() => tlb.run(-1)).toThrow(/"count"/);
});
