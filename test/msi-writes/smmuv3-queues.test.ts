// MSIs of Event queue, PRI queue and global errors (IHI 0070 G.b, 3.18, 6.3.16, 6.3.36, 7.5).

import { describe, expect, it } from "vitest";
import {
  BELL,
  CMDQ_ERR,
  EVENTQ_ON,
  GERROR_ON,
  MSI_EVENTQ,
  MSI_GERROR,
  MSI_PRIQ,
  NOWHERE,
  PRIQ_ON,
  REG,
  Rig,
  sync,
} from "./smmuv3-rig.js";

/** A command that is illegal: opcode 0. */
const ILLEGAL = new Uint8Array(16);

describe("an MSI", () => {
  it.each([
    ["eventq", REG.EVENTQ_IRQ, EVENTQ_ON, (rig: Rig) => rig.fault()],
    ["priq", REG.PRIQ_IRQ, PRIQ_ON, (rig: Rig) => rig.ask()],
    ["gerror", REG.GERROR_IRQ, GERROR_ON, (rig: Rig) => rig.submit(ILLEGAL)],
  ] as const)("of %s is DATA written to ADDR, 32 bits, then the edge", (irq, at, bit, cause) => {
    const rig = new Rig().configure(at, BELL | 4n, 0xdead_beef).enable(bit);
    rig.smmu.memory.write(BELL, new Uint8Array(16).fill(0x55));
    let during = 0;
    rig.onEach = () => {
      during = rig.word(BELL | 4n);
    };
    cause(rig);
    expect([0n, 4n, 8n].map((n) => rig.word(BELL | n))).toEqual([0x5555_5555, 0xdead_beef, 0x5555_5555]);
    expect(rig.log).toEqual([`msi ${irq} 50004 deadbeef`, `irq ${irq}`]);
    expect(during).toBe(0xdead_beef);
  });

  it("is not sent with ADDR = 0: the edge alone (6.3.21)", () => {
    const rig = new Rig().configure(REG.EVENTQ_IRQ, 0n, 7).enable(EVENTQ_ON);
    rig.fault();
    expect(rig.log).toEqual(["irq eventq"]);
    expect(rig.word(0n)).toBe(0);
  });

  it("is not sent while its enable is 0, nor later for what happened then (6.3.16)", () => {
    const rig = new Rig().configure(REG.EVENTQ_IRQ, BELL, 7).enable(GERROR_ON | PRIQ_ON);
    rig.fault();
    rig.enable(EVENTQ_ON);
    expect([rig.log, rig.word(BELL)]).toEqual([[], 0]);
    rig.smmu.write32(REG.EVENTQ_CONS, rig.smmu.read32(REG.EVENTQ_PROD));
    rig.fault();
    expect([rig.log, rig.word(BELL)]).toEqual([["msi eventq 50000 7", "irq eventq"], 7]);
  });

  it("comes once for a queue that was empty, after record and index (3.18)", () => {
    const rig = new Rig().configure(REG.EVENTQ_IRQ, BELL, 7).enable(EVENTQ_ON);
    const seen: unknown[] = [];
    rig.onEach = () => seen.push(rig.smmu.read32(REG.EVENTQ_PROD), rig.smmu.memory.read(0x3_0000n, 1)[0]);
    rig.fault();
    rig.fault();
    // C_BAD_STE is type 4.
    expect(seen).toEqual([1, 4, 1, 4]);
  });

  it("tells memory type and effective Shareability: Device, reserved types and Normal-iNC-oNC are Outer (3.18, 13.1.7)", () => {
    const seen = [
      [0x20 | 0xf, "outer"],
      [0x30 | 0xf, "inner"],
      [0x00 | 0xf, "non"],
      [0x10 | 0x6, "non"],
      [0x30 | 0x0, "outer"],
      [0x30 | 0x1, "outer"],
      [0x00 | 0x3, "outer"],
      [0x30 | 0x5, "outer"],
      [0x30 | 0x4, "outer"],
      [0x00 | 0x8, "outer"],
      [0x00 | 0xc, "outer"],
      [0x00 | 0xd, "non"],
    ] as const;
    for (const [attributes, shareability] of seen) {
      const rig = new Rig().configure(REG.EVENTQ_IRQ, BELL, 1, attributes).enable(EVENTQ_ON);
      rig.fault();
      expect(rig.messages).toEqual([
        { irq: "eventq", address: BELL, data: 1, memoryAttributes: attributes & 0xf, shareability },
      ]);
    }
  });

  it("with PRIQ_IRQ_CFG2.LO comes for each last request of a group (6.3.36)", () => {
    const rig = new Rig().configure(REG.PRIQ_IRQ, BELL, 7, 0x8000_0000).enable(PRIQ_ON);
    rig.ask();
    rig.ask();
    expect(rig.messages.length).toBe(2);
  });
});

describe("an MSI where no RAM is", () => {
  it.each([
    ["eventq", REG.EVENTQ_IRQ, EVENTQ_ON, MSI_EVENTQ, (rig: Rig) => rig.fault()],
    ["priq", REG.PRIQ_IRQ, PRIQ_ON, MSI_PRIQ, (rig: Rig) => rig.ask()],
  ] as const)(
    "of %s is aborted: GERROR says so, with an interrupt of its own; the edge comes still",
    (irq, at, bit, error, cause) => {
      const rig = new Rig().configure(at, NOWHERE, 7).configure(REG.GERROR_IRQ, BELL, 9);
      rig.enable(bit | GERROR_ON);
      cause(rig);
      expect(rig.errors()).toBe(error);
      expect(rig.log).toEqual([
        `msi ${irq} 123456780000 7`,
        "msi gerror 50000 9",
        "irq gerror",
        `irq ${irq}`,
      ]);
      expect(rig.word(BELL)).toBe(9);
    },
  );

  it("of a global error raises MSI_GERROR_ABT_ERR and no interrupt for that (7.5.1)", () => {
    const rig = new Rig().configure(REG.GERROR_IRQ, NOWHERE, 9).enable(GERROR_ON);
    rig.submit(ILLEGAL);
    expect(rig.errors()).toBe(CMDQ_ERR | MSI_GERROR);
    expect(rig.log).toEqual(["msi gerror 123456780000 9", "irq gerror"]);
  });

  it("goes on being sent while the error is active, which is not raised twice (6.3.19)", () => {
    const rig = new Rig().configure(REG.PRIQ_IRQ, NOWHERE, 7, 0x8000_0000).enable(PRIQ_ON | GERROR_ON);
    rig.ask();
    rig.ask();
    expect(rig.messages.map(({ irq }) => irq)).toEqual(["priq", "priq"]);
    expect(rig.errors()).toBe(MSI_PRIQ);
    rig.smmu.write32(REG.GERRORN, MSI_PRIQ);
    expect(rig.errors()).toBe(0);
    rig.ask();
    expect(rig.errors()).toBe(MSI_PRIQ);
  });

  it("is no error where the listener says that a device takes it", () => {
    const rig = new Rig().configure(REG.EVENTQ_IRQ, NOWHERE, 7).enable(EVENTQ_ON | GERROR_ON);
    rig.taken = true;
    rig.fault();
    expect([rig.errors(), rig.log]).toEqual([0, ["msi eventq 123456780000 7", "irq eventq"]]);
  });
});

it("a listener that throws keeps the edge, and the error goes on to the caller", () => {
  const rig = new Rig().configure(REG.EVENTQ_IRQ, BELL, 7).enable(EVENTQ_ON);
  rig.onEach = (what) => {
    if (what.startsWith("msi")) throw new Error("no such vector");
  };
  expect(() => rig.fault()).toThrow("no such vector");
  expect(rig.log).toEqual(["msi eventq 50000 7", "irq eventq"]);
  rig.onEach = () => {};
  rig.submit(sync(0));
  expect(rig.smmu.read32(REG.CMDQ_CONS)).toBe(1);
});
