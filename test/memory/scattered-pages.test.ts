// PageTable.mapPages: descriptors by hand (Arm DDI 0487 M.a, D8.3), and what it refuses.
import { describe, expect, it } from "vitest";
import { SmmuV3, TableAllocator } from "../../src/index.js";
import { PageTable, type PageTableOptions } from "../../src/memory/page-table.js";
import { SparseWords } from "./sparse-words.js";

type Shape = Omit<PageTableOptions, "allocate" | "memory" | "release">;

const K4: Shape = { stage: 2, granule: 4096, inputBits: 39 };

function build(shape: Shape = K4): { table: PageTable; memory: SparseWords } {
  const memory = new SparseWords();
  const pool = new TableAllocator(0x10_0000n, 0x1000_0000n);
  const table = new PageTable({
    ...shape,
    memory,
    allocate: (bytes, align) => pool.allocate(bytes, align),
    release: (address, bytes) => pool.release(address, bytes),
  });
  return { table, memory };
}

describe("mapPages", () => {
  it("writes pages that lie anywhere, across tables, in the order given", () => {
    const { table, memory } = build();
    // the last page of one table and the first two of the next
    table.mapPages(0x1f_f000n, Float64Array.of(0xffff_ffff_f000, 0x1000, 0x1_8000_0000, 0x7000), 3);
    expect(memory.nonZero()).toEqual({
      "100000": "101003",
      "101000": "102003",
      "101008": "103003",
      "102ff8": "40fffffffff7ff",
      "103000": "400000000017ff",
      "103008": "400001800007ff",
    });
    expect(table.lookup(0x20_1abcn)).toMatchObject({ output: 0x1_8000_0abcn, leafLg2: 12 });
    expect(table.lookup(0x20_2000n)).toBeUndefined();
    expect(table.unmap(0x1f_f000n, 0x3000n)).toBe(0x3000n);
    expect(memory.nonZero()).toEqual({});
  });

  it.each<[string, Shape, number, string]>([
    ["LPA2", { stage: 1, granule: 4096, inputBits: 52, ds: true }, 0xf_8000_0000_5000, "63800000005f43"],
    [
      "LPA2, 16 KiB",
      { stage: 1, granule: 16384, inputBits: 52, ds: true },
      0xa_0030_0000_4000,
      "62003000004e43",
    ],
    [
      "64 KiB with 52 bits",
      { stage: 1, granule: 65536, inputBits: 52, outputBits: 52 },
      0xa_0001_0002_0000,
      "6000010002af43",
    ],
  ])("places the high address bits of the 52-bit forms: %s", (_form, shape, output, descriptor) => {
    const { table } = build(shape);
    table.mapPages(0n, Float64Array.of(output), 1);
    expect(table.lookup(0n)?.descriptor.toString(16)).toBe(descriptor);
    expect(table.lookup(0x123n)?.output).toBe(BigInt(output) + 0x123n);
  });

  it.each([4096, 16384, 65536] as const)(
    "writes pages of %i that happen to lie in a row as map does, the Contiguous bit included",
    (granule) => {
      const shape: Shape = { stage: 2, granule, inputBits: 40 };
      const count = (granule / 8) * 2 + 40;
      const first = 7 * granule;
      const output = 2 ** 36 + first;
      const whole = build(shape);
      const attributes = { contiguous: true, write: false };
      whole.table.map(BigInt(first), BigInt(output), BigInt(count * granule), {
        ...attributes,
        maxLeafLg2: Math.log2(granule),
      });
      const pages = build(shape);
      const outputs = Float64Array.from({ length: count }, (_, i) => output + i * granule);
      pages.table.mapPages(BigInt(first), outputs, count, attributes);
      expect(pages.memory.nonZero()).toEqual(whole.memory.nonZero());
      expect((pages.table.lookup(BigInt(granule * (granule / 8)))?.descriptor ?? 0n) & (1n << 52n)).not.toBe(
        0n,
      );
    },
  );

  it("gives no Contiguous bit to a run with one page out of order", () => {
    const { table } = build();
    const outputs = Float64Array.from({ length: 48 }, (_, i) => 0x10_0000 + i * 4096);
    outputs[20] = 0x50_0000;
    table.mapPages(0n, outputs, 48, { contiguous: true });
    const hint = (page: bigint): boolean =>
      ((table.lookup(page * 4096n)?.descriptor ?? 0n) & (1n << 52n)) !== 0n;
    expect([0n, 15n, 16n, 20n, 31n, 32n, 47n].map(hint)).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it("maps beside what is mapped, and leaves every byte as it was when it meets a mapping", () => {
    const { table, memory } = build();
    table.map(0x40_0000n, 0x40_0000n, 0x1000n);
    table.map(0x8000_0000n, 0n, 0x4000_0000n);
    const before = memory.nonZero();
    const pages = new Float64Array(2000).fill(0x7000);
    expect(() => table.mapPages(0x1f_0000n, pages, 2000)).toThrow(
      new RangeError('"input" expected a range that is not mapped, got a mapping at 0x400000'),
    );
    expect(() => table.mapPages(0x7fff_f000n, pages, 2)).toThrow("got a mapping at 0x80000000");
    expect(memory.nonZero()).toEqual(before);
    expect(table.tableCount).toBe(3);
    table.mapPages(0x1f_0000n, pages, 0x210);
    expect(table.lookup(0x3f_f000n)?.output).toBe(0x7000n);
  });

  it.each<[string, () => unknown, Error]>([
    [
      "pages that are no Float64Array",
      () => build().table.mapPages(0n, [0] as never, 1),
      new TypeError('"pages" expected Float64Array, got object'),
    ],
    [
      "more pages than there are",
      () => build().table.mapPages(0n, new Float64Array(2), 3),
      new RangeError('"count" expected integer in 1..2, got 3'),
    ],
    [
      "no pages",
      () => build().table.mapPages(0n, new Float64Array(2), 0),
      new RangeError('"count" expected integer in 1..2, got 0'),
    ],
    [
      "an input that is no multiple of the granule",
      () => build().table.mapPages(0x800n, new Float64Array(2), 2),
      new RangeError('"input" expected a multiple of 4096, got 0x800'),
    ],
    [
      "pages beyond the input range",
      () => build().table.mapPages(0x7f_ffff_f000n, new Float64Array(2), 2),
      new RangeError('"size" expected at least 4096 and input + size <= 2^39, got 8192'),
    ],
    [
      "a leaf below the granule",
      () => build().table.mapPages(0n, new Float64Array(2), 2, { maxLeafLg2: 11 }),
      new RangeError('"attributes.maxLeafLg2" expected integer in 12..52, got 11'),
    ],
  ])("refuses %s", (_what, call, error) => {
    expect(call).toThrow(error);
  });

  it.each([0x800, 4096.5, -0x1000, 2 ** 48, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses %d as an output address, however far back in the list",
    (output) => {
      const { table, memory } = build();
      const pages = Float64Array.of(0x1000, 0x2000, output);
      expect(() => table.mapPages(0n, pages, 3)).toThrow(
        new RangeError(`"pages[2]" expected a multiple of 4096 in 0..2^48-1, got ${output}`),
      );
      expect(memory.nonZero()).toEqual({});
      table.mapPages(0n, pages, 2);
      expect(table.lookup(0x1000n)?.output).toBe(0x2000n);
    },
  );

  it("maps 4 GiB of scattered pages into simulated memory and takes them out again", () => {
    const { memory } = new SmmuV3();
    const pool = new TableAllocator(1n << 47n, 1n << 30n);
    const table = new PageTable({
      ...K4,
      memory,
      allocate: (bytes, align) => pool.allocate(bytes, align),
      release: (address, bytes) => pool.release(address, bytes),
    });
    const count = 1 << 20;
    const pages = Float64Array.from({ length: count }, (_, i) => ((i * 0x9e3779b1) % 2 ** 32) * 4096);
    table.mapPages(0x1000n, pages, count);
    expect(table.tableCount).toBe(1 + 5 + 2049);
    for (let i = 0; i < count; i += 4099) {
      expect(table.lookup(BigInt(i + 1) * 4096n)?.output).toBe(BigInt(pages[i] as number));
    }
    expect(table.unmap(0n, 1n << 39n)).toBe(4n << 30n);
    expect([table.tableCount, pool.used]).toEqual([1, 4096]);
    expect(memory.read(1n << 47n, pool.peak).every((byte) => byte === 0)).toBe(true);
  });
});
