// Descriptors worked out by hand from Arm DDI 0487 M.a, D8.3: every granule, leaf level and address form.
import { describe, expect, it } from "vitest";
import type { LeafAttributes } from "../../src/memory/page-table-leaf.js";
import { K4, K16, K64, type Shape, TableRig } from "./table-rig.js";

const rig = new TableRig();

describe("one leaf at each level", () => {
  // stage 1 default: valid, AttrIndx 0, AP 01, SH 11, AF, nG, PXN, UXN = 0x00600000_00000f41 for a block, ..f43 for a page
  // stage 2 default: valid, MemAttr 1111, S2AP 11, SH 11, AF, XN 10     = 0x00400000_000007fd for a block, ..7ff for a page
  const rows: [string, Shape, bigint, bigint, bigint, Record<string, string>][] = [
    [
      "4 KiB page, level 3",
      K4,
      0x40201000n, // indices 0, 1, 1, 1
      0x80003000n,
      0x1000n,
      { "100000": "101003", "101008": "102003", "102008": "103003", "103008": "60000080003f43" },
    ],
    [
      "2 MiB block, level 2",
      K4,
      0xffff_ffe0_0000n, // indices 511, 511, 511
      0xffff_ffe0_0000n,
      0x20_0000n,
      { "100ff8": "101003", "101ff8": "102003", "102ff8": "60ffffffe00f41" },
    ],
    [
      "1 GiB block, level 1",
      K4,
      0x80_4000_0000n, // indices 1, 1
      0x1_4000_0000n,
      0x4000_0000n,
      { "100008": "101003", "101008": "60000140000f41" },
    ],
    [
      "4 KiB page with LPA2, level 3 of 5: OA[49:48] in place, OA[51:50] in 9:8, no SH",
      { ...K4, inputBits: 52, ds: true },
      0x8_0000_0000_1000n, // level -1 index 8 (bits 51:48)
      0xf_8000_0000_5000n,
      0x1000n,
      {
        "100040": "101003", // level -1: 16 entries, 128 bytes
        "101000": "102003",
        "102000": "103003",
        "103000": "104003",
        // 0xf_8000_0000_5000: OA[51:50] = 3 -> 0x300, OA[49:48] = 3 -> 0x0003_0000_0000_0000, bit 47
        "104008": "63800000005f43",
      },
    ],
    [
      "512 GiB block with LPA2, level 0",
      { ...K4, inputBits: 52, ds: true },
      0x1_0080_0000_0000n,
      0x4_0080_0000_0000n, // OA[51:50] = 1 -> 0x100
      0x80_0000_0000n,
      { "100008": "101003", "101008": "60008000000d41" },
    ],
    [
      "16 KiB page, level 3",
      K16,
      0x10_0200_4000n, // level 1 bits 46:36 = 1, level 2 bits 35:25 = 1, level 3 bits 24:14 = 1
      0x1_0000_4000n,
      0x4000n,
      { "100008": "104003", "104008": "108003", "108008": "60000100004f43" },
    ],
    [
      "32 MiB block, level 2",
      K16,
      0x200_0000n,
      0x4200_0000n,
      0x200_0000n,
      { "100000": "104003", "104008": "60000042000f41" },
    ],
    [
      "64 GiB block with LPA2, level 1",
      { stage: 1, granule: 16384, inputBits: 52, ds: true },
      0x8_0010_0000_0000n, // level 0 bits 51:47 = 0x10
      0xa_0030_0000_0000n, // OA[51:50] = 2 -> 0x200, OA[49:48] = 2
      0x10_0000_0000n,
      { "100080": "104003", "104008": "62003000000e41" },
    ],
    [
      "64 KiB page, level 3",
      K64,
      0x400_2001_0000n, // level 1 bits 47:42 = 1, level 2 bits 41:29 = 1, level 3 bits 28:16 = 1
      0x1_0001_0000n,
      0x1_0000n,
      { "100008": "110003", "110008": "120003", "120008": "60000100010f43" },
    ],
    [
      "512 MiB block, level 2",
      K64,
      0x2000_0000n,
      0x6000_0000n,
      0x2000_0000n,
      { "100000": "110003", "110008": "60000060000f41" },
    ],
    [
      "64 KiB page with 52-bit addresses: OA[51:48] in 15:12",
      { ...K64, inputBits: 52, outputBits: 52 },
      0xf_fc00_0000_0000n, // level 1 bits 51:42 = 1023
      0xa_0001_0002_0000n,
      0x1_0000n,
      { "101ff8": "110003", "110000": "120003", "120000": "6000010002af43" },
    ],
    [
      "4 TiB block with 52-bit addresses, level 1",
      { ...K64, inputBits: 52, outputBits: 52 },
      0x400_0000_0000n,
      0xf_0400_0000_0000n,
      0x400_0000_0000n,
      { "100008": "6004000000ff41" },
    ],
    [
      "stage 2, 4 KiB page",
      { stage: 2, granule: 4096, inputBits: 39 },
      0x4000_0000n,
      0x1_2345_6000n,
      0x1000n,
      { "100008": "101003", "101000": "102003", "102000": "400001234567ff" },
    ],
    [
      "stage 2, 40 bits over two concatenated level 1 tables",
      { stage: 2, granule: 4096, inputBits: 40, startLevel: 1 },
      0x80_4000_0000n, // index 513: second table
      0x4000_0000n,
      0x4000_0000n,
      { "101008": "400000400007fd" },
    ],
    [
      "stage 2, 16 concatenated level 2 tables of 64 KiB",
      { stage: 2, granule: 65536, inputBits: 46, startLevel: 2 },
      0x3fff_e000_0000n, // last entry of 16 * 8192
      0x2000_0000n,
      0x2000_0000n,
      { "1ffff8": "400000200007fd" },
    ],
  ];
  it.each(rows)("%s", (_title, shape, input, output, size, words) => {
    const table = rig.build(shape);
    table.map(input, output, size);
    expect(rig.memory.nonZero()).toEqual(words);
    const leafLg2 = Math.log2(Number(size));
    expect(table.lookup(input + size - 1n)).toMatchObject({ output: output + size - 1n, leafLg2 });
    expect(table.unmap(input, size)).toBe(size);
    expect(rig.memory.nonZero()).toEqual({});
    expect(table.tableCount).toBe(1);
    expect(table.lookup(input)).toBeUndefined();
  });

  it("table addresses above 48 bits use the same pieces as leaves", () => {
    const wide = rig.build({ ...K4, inputBits: 52, ds: true }, 0xf_0000_0000_0000n);
    wide.map(0n, 0n, 0x1000n);
    expect(rig.memory.nonZero().f000000000000).toBe("3000000001303"); // next table 0xf_0000_0000_1000
    const wide64 = rig.build({ ...K64, outputBits: 52 }, 0xa_0000_0000_0000n);
    wide64.map(0n, 0n, 0x1_0000n);
    expect(rig.memory.nonZero().a000000000000).toBe("1a003"); // next table 0xa_0000_0001_0000
  });
});

describe("attributes", () => {
  const page = (attributes: LeafAttributes, shape: Shape = K4): string | undefined => {
    const table = rig.build(shape);
    table.map(0n, 0x5000n, 0x1000n, attributes);
    return table.lookup(0n)?.descriptor.toString(16);
  };
  const S2: Shape = { stage: 2, granule: 4096, inputBits: 39 };
  it.each<[LeafAttributes, string]>([
    [{}, "60000000005f43"],
    [{ write: false }, "60000000005fc3"],
    [{ user: false }, "60000000005f03"],
    [{ user: false, write: false }, "60000000005f83"],
    [{ execute: true }, "5f43"],
    [{ global: true }, "60000000005743"],
    [{ accessed: false }, "60000000005b43"],
    [{ dbm: true, write: false }, "68000000005fc3"],
    [{ attrIndex: 7 }, "60000000005f5f"],
    [{ shareability: 0 }, "60000000005c43"],
    [{ shareability: 2 }, "60000000005e43"],
    [{ read: false }, "60000000005f43"],
  ])("stage 1 %j", (attributes, descriptor) => {
    expect(page(attributes)).toBe(descriptor);
  });
  it.each<[LeafAttributes, string]>([
    [{}, "400000000057ff"],
    [{ write: false }, "4000000000577f"],
    [{ read: false }, "400000000057bf"],
    [{ read: false, write: false }, "4000000000573f"],
    [{ execute: true }, "57ff"],
    [{ accessed: false }, "400000000053ff"],
    [{ dbm: true, write: false }, "4800000000577f"],
    [{ attrIndex: 5 }, "400000000057d7"],
  ])("stage 2 %j", (attributes, descriptor) => {
    expect(page(attributes, S2)).toBe(descriptor);
  });
  it.each<[LeafAttributes, string]>([
    [{ attrIndex: 8 }, '"attributes.attrIndex" expected integer in 0..7, got 8'],
    [{ shareability: 1 as never }, '"attributes.shareability" expected 0, 2 or 3, got 1'],
    [{ maxLeafLg2: 11 }, '"attributes.maxLeafLg2" expected integer in 12..52, got 11'],
  ])("refuses %j", (attributes, message) => {
    expect(() => page(attributes)).toThrow(new RangeError(message));
  });
});
