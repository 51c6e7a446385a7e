// The short way of mapper and unmapAt leaves memory word for word as map and unmap do.
import { describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import { PageTable } from "../../src/memory/page-table.js";
import type { TableTree } from "../../src/memory/page-table-tree.js";
import { VtdFirstStageTable } from "../../src/memory/vtd-first-stage.js";
import { SmmuV3 } from "../../src/smmuv3/smmuv3.js";

const BASE = 0x8000_0000n;
const BYTES = 0x40_0000;
const PAGE = 4096;

interface Rig {
  table: TableTree<{ write?: boolean; maxLeafLg2?: number }>;
  memory: SmmuV3["memory"];
}

function rig(make: "vmsa" | "vtd", keepEmptyTables: boolean, granule: 4096 | 16384 = 4096): Rig {
  const { memory } = new SmmuV3();
  const tables = new TableAllocator(BASE, BigInt(BYTES));
  const storage = {
    memory,
    keepEmptyTables,
    allocate: (bytes: number, align: number) => tables.allocate(bytes, align),
    release: (address: bigint, bytes: number) => tables.release(address, bytes, bytes),
  };
  const table =
    make === "vtd"
      ? new VtdFirstStageTable(storage)
      : new PageTable({ stage: 1, granule, inputBits: 48, ...storage });
  return { table, memory };
}

/** xorshift, seed printed with a failure by the title. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const outcome = <T>(work: () => T): T | string => {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
};

describe("mapper and unmapAt", () => {
  it.each([
    ["vmsa", true, 4096, 11],
    ["vmsa", false, 4096, 12],
    ["vmsa", true, 16384, 13],
    ["vtd", true, 4096, 14],
    ["vtd", false, 4096, 15],
  ] as const)(
    "do what map and unmap do: %s keepEmptyTables %s granule %i, seed %i",
    (make, keep, granule, seed) => {
      const [long, short] = [rig(make, keep, granule), rig(make, keep, granule)];
      const random = randomOf(seed);
      const mappers = [short.table.mapper({ write: true }), short.table.mapper({ write: false })];
      for (let step = 0; step < 1500; step++) {
        // three regions of one table of pages each, and now and then a range beyond one
        const pages = random(16) === 0 ? 1 + random(1100) : 1 + random(5);
        const input = 0xffe0_0000 + random(1400) * granule;
        const output = 0x1_0000_0000 + random(1 << 16) * granule;
        const size = pages * granule;
        if (random(2) === 0) {
          const write = random(2) === 0;
          const slow = outcome(() => long.table.map(BigInt(input), BigInt(output), BigInt(size), { write }));
          expect(outcome(() => mappers[write ? 0 : 1]!(input, output, size))).toEqual(slow);
        } else {
          const slow = outcome(() => Number(long.table.unmap(BigInt(input), BigInt(size))));
          expect(outcome(() => short.table.unmapAt(input, size))).toEqual(slow);
        }
        expect(short.table.tableCount).toBe(long.table.tableCount);
      }
      expect(Buffer.compare(short.memory.read(BASE, BYTES), long.memory.read(BASE, BYTES))).toBe(0);
    },
  );

  it("write the descriptors of Arm DDI 0487 D8.3 and clear them", () => {
    const { table, memory } = rig("vmsa", true);
    const map = table.mapper({ write: true });
    map(0x1000, 0x5000, PAGE);
    map(0x2000, 0xffff_ffff_f000, PAGE);
    const first = table.lookup(0x1000n)!;
    // page, AF, nG, inner shareable, AP[1], PXN and UXN
    expect(memory.readU64(first.address)).toBe(0x60_0000_0000_5f43n);
    expect(memory.readU64(first.address + 8n)).toBe(0x60_ffff_ffff_ff43n);
    expect(table.unmapAt(0x1000, 2 * PAGE)).toBe(2 * PAGE);
    expect(memory.readU64(first.address)).toBe(0n);
    expect(memory.readU64(first.address + 8n)).toBe(0n);
    expect(table.unmapAt(0x1000, PAGE)).toBe(0);
  });

  it("find a table again after memory has grown and after the table was given back", () => {
    const { table, memory } = rig("vmsa", false);
    const map = table.mapper();
    map(0x1000, 0x5000, PAGE);
    map(0x3000, 0x5000, PAGE);
    for (let i = 0n; i < 600n; i++) memory.writeU64(0x10_0000_0000n + i * 65536n, 1n); // 38 MiB: linear memory grows
    map(0x2000, 0x6000, PAGE);
    expect(table.lookup(0x2000n)?.output).toBe(0x6000n);
    expect(table.unmapAt(0x1000, 3 * PAGE)).toBe(3 * PAGE);
    expect(table.tableCount).toBe(1);
    map(0x2000, 0x7000, PAGE);
    expect(table.lookup(0x2000n)?.output).toBe(0x7000n);
  });

  it("write nothing into what took the place of their memory when that was dropped", () => {
    const { table, memory } = rig("vmsa", true);
    const map = table.mapper();
    map(0x1000, 0x5000, PAGE);
    map(0x3000, 0x5000, PAGE);
    const before = table.lookup(0x1000n)!.address & ~0xffffn;
    memory.drop(before, 0x1_0000n);
    const elsewhere = 0x10_0000_0000n;
    const bytes = new Uint8Array(0x1_0000).fill(0xa5);
    memory.write(elsewhere, bytes); // in the frame that became free
    expect(table.unmapAt(0x1000, PAGE)).toBe(0);
    map(0x2000, 0x6000, PAGE);
    expect(table.lookup(0x2000n)?.output).toBe(0x6000n);
    expect(Buffer.compare(memory.read(elsewhere, bytes.length), bytes)).toBe(0);
  });

  it("refuse as map and unmap do", () => {
    const { table } = rig("vmsa", true);
    const map = table.mapper();
    map(0x1000, 0x5000, PAGE);
    expect(() => map(0x1000, 0x6000, PAGE)).toThrow(/"input" expected a range that is not mapped/);
    expect(() => map(0x1001, 0x6000, PAGE)).toThrow(/"input" expected a multiple of 4096/);
    expect(() => map(0x2000, 0x6000, 0)).toThrow(/"size" expected at least 4096/);
    expect(() => map(2 ** 48, 0, PAGE)).toThrow(/"input" expected bigint in 0..2\^48-1/);
    expect(() => map(0.5, 0, PAGE)).toThrow(
      new RangeError('"input" expected an integer below 2^53, got 0.5'),
    );
    expect(() => table.unmapAt("1" as unknown as number, PAGE)).toThrow(
      new TypeError('"input" expected number, got string'),
    );
    expect(() => table.mapper({ maxLeafLg2: 3 })).toThrow(RangeError);
  });
});
