// Page request descriptors as bytes, both ways (Intel VT-d Rev 5.10, 7.4.1.1).

import { describe, expect, it } from "vitest";
import type { PageRequest } from "../../src/index.js";
import { decodePageRequest, encodePageRequest } from "../../src/vtd/page-descriptor.js";

const PLAIN: PageRequest = {
  stream: 0x1234,
  group: 0,
  address: 0n,
  read: false,
  write: false,
  execute: false,
  privileged: false,
  last: false,
};

const GOLDEN: readonly (readonly [string, PageRequest, string])[] = [
  ["nothing but the source", PLAIN, "01003412000000000000000000000000"],
  ["PASID", { ...PLAIN, pasid: 0xabcde }, "01013412debc0a000000000000000000"],
  ["execute", { ...PLAIN, pasid: 0, execute: true }, "01013412000010000000000000000000"],
  ["privileged", { ...PLAIN, pasid: 0, privileged: true }, "01013412000020000000000000000000"],
  ["read", { ...PLAIN, read: true }, "01003412000000000100000000000000"],
  ["write", { ...PLAIN, write: true }, "01003412000000000200000000000000"],
  ["last", { ...PLAIN, last: true }, "01003412000000000400000000000000"],
  ["group", { ...PLAIN, group: 0x155 }, "0100341200000000a80a000000000000"],
  ["address", { ...PLAIN, address: 0xfedc_ba98_7654_3000n }, "01003412000000000030547698badcfe"],
];

describe("a page request descriptor", () => {
  it.each(GOLDEN)("with %s", (_, message, expected) => {
    const bytes = Buffer.from(expected + "00".repeat(16), "hex");
    expect(Buffer.from(encodePageRequest(message)).toString("hex")).toBe(bytes.toString("hex"));
    expect(decodePageRequest(bytes)).toEqual(message);
  });

  it("is undefined when it is of another type, and refused in another length", () => {
    expect(decodePageRequest(new Uint8Array(32))).toBeUndefined();
    expect(decodePageRequest(new Uint8Array(32).fill(2, 0, 1))).toBeUndefined();
    expect(() => decodePageRequest(new Uint8Array(16))).toThrow(RangeError);
  });
});
