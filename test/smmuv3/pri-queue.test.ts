// The PRI queue: where entries go, what is answered at once while it is off or in error, aborted writes, counters. Rows
// of IHI 0070 8.2; entries as bytes by hand.

import { describe, expect, it } from "vitest";
import { Machine } from "./machine.js";
import {
  ABT_ERR,
  ask,
  askLast,
  BASE,
  CR0,
  entry,
  GERROR,
  GERRORN,
  IRQ_CTRL,
  NOWHERE,
  ON,
  OVERFLOW,
  overflown,
  PRIQ_BASE,
  PRIQ_CONS,
  PRIQ_PROD,
  start,
  stop,
} from "./pri-world.js";

describe("writing (IHI 0070 chapter 8, 3.5.1)", () => {
  it("writes at PROD and moves it, wrap bit included", () => {
    const machine = start(1, { pointer: 1 });
    expect(machine.pages.take(ask(3))).toBe("queued");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(2);
    expect(machine.pages.take(askLast(3, { write: true }))).toBe("queued");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(3);
    expect(entry(machine, 1)).toBe("08000000000000100350000000000000");
    expect(entry(machine, 0)).toBe("08000000000000700350000000000000");
    expect(machine.responses).toEqual([]);
  });

  it("writes Stop markers as they are, and never answers them", () => {
    const machine = start();
    expect(machine.pages.take(stop(5))).toBe("queued");
    expect(entry(machine, 0)).toBe("08000000050000c00000000000000000");
    expect(machine.responses).toEqual([]);
  });

  it("a queue of one entry, and one of 2^PRIQS when LOG2SIZE says more (6.3.33)", () => {
    const one = start(0);
    expect([ask(1), ask(2)].map((request) => one.pages.take(request))).toEqual(["queued", "dropped"]);
    const capped = start(31);
    const outcomes = Array.from({ length: 17 }, () => capped.pages.take(ask(1)));
    expect(outcomes.filter((outcome) => outcome === "queued")).toHaveLength(16);
    expect(capped.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 16);
  });

  it("aligns the base to the queue's size (6.3.33)", () => {
    const machine = start(4, { base: BASE + 0xe0n });
    machine.pages.take(ask(1));
    expect(entry(machine, 0)).toBe("08000000000000100150000000000000");
  });

  it("inconsistent pointers count as full (3.5.1)", () => {
    const machine = start(1, { pointer: 1 });
    machine.registers.write32(PRIQ_CONS, 2);
    expect(machine.pages.take(askLast(1))).toBe("answered");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 1);
  });
});

describe("automatic responses while the interface is off or in error (IHI 0070 8.2)", () => {
  const STATES: readonly (readonly [string, () => Machine])[] = [
    ["PRIQEN = 0", () => with32(start(), CR0, 1)],
    ["SMMUEN = 0 with PRIQEN = 1", () => with32(start(), CR0, 2)],
    ["both 0", () => with32(start(), CR0, 0)],
    ["PRIQ_ABT_ERR active", () => with32(start(), GERRORN, ABT_ERR)],
    ["an overflow and SMMUEN = 0: the latter decides", () => with32(overflown(), CR0, 2)],
    ["IDR0.PRI = 0", () => new Machine()],
  ];
  function with32(machine: Machine, offset: number, value: number): Machine {
    machine.registers.write32(offset, value);
    return machine;
  }

  for (const [state, make] of STATES) {
    it(`${state}: Failure without PASID for every request, nothing for a Stop marker`, () => {
      const machine = make();
      machine.ppar = () => true;
      const prod = machine.registers.read32(PRIQ_PROD);
      const requests = [ask(1), askLast(2), ask(3, { pasid: 5 }), askLast(4, { pasid: 5 }), stop(5)];
      expect(requests.map((request) => machine.pages.take(request))).toEqual([
        "answered",
        "answered",
        "answered",
        "answered",
        "dropped",
      ]);
      expect(machine.responses).toEqual([1, 2, 3, 4].map((group) => ({ stream: 8, group, code: "failure" })));
      expect(machine.registers.read32(PRIQ_PROD)).toBe(prod);
    });
  }

  it("a request with Last, W, R = 1, 0, 0 but no PASID is answered like any other (chapter 8)", () => {
    const machine = start();
    machine.registers.write32(CR0, 1);
    expect(machine.pages.take(askLast(9, { read: false }))).toBe("answered");
    expect(machine.responses).toEqual([{ stream: 8, group: 9, code: "failure" }]);
  });

  it("goes on where it was once it is on again", () => {
    const machine = start();
    machine.pages.take(ask(1));
    machine.registers.write32(CR0, 0);
    machine.pages.take(ask(2));
    machine.registers.write32(CR0, ON);
    expect(machine.pages.take(ask(3))).toBe("queued");
    expect(entry(machine, 1)).toBe("08000000000000100350000000000000");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(2);
  });
});

describe("aborted writes (IHI 0070 8.2, synchronous)", () => {
  it("raise PRIQ_ABT_ERR, leave PROD where it is and fail the request, last or not", () => {
    for (const [message, expected] of [
      [ask(1, { pasid: 5 }), [{ stream: 8, group: 1, code: "failure" }]],
      [askLast(2), [{ stream: 8, group: 2, code: "failure" }]],
      [stop(5), []],
    ] as const) {
      const machine = start(1, { base: NOWHERE });
      expect(machine.pages.take(message)).toBe(expected.length === 0 ? "dropped" : "answered");
      expect(machine.responses).toEqual(expected);
      expect(machine.registers.read32(GERROR)).toBe(ABT_ERR);
      expect(machine.registers.read32(PRIQ_PROD)).toBe(0);
    }
  });

  it("nothing is written until the error is acknowledged", () => {
    const machine = start(1, { base: NOWHERE });
    machine.pages.take(ask(1));
    machine.registers.write32(CR0, 1);
    machine.registers.write64(PRIQ_BASE, BASE | 1n);
    machine.registers.write32(CR0, ON);
    expect(machine.pages.take(ask(2))).toBe("answered");
    machine.registers.write32(GERRORN, ABT_ERR);
    expect(machine.pages.take(ask(3))).toBe("queued");
    expect(entry(machine, 0)).toBe("08000000000000100350000000000000");
  });

  it("the request is answered even if the handler of the gerror interrupt throws", () => {
    const machine = start(1, { base: NOWHERE });
    machine.registers.write32(IRQ_CTRL, 1);
    machine.onIrq = () => {
      throw new Error("handler");
    };
    expect(() => machine.pages.take(askLast(1))).toThrow("handler");
    expect(machine.responses).toEqual([{ stream: 8, group: 1, code: "failure" }]);
  });
});

describe("counters", () => {
  it("count messages, entries, losses and answers", () => {
    const machine = overflown();
    machine.pages.take(askLast(4));
    machine.pages.take(stop(5));
    machine.registers.write32(CR0, 1);
    machine.pages.take(ask(6));
    machine.pages.respond({ stream: 8, group: 1, code: "success" });
    expect(machine.pages.counts).toEqual({
      pageRequests: 6,
      pageRequestsQueued: 2,
      pageRequestsOverflowed: 3,
      pageResponses: 3,
      automaticPageResponses: 2,
    });
    machine.pages.resetCounts();
    expect(Object.values(machine.pages.counts)).toEqual([0, 0, 0, 0, 0]);
  });
});
