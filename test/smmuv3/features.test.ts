// What may be advertised: presets, named form, refusals.

import { describe, expect, it } from "vitest";
import {
  buildFeatures,
  decodeFeatures,
  SMMUV3_PRESETS,
  type SmmuFeatures,
  validateFeatures,
} from "../../src/smmuv3/features.js";

describe("presets", () => {
  it("are legal as they are", () => {
    for (const preset of Object.values(SMMUV3_PRESETS)) expect(validateFeatures(preset)).toEqual(preset);
  });

  it("QEMU's sets read as QEMU describes them", () => {
    expect(decodeFeatures(SMMUV3_PRESETS.qemuNested)).toEqual({
      stage1: true,
      stage2: true,
      coherent: true,
      broadcastTlbi: false,
      accessFlagUpdate: false,
      dirtyStateUpdate: false,
      ats: false,
      atsErrors: false,
      noSplitStageAts: false,
      pri: false,
      msi: false,
      wakeEvents: false,
      asid16: true,
      vmid16: true,
      twoLevelCd: false,
      stallModel: 1,
      mostStalls: 0,
      terminateAborts: true,
      twoLevelStreamTable: true,
      streamIdBits: 16,
      substreamIdBits: 0,
      commandQueueLg2: 19,
      eventQueueLg2: 19,
      priQueueLg2: 0,
      permissionOverride: false,
      typeOverride: false,
      hierarchicalDisable: true,
      xnx: true,
      smallTables: false,
      rangeInvalidation: true,
      bbmLevel: 2,
      e0pd: false,
      ptwnnc: false,
      epan: false,
      outputBits: 44,
      granule4k: true,
      granule16k: true,
      granule64k: true,
      ds: false,
      virtualBits: 48,
    });
    expect(decodeFeatures(SMMUV3_PRESETS.qemuStage1)).toMatchObject({
      stage1: true,
      stage2: false,
      xnx: false,
    });
    expect(decodeFeatures(SMMUV3_PRESETS.qemuStage2)).toMatchObject({
      stage1: false,
      stage2: true,
      xnx: true,
    });
  });

  it("full advertises everything modelled but ATS and PRI", () => {
    expect(decodeFeatures(SMMUV3_PRESETS.full)).toMatchObject({
      stage1: true,
      stage2: true,
      dirtyStateUpdate: true,
      twoLevelCd: true,
      stallModel: 0,
      mostStalls: 1024,
      terminateAborts: false,
      streamIdBits: 32,
      substreamIdBits: 20,
      permissionOverride: true,
      smallTables: true,
      e0pd: true,
      epan: true,
      outputBits: 52,
      ds: true,
      virtualBits: 52,
    });
  });
});

describe("buildFeatures", () => {
  it("gives back what decodeFeatures took apart", () => {
    for (const preset of Object.values(SMMUV3_PRESETS)) {
      expect(buildFeatures(decodeFeatures(preset), preset)).toEqual(preset);
    }
  });

  it("changes one field and nothing else", () => {
    expect(buildFeatures({ substreamIdBits: 0 })).toEqual({ ...SMMUV3_PRESETS.full, idr1: 0x6730020 });
    expect(buildFeatures({ accessFlagUpdate: true }, SMMUV3_PRESETS.qemuNested).idr0).toBe(0xd44105b);
    expect(buildFeatures({ dirtyStateUpdate: false }).idr0).toBe(0x84c105b);
    expect(buildFeatures({ ats: true }).idr0).toBe(0x84c149b);
    expect(buildFeatures({ ats: true, noSplitStageAts: true }).idr0).toBe(0x84c1c9b);
    expect(buildFeatures({ ats: true, pri: true, priQueueLg2: 3 })).toMatchObject({
      idr0: 0x84d149b,
      idr1: 0x6731d20,
    });
  });

  it("refuses values that don't fit", () => {
    expect(() => buildFeatures({ outputBits: 45 })).toThrow(/"outputBits" expected one of 32, .* got 45/);
    expect(() => buildFeatures({ virtualBits: 56 })).toThrow(/"virtualBits" expected 48 or 52, got 56/);
    expect(() => buildFeatures({ streamIdBits: 64 })).toThrow(/"streamIdBits" expected integer in 0\.\.63/);
    expect(() => buildFeatures({ streamIdBits: 33 })).toThrow(/SIDSIZE expected 0\.\.32 .* got 33/);
  });
});

describe("validateFeatures", () => {
  const full = SMMUV3_PRESETS.full;
  const refused: readonly (readonly [string, Partial<SmmuFeatures>])[] = [
    ["PPS", { idr3: full.idr3 | (1 << 5) }],
    ["PRIQS", { idr1: full.idr1 | (31 << 11) }],
    ["HYP", { idr0: full.idr0 | (1 << 9) }],
    ["ATOS", { idr0: full.idr0 | (1 << 15) }],
    ["VMW", { idr0: full.idr0 | (1 << 17) }],
    ["VATOS", { idr0: full.idr0 | (1 << 20) }],
    ["STALL_MODEL", { idr0: full.idr0 | (3 << 24) }],
    ["TTF", { idr0: full.idr0 | (1 << 2) }],
    ["TTENDIAN", { idr0: full.idr0 & ~(3 << 21) }],
    ["HTTU", { idr0: full.idr0 | (3 << 6) }],
    ["ECMDQ", { idr1: (full.idr1 | (1 << 31)) >>> 0 }],
    ["QUEUES_PRESET", { idr1: full.idr1 | (1 << 29) }],
    ["SSIDSIZE", { idr1: full.idr1 | (31 << 6) }],
    ["PBHA", { idr3: full.idr3 | (1 << 3) }],
    ["MPAM", { idr3: full.idr3 | (1 << 7) }],
    ["FWB", { idr3: full.idr3 | (1 << 8) }],
    ["BBML", { idr3: full.idr3 | (3 << 11) }],
    ["DPT", { idr3: full.idr3 | (1 << 15) }],
    ["S1PI", { idr3: full.idr3 | (1 << 18) }],
    ["AIE", { idr3: full.idr3 | (1 << 23) }],
    ["OAS", { idr5: full.idr5 | 7 }],
    ["D128", { idr5: full.idr5 | (1 << 8) }],
    ["VAX", { idr5: (full.idr5 & ~(3 << 10)) | (2 << 10) }],
  ];
  for (const [name, change] of refused) {
    it(`refuses ${name}, which is not modelled, by name`, () => {
      expect(() => validateFeatures({ ...full, ...change })).toThrow(RangeError);
      expect(() => validateFeatures({ ...full, ...change })).toThrow(new RegExp(`field ${name} expected`));
    });
  }

  it("refuses reserved bits", () => {
    expect(() => validateFeatures({ ...full, idr0: full.idr0 + 2 ** 31 })).toThrow(
      /reserved bits, got 0x80000000/,
    );
    expect(() => validateFeatures({ ...full, idr3: full.idr3 | 1 })).toThrow(/"features.idr3" .* got 0x1/);
  });

  it("refuses contradictions (IHI 0070 6.3.1, 6.3.2, 6.3.6)", () => {
    expect(() => buildFeatures({ stage1: false, stage2: false })).toThrow(/S1P or idr0.S2P/);
    expect(() => buildFeatures({ virtualBits: 48 })).toThrow(/VAX to be 1 with idr5.DS/);
    expect(() => buildFeatures({ ds: false, granule64k: false })).toThrow(/OAS of 52 bits/);
    expect(() => buildFeatures({ granule4k: false, granule16k: false })).toThrow(
      /GRAN4K or GRAN16K with idr5.DS/,
    );
    expect(() => buildFeatures({ twoLevelStreamTable: false })).toThrow(/ST_LEVEL/);
    expect(() => buildFeatures({ stallModel: 1 })).toThrow(/STALL_MAX to be 0 with idr0.STALL_MODEL of 1/);
    expect(() => buildFeatures({ mostStalls: 0 })).toThrow(/STALL_MAX of 1 or more/);
    expect(() => buildFeatures({ stallModel: 2, mostStalls: 0 })).toThrow(/STALL_MAX of 1 or more/);
    expect(() => buildFeatures({ atsErrors: true })).toThrow(/ATS to be 1 with idr0.ATSRECERR/);
    expect(() => buildFeatures({ stallModel: 2, ats: true })).toThrow(
      /ATS to be 0 with idr0.STALL_MODEL of 2/,
    );
    expect(buildFeatures({ stallModel: 2, mostStalls: 65535 })).toMatchObject({
      idr0: 0xa4c109b,
      idr5: 0xffff04f6,
    });
    expect(() => buildFeatures({ pri: true })).toThrow(/idr0.ATS to be 1 with idr0.PRI/);
    expect(() => buildFeatures({ noSplitStageAts: true })).toThrow(
      /ATS, S1P and S2P to be 1 with idr0.NS1ATS/,
    );
    expect(() => buildFeatures({ ats: true, noSplitStageAts: true, stage2: false })).toThrow(/idr0.NS1ATS/);
  });

  it("refuses what isn't a 32-bit number", () => {
    const wrong = { ...full, idr0: "1" } as unknown as SmmuFeatures;
    expect(() => validateFeatures(wrong)).toThrow(TypeError);
    expect(() => validateFeatures({ ...full, idr1: -1 })).toThrow(
      /"features.idr1" expected integer in 0..2\^32-1/,
    );
    expect(() => validateFeatures({ ...full, idr5: 2 ** 32 })).toThrow(RangeError);
  });
});
