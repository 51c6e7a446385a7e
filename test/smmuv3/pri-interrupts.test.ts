// Interrupts of the PRI queue (IHI 0070 3.18.2, 6.3.36), and handlers that call back.

import { describe, expect, it } from "vitest";
import {
  ask,
  askLast,
  CR0,
  entry,
  full,
  IRQ_CTRL,
  NOWHERE,
  OVERFLOW,
  overflown,
  PRIQ_CONS,
  PRIQ_IRQ_CFG2,
  PRIQ_PROD,
  start,
  stop,
} from "./pri-world.js";

describe("interrupts (IHI 0070 3.18.2, 6.3.36)", () => {
  it("LO = 0: one edge when the queue becomes non-empty, if enabled", () => {
    const machine = start(2);
    machine.pages.take(ask(1));
    expect(machine.irqs).toEqual([]);
    machine.registers.write32(PRIQ_CONS, 1);
    machine.registers.write32(IRQ_CTRL, 2);
    machine.pages.take(ask(2));
    machine.pages.take(askLast(2));
    expect(machine.irqs).toEqual(["priq"]);
    machine.registers.write32(PRIQ_CONS, 3);
    machine.pages.take(stop(1));
    expect(machine.irqs).toEqual(["priq", "priq"]);
  });

  it("LO = 0: requests that are lost raise none", () => {
    const machine = full();
    machine.registers.write32(IRQ_CTRL, 2);
    machine.pages.take(askLast(3));
    machine.registers.write32(CR0, 1);
    machine.pages.take(askLast(4));
    expect(machine.irqs).toEqual([]);
  });

  it("LO = 1: one edge for each message with L set, written or lost to an overflow, not for those lost otherwise", () => {
    const machine = start(1);
    machine.registers.write32(PRIQ_IRQ_CFG2, OVERFLOW);
    machine.registers.write32(IRQ_CTRL, 2);
    const edges = (message: Parameters<typeof machine.pages.take>[0]): number => {
      const before = machine.irqs.length;
      machine.pages.take(message);
      return machine.irqs.length - before;
    };
    expect(edges(ask(1))).toBe(0);
    expect(edges(askLast(1))).toBe(1);
    expect(edges(ask(2))).toBe(0);
    expect(edges(askLast(2))).toBe(1);
    expect(edges(stop(5))).toBe(1);
    machine.registers.write32(CR0, 1);
    expect(edges(askLast(3))).toBe(0);
  });

  it("an aborted write is a global error and no PRI queue interrupt", () => {
    const machine = start(1, { base: NOWHERE });
    machine.registers.write32(IRQ_CTRL, 7);
    machine.pages.take(askLast(1));
    expect(machine.irqs).toEqual(["gerror"]);
  });

  it("who sees the interrupt sees the entry and PROD (3.18)", () => {
    const machine = start();
    machine.registers.write32(IRQ_CTRL, 2);
    let seen: unknown;
    machine.onIrq = () => {
      seen = [machine.registers.read32(PRIQ_PROD), entry(machine, 0)];
    };
    machine.pages.take(ask(3));
    expect(seen).toEqual([1, "08000000000000100350000000000000"]);
  });
});

describe("handlers that call back", () => {
  it("an interrupt handler consumes, answers and sends the next request", () => {
    const machine = start();
    machine.registers.write32(IRQ_CTRL, 2);
    let group = 1;
    machine.onIrq = () => {
      machine.registers.write32(PRIQ_CONS, machine.registers.read32(PRIQ_PROD));
      machine.pages.respond({ stream: 8, group, code: "success" });
      if (group < 5) machine.pages.take(askLast(++group));
    };
    expect(machine.pages.take(askLast(1))).toBe("queued");
    expect(machine.responses.map((response) => response.group)).toEqual([1, 2, 3, 4, 5]);
    expect(machine.registers.read32(PRIQ_CONS)).toBe(machine.registers.read32(PRIQ_PROD));
  });

  it("an endpoint that tries again at once, as the manual expects after Success, gets an answer each time", () => {
    const machine = overflown();
    machine.onPageResponse = ({ group }) => {
      if (group < 9) machine.pages.take(askLast(group + 1));
      if (group === 9) {
        machine.registers.write32(PRIQ_CONS, OVERFLOW + 2);
        expect(machine.pages.take(askLast(20))).toBe("queued");
      }
    };
    expect(machine.pages.take(askLast(4))).toBe("answered");
    expect(machine.responses.map(({ group }) => group)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 3);
  });

  it("a handler that throws leaves a consistent queue", () => {
    const machine = start();
    machine.registers.write32(IRQ_CTRL, 2);
    machine.onIrq = () => {
      throw new Error("handler");
    };
    expect(() => machine.pages.take(ask(1))).toThrow("handler");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(1);
    expect(machine.pages.take(askLast(1))).toBe("queued");
    machine.onPageResponse = machine.onIrq as () => void;
    expect(() => machine.pages.take(askLast(2))).toThrow("handler");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 2);
    expect(machine.pages.counts).toMatchObject({ pageRequests: 3, pageResponses: 1 });
  });
});
