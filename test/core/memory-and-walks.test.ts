// Simulated memory under translation: bus errors as faults (IHI 0070 7.3.4, 7.3.10, 7.3.12), dropped frames, growth of
// linear memory and the batch's columns.

import { describe, expect, it } from "vitest";
import { MemoryLimitError, PageTable } from "../../src/index.js";
import { CD_HTTU, cfgiAll, IPA_OFFSET, Rig, TABLES, tlbiAsid, tlbiEverything } from "./rig.js";

const FRAME = 0x1_0000n;
/** Descriptors by hand: a table, a page open to all (AP = 01, AF, nG). */
const TABLE = 3n;
const PAGE = 0xc43n;

const VA = 0x5000n;
const fault = (rig: Rig, stream: number, iova: bigint) => {
  const { ok, fault: why } = rig.smmu.translate({ stream, iova });
  return ok
    ? "translated"
    : [why?.name, why?.class, why?.stage2, `0x${why?.fetchAddress.toString(16)}`].join(" ");
};

describe("RAM that ends inside a 64 KiB frame", () => {
  /** The stage-1 tables of levels 0 to 3 lie in consecutive pages; `ram` ends where the test says. */
  function chain(end: bigint): Rig {
    const rig = new Rig({
      ram: [
        [0x4000_0000n, 0x200_0000n],
        [TABLES, end],
      ],
    });
    const cd = rig.cdAddress();
    rig.words(cd, (1n << 31n) | (1n << 41n) | (3n << 45n) | (1n << 30n) | (5n << 32n) | 16n, TABLES);
    rig.ste(0, cd | 0xbn);
    return rig;
  }
  const table = (n: bigint): bigint => TABLES + n * 0x1000n;

  for (const levels of [1n, 2n, 3n]) {
    for (const isBacked of [true, false]) {
      it(`gives F_WALK_EABT for the level ${levels} table just outside (frame ${isBacked ? "" : "not "}backed)`, () => {
        const rig = chain(levels * 0x1000n);
        if (isBacked) rig.words(TABLES + 0xff8n, 0n);
        for (let n = 0n; n < levels; ++n) rig.words(table(n), table(n + 1n) | TABLE);
        const address = table(levels) + (levels === 3n ? (VA >> 12n) * 8n : 0n);
        expect(fault(rig, 0, VA)).toBe(`F_WALK_EABT TT false 0x${address.toString(16)}`);
        // The walk caches know the last table by now.
        expect(fault(rig, 0, VA)).toBe(`F_WALK_EABT TT false 0x${address.toString(16)}`);
      });
    }
  }

  it("translates when the last table is the last page of RAM", () => {
    const rig = chain(4n * 0x1000n);
    for (let n = 0n; n < 3n; ++n) rig.words(table(n), table(n + 1n) | TABLE);
    rig.words(table(3n) + 0xff8n, 0x1234_5000n | PAGE);
    expect(rig.smmu.translate({ stream: 0, iova: 0x1f_f678n }).pa).toBe(0x1234_5678n);
    expect(fault(rig, 0, 0x1f_e000n)).toMatch(/^F_TRANSLATION IN/);
  });

  it("gives F_STE_FETCH with the STE's address beyond the last page of the stream table", () => {
    const rig = new Rig({ ram: [[0x4000_0000n, 0x1000n]] });
    rig.ste(63, 0x9n);
    expect(rig.smmu.translate({ stream: 63, iova: 0x1n }).status).toBe("bypassed");
    expect(fault(rig, 64, 0x1n)).toMatch(/^F_STE_FETCH .*0x40001000$/);
    expect(fault(rig, 2047, 0x1n)).toMatch(/^F_STE_FETCH .*0x4001ffc0$/);
  });

  it("gives F_CD_FETCH with the CD's address just outside", () => {
    const rig = new Rig({ ram: [[0x4000_0000n, 0x2000n]] });
    for (const [stream, cd] of [0x4000_2000n, 0x4000_ffc0n, 0x3fff_ffc0n].entries()) {
      rig.ste(stream, cd | 0xbn);
      const { fault: why } = rig.smmu.translate({ stream, iova: 0n });
      expect([why?.name, why?.fetchAddress]).toEqual(["F_CD_FETCH", cd]);
    }
  });

  it("gives the PA of a nested table that stage 2 maps outside RAM (F_WALK_EABT, class TT)", () => {
    const rig = new Rig({ ram: [[0x4000_0000n, 0x1200_0000n]] });
    const { stage1, stage2 } = rig.nested(0, 1, 1);
    stage1.map(VA, 0x7000n, 0x1000n);
    stage2.map(0x7000n, 0x9000n, 0x1000n);
    expect(rig.smmu.translate({ stream: 0, iova: VA }).pa).toBe(0x9000n);
    stage2.unmap(TABLES + IPA_OFFSET, 0x20_0000n);
    stage2.map(TABLES + IPA_OFFSET, 0x8000_0000n, 0x20_0000n);
    rig.smmu.issue(tlbiEverything());
    const root = 0x8000_0000n + (stage1.root - IPA_OFFSET - TABLES);
    expect(fault(rig, 0, VA)).toBe(`F_WALK_EABT TT false 0x${root.toString(16)}`);
  });
});

describe("dropped frames", () => {
  /** Two pages whose last-level tables lie in frames of their own, all other tables in another frame. */
  function world(caches = {}) {
    const rig = new Rig(caches);
    const cd = rig.cdAddress();
    const [top, a, b] = [TABLES, TABLES + FRAME, TABLES + 2n * FRAME];
    rig.words(
      cd,
      (1n << 31n) | (1n << 41n) | (3n << 45n) | (1n << 30n) | (5n << 32n) | (7n << 48n) | 16n,
      top,
    );
    rig.ste(0, cd | 0xbn);
    rig.words(top, (top + 0x1000n) | TABLE);
    rig.words(top + 0x1000n, (top + 0x2000n) | TABLE);
    rig.words(top + 0x2000n, a | TABLE, b | TABLE);
    rig.words(a, 0x1_0000n | PAGE, 0x1_1000n | PAGE);
    rig.words(b, 0x2_0000n | PAGE, 0x2_1000n | PAGE);
    return { rig, a };
  }
  const B = 0x20_0000n;
  const run = (rig: Rig, ...iovas: bigint[]): string[] => {
    rig.run(iovas.map((iova) => [0, iova]));
    return rig.answers(iovas.length);
  };

  it("end the translations that need them, after the invalidation, and no others", () => {
    const { rig, a } = world();
    expect(run(rig, 0n, B)).toEqual(["0x10000", "0x20000"]);
    rig.smmu.memory.drop(a, FRAME);
    rig.smmu.issue(tlbiAsid(7));
    expect(run(rig, 0n, B, 0x1000n, B + 0x1000n)).toEqual([
      "status 0x90",
      "0x20000",
      "status 0x90",
      "0x21000",
    ]);
  });

  it("are not read through a cached table pointer, even before the invalidation", () => {
    const { rig, a } = world();
    expect(run(rig, 0n, B)).toEqual(["0x10000", "0x20000"]);
    rig.smmu.memory.drop(a, FRAME);
    // The translation itself is cached until software invalidates; the neighbour is not.
    expect(run(rig, 0n, 0x1000n, B + 0x1000n)).toEqual(["0x10000", "status 0x90", "0x21000"]);
  });

  it("may come back as frames of other addresses without being mistaken for the old ones", () => {
    const { rig, a } = world();
    expect(run(rig, 0n, B)).toEqual(["0x10000", "0x20000"]);
    rig.smmu.memory.drop(a, FRAME);
    // Takes the freed frame: bytes that would pass for descriptors.
    for (let n = 0n; n < 16n; ++n) rig.words(0x9000_0000n + n * 8n, 0x66_6000n | PAGE);
    expect(run(rig, 0x1000n, B + 0x1000n)).toEqual(["status 0x90", "0x21000"]);
    rig.words(a, 0x3_0000n | PAGE, 0x3_1000n | PAGE);
    rig.smmu.issue(tlbiEverything());
    expect(run(rig, 0n, 0x1000n, B)).toEqual(["0x30000", "0x31000", "0x20000"]);
  });

  it("with the configuration in them give C_BAD_STE after CFGI", () => {
    const { rig } = world();
    expect(run(rig, 0n)).toEqual(["0x10000"]);
    rig.smmu.memory.drop(0x4000_0000n, FRAME);
    rig.smmu.issue(cfgiAll());
    expect(fault(rig, 0, 0n)).toMatch(/^C_BAD_STE/);
  });

  it("that were never written are read as zeros without being backed, and seen once they are written", () => {
    const { rig } = world();
    const c = TABLES + 9n * FRAME;
    rig.words(TABLES + 0x2010n, c | TABLE);
    const backed = rig.smmu.memory.backedBytes;
    expect(run(rig, 0x40_0000n, 0x40_0000n)).toEqual(["status 0x90", "status 0x90"]);
    expect(rig.smmu.memory.backedBytes).toBe(backed);
    rig.words(c, 0x4_0000n | PAGE);
    expect(run(rig, 0x40_0000n)).toEqual(["0x40000"]);
  });

  it("are all gone after reset, and so is what was cached", () => {
    const { rig } = world();
    expect(run(rig, 0n, B)).toEqual(["0x10000", "0x20000"]);
    rig.smmu.reset();
    expect(rig.smmu.translate({ stream: 0, iova: 0x1000n }).status).toBe("bypassed");
    rig.enable();
    expect(fault(rig, 0, 0n)).toMatch(/^C_BAD_STE/);
    expect(rig.smmu.counters()).toMatchObject({ requests: 2, faulted: 1, bypassed: 1, iotlbHits: 0 });
  });
});

describe("growth of linear memory", () => {
  const columns = [
    "stream",
    "pasid",
    "iova",
    "access",
    "pa",
    "status",
    "leafLg2",
    "fetches",
    "source",
  ] as const;

  for (const reserve of [0x10_0000, 0x400_0000]) {
    it(`does not happen while no more than a reserve of ${reserve} bytes is written: the columns stay`, () => {
      const { smmu } = new Rig({ reserve, memoryLimit: 0x1000_0000 });
      const before = columns.map((name) => smmu.batch[name]);
      for (let n = smmu.memory.backedBytes; n < reserve; n += 0x1_0000) {
        smmu.memory.writeU8(0x1_0000_0000n + BigInt(n), 1);
      }
      expect(smmu.memory.backedBytes).toBe(reserve);
      expect(columns.map((name) => smmu.batch[name] === before[columns.indexOf(name)])).not.toContain(false);
      expect(before.every((column) => column.length > 0)).toBe(true);
    });
  }

  it("renews the columns: the old view is detached, the getter gives a live one with the same contents", () => {
    const rig = new Rig();
    const { smmu } = rig;
    const { table } = rig.stage1(3, 1);
    table.map(VA, 0x7000n, 0x1000n);
    const { stream, iova } = smmu.batch;
    stream[0] = 3;
    iova[0] = VA;
    for (let n = 0n; stream.length > 0 && n < 4096n; ++n) smmu.memory.writeU8(0x1_0000_0000n + n * FRAME, 1);
    expect([stream.length, iova.length]).toEqual([0, 0]);
    expect([smmu.batch.stream[0], smmu.batch.iova[0]]).toEqual([3, VA]);
    expect(smmu.run(1)).toBe(0);
    expect(smmu.batch.pa[0]).toBe(0x7000n);
    expect(smmu.batch.iova32[0]).toBe(0x5000);
    expect(smmu.batch.pa32[0]).toBe(0x7000);
    for (const name of columns) expect(smmu.batch[name].length, name).toBe(smmu.batch.capacity);
  });

  it("leaves cached table pointers right", () => {
    const rig = new Rig();
    const { table } = rig.stage1(0, 1);
    for (let n = 0n; n < 64n; ++n) table.map(n * 0x1000n, 0x1000_0000n + n * 0x1000n, 0x1000n);
    rig.run([[0, 0n]]);
    const before = rig.smmu.batch.stream;
    for (let n = 0n; before.length > 0; ++n) rig.smmu.memory.writeU8(0x1_0000_0000n + n * FRAME, 1);
    rig.run(Array.from({ length: 64 }, (_, n) => [0, BigInt(n) * 0x1000n]));
    expect(rig.answers(64)).toEqual(
      Array.from({ length: 64 }, (_, n) => `0x${(0x1000_0000 + n * 0x1000).toString(16)}`),
    );
  });

  it("stops at memoryLimit, after which translation goes on", () => {
    const rig = new Rig({ memoryLimit: 0x10_0000 });
    const { table } = rig.stage1(0, 1);
    table.map(VA, 0x7000n, 0x1000n);
    const write = (): void => {
      for (let n = 0n; n < 17n; ++n) rig.smmu.memory.writeU8(0x1_0000_0000n + n * FRAME, 1);
    };
    expect(write).toThrow(MemoryLimitError);
    expect(rig.smmu.memory.backedBytes).toBe(0x10_0000);
    expect(rig.smmu.translate({ stream: 0, iova: VA }).pa).toBe(0x7000n);
    expect(() => table.map(0x1000_0000_0000n, 0n, 0x1000n)).not.toThrow();
    expect(table).toBeInstanceOf(PageTable);
  });

  it("beyond 2 GiB makes no difference: tables there are walked, updated and cached", () => {
    const rig = new Rig({ memoryLimit: 3 * 2 ** 30 });
    const { memory } = rig.smmu;
    // One byte a frame; the operating system backs no more than a page of each.
    for (let n = 0n; n < 33_000n; ++n) memory.writeU8(0x100_0000_0000n + n * FRAME, 1);
    expect(memory.backedBytes).toBeGreaterThan(2 ** 31);
    const { table } = rig.stage1(0, 1, CD_HTTU);
    for (let n = 0n; n < 4n; ++n)
      table.map(n * 0x1000n, 0x7000_0000n + n * 0x1000n, 0x1000n, { accessed: false });
    for (let round = 0; round < 2; ++round) {
      rig.run(Array.from({ length: 5 }, (_, n) => [0, BigInt(n) * 0x1000n]));
      expect(rig.answers(5)).toEqual(["0x70000000", "0x70001000", "0x70002000", "0x70003000", "status 0x90"]);
    }
    expect(rig.smmu.counters().iotlbHits).toBe(4);
    expect(memory.readU64(table.lookup(0n)!.address) & (1n << 10n)).toBe(1n << 10n);
    memory.drop(TABLES, FRAME);
    expect(fault(rig, 0, 0x8000n)).toMatch(/^F_TRANSLATION/);
    expect(memory.readU8(0x100_0000_0000n + 32_999n * FRAME)).toBe(1);
  });
});
