// The Command queue: consumption, wrap, errors, resuming, CMD_SYNC interrupts.

import { describe, expect, it } from "vitest";
import { bytes, Machine } from "./machine.js";

const BASE = 0x4000_1000n;
const CFGI_STE_8 = "0300000008000000 0000000000000000";
const NSNH_ALL = "3000000000000000 0000000000000000";
const SYNC = "4600000000000000 0000000000000000";
const SYNC_IRQ = "4610000000000000 0000000000000000";
const RESERVED = "1700000000000000 0000000000000000";

const [CR0, IRQ_CTRL, GERROR, GERRORN] = [0x20, 0x50, 0x60, 0x64];
const [CMDQ_BASE, CMDQ_PROD, CMDQ_CONS] = [0x90, 0x98, 0x9c];

function start(sizeLg2 = 2, pointer = 0): Machine {
  const machine = new Machine();
  machine.registers.write64(CMDQ_BASE, BASE | BigInt(sizeLg2));
  machine.registers.write32(CMDQ_PROD, pointer);
  machine.registers.write32(CMDQ_CONS, pointer);
  machine.registers.write32(CR0, 8);
  return machine;
}

function put(machine: Machine, index: number, command: string): void {
  machine.memory.write(BASE + BigInt(16 * index), bytes(command));
}

describe("consumption (IHI 0070 3.5.1, 4.1.2)", () => {
  it("consumes up to PROD inside the write", () => {
    const machine = start();
    put(machine, 0, CFGI_STE_8);
    put(machine, 1, NSNH_ALL);
    put(machine, 2, RESERVED);
    machine.registers.write32(CMDQ_PROD, 2);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(2);
    expect(machine.core.calls).toEqual([
      ["cfgiSte", 8, 0],
      ["tlbi", 3, -1, -1],
    ]);
  });

  it("wraps and toggles the wrap bit", () => {
    const machine = start(2, 3);
    put(machine, 3, CFGI_STE_8);
    put(machine, 0, NSNH_ALL);
    machine.registers.write32(CMDQ_PROD, 5);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(5);
    put(machine, 1, SYNC);
    put(machine, 2, SYNC);
    put(machine, 3, SYNC);
    put(machine, 0, SYNC);
    machine.registers.write32(CMDQ_PROD, 1);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(1);
    expect(machine.registers.read32(GERROR)).toBe(0);
  });

  it("a queue of one entry has only the wrap bit (6.3.27)", () => {
    const machine = start(0);
    put(machine, 0, NSNH_ALL);
    for (const prod of [1, 0, 1]) {
      machine.registers.write32(CMDQ_PROD, prod);
      expect(machine.registers.read32(CMDQ_CONS)).toBe(prod);
    }
    expect(machine.core.calls).toHaveLength(3);
  });

  it("ignores stray bits of PROD above the wrap bit (6.3.27)", () => {
    const machine = start();
    put(machine, 0, NSNH_ALL);
    machine.registers.write32(CMDQ_PROD, 0xf0001);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(1);
    expect(machine.core.calls).toHaveLength(1);
  });

  it("aligns the base to the size of the queue (6.3.26)", () => {
    const machine = new Machine();
    machine.registers.write64(CMDQ_BASE, 0x4000_1fe3n);
    put(machine, 0xf8, NSNH_ALL);
    machine.registers.write32(CR0, 8);
    machine.registers.write32(CMDQ_PROD, 1);
    expect(machine.core.calls).toEqual([["tlbi", 3, -1, -1]]);
  });

  it("does not consume while the pointers are inconsistent (3.5.1)", () => {
    const machine = start(2, 3);
    machine.registers.write32(CMDQ_PROD, 2);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(3);
    expect(machine.core.calls).toEqual([]);
  });

  it("waits while CMDQEN = 0 and starts with it (6.3.9.3)", () => {
    const machine = start();
    machine.registers.write32(CR0, 0);
    put(machine, 0, NSNH_ALL);
    machine.registers.write32(CMDQ_PROD, 1);
    expect(machine.core.calls).toEqual([]);
    machine.registers.write32(CR0, 8);
    expect(machine.core.calls).toHaveLength(1);
  });
});

describe("errors (IHI 0070 7.1, 7.5)", () => {
  it("CERROR_ILL stops at the command, its successors have no effect", () => {
    const machine = start();
    put(machine, 0, CFGI_STE_8);
    put(machine, 1, RESERVED);
    put(machine, 2, NSNH_ALL);
    machine.registers.write32(CMDQ_PROD, 3);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(0x0100_0001);
    expect(machine.registers.read32(GERROR)).toBe(1);
    expect(machine.core.calls).toEqual([["cfgiSte", 8, 0]]);
    machine.registers.write32(CMDQ_PROD, 3);
    machine.registers.write32(CR0, 0);
    machine.registers.write32(CR0, 8);
    expect(machine.core.calls).toHaveLength(1);
  });

  it("fetches the command again when the error is acknowledged", () => {
    const machine = start();
    put(machine, 0, RESERVED);
    machine.registers.write32(CMDQ_PROD, 1);
    put(machine, 0, NSNH_ALL);
    machine.registers.write32(GERRORN, 1);
    expect(machine.registers.read32(CMDQ_CONS) & 0xfffff).toBe(1);
    expect(machine.core.calls).toEqual([["tlbi", 3, -1, -1]]);
    expect(machine.registers.read32(GERROR)).toBe(1);
  });

  it("the next error toggles GERROR back", () => {
    const machine = start();
    put(machine, 0, RESERVED);
    machine.registers.write32(CMDQ_PROD, 1);
    machine.registers.write32(GERRORN, 1);
    expect(machine.registers.read32(GERROR)).toBe(0);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(0x0100_0000);
  });

  it("PROD may move back to CONS while the error is active", () => {
    const machine = start();
    put(machine, 0, RESERVED);
    machine.registers.write32(CMDQ_PROD, 1);
    machine.registers.write32(CMDQ_PROD, 0);
    machine.registers.write32(GERRORN, 1);
    expect([machine.registers.read32(GERROR), machine.registers.read32(GERRORN)]).toEqual([1, 1]);
  });

  it("CERROR_ABT when the queue is outside RAM", () => {
    const machine = new Machine();
    machine.registers.write64(CMDQ_BASE, 0x9000_0003n);
    machine.registers.write32(CR0, 8);
    machine.registers.write32(CMDQ_PROD, 2);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(0x0200_0000);
    expect(machine.registers.read32(GERROR)).toBe(1);
  });
});

describe("interrupts (IHI 0070 3.18)", () => {
  it("CMD_SYNC with CS = 1 interrupts after CONS has moved", () => {
    const machine = start();
    put(machine, 0, SYNC);
    put(machine, 1, SYNC_IRQ);
    let seen = -1;
    machine.onIrq = () => {
      seen = machine.registers.read32(CMDQ_CONS);
    };
    machine.registers.write32(CMDQ_PROD, 2);
    expect(machine.irqs).toEqual(["cmd-sync"]);
    expect(seen).toBe(2);
  });

  it("a command error interrupts only with GERROR_IRQEN", () => {
    for (const enable of [0, 1]) {
      const machine = start();
      machine.registers.write32(IRQ_CTRL, enable);
      put(machine, 0, RESERVED);
      machine.registers.write32(CMDQ_PROD, 1);
      expect(machine.irqs).toEqual(enable ? ["gerror"] : []);
    }
  });

  it("a callback may submit more commands", () => {
    const machine = start();
    put(machine, 0, SYNC_IRQ);
    put(machine, 1, NSNH_ALL);
    machine.onIrq = () => machine.registers.write32(CMDQ_PROD, 2);
    machine.registers.write32(CMDQ_PROD, 1);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(2);
    expect(machine.core.calls).toHaveLength(1);
  });

  it("what a callback writes over commands that wait is what is carried out", () => {
    const machine = start();
    put(machine, 0, SYNC_IRQ);
    put(machine, 1, CFGI_STE_8);
    machine.onIrq = () => put(machine, 1, NSNH_ALL);
    machine.registers.write32(CMDQ_PROD, 2);
    expect(machine.core.calls).toEqual([["tlbi", 3, -1, -1]]);
  });

  it("so is what the handler of a command error writes before it acknowledges", () => {
    const machine = start();
    machine.registers.write32(IRQ_CTRL, 1);
    put(machine, 0, RESERVED);
    put(machine, 1, RESERVED);
    machine.onIrq = () => {
      put(machine, 0, CFGI_STE_8);
      put(machine, 1, NSNH_ALL);
      machine.registers.write32(GERRORN, 1);
    };
    machine.registers.write32(CMDQ_PROD, 2);
    expect(machine.registers.read32(CMDQ_CONS) & 0xfffff).toBe(2);
    expect(machine.core.calls).toEqual([
      ["cfgiSte", 8, 0],
      ["tlbi", 3, -1, -1],
    ]);
  });
});

describe("a full queue (IHI 0070 3.5.1)", () => {
  it("is consumed in one write, over page borders and around its end", () => {
    const [sizeLg2, pointer] = [10, 1000];
    const machine = start(sizeLg2, pointer);
    machine.registers.write32(CR0, 0);
    machine.registers.write64(CMDQ_BASE, 0x4000_4000n | BigInt(sizeLg2));
    for (let n = 0; n < 1024; n++) {
      const stream = ((pointer + n) & 1023).toString(16).padStart(4, "0");
      const address = 0x4000_4000n + BigInt(16 * ((pointer + n) & 1023));
      machine.memory.write(
        address,
        bytes(`03000000${stream.slice(2)}${stream.slice(0, 2)}0000 0000000000000000`),
      );
    }
    machine.registers.write32(CMDQ_PROD, pointer + 1024);
    machine.registers.write32(CR0, 8);
    expect(machine.registers.read32(CMDQ_CONS)).toBe(pointer + 1024);
    expect(machine.core.calls.map(([, stream]) => stream)).toEqual(
      Array.from({ length: 1024 }, (_, n) => (pointer + n) & 1023),
    );
  });
});
