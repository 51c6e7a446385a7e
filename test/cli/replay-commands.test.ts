// Command bytes worked out by hand from Arm IHI 0070 G.b, 4.3 and 4.4: opcode 7:0, NUM 16:12, SCALE 24:20,
// VMID 47:32 (StreamID 63:32 for CFGI), ASID 63:48; second doubleword: Leaf 0, TTL 9:8, TG 11:10, Address 63:12.
import { describe, expect, it } from "vitest";
import { encodeInvalidation, type VmidRule } from "../../src/cli/replay-commands.js";

const recorded: VmidRule = { guest: undefined, ofAsid: (asid) => asid + 0x100 };
const nested: VmidRule = { ...recorded, guest: 0x77 };

/** Commands as two doublewords each, in hexadecimal. */
function words(kind: string, args: number[], rule = recorded): string[] {
  return encodeInvalidation(kind, args.map(BigInt), rule).map((bytes) => {
    const view = new DataView(bytes.buffer);
    return `${view.getBigUint64(0, true).toString(16)} ${view.getBigUint64(8, true).toString(16)}`;
  });
}

describe("commands of a recorded driver", () => {
  it.each<[string, number[], string[]]>([
    ["va", [0xb, 0, 0xffff_f000, 1, 0, 0, 1], ["b000000000012 fffff001"]],
    // one page by range: NUM = SCALE = 0 is legal because TTL = 3
    ["va", [0xb, 3, 0xffff_f000, 1, 1, 3, 1], ["b000300000012 fffff701"]],
    // ... and with TTL = 0 it would be illegal: TG = 0 says the same
    ["va", [0xb, 0, 0xffff_f000, 1, 1, 0, 0], ["b000000000012 fffff000"]],
    ["va", [1, 0, 0xfc40_0000, 0x200, 1, 2, 1], ["100000041f012 fc400601"]], // 32 * 2^4 pages
    ["va", [1, 0, 0xfc40_0000, 0x20, 1, 3, 1], ["100000001f012 fc400701"]],
    ["va", [1, 0, 0x1000, 33, 1, 3, 1], ["100000010f012 1701", "1000000000012 21701"]], // 16 * 2 + 1
    ["va", [1, -1, 0x1_0000, 2, 3, 3, 0], ["1000000001012 10f00"]], // 64 KiB granule
    ["ipa", [-1, 0xb, 0xffff_f000, 1, 1, 3, 1], ["b0000002a fffff701"]],
    ["asid", [5], ["5010500000011 0"]],
    ["nh", [5], ["500000010 0"]],
    ["s12", [5], ["500000028 0"]],
    ["nsnh", [], ["30 0"]],
    ["ste", [0x500], ["50000000003 0"]],
    ["cd", [0x500], ["50000000006 0"]],
    ["sterange", [0, 0xffff_ffff], ["4 1f"]],
    ["sterange", [0x10, 0x17], ["1000000004 2"]],
    ["sterange", [7, 9], ["700000003 0", "800000004 0"]],
    ["sync", [], ["46 0"]],
  ])("%s %j", (kind, args, expected) => {
    expect(words(kind, args)).toEqual(expected);
  });
});

describe("lines of another architecture", () => {
  it.each(["wait", "iotlb page", "cc global"])("refuses %s", (kind) => {
    expect(() => words(kind, [1, 0x1000, 0, 0])).toThrow(
      new RangeError(`"i" line: ${kind} is no SMMUv3 command`),
    );
  });
});

describe("the same commands confined to a guest: its VMID, nothing beyond NH", () => {
  it.each<[string, number[], string[]]>([
    ["va", [0xb, 0, 0xffff_f000, 1, 1, 3, 1], ["b007700000012 fffff701"]],
    ["asid", [5], ["5007700000011 0"]],
    ["nh", [5], ["7700000010 0"]],
    ["s12", [5], ["7700000010 0"]],
    ["ipa", [-1, 5, 0x1000, 1, 1, 3, 1], ["7700000010 0"]],
    ["nsnh", [], ["7700000010 0"]],
    ["ste", [8], ["800000003 0"]],
  ])("%s %j", (kind, args, expected) => {
    expect(words(kind, args, nested)).toEqual(expected);
  });
});
