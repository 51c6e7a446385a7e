// The completion of every kind of translation request: the tables of IHI 0070 3.9.1.2, row by row, with the events that
// are recorded. Records by hand from 7.3; bits 95:92 and 71:64 of F_BAD_ATS_TREQ from a public driver.

import { describe, expect, it } from "vitest";
import {
  AtsWorld,
  CD,
  CD0,
  EATS,
  MEV,
  PAGE2,
  RW1,
  S1DSS,
  S2,
  S2AP,
  STE2,
  STREAM,
  type WorldOptions,
} from "./ats-world.js";

const zeros = (bytes: number): string => "00".repeat(bytes);
const SID = "03000000";
/** F_BAD_ATS_TREQ of a read of page 5: R and Span 1, InputAddr[63:12]. */
const BAD_TREQ = `05000000${SID}01000080000000000050000000000000${zeros(8)}`;
const NO_RIGHTS = "--- 0x0+12";
const RECORDING = 8;
const RECINVSID = 2;
const ATSCHK = 0x10;
const ON = 0xd;

/** A world with input page 5 → IPA page 6 → physical page 7. */
const world = (options: WorldOptions = {}): AtsWorld => new AtsWorld({ cdMax: 0n, ...options }).map(5, 6, 7);

describe("no service: Unsupported Request", () => {
  it.each<[string, WorldOptions, string[]]>([
    ["SMMUEN = 0", { cr0: ON & ~1 }, [BAD_TREQ]],
    ["Config = 0b000", { config: 0n }, []],
    ["Config = 0b100", { config: 4n }, [BAD_TREQ]],
    ["EATS = 0b00", { word1: EATS.none }, [BAD_TREQ]],
    ["EATS = 0b10 with ATSCHK = 0", { word1: EATS.split }, [BAD_TREQ]],
    ["EATS = 0b11 without a DPT", { word1: EATS.dpt, cr0: ON | ATSCHK }, [BAD_TREQ]],
  ])("%s (3.9.1.2)", (_, options, events) => {
    for (const cr2 of [0, RECORDING]) {
      const smmu = world({ ...options, cr2 });
      expect(smmu.answer(5)).toBe("unsupported");
      expect(smmu.events()).toEqual(events);
    }
  });

  it("F_BAD_ATS_TREQ tells what was asked for, before overrides of the STE (7.3.6)", () => {
    const smmu = world({ word1: EATS.none });
    // SSV and SubstreamID 0x12345; R, W, X, PRIV.
    smmu.ask(5, { write: true, execute: true, privileged: true, pasid: 0x12345 });
    expect(smmu.events()).toEqual([`05583412${SID}010000f0000000000050000000000000${zeros(8)}`]);
    // Without a PASID there is neither X nor PRIV (13.7).
    smmu.ask(5, { write: true, execute: true, privileged: true });
    expect(smmu.events()).toEqual([`05000000${SID}010000c0000000000050000000000000${zeros(8)}`]);
  });

  it("without IDR0.ATS there is no interface: Unsupported Request, no event (5.2 EATS)", () => {
    const features = { idr0: 0x0040_109b, idr1: 0x0673_0506, idr3: 0x10, idr5: 0x1_0015 };
    const smmu = world({ features });
    expect(smmu.answer(5)).toBe("unsupported");
    expect(smmu.translated(0x4000_0000n)).toMatchObject({ ok: false, status: "aborted" });
    expect(smmu.events()).toEqual([]);
  });

  it("events of requests that are refused share a record only with MEV = 1 (7.3.1)", () => {
    for (const [word1, records] of [
      [EATS.none, 2],
      [EATS.none | MEV, 1],
    ] as const) {
      const smmu = world({ word1, mergeEvents: true });
      smmu.ask(5);
      smmu.ask(5);
      expect(smmu.events()).toHaveLength(records);
    }
  });
});

describe("errors on the way: Completer Abort, recorded with REC_CFG_ATS only", () => {
  const INVALID_STE = (w: AtsWorld) => w.writeSte({ valid: 0n });
  it.each<[string, WorldOptions, (w: AtsWorld) => void, object, string]>([
    ["C_BAD_STE", {}, INVALID_STE, {}, `04000000${SID}${zeros(24)}`],
    ["C_BAD_SUBSTREAMID", {}, () => {}, { pasid: 9 }, `08900000${SID}${zeros(24)}`],
    [
      "F_STREAM_DISABLED",
      { cdMax: 2n, word1: EATS.full | S1DSS.terminate },
      () => {},
      {},
      `06000000${SID}${zeros(24)}`,
    ],
    ["C_BAD_CD", {}, (w) => w.writeCd(0, CD0 & ~CD.V), {}, `0a000000${SID}${zeros(24)}`],
  ])("%s (3.9.1.2)", (_, options, prepare, request, event) => {
    for (const cr2 of [0, RECORDING]) {
      const smmu = world({ ...options, cr2 });
      prepare(smmu);
      expect(smmu.answer(5, request)).toBe("abort");
      expect(smmu.events()).toEqual(cr2 === 0 ? [] : [event]);
    }
  });

  it.each([
    [0, []],
    [RECORDING, []],
    [RECINVSID, []],
    [RECORDING | RECINVSID, [`0200000020000000${zeros(24)}`]],
  ])("C_BAD_STREAMID is recorded with RECINVSID and REC_CFG_ATS: CR2 = %i (3.9.1.2)", (cr2, events) => {
    const smmu = world({ cr2 });
    expect(smmu.smmu.requestTranslation({ stream: 0x20, iova: 0n })).toMatchObject({
      result: "abort",
      sizeLg2: 0,
    });
    expect(smmu.events()).toEqual(events);
  });

  it("F_STE_FETCH: a stream table outside memory", () => {
    for (const cr2 of [0, RECORDING]) {
      const smmu = world({ cr2, cr0: 0xc });
      smmu.smmu.write64(0x80, 0x1000_0000n);
      smmu.smmu.write32(0x20, ON);
      expect(smmu.answer(5)).toBe("abort");
      // FetchAddr: the STE of stream 3.
      expect(smmu.events()).toEqual(cr2 === 0 ? [] : [`03000000${SID}${zeros(16)}c000001000000000`]);
    }
  });

  it("F_CD_FETCH: stage 2 leads the CD outside memory", () => {
    for (const cr2 of [0, RECORDING]) {
      const smmu = world({ cr2 });
      // The block that the structures are in goes to 0x1000_0000.
      smmu.smmu.memory.writeU64(0x4020_3000n, 0x1000_0000n | 0x4fdn);
      expect(smmu.answer(5)).toBe("abort");
      expect(smmu.events()).toEqual(cr2 === 0 ? [] : [`09000000${SID}${zeros(16)}0010001000000000`]);
    }
  });

  it("F_WALK_EABT: a table of stage 1 outside memory; CLASS = TT, RnW as of a read", () => {
    for (const cr2 of [0, RECORDING]) {
      const smmu = world({ cr2, config: 5n });
      smmu.block(1, 0, 0x1000_0003n);
      expect(smmu.answer(5)).toBe("abort");
      const event = `0b000000${SID}000000000801000000500000000000002800001000000000`;
      expect(smmu.events()).toEqual(cr2 === 0 ? [] : [event]);
    }
  });
});

describe("nothing there: Success without rights, never recorded", () => {
  const INVALID = 0n;
  it.each<[string, WorldOptions, (w: AtsWorld) => unknown]>([
    ["F_TRANSLATION at stage 1", {}, (w) => w.page(1, 5, INVALID)],
    ["F_TRANSLATION at stage 2", {}, (w) => w.page(2, 6, INVALID)],
    ["F_TRANSLATION of an input beyond the tables", {}, (w) => w],
    ["F_ACCESS at stage 1", {}, (w) => w.page(1, 5, 0x6000n | (RW1 & ~0x400n))],
    ["F_ACCESS at stage 2", {}, (w) => w.page(2, 6, 0x7000n | (RW1 & ~0x400n))],
    [
      "F_ADDR_SIZE at stage 1",
      { config: 5n, cd: 0n },
      (w) => w.writeCd(0, (CD0 & ~(7n << 32n)) | (1n << 32n)) ?? w.page(1, 5, 0x10_0000_0000n | RW1),
    ],
    [
      "F_ADDR_SIZE at stage 2",
      { word2: STE2 & ~(7n << 48n) },
      (w) => w.page(2, 6, 0x1_0000_0000n | PAGE2 | 0xc0n),
    ],
    ["F_PERMISSION at stage 1", {}, (w) => w.page(1, 5, 0x6000n | (RW1 & ~0x40n))],
    ["F_PERMISSION at stage 2", {}, (w) => w.page(2, 6, 0x7000n | PAGE2)],
    ["a stage-2 fault of the CD", {}, (w) => w.smmu.memory.writeU64(0x4020_3000n, 0n)],
    ["a stage-2 fault of a stage-1 table", {}, (w) => w.smmu.memory.writeU64(0x4010_1000n, 0x4060_0003n)],
    [
      "a stage-2 permission fault of a stage-1 table",
      {},
      (w) => {
        // The tables of stage 1 at IPA page 9, which stage 2 lets nobody read.
        w.block(1, 0, 0x9003n).page(2, 9, 0x4010_2000n | PAGE2 | S2AP.write);
      },
    ],
  ])("%s (3.9.1.2)", (what, options, prepare) => {
    const smmu = world({ cr2: RECORDING | RECINVSID, ...options });
    prepare(smmu);
    const page = what.includes("beyond") ? 2 ** 28 : 5;
    expect(smmu.answer(page)).toBe(NO_RIGHTS);
    expect(smmu.answer(page, { write: true })).toBe(NO_RIGHTS);
    expect(smmu.events()).toEqual([]);
    // The ordinary access faults, and is recorded.
    expect(smmu.smmu.translate({ stream: STREAM, iova: BigInt(page) * 0x1000n })).toMatchObject({
      ok: false,
    });
    expect(smmu.events()).toHaveLength(1);
  });

  it("says why, in what the model tells people, and counts it", () => {
    const smmu = world();
    smmu.page(1, 5, INVALID);
    expect(smmu.ask(5).fault).toMatchObject({ name: "F_TRANSLATION", recorded: false, stage2: false });
    expect(smmu.smmu.faults()).toHaveLength(1);
    expect(smmu.smmu.counters()).toMatchObject({
      requests: 1,
      faulted: 1,
      translated: 0,
      translationsDenied: 1,
    });
  });

  it("the size is the smallest translation unit: the smallest granule (3.9.1)", () => {
    // 64 KiB alone, and 16 KiB with 64 KiB; the tables of the world have another granule, which is C_BAD_CD or no matter.
    for (const [grans, size] of [
      [0x45, 16],
      [0x65, 14],
    ] as const) {
      const smmu = new AtsWorld({ idr5: 0x1_0000 | grans, config: 5n, cdMax: 0n });
      // TG0 = 64 KiB; T0SZ = 25: begins at level 2, whose descriptors are all invalid.
      smmu.writeCd(0, CD0 | (1n << 6n));
      smmu.smmu.memory.writeU64(0x4010_0000n, 0n);
      expect(smmu.answer(5)).toBe(`--- 0x0+${size}`);
    }
  });

  it("never stalls, whatever CD.S and STE.S2S say", () => {
    const stage1 = world({ cd: CD.S, config: 5n });
    stage1.page(1, 5, INVALID);
    expect(stage1.answer(5)).toBe(NO_RIGHTS);
    expect(stage1.smmu.stalled()).toEqual([]);
    // EATS = 0b01 with a stalling stage 2 is ILLEGAL (5.2).
    expect(world({ word2: STE2 | S2.S }).answer(5)).toBe("abort");
  });
});
