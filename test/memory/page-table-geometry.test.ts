// Start levels and root sizes restated from semantics: Arm DDI 0487 M.a, D8.2.
import { describe, expect, it } from "vitest";
import { PageTable, type PageTableOptions } from "../../src/memory/page-table.js";
import { SparseWords } from "./sparse-words.js";

type Shape = Omit<PageTableOptions, "allocate" | "memory">;

function build(shape: Shape): { table: PageTable; rootBytes: number } {
  let rootBytes = 0;
  const table = new PageTable({
    ...shape,
    memory: new SparseWords(),
    allocate: (bytes) => {
      rootBytes ||= bytes;
      return 0x10_0000n;
    },
  });
  return { table, rootBytes };
}

describe("first level by input size (DDI 0487 D8.2)", () => {
  // granule, TxSZ first..last, level, needs DS or 52-bit
  const rows = [
    [4096, 12, 15, -1, true],
    [4096, 16, 24, 0, false],
    [4096, 25, 33, 1, false],
    [4096, 34, 42, 2, false],
    [4096, 43, 48, 3, false],
    [16384, 12, 15, 0, true],
    [16384, 16, 16, 0, false],
    [16384, 17, 27, 1, false],
    [16384, 28, 38, 2, false],
    [16384, 39, 48, 3, false],
    [65536, 12, 15, 1, true],
    [65536, 16, 21, 1, false],
    [65536, 22, 34, 2, false],
    [65536, 35, 47, 3, false],
  ] as const;
  it.each(rows)(
    "stage 1, granule %i, TxSZ %i..%i starts at level %i",
    (granule, first, last, level, wide) => {
      for (const size of [first, last]) {
        const shape: Shape = { stage: 1, granule, inputBits: 64 - size };
        if (wide && granule !== 65536) shape.ds = true;
        expect(build(shape).table.startLevel).toBe(level);
      }
    },
  );

  // granule, level, S2T0SZ without concatenation (smallest), then with 2, 4, 8, 16 tables
  const concatenated = [
    [4096, 0, 16, true],
    [4096, 1, 25, false],
    [4096, 2, 34, false],
    [16384, 1, 17, true],
    [16384, 2, 28, false],
    [16384, 3, 39, false],
    [65536, 2, 22, false],
    [65536, 3, 35, false],
  ] as const;
  it.each(concatenated)(
    "stage 2, granule %i, level %i: up to 16 tables below S2T0SZ %i",
    (granule, level, full, ds) => {
      for (const extra of [0, 1, 2, 3, 4]) {
        const inputBits = 64 - (full - extra);
        const shape: Shape = { stage: 2, granule, inputBits, startLevel: level };
        if (ds && inputBits > 48) shape.ds = true;
        const { table, rootBytes } = build(shape);
        expect(table.startLevel).toBe(level);
        expect(rootBytes).toBe(granule * 2 ** extra);
      }
      expect(() => build({ stage: 2, granule, inputBits: 64 - (full - 5), startLevel: level })).toThrow(
        RangeError,
      );
    },
  );

  it("stage 2 with 48 bits and 16 KiB granule: two tables at level 1, since level 0 needs DS", () => {
    expect(build({ stage: 2, granule: 16384, inputBits: 48 })).toMatchObject({ rootBytes: 32768 });
    expect(build({ stage: 2, granule: 16384, inputBits: 48, ds: true })).toMatchObject({ rootBytes: 64 });
  });

  it("a root with few entries has at least 64 bytes", () => {
    expect(build({ stage: 1, granule: 4096, inputBits: 40 }).rootBytes).toBe(64); // level 0, 2 entries
    expect(build({ stage: 1, granule: 4096, inputBits: 43 }).rootBytes).toBe(128); // level 0, 16 entries
  });

  it.each<[Partial<Record<keyof Shape, unknown>>, string]>([
    [{ stage: 3 }, '"stage" expected 1 or 2, got 3'],
    [{ granule: 8192 }, '"granule" expected 4096, 16384 or 65536, got 8192'],
    [{ inputBits: 49 }, '"inputBits" expected integer in 16..48, got 49'],
    [{ inputBits: 16, granule: 65536 }, '"inputBits" expected integer in 17..52, got 16'],
    [{ inputBits: 47.5 }, '"inputBits" expected integer in 16..48, got 47.5'],
    [{ outputBits: 52 }, '"outputBits" expected integer in 32..48, got 52'],
    [{ granule: 65536, ds: true }, '"ds" expected false with granule 65536, got true'],
    [{ startLevel: 1 }, '"startLevel" expected 0 for stage 1 with 48 input bits, got 1'],
    [
      { stage: 2, startLevel: -1 },
      '"startLevel" expected one that resolves 48 input bits with at most 16 tables of 4 KiB, got -1',
    ],
    [{ stage: 2, startLevel: 4 }, '"startLevel" expected integer in -1..3, got 4'],
  ])("refuses %j", (change, message) => {
    const shape = { stage: 1, granule: 4096, inputBits: 48, ...change } as Shape;
    expect(() => build(shape)).toThrow(new RangeError(message));
  });

  it("names the type it got", () => {
    expect(() => build({ stage: 1, granule: 4096, inputBits: 48n as never })).toThrow(
      new TypeError('"inputBits" expected number, got bigint'),
    );
  });
});
