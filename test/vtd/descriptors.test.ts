// Which invalidation descriptors are legal (Intel VT-d Rev 5.10, 6.5.2, Table 26, 11.4.9.9), bit by bit: fields restated
// from the manual's figures.

import { describe, expect, it } from "vitest";
import { ABORT, full, LEGACY, REG, Rig, ROOT, SCALABLE, SRTP } from "./rig.js";

const TYPE = 3;
const RESERVED = 4;
const WIDTH = 5;
const TABLE_MODE = 7;

/** A legal descriptor of each type, and the bits of it that may be set beside (of 127:0). */
interface Kind {
  readonly name: string;
  readonly type: bigint;
  /** Bits 5:4 and others that make it legal. */
  readonly base: bigint;
  /** [msb, lsb] of every field whose bits are free. */
  readonly free: readonly (readonly [number, number])[];
  readonly wide?: boolean;
}

const KINDS: readonly Kind[] = [
  {
    name: "context-cache",
    type: 1n,
    base: 0x30n,
    free: [
      [31, 16],
      [47, 32],
      [49, 48],
    ],
  },
  {
    name: "IOTLB domain",
    type: 2n,
    base: 0x20n,
    free: [
      [7, 6],
      [31, 16],
      [69, 64],
      [70, 70],
      [127, 76],
    ],
  },
  {
    name: "device-TLB",
    type: 3n,
    base: 0n,
    free: [
      [20, 16],
      [15, 12],
      [47, 32],
      [63, 52],
      [64, 64],
      [127, 76],
    ],
  },
  {
    name: "interrupt entry cache",
    type: 4n,
    base: 0n,
    free: [
      [4, 4],
      [31, 27],
      [47, 32],
    ],
  },
  {
    name: "wait",
    type: 5n,
    base: 0n,
    free: [
      [7, 4],
      [63, 32],
      [127, 66],
    ],
  },
  {
    name: "PASID-based IOTLB",
    type: 6n,
    base: 0x30n,
    free: [
      [31, 16],
      [51, 32],
      [69, 64],
      [70, 70],
      [127, 76],
    ],
    wide: true,
  },
  {
    name: "PASID-cache",
    type: 7n,
    base: 0x10n,
    free: [
      [31, 16],
      [51, 32],
    ],
    wide: true,
  },
  {
    name: "PASID-based device-TLB",
    type: 8n,
    base: 0n,
    free: [
      [8, 4],
      [15, 12],
      [31, 16],
      [51, 32],
      [63, 52],
      [64, 64],
      [75, 75],
      [127, 76],
    ],
    wide: true,
  },
  {
    name: "page group response",
    type: 9n,
    base: 0n,
    free: [
      [4, 4],
      [15, 12],
      [31, 16],
      [51, 32],
      [66, 66],
      [75, 67],
    ],
    wide: true,
  },
];

const inside = (bit: number, fields: Kind["free"]): boolean =>
  fields.some(([msb, lsb]) => bit <= msb && bit >= lsb);

function rig(mode = SCALABLE, features = full()): Rig {
  const one = new Rig({ features });
  one.vtd.write64(REG.RTADDR, ROOT | mode);
  one.vtd.write32(REG.GCMD, SRTP);
  return one;
}

const split = (value: bigint): [bigint, bigint] => [value & 0xffff_ffff_ffff_ffffn, value >> 64n];

describe.each(KINDS)("$name descriptor", ({ type, base, free, wide }) => {
  it("is carried out as it is", () => {
    expect(rig().issue(type | base)).toBe(0);
  });

  it("is a reserved field violation with any bit outside its fields, legal with any inside", () => {
    const { vtd } = rig();
    for (let bit = 0; bit < 256; bit++) {
      // Type and granularity have tests of their own.
      if (bit < 4 || (bit >= 9 && bit <= 11) || (base !== 0n && (bit === 4 || bit === 5))) continue;
      const bytes = new Uint8Array(32);
      const [low, high] = split(type | base);
      new DataView(bytes.buffer).setBigUint64(0, low, true);
      new DataView(bytes.buffer).setBigUint64(8, high, true);
      bytes[bit >> 3]! |= 1 << (bit & 7);
      expect([bit, vtd.issue(bytes)]).toEqual([bit, inside(bit, free) ? 0 : RESERVED]);
    }
  });

  it(wide ? "is an invalid type in legacy mode" : "is legal in legacy mode, in both widths", () => {
    const one = rig(LEGACY);
    expect(one.issue(type | base, 0n, 16)).toBe(wide ? TYPE : 0);
    expect(one.issue(type | base, 0n, 32)).toBe(wide ? TYPE : 0);
  });

  it("is legal in abort mode, 32 bytes wide", () => {
    expect(rig(ABORT).issue(type | base)).toBe(0);
    expect(rig(ABORT).issue(type | base, 0n, 16)).toBe(WIDTH);
  });
});

describe("descriptors", () => {
  it.each([
    ["context-cache", 1n, [RESERVED, 0, 0, 0]],
    ["IOTLB", 2n, [RESERVED, 0, 0, 0]],
    ["PASID-based IOTLB", 6n, [RESERVED, RESERVED, 0, 0]],
    ["PASID-cache", 7n, [0, 0, RESERVED, 0]],
  ] as const)("%s: a reserved granularity is a reserved field violation", (_, type, expected) => {
    const one = rig();
    expect([0n, 1n, 2n, 3n].map((g) => one.issue(type | (g << 4n)))).toEqual(expected);
  });

  it("knows the types 1 to 9, of the 128 that bits 11:9 and 3:0 name", () => {
    const one = rig();
    for (let type = 0; type < 128; type++) {
      const low = BigInt(type & 15) | (BigInt(type >> 4) << 9n);
      const legal = type >= 1 && type <= 9;
      const code = one.issue(low | (legal ? 0x30n : 0n));
      expect([type, code === TYPE]).toEqual([type, !legal]);
    }
  });

  it("needs ECAP.DT for device-TLB invalidations, PRS for page group responses (6.5.2.5, 6.5.2.6, 7.6.1)", () => {
    // DT, PRS, DIT, PDS, SMS off.
    const ecapOff = (1n << 2n) | (1n << 29n) | (1n << 41n) | (1n << 42n) | (1n << 58n);
    const one = rig(SCALABLE, full({ ecapOff }));
    expect([one.issue(3n), one.issue(8n), one.issue(9n)]).toEqual([TYPE, TYPE, TYPE]);
  });

  it("reserves PFSID without ECAP.DIT and PD without PDS", () => {
    const one = rig(SCALABLE, full({ ecapOff: (1n << 41n) | (1n << 42n) }));
    expect([one.issue(3n | (1n << 12n)), one.issue(3n | (1n << 63n))]).toEqual([RESERVED, RESERVED]);
    expect([one.issue(8n | (1n << 15n)), one.issue(8n | (1n << 52n))]).toEqual([RESERVED, RESERVED]);
    expect(one.issue(5n | (1n << 7n))).toBe(RESERVED);
  });

  it("refuses page-selective IOTLB invalidations without CAP.PSI and beyond MAMV, PASID-based ones never", () => {
    const mamv18 = full({ capOff: 0x3fn << 48n, capOn: 18n << 48n });
    const one = rig(SCALABLE, mamv18);
    expect([one.issue(0x32n, 18n), one.issue(0x32n, 19n)]).toEqual([0, RESERVED]);
    // Only there does the mask count.
    expect([one.issue(0x22n, 63n), one.issue(0x36n, 63n)]).toEqual([0, 0]);
    const without = rig(SCALABLE, full({ capOff: 1n << 39n }));
    expect([without.issue(0x32n), without.issue(0x22n), without.issue(0x36n)]).toEqual([RESERVED, 0, 0]);
  });

  it("refuses 16 bytes outside legacy mode, 32 where no mode has them, and table modes that are none", () => {
    expect(rig(SCALABLE).issue(0x11n, 0n, 16)).toBe(WIDTH);
    expect(rig(2n << 10n).issue(0x11n)).toBe(TABLE_MODE);
    expect(rig(ABORT, full({ ecapOff: 1n << 52n })).issue(0x11n)).toBe(TABLE_MODE);
    const legacy = new Rig({ features: { cap: 0xd2008c222f0606n, ecap: 0xf42n, hostWidth: 48 } });
    expect(legacy.issue(0x11n, 0n, 32)).toBe(WIDTH);
    expect(legacy.issue(0x11n, 0n, 16)).toBe(0);
  });

  it("leaves FSTS, IQERCD and the queue alone when issued directly", () => {
    const one = rig();
    one.issue(0xfn);
    const { vtd } = one;
    expect([vtd.read32(REG.FSTS), vtd.read64(REG.IQERCD), vtd.read64(REG.IQH)]).toEqual([0, 0n, 0n]);
  });

  it.each([0, 8, 15, 17, 64])("refuses %i bytes with RangeError", (length) => {
    expect(() => rig().vtd.issue(new Uint8Array(length))).toThrow(RangeError);
  });
});
