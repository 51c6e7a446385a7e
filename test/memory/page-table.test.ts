// Descriptors worked out by hand from Arm DDI 0487 M.a, D8.3: every granule, leaf level and address form.
import { beforeEach, describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import { PageTable, type PageTableOptions } from "../../src/memory/page-table.js";
import type { LeafAttributes } from "../../src/memory/page-table-leaf.js";
import { SparseWords } from "./sparse-words.js";

type Shape = Omit<PageTableOptions, "allocate" | "memory">;

let memory: SparseWords;
let tables: TableAllocator;

function build(shape: Shape, base = 0x10_0000n): PageTable {
  memory = new SparseWords();
  tables = new TableAllocator(base, 0x1000_0000n);
  return new PageTable({
    release: (address, bytes) => tables.release(address, bytes),
    ...shape,
    memory,
    allocate: (bytes, align) => tables.allocate(bytes, align),
  });
}

const K4: Shape = { stage: 1, granule: 4096, inputBits: 48 };
const K16: Shape = { stage: 1, granule: 16384, inputBits: 47 };
const K64: Shape = { stage: 1, granule: 65536, inputBits: 48 };

describe("one leaf at each level", () => {
  // stage 1 default: valid, AttrIndx 0, AP 01, SH 11, AF, nG, PXN, UXN = 0x00600000_00000f41 for a block, ..f43 for a page
  // stage 2 default: valid, MemAttr 1111, S2AP 11, SH 11, AF, XN 10     = 0x00400000_000007fd for a block, ..7ff for a page
  const rows: [string, Shape, bigint, bigint, bigint, Record<string, string>][] = [
    [
      "4 KiB page, level 3",
      K4,
      0x40201000n, // indices 0, 1, 1, 1
      0x80003000n,
      0x1000n,
      { "100000": "101003", "101008": "102003", "102008": "103003", "103008": "60000080003f43" },
    ],
    [
      "2 MiB block, level 2",
      K4,
      0xffff_ffe0_0000n, // indices 511, 511, 511
      0xffff_ffe0_0000n,
      0x20_0000n,
      { "100ff8": "101003", "101ff8": "102003", "102ff8": "60ffffffe00f41" },
    ],
    [
      "1 GiB block, level 1",
      K4,
      0x80_4000_0000n, // indices 1, 1
      0x1_4000_0000n,
      0x4000_0000n,
      { "100008": "101003", "101008": "60000140000f41" },
    ],
    [
      "4 KiB page with LPA2, level 3 of 5: OA[49:48] in place, OA[51:50] in 9:8, no SH",
      { ...K4, inputBits: 52, ds: true },
      0x8_0000_0000_1000n, // level -1 index 8 (bits 51:48)
      0xf_8000_0000_5000n,
      0x1000n,
      {
        "100040": "101003", // level -1: 16 entries, 128 bytes
        "101000": "102003",
        "102000": "103003",
        "103000": "104003",
        // 0xf_8000_0000_5000: OA[51:50] = 3 -> 0x300, OA[49:48] = 3 -> 0x0003_0000_0000_0000, bit 47
        "104008": "63800000005f43",
      },
    ],
    [
      "512 GiB block with LPA2, level 0",
      { ...K4, inputBits: 52, ds: true },
      0x1_0080_0000_0000n,
      0x4_0080_0000_0000n, // OA[51:50] = 1 -> 0x100
      0x80_0000_0000n,
      { "100008": "101003", "101008": "60008000000d41" },
    ],
    [
      "16 KiB page, level 3",
      K16,
      0x10_0200_4000n, // level 1 bits 46:36 = 1, level 2 bits 35:25 = 1, level 3 bits 24:14 = 1
      0x1_0000_4000n,
      0x4000n,
      { "100008": "104003", "104008": "108003", "108008": "60000100004f43" },
    ],
    [
      "32 MiB block, level 2",
      K16,
      0x200_0000n,
      0x4200_0000n,
      0x200_0000n,
      { "100000": "104003", "104008": "60000042000f41" },
    ],
    [
      "64 GiB block with LPA2, level 1",
      { stage: 1, granule: 16384, inputBits: 52, ds: true },
      0x8_0010_0000_0000n, // level 0 bits 51:47 = 0x10
      0xa_0030_0000_0000n, // OA[51:50] = 2 -> 0x200, OA[49:48] = 2
      0x10_0000_0000n,
      { "100080": "104003", "104008": "62003000000e41" },
    ],
    [
      "64 KiB page, level 3",
      K64,
      0x400_2001_0000n, // level 1 bits 47:42 = 1, level 2 bits 41:29 = 1, level 3 bits 28:16 = 1
      0x1_0001_0000n,
      0x1_0000n,
      { "100008": "110003", "110008": "120003", "120008": "60000100010f43" },
    ],
    [
      "512 MiB block, level 2",
      K64,
      0x2000_0000n,
      0x6000_0000n,
      0x2000_0000n,
      { "100000": "110003", "110008": "60000060000f41" },
    ],
    [
      "64 KiB page with 52-bit addresses: OA[51:48] in 15:12",
      { ...K64, inputBits: 52, outputBits: 52 },
      0xf_fc00_0000_0000n, // level 1 bits 51:42 = 1023
      0xa_0001_0002_0000n,
      0x1_0000n,
      { "101ff8": "110003", "110000": "120003", "120000": "6000010002af43" },
    ],
    [
      "4 TiB block with 52-bit addresses, level 1",
      { ...K64, inputBits: 52, outputBits: 52 },
      0x400_0000_0000n,
      0xf_0400_0000_0000n,
      0x400_0000_0000n,
      { "100008": "6004000000ff41" },
    ],
    [
      "stage 2, 4 KiB page",
      { stage: 2, granule: 4096, inputBits: 39 },
      0x4000_0000n,
      0x1_2345_6000n,
      0x1000n,
      { "100008": "101003", "101000": "102003", "102000": "400001234567ff" },
    ],
    [
      "stage 2, 40 bits over two concatenated level 1 tables",
      { stage: 2, granule: 4096, inputBits: 40, startLevel: 1 },
      0x80_4000_0000n, // index 513: second table
      0x4000_0000n,
      0x4000_0000n,
      { "101008": "400000400007fd" },
    ],
    [
      "stage 2, 16 concatenated level 2 tables of 64 KiB",
      { stage: 2, granule: 65536, inputBits: 46, startLevel: 2 },
      0x3fff_e000_0000n, // last entry of 16 * 8192
      0x2000_0000n,
      0x2000_0000n,
      { "1ffff8": "400000200007fd" },
    ],
  ];
  it.each(rows)("%s", (_title, shape, input, output, size, words) => {
    const table = build(shape);
    table.map(input, output, size);
    expect(memory.nonZero()).toEqual(words);
    const leafLg2 = Math.log2(Number(size));
    expect(table.lookup(input + size - 1n)).toMatchObject({ output: output + size - 1n, leafLg2 });
    expect(table.unmap(input, size)).toBe(size);
    expect(memory.nonZero()).toEqual({});
    expect(table.tableCount).toBe(1);
    expect(table.lookup(input)).toBeUndefined();
  });

  it("table addresses above 48 bits use the same pieces as leaves", () => {
    const wide = build({ ...K4, inputBits: 52, ds: true }, 0xf_0000_0000_0000n);
    wide.map(0n, 0n, 0x1000n);
    expect(memory.nonZero().f000000000000).toBe("3000000001303"); // next table 0xf_0000_0000_1000
    const wide64 = build({ ...K64, outputBits: 52 }, 0xa_0000_0000_0000n);
    wide64.map(0n, 0n, 0x1_0000n);
    expect(memory.nonZero().a000000000000).toBe("1a003"); // next table 0xa_0000_0001_0000
  });
});

describe("attributes", () => {
  const page = (attributes: LeafAttributes, shape: Shape = K4): string | undefined => {
    const table = build(shape);
    table.map(0n, 0x5000n, 0x1000n, attributes);
    return table.lookup(0n)?.descriptor.toString(16);
  };
  const S2: Shape = { stage: 2, granule: 4096, inputBits: 39 };
  it.each<[LeafAttributes, string]>([
    [{}, "60000000005f43"],
    [{ write: false }, "60000000005fc3"],
    [{ user: false }, "60000000005f03"],
    [{ user: false, write: false }, "60000000005f83"],
    [{ execute: true }, "5f43"],
    [{ global: true }, "60000000005743"],
    [{ accessed: false }, "60000000005b43"],
    [{ dbm: true, write: false }, "68000000005fc3"],
    [{ attrIndex: 7 }, "60000000005f5f"],
    [{ shareability: 0 }, "60000000005c43"],
    [{ shareability: 2 }, "60000000005e43"],
    [{ read: false }, "60000000005f43"],
  ])("stage 1 %j", (attributes, descriptor) => {
    expect(page(attributes)).toBe(descriptor);
  });
  it.each<[LeafAttributes, string]>([
    [{}, "400000000057ff"],
    [{ write: false }, "4000000000577f"],
    [{ read: false }, "400000000057bf"],
    [{ read: false, write: false }, "4000000000573f"],
    [{ execute: true }, "57ff"],
    [{ accessed: false }, "400000000053ff"],
    [{ dbm: true, write: false }, "4800000000577f"],
    [{ attrIndex: 5 }, "400000000057d7"],
  ])("stage 2 %j", (attributes, descriptor) => {
    expect(page(attributes, S2)).toBe(descriptor);
  });
  it.each<[LeafAttributes, string]>([
    [{ attrIndex: 8 }, '"attributes.attrIndex" expected integer in 0..7, got 8'],
    [{ shareability: 1 as never }, '"attributes.shareability" expected 0, 2 or 3, got 1'],
    [{ maxLeafLg2: 11 }, '"attributes.maxLeafLg2" expected integer in 12..52, got 11'],
  ])("refuses %j", (attributes, message) => {
    expect(() => page(attributes)).toThrow(new RangeError(message));
  });
});

describe("ranges", () => {
  let table: PageTable;
  beforeEach(() => {
    table = build(K4);
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
    expect(memory.nonZero()["100ff8"]).toBe("101003");
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
    expect(memory.nonZero()).toEqual({});
    expect(tables.used).toBe(4096);
  });

  it("splits blocks of the 52-bit forms", () => {
    for (const shape of [
      { stage: 2, granule: 4096, inputBits: 52, ds: true, startLevel: 0 },
      { stage: 1, granule: 16384, inputBits: 52, ds: true },
      { stage: 1, granule: 65536, inputBits: 52, outputBits: 52 },
    ] as const) {
      const wide = build(shape);
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
    const before = memory.nonZero();
    expect(() => table.map(0x3000n, 0x9000n, 0x4000n)).toThrow(
      new RangeError('"input" expected a range that is not mapped, got a mapping at 0x5000'),
    );
    expect(memory.nonZero()).toEqual(before);
    table.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n);
    expect(() => table.map(0x3fff_f000n, 0n, 0x2000n)).toThrow("got a mapping at 0x40000000");
    expect(() => table.map(0n, 0n, 0x4000_0000n)).toThrow("got a mapping at 0x5000");
    expect(table.tableCount).toBe(4);
  });

  it("leaves nothing behind when the allocator has no room", () => {
    memory = new SparseWords();
    tables = new TableAllocator(0x10_0000n, 0x4000n);
    table = new PageTable({
      ...K4,
      memory,
      allocate: (bytes, align) => tables.allocate(bytes, align),
      release: (address, bytes) => tables.release(address, bytes),
    });
    expect(() => table.map(0x1f_f000n, 0n, 0x2000n)).toThrow("no room for 4096 bytes");
    expect(memory.nonZero()).toEqual({});
    expect(tables.used).toBe(4096);
  });

  it("keeps empty tables when asked, and puts a block in their place", () => {
    table = build({ ...K4, keepEmptyTables: true });
    table.map(0x20_0000n, 0n, 0x1000n);
    table.unmap(0x20_0000n, 0x1000n);
    expect(table.tableCount).toBe(4);
    table.map(0n, 0n, 0x4000_0000n);
    expect(leaf(0x20_0000n)).toBe(30);
    expect(table.tableCount).toBe(2);
    expect(tables.used).toBe(8192);
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
    const table = build(shape);
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
    const table = build(K4);
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
  const table = build({ stage: 2, granule: 4096, inputBits: 32, startLevel: 1 });
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
  expect(memory.nonZero()).toEqual({});
});
