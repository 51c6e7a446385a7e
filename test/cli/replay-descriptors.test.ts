// Descriptor bytes worked out by hand from Intel VT-d Rev 5.10, 6.5.2: type 3:0, G 5:4, DID 31:16; context-cache SID 47:32,
// FM 49:48; PASID 51:32; second doubleword: AM 5:0, IH 6, ADDR 63:12; device-TLB SID 47:32, S bit 64; interrupt entries G 4, IM
// 31:27, IIDX 47:32; wait SW 5, FN 6, data 63:32, address from bit 66 on.
import { describe, expect, it } from "vitest";
import {
  type DescriptorRule,
  encodeDescriptors,
  encodeEntryChange,
} from "../../src/cli/replay-descriptors.js";

const scalable: DescriptorRule = { bytes: 32, status: 0x9000n, guest: undefined };
const legacy: DescriptorRule = { ...scalable, bytes: 16 };
/** A guest's domains 5 and 6 are 2 and 3 of the hypervisor. */
const nested: DescriptorRule = {
  ...scalable,
  guest: new Map([
    [5, 2],
    [6, 3],
  ]),
};

/** Descriptors in hexadecimal: two doublewords, and the upper half where there is one. */
function show(descriptors: Uint8Array[], bytes: number): string[] {
  return descriptors.map((descriptor) => {
    expect(descriptor).toHaveLength(bytes);
    expect(descriptor.subarray(16).every((byte) => byte === 0)).toBe(true);
    const view = new DataView(descriptor.buffer);
    return `${view.getBigUint64(0, true).toString(16)} ${view.getBigUint64(8, true).toString(16)}`;
  });
}

const encode = (kind: string, args: number[], rule: DescriptorRule): string[] =>
  show(encodeDescriptors(kind, args.map(BigInt), rule), rule.bytes);

const RECORDED: [string, number[], string][] = [
  ["cc global", [0, 0, 0], "11 0"],
  ["cc domain", [5, 0, 0], "50021 0"],
  ["cc device", [5, 0x28, 1], "1002800050031 0"],
  ["iotlb global", [], "12 0"],
  ["iotlb domain", [0xffff], "ffff0022 0"],
  ["iotlb page", [5, 0xfff0_0000, 9, 1], "50032 fff00049"],
  ["devtlb", [0x28, 0x7fff_f000, 1], "2800000003 7ffff001"],
  ["iec", [0, 0, 0], "4 0"],
  ["iec", [1, 8, 2], "810000014 0"],
  ["wait", [], "200000065 9000"],
];

describe("descriptors of a recorded driver", () => {
  it.each(RECORDED)("%s %j in scalable mode, 32 bytes", (kind, args, expected) => {
    expect(encode(kind, args, scalable)).toEqual([expected]);
  });

  it.each(RECORDED)("%s %j in legacy mode, 16 bytes", (kind, args, expected) => {
    expect(encode(kind, args, legacy)).toEqual([expected]);
  });

  it.each<[string, number[], string]>([
    ["piotlb pasid", [5, 0xfffff], "fffff00050026 0"],
    ["piotlb page", [5, 3, 0x7fff_ffff_e000, 1, 0], "300050036 7fffffffe001"],
    ["piotlb page", [5, 0, 0x1000, 0, 1], "50036 1040"],
  ])("%s %j", (kind, args, expected) => {
    expect(encode(kind, args, scalable)).toEqual([expected]);
  });

  it.each(["va", "asid", "sync", "ste"])("refuses %s, which is SMMUv3's", (kind) => {
    expect(() => encode(kind, [1, 2, 3], scalable)).toThrow(
      new RangeError(`"i" line: ${kind} is no VT-d descriptor`),
    );
  });

  it.each([
    ["cc device", [0, 0x10028, 0]],
    ["devtlb", [0x10028, 0, 0]],
  ])("refuses %s with a source-id of 17 bits", (kind, args) => {
    expect(() => encode(kind, args, scalable)).toThrow(/SID expected 0\.\.0xffff of arch vtd, got 0x10028/);
  });
});

describe("the same descriptors confined to a guest: its domains under the hypervisor's domain-ids", () => {
  it.each<[string, number[], string[]]>([
    ["piotlb page", [6, 0, 0x1000, 0, 1], ["30036 1040"]],
    ["piotlb pasid", [5, 0], ["20026 0"]],
    ["iotlb domain", [6], ["30022 0"]],
    ["iotlb page", [6, 0x1000, 0, 1], ["30022 0"]],
    ["iotlb global", [], ["20022 0", "30022 0"]],
    ["cc global", [0, 0, 0], ["20017 0", "30017 0"]],
    ["cc device", [0, 0x28, 0], ["20017 0", "30017 0"]],
    ["devtlb", [0x28, 0x1000, 0], ["2800000003 1000"]],
    ["wait", [], ["200000065 9000"]],
    ["iec", [0, 0, 0], []],
    ["piotlb page", [7, 0, 0x1000, 0, 1], []],
    ["iotlb domain", [2], []],
  ])("%s %j", (kind, args, expected) => {
    expect(encode(kind, args, nested)).toEqual(expected);
  });
});

describe("a stream moves to another domain", () => {
  it("drops its context, the PASID entries and the translations of the old domain (6.5.2.12)", () => {
    expect(show(encodeEntryChange(0x28, 5, scalable), 32)).toEqual(["2800050031 0", "50007 0", "50022 0"]);
  });

  it("has no PASID entries in legacy mode", () => {
    expect(show(encodeEntryChange(0x28, 5, legacy), 16)).toEqual(["2800050031 0", "50022 0"]);
  });
});
