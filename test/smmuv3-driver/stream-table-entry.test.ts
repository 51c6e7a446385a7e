// Entries as they lie in memory, every bit put there by hand from Arm IHI 0070 G.b, 5.1 and 5.2.

import { describe, expect, it } from "vitest";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { endpoint, Rig } from "./rig.js";

const ZERO = [0n, 0n, 0n, 0n, 0n, 0n];
/** V = 1, Config = 0b000. */
const ABORT = [1n, 0n, ...ZERO];

// SHCFG 109:108 = use incoming
const WORD_1 = 1n << 44n;

/** Doublewords 2 and 3 of a second stage of 48 bits and 4 levels. */
function stage2(vmid: bigint, root: bigint): [bigint, bigint] {
  const low =
    vmid | // S2VMID 143:128
    (16n << 32n) | // S2T0SZ 165:160
    (2n << 38n) | // S2SL0 167:166
    (1n << 40n) | // S2IR0 169:168
    (1n << 42n) | // S2OR0 171:170
    (3n << 44n) | // S2SH0 173:172
    (0n << 46n) | // S2TG 175:174
    (5n << 48n) | // S2PS 178:176
    (1n << 51n) | // S2AA64 179
    (1n << 54n) | // S2PTW 182
    (1n << 58n); // S2R 186
  return [low, root];
}

describe("stream table", () => {
  it("has two levels for 32-bit StreamIDs, split at 10 bits (6.3.24, 6.3.25)", () => {
    const { driver } = new Rig();
    const base = driver.machine.read64(0x80);
    expect(base >> 62n).toBe(1n); // RA
    expect(base & 0x00ff_ffff_ffff_ffffn).toBeGreaterThanOrEqual(1n << 47n);
    expect((base & 0x00ff_ffff_ffff_ffffn) % (32n << 20n)).toBe(0n);
    expect(driver.machine.read32(0x88)).toBe((1 << 16) | (10 << 6) | 32);
  });

  it("spans 1,024 entries with each level 1 descriptor, made when the first stream of them is probed (5.1)", () => {
    const rig = new Rig();
    const root = rig.driver.machine.read64(0x80) & 0x00ff_ffff_ffff_ffc0n;
    const l1 = (stream: number) => rig.driver.memory.readU64(root + BigInt(Math.floor(stream / 1024)) * 8n);
    rig.probe(8, 1023, 0xffff_ffff);
    expect(l1(8) & 0x1fn).toBe(11n);
    expect((l1(8) & ~0x1fn) % 65536n).toBe(0n);
    expect(l1(0xffff_ffff) & 0x1fn).toBe(11n);
    expect(l1(0xffff_ffff)).not.toBe(l1(8));
    expect(l1(1024)).toBe(0n);
  });

  it("is linear where StreamIDs have 10 bits or less", () => {
    const features = buildFeatures({ streamIdBits: 5 }, SMMUV3_PRESETS.host);
    const rig = new Rig({ machine: { features } });
    expect(rig.driver.machine.read32(0x88) & 0x3ffff).toBe((10 << 6) | 5);
    const [device] = rig.probe(31);
    const domain = rig.driver.createDomain(false);
    expect(rig.dma(31, 0x1000n)).toBe("abort");
    domain.attach(device!);
    domain.map(0x1000n, 0x7000n, 0x1000n, { read: true, write: true });
    expect(rig.dma(31, 0x1000n)).toBe(0x7000n);
    expect(() => rig.driver.probe(endpoint(32))).toThrow('"stream" expected integer in 0..2^5-1, got 32');
  });
});

describe("stream table entry", () => {
  it("aborts silently once probed", () => {
    const rig = new Rig();
    rig.probe(8);
    expect(rig.ste(8)).toEqual(ABORT);
    expect(rig.dma(8, 0x1000n)).toBe("abort");
  });

  it("has the second stage of the domain once attached", () => {
    const rig = new Rig();
    const [first, second] = rig.probe(8, 9);
    const one = rig.driver.createDomain(true);
    const two = rig.driver.createDomain(false);
    one.attach(first!);
    two.attach(second!);
    const root = rig.ste(8)[3]!;
    expect(rig.ste(8)).toEqual([1n | (6n << 1n), WORD_1, ...stage2(1n, root), 0n, 0n, 0n, 0n]);
    expect(root % 4096n).toBe(0n);
    expect(root).toBeGreaterThanOrEqual(1n << 47n);
    const other = rig.ste(9)[3]!;
    expect(rig.ste(9)).toEqual([13n, WORD_1, ...stage2(2n, other), 0n, 0n, 0n, 0n]);
    expect(other).not.toBe(root);
  });

  it("has the guest's PASID table on top, cacheable and inner shareable", () => {
    const rig = new Rig();
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    const root = rig.ste(8)[3]!;
    domain.setPasidTable({ base: 0x1234_5678_9000n, pasidBits: 20, s1fmt: 2, s1dss: 1 });
    expect(rig.ste(8)).toEqual([
      1n | (7n << 1n) | (2n << 4n) | 0x1234_5678_9000n | (20n << 59n),
      1n | (1n << 2n) | (1n << 4n) | (3n << 6n) | WORD_1,
      ...stage2(1n, root),
      0n,
      0n,
      0n,
      0n,
    ]);
    domain.setPasidTable({ base: 0xffff_ffff_ffc0n, pasidBits: 0, s1fmt: 0, s1dss: 2 });
    expect(rig.ste(8)[0]).toBe(15n | 0xffff_ffff_ffc0n);
    expect(rig.ste(8)[1]).toBe(2n | (1n << 2n) | (1n << 4n) | (3n << 6n) | WORD_1);
  });

  it("is the second stage alone for bypass, and aborts silently for abort and after detach", () => {
    const rig = new Rig();
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    const alone = rig.ste(8);
    domain.setPasidTable({ base: 0x1000n, pasidBits: 4, s1fmt: 0, s1dss: 0 });
    domain.setPasidTable("bypass");
    expect(rig.ste(8)).toEqual(alone);
    domain.setPasidTable("abort");
    expect(rig.ste(8)).toEqual(ABORT);
    domain.setPasidTable("bypass");
    domain.detach(device!);
    expect(rig.ste(8)).toEqual(ABORT);
  });

  it("of an endpoint that is attached later has what is bound", () => {
    const rig = new Rig();
    const [first, second] = rig.probe(8, 9);
    const domain = rig.driver.createDomain(true);
    domain.attach(first!);
    domain.setPasidTable({ base: 0x4000n, pasidBits: 8, s1fmt: 0, s1dss: 2 });
    domain.attach(second!);
    expect(rig.ste(9)).toEqual(rig.ste(8));
    domain.setPasidTable("abort");
    expect([rig.ste(8), rig.ste(9)]).toEqual([ABORT, ABORT]);
  });

  it.each([
    [44, 20n, 2n, 4n],
    [42, 22n, 1n, 3n],
    [40, 24n, 1n, 2n],
    [36, 28n, 1n, 1n],
    [32, 32n, 1n, 0n],
  ])("fits %i-bit physical addresses: S2T0SZ %i, S2SL0 %i, S2PS %i (5.2, 6.3.6)", (bits, t0sz, sl0, ps) => {
    const features = buildFeatures({ outputBits: bits }, SMMUV3_PRESETS.host);
    const hostRange = { base: 0x4000_0000n, size: 0x4000_0000n };
    const rig = new Rig({ machine: { features }, hostRange });
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    const word = rig.ste(8)[2]!;
    expect([(word >> 32n) & 0x3fn, (word >> 38n) & 3n, (word >> 48n) & 7n]).toEqual([t0sz, sl0, ps]);
    expect([rig.driver.inputBits, rig.driver.outputBits]).toEqual([bits, bits]);
    const last = (1n << BigInt(bits)) - 4096n;
    domain.map(last, 0x1000n, 4096n, { read: true, write: false });
    domain.map(0x1000n, last, 4096n, { read: true, write: false });
    expect(rig.dma(8, last + 1n)).toBe(0x1001n);
    expect(rig.dma(8, 0x1001n)).toBe(last + 1n);
  });

  it("of a machine with 52-bit physical addresses has 48 bits on both sides", () => {
    const rig = new Rig({ machine: { features: SMMUV3_PRESETS.full } });
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    expect(rig.ste(8).slice(2, 4)).toEqual(stage2(1n, rig.ste(8)[3]!));
    expect([rig.driver.inputBits, rig.driver.outputBits]).toEqual([48, 48]);
    domain.map(0n, 0xffff_ffff_f000n, 4096n, { read: true, write: false });
    expect(rig.dma(8, 0n)).toBe(0xffff_ffff_f000n);
  });
});
