// Simulated physical memory by itself: sparseness, bus errors, block and word access, the limit, growth and dropping.

import { describe, expect, it } from "vitest";
import { BusError, MemoryLimitError, SmmuV3 } from "../../src/index.js";

const FRAME = 0x1_0000n;
const BASE = 0x4000_0000n;
const TOP = 1n << 52n;

const pattern = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7 + 3) & 0xff);

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe("sparse RAM", () => {
  it("reads 0 where nothing was written, at no cost", () => {
    const { memory } = new SmmuV3();
    expect(memory.backedBytes).toBe(0);
    expect(memory.readU8(0n)).toBe(0);
    expect(memory.readU32(0x1234_5678n)).toBe(0);
    expect(memory.readU64(TOP - 8n)).toBe(0n);
    expect(memory.read(BASE + 0xfff0n, 0x2_0020).every((byte) => byte === 0)).toBe(true);
    expect(memory.backedBytes).toBe(0);
  });

  it("backs the 64 KiB frames that are written, and only those", () => {
    const { memory } = new SmmuV3();
    memory.writeU8(BASE, 1);
    memory.writeU8(BASE + FRAME - 1n, 2);
    expect(memory.backedBytes).toBe(0x1_0000);
    memory.writeU64(0x000f_0000_0000_0000n, 3n);
    expect(memory.backedBytes).toBe(0x2_0000);
    expect([memory.readU8(BASE), memory.readU8(BASE + 0xffffn)]).toEqual([1, 2]);
  });

  it("is little-endian for words of every size", () => {
    const { memory } = new SmmuV3();
    memory.writeU64(BASE, 0x8877_6655_4433_2211n);
    expect([...memory.read(BASE, 8)]).toEqual([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
    memory.writeU32(BASE + 4n, 0xddcc_bbaa);
    expect(memory.readU64(BASE)).toBe(0xddcc_bbaa_4433_2211n);
    expect(memory.readU32(BASE + 4n)).toBe(0xddcc_bbaa);
    expect(memory.readU8(BASE + 7n)).toBe(0xdd);
    memory.writeU8(BASE + 7n, 0xff);
    expect(memory.readU64(BASE)).toBe(0xffcc_bbaa_4433_2211n);
  });

  it("reads and writes words at addresses that are no multiple of their size, also across frames", () => {
    const { memory } = new SmmuV3();
    for (const at of [BASE + 3n, BASE + FRAME - 3n, BASE + 0x2fff_fffbn]) {
      memory.writeU64(at, 0x0123_4567_89ab_cdefn);
      expect(memory.readU64(at)).toBe(0x0123_4567_89ab_cdefn);
      memory.writeU32(at + 1n, 0xfeed_f00d);
      expect(memory.readU32(at + 1n)).toBe(0xfeed_f00d);
      expect(memory.readU64(at)).toBe(0x0123_45fe_edf0_0defn);
    }
  });

  it("copies blocks across frames, into an array of the caller's or a fresh one", () => {
    const { memory } = new SmmuV3();
    const bytes = pattern(0x3_0123);
    memory.write(BASE + 0xfedcn, bytes);
    expect(isSame(memory.read(BASE + 0xfedcn, bytes.length), bytes)).toBe(true);
    const into = new Uint8Array(bytes.length + 2).fill(0xff);
    memory.readInto(BASE + 0xfedbn, into);
    expect(isSame(into.subarray(1, -1), bytes)).toBe(true);
    expect([into[0], into.at(-1)]).toEqual([0, 0]);
    expect(memory.backedBytes).toBe(4 * 0x1_0000);
  });

  it("fills blocks across frames", () => {
    const { memory } = new SmmuV3();
    memory.fill(BASE + 0xfff0n, 0x2_0020, 0xa5);
    const around = memory.read(BASE + 0xffefn, 0x2_0022);
    expect(around[0]).toBe(0);
    expect(around.at(-1)).toBe(0);
    expect(around.subarray(1, -1).every((byte) => byte === 0xa5)).toBe(true);
    memory.fill(BASE + 0xfff0n, 0, 0x11);
    expect(memory.readU8(BASE + 0xfff0n)).toBe(0xa5);
  });

  it("reaches to the last byte of the 52-bit space and not beyond", () => {
    const { memory } = new SmmuV3();
    memory.writeU64(TOP - 8n, 0x1122_3344_5566_7788n);
    memory.write(TOP - 16n, pattern(8));
    expect(memory.readU64(TOP - 8n)).toBe(0x1122_3344_5566_7788n);
    expect(memory.readU8(TOP - 1n)).toBe(0x11);
    expect(memory.isRam(TOP - 1n)).toBe(true);
    expect(memory.isRam(TOP)).toBe(false);
    expect(memory.readU64(0n)).toBe(0n);
    for (const miss of [
      () => memory.readU64(TOP - 4n),
      () => memory.writeU32(TOP - 2n, 1),
      () => memory.readU8(TOP),
      () => memory.readU8(-1n),
      () => memory.write(TOP - 1n, pattern(2)),
    ]) {
      expect(miss).toThrow(RangeError);
    }
    expect(memory.readU64(TOP - 8n)).toBe(0x1122_3344_5566_7788n);
  });

  it("does not mix frames up that differ in high address bits only", () => {
    const { memory } = new SmmuV3();
    const at = (n: number): bigint => (BigInt(n) << 44n) | (BigInt(n) << 28n) | 0x1000n;
    for (let n = 0; n < 256; ++n) memory.writeU64(at(n), BigInt(n) + 1n);
    for (let n = 0; n < 256; ++n) expect(memory.readU64(at(n))).toBe(BigInt(n) + 1n);
    expect(memory.backedBytes).toBe(256 * 0x1_0000);
  });
});

describe("bus errors", () => {
  /** Two pages of 4 KiB, a hole of two, one page: all in one frame; then a whole frame further up. */
  const ram = [
    [BASE, 0x2000n],
    [BASE + 0x4000n, 0x1000n],
    [BASE + 0x3_0000n, 0x1_0000n],
  ] as const;

  it("come outside RAM, at 4 KiB granularity, on reads and writes", () => {
    const { memory } = new SmmuV3({ ram });
    memory.writeU64(BASE + 0x1ff8n, 5n);
    memory.writeU64(BASE + 0x4000n, 6n);
    for (const at of [BASE - 8n, BASE + 0x2000n, BASE + 0x3ff8n, BASE + 0x5000n, BASE + 0x4_0000n, 0n]) {
      expect(memory.isRam(at)).toBe(false);
      expect(() => memory.readU8(at)).toThrow(BusError);
      expect(() => memory.readU32(at)).toThrow(BusError);
      expect(() => memory.readU64(at)).toThrow(BusError);
      expect(() => memory.writeU8(at, 1)).toThrow(BusError);
      expect(() => memory.writeU32(at, 1)).toThrow(BusError);
      expect(() => memory.writeU64(at, 1n)).toThrow(BusError);
      expect(() => memory.read(at, 1)).toThrow(BusError);
    }
    expect([memory.readU64(BASE + 0x1ff8n), memory.readU64(BASE + 0x4000n)]).toEqual([5n, 6n]);
  });

  it("name the first address that is no memory", () => {
    const { memory } = new SmmuV3({ ram });
    expect(() => memory.read(BASE + 0x1ff0n, 0x20)).toThrow("0x40002000");
    expect(() => memory.readU64(0x1234n)).toThrow("0x1234");
  });

  it("leave everything as it was when only a part of a write misses", () => {
    const { memory } = new SmmuV3({ ram });
    expect(() => memory.write(BASE + 0x1ff0n, pattern(0x20))).toThrow(BusError);
    expect(() => memory.writeU64(BASE + 0x1ffcn, ~0n & 0xffff_ffff_ffff_ffffn)).toThrow(BusError);
    expect(() => memory.write(BASE + 0x3_0000n, pattern(0x1_0001))).toThrow(BusError);
    expect(() => memory.fill(BASE + 0x1000n, 0x1001, 0xff)).toThrow(BusError);
    expect(memory.backedBytes).toBe(0);
    expect(memory.read(BASE, 0x2000).every((byte) => byte === 0)).toBe(true);
  });

  it("leave everything as it was when only a part of a long fill misses", () => {
    const { memory } = new SmmuV3({ ram: [[BASE, 0x4_0000n]] });
    expect(() => memory.fill(BASE, 0x4_0001, 0xff)).toThrow(BusError);
    expect(memory.backedBytes).toBe(0);
  });

  it("do not come between ranges that touch", () => {
    const { memory } = new SmmuV3({
      ram: [
        [BASE + 0x3000n, 0x2000n],
        [BASE, 0x3000n],
      ],
    });
    memory.write(BASE, pattern(0x5000));
    expect(isSame(memory.read(BASE, 0x5000), pattern(0x5000))).toBe(true);
    memory.writeU64(BASE + 0x2ffcn, 0x1234n);
    expect(memory.readU64(BASE + 0x2ffcn)).toBe(0x1234n);
  });
});

describe("memoryLimit", () => {
  it("ends in a MemoryLimitError that names the option, and everything goes on", () => {
    const { memory } = new SmmuV3({ memoryLimit: 0x3_0000 });
    for (let n = 0n; n < 3n; ++n) memory.writeU64(BASE + n * FRAME, n + 1n);
    const excess = (): void => memory.writeU64(BASE + 3n * FRAME, 4n);
    expect(excess).toThrow(MemoryLimitError);
    expect(excess).toThrow(/"memoryLimit" of 196608 bytes .*0x40030000/);
    expect(excess).toThrow(RangeError);
    expect(memory.backedBytes).toBe(0x3_0000);
    for (let n = 0n; n < 3n; ++n) expect(memory.readU64(BASE + n * FRAME)).toBe(n + 1n);
    expect(memory.readU64(BASE + 3n * FRAME)).toBe(0n);
    memory.writeU64(BASE + 8n, 9n);
    expect(memory.readU64(BASE + 8n)).toBe(9n);
    memory.drop(BASE + FRAME, FRAME);
    excess();
    expect(memory.readU64(BASE + 3n * FRAME)).toBe(4n);
    expect(memory.readU64(BASE + FRAME)).toBe(0n);
  });
});

describe("drop", () => {
  it("makes RAM read 0 again and gives the frames back", () => {
    const { memory } = new SmmuV3();
    for (let n = 0n; n < 8n; ++n) memory.writeU64(BASE + n * FRAME + 0x100n, n + 1n);
    memory.drop(BASE + 2n * FRAME, 3n * FRAME);
    expect(memory.backedBytes).toBe(5 * 0x1_0000);
    const read = (): bigint[] =>
      Array.from({ length: 8 }, (_, n) => memory.readU64(BASE + BigInt(n) * FRAME + 0x100n));
    expect(read()).toEqual([1n, 2n, 0n, 0n, 0n, 6n, 7n, 8n]);
    for (let n = 2n; n < 5n; ++n) {
      memory.writeU8(BASE + n * FRAME, 0x77);
      expect(memory.readU64(BASE + n * FRAME)).toBe(0x77n);
    }
    expect(read()).toEqual([1n, 2n, 0n, 0n, 0n, 6n, 7n, 8n]);
    memory.drop(0n, TOP);
    expect(memory.backedBytes).toBe(0);
    expect(read().every((value) => value === 0n)).toBe(true);
  });

  it("takes whole frames only", () => {
    const { memory } = new SmmuV3();
    expect(() => memory.drop(BASE + 0x1000n, FRAME)).toThrow(/expected multiples of 65536, got 0x40001000/);
    expect(() => memory.drop(BASE, 0x1000n)).toThrow(RangeError);
    memory.writeU8(BASE, 1);
    memory.drop(BASE, 0n);
    expect(memory.readU8(BASE)).toBe(1);
  });

  it("does so in any order among many frames", () => {
    const { memory } = new SmmuV3();
    const kept = new Map<bigint, bigint>();
    for (let n = 0n; n < 300n; ++n) {
      const at = ((n * 0x9e37n) & 0xffffn) * FRAME;
      memory.writeU64(at, n + 1n);
      kept.set(at, n + 1n);
      if (n % 3n !== 2n) continue;
      const [oldest] = kept.keys();
      kept.delete(oldest!);
      memory.drop(oldest!, FRAME);
      expect(memory.readU64(oldest!)).toBe(0n);
    }
    expect(memory.backedBytes).toBe(kept.size * 0x1_0000);
    for (const [at, value] of kept) expect(memory.readU64(at)).toBe(value);
  });
});

describe("reset", () => {
  it("forgets all memory and takes new ranges", () => {
    const smmu = new SmmuV3({ ram: [[BASE, 0x10_0000n]] });
    for (let n = 0n; n < 16n; ++n) smmu.memory.fill(BASE + n * FRAME, 0x1_0000, 0xff);
    smmu.reset({ ram: [[BASE + 0x8_0000n, 0x10_0000n]] });
    expect(smmu.memory.backedBytes).toBe(0);
    expect(() => smmu.memory.readU8(BASE)).toThrow(BusError);
    expect(smmu.memory.read(BASE + 0x8_0000n, 0x8_0000).every((byte) => byte === 0)).toBe(true);
    smmu.memory.writeU8(BASE + 0x8_0000n, 1);
    expect(smmu.memory.readU64(BASE + 0x8_0000n)).toBe(1n);
    smmu.reset();
    expect(smmu.memory.isRam(BASE)).toBe(true);
    expect(smmu.memory.readU64(BASE + 0x8_0000n)).toBe(0n);
  });
});
