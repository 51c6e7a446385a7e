// The life of a tree's tables: what they are made from, what a refusal leaves, where they go; in RAM, in memory of the
// embedder, at the memory limit.
import { describe, expect, it } from "vitest";
import { MemoryLimitError, SmmuV3, type SmmuV3Options, TableAllocator } from "../../src/index.js";
import { PageTable, type PageTableOptions, type TableMemory } from "../../src/memory/page-table.js";
import { SparseWords } from "./sparse-words.js";
import { brokenRuns, readTree } from "./tree-reader.js";

const BASE = 0x4000_0000n;
const K4 = { stage: 2, granule: 4096, inputBits: 48 } as const;

function build(
  memory: TableMemory,
  pool: TableAllocator,
  options: Partial<PageTableOptions> = {},
): PageTable {
  return new PageTable({
    ...K4,
    memory,
    allocate: (bytes, align) => pool.allocate(bytes, align),
    release: (address, bytes) => pool.release(address, bytes),
    ...options,
  });
}

function inRam(options: Partial<PageTableOptions> = {}, machine: SmmuV3Options = {}, poolBytes = 1n << 26n) {
  const { memory } = new SmmuV3(machine);
  const pool = new TableAllocator(BASE, poolBytes);
  return { memory, pool, table: build(memory, pool, options) };
}

const pagesOf = (count: number, output = 0x7000): Float64Array => new Float64Array(count).fill(output);

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

describe("tables in memory that has no windows", () => {
  it("of the embedder: every entry is handed back, and reads as in RAM", () => {
    const bytes = new Uint8Array(1 << 20).fill(0xee);
    const offset = (pa: bigint): number => Number(pa - BASE);
    const external = {
      base: BASE,
      size: 1n << 20n,
      fill: (pa: bigint, into: Uint8Array) => into.set(bytes.subarray(offset(pa), offset(pa) + into.length)),
      store: (pa: bigint, from: Uint8Array) => bytes.set(from, offset(pa)),
    };
    const ram = inRam();
    const owned = inRam({}, { external: [external] });
    for (const { table } of [ram, owned]) {
      table.mapPages(0x1f_0000n, pagesOf(600), 600, { contiguous: true });
      table.map(0x4000_0000n, 0x1000n, 0x21_0000n);
      table.map(1n << 40n, 0n, 1n << 31n);
      table.unmap((1n << 40n) + 0x5000n, 0x3000n);
      expect(table.unmap(0x1f_0000n, 0x2000n)).toBe(0x2000n);
    }
    const { used } = ram.pool;
    expect(owned.pool.used).toBe(used);
    expect(Buffer.compare(bytes.subarray(0, used), ram.memory.read(BASE, used))).toBe(0);
    expect(owned.memory.backedBytes).toBe(ram.memory.backedBytes);
    owned.table.dispose();
    expect(bytes.subarray(0, used).every((byte) => byte === 0)).toBe(true);
  });

  it("dropped below tables in RAM: memory that has to grow for them does not take an entry's change away", () => {
    const bytes = new Map<bigint, Uint8Array>();
    const external = {
      base: BASE,
      size: 1n << 20n,
      fill: (pa: bigint, into: Uint8Array) => into.set(bytes.get(pa) ?? new Uint8Array(0x1_0000)),
      store: (pa: bigint, from: Uint8Array) => {
        const frame = pa & ~0xffffn;
        if (!bytes.has(frame)) bytes.set(frame, new Uint8Array(0x1_0000));
        bytes.get(frame)?.set(from, Number(pa & 0xffffn));
      },
    };
    const { memory } = new SmmuV3({ external: [external] });
    const ram = new TableAllocator(0x9000_0000n, 1n << 20n);
    const owned = new TableAllocator(BASE, 1n << 20n);
    let made = 0;
    const table = build(memory, ram, {
      allocate: (size, align) => (made++ < 3 ? ram : owned).allocate(size, align),
      release: (address, size) => (address < 0x9000_0000n ? owned : ram).release(address, size),
    });
    table.map(0x40_0000n, 0n, 0x1000n); // keeps the tables in RAM
    for (let round = 0n; round < 400n; round++) {
      table.map(0x20_0000n, 0n, 0x3000n);
      memory.drop(BASE, 1n << 20n);
      memory.writeU8(0xa000_0000n + round * 0x1_0000n, 1); // takes the frame that became free
      expect(table.unmap(0x20_0000n, 0x3000n)).toBe(0x3000n);
      expect(table.lookup(0x20_0000n), `round ${round}`).toBeUndefined();
    }
    expect(table.unmap(0n, 1n << 48n)).toBe(0x1000n);
  });

  it("with holes: a table in the hole is a bus error, and nothing stays", () => {
    // root and two tables fit into RAM, the fourth block lies in the hole
    const { memory, pool, table } = inRam(
      {},
      {
        ram: [
          [BASE, 0x3000n],
          [BASE + 0x4000n, 0x1000n],
        ],
      },
    );
    expect(() => table.map(0n, 0n, 0x1000n)).toThrow("no memory at physical address 0x40003000");
    expect([pool.used, table.tableCount]).toEqual([4096, 1]);
    expect(memory.read(BASE, 0x3000).every((byte) => byte === 0)).toBe(true);
    table.map(0n, 0n, 0x20_0000n);
    expect(table.lookup(0x1234n)?.output).toBe(0x1234n);
  });

  it("that a user made of two methods", () => {
    const memory = new SparseWords();
    const pool = new TableAllocator(BASE, 1n << 26n);
    const table = build(memory, pool);
    const ram = inRam();
    for (const each of [table, ram.table]) {
      each.mapPages(0x1f_0000n, pagesOf(600), 600);
      each.unmap(0x20_0000n, 0x5000n);
    }
    for (const [at, value] of memory.words) expect(ram.memory.readU64(at)).toBe(value);
    expect(pool.used).toBe(ram.pool.used);
  });
});
