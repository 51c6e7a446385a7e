// Bound functions against `translate`: two machines with the same streams and tables, one asked by address, one by
// request. What a request gets, what is recorded and what is counted must be the same.

import { describe, expect, it } from "vitest";
import { type BoundSource, type SmmuV3Options, VtdIommu } from "../../src/index.js";
import { StallWorld } from "../smmuv3/stall-world.js";
import { world } from "./embedder.js";
import { CD_HTTU, CD_WORD, Rig, random, tlbiVa } from "./rig.js";
import { SCALAR } from "./scalar-build.js";

const PAGE = 0x1000n;

/**
 * Streams 0 nested, 1 stage 1 with 2 MiB blocks and pages, 2 stage 2, 3 bypass, 4 abort, 5 with 16 PASIDs, 6 with HTTU, 7
 * whose STE makes every access privileged, 8 without an STE; 20 pages each, the odd ones read-only.
 */
function streams(options: SmmuV3Options): Rig {
  const rig = new Rig(options);
  const { stage1, stage2 } = rig.nested(0, 1, 1);
  const { table: blocks } = rig.stage1(1, 2);
  const { table: flags } = rig.stage1(6, 3, CD_HTTU);
  const { table: privileged, cd } = rig.stage1(7, 4);
  rig.ste(7, cd | 0xbn, (3n << 48n) | (1n << 44n));
  const second = rig.stage2(2, 2);
  rig.ste(3, 0x9n, 1n << 44n);
  rig.ste(4, 0x1n);
  const cds = rig.cdAddress(16);
  rig.ste(5, cds | 0xbn | (4n << 59n), 2n);
  for (let n = 0n; n < 20n; ++n) {
    const write = n % 2n === 0n;
    stage1.map(n * PAGE, 0x1000_0000n + n * PAGE, PAGE, { write, user: n % 3n !== 0n });
    stage2.map(0x1000_0000n + n * PAGE, 0x7000_0000n + n * 2n * PAGE, PAGE);
    second.map(n * PAGE, 0x8000_0000n + n * PAGE, PAGE, { write });
    flags.map(n * PAGE, 0x9000_0000n + n * PAGE, PAGE, { accessed: n % 3n !== 0n, write: false, dbm: write });
    privileged.map(n * PAGE, 0xb000_0000n + n * PAGE, PAGE, { user: write });
  }
  blocks.map(0n, 0xa000_0000n, 0x20_0000n);
  blocks.map(0x20_0000n, 0xa020_1000n, PAGE);
  for (let pasid = 0; pasid < 16; ++pasid) {
    const table = rig.table(1);
    table.map(0n, BigInt(pasid + 1) * 0x10_0000n, 4n * PAGE);
    rig.words(cds + BigInt(pasid) * 64n, CD_WORD | (BigInt(pasid + 16) << 48n), table.root);
  }
  return rig;
}

function sourceOf(next: (below: number) => number): BoundSource {
  const stream = next(9);
  const source: BoundSource = {
    stream,
    write: next(2) === 1,
    privileged: next(4) === 0,
    execute: next(8) === 0,
  };
  if (stream === 5 && next(4) !== 0) source.pasid = next(20);
  return source;
}

const MACHINES: Record<string, SmmuV3Options> = {
  "the fast layout": {},
  "no caches": { iotlb: "off", walkCaches: "off", configCache: "off" },
  "LRU of eight ways": { iotlb: { entries: 64, ways: 8, policy: "lru" } },
  "three contexts": { configCache: { contexts: 3 }, iotlb: { entries: 16, ways: 4 } },
  "the scalar build": { core: SCALAR },
};

describe("a bound function", () => {
  for (const [name, options] of Object.entries(MACHINES)) {
    it(`gives, records and counts what translate does, with ${name} (IHI 0070 3.3, 7.3)`, () => {
      const [bound, plain] = [streams(options), streams(options)];
      const next = random(0x5eed);
      for (let n = 0; n < 1500; ++n) {
        const source = sourceOf(next);
        const page = next(24) === 0 ? 2 ** 40 / 4096 + next(4) : next(24);
        const iova = next(16) === 0 ? 0x20_0000 + next(4096) : page * 4096 + next(4096);
        const answer = plain.smmu.translate({ ...source, iova: BigInt(iova) });
        const wide = n % 3 === 0;
        const got = wide ? bound.smmu.bind64(source)(BigInt(iova)) : bound.smmu.bind(source)(iova);
        expect(typeof got).toBe(wide ? "bigint" : "number");
        expect(BigInt(got) >= 0n ? BigInt(got) : -1n, `request ${n}`).toBe(answer.ok ? answer.pa : -1n);
        if (!answer.ok) {
          // STATUS_ABORTED without a fault, or 0x80 | event type.
          expect(-Number(got)).toBe(answer.fault ? 0x80 | answer.fault.type : 3);
          expect(bound.smmu.faults()).toEqual(plain.smmu.faults());
        }
        if (n % 50 !== 0) continue;
        const invalidation = tlbiVa(1, BigInt(next(20)) * PAGE, 1);
        for (const rig of [bound, plain]) rig.smmu.issue(invalidation);
      }
      expect(bound.events).toEqual(plain.events);
      expect(bound.events.length).toBeGreaterThan(100);
      expect(bound.smmu.counters()).toEqual(plain.smmu.counters());
    });
  }

  it("waits for external frames, and hands back those that hardware updates", () => {
    const { embedder, rig, table } = world({}, CD_HTTU);
    table.map(0n, 0x7000_0000n, PAGE, { accessed: false, write: false, dbm: true });
    const { address } = table.lookup(0n)!;
    const [read, write] = [rig.smmu.bind({ stream: 0 }), rig.smmu.bind({ stream: 0, write: true })];
    expect(read(0x123)).toBe(0x7000_0123);
    expect(embedder.fills.length).toBeGreaterThan(0);
    expect(embedder.readU64(address) & (1n << 10n)).toBe(1n << 10n);
    expect(write(0x124)).toBe(0x7000_0124);
    // AP[2] clear: dirty.
    expect(embedder.readU64(address) & (1n << 7n)).toBe(0n);
    const { stores } = embedder;
    const before = stores.length;
    expect(write(0x125)).toBe(0x7000_0125);
    expect(stores.length).toBe(before);
  });

  it("stays good when memory grows, when configuration changes and after reset", () => {
    const rig = new Rig();
    rig.stage1(0, 1).table.map(0n, 0x7000_0000n, PAGE);
    const read = rig.smmu.bind({ stream: 0 });
    expect(read(0)).toBe(0x7000_0000);
    for (let n = 0n; n < 600n; ++n) rig.smmu.memory.writeU64(0x8000_0000n + n * 0x1_0000n, n);
    expect(read(1)).toBe(0x7000_0001);
    expect(read(0x1000)).toBe(-0x90); // F_TRANSLATION, read from the renewed columns
    rig.reset();
    rig.stage1(0, 1).table.map(0n, 0x9000_0000n, PAGE);
    expect(read(2)).toBe(0x9000_0002);
  });

  it("answers a stall with -4, and with the event where nobody can hold it (3.12)", () => {
    const stalling = new StallWorld({ maxStalled: 1 });
    const read = stalling.smmu.bind({ stream: 1 });
    expect(read(0x1000)).toBe(-4);
    expect(stalling.smmu.faults()[0]?.transaction).toBe(1);
    expect(read(0x2000)).toBe(-0x90);
    expect(stalling.smmu.faults()[0]?.transaction).toBeUndefined();
  });

  it("throws what the event sink throws, after the record is taken", () => {
    const rig = new Rig({
      eventSink: () => {
        throw new Error("sink");
      },
    });
    expect(() => rig.smmu.bind({ stream: 9 })(0)).toThrow("sink");
    expect(rig.smmu.faults()).toHaveLength(1);
  });

  it("takes integers in 0..2^52-1 and nothing else, and does nothing for the rest", () => {
    const rig = new Rig();
    rig.ste(3, 0x9n, 1n << 44n);
    const [read, wide] = [rig.smmu.bind({ stream: 3 }), rig.smmu.bind64({ stream: 3 })];
    expect([0, 1, 0xffff_ffff, 2 ** 52 - 1].map(read)).toEqual([0, 1, 0xffff_ffff, 2 ** 52 - 1]);
    const { requests } = rig.smmu.counters();
    for (const bad of [
      -1,
      -0.25,
      0.5,
      1.25,
      2 ** 51 + 0.5,
      2 ** 52,
      2 ** 53,
      2 ** 64,
      -(2 ** 52),
      NaN,
      Infinity,
    ]) {
      expect(() => read(bad), `${bad}`).toThrow(RangeError);
    }
    expect(() => read(undefined as unknown as number)).toThrow(
      '"iova" expected an integer in 0..2^52-1, got undefined',
    );
    expect(() => read(5n as unknown as number)).toThrow(TypeError);
    for (const bad of [-1n, 1n << 64n]) expect(() => wide(bad)).toThrow(RangeError);
    expect(() => wide(5 as unknown as bigint)).toThrow(TypeError);
    expect(rig.smmu.counters().requests).toBe(requests);
  });

  it("wants a source of whole numbers in range", () => {
    const { smmu } = new Rig();
    expect(() => smmu.bind({ stream: -1 })).toThrow('"stream" expected an integer in 0..4294967295, got -1');
    expect(() => smmu.bind({ stream: "1" as unknown as number })).toThrow(
      '"stream" expected number, got string',
    );
    expect(() => smmu.bind64({ stream: 1, pasid: 2 ** 20 })).toThrow(
      '"pasid" expected an integer in 0..1048575',
    );
  });

  it("passes all 64 bits where nothing translates, also those that look negative (VT-d Rev 5.10, 11.4.4.2 TES)", () => {
    const vtd = new VtdIommu();
    const [read, wide] = [vtd.bind({ stream: 8 }), vtd.bind64({ stream: 8 })];
    const top = 2n ** 64n;
    for (const iova of [0n, 2n ** 63n, top - 1n, top - 2n, top - 3n, top - 256n])
      expect(wide(iova)).toBe(iova);
    expect(read(2 ** 51 + 5)).toBe(2 ** 51 + 5);
    expect(vtd.counters()).toMatchObject({ requests: 7, bypassed: 7 });
  });
});

describe("a run of a part of the batch", () => {
  it("answers those requests and leaves the others' rows alone", () => {
    const rig = new Rig({ batchCapacity: 64 });
    const { table } = rig.stage1(0, 1);
    for (let n = 0n; n < 64n; ++n) table.map(n * PAGE, 0x7000_0000n + n * PAGE, PAGE);
    rig.run(Array.from({ length: 64 }, (_, n) => [0, BigInt(n) * PAGE]));
    const whole = rig.answers(64);
    const { batch } = rig.smmu;
    // Sizes below, at and above what is written eight bytes at a time.
    for (const [first, count] of [
      [0, 64],
      [3, 1],
      [5, 7],
      [8, 8],
      [9, 23],
      [63, 1],
      [64, 0],
    ] as const) {
      for (const column of [batch.status, batch.leafLg2, batch.fetches, batch.source]) column.fill(0x77);
      batch.pa.fill(0x77n);
      expect(rig.smmu.run(count, first)).toBe(0);
      const inside = (i: number): boolean => i >= first && i < first + count;
      expect(rig.answers(64)).toEqual(whole.map((pa, i) => (inside(i) ? pa : "status 0x77")));
      for (const [column, value] of [
        [batch.source, 1],
        [batch.fetches, 0],
        [batch.leafLg2, 12],
      ] as const) {
        expect([...column.subarray(0, 64)]).toEqual(whole.map((_, i) => (inside(i) ? value : 0x77)));
      }
    }
    expect(() => rig.smmu.run(2, 63)).toThrow('"count" expected 0..1, got 2');
    expect(() => rig.smmu.run(1, 65)).toThrow('"first" expected 0..64, got 65');
    expect(() => rig.smmu.run(0, -1)).toThrow(RangeError);
    expect(() => rig.smmu.run(1.5)).toThrow(RangeError);
  });
});
