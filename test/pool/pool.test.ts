// A pool with real workers: answers, faults, invalidations, counters, life and death of the workers.

import { describe, expect, it } from "vitest";
import { SmmuV3, type SmmuV3Options, TranslationPool } from "../../src/index.js";
import { CD_HTTU, random, tlbiEverything } from "../core/rig.js";
import { answers, fill, type Request, run, Streams, smmuPool, workerUrl } from "./rig.js";

const IOVA = 0x100_0000n;
const PA = 0x7000_0000n;
const SIZE = 0x10_0000n;
const PAGES = 256;

const pagesOf = (stream: number, access = 0): Request[] =>
  Array.from({ length: PAGES }, (_, i) => [stream, IOVA + BigInt(i) * 0x1000n, access]);
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const mappedTo = (pa: bigint): string[] =>
  Array.from({ length: PAGES }, (_, i) => hex(pa + BigInt(i) * 0x1000n));

/** Streams 1, 2, … with a table each: stream n to PA + n · 16 MiB. */
async function started(options: SmmuV3Options = {}, workers = 2) {
  const pool = await smmuPool(options, workers);
  const streams = new Streams(pool.machine);
  const tables = Array.from({ length: workers }, (_, k) => {
    const table = streams.stage1(k + 1, k + 1);
    table.map(IOVA, PA + BigInt(k + 1) * 0x100_0000n, SIZE);
    return table;
  });
  return { pool, streams, tables };
}

describe("TranslationPool", () => {
  it("translates in all units at once; the machine counts what they count", async () => {
    const { pool } = await started({}, 3);
    const all = await Promise.all(pool.units.map((unit, k) => run(unit, pagesOf(k + 1))));
    expect(all).toEqual([1, 2, 3].map((stream) => mappedTo(PA + BigInt(stream) * 0x100_0000n)));
    expect(pool.units.map((unit) => unit.counters().requests)).toEqual([PAGES, PAGES, PAGES]);
    expect(pool.machine.counters()).toMatchObject({ requests: 3 * PAGES, iotlbMisses: 3 * PAGES });
    // The machine's own columns and caches are there, too.
    expect(pool.machine.translate({ stream: 2, iova: IOVA }).pa).toBe(PA + 0x200_0000n);
    expect(pool.machine.counters().requests).toBe(3 * PAGES + 1);
    await pool.close();
  });

  it("counts in each unit what a machine of its own counts for the same requests, and in the machine the sum", async () => {
    const options = { eventSink: () => undefined, iotlb: { entries: 64, ways: 4 } } as const;
    const { pool, tables } = await started(options);
    for (const table of tables) table.unmap(IOVA + 0x7000n, 0x1000n);
    const pick = random(4711);
    // Streams 3 and up have no STE.
    const shards = pool.units.map(() =>
      Array.from({ length: 4000 }, (): Request => [1 + pick(3), IOVA + BigInt(pick(300)) * 0x1000n, pick(2)]),
    );
    await Promise.all(pool.units.map((unit, k) => run(unit, shards[k]!)));
    const alone = shards.map((requests) => {
      const smmu = new SmmuV3(options);
      const streams = new Streams(smmu);
      for (const stream of [1, 2]) {
        const table = streams.stage1(stream, stream);
        table.map(IOVA, PA + BigInt(stream) * 0x100_0000n, SIZE);
        table.unmap(IOVA + 0x7000n, 0x1000n);
      }
      fill(smmu, requests);
      smmu.run(requests.length);
      return smmu.counters();
    });
    const sum = pool.machine.counters();
    for (const [k, unit] of pool.units.entries()) {
      const counted = unit.counters();
      expect(counted.faulted).toBeGreaterThan(500);
      expect(counted.iotlbHits).toBeGreaterThan(100);
      expect(alone[k]).toMatchObject(counted);
    }
    for (const name of [
      "requests",
      "translated",
      "iotlbHits",
      "iotlbMisses",
      "fetches",
      "eventsRecorded",
    ] as const) {
      expect(sum[name], name).toBe(alone[0]![name] + alone[1]![name]);
    }
    expect(sum.faults).toEqual({
      F_TRANSLATION: alone[0]!.faults.F_TRANSLATION! + alone[1]!.faults.F_TRANSLATION!,
      C_BAD_STE: alone[0]!.faults.C_BAD_STE! + alone[1]!.faults.C_BAD_STE!,
    });
    await pool.close();
  });

  it("gives a stream always the same unit and spreads streams over all", async () => {
    const pool = await smmuPool({}, 3);
    const counts = pool.units.map(
      (unit) => Array.from({ length: 900 }, (_, n) => n * 8).filter((n) => pool.unitOf(n) === unit).length,
    );
    expect(Math.min(...counts)).toBeGreaterThan(200);
    expect(pool.unitOf(0xffff_ffff)).toBe(pool.unitOf(0xffff_ffff));
    await pool.close();
  });

  it("answers what was mapped before the run, and nothing old after sync", async () => {
    const { pool, tables } = await started();
    const [unit] = pool.units;
    expect(await run(unit!, pagesOf(1))).toEqual(mappedTo(PA + 0x100_0000n));
    tables[0]!.unmap(IOVA, SIZE);
    // Without an invalidation the unit's own cache answers.
    expect(await run(unit!, pagesOf(1))).toEqual(mappedTo(PA + 0x100_0000n));
    pool.machine.issue(tlbiEverything());
    await pool.sync();
    expect(new Set(await run(unit!, pagesOf(1)))).toEqual(new Set(["status 0x90"]));
    tables[0]!.map(IOVA, PA, SIZE);
    expect(await run(unit!, pagesOf(1))).toEqual(mappedTo(PA));
    await pool.close();
  });

  it("drops what is invalidated between two blocks of a run under way: no request succeeds from there on", async () => {
    const { pool, tables } = await started({ batchCapacity: 2 ** 16 });
    const unit = pool.units[0]!;
    expect(await run(unit, pagesOf(1))).toEqual(mappedTo(PA + 0x100_0000n));
    const { capacity, stream, iova32, status } = unit.batch;
    stream.fill(1);
    for (let i = 0; i < capacity; i++) iova32[2 * i] = Number(IOVA) + ((i * 0x3000) & 0xfffff);
    const long = unit.run(capacity);
    tables[0]!.unmap(IOVA, SIZE);
    pool.machine.issue(tlbiEverything());
    await pool.sync();
    const faults = await long;
    // All pages were cached: until the invalidation is carried out every request succeeds.
    const first = faults[0]?.index ?? capacity;
    expect(status.subarray(0, first).every((code) => code === 0)).toBe(true);
    expect(status.subarray(first).every((code) => code === 0x90)).toBe(true);
    expect(first % 512).toBe(0);
    expect(new Set(await run(unit, pagesOf(1)))).toEqual(new Set(["status 0x90"]));
    await pool.close();
  });

  it("runs parts of the columns one after the other, several awaited at once", async () => {
    const { pool } = await started();
    const [unit] = pool.units;
    for (let part = 0; part < 16; part++) fill(unit!, pagesOf((part % 2) + 1), part * PAGES);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 16 }, (_, part) => unit!.run(PAGES, part * PAGES).then(() => order.push(part))),
    );
    expect(order).toEqual(Array.from({ length: 16 }, (_, part) => part));
    for (let part = 0; part < 16; part++) {
      expect(answers(unit!, PAGES, part * PAGES)).toEqual(
        mappedTo(PA + BigInt((part % 2) + 1) * 0x100_0000n),
      );
    }
    await pool.close();
  });

  it("records the faults of every run in request order, with their indices in the columns", async () => {
    const records: Uint8Array[] = [];
    const { pool, tables } = await started({ eventSink: (record) => records.push(record.slice()) });
    tables[1]!.unmap(IOVA + 0x8000n, 0x4000n);
    const [first, second] = pool.units;
    fill(
      first!,
      [
        [1, IOVA],
        [2, IOVA + 0x8000n],
        [2, IOVA + 0x9000n],
        [1, IOVA],
      ],
      100,
    );
    fill(second!, [
      [2, IOVA + 0xa000n, 1],
      [1, IOVA],
      [2, IOVA + 0xb000n],
    ]);
    const [a, b] = await Promise.all([first!.run(4, 100), second!.run(3)]);
    expect(a!.map(({ index, stream, iova }) => [index, stream, iova])).toEqual([
      [101, 2, IOVA + 0x8000n],
      [102, 2, IOVA + 0x9000n],
    ]);
    expect(b!.map(({ index, iova, write }) => [index, iova, write])).toEqual([
      [0, IOVA + 0xa000n, true],
      [2, IOVA + 0xb000n, false],
    ]);
    expect([...a!, ...b!].every(({ recorded, name }) => recorded && name === "F_TRANSLATION")).toBe(true);
    // F_TRANSLATION records; InputAddr at byte 16 (7.3.13).
    const addresses = records.map((record) => new DataView(record.buffer).getBigUint64(16, true));
    const ofRun = (from: bigint): bigint[] =>
      addresses.filter((iova) => iova >= from && iova < from + 0x2000n);
    expect(ofRun(IOVA + 0x8000n)).toEqual([IOVA + 0x8000n, IOVA + 0x9000n]);
    expect(ofRun(IOVA + 0xa000n)).toEqual([IOVA + 0xa000n, IOVA + 0xb000n]);
    expect(records.map((record) => record[0])).toEqual([0x10, 0x10, 0x10, 0x10]);
    expect(pool.machine.counters()).toMatchObject({
      faulted: 4,
      eventsRecorded: 4,
      faults: { F_TRANSLATION: 4 },
    });
    expect(first!.counters().faults).toEqual({ F_TRANSLATION: 2 });
    await pool.close();
  });

  it("rejects a run whose sink throws, after all its records", async () => {
    let records = 0;
    const { pool } = await started({
      eventSink: () => {
        records++;
        throw new Error("full");
      },
    });
    fill(pool.units[0]!, [
      [3, 0n],
      [4, 0n],
    ]);
    await expect(pool.units[0]!.run(2)).rejects.toThrow("full");
    expect(records).toBe(2);
    expect(await run(pool.units[0]!, pagesOf(1))).toEqual(mappedTo(PA + 0x100_0000n));
    await pool.close();
  });

  it("holds what stalls in a unit, and retries it on the machine", async () => {
    const outcomes: string[] = [];
    const idr0 = SmmuV3Features.idr0 & ~(3 << 24);
    const idr5 = SmmuV3Features.idr5 | (8 << 16);
    const { pool, streams } = await started({
      features: { ...SmmuV3Features, idr0, idr5 },
      eventSink: () => undefined,
      onResume: ({ status, pa }) => outcomes.push(`${status} ${hex(pa)}`),
    });
    // CD.S (bit 44): faults stall.
    const table = streams.stage1(9, 9, 1n << 44n);
    expect(await run(pool.units[1]!, [[9, IOVA, 0]])).toEqual(["status 0x4"]);
    const [held] = pool.machine.stalled();
    expect(held).toMatchObject({ stream: 9, iova: IOVA });
    table.map(IOVA, PA, 0x1000n);
    const retry = new Uint8Array(16);
    const view = new DataView(retry.buffer);
    view.setBigUint64(0, 0x44n | (1n << 12n) | (9n << 32n), true);
    view.setBigUint64(8, BigInt(held!.stag!), true);
    expect(pool.machine.issue(retry)).toBe(0);
    expect(outcomes).toEqual([`translated ${hex(PA)}`]);
    await pool.close();
  });

  it("sees frames that are taken, and memory that grows, while units run", async () => {
    const { pool, streams } = await started({ batchCapacity: 2 ** 16 });
    const [unit, other] = pool.units;
    const before = unit!.batch.stream;
    const running = Promise.all([unit!, other!].map((each) => each.run(2 ** 16)));
    const table = streams.stage1(20, 20);
    for (let i = 0n; i < 1024n; i++) pool.machine.memory.writeU64(0x1_0000_0000n + i * 0x1_0000n, i);
    table.map(IOVA, PA, SIZE);
    await running;
    before[0] = 20;
    fill(unit!, pagesOf(20).slice(1), 1);
    unit!.batch.iova[0] = IOVA;
    await unit!.run(PAGES);
    expect(answers(unit!, PAGES)).toEqual(mappedTo(PA));
    await pool.close();
  });

  it("starts anew after a reset of the machine", async () => {
    const { pool } = await started();
    await run(pool.units[0]!, pagesOf(1));
    pool.machine.reset();
    expect(await run(pool.units[0]!, [[1, IOVA]])).toEqual([hex(IOVA)]);
    const table = new Streams(pool.machine).stage1(1, 1);
    table.map(IOVA, PA, SIZE);
    expect(await run(pool.units[0]!, pagesOf(1))).toEqual(mappedTo(PA));
    expect(pool.machine.counters().requests).toBe(PAGES + 1);
    await pool.close();
  });
});

const SmmuV3Features = new SmmuV3().features;

describe("the options of a pool", () => {
  it.each<[object, string]>([
    [{ workers: 0 }, '"workers" expected 1..64, got 0'],
    [{ workers: 65 }, '"workers" expected 1..64, got 65'],
    [{ workers: 1.5 }, '"workers" expected an integer, got 1.5'],
    [{ workers: "2" }, '"workers" expected an integer, got 2'],
    [{ workers: 1, core: "release" }, '"core" expected to be absent in a pool'],
    [{ workers: 1, external: [] }, '"external" expected to be absent in a pool'],
    [{ workers: 1, batchCapacity: 0 }, '"batchCapacity" expected 1..1048576, got 0'],
  ])("%j are refused: %s", async (options, message) => {
    await expect(
      TranslationPool.create(SmmuV3, { workerUrl, ...(options as { workers: number }) }),
    ).rejects.toThrow(message);
  });

  it("say what a page lacks that may not share memory", async () => {
    const { SharedArrayBuffer: shared } = globalThis;
    Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
    try {
      await expect(smmuPool()).rejects.toThrow(/cross-origin isolated/);
    } finally {
      globalThis.SharedArrayBuffer = shared;
    }
  });
});

describe("TranslationUnit.run", () => {
  it("refuses requests outside the columns, or in a run already, and more than 16 runs", async () => {
    const pool = await smmuPool({ batchCapacity: 64 });
    const unit = pool.units[0]!;
    expect(() => unit.run(65)).toThrow('"count" expected 0..64, got 65');
    expect(() => unit.run(2, 63)).toThrow('"count" expected 0..1, got 2');
    expect(() => unit.run(1, -1)).toThrow('"first" expected 0..64, got -1');
    expect(() => unit.run(0.5)).toThrow(RangeError);
    expect(await unit.run(0)).toEqual([]);
    const runs = [unit.run(4, 4)];
    expect(() => unit.run(1, 7)).toThrow('"first" and "count" expected requests that no run has, got 7..7');
    for (let n = 1; n < 16; n++) runs.push(unit.run(1, 7 + n));
    expect(() => unit.run(1, 0)).toThrow("unit 0 expected at most 16 runs at a time");
    await Promise.all(runs);
    expect(unit.counters().requests).toBe(19);
    await pool.close();
  });
});

describe("hardware updates", () => {
  it("of two units in the same descriptors lose none (DDI 0487 D8.5)", async () => {
    const pages = 2048;
    const { pool, streams } = await started();
    const [reader, writer] = pool.units;
    const { memory } = pool.machine;
    const table = streams.stage1(10, 10, CD_HTTU);
    streams.stage1(11, 11, CD_HTTU, table);
    table.map(IOVA, PA, BigInt(pages) * 0x1000n, { maxLeafLg2: 12 });
    const entries = Array.from(
      { length: pages },
      (_, i) => table.lookup(IOVA + BigInt(i) * 0x1000n)!.address,
    );
    for (let i = 0; i < pages; i++) {
      fill(reader!, [[10, IOVA + BigInt(i) * 0x1000n, 0]], i);
      fill(writer!, [[11, IOVA + BigInt(i) * 0x1000n, 1]], i);
    }
    for (let round = 0; round < 12; round++) {
      // Page, AF = 0, AP[2] = 1 (read-only), DBM.
      entries.forEach((entry, i) => {
        memory.writeU64(entry, (PA + BigInt(i) * 0x1000n) | 0x3n | (1n << 7n) | (1n << 6n) | (1n << 51n));
      });
      pool.machine.issue(tlbiEverything());
      const faults = await Promise.all([reader!.run(pages), writer!.run(pages)]);
      expect(faults.flat().slice(0, 3)).toEqual([]);
      const wrong = entries.filter((entry) => (memory.readU64(entry) & 0x480n) !== 0x400n);
      expect(wrong).toEqual([]);
    }
    await pool.close();
  });
});
