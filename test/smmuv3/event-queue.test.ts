// The Event queue: where records go, overflow, aborts, interrupts.

import { describe, expect, it } from "vitest";
import { bytes, hex, Machine } from "./machine.js";

const BASE = 0x4000_2000n;
const [CR0, IRQ_CTRL, GERROR, GERRORN] = [0x20, 0x50, 0x60, 0x64];
const [EVENTQ_BASE, EVENTQ_PROD, EVENTQ_CONS] = [0xa0, 0x100a8, 0x100ac];
const OVERFLOW = 0x8000_0000;

function start(sizeLg2 = 1, pointer = 0): Machine {
  const machine = new Machine();
  machine.registers.write64(EVENTQ_BASE, BASE | BigInt(sizeLg2));
  machine.registers.write32(EVENTQ_PROD, pointer);
  machine.registers.write32(EVENTQ_CONS, pointer);
  machine.registers.write32(CR0, 4);
  return machine;
}

/** A C_BAD_STE record of that StreamID, written down by hand. */
function event(stream: number): Uint8Array {
  return bytes(`04000000${stream.toString(16).padStart(2, "0")}000000${"00".repeat(24)}`);
}

function entry(machine: Machine, index: number): string {
  return hex(machine.memory.read(BASE + BigInt(32 * index), 32));
}

describe("recording (IHI 0070 7.2.1)", () => {
  it("writes at PROD and moves it, wrap bit included", () => {
    const machine = start(1, 1);
    expect(machine.events.record(event(1))).toBe(true);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(2);
    expect(machine.events.record(event(2))).toBe(true);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(3);
    expect([entry(machine, 1), entry(machine, 0)]).toEqual([hex(event(1)), hex(event(2))]);
  });

  it("discards while EVENTQEN = 0, without overflow (7.4)", () => {
    const machine = start();
    machine.registers.write32(CR0, 0);
    expect(machine.events.record(event(1))).toBe(false);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(0);
  });

  it("a queue of one entry", () => {
    const machine = start(0);
    expect(machine.events.record(event(1))).toBe(true);
    expect(machine.events.record(event(2))).toBe(false);
    machine.registers.write32(EVENTQ_CONS, 1);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(OVERFLOW + 1);
    expect(machine.events.record(event(3))).toBe(true);
    expect(entry(machine, 0)).toBe(hex(event(3)));
  });
});

describe("overflow (IHI 0070 7.4)", () => {
  function full(): Machine {
    const machine = start();
    machine.events.record(event(1));
    machine.events.record(event(2));
    return machine;
  }

  it("toggles OVFLG once until acknowledged and keeps the queue as it is", () => {
    const machine = full();
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(2);
    expect(machine.events.record(event(3))).toBe(false);
    expect(machine.events.record(event(4))).toBe(false);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(OVERFLOW + 2);
    expect([entry(machine, 0), entry(machine, 1)]).toEqual([hex(event(1)), hex(event(2))]);
    expect(machine.registers.read32(GERROR)).toBe(0);
  });

  it("records again when there is space, acknowledged or not", () => {
    const machine = full();
    machine.events.record(event(3));
    machine.registers.write32(EVENTQ_CONS, 1);
    expect(machine.events.record(event(5))).toBe(true);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(OVERFLOW + 3);
    expect(machine.events.record(event(6))).toBe(false);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(OVERFLOW + 3);
  });

  it("toggles back at the first loss after the acknowledgement", () => {
    const machine = full();
    machine.events.record(event(3));
    machine.registers.write32(EVENTQ_CONS, OVERFLOW);
    machine.events.record(event(4));
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(2);
    machine.events.record(event(5));
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(2);
  });

  it("inconsistent pointers count as full (3.5.1)", () => {
    const machine = start(1, 1);
    machine.registers.write32(EVENTQ_CONS, 2);
    expect(machine.events.record(event(1))).toBe(false);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(OVERFLOW + 1);
  });
});

describe("aborted writes (IHI 0070 7.2.2)", () => {
  function aborting(): Machine {
    const machine = new Machine();
    machine.registers.write64(EVENTQ_BASE, 0x9000_0001n);
    machine.registers.write32(CR0, 4);
    return machine;
  }

  it("raise EVENTQ_ABT_ERR and leave PROD where it is", () => {
    const machine = aborting();
    expect(machine.events.record(event(1))).toBe(false);
    expect(machine.registers.read32(GERROR)).toBe(4);
    expect(machine.registers.read32(EVENTQ_PROD)).toBe(0);
  });

  it("nothing is recorded until the error is acknowledged (7.2.1)", () => {
    const machine = aborting();
    machine.events.record(event(1));
    machine.registers.write32(CR0, 0);
    machine.registers.write64(EVENTQ_BASE, BASE | 1n);
    machine.registers.write32(CR0, 4);
    expect(machine.events.record(event(2))).toBe(false);
    machine.registers.write32(GERRORN, 4);
    expect(machine.events.record(event(3))).toBe(true);
    expect(entry(machine, 0)).toBe(hex(event(3)));
  });
});

describe("interrupts (IHI 0070 3.18.2)", () => {
  it("one edge when the queue becomes non-empty, if enabled", () => {
    const machine = start();
    machine.events.record(event(1));
    expect(machine.irqs).toEqual([]);
    machine.registers.write32(EVENTQ_CONS, 1);
    machine.registers.write32(IRQ_CTRL, 4);
    machine.events.record(event(2));
    machine.events.record(event(3));
    expect(machine.irqs).toEqual(["eventq"]);
    machine.registers.write32(EVENTQ_CONS, 3);
    machine.events.record(event(4));
    expect(machine.irqs).toEqual(["eventq", "eventq"]);
  });

  it("an aborted write is a global error", () => {
    const machine = new Machine();
    machine.registers.write64(EVENTQ_BASE, 0x9000_0001n);
    machine.registers.write32(IRQ_CTRL, 5);
    machine.registers.write32(CR0, 4);
    machine.events.record(event(1));
    expect(machine.irqs).toEqual(["gerror"]);
  });
});
