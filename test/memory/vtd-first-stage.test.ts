// First-stage tables of VT-d: entries by hand from Rev 5.10, 3.6 and 9.7 (x86-64).
import { describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import { VtdFirstStageTable } from "../../src/memory/vtd-first-stage.js";
import type { VtdTableOptions } from "../../src/memory/vtd-format.js";
import { SparseWords } from "./sparse-words.js";

function build(shape: Partial<VtdTableOptions> = {}) {
  const memory = new SparseWords();
  const pool = new TableAllocator(0x10_0000n, 0x1000_0000n);
  const table = new VtdFirstStageTable({
    ...shape,
    memory,
    allocate: (bytes, align) => pool.allocate(bytes, align),
    release: (address, bytes) => pool.release(address, bytes),
  });
  return { memory, pool, table };
}

describe("first-stage tables", () => {
  it("have four levels, open tables that are marked as accessed, leaves of three sizes (9.7)", () => {
    const { memory, table } = build();
    table.map(0x7fff_ffff_f000n, 0xf_ffff_ffff_f000n, 0x1000n);
    table.map(0x20_0000n, 0x40_0000n, 0x20_0000n, { write: false });
    table.map(0x4000_0000n, 0xc000_0000n, 0x4000_0000n, { user: false });
    expect(memory.nonZero()).toEqual({
      "1007f8": "101027",
      "101ff8": "102027",
      "102ff8": "103027",
      "103ff8": "ffffffffff067",
      "100000": "104027",
      "104000": "105027",
      "105008": "4000a5",
      "104008": "c00000e3",
    });
  });

  it("serve both halves of the canonical addresses with one root (3.6)", () => {
    const { memory, table } = build();
    table.map(0xffff_8000_0000_0000n, 0x1000n, 0x1000n);
    table.map(0xffff_ffff_ffff_f000n, 0x2000n, 0x1000n);
    table.map(0n, 0x3000n, 0x1000n);
    const words = memory.nonZero();
    expect([words["100800"], words["100ff8"], words["100000"]]).toEqual(["101027", "104027", "107027"]);
    expect(table.lookup(0xffff_ffff_ffff_fabcn)?.output).toBe(0x2abcn);
    for (const input of [0x8000_0000_0000n, 0xffff_7fff_ffff_f000n, 1n << 63n]) {
      expect(() => table.map(input, 0n, 0x1000n)).toThrow('"input" expected a canonical address of 48 bits');
      expect(() => table.lookup(input)).toThrow(RangeError);
    }
  });

  it("do not let a range go from one half to the other", () => {
    const { memory, table } = build();
    expect(() => table.map(0x7fff_ffff_f000n, 0n, 0x2000n)).toThrow(
      new RangeError('"input" expected a canonical address of 48 bits, got 0x800000000fff'),
    );
    expect(() => table.unmap(0n, 1n << 48n)).toThrow(RangeError);
    expect(() => table.map(0xffff_ffff_ffff_f000n, 0n, 0x2000n)).toThrow('"size"');
    expect(memory.nonZero()).toEqual({});
  });

  it("of five levels take 57 bits (3.6, FSPM)", () => {
    const { memory, pool, table } = build({ levels: 5 });
    table.map(0xff_ffff_ffff_f000n, 0x5000n, 0x1000n);
    table.map(0xff00_0000_0000_0000n, 0x6000n, 0x1000n);
    const words = memory.nonZero();
    expect([words["1007f8"], words["100800"]]).toEqual(["101027", "105027"]);
    expect([words["104ff8"], words["108000"]]).toEqual(["5067", "6067"]);
    expect(pool.used).toBe(9 * 4096);
    expect(table.lookup(0xff_ffff_ffff_f678n)?.output).toBe(0x5678n);
    expect(() => table.lookup(0x100_0000_0000_0000n)).toThrow(
      '"input" expected a canonical address of 57 bits',
    );
    expect(table.unmap(0n, 1n << 56n) + table.unmap(0xff00_0000_0000_0000n, 1n << 56n)).toBe(0x2000n);
    expect([memory.nonZero(), pool.used]).toEqual([{}, 4096]);
  });

  it.each([
    [{}, 0x67n, 0xe7n],
    [{ write: false }, 0x25n, 0xa5n],
    [{ write: false, dirty: true }, 0x65n, 0xe5n],
    [{ user: false }, 0x63n, 0xe3n],
    [{ accessed: false, dirty: false }, 0x07n, 0x87n],
    [{ patIndex: 1 }, 0x6fn, 0xefn],
    [{ patIndex: 2 }, 0x77n, 0xf7n],
    [{ patIndex: 4 }, 0xe7n, 0x10e7n],
    [{ patIndex: 7 }, 0xffn, 0x10ffn],
  ])("have the attributes %o as 0x%s, in large leaves 0x%s", (attributes, page, large) => {
    const { table } = build();
    table.map(0n, 0n, 0x1000n, attributes);
    table.map(0x20_0000n, 0x20_0000n, 0x20_0000n, attributes);
    table.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n, attributes);
    expect(table.lookup(0n)?.descriptor).toBe(page);
    expect(table.lookup(0x20_0000n)?.descriptor).toBe(0x20_0000n | large);
    expect(table.lookup(0x4000_0000n)?.descriptor).toBe(0x4000_0000n | large);
    // PAT moves from bit 12 to bit 7 where the pieces are pages
    table.unmap(0x4020_1000n, 0x1000n);
    expect(table.lookup(0x4020_0000n)?.descriptor).toBe(0x4020_0000n | page);
    expect(table.lookup(0x4020_0000n)?.output).toBe(0x4020_0000n);
    expect(table.lookup(0x4040_0000n)?.descriptor).toBe(0x4040_0000n | large);
    expect(table.lookup(0x4040_1000n)?.output).toBe(0x4040_1000n);
  });

  it("keep what hardware set when a block is split", () => {
    const { memory, table } = build();
    table.map(0n, 0n, 0x20_0000n, { accessed: false, dirty: false });
    const { address, descriptor } = table.lookup(0n)!;
    memory.writeU64(address, descriptor | 0x460n); // A, D and EA
    table.unmap(0x1000n, 0x1000n);
    expect(table.lookup(0n)?.descriptor).toBe(0x467n);
  });

  it.each([
    [{ levels: 3 as 4 }, '"levels" expected integer in 4..5, got 3'],
    [{ outputBits: 31 }, '"outputBits" expected integer in 32..52, got 31'],
  ])("refuse the shape %o", (shape, message) => {
    expect(() => build(shape)).toThrow(new RangeError(message));
  });

  it("refuse a PAT index above 7", () => {
    const { table } = build();
    expect(() => table.map(0n, 0n, 0x1000n, { patIndex: 8 })).toThrow('"attributes.patIndex"');
  });
});
