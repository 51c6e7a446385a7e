// Accesses with translated addresses: the tables of IHI 0070 3.9.1.3, row by row, with the events that are recorded
// (7.3.8), and stage 2 of split-stage ATS (13.6.3).

import { describe, expect, it } from "vitest";
import {
  AtsWorld,
  EATS,
  INSTCFG,
  MEV,
  PAGE2,
  PRIVCFG,
  RW2,
  S1DSS,
  S2,
  S2AP,
  STE2,
  STREAM,
  type WorldOptions,
} from "./ats-world.js";

const zeros = (bytes: number): string => "00".repeat(bytes);
const SID = "03000000";
const ATSCHK = 0x10;
const ON = 0xd;
const CHECKED = ON | ATSCHK;
const RECORDING = 8;
const PA = 0x4000_7123n;
/** F_TRANSL_FORBIDDEN of a read of PA: RnW, InputAddr. */
const FORBIDDEN = `07000000${SID}0000000008000000${"2371004000000000"}${zeros(8)}`;
const aborted = { ok: false, status: "aborted", pa: 0n };
const passed = { ok: true, status: "bypassed", pa: PA };

describe("what an SMMU does with an access that is translated (3.9.1.3)", () => {
  it.each<[string, WorldOptions, object, string[]]>([
    ["SMMUEN = 0", { cr0: ON & ~1 }, aborted, [FORBIDDEN]],
    ["SMMUEN = 0, ATSCHK = 1", { cr0: CHECKED & ~1 }, aborted, [FORBIDDEN]],
    ["ATSCHK = 0, Config = 0b000", { config: 0n }, passed, []],
    ["ATSCHK = 0, Config = 0b100", { config: 4n }, passed, []],
    ["ATSCHK = 0, EATS = 0b00", { word1: EATS.none }, passed, []],
    ["ATSCHK = 0, EATS = 0b10", { word1: EATS.split }, passed, []],
    ["ATSCHK = 0, EATS = 0b01", {}, passed, []],
    ["ATSCHK = 1, Config = 0b000", { cr0: CHECKED, config: 0n }, aborted, []],
    ["ATSCHK = 1, Config = 0b100", { cr0: CHECKED, config: 4n }, aborted, [FORBIDDEN]],
    ["ATSCHK = 1, EATS = 0b00", { cr0: CHECKED, word1: EATS.none }, aborted, [FORBIDDEN]],
    ["ATSCHK = 1, EATS = 0b11 without a DPT", { cr0: CHECKED, word1: EATS.dpt }, aborted, [FORBIDDEN]],
    ["ATSCHK = 1, EATS = 0b01", { cr0: CHECKED }, passed, []],
  ])("%s", (_, options, answer, events) => {
    for (const cr2 of [0, RECORDING]) {
      const smmu = new AtsWorld({ ...options, cr2 });
      expect(smmu.translated(PA)).toMatchObject(answer);
      expect(smmu.events()).toEqual(events);
    }
  });

  it("RnW of F_TRANSL_FORBIDDEN is 0 for a write; a PASID is not in the record (7.3.8)", () => {
    const smmu = new AtsWorld({ cr0: CHECKED, word1: EATS.none });
    expect(smmu.translated(PA, true, 0x12345)).toMatchObject(aborted);
    expect(smmu.events()).toEqual([FORBIDDEN.replace("08000000", "00000000")]);
  });

  it("its events may share a record with MEV = 1 though they differ in InputAddr[11:0] (7.3.8)", () => {
    for (const [mev, records] of [
      [0n, 2],
      [MEV, 1],
    ] as const) {
      const smmu = new AtsWorld({ cr0: CHECKED, word1: EATS.none | mev, mergeEvents: true });
      smmu.translated(PA);
      smmu.translated(PA + 8n);
      expect(smmu.events()).toHaveLength(records);
    }
  });

  it.each([
    ["C_BAD_STE", STREAM, `04000000${SID}${zeros(24)}`],
    // Whatever RECINVSID says.
    ["C_BAD_STREAMID", 0x20, `0200000020000000${zeros(24)}`],
  ])("%s: aborted, with ATSCHK = 1; recorded with REC_CFG_ATS", (_, stream, event) => {
    for (const [cr0, cr2] of [
      [ON, 0],
      [ON, RECORDING],
      [CHECKED, 0],
      [CHECKED, RECORDING],
    ] as const) {
      const smmu = new AtsWorld({ cr0, cr2 });
      smmu.writeSte({ valid: 0n });
      // SSV counts as 0: PASIDTT = 0.
      const answer = smmu.smmu.translate({ stream, iova: PA, translated: true, pasid: 5 });
      expect(answer).toMatchObject(cr0 === ON ? passed : aborted);
      expect(smmu.events()).toEqual(cr0 === CHECKED && cr2 === RECORDING ? [event] : []);
    }
  });

  it.each([ON, CHECKED])("addresses beyond OAS are aborted without an event (3.9.1.1), CR0 = %i", (cr0) => {
    const smmu = new AtsWorld({ cr0 });
    expect(smmu.translated(2n ** 48n - 1n)).toMatchObject({ ok: true });
    expect(smmu.translated(2n ** 48n)).toMatchObject(aborted);
    expect(smmu.translated(2n ** 63n)).toMatchObject(aborted);
    expect(smmu.events()).toEqual([]);
  });

  it("the substream rules do not concern it: S1DSS, PASIDs beyond S1CDMax", () => {
    const smmu = new AtsWorld({ cr0: CHECKED, word1: EATS.full | S1DSS.terminate });
    expect(smmu.translated(PA)).toMatchObject(passed);
    expect(smmu.translated(PA, false, 0xfffff)).toMatchObject(passed);
  });

  it("tables and TLBs are not looked at: nothing is fetched but the STE", () => {
    const smmu = new AtsWorld({ cr0: CHECKED });
    smmu.smmu.resetCounters();
    for (let n = 0; n < 3; n++) smmu.translated(PA);
    expect(smmu.smmu.counters()).toMatchObject({
      requests: 3,
      bypassed: 3,
      steFetches: 1,
      cdFetches: 0,
      fetches: 0,
      iotlbHits: 0,
      iotlbMisses: 0,
      configHits: 0,
      configMisses: 0,
      translatedAccesses: 3,
    });
  });
});

describe("split-stage: the address is an IPA and passes stage 2 (13.6.3)", () => {
  const split = { cr0: CHECKED, word1: EATS.split };
  const world = (leaf2 = RW2, options: WorldOptions = {}): AtsWorld =>
    new AtsWorld({ ...split, ...options }).page(2, 6, 0x4000_7000n | leaf2);

  it("is translated, with the size of stage 2", () => {
    const smmu = world();
    expect(smmu.translated(0x6123n)).toMatchObject({ ok: true, status: "translated", pa: PA, leafLg2: 12 });
    smmu.block(2, 1, 0x4040_0000n | (RW2 & ~2n));
    expect(smmu.translated(0x20_5123n, true)).toMatchObject({ ok: true, pa: 0x4040_5123n, leafLg2: 21 });
  });

  it("its faults are recorded as those of other accesses, without a PASID; with S2R = 0 they are not", () => {
    for (const [word2, recorded] of [
      [STE2, true],
      [STE2 & ~S2.R, false],
    ] as const) {
      const smmu = world(PAGE2 | S2AP.read, { word2 });
      expect(smmu.translated(0x6123n)).toMatchObject({ ok: true });
      // F_PERMISSION of a write: S2, CLASS = IN, InputAddr and IPA.
      expect(smmu.translated(0x6123n, true, 5)).toMatchObject(aborted);
      const permission = `13000000${SID}0000000080020000${"2361000000000000"}${"0060000000000000"}`;
      expect(smmu.events()).toEqual(recorded ? [permission] : []);
      expect(smmu.translated(0x8000n)).toMatchObject(aborted);
      const translation = `10000000${SID}0000000088020000${"0080000000000000"}${"0080000000000000"}`;
      expect(smmu.events()).toEqual(recorded ? [translation] : []);
    }
  });

  it("an IPA beyond IAS is F_ADDR_SIZE of stage 1; one beyond the tables F_TRANSLATION of stage 2", () => {
    const smmu = world();
    expect(smmu.translated(2n ** 48n)).toMatchObject(aborted);
    expect(smmu.events()).toEqual([`11000000${SID}0000000008020000${"0000000000000100"}${zeros(8)}`]);
    expect(smmu.translated(2n ** 40n)).toMatchObject(aborted);
    expect(smmu.events()).toEqual([
      `10000000${SID}0000000088020000${"0000000000010000"}${"0000000000010000"}`,
    ]);
  });

  it("an aborted fetch of a stage-2 table is F_WALK_EABT", () => {
    const smmu = world();
    smmu.block(2, 1, 0x1000_0003n);
    expect(smmu.translated(0x20_0000n)).toMatchObject(aborted);
    expect(smmu.events()).toEqual([
      `0b000000${SID}0000000088020000${"0000200000000000"}${"0000001000000000"}`,
    ]);
  });

  it("INSTCFG and PRIVCFG of the STE count; what the access says does not (PASIDTT = 0)", () => {
    // Stage 2 with XN = 0b01: no privileged execute (XNX).
    const noPrivileged = RW2 | (1n << 53n);
    const fetch = (options: WorldOptions): boolean => {
      const smmu = world(noPrivileged, options).smmu;
      const request = { stream: STREAM, iova: 0x6000n, pasid: 1, execute: true, privileged: true };
      return smmu.translate({ ...request, translated: true }).ok;
    };
    expect(fetch(split)).toBe(true);
    expect(fetch({ word1: EATS.split | INSTCFG.instruction })).toBe(true);
    expect(fetch({ word1: EATS.split | INSTCFG.instruction | PRIVCFG.privileged })).toBe(false);
  });

  it("does hardware updates of stage 2", () => {
    const smmu = world((RW2 & ~0x400n & ~S2AP.write) | (1n << 51n), { word2: STE2 | S2.HA | S2.HD });
    expect(smmu.translated(0x6000n)).toMatchObject({ ok: true });
    expect(smmu.readDescriptor(2, 6) & 0x480n).toBe(0x400n);
    expect(smmu.translated(0x6000n, true)).toMatchObject({ ok: true });
    expect(smmu.readDescriptor(2, 6) & 0x480n).toBe(0x480n);
  });

  it("heeds invalidations of stage 2", () => {
    const smmu = world();
    const block = RW2 & ~2n;
    smmu.block(2, 1, 0x4040_0000n | block);
    expect(smmu.translated(0x20_6000n).pa).toBe(0x4040_6000n);
    smmu.block(2, 1, 0x4060_0000n | block);
    // Cached in the stage-2 TLB until TLBI_S2_IPA, VMID 1, 0x206000.
    expect(smmu.translated(0x20_6000n).pa).toBe(0x4040_6000n);
    smmu.issue("2a00000001000000 0160200000000000");
    expect(smmu.translated(0x20_6000n).pa).toBe(0x4060_6000n);
  });
});
