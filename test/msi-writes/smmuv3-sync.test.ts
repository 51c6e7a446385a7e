// Completion signals of CMD_SYNC (IHI 0070 G.b, 3.18, 3.18.1, 4.7.3).

import { describe, expect, it } from "vitest";
import { Random } from "../property/random.js";
import { BELL, GERROR_ON, MSI_CMDQ, NOWHERE, REG, Rig, sync } from "./smmuv3-rig.js";

const [NONE, IRQ, SEV] = [0, 1, 2];

describe("CMD_SYNC with CS = SIG_IRQ", () => {
  it("writes MSIData to MSIAddress and raises the edge too, whatever IRQ_CTRL says", () => {
    const rig = new Rig();
    rig.submit(sync(IRQ, BELL, 0x1234_5678));
    expect([rig.word(BELL), rig.log]).toEqual([0x1234_5678, ["msi cmd-sync 50000 12345678", "irq cmd-sync"]]);
  });

  it("with MSIAddress = 0 sends no MSI", () => {
    const rig = new Rig();
    rig.submit(sync(IRQ, 0n, 7));
    expect([rig.word(0n), rig.log]).toEqual([0, ["irq cmd-sync"]]);
  });

  it("ignores MSIAddress without IDR0.MSI", () => {
    const rig = new Rig({ msi: false });
    rig.submit(sync(IRQ, BELL, 7));
    expect([rig.word(BELL), rig.log]).toEqual([0, ["irq cmd-sync"]]);
  });

  it("checks for zero before it cuts the address to OAS (4.7.3, 3.4.3)", () => {
    const rig = new Rig({ outputBits: 44 });
    rig.submit(sync(IRQ, 1n << 44n, 7), sync(IRQ, (1n << 55n) | BELL, 8));
    expect([rig.word(0n), rig.word(BELL)]).toEqual([7, 8]);
    expect(rig.messages.map(({ address }) => address)).toEqual([0n, BELL]);
  });

  it("ignores address bits 1:0 and 63:56 of the command", () => {
    const rig = new Rig();
    rig.submit(sync(IRQ, BELL | 3n | (0xffn << 56n), 7));
    expect(rig.messages[0]!.address).toBe(BELL);
  });

  it("is consumed by the time of the MSI, and commands before it are carried out", () => {
    const rig = new Rig();
    const seen: number[] = [];
    rig.onEach = () => seen.push(rig.smmu.read32(REG.CMDQ_CONS));
    rig.submit(sync(NONE), sync(IRQ, BELL, 7), sync(NONE));
    expect(seen).toEqual([2, 2]);
  });

  it("has the memory type of MSIAttr and the Shareability of MSH", () => {
    const rig = new Rig();
    // MSIAttr = 1111 (27:24), MSH = 11 (23:22).
    rig.submit(sync(IRQ, BELL, 7, 0x3f), sync(IRQ, BELL, 7, 0x3), sync(IRQ, BELL, 7, 0x3d));
    expect(rig.messages.map((msi) => [msi.memoryAttributes, msi.shareability])).toEqual([
      [15, "inner"],
      [0, "outer"],
      [15, "non"],
    ]);
  });

  it("aborted raises MSI_CMDQ_ABT_ERR; the queue goes on", () => {
    const rig = new Rig().configure(REG.GERROR_IRQ, BELL, 9).enable(GERROR_ON);
    rig.submit(sync(IRQ, NOWHERE, 7), sync(IRQ, BELL | 8n, 8));
    expect([rig.errors(), rig.word(BELL), rig.word(BELL | 8n)]).toEqual([MSI_CMDQ, 9, 8]);
    expect(rig.smmu.read32(REG.CMDQ_CONS)).toBe(2);
  });

  it("issued without a queue signals as well", () => {
    const rig = new Rig();
    expect(rig.smmu.issue(sync(IRQ, BELL, 7))).toBe(0);
    expect([rig.word(BELL), rig.log]).toEqual([7, ["msi cmd-sync 50000 7", "irq cmd-sync"]]);
  });

  it("submitted by an interrupt handler has written memory when the handler's register write returns", () => {
    const rig = new Rig();
    const seen: number[] = [];
    rig.onEach = (what) => {
      if (what !== "irq cmd-sync" || seen.length > 0) return;
      rig.submit(sync(IRQ, BELL | 16n, 42));
      seen.push(rig.word(BELL | 16n));
    };
    rig.submit(sync(IRQ, BELL, 7));
    expect(seen).toEqual([42]);
    expect(rig.log).toEqual([
      "msi cmd-sync 50000 7",
      "irq cmd-sync",
      "msi cmd-sync 50010 2a",
      "irq cmd-sync",
    ]);
  });
});

describe("CMD_SYNC with CS = SIG_SEV", () => {
  it("sends the wake-up event with IDR0.SEV, and never an MSI", () => {
    const rig = new Rig({ wakeEvents: true });
    rig.submit(sync(SEV, BELL, 7));
    expect([rig.log, rig.word(BELL)]).toEqual([["wake-up"], 0]);
  });

  it("is SIG_NONE without IDR0.SEV", () => {
    const rig = new Rig();
    rig.submit(sync(SEV, BELL, 7));
    expect([rig.log, rig.word(BELL), rig.smmu.read32(REG.CMDQ_CONS)]).toEqual([[], 0, 1]);
  });

  it("and CS = 3 is CERROR_ILL, without a signal", () => {
    const rig = new Rig({ wakeEvents: true });
    rig.submit(sync(3, BELL, 7));
    // CMDQ_CONS.ERR 30:24 = 1
    expect([rig.log, rig.smmu.read32(REG.CMDQ_CONS)]).toEqual([[], 0x0100_0000]);
  });
});

describe("garbage", () => {
  const seed = Number(process.env.NI_SEED ?? 20_261_122);

  it(`in CMD_SYNC and the MSI registers never throws, and writes RAM or raises an abort (seed ${seed})`, () => {
    const random = new Random(seed);
    const rig = new Rig({ wakeEvents: true });
    const sources = [REG.GERROR_IRQ, REG.EVENTQ_IRQ, REG.PRIQ_IRQ];
    for (let n = 0; n < 2000; n++) {
      rig.enable(0);
      for (const source of sources)
        rig.configure(source, random.bits(64), Number(random.bits(32)), Number(random.bits(32)));
      rig.enable(random.below(8));
      const address = random.chance(0.5) ? random.bits(64) : BELL | random.bits(12);
      rig.messages.length = 0;
      const before = rig.errors() & MSI_CMDQ;
      const code = rig.smmu.issue(sync(random.below(4), address, Number(random.bits(32)), random.below(64)));
      if (code === 0) {
        for (const msi of rig.messages.filter(({ irq }) => irq === "cmd-sync")) {
          if (msi.address < 0x10_0000n) expect(rig.word(msi.address)).toBe(msi.data);
          else expect(rig.errors() & MSI_CMDQ).toBe(MSI_CMDQ);
        }
      } else {
        expect([code, rig.errors() & MSI_CMDQ]).toEqual([1, before]);
      }
      rig.fault();
      rig.ask();
      for (const queue of [REG.EVENTQ_PROD, REG.PRIQ_PROD])
        rig.smmu.write32(queue + 4, rig.smmu.read32(queue));
      rig.smmu.write32(REG.GERRORN, rig.smmu.read32(REG.GERROR));
    }
  });
});
