// What the vectors leave open of the invalidation queue (VT-d 6.5.2, 11.4.8): descriptors that need a capability,
// limits, IQERCD, recovery, wrap. Descriptors restated bit by bit.

import { describe, expect, it } from "vitest";
import { CAP, type EcapBit, ecapWithout, Machine } from "./machine.js";

const QUEUE = 0x200_0000n;
const STATUS = 0x210_0000n;
const WIDE = 1n << 11n;
const IQE = 0x10n;

const OK = 0n;
const TAIL = 1n;
const FETCH = 2n;
const TYPE = 3n;
const RESERVED = 4n;
const WIDTH = 5n;
const MISALIGNED = 6n;
const MODE = 7n;

function queue(options: ConstructorParameters<typeof Machine>[0] = {}, iqa = QUEUE | WIDE): Machine {
  const machine = new Machine(options);
  machine.vtd.presetRegister("IQA", iqa);
  machine.vtd.presetRegister("GSTS", 0xc400_0000n);
  return machine;
}

/** IQERCD.IQEI after one descriptor. */
function error(machine: Machine, low: bigint, high = 0n, upper = 0n): bigint {
  machine.words(QUEUE, low, high, upper, 0n);
  machine.vtd.setRegister("IQT", 0x20n);
  const stopped = (machine.vtd.register("FSTS") & IQE) !== 0n;
  expect(machine.vtd.register("IQH")).toBe(stopped ? 0n : 0x20n);
  return machine.vtd.register("IQERCD");
}

const wait = (data: bigint, flags: bigint): [bigint, bigint] => [(data << 32n) | flags | 5n, STATUS];

describe("invalidation descriptors (6.5.2)", () => {
  it.each<[string, EcapBit[], bigint, bigint, bigint]>([
    ["device-TLB", [], 0x3n | (0x1fn << 16n) | (0x108n << 32n), 0x1000n | 1n, OK],
    ["device-TLB without DT", ["DT"], 0x3n, 0n, TYPE],
    ["device-TLB with bit 65", [], 0x3n, 2n, RESERVED],
    ["PASID device-TLB", [], 0x8n | (7n << 32n), 0x1000n | (1n << 11n) | 1n, OK],
    ["PASID device-TLB without DT", ["DT"], 0x8n, 0n, TYPE],
    ["page group response", [], 0x9n | (1n << 4n) | (0xfn << 12n), 0x1ffn << 3n, OK],
    ["page group response without PRS", ["PRS"], 0x9n, 0n, TYPE],
    ["interrupt entry cache without IR", [], 0x4n, 0n, TYPE],
    ["page drain without PDS", [], 0x85n, STATUS, RESERVED],
    ["HPT cache", [], 0xan, 0n, TYPE],
    ["type 0x10 | 1", [], 0x211n, 0n, TYPE],
    ["context-cache with bit 50", [], 0x11n | (1n << 50n), 0n, RESERVED],
    ["PASID-cache of granularity 2", [], 0x27n, 0n, RESERVED],
    ["PASID IOTLB of granularity 1", [], 0x16n, 0n, RESERVED],
    ["PASID IOTLB, any address mask", [], 0x36n, 0x3fn, OK],
    ["IOTLB page, no address mask", [], 0x32n, 0n, OK],
    ["IOTLB page beyond MAMV = 0", [], 0x32n, 1n, RESERVED],
    ["IOTLB domain, address mask ignored", [], 0x22n, 1n, OK],
  ])("%s", (_, missing, low, high, expected) => {
    expect(error(queue({ ecap: ecapWithout(...missing) }), low, high)).toBe(expected);
  });

  it("have a reserved upper half when they are 256 bits wide", () => {
    expect(error(queue(), 0x11n, 0n, 1n)).toBe(RESERVED);
  });

  it("need CAP.PSI for page-selective IOTLB invalidation", () => {
    expect(error(queue({ cap: CAP & ~(1n << 39n) }), 0x32n)).toBe(RESERVED);
  });

  it("are only the first five types in legacy mode", () => {
    expect([0x26n, 0x7n].map((low) => error(queue({ ttm: 0n }), low))).toEqual([TYPE, TYPE]);
    expect(error(queue({ ttm: 0n }), 0x11n)).toBe(OK);
  });
});

describe("the invalidation queue (11.4.8)", () => {
  it.each<[string, bigint, bigint, bigint]>([
    ["a tail beyond the queue", QUEUE | WIDE, 0x1000n, TAIL],
    ["a tail with low bits", QUEUE | WIDE, 0x28n, TAIL],
    ["a tail inside a descriptor", QUEUE | WIDE, 0x30n, MISALIGNED],
    ["128-bit descriptors in scalable mode", QUEUE, 0x20n, WIDTH],
    ["a queue outside RAM", (1n << 40n) | WIDE, 0x20n, FETCH],
  ])("stops at %s", (_, iqa, tail, expected) => {
    const machine = queue({}, iqa);
    machine.words(QUEUE, 0x11n);
    machine.vtd.setRegister("IQT", tail);
    expect([machine.vtd.register("FSTS") & IQE, machine.vtd.register("IQERCD")]).toEqual([IQE, expected]);
  });

  it("stops in a reserved table mode", () => {
    expect(error(queue({ ttm: 2n }), 0x11n)).toBe(MODE);
  });

  it("wraps, writes status data and goes on after an error is cleared", () => {
    const machine = queue();
    const last = 0xfe0n;
    machine.vtd.presetRegister("IQH", last);
    machine.words(QUEUE + last, ...wait(0xcafen, 0x20n), 0n, 0n);
    machine.words(QUEUE, 0x1n, 0n, 0n, 0n);
    machine.words(QUEUE + 0x20n, ...wait(1n, 0x10n), 0n, 0n);
    machine.vtd.setRegister("IQT", 0x40n);
    expect(machine.vtd.register("IQH")).toBe(0n);
    expect(machine.word(STATUS)).toBe(0xcafen);
    // A repaired descriptor and a new tail do nothing while the error stands.
    machine.words(QUEUE, 0x11n, 0n, 0n, 0n);
    machine.vtd.setRegister("IQT", 0x40n);
    expect(machine.vtd.register("IQH")).toBe(0n);
    machine.vtd.setRegister("FSTS", IQE);
    expect([machine.vtd.register("IQH"), machine.vtd.register("ICS")]).toEqual([0x40n, 1n]);
    machine.vtd.setRegister("ICS", 1n);
    expect(machine.vtd.register("ICS")).toBe(0n);
  });

  it("does nothing while disabled, and starts again at 0", () => {
    const machine = queue();
    expect(error(machine, 0x11n)).toBe(OK);
    machine.vtd.setRegister("GCMD", 1n << 31n);
    expect(machine.vtd.register("IQH")).toBe(0n);
    machine.vtd.setRegister("IQT", 0x40n);
    expect(machine.vtd.register("IQH")).toBe(0n);
  });
});
