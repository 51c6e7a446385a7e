// A batch is only a way to ask: answers do not depend on its size, the build of the core or the cache geometry, and
// what the caches do does not depend on where one batch ends and the next begins.

import { beforeAll, describe, expect, it } from "vitest";
import type { SmmuV3Options } from "../../src/index.js";
import { CD_HTTU, CD_WORD, IPA_OFFSET, Rig, random } from "./rig.js";
import { SCALAR } from "./scalar-build.js";

const REQUESTS = 100_000;
const PAGE = 0x1000n;
const CAPACITY = 4096;

interface Workload {
  stream: Uint32Array;
  pasid: Uint32Array;
  iova: BigUint64Array;
  access: Uint8Array;
}

type Answers = Record<"pa" | "status" | "leafLg2" | "fetches" | "source", Uint8Array | BigUint64Array>;

/** Streams of every kind over small working sets with pages and blocks, some read-only or not accessed yet. */
function world(options: SmmuV3Options): Rig {
  return populate(new Rig({ batchCapacity: CAPACITY, ...options }));
}

function populate(rig: Rig): Rig {
  for (let stream = 0; stream < 12; ++stream) {
    const flags = stream % 2 === 0 ? CD_HTTU : 0n;
    const nested = stream % 3 === 2 ? rig.nested(stream, stream + 1, stream + 1, flags) : undefined;
    const table = nested?.stage1 ?? rig.stage1(stream, stream + 1, flags).table;
    for (let n = 0n; n < 48n; ++n) {
      table.map(n * PAGE, 0x9000_0000n + BigInt(stream) * 0x10_0000n + n * PAGE, PAGE, {
        write: n % 7n !== 3n,
        accessed: flags === 0n || n % 5n !== 2n,
        dbm: n % 3n === 0n,
        global: n % 11n === 4n,
      });
    }
    table.map(0x100_0000n, 0xa000_0000n + BigInt(stream) * 0x100_0000n, 0x40_0000n);
    // Stage 2: pages for the first half of what stage 1 reaches, blocks for the rest; a hole in between.
    nested?.stage2.map(0x9000_0000n, 0x1_9000_0000n, 0x800_0000n, { maxLeafLg2: stream === 2 ? 12 : 30 });
    nested?.stage2.map(0xa000_0000n, 0x1_a000_0000n, 0x1000_0000n, { execute: true });
  }
  const stage2 = rig.stage2(12, 77);
  stage2.map(0n, 0x2_0000_0000n, 0x10_0000n, { maxLeafLg2: 12 });
  rig.ste(13, 0x9n); // bypass
  rig.ste(14, 0x1n); // abort
  // Stream 15: PASIDs 1 to 3; none for requests without.
  const cds = rig.cdAddress(4);
  rig.ste(15, cds | 0xbn | (2n << 59n), 0n);
  for (let pasid = 1n; pasid < 4n; ++pasid) {
    const table = rig.table(1);
    table.map(0n, 0xc000_0000n + pasid * 0x100_0000n, 16n * PAGE, { maxLeafLg2: 12 });
    rig.words(cds + pasid * 64n, CD_WORD | ((100n + pasid) << 48n), table.root);
  }
  return rig;
}

/** Bursts on a page (sequential traffic) and jumps, a few of them to nowhere. */
function workload(): Workload {
  const next = random(0xbadc0de);
  const requests: Workload = {
    stream: new Uint32Array(REQUESTS),
    pasid: new Uint32Array(REQUESTS),
    iova: new BigUint64Array(REQUESTS),
    access: new Uint8Array(REQUESTS),
  };
  for (let i = 0; i < REQUESTS; ) {
    const stream = next(20) === 0 ? 12 + next(4) : next(12);
    const pasid = stream === 15 && next(8) !== 0 ? 0x8000_0000 + next(5) : 0;
    const page = next(12) === 0 ? 0x1000 + next(1024) : next(48);
    const access = [0, 0, 0, 1, 1, 4, 5, next(200) === 0 ? 2 : 0][next(8)]!;
    const iova = next(100) === 0 ? BigInt(next(1 << 30)) << 20n : BigInt(page) << 12n;
    for (let n = next(10) === 0 ? next(200) : 1 + next(3); n > 0 && i < REQUESTS; --n, ++i) {
      requests.stream[i] = stream;
      requests.pasid[i] = pasid;
      requests.iova[i] = iova + BigInt(next(4096));
      requests.access[i] = access;
    }
  }
  return requests;
}

type Column = Uint8Array | Uint32Array | BigUint64Array;

/** Copies `n` elements between columns of one kind; element by element when they are few, which is faster. */
function copy(to: Column, at: number, from: Column, first: number, n: number): void {
  if (n > 8) to.set(from.subarray(first, first + n) as never, at);
  else for (let i = 0; i < n; ++i) to[at + i] = from[first + i]!;
}

/** The answers of the first `total` requests, `size` at a time. */
function play(rig: Rig, work: Workload, size: number, total = REQUESTS): Answers {
  const answers: Answers = {
    pa: new BigUint64Array(total),
    status: new Uint8Array(total),
    leafLg2: new Uint8Array(total),
    fetches: new Uint8Array(total),
    source: new Uint8Array(total),
  };
  const { batch } = rig.smmu;
  let faults = 0;
  for (let at = 0; at < total; at += size) {
    const n = Math.min(size, total - at);
    for (const column of ["stream", "pasid", "iova", "access"] as const) {
      copy(batch[column], 0, work[column], at, n);
    }
    faults += rig.smmu.run(n);
    for (const column of ["pa", "status", "leafLg2", "fetches", "source"] as const) {
      copy(answers[column], at, batch[column], 0, n);
    }
  }
  expect(rig.smmu.counters()).toMatchObject({ requests: total, faulted: faults });
  return answers;
}

const isSame = (a: Uint8Array | BigUint64Array, b: Uint8Array | BigUint64Array): boolean =>
  Buffer.compare(new Uint8Array(a.buffer), new Uint8Array(b.buffer)) === 0;

describe("the same 100,000 requests", () => {
  let work: Workload;
  let expected: Answers;
  let counters: unknown;
  let events: number;
  beforeAll(() => {
    work = workload();
    const rig = world({});
    expected = play(rig, work, CAPACITY);
    counters = rig.smmu.counters();
    events = rig.events.length;
  });

  it("are a fair mix: most translate, some are refused, in each way", () => {
    const status = expected.status as Uint8Array;
    const share = (wanted: (code: number) => boolean): number => status.filter(wanted).length / REQUESTS;
    expect(share((code) => code === 0)).toBeGreaterThan(0.8);
    const seen = new Set(status);
    for (const code of [0, 1, 3, 0x86, 0x88, 0x90, 0x93]) expect(seen).toContain(code);
    expect(new Set(expected.leafLg2 as Uint8Array)).toEqual(new Set([0, 12, 21]));
    expect(new Set(expected.source as Uint8Array)).toEqual(new Set([0, 1, 2, 3]));
    expect(events).toBeGreaterThan(100);
  });

  for (const [build, core] of [
    ["release", "release"],
    ["scalar", SCALAR],
  ] as const) {
    for (const size of core === "release" ? [1, 16, 64] : [3, 4096]) {
      it(`are answered the same, caches and counters included, ${size} at a time by the ${build} core`, () => {
        const rig = world({ core });
        const answers = play(rig, work, size);
        for (const column of ["pa", "status", "leafLg2", "fetches", "source"] as const) {
          expect(isSame(answers[column], expected[column]), column).toBe(true);
        }
        expect(rig.smmu.counters()).toEqual(counters);
        expect(rig.events.length).toBe(events);
      });
    }
  }

  for (const options of [{}, { iotlb: { entries: 64, ways: 4, policy: "random" } }] as SmmuV3Options[]) {
    it(`are answered after reset() as by a new machine, caches and counters included (${options.iotlb ? "random replacement" : "default"})`, () => {
      const rig = world(options);
      const first = play(rig, work, CAPACITY, 30_000);
      const before = rig.smmu.counters();
      rig.reset();
      const second = play(populate(rig), work, CAPACITY, 30_000);
      for (const column of ["pa", "status", "leafLg2", "fetches", "source"] as const) {
        expect(isSame(first[column], second[column]), column).toBe(true);
      }
      expect(rig.smmu.counters()).toEqual(before);
    });
  }

  const layouts: [string, SmmuV3Options][] = [
    ["random replacement", { iotlb: { entries: 64, ways: 4, policy: "random" } }],
    ["LRU of 4 ways", { iotlb: { entries: 256, ways: 4, policy: "lru" } }],
    ["PLRU of 8 ways", { iotlb: { entries: 128, ways: 8, policy: "plru" } }],
    ["3 sets of 5 ways", { iotlb: { entries: 15, ways: 5 } }],
    ["96 sets of 4 ways", { iotlb: { entries: 384, ways: 4 } }],
    ["one entry", { iotlb: { entries: 1, ways: 1 } }],
    ["one set of 4 ways", { iotlb: { entries: 4, ways: 4 } }],
    ["2 contexts", { configCache: { contexts: 2 } }],
    ["the smallest walk caches", { walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 } }],
    ["no walk caches", { walkCaches: "off" }],
    ["no IOTLB", { iotlb: "off" }],
    ["no caches", { iotlb: "off", walkCaches: "off", configCache: "off" }],
  ];
  for (const [n, [name, options]] of layouts.entries()) {
    const [build, core] = n % 2 === 0 ? (["release", "release"] as const) : (["scalar", SCALAR] as const);
    it(`get the same answers with ${name} (${build} core)`, () => {
      const answers = play(world({ ...options, core }), work, n % 3 === 0 ? 5 : CAPACITY, 25_000);
      for (const column of ["pa", "status", "leafLg2"] as const) {
        const i = (answers[column] as Uint8Array).findIndex((value, at) => value !== expected[column][at]);
        const request = `${work.stream[i]} ${work.iova[i]?.toString(16)} ${work.access[i]} ${work.pasid[i]}`;
        expect(i, `${column}: request ${i} (${request})`).toBe(-1);
      }
    });
  }
});

describe("the edges of a batch", () => {
  it("run(0) does nothing", () => {
    const rig = new Rig();
    rig.smmu.batch.status.fill(0x55);
    expect(rig.smmu.run(0)).toBe(0);
    expect(rig.smmu.faults()).toEqual([]);
    expect(rig.smmu.counters().requests).toBe(0);
    expect(rig.smmu.batch.status.every((code) => code === 0x55)).toBe(true);
  });

  for (const batchCapacity of [1, 5, 64, 4096]) {
    it(`run(capacity) answers the last of ${batchCapacity}, and translate() leaves all columns alone`, () => {
      const rig = new Rig({ batchCapacity });
      const { table } = rig.stage1(3, 1);
      table.map(0n, 0x7000_0000n, 4n * PAGE, { maxLeafLg2: 12 });
      expect(rig.smmu.batch.capacity).toBe(batchCapacity);
      rig.run(Array.from({ length: batchCapacity }, (_, n) => [3, BigInt(n % 4) * PAGE + 0xabcn]));
      const expected = Array.from({ length: batchCapacity }, (_, n) => `0x7000${n % 4}abc`);
      expect(rig.answers(batchCapacity)).toEqual(expected);
      expect(rig.smmu.translate({ stream: 9, iova: 5n }).fault?.name).toBe("C_BAD_STE");
      expect(rig.answers(batchCapacity)).toEqual(expected);
      expect(rig.smmu.batch.stream.every((stream) => stream === 3)).toBe(true);
    });
  }

  it("every request may fault: as many fault records as requests, in order", () => {
    const rig = new Rig();
    const requests = Array.from({ length: 4096 }, (_, n) => [n % 2048, BigInt(n)] as const);
    expect(rig.run(requests)).toBe(4096);
    expect(rig.smmu.faults().map(({ index, stream, iova, name }) => [index, stream, iova, name])).toEqual(
      requests.map(([stream, iova], n) => [n, stream, iova, "C_BAD_STE"]),
    );
    expect(rig.events.length).toBe(4096);
    expect(rig.smmu.run(0)).toBe(0);
    expect(rig.smmu.faults()).toEqual([]);
  });

  it("a smaller run leaves the rest of the columns alone", () => {
    const rig = new Rig();
    rig.ste(0, 0x9n);
    rig.run(Array.from({ length: 20 }, (_, n) => [0, BigInt(n) + 1n]));
    rig.smmu.batch.iova.fill(0x9999n);
    rig.smmu.run(7);
    expect([...rig.smmu.batch.pa.slice(0, 20)]).toEqual(
      Array.from({ length: 20 }, (_, n) => (n < 7 ? 0x9999n : BigInt(n) + 1n)),
    );
  });

  it("an event sink may translate; the faults of the run stay those of the run", () => {
    const inner: bigint[] = [];
    const rig = new Rig({
      eventSink: (record) => {
        const stream = new DataView(record.buffer).getUint32(4, true);
        if (stream >= 4) return;
        inner.push(rig.smmu.translate({ stream: 9, iova: 0x1234n }).pa);
        rig.smmu.translate({ stream: 5, iova: 0n });
      },
    });
    rig.ste(9, 0x9n);
    expect(
      rig.run([
        [1, 0n],
        [9, 0n],
        [2, 0n],
        [3, 0n],
      ]),
    ).toBe(3);
    expect(inner).toEqual([0x1234n, 0x1234n, 0x1234n]);
    expect(rig.smmu.faults().map(({ index, stream, recorded }) => [index, stream, recorded])).toEqual([
      [0, 1, true],
      [2, 2, true],
      [3, 3, true],
    ]);
  });

  it("IPA space is no shortcut: a nested stream's tables are not found at their PAs", () => {
    const rig = new Rig();
    const { stage1 } = rig.nested(0, 1, 1);
    expect(stage1.root).toBeGreaterThanOrEqual(IPA_OFFSET);
    rig.ste(0, CD_WORD);
    expect(rig.smmu.translate({ stream: 0, iova: 0n }).ok).toBe(false);
  });
});
