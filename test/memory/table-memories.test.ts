// Trees in memory that is not plain RAM: the embedder's, with holes, a user's own.
import { describe, expect, it } from "vitest";
import { SmmuV3, TableAllocator } from "../../src/index.js";
import { BASE, build, inRam, pagesOf } from "./ram-tree.js";
import { SparseWords } from "./sparse-words.js";

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
