// *_IRQ_CFG0 to 2 and the MSI bits of GERRORN (IHI 0070 G.b, 6.3.1 MSI, 6.3.16, 6.3.20 to 6.3.23, 6.3.30 to 6.3.36).

import { describe, expect, it } from "vitest";
import { buildFeatures, decodeFeatures, SMMUV3_PRESETS, SmmuV3 } from "../../src/index.js";
import { EVENTQ_ON, GERROR_ON, PRIQ_ON, REG, Rig } from "./smmuv3-rig.js";

const SOURCES = [
  ["GERROR", REG.GERROR_IRQ, GERROR_ON, 0x3f],
  ["EVENTQ", REG.EVENTQ_IRQ, EVENTQ_ON, 0x3f],
  // LO is bit 31.
  ["PRIQ", REG.PRIQ_IRQ, PRIQ_ON, 0x8000_003f],
] as const;
const ALL = 0xffff_ffff_ffff_ffffn;

describe("*_IRQ_CFG0 to 2", () => {
  it.each(SOURCES)(
    "of %s: ADDR 55:2 as wide as OAS, DATA, and SH with MemAttr; the rest is RES0",
    (_, at, __, mask) => {
      for (const [outputBits, address] of [
        [52, 0xf_ffff_ffff_fffcn],
        [44, 0xfff_ffff_fffcn],
        [32, 0xffff_fffcn],
      ] as const) {
        const { smmu } = new Rig({ outputBits });
        smmu.write64(at, ALL);
        smmu.write64(at + 8, ALL);
        expect(smmu.read64(at)).toBe(address);
        expect([smmu.read32(at + 8), smmu.read32(at + 12)]).toEqual([0xffff_ffff, mask]);
      }
    },
  );

  it.each(SOURCES)("of %s: guarded by its own enable in IRQ_CTRL", (_, at, bit) => {
    const rig = new Rig().configure(at, 0x1000n, 7, 5).enable(bit).configure(at, 0x2000n, 8, 6);
    const read = (): unknown => [rig.smmu.read64(at), rig.smmu.read32(at + 8), rig.smmu.read32(at + 12)];
    expect(read()).toEqual([0x1000n, 7, 5]);
    rig.enable(7 & ~bit).configure(at, 0x3000n, 9, 0x20);
    expect(read()).toEqual([0x3000n, 9, 0x20]);
  });

  it("are RES0 without IDR0.MSI, but PRIQ_IRQ_CFG2.LO", () => {
    const { smmu } = new Rig({ msi: false });
    for (const [, at] of SOURCES) {
      smmu.write64(at, ALL);
      smmu.write64(at + 8, ALL);
    }
    const read = SOURCES.map(([, at]) => [smmu.read64(at), smmu.read64(at + 8)]);
    expect(read).toEqual([
      [0n, 0n],
      [0n, 0n],
      [0n, 0x8000_0000_0000_0000n],
    ]);
  });

  it("of the PRI queue are RES0 without IDR0.PRI", () => {
    const { smmu } = new Rig({ pri: false });
    smmu.write64(REG.PRIQ_IRQ, ALL);
    smmu.write64(REG.PRIQ_IRQ + 8, ALL);
    expect([smmu.read64(REG.PRIQ_IRQ), smmu.read64(REG.PRIQ_IRQ + 8)]).toEqual([0n, 0n]);
  });
});

describe("GERRORN", () => {
  it.each([
    [{}, 0x1fd],
    [{ pri: false }, 0x1b5],
    [{ msi: false }, 0x10d],
    [{ msi: false, pri: false }, 0x105],
  ])("with %o takes the bits 0x%i of errors that exist", (changes, bits) => {
    const { smmu } = new Rig(changes);
    smmu.write32(REG.GERRORN, 0xffff_ffff);
    expect(smmu.read32(REG.GERRORN)).toBe(bits);
  });
});

describe("IDR0", () => {
  it("has MSI in bit 13 and SEV in bit 14; no preset has them, so that no driver counts on a doorbell", () => {
    const { full } = SMMUV3_PRESETS;
    expect(buildFeatures({ msi: true }).idr0).toBe(full.idr0 | 0x2000);
    expect(buildFeatures({ wakeEvents: true }).idr0).toBe(full.idr0 | 0x4000);
    for (const preset of Object.values(SMMUV3_PRESETS)) {
      expect(decodeFeatures(preset)).toMatchObject({ msi: false, wakeEvents: false });
    }
    expect(new SmmuV3({ features: { ...full, idr0: full.idr0 | 0x6000 } }).read32(REG.IDR0) & 0x6000).toBe(
      0x6000,
    );
  });
});
