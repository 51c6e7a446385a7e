// Overflow of the PRI queue: what is answered at once and how, and recovery. Rows of IHI 0070 8.1, 8.1.1 and 8.3;
// entries as bytes by hand.

import { describe, expect, it } from "vitest";
import {
  ask,
  askLast,
  BASE,
  entry,
  full,
  GERROR,
  OVERFLOW,
  overflown,
  PRI_FEATURES,
  PRIQ_CONS,
  PRIQ_PROD,
  start,
  stop,
  WITHOUT_SUBSTREAMS,
} from "./pri-world.js";

describe("automatic responses on overflow (IHI 0070 8.1)", () => {
  type Row = readonly [
    what: string,
    features: typeof PRI_FEATURES,
    ppar: boolean | undefined,
    pasid: number | undefined,
    expected: object,
  ];
  const ROWS: readonly Row[] = [
    ["no PASID, PPAR = 1", PRI_FEATURES, true, undefined, { code: "success" }],
    ["no PASID, no valid STE", PRI_FEATURES, undefined, undefined, { code: "success" }],
    ["PASID, PPAR = 1", PRI_FEATURES, true, 5, { pasid: 5, code: "success" }],
    ["PASID 0, PPAR = 1", PRI_FEATURES, true, 0, { pasid: 0, code: "success" }],
    ["PASID, PPAR = 0", PRI_FEATURES, false, 5, { code: "success" }],
    ["PASID, no valid STE", PRI_FEATURES, undefined, 5, { code: "failure" }],
    [
      "PASID at an SMMU without substreams, no valid STE",
      WITHOUT_SUBSTREAMS,
      undefined,
      5,
      { code: "success" },
    ],
  ];
  for (const [what, features, ppar, pasid, expected] of ROWS) {
    it(`${what}: ${JSON.stringify(expected)}`, () => {
      for (const make of [full, overflown]) {
        const machine = make(features);
        machine.ppar = (stream) => (stream === 0x77 ? ppar : !ppar);
        const message = askLast(4, { stream: 0x77, ...(pasid === undefined ? {} : { pasid }) });
        expect(machine.pages.take(message)).toBe("answered");
        expect(machine.responses).toEqual([{ stream: 0x77, group: 4, ...expected }]);
        expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 2);
      }
    });
  }

  it("asks for PPAR only when it decides", () => {
    const machine = overflown();
    machine.ppar = () => expect.unreachable("PPAR is not needed");
    machine.pages.take(askLast(4));
    machine.pages.take(ask(4, { pasid: 5 }));
    machine.pages.take(stop(5));
    expect(machine.responses).toEqual([{ stream: 8, group: 4, code: "success" }]);
  });

  it("drops requests that are not the last of their group, and Stop markers, without a word", () => {
    for (const message of [ask(3), ask(3, { pasid: 5 }), stop(5)]) {
      const machine = full();
      expect(machine.pages.take(message)).toBe("dropped");
      expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 2);
      expect(machine.pages.take(message)).toBe("dropped");
      expect(machine.responses).toEqual([]);
    }
  });
});

describe("overflow and recovery (IHI 0070 8.1, 8.1.1)", () => {
  it("toggles OVFLG once and keeps the queue as it is", () => {
    const machine = overflown();
    const before = [entry(machine, 0), entry(machine, 1)];
    for (let group = 10; group < 20; ++group) machine.pages.take(askLast(group));
    expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 2);
    expect([entry(machine, 0), entry(machine, 1)]).toEqual(before);
    expect(machine.responses.map(({ group }) => group)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(machine.registers.read32(GERROR)).toBe(0);
  });

  it("writes nothing until the acknowledgement, even with space (unlike the Event queue)", () => {
    const machine = overflown();
    machine.registers.write32(PRIQ_CONS, 2);
    expect(machine.pages.take(ask(5))).toBe("dropped");
    expect(machine.pages.take(askLast(5))).toBe("answered");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 2);
    machine.registers.write32(PRIQ_CONS, OVERFLOW + 2);
    expect(machine.pages.take(ask(6))).toBe("queued");
    expect(entry(machine, 0)).toBe("08000000000000100650000000000000");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(OVERFLOW + 3);
  });

  it("an acknowledgement that leaves the queue full ends in the next overflow at once: OVFLG toggles back", () => {
    const machine = overflown();
    machine.registers.write32(PRIQ_CONS, OVERFLOW);
    expect(machine.pages.take(askLast(5))).toBe("answered");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(2);
    machine.pages.take(askLast(6));
    expect(machine.registers.read32(PRIQ_PROD)).toBe(2);
    machine.registers.write32(PRIQ_CONS, 2);
    expect(machine.pages.take(askLast(7))).toBe("queued");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(3);
  });

  it("flags that differ from the start are an overflow from the start (6.3.97)", () => {
    const machine = start();
    machine.registers.write32(PRIQ_CONS, OVERFLOW);
    expect(machine.pages.take(askLast(1))).toBe("answered");
    expect(machine.registers.read32(PRIQ_PROD)).toBe(0);
    machine.registers.write32(PRIQ_CONS, 0);
    expect(machine.pages.take(askLast(2))).toBe("queued");
  });

  it("answers each last request of ten queue lengths once, or has it in the queue", () => {
    const machine = start(3);
    const seen: number[] = [];
    let cons = 0;
    for (let group = 0; group < 80; ++group) {
      expect(machine.pages.take(ask(group))).not.toBe("answered");
      machine.pages.take(askLast(group));
      if (group % 16 !== 15) continue;
      // Recovery: read everything, then move RD and acknowledge in one write.
      const prod = machine.registers.read32(PRIQ_PROD);
      for (; cons !== (prod & 15); cons = (cons + 1) & 15) {
        const bytes = machine.memory.read(BASE + BigInt(16 * (cons & 7)), 16);
        if ((bytes[7]! & 0x40) !== 0) seen.push(bytes[8]! | ((bytes[9]! & 1) << 8));
      }
      machine.registers.write32(PRIQ_CONS, ((prod & OVERFLOW) | cons) >>> 0);
    }
    const answered = machine.responses.map(({ group }) => group);
    expect(seen).toHaveLength(20);
    expect([...seen, ...answered].sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, n) => n));
  });
});
