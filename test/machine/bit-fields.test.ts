// Bit fields over 32-bit words.

import { describe, expect, it } from "vitest";
import {
  bytesOf,
  fieldMask,
  getAddress,
  getField,
  registerField,
  setAddress,
  setField,
  wordsOf,
} from "../../src/machine/bit-fields.js";
import { queueAddress, queueCount, queueNext, queueShape } from "../../src/smmuv3/queue.js";
import { bytes, hex } from "../smmuv3/machine.js";

describe("bit fields", () => {
  const words = wordsOf(bytes("78563412 f0debc9a 88776655"));

  it("reads inside a word, over the edge of two, and whole words", () => {
    expect(getField(words, 7, 0)).toBe(0x78);
    expect(getField(words, 39, 24)).toBe(0xf012);
    expect(getField(words, 63, 32)).toBe(0x9abcdef0);
    expect(getField(words, 47, 16)).toBe(0xdef01234);
    expect(getField(words, 63, 63)).toBe(1);
  });

  it("writes the same places and nothing around them", () => {
    const target = new Uint32Array(3);
    setField(target, 39, 24, 0xf012);
    expect(hex(bytesOf(target))).toBe("00000012f000000000000000");
    target.fill(0xffffffff);
    setField(target, 47, 16, 0);
    expect(hex(bytesOf(target))).toBe("ffff00000000ffffffffffff");
    setField(target, 95, 95, 0);
    setField(target, 31, 0, 0x1_0000_0001);
    expect(hex(bytesOf(target))).toBe("010000000000ffffffffff7f");
  });

  it("reads and writes addresses in place", () => {
    expect(getAddress(words, 63, 12, 12)).toBe(0x9abcdef012345000n);
    expect(getAddress(words, 95, 32, 0)).toBe(0x556677889abcdef0n);
    const target = new Uint32Array(4);
    setAddress(target, 119, 68, 4, 0xff_1234_5678_9abcn);
    expect(getAddress(target, 119, 68, 4)).toBe(0xff_1234_5678_9ab0n);
    expect(hex(bytesOf(target))).toBe("0000000000000000b09a78563412ff00");
  });

  it("masks registers", () => {
    expect(fieldMask(31, 0)).toBe(0xffffffff);
    expect(fieldMask(31, 31)).toBe(0x80000000);
    expect(fieldMask(19, 16)).toBe(0xf0000);
    expect(registerField(0x80000000, 31, 31)).toBe(1);
    expect(registerField(0xd44101b, 25, 24)).toBe(1);
  });
});

describe("queue arithmetic (IHI 0070 3.5.1, 6.3.26)", () => {
  it("caps LOG2SIZE, aligns the base to size or 32 bytes", () => {
    expect(queueShape(0x4000_0000_1234_57ffn, 5, 16)).toEqual({
      base: 0x1234_5600n,
      sizeLg2: 5,
      entryBytes: 16,
    });
    expect(queueShape(0x1234_5670n, 19, 16)).toEqual({ base: 0x1230_0000n, sizeLg2: 16, entryBytes: 16 });
    expect(queueShape(0x1234_5660n, 19, 16)).toEqual({ base: 0x1234_5660n, sizeLg2: 0, entryBytes: 16 });
    expect(queueShape(0xffff_ffff_ffff_ffe1n, 19, 32).base).toBe(0xff_ffff_ffff_ffc0n);
  });

  it("counts, advances and addresses with the wrap bit above the index", () => {
    expect([queueCount(0, 0, 3), queueCount(8, 0, 3), queueCount(2, 14, 3), queueCount(0, 1, 3)]).toEqual([
      0, 8, 4, 15,
    ]);
    expect([queueNext(7, 3), queueNext(15, 3), queueNext(0, 0), queueNext(1, 0)]).toEqual([8, 0, 1, 0]);
    expect(queueNext(2 ** 20 - 1, 19)).toBe(0);
    const shape = { base: 0x1000n, sizeLg2: 3, entryBytes: 32 };
    expect([queueAddress(shape, 0), queueAddress(shape, 7), queueAddress(shape, 9)]).toEqual([
      0x1000n,
      0x10e0n,
      0x1020n,
    ]);
  });
});
