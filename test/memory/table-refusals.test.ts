// What a call that fails leaves of a tree: every byte, at each table that it cannot have.
import { describe, expect, it } from "vitest";
import { MemoryLimitError, SmmuV3, TableAllocator } from "../../src/index.js";
import type { PageTable, TableMemory } from "../../src/memory/page-table.js";
import { BASE, build, inRam, pagesOf } from "./ram-tree.js";
import { SparseWords } from "./sparse-words.js";

describe("a call that fails leaves every byte of the tables as it was", () => {
  /** Some pages, a table's worth of pages, a 2 MiB and a 1 GiB block, and a run of marked 2 MiB blocks. */
  function furnish(table: PageTable): void {
    table.mapPages(0x5000n, pagesOf(3), 3);
    table.mapPages(0x60_0000n, pagesOf(512, 0x9000), 512);
    table.map(0x80_0000n, 0n, 0x20_0000n);
    table.map(0x4000_0000n, 0n, 0x4000_0000n);
    table.map(0x8000_0000n, 0n, 0x200_0000n, { contiguous: true });
  }

  const calls: [string, (table: PageTable) => unknown, number][] = [
    ["mapPages through two new tables", (table) => table.mapPages(0x20_0000n, pagesOf(1024), 1024), 2],
    [
      "map that descends at both ends",
      (table) => table.map(0xff_ffff_f000n, 0xff_ffff_f000n, 0x4000_2000n),
      6,
    ],
    [
      "mapPages into a table that is there, and a new one",
      (table) => table.mapPages(0x8000n, pagesOf(600), 600),
      1,
    ],
    ["unmap of a page of a 1 GiB block", (table) => table.unmap(0x4000_5000n, 0x1000n), 2],
    ["unmap that cuts two blocks", (table) => table.unmap(0x90_0000n, 0x4000_0000n), 3],
    ["unmap of a page of a marked run", (table) => table.unmap(0x8060_0000n, 0x1000n), 1],
  ];

  it.each(calls)("%s, the allocator having no room for one of its tables", (_title, call, tables) => {
    for (let room = 0; room <= tables; room++) {
      for (const keepEmptyTables of [false, true]) {
        let left = Number.POSITIVE_INFINITY;
        const pool = new TableAllocator(BASE, 1n << 26n);
        const { memory } = new SmmuV3();
        const table = build(memory, pool, {
          keepEmptyTables,
          allocate: (bytes, align) => {
            if (left-- <= 0) throw new RangeError("no room");
            return pool.allocate(bytes, align);
          },
        });
        furnish(table);
        const before = memory.read(BASE, 1 << 20);
        const { used } = pool;
        left = room;
        if (room === tables) {
          call(table);
          continue;
        }
        expect(() => call(table)).toThrow("no room");
        expect(Buffer.compare(memory.read(BASE, 1 << 20), before)).toBe(0);
        expect(pool.used).toBe(used);
        left = tables;
        call(table);
      }
    }
  });

  it("mapPages and map at the memory limit: nothing stays mapped, tables go back, and it works with less", () => {
    // 4 frames of 16 tables: root, two on the way, 61 tables of pages
    const { memory, pool, table } = inRam({}, { memoryLimit: 0x4_0000 });
    table.mapPages(0n, pagesOf(512), 512);
    const before = memory.read(BASE, 0x4_0000);
    const run = 62 * 512;
    expect(() => table.mapPages(0x20_0000n, pagesOf(run), run)).toThrow(MemoryLimitError);
    expect(() => table.map(0x20_0000n, 0x1000n, BigInt(run) * 4096n)).toThrow(MemoryLimitError);
    expect(Buffer.compare(memory.read(BASE, 0x4_0000), before)).toBe(0);
    expect([pool.used, table.tableCount]).toEqual([4 * 4096, 4]);
    expect(table.lookup(0x20_0000n)).toBeUndefined();
    table.mapPages(0x20_0000n, pagesOf(60 * 512), 60 * 512);
    expect(pool.used).toBe(0x4_0000);
    expect(() => table.map(0x4000_0000n, 0x1000n, 0x1000n)).toThrow(MemoryLimitError);
    expect(table.unmap(0n, 1n << 48n)).toBe(61n * 512n * 4096n);
  });

  it("unmap at the memory limit does not split", () => {
    const { memory, table } = inRam({}, { memoryLimit: 0x1_0000 });
    for (let n = 0n; n < 13n; n++) table.map(n << 21n, 0n, 0x1000n);
    table.map(0x4000_0000n, 0n, 0x4000_0000n);
    // 16 tables are in use: root, level 1, level 2, 13 of level 3
    expect(table.tableCount).toBe(16);
    const before = memory.read(BASE, 0x1_0000);
    expect(() => table.unmap(0x4000_5000n, 0x1000n)).toThrow(MemoryLimitError);
    expect(() => table.unmap(0x0n, 0x4000_1000n)).toThrow(MemoryLimitError);
    expect(Buffer.compare(memory.read(BASE, 0x1_0000), before)).toBe(0);
    expect(table.unmap(0x4000_0000n, 0x4000_0000n)).toBe(0x4000_0000n);
  });

  it("a block in the place of kept empty tables, when a later part of it fails", () => {
    const { memory, pool, table } = inRam({ keepEmptyTables: true });
    table.mapPages(0x4000_0000n, pagesOf(600), 600);
    table.unmap(0x4000_0000n, 600n * 4096n);
    table.map(0x8000_0000n, 0n, 0x1000n);
    const before = memory.read(BASE, 1 << 20);
    const { used } = pool;
    expect(() => table.map(0x4000_0000n, 0n, 0x4000_1000n)).toThrow("got a mapping at 0x80000000");
    expect(Buffer.compare(memory.read(BASE, 1 << 20), before)).toBe(0);
    expect(pool.used).toBe(used);
    table.map(0x4000_0000n, 0n, 0x4000_0000n);
    expect(table.lookup(0x4000_0000n)?.leafLg2).toBe(30);
    expect(pool.used).toBe(used - 3 * 4096);
  });

  it("names the first address that is mapped, however deep below kept tables", () => {
    const { table } = inRam({ keepEmptyTables: true });
    table.mapPages(0x4000_0000n, pagesOf(2000), 2000);
    table.unmap(0x4000_0000n, 1999n * 4096n);
    expect(() => table.map(0x4000_0000n, 0n, 0x4000_0000n)).toThrow("got a mapping at 0x407cf000");
  });

  it("a memory that refuses a write in the middle of a table", () => {
    const memory = new SparseWords();
    let writes = Number.POSITIVE_INFINITY;
    const pool = new TableAllocator(BASE, 1n << 26n);
    const refusing: TableMemory = {
      readU64: (address) => memory.readU64(address),
      writeU64: (address, value) => {
        if (writes-- === 0) throw new Error("bus error");
        memory.writeU64(address, value);
      },
    };
    const table = build(refusing, pool);
    table.map(0x5000n, 0n, 0x1000n);
    const before = memory.nonZero();
    for (const room of [0, 1, 2, 50, 504, 506, 508]) {
      writes = room;
      expect(() => table.mapPages(0x6000n, pagesOf(510), 510)).toThrow("bus error");
      writes = Number.POSITIVE_INFINITY;
      expect(memory.nonZero()).toEqual(before);
      expect([pool.used, table.tableCount]).toEqual([4 * 4096, 4]);
    }
    table.mapPages(0x6000n, pagesOf(510), 510);
    expect(table.unmap(0n, 1n << 48n)).toBe(511n * 4096n);
    expect(memory.nonZero()).toEqual({});
  });
});
