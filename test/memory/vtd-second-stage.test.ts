// Second-stage tables of VT-d: entries by hand from Rev 5.10, 3.7 and 9.8.
import { describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import type { VtdTableOptions } from "../../src/memory/vtd-format.js";
import { VtdSecondStageTable } from "../../src/memory/vtd-second-stage.js";
import { SparseWords } from "./sparse-words.js";

function build(shape: Partial<VtdTableOptions> = {}) {
  const memory = new SparseWords();
  const pool = new TableAllocator(0x10_0000n, 0x1000_0000n);
  const table = new VtdSecondStageTable({
    ...shape,
    memory,
    allocate: (bytes, align) => pool.allocate(bytes, align),
    release: (address, bytes) => pool.release(address, bytes),
  });
  return { memory, pool, table };
}

describe("second-stage tables", () => {
  it("have four levels, PS above the last one, R and W everywhere (9.8)", () => {
    const { memory, table } = build();
    table.map(0x40_1000n, 0x8_0000_0040_1000n, 0x20_0000n, { write: false }); // pages up to 6 MiB, then one
    table.map(0x4000_0000n, 0xf_ffff_c000_0000n, 0x4000_0000n);
    table.map(0x8020_0000n, 0x20_0000n, 0x20_0000n);
    table.mapPages(0x80_0000_0000n, Float64Array.of(0x7000), 1, { read: false });
    const words = memory.nonZero();
    expect(words).toMatchObject({
      "100000": "101003",
      "101000": "102003",
      "102010": "103003",
      "103008": "8000000401001",
      "103ff8": "80000005ff001",
      "102018": "104003",
      "104000": "8000000600001",
      "101008": "fffffc0000083",
      "101010": "105003",
      "105008": "200083",
      "100008": "106003",
      "106000": "107003",
      "107000": "108003",
      "108000": "7002",
    });
    expect(Object.keys(words)).toHaveLength(10 + 512 + 1);
  });

  it.each([
    [{}, 0x3n],
    [{ write: false }, 0x1n],
    [{ read: false }, 0x2n],
    [{ snoop: true }, 0x803n],
    [{ memoryType: 6 }, 0x33n],
    [{ memoryType: 7, ignorePat: true }, 0x7bn],
    [{ accessed: true, dirty: true }, 0x303n],
  ])("have the attributes %o as 0x%s, with PS in large leaves", (attributes, flags) => {
    const { table } = build();
    table.map(0n, 0n, 0x1000n, attributes);
    table.map(0x20_0000n, 0x20_0000n, 0x20_0000n, attributes);
    table.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n, attributes);
    expect(table.lookup(0n)?.descriptor).toBe(flags);
    expect(table.lookup(0x20_0000n)?.descriptor).toBe(0x20_0080n | flags);
    expect(table.lookup(0x4000_0000n)?.descriptor).toBe(0x4000_0080n | flags);
  });

  it("refuse a leaf without rights: it would not be present", () => {
    const { memory, table } = build();
    expect(() => table.map(0n, 0n, 0x1000n, { read: false, write: false })).toThrow(
      new RangeError('"attributes" expected "read" or "write" true, got neither'),
    );
    expect(() => table.map(0n, 0n, 0x1000n, { memoryType: 8 })).toThrow('"attributes.memoryType"');
    expect(memory.nonZero()).toEqual({});
  });

  it.each([
    [3, 39, 1],
    [4, 48, 0],
    [5, 57, -1],
  ] as const)("of %i levels take %i bits and begin at level %i (3.7)", (levels, bits, startLevel) => {
    const { memory, pool, table } = build({ levels });
    const last = (1n << BigInt(bits)) - 0x1000n;
    table.map(last, 0x5000n, 0x1000n);
    expect(table.startLevel).toBe(startLevel);
    expect(memory.words.get(0x10_0ff8n)).toBe(0x10_1003n);
    expect(pool.used).toBe(levels * 4096);
    expect(table.lookup(last + 0x123n)).toMatchObject({ output: 0x5123n, leafLg2: 12 });
    expect(() => table.map(last + 0x1000n, 0n, 0x1000n)).toThrow(`"input" expected bigint in 0..2^${bits}-1`);
    expect(() => table.map(last, 0n, 0x2000n)).toThrow('"size"');
    expect(table.unmap(0n, 1n << BigInt(bits))).toBe(0x1000n);
    expect([memory.nonZero(), pool.used]).toEqual([{}, 4096]);
  });

  it.each([
    [12, 512 * 512],
    [21, 512],
    [30, 1],
  ] as const)("without larger leaves than 2^%i have %i in 1 GiB (CAP.SSLPS)", (largestLeafLg2, leaves) => {
    const { memory, table } = build({ largestLeafLg2 });
    table.map(0x4000_0000n, 0x8000_0000n, 0x4000_0000n);
    const entries = [...memory.words.values()].filter((entry) => entry >= 0x8000_0000n);
    expect(entries).toHaveLength(leaves);
    expect(table.lookup(0x7fff_ffffn)).toMatchObject({ output: 0xbfff_ffffn, leafLg2: largestLeafLg2 });
  });

  it("split a block with all its attributes, and take everything out again", () => {
    const { memory, pool, table } = build();
    table.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n, { write: false, memoryType: 6, snoop: true });
    expect(table.unmap(0x4020_1000n, 0x1000n)).toBe(0x1000n);
    expect(table.lookup(0x4020_0000n)).toMatchObject({ leafLg2: 12, descriptor: 0x4020_0831n });
    expect(table.lookup(0x4040_0000n)).toMatchObject({ leafLg2: 21, descriptor: 0x4040_08b1n });
    expect(table.lookup(0x4020_1000n)).toBeUndefined();
    expect(table.unmap(0n, 1n << 48n)).toBe(0x3fff_f000n);
    expect([memory.nonZero(), pool.used, table.tableCount]).toEqual([{}, 4096, 1]);
  });

  it.each([
    [{ levels: 2 as 3 }, '"levels" expected integer in 3..5, got 2'],
    [{ levels: 6 as 5 }, '"levels" expected integer in 3..5, got 6'],
    [{ outputBits: 53 }, '"outputBits" expected integer in 32..52, got 53'],
    [{ largestLeafLg2: 39 as 30 }, '"largestLeafLg2" expected 12, 21 or 30, got 39'],
  ])("refuse the shape %o", (shape, message) => {
    expect(() => build(shape)).toThrow(new RangeError(message));
  });

  it("have no output above the host address width", () => {
    const { table } = build({ outputBits: 39 });
    table.map(0n, (1n << 39n) - 0x1000n, 0x1000n);
    expect(() => table.map(0x1000n, 1n << 39n, 0x1000n)).toThrow('"output" expected bigint in 0..2^39-1');
  });
});
