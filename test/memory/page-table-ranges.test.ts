// Ranges of leaves: which sizes they get, what unmapping leaves, and contiguous runs (Arm DDI 0487 M.a, D8.3, D8.7).
import { beforeEach, describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import { PageTable } from "../../src/memory/page-table.js";
import { SparseWords } from "./sparse-words.js";
import { K4, K16, K64, type Shape, TableRig } from "./table-rig.js";

const rig = new TableRig();

describe("ranges", () => {
  let table: PageTable;
  beforeEach(() => {
    table = rig.build(K4);
  });
  const leaf = (input: bigint): number | undefined => table.lookup(input)?.leafLg2;

  it("uses the largest leaves that alignment of both addresses allows", () => {
    table.map(0x3fe0_0000n, 0x7fe0_0000n, 0x4060_1000n); // 2 MiB, 1 GiB, 2 x 2 MiB, 4 KiB
    expect([0x3fe0_0000n, 0x4000_0000n, 0x8000_0000n, 0x8020_0000n, 0x8040_0000n].map(leaf)).toEqual([
      21, 30, 21, 21, 12,
    ]);
    expect(leaf(0x8040_1000n)).toBeUndefined();
    expect(table.lookup(0x8040_0fffn)?.output).toBe(0xc040_0fffn);
  });

  it("takes small pages when the addresses are not aligned to each other", () => {
    table.map(0x20_0000n, 0x40_1000n, 0x20_0000n);
    expect(leaf(0x20_0000n)).toBe(12);
    expect(table.lookup(0x3f_f123n)?.output).toBe(0x60_0123n);
  });

  it("keeps leaves at most maxLeafLg2", () => {
    table.map(0n, 0n, 0x8000_0000n, { maxLeafLg2: 29 });
    expect(leaf(0x4000_0000n)).toBe(21);
    table.map(0x8000_0000n, 0n, 0x20_0000n, { maxLeafLg2: 12 });
    expect(leaf(0x8000_0000n)).toBe(12);
  });

  it("takes addresses of the upper half", () => {
    table.map(0xffff_ffff_ffff_f000n, 0x1000n, 0x1000n);
    expect(table.lookup(0xffff_ffff_ffff_f800n)?.output).toBe(0x1800n);
    expect(rig.memory.nonZero()["100ff8"]).toBe("101003");
    expect(() => table.lookup(0xfffe_ffff_ffff_f000n)).toThrow(
      new RangeError('"input" expected bigint in 0..2^48-1, got 0xfffefffffffff000'),
    );
  });

  it("splits a block of which a part goes, keeping its attributes", () => {
    table.map(0x4000_0000n, 0x8000_0000n, 0x4000_0000n, { write: false, execute: true });
    expect(table.unmap(0x4020_1000n, 0x1000n)).toBe(0x1000n);
    expect(leaf(0x4000_0000n)).toBe(21);
    expect(table.lookup(0x4020_0000n)).toMatchObject({ leafLg2: 12, descriptor: 0x80200fc3n });
    expect(leaf(0x4020_1000n)).toBeUndefined();
    expect(table.lookup(0x4020_2fffn)?.output).toBe(0x8020_2fffn);
    expect(table.lookup(0x7fff_ffffn)).toMatchObject({ leafLg2: 21, output: 0xbfff_ffffn });
    expect(table.unmap(0x4000_0000n, 0x4000_0000n)).toBe(0x3fff_f000n);
    expect(rig.memory.nonZero()).toEqual({});
    expect(rig.tables.used).toBe(4096);
  });

  it("splits blocks of the 52-bit forms", () => {
    for (const shape of [
      { stage: 2, granule: 4096, inputBits: 52, ds: true, startLevel: 0 },
      { stage: 1, granule: 16384, inputBits: 52, ds: true },
      { stage: 1, granule: 65536, inputBits: 52, outputBits: 52 },
    ] as const) {
      const wide = rig.build(shape);
      const size = 2n ** (shape.granule === 4096 ? 39n : shape.granule === 16384 ? 36n : 42n);
      const output = 0xe_0000_0000_0000n + size;
      wide.map(size, output, size);
      const page = BigInt(shape.granule);
      expect(wide.unmap(size + page, page)).toBe(page);
      expect(wide.lookup(size)).toMatchObject({ output, leafLg2: Math.log2(shape.granule) });
      expect(wide.lookup(size + page)).toBeUndefined();
      expect(wide.lookup(2n * size - 1n)?.output).toBe(output + size - 1n);
    }
  });

  it("passes over holes when it unmaps", () => {
    table.map(0x1000n, 0x1000n, 0x1000n);
    table.map(0x20_0000n, 0n, 0x20_0000n);
    expect(table.unmap(0n, 0x4000_0000n)).toBe(0x20_1000n);
    expect(table.unmap(0n, 0x4000_0000n)).toBe(0n);
  });

  it("leaves nothing behind when it meets a mapping", () => {
    table.map(0x5000n, 0x5000n, 0x1000n);
    const before = rig.memory.nonZero();
    expect(() => table.map(0x3000n, 0x9000n, 0x4000n)).toThrow(
      new RangeError('"input" expected a range that is not mapped, got a mapping at 0x5000'),
    );
    expect(rig.memory.nonZero()).toEqual(before);
    table.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n);
    expect(() => table.map(0x3fff_f000n, 0n, 0x2000n)).toThrow("got a mapping at 0x40000000");
    expect(() => table.map(0n, 0n, 0x4000_0000n)).toThrow("got a mapping at 0x5000");
    expect(table.tableCount).toBe(4);
  });

  it("leaves nothing behind when the allocator has no room", () => {
    const memory = new SparseWords();
    const tables = new TableAllocator(0x10_0000n, 0x4000n);
    table = new PageTable({
      ...K4,
      memory,
      allocate: (bytes, align) => tables.allocate(bytes, align),
      release: (address, bytes) => tables.release(address, bytes),
    });
    expect(() => table.map(0x1f_f000n, 0n, 0x2000n)).toThrow("no room for 4096 bytes");
    expect(rig.memory.nonZero()).toEqual({});
    expect(rig.tables.used).toBe(4096);
  });

  it("keeps empty tables when asked, and puts a block in their place", () => {
    table = rig.build({ ...K4, keepEmptyTables: true });
    table.map(0x20_0000n, 0n, 0x1000n);
    table.unmap(0x20_0000n, 0x1000n);
    expect(table.tableCount).toBe(4);
    table.map(0n, 0n, 0x4000_0000n);
    expect(leaf(0x20_0000n)).toBe(30);
    expect(table.tableCount).toBe(2);
    expect(rig.tables.used).toBe(8192);
  });

  it.each<[() => unknown, Error]>([
    [() => table.map(0 as never, 0n, 0x1000n), new TypeError('"input" expected bigint, got number')],
    [() => table.map(0n, 0 as never, 0x1000n), new TypeError('"output" expected bigint, got number')],
    [() => table.map(0n, 0n, 0x1000 as never), new TypeError('"size" expected bigint, got number')],
    [() => table.map(0x800n, 0n, 0x1000n), new RangeError('"input" expected a multiple of 4096, got 0x800')],
    [() => table.map(0n, 0x800n, 0x1000n), new RangeError('"output" expected a multiple of 4096, got 0x800')],
    [
      () => table.map(0n, 0n, 0n),
      new RangeError('"size" expected at least 4096 and input + size <= 2^48, got 0'),
    ],
    [
      () => table.map(0xffff_ffff_f000n, 0n, 0x2000n),
      new RangeError('"size" expected at least 4096 and input + size <= 2^48, got 8192'),
    ],
    [
      () => table.map(1n << 48n, 0n, 0x1000n),
      new RangeError('"input" expected bigint in 0..2^48-1, got 0x1000000000000'),
    ],
    [
      () => table.map(0n, 1n << 48n, 0x1000n),
      new RangeError('"output" expected bigint in 0..2^48-1, got 0x1000000000000'),
    ],
    [
      () => table.map(0n, 0xffff_ffff_f000n, 0x2000n),
      new RangeError('"size" expected output + size <= 2^48, got 8192'),
    ],
    [() => table.unmap(-0x1000n, 0x1000n), new RangeError('"input" expected bigint in 0..2^64-1, got -4096')],
  ])("refuses misuse %#", (call, error) => {
    expect(call).toThrow(error);
  });
});

describe("contiguous runs", () => {
  const CONTIG = 1n << 52n;
  // granule, level's leaf, entries in a run
  it.each<[Shape, bigint, bigint]>([
    [K4, 0x1000n, 16n],
    [K4, 0x20_0000n, 16n],
    [K4, 0x4000_0000n, 16n],
    [K16, 0x4000n, 128n],
    [K16, 0x200_0000n, 32n],
    [K64, 0x1_0000n, 32n],
    [K64, 0x2000_0000n, 32n],
  ])("%j: leaves of %d in runs of %d", (shape, leaf, entries) => {
    const table = rig.build(shape);
    const run = leaf * entries;
    const attributes = { contiguous: true, maxLeafLg2: Math.log2(Number(leaf)) };
    table.map(run - leaf, run * 3n - leaf, run + leaf, attributes);
    const hint = (input: bigint): boolean => ((table.lookup(input)?.descriptor ?? 0n) & CONTIG) !== 0n;
    expect([run - leaf, run, 2n * run - leaf].map(hint)).toEqual([false, true, true]);
    // a part of the run goes: the rest loses the hint (D8.7)
    table.unmap(run, leaf);
    expect([run + leaf, 2n * run - leaf].map(hint)).toEqual([false, false]);
  });

  it("gives no hint where the output is not aligned to the run", () => {
    const table = rig.build(K4);
    table.map(0x1_0000n, 0x1000n, 0x1_0000n, { contiguous: true });
    expect((table.lookup(0x1_0000n)?.descriptor ?? 0n) & CONTIG).toBe(0n);
  });
});

it("agrees with a plain map of pages over a long random history", () => {
  const seed = 0x1234_5678;
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const table = rig.build({ stage: 2, granule: 4096, inputBits: 32, startLevel: 1 });
  const pages = new Map<number, number>();
  for (let step = 0; step < 3000; step++) {
    const size = [1, 1, 2, 16, 512, 1024, 700][random(7)] as number;
    const first = (Math.floor(random(8192) / (random(2) ? 512 : 1)) * (random(2) ? 512 : 1)) % 8192;
    const output = random(2) ? first + 512 * random(64) : random(1 << 20);
    const input = BigInt(first) * 4096n;
    if (random(3) === 0) {
      let gone = 0n;
      for (let page = first; page < first + size; page++) if (pages.delete(page)) gone += 4096n;
      expect(table.unmap(input, BigInt(size) * 4096n), `seed ${seed} step ${step}`).toBe(gone);
    } else {
      const clash = Array.from({ length: size }, (_, i) => first + i).some((page) => pages.has(page));
      const map = (): void =>
        table.map(input, BigInt(output) * 4096n, BigInt(size) * 4096n, { contiguous: random(2) === 0 });
      if (clash) expect(map, `seed ${seed} step ${step}`).toThrow(RangeError);
      else map();
      if (!clash) for (let page = 0; page < size; page++) pages.set(first + page, output + page);
    }
  }
  for (let page = 0; page < 9300; page++) {
    const expected = pages.get(page);
    expect(table.lookup(BigInt(page) * 4096n)?.output).toBe(
      expected === undefined ? undefined : BigInt(expected) * 4096n,
    );
  }
  table.unmap(0n, 1n << 32n);
  expect(table.tableCount).toBe(1);
  expect(rig.memory.nonZero()).toEqual({});
});
