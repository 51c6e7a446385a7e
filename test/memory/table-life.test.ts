// The life of a tree's tables: what they are made from, when they go, in what state; roots of pages; split runs.
import { describe, expect, it } from "vitest";
import { SmmuV3, TableAllocator } from "../../src/index.js";
import { BASE, build, inRam, pagesOf } from "./ram-tree.js";
import { SparseWords } from "./sparse-words.js";
import { brokenRuns, readTree } from "./tree-reader.js";

describe("tables", () => {
  it.each([0x1000, 0x100_0000])(
    "are cleared when they are made from a block of %i bytes that held something",
    (fill) => {
      const { memory } = new SmmuV3();
      memory.fill(BASE, fill, 0xff);
      const table = build(memory, new TableAllocator(BASE, 1n << 26n));
      expect(table.lookup(0x1234_5000n)).toBeUndefined();
      table.map(0x1234_5000n, 0x1000n, 0x1000n);
      expect(table.lookup(0x1234_4000n)).toBeUndefined();
      expect(table.unmap(0n, 1n << 48n)).toBe(0x1000n);
    },
  );

  it("are cleared when memory goes word by word", () => {
    const memory = new SparseWords();
    for (let at = BASE; at < BASE + 0x4000n; at += 8n) memory.writeU64(at, 0xffff_ffff_ffff_ffffn);
    const table = build(memory, new TableAllocator(BASE, 1n << 26n));
    table.map(0n, 0x1000n, 0x1000n);
    expect(Object.keys(memory.nonZero())).toHaveLength(4);
  });

  it("read 0 when they are given back, whichever way they became empty", () => {
    const released = new Map<bigint, Uint8Array>();
    const { memory, table } = inRam({
      release: (address, bytes) => released.set(address, memory.read(address, bytes)),
    });
    table.mapPages(0n, pagesOf(1024), 1024);
    table.map(0x4000_0000n, 0n, 0x4040_1000n);
    table.unmap(0n, 0x1000n);
    table.unmap(0x1000n, 0x1f_f000n); // page by page up to the table's end
    table.unmap(0x20_0000n, 0x20_0000n); // a whole table
    table.unmap(0n, 1n << 48n);
    expect(released.size).toBe(6);
    expect([...released.values()].every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
    expect(table.tableCount).toBe(1);
  });

  it("are used again after they were given back", () => {
    const { pool, table } = inRam();
    table.mapPages(0n, pagesOf(5000), 5000);
    const { peak } = pool;
    for (let round = 1; round < 4; round++) {
      expect(table.unmap(0n, 1n << 40n)).toBe(5000n * 4096n);
      table.mapPages(BigInt(round) << 30n, pagesOf(5000, round * 4096), 5000);
      expect(table.lookup((BigInt(round) << 30n) + 4999n * 4096n)?.output).toBe(BigInt(round * 4096));
      expect(table.lookup((BigInt(round) << 30n) + 5000n * 4096n)).toBeUndefined();
    }
    expect(pool.peak).toBe(peak);
  });

  it("are kept, and read 0, when empty tables are to stay", () => {
    const { memory, pool, table } = inRam({ keepEmptyTables: true });
    table.mapPages(0n, pagesOf(1500), 1500);
    const { used } = pool;
    expect(table.unmap(0n, 1n << 48n)).toBe(1500n * 4096n);
    expect([pool.used, table.tableCount]).toEqual([used, 6]);
    for (let n = 3n; n < 6n; n++) {
      expect(memory.read(BASE + n * 4096n, 4096).every((byte) => byte === 0)).toBe(true);
    }
    table.mapPages(0n, pagesOf(1500), 1500);
    expect(pool.used).toBe(used);
  });

  it("go back with dispose, the root included, cleared", () => {
    const { memory, pool, table } = inRam();
    table.mapPages(0x1000n, pagesOf(3000), 3000);
    table.map(1n << 40n, 0n, 1n << 34n);
    table.dispose();
    expect([pool.used, table.tableCount]).toEqual([0, 0]);
    expect(memory.read(BASE, pool.peak).every((byte) => byte === 0)).toBe(true);
    table.dispose();
    for (const use of [
      () => table.map(0n, 0n, 0x1000n),
      () => table.mapPages(0n, pagesOf(1), 1),
      () => table.unmap(0n, 0x1000n),
      () => table.lookup(0n),
    ]) {
      expect(use).toThrow(new TypeError("page table expected in use, got one after dispose()"));
    }
  });

  it("of the root's size go back as such", () => {
    const released: [bigint, number][] = [];
    const { table } = inRam({
      granule: 16384,
      inputBits: 40,
      startLevel: 2,
      release: (address, bytes) => released.push([address, bytes]),
    });
    expect(table.geometry.rootBytes).toBe(16384 * 16);
    table.map(0x4000n, 0n, 0x4000n);
    table.dispose();
    expect(released).toEqual([
      [BASE, 16384 * 16],
      [BASE + 0x4_0000n, 16384],
    ]);
  });

  it("need no frames to go back after memory was forgotten", () => {
    const smmu = new SmmuV3({ memoryLimit: 0x1_0000 });
    const pool = new TableAllocator(BASE, 1n << 26n);
    const table = build(smmu.memory, pool);
    table.map(0n, 0n, 0x5000n);
    smmu.memory.drop(0n, 1n << 52n);
    smmu.memory.writeU64(0x9000_0000n, 5n);
    table.dispose();
    expect([pool.used, smmu.memory.readU64(0x9000_0000n)]).toEqual([0, 5n]);
  });
});

describe("a root of pages, eight tables concatenated", () => {
  it("loses no more than the pages of one table when those go", () => {
    const { pool, table } = inRam({ granule: 16384, inputBits: 28, startLevel: 3 });
    table.map(0n, 0n, 1n << 28n);
    expect(table.unmap(0x600_0000n, 0x200_0000n)).toBe(0x200_0000n);
    expect(
      [0x5ff_ffffn, 0x600_0000n, 0x7ff_ffffn, 0x800_0000n].map((at) => table.lookup(at)?.output),
    ).toEqual([0x5ff_ffffn, undefined, undefined, 0x800_0000n]);
    expect(table.unmap(0n, 1n << 28n)).toBe(0xe00_0000n);
    expect(pool.used).toBe(0x2_0000);
  });
});

describe("a block of a contiguous run that is split (D8.7)", () => {
  it.each([
    [4096, 21n, 16],
    [4096, 30n, 16],
    [16384, 25n, 32],
    [65536, 29n, 32],
  ] as const)(
    "granule %i, blocks of 2^%d: the other %i lose the bit, the pieces have none",
    (granule, lg2, run) => {
      const { memory, table } = inRam({ granule });
      const block = 1n << lg2;
      const first = block * BigInt(run);
      const page = BigInt(granule);
      table.map(first, 3n * first, 2n * first, { contiguous: true, maxLeafLg2: Number(lg2) });
      table.unmap(first + 5n * block + page, page);
      const { root, startLevel } = table;
      const tree = readTree(memory, { root, startLevel, granule, inputBits: 48 });
      expect(brokenRuns(tree, granule)).toEqual([]);
      // the run behind it keeps the bit
      expect(tree.leaves.filter((leaf) => leaf.hint).map((leaf) => leaf.input)).toEqual(
        Array.from({ length: run }, (_, i) => 2n * first + BigInt(i) * block),
      );
      expect(table.lookup(first + 5n * block)?.output).toBe(3n * first + 5n * block);
    },
  );
});
