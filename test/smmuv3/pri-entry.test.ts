// PRI queue entries as bytes, derived by hand from the figure of IHI 0070 chapter 8: StreamID 31:0, SubstreamID 51:32,
// Priv 58, X 59, R 60, W 61, Last 62, SSV 63; PRGIndex 72:64, address 127:76.

import { describe, expect, it } from "vitest";
import { checkPageRequest, type PageRequest } from "../../src/machine/page-request.js";
import { decodePageEntry, encodePageEntry, isStopMarker } from "../../src/smmuv3/page-entry.js";
import { bytes, hex } from "./machine.js";
import { ask, askLast, PRI_FEATURES, start, stop, WITHOUT_SUBSTREAMS } from "./pri-world.js";

const NO = { read: false, write: false, execute: false, privileged: false };

const ENTRIES: readonly (readonly [what: string, message: PageRequest, hex: string])[] = [
  [
    "every field filled",
    {
      stream: 0x12345678,
      pasid: 0xabcde,
      group: 0x1a5,
      address: 0xfedcba98_76543000n,
      read: true,
      write: true,
      execute: true,
      privileged: true,
      last: true,
    },
    "78563412debc0afc a531547698badcfe",
  ],
  [
    "a read without PASID",
    { ...NO, stream: 8, group: 3, address: 0x5000n, read: true, last: false },
    "0800000000000010 0350000000000000",
  ],
  [
    "a write, last",
    { ...NO, stream: 8, group: 3, address: 0n, write: true, last: true },
    "0800000000000060 0300000000000000",
  ],
  [
    "execute with PASID 0",
    { ...NO, stream: 0, pasid: 0, group: 0, address: 0n, execute: true, last: false },
    "0000000000000088 0000000000000000",
  ],
  [
    "privileged with the largest PASID",
    { ...NO, stream: 0, pasid: 0xfffff, group: 0, address: 0n, privileged: true, last: false },
    "00000000ffff0f84 0000000000000000",
  ],
  [
    "a Stop marker",
    { ...NO, stream: 0xffffffff, pasid: 1, group: 511, address: 0n, last: true },
    "ffffffff010000c0 ff01000000000000",
  ],
  [
    "the highest page",
    { ...NO, stream: 1, group: 0, address: 0xffff_ffff_ffff_f000n, last: false },
    "0100000000000000 00f0ffffffffffff",
  ],
];

describe("entries (IHI 0070 chapter 8)", () => {
  for (const [what, message, digits] of ENTRIES) {
    it(`${what}, both ways`, () => {
      expect(hex(encodePageEntry(message))).toBe(digits.replaceAll(" ", ""));
      expect(decodePageEntry(bytes(digits))).toEqual(message);
    });
  }

  it("forgets the low 12 bits of the address", () => {
    const message = ask(3, { address: 0x5fffn });
    expect(hex(encodePageEntry(message))).toBe("08000000000000100350000000000000");
  });

  it("X and Priv are 0 when SSV = 0, and so is the SubstreamID", () => {
    const message = ask(3, { execute: true, privileged: true });
    expect(hex(encodePageEntry(message))).toBe("08000000000000100350000000000000");
  });

  it("a Stop marker has Last, W, R = 1, 0, 0 and a PASID; anything else is a page request", () => {
    expect(isStopMarker(stop(0))).toBe(true);
    expect(isStopMarker({ ...stop(7), execute: true, privileged: true })).toBe(true);
    expect(isStopMarker({ ...stop(7), last: false })).toBe(false);
    expect(isStopMarker({ ...stop(7), read: true })).toBe(false);
    expect(isStopMarker({ ...stop(7), write: true })).toBe(false);
    expect(isStopMarker(askLast(0, { read: false }))).toBe(false);
  });

  it("decoding wants 16 bytes", () => {
    expect(() => decodePageEntry(new Uint8Array(15))).toThrow(/"entry" expected 16 bytes, got 15/);
  });
});

describe("what arrives at the queue", () => {
  it("drops the PASID, X and Priv at an SMMU without substreams: SSV is 0 (chapter 8)", () => {
    const machine = start(1, { features: WITHOUT_SUBSTREAMS });
    expect(machine.pages.take(ask(3, { pasid: 5, execute: true, privileged: true }))).toBe("queued");
    expect(hex(machine.memory.read(0x4000_3000n, 16))).toBe("08000000000000100350000000000000");
    // So there are no Stop markers: that is a page request and, queue off, it is answered.
    machine.registers.write32(0x20, 0);
    expect(machine.pages.take(stop(5))).toBe("answered");
    expect(machine.responses).toEqual([{ stream: 8, group: 0, code: "failure" }]);
  });

  it("keeps a PASID wider than SSIDSIZE as it is (3.9: may be truncated)", () => {
    const narrow = { ...PRI_FEATURES, idr1: (PRI_FEATURES.idr1 & ~0x7c0) | (1 << 6) };
    const machine = start(1, { features: narrow });
    machine.pages.take(ask(3, { pasid: 0xabcde }));
    expect(hex(machine.memory.read(0x4000_3000n, 16))).toBe("08000000debc0a900350000000000000");
  });
});

describe("arguments of requestPage", () => {
  const good = askLast(0);
  const wrong = (change: Record<string, unknown>) => () =>
    checkPageRequest({ ...good, ...change } as unknown as PageRequest);

  it("gives a copy of a good one", () => {
    const copy = checkPageRequest(good);
    expect(copy).toEqual(good);
    expect(copy).not.toBe(good);
    expect(() =>
      checkPageRequest({
        stream: 2 ** 32 - 1,
        pasid: 0xfffff,
        group: 511,
        address: 2n ** 64n - 1n,
        last: false,
      }),
    ).not.toThrow();
  });

  it("refuses what is out of range by name", () => {
    expect(wrong({ stream: -1 })).toThrow(
      new RangeError('"stream" expected an integer in 0..4294967295, got -1'),
    );
    expect(wrong({ stream: 2 ** 32 })).toThrow(RangeError);
    expect(wrong({ stream: 1.5 })).toThrow(RangeError);
    expect(wrong({ stream: Number.NaN })).toThrow(RangeError);
    expect(wrong({ pasid: 0x100000 })).toThrow(
      new RangeError('"pasid" expected an integer in 0..1048575, got 1048576'),
    );
    expect(wrong({ group: 512 })).toThrow(new RangeError('"group" expected an integer in 0..511, got 512'));
    expect(wrong({ address: -1n })).toThrow(new RangeError('"address" expected 0..2^64-1, got -1'));
    expect(wrong({ address: 1n << 64n })).toThrow(RangeError);
  });

  it("refuses what is of another type by name", () => {
    expect(wrong({ stream: "8" })).toThrow(new TypeError('"stream" expected number, got string'));
    expect(wrong({ group: undefined })).toThrow(new TypeError('"group" expected number, got undefined'));
    expect(wrong({ pasid: 1n })).toThrow(new TypeError('"pasid" expected number, got bigint'));
    expect(wrong({ pasid: null })).toThrow(TypeError);
    expect(wrong({ address: 0x5000 })).toThrow(
      new TypeError('"address" expected bigint in 0..2^64-1, got number'),
    );
    expect(wrong({ last: undefined })).toThrow(new TypeError('"last" expected boolean, got undefined'));
    for (const name of ["read", "write", "execute", "privileged"]) {
      expect(wrong({ [name]: 1 })).toThrow(new TypeError(`"${name}" expected boolean, got number`));
    }
  });
});
