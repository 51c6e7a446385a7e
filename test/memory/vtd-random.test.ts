// Random maps, page lists and unmaps of VT-d tables of both stages and every depth against a Map of pages. After each
// one the tables in memory say what the Map says, and nothing is lost of the table memory.
import { describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import type { TableStorage } from "../../src/memory/page-table-options.js";
import { VtdFirstStageTable } from "../../src/memory/vtd-first-stage.js";
import { VtdSecondStageTable } from "../../src/memory/vtd-second-stage.js";
import { SparseWords } from "./sparse-words.js";
import { readVtdTables } from "./vtd-tables.js";

const PAGE = 0x1000n;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const first = (levels: 4 | 5) => (storage: TableStorage) => new VtdFirstStageTable({ ...storage, levels });
const second = (levels: 3 | 4 | 5) => (storage: TableStorage) =>
  new VtdSecondStageTable({ ...storage, levels });

describe.each([
  ["first stage, 4 levels", 4, 1n, first(4)],
  ["first stage, 5 levels", 5, 1n, first(5)],
  ["second stage, 3 levels", 3, 3n, second(3)],
  ["second stage, 4 levels", 4, 3n, second(4)],
  ["second stage, 5 levels", 5, 3n, second(5)],
] as const)("%s", (_name, levels, present, make) => {
  it.each([1, 2, 3])("hold what was mapped, seed %i", (seed) => {
    const next = random(seed * 7919 + levels);
    const memory = new SparseWords();
    const pool = new TableAllocator(0x10_0000n, 0x4000_0000n);
    const table = make({
      memory,
      allocate: (bytes, align) => pool.allocate(bytes, align),
      release: (address, bytes) => pool.release(address, bytes),
    });
    const bits = 12 + 9 * levels;
    const half = 1n << BigInt(bits - 1);
    const isFirst = present === 1n;
    /** Page → output page and whether it is writable. */
    const pages = new Map<bigint, { page: bigint; write: boolean }>();
    const places = [0n, half - (32n << 20n), isFirst ? half : 1n << 30n, 2n * half - (32n << 20n)];
    const asInput = (page: bigint) => {
      const at = page * PAGE;
      return isFirst && at >= half ? BigInt.asUintN(64, BigInt.asIntN(bits, at)) : at;
    };

    for (let round = 0; round < 300; round++) {
      const place = places[next(4)]! / PAGE;
      const firstPage = place + BigInt(next(2) ? next(16) * 512 : next(8192));
      const limit = (places.find((other) => other / PAGE === place)! + (32n << 20n)) / PAGE;
      const count = [1n, 3n, 512n, 700n, 1024n][next(5)]!;
      if (firstPage + count > limit) continue;
      const all = Array.from({ length: Number(count) }, (_, n) => firstPage + BigInt(n));
      const input = asInput(firstPage);
      if (next(3) === 0) {
        const before = all.filter((page) => pages.delete(page)).length;
        expect(table.unmap(input, count * PAGE)).toBe(BigInt(before) * PAGE);
        continue;
      }
      const write = next(2) === 0;
      const start = BigInt(next(2 ** 28)) * 512n + (next(3) ? firstPage % 512n : BigInt(next(512)));
      const isScattered = next(3) === 0;
      const outputs = all.map((_, n) => (isScattered ? BigInt(next(2 ** 30)) * 7n : start + BigInt(n)));
      const map = () => {
        if (!isScattered) return table.map(input, start * PAGE, count * PAGE, { write });
        const list = Float64Array.from(outputs, (page) => Number(page * PAGE));
        return table.mapPages(input, list, list.length, { write });
      };
      if (all.some((page) => pages.has(page))) expect(map).toThrow(RangeError);
      else {
        map();
        for (const [n, page] of all.entries()) pages.set(page, { page: outputs[n]!, write });
      }
    }

    const { leaves, tables } = readVtdTables(memory, table.root, levels, present);
    const found = new Map<bigint, { page: bigint; write: boolean }>();
    for (const { input, output, bytes, flags } of leaves) {
      for (let at = 0n; at < bytes; at += PAGE) {
        found.set((input + at) / PAGE, { page: (output + at) / PAGE, write: (flags & 2n) !== 0n });
      }
    }
    expect(pages.size).toBeGreaterThan(100);
    expect(leaves.length).toBeLessThan(pages.size);
    expect(found).toEqual(pages);
    expect([tables, BigInt(pool.used)]).toEqual([table.tableCount, BigInt(table.tableCount) * PAGE]);
    table.dispose();
    expect([memory.nonZero(), pool.used]).toEqual([{}, 0]);
  });
});
