// External ranges: frames of the embedder's own memory, asked for when first needed and handed back when changed.

import { describe, expect, it } from "vitest";
import { BusError, MemoryLimitError } from "../../src/index.js";
import { BASE, Embedder, FRAME, SIZE, world } from "./embedder.js";
import { CD_HTTU, Rig, TABLES, tlbiEverything } from "./rig.js";

const once = (fills: readonly string[]): boolean => new Set(fills).size === fills.length;

describe("an external range", () => {
  it("is asked for each frame once, aligned and whole, and the batch goes on with the right answers", () => {
    const { embedder, rig, table } = world();
    // 512 pages in 8 last-level tables, far apart: tables in several frames.
    const pages = Array.from({ length: 512 }, (_, n) => BigInt(n % 8) * 0x1_4000_0000n + BigInt(n) * 0x1000n);
    for (const [n, va] of pages.entries()) table.map(va, 0x7000_0000n + BigInt(n) * 0x1000n, 0x1000n);
    rig.run(pages.map((va) => [0, va + 0x123n]));
    expect(rig.answers(512)).toEqual(pages.map((_, n) => `0x${(0x7000_0123 + n * 0x1000).toString(16)}`));
    expect(embedder.fills.slice(0, 3)).toEqual(["0x40000000+65536", "0x41000000+65536", "0x42000000+65536"]);
    expect(once(embedder.fills)).toBe(true);
    expect(embedder.fills.length).toBe(embedder.frames.size);
    const { length } = embedder.fills;
    rig.smmu.issue(tlbiEverything());
    rig.run(pages.map((va) => [0, va]));
    expect(embedder.fills.length).toBe(length);
    expect(embedder.stores).toEqual([]);
    expect(rig.smmu.counters()).toMatchObject({ requests: 1024, translated: 1024, faulted: 0 });
  });

  it("gives the same answers as RAM with the same contents", () => {
    const { embedder, rig, table } = world();
    for (let n = 0n; n < 64n; ++n) table.map(n * 0x20_3000n, 0x7000_0000n + n * 0x1000n, 0x1000n);
    const ram = new Rig();
    for (const [pa, bytes] of embedder.frames) ram.smmu.memory.write(pa, bytes);
    // Every third page is not mapped.
    const requests = Array.from({ length: 96 }, (_, n) => [0, BigInt(n) * 0x20_3000n, n & 1] as const);
    for (const machine of [rig, ram]) machine.run(requests);
    for (const column of ["pa", "status", "leafLg2"] as const) {
      expect(rig.smmu.batch[column].slice(0, 96), column).toEqual(ram.smmu.batch[column].slice(0, 96));
    }
    expect(rig.smmu.faults()).toEqual(ram.smmu.faults());
    expect(rig.events).toEqual(ram.events);
  });

  it("counts a request that had to wait once as request, lookup, walk and decoding", () => {
    const { rig, table } = world();
    for (let n = 0n; n < 64n; ++n) table.map(n * 0x1_0020_3000n, 0x7000_0000n + n * 0x1000n, 0x1000n);
    const requests = Array.from({ length: 96 }, (_, n) => [0, BigInt(n >> 1) * 0x1_0020_3000n] as const);
    rig.run(requests);
    const { source, fetches } = rig.smmu.batch;
    const hits = source.subarray(0, 96).filter((code) => code === 1).length;
    expect(rig.smmu.counters()).toMatchObject({
      requests: 96,
      translated: 96,
      iotlbHits: hits,
      iotlbMisses: 96 - hits,
      walks: 96 - hits,
      configHits: 95,
      configMisses: 1,
      steFetches: 1,
      cdFetches: 1,
    });
    // What was read before the wait was read, and counts.
    const answered = fetches.subarray(0, 96).reduce((sum, n) => sum + n, 0);
    expect(rig.smmu.counters().fetches).toBeGreaterThanOrEqual(answered);
  });

  it("is never said to have had a negative number of IOTLB hits", () => {
    const { rig, table } = world();
    table.map(0n, 0x7000_0000n, 0x1000n);
    expect(rig.smmu.translate({ stream: 0, iova: 0n }).pa).toBe(0x7000_0000n);
    expect(rig.smmu.counters().requests).toBe(1);
    expect(rig.smmu.counters().iotlbHits).toBe(0);
    expect(rig.smmu.counters().configHits).toBe(0);
  });

  it("gets a frame back whole when hardware sets the access flag or dirty state", () => {
    const { embedder, rig, table } = world({}, CD_HTTU);
    table.map(0n, 0x7000_0000n, 0x1000n, { accessed: false, write: false, dbm: true });
    const { address } = table.lookup(0n)!;
    const af = 1n << 10n;
    const readOnly = 1n << 7n;
    rig.run([[0, 0n]]);
    expect(rig.answers(1)).toEqual(["0x70000000"]);
    expect(embedder.stores).toEqual([`0x${(address & ~0xffffn).toString(16)}+65536`]);
    expect(embedder.readU64(address) & (af | readOnly)).toBe(af | readOnly);
    rig.run([[0, 0n]]);
    expect(embedder.stores.length).toBe(1);
    rig.run([[0, 0n, 1]]);
    expect(embedder.stores.length).toBe(2);
    expect(embedder.readU64(address) & (af | readOnly)).toBe(af);
    expect(rig.smmu.memory.readU64(address)).toBe(embedder.readU64(address));
  });

  it("gets each changed frame once a batch", () => {
    const { embedder, rig, table } = world({}, CD_HTTU);
    for (let n = 0n; n < 32n; ++n)
      table.map(n * 0x1000n, 0x7000_0000n + n * 0x1000n, 0x1000n, { accessed: false });
    rig.run(Array.from({ length: 32 }, (_, n) => [0, BigInt(n) * 0x1000n]));
    expect(embedder.stores.length).toBe(1);
    for (let n = 0n; n < 32n; ++n) {
      expect(embedder.readU64(table.lookup(n * 0x1000n)!.address) & (1n << 10n)).toBe(1n << 10n);
    }
  });

  it("gets the bytes of event records and of memory.write", () => {
    const { embedder, rig } = world({ eventSink: undefined });
    // EVENTQ_BASE may be written while EVENTQEN = 0 only.
    rig.smmu.write32(0x20, 0x9);
    rig.smmu.write64(0xa0, (BASE + 0x20_0000n) | 4n);
    rig.smmu.write32(0x20, 0xd);
    expect(rig.smmu.translate({ stream: 0, iova: 0x1000n }).fault?.name).toBe("F_TRANSLATION");
    expect(embedder.stores).toEqual(["0x40200000+32"]);
    expect(embedder.readU64(BASE + 0x20_0000n) & 0xffn).toBe(0x10n);
    rig.smmu.memory.write(BASE + 0x30_fff0n, new Uint8Array(0x20).fill(7));
    expect(embedder.stores.slice(1)).toEqual(["0x4030fff0+16", "0x40310000+16"]);
    rig.smmu.memory.writeU64(BASE + 0x30_0000n, 0x1234n);
    rig.smmu.memory.writeU32(BASE + 0x30_0008n, 0x5678);
    rig.smmu.memory.writeU8(BASE + 0x30_000cn, 0x9a);
    expect(embedder.stores.slice(3)).toEqual(["0x40300000+8", "0x40300008+4", "0x4030000c+1"]);
    expect(embedder.readU64(BASE + 0x30_0000n)).toBe(0x1234n);
    expect(embedder.readU64(BASE + 0x30_0008n)).toBe(0x9a_0000_5678n);
  });

  it("is read by memory.read as it is by translation", () => {
    const { embedder, rig } = world();
    embedder.writeU64(BASE + 0x50_0000n, 0xdead_beefn);
    expect(rig.smmu.memory.readU64(BASE + 0x50_0000n)).toBe(0xdead_beefn);
    expect(rig.smmu.memory.read(BASE + 0x50_0000n, 2)).toEqual(Uint8Array.of(0xef, 0xbe));
    expect(embedder.fills).toEqual(["0x40500000+65536"]);
  });

  it("is asked again after drop, and only for what was dropped", () => {
    const { embedder, rig, table } = world();
    table.map(0n, 0x7000_0000n, 0x1000n);
    rig.run([[0, 0n]]);
    embedder.fills.length = 0;
    // The embedder changes its memory behind the machine's back and says so.
    embedder.writeU64(table.lookup(0n)!.address, 0x7abc_5c43n);
    rig.run([[0, 0n]]);
    expect(rig.answers(1)).toEqual(["0x70000000"]);
    rig.smmu.memory.drop(table.lookup(0n)!.address & ~0xffffn, 0x1_0000n);
    rig.smmu.issue(tlbiEverything());
    expect(rig.run([[0, 0n]])).toBe(0);
    expect(rig.answers(1)).toEqual(["0x7abc5000"]);
    expect(embedder.fills).toEqual([`0x${(table.lookup(0n)!.address & ~0xffffn).toString(16)}+65536`]);
  });

  it("is asked again after reset", () => {
    const { embedder, rig, table } = world();
    table.map(0n, 0x7000_0000n, 0x1000n);
    rig.run([[0, 0n]]);
    const before = [...embedder.fills];
    rig.smmu.reset();
    rig.enable();
    rig.run([[0, 0n]]);
    expect(rig.answers(1)).toEqual(["0x70000000"]);
    expect(embedder.fills.slice(before.length)).toEqual(before);
  });

  it("that throws lets the error through; the next run asks again and finishes", () => {
    const { embedder, rig, table } = world();
    for (let n = 0n; n < 8n; ++n) table.map(n << 39n, 0x7000_0000n + n * 0x1000n, 0x1000n);
    const requests = Array.from({ length: 8 }, (_, n) => [0, BigInt(n) << 39n] as const);
    let thrown = 0;
    embedder.before = (pa) => {
      if (thrown < 3 && pa >= BASE + BigInt(thrown) * 0x100_0000n) {
        ++thrown;
        throw new Error(`no answer for 0x${pa.toString(16)}`);
      }
    };
    for (const pa of ["0x40000000", "0x41000000", "0x42000000"]) {
      expect(() => rig.run(requests)).toThrow(`no answer for ${pa}`);
    }
    expect(rig.run(requests)).toBe(0);
    expect(rig.answers(8)).toEqual(requests.map((_, n) => `0x7000${n}000`));
    expect(once(embedder.fills)).toBe(true);
  });

  it("that throws does not leave zeros in the place of the embedder's bytes", () => {
    const { embedder, rig } = world();
    embedder.writeU64(BASE + 0x50_0000n, 0xdead_beefn);
    embedder.before = () => {
      throw new Error("not now");
    };
    expect(() => rig.smmu.memory.readU64(BASE + 0x50_0000n)).toThrow("not now");
    embedder.before = () => {};
    expect(rig.smmu.memory.readU64(BASE + 0x50_0000n)).toBe(0xdead_beefn);
  });

  it("that throws in the middle of a batch does not lose changes made before it", () => {
    const { embedder, rig, table } = world({}, CD_HTTU);
    table.map(0n, 0x7000_0000n, 0x1000n, { accessed: false });
    // A last-level table in a frame of its own, which is not to be had at first.
    rig.tables.allocate(0x1_0000, 0x1_0000);
    table.map(1n << 39n, 0x7000_1000n, 0x1000n);
    const far = table.lookup(1n << 39n)!.address & ~0xffffn;
    expect(far).not.toBe(TABLES);
    let refuse = true;
    embedder.before = (pa) => {
      if (refuse && pa === far) throw new Error("not now");
    };
    const requests = [[0, 0n] as const, [0, 1n << 39n] as const];
    expect(() => rig.run(requests)).toThrow("not now");
    refuse = false;
    expect(rig.run(requests)).toBe(0);
    expect(rig.answers(2)).toEqual(["0x70000000", "0x70001000"]);
    expect(embedder.readU64(table.lookup(0n)!.address) & (1n << 10n)).toBe(1n << 10n);
  });

  it("is asked for each frame once by nested walks, configuration included, with the answers of RAM", () => {
    const ram = new Rig({}, 6);
    const { stage1, stage2 } = ram.nested(0, 1, 1, CD_HTTU);
    for (let n = 0n; n < 32n; ++n) {
      stage1.map(n * 0x4000_1000n, 0x8000_0000n + n * 0x20_1000n, 0x1000n, { accessed: n % 2n === 0n });
      stage2.map(0x8000_0000n + n * 0x20_1000n, 0x7000_0000n + n * 0x1000n, 0x1000n);
    }
    const embedder = new Embedder();
    for (let pa = BASE; pa < BASE + 0x220_0000n; pa += 0x1_0000n) {
      const bytes = ram.smmu.memory.read(pa, FRAME);
      if (new BigUint64Array(bytes.buffer).some((word) => word !== 0n)) embedder.frames.set(pa, bytes);
    }
    const rig = new Rig({ external: [embedder.range] }, 6);
    const requests = Array.from({ length: 40 }, (_, n) => [0, BigInt(n) * 0x4000_1000n] as const);
    for (const machine of [rig, ram]) machine.run(requests);
    expect(rig.answers(40)).toEqual(ram.answers(40));
    expect(rig.answers(32)).toEqual(
      requests.slice(0, 32).map((_, n) => `0x${(0x7000_0000 + n * 0x1000).toString(16)}`),
    );
    expect(rig.smmu.faults()).toEqual(ram.smmu.faults());
    expect(once(embedder.fills)).toBe(true);
    expect(embedder.stores.length).toBeGreaterThan(0);
  });

  it("counts against memoryLimit: the run that needs one frame more throws, and goes on after a drop", () => {
    const { rig, table } = world({ memoryLimit: 4 * FRAME });
    table.map(0n, 0x7000_0000n, 0x1000n);
    // STE, CD, tables: 3 frames. One more by the test.
    rig.smmu.memory.writeU8(0x9000_0000n, 1);
    rig.smmu.memory.writeU8(0x9001_0000n, 1);
    expect(() => rig.run([[0, 0n]])).toThrow(MemoryLimitError);
    expect(() => rig.run([[0, 0n]])).toThrow(MemoryLimitError);
    rig.smmu.memory.drop(0x9000_0000n, 0x1_0000n);
    expect(rig.run([[0, 0n]])).toBe(0);
    expect(rig.answers(1)).toEqual(["0x70000000"]);
  });

  it("whose store throws is offered the change again by the next run", () => {
    const { rig, embedder, table } = world({}, CD_HTTU);
    table.map(0n, 0x7000_0000n, 0x1000n, { accessed: false });
    embedder.refuseStore = true;
    expect(() => rig.run([[0, 0n]])).toThrow("store refused");
    embedder.refuseStore = false;
    rig.run([[0, 0n]]);
    expect(embedder.readU64(table.lookup(0n)!.address) & (1n << 10n)).toBe(1n << 10n);
  });

  it("wins over RAM where both cover an address; beside it RAM is RAM", () => {
    const embedder = new Embedder();
    embedder.writeU64(BASE, 5n);
    const { memory } = new Rig({ external: [embedder.range], ram: [[BASE - 0x1000n, 0x2000n]] }).smmu;
    expect(memory.readU64(BASE)).toBe(5n);
    memory.writeU64(BASE - 8n, 6n);
    memory.writeU64(BASE + SIZE - 8n, 7n);
    expect([memory.readU64(BASE - 8n), embedder.readU64(BASE + SIZE - 8n)]).toEqual([6n, 7n]);
    expect(embedder.stores).toEqual(["0x4ffffff8+8"]);
    expect(() => memory.readU64(BASE + SIZE)).toThrow(BusError);
  });

  it("without a store keeps changes to itself", () => {
    const embedder = new Embedder();
    const { base, size, fill } = embedder.range;
    const { memory } = new Rig({ external: [{ base, size, fill }] }).smmu;
    memory.writeU64(BASE, 7n);
    expect(memory.readU64(BASE)).toBe(7n);
    expect(embedder.readU64(BASE)).toBe(0n);
  });

  it("must lie at multiples of 64 KiB", () => {
    const { fill } = new Embedder().range;
    expect(() => new Rig({ external: [{ base: 0x1000n, size: 0x1_0000n, fill }] })).toThrow(
      /"external" expected ranges inside 0\.\.2\^52-1 in multiples of 65536, got base 0x1000/,
    );
  });
});
