// The table builder with a format that is not Arm's; entries by hand from VT-d Rev 5.10, 9.8.
import { describe, expect, it } from "vitest";
import { TableAllocator } from "../../src/memory/allocator.js";
import { TableTree } from "../../src/memory/page-table-tree.js";
import { SecondStageFormat } from "./second-format.js";
import { SparseWords } from "./sparse-words.js";

function build() {
  const memory = new SparseWords();
  const pool = new TableAllocator(0x10_0000n, 0x1000_0000n);
  const tree = new TableTree(new SecondStageFormat(), {
    memory,
    allocate: (bytes, align) => pool.allocate(bytes, align),
    release: (address, bytes) => pool.release(address, bytes),
  });
  return { memory, pool, tree };
}

describe("the table builder, given another format", () => {
  it("writes its pages, blocks and tables (VT-d 9.8)", () => {
    const { memory, tree } = build();
    tree.map(0x40_1000n, 0x8_0000_0040_1000n, 0x20_0000n, { write: false }); // 4 KiB up to 6 MiB, then one page
    tree.map(0x4000_0000n, 0xf_ffff_c000_0000n, 0x4000_0000n);
    tree.mapPages(0x80_0000_0000n, Float64Array.of(0x7000), 1, { read: false });
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
      "100008": "105003",
      "105000": "106003",
      "106000": "107003",
      "107000": "7002",
    });
    expect(Object.keys(words)).toHaveLength(7 + 512 + 2);
    expect(tree.lookup(0x4000_0123n)).toMatchObject({ output: 0xf_ffff_c000_0123n, leafLg2: 30 });
  });

  it("splits its blocks and takes everything out again", () => {
    const { memory, pool, tree } = build();
    tree.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n, { write: false });
    expect(tree.unmap(0x4020_1000n, 0x1000n)).toBe(0x1000n);
    expect(tree.lookup(0x4020_0000n)).toMatchObject({
      output: 0x4020_0000n,
      leafLg2: 12,
      descriptor: 0x4020_0001n,
    });
    expect(tree.lookup(0x4040_0000n)).toMatchObject({ leafLg2: 21, descriptor: 0x4040_0081n });
    expect(tree.lookup(0x4020_1000n)).toBeUndefined();
    expect(tree.unmap(0n, 1n << 48n)).toBe(0x3fff_f000n);
    expect([memory.nonZero(), pool.used, tree.tableCount]).toEqual([{}, 4096, 1]);
  });
});
