// The page request interface of a whole machine: STE.PPAR out of real stream tables, through configuration caches and
// external memory; calls from handlers; counters; and that ATS and PRI leave untranslated DMA alone.

import { describe, expect, expectTypeOf, it } from "vitest";
import type {
  DmaAnswer,
  IommuMachine,
  PageRequest,
  PageRequestOutcome,
  PageResponse,
} from "../../src/contract/machine.js";
import type { SmmuV3Options } from "../../src/index.js";
import type * as own from "../../src/machine/page-request.js";
import { SmmuV3 } from "../../src/smmuv3/smmuv3.js";
import { bytes, hex } from "./machine.js";
import { askLast, OVERFLOW, PRI_FEATURES, PRIQ_CONS, PRIQ_PROD, WITHOUT_SUBSTREAMS } from "./pri-world.js";

const STREAM_TABLE = 0x4000_0000n;
const QUEUE = 0x4001_0000n;
const PPAR = 1n << 18n;
/** STE words 0 and 1: V and Config 0b100, bypass; word 1 with SHCFG = incoming. */
const BYPASS = 9n;
const CFGI_ALL = bytes("0400000000000000 1f00000000000000");

interface World {
  readonly smmu: SmmuV3;
  readonly responses: PageResponse[];
}

/** A linear stream table of 16, a PRI queue of one entry that is full: every last request gets an automatic response. */
function world(options: SmmuV3Options = {}): World {
  const responses: PageResponse[] = [];
  const smmu = new SmmuV3({
    features: PRI_FEATURES,
    onPageResponse: (response) => responses.push(response),
    ...options,
  });
  smmu.write64(0x80, STREAM_TABLE);
  smmu.write32(0x88, 4);
  smmu.write64(0xc0, QUEUE);
  smmu.write32(0x20, 3);
  expect(smmu.requestPage(askLast(0))).toBe("queued");
  return { smmu, responses };
}

function writeSte(smmu: SmmuV3, stream: number, ...words: bigint[]): void {
  words.forEach((word, n) => {
    smmu.memory.writeU64(STREAM_TABLE + BigInt(64 * stream + 8 * n), word);
  });
}

/** The automatic response to a request of this stream with PASID 5. */
function automatic({ smmu, responses }: World, stream: number): unknown {
  responses.length = 0;
  expect(smmu.requestPage(askLast(7, { stream, pasid: 5 }))).toBe("answered");
  expect(responses).toHaveLength(1);
  expect(responses[0]).toMatchObject({ stream, group: 7 });
  return [responses[0]!.code, responses[0]!.pasid];
}

const WITH_PASID = ["success", 5];
const WITHOUT_PASID = ["success", undefined];
const FAILURE = ["failure", undefined];

describe("types", () => {
  it("SmmuV3 is an IommuMachine of the vendor contract, and the shapes are the same", () => {
    const machine: IommuMachine = new SmmuV3({ features: PRI_FEATURES });
    expect(machine.requestPage(askLast(1))).toBe("answered");
    expectTypeOf<SmmuV3>().toExtend<IommuMachine>();
    expectTypeOf<ReturnType<SmmuV3["translate"]>>().toExtend<DmaAnswer>();
    expectTypeOf<own.PageRequest>().toEqualTypeOf<PageRequest>();
    expectTypeOf<own.PageResponse>().toEqualTypeOf<PageResponse>();
    expectTypeOf<own.PageRequestOutcome>().toEqualTypeOf<PageRequestOutcome>();
  });
});

describe("STE.PPAR for automatic responses (IHI 0070 5.2 PPAR, 8.1)", () => {
  // Stage 1 with a CD table far away: nobody reads CDs for this. Stage 2: S2T0SZ 16, S2SL0 2, S2PS 48 bits, S2AA64.
  const STAGE_1 = 0xbn | 0x4100_0000n;
  const STAGE_2 = (16n << 32n) | (2n << 38n) | (5n << 48n) | (1n << 51n);
  const STES: readonly (readonly [what: string, words: bigint[], expected: unknown])[] = [
    ["bypass, PPAR = 1", [BYPASS, PPAR], WITH_PASID],
    ["bypass, PPAR = 0", [BYPASS, ~PPAR & 0xffff_ffffn & ~(3n << 28n) & ~(1n << 27n)], WITHOUT_PASID],
    ["abort, PPAR = 1", [1n, PPAR], WITH_PASID],
    ["stage 1, PPAR = 1", [STAGE_1, PPAR], WITH_PASID],
    ["stage 1, PPAR = 0", [STAGE_1, 0n], WITHOUT_PASID],
    ["stage 2, PPAR = 1", [0xdn, PPAR, STAGE_2], WITH_PASID],
    ["both stages, PPAR = 1", [0xfn | 0x4100_0000n, PPAR, STAGE_2], WITH_PASID],
    ["V = 0", [8n, PPAR], FAILURE],
    ["S1STALLD with STALL_MODEL = 0b00", [STAGE_1, PPAR | (1n << 27n)], WITH_PASID],
    ["S2TG reserved: ILLEGAL", [0xdn, PPAR, STAGE_2 | (3n << 46n)], FAILURE],
    ["EATS = 0b10 with stage 1 alone: ILLEGAL", [STAGE_1, PPAR | (2n << 28n)], FAILURE],
    ["EATS = 0b10 with both stages", [0xfn | 0x4100_0000n, PPAR | (2n << 28n), STAGE_2], WITH_PASID],
    ["EATS = 0b01 with stage 1", [STAGE_1, PPAR | (1n << 28n)], WITH_PASID],
  ];
  for (const [what, words, expected] of STES) {
    it(`${what}: ${JSON.stringify(expected)}`, () => {
      for (const configCache of [{ contexts: 4 }, "off"] as const) {
        const one = world({ configCache });
        writeSte(one.smmu, 3, ...words);
        expect(automatic(one, 3)).toEqual(expected);
        expect(automatic(one, 3)).toEqual(expected);
      }
    });
  }

  it("StreamIDs beyond the table, and STEs outside RAM, can't be read: Failure, no event (REC_CFG_ATS = 0)", () => {
    const events: Uint8Array[] = [];
    const one = world({ ram: [[STREAM_TABLE, 0x2_0000n]], eventSink: (event) => events.push(event) });
    writeSte(one.smmu, 0, BYPASS, PPAR);
    one.smmu.write32(0x20, 2);
    one.smmu.write32(0x2c, 2);
    one.smmu.write32(0x20, 3);
    expect(automatic(one, 0)).toEqual(WITH_PASID);
    expect(automatic(one, 16)).toEqual(FAILURE);
    expect(automatic(one, 0xffff_ffff)).toEqual(FAILURE);
    one.smmu.write32(0x20, 2);
    one.smmu.write64(0x80, 0x8000_0000n);
    one.smmu.write32(0x20, 3);
    one.smmu.issue(CFGI_ALL);
    expect(automatic(one, 0)).toEqual(FAILURE);
    expect(events).toEqual([]);
    expect(one.smmu.faults()).toEqual([]);
  });

  it("a two-level table: the STE behind its L1STD, Failure where the Span ends (5.1)", () => {
    const one = world();
    one.smmu.write32(0x20, 2);
    // FMT = 2-level, SPLIT = 6, LOG2SIZE = 8; L1STD 1 with Span 2: two STEs at 0x4002_0000.
    one.smmu.write32(0x88, 0x1_0188);
    one.smmu.write32(0x20, 3);
    one.smmu.memory.writeU64(STREAM_TABLE + 8n, 0x4002_0002n);
    one.smmu.memory.writeU64(0x4002_0040n, BYPASS);
    one.smmu.memory.writeU64(0x4002_0048n, PPAR);
    expect(automatic(one, 65)).toEqual(WITH_PASID);
    expect(automatic(one, 66)).toEqual(FAILURE);
    expect(automatic(one, 3)).toEqual(FAILURE);
  });

  it("is cached with the STE until CFGI_STE (5.2.1)", () => {
    const one = world();
    writeSte(one.smmu, 3, BYPASS, PPAR);
    expect(automatic(one, 3)).toEqual(WITH_PASID);
    writeSte(one.smmu, 3, BYPASS, 0n);
    expect(automatic(one, 3)).toEqual(WITH_PASID);
    expect(one.smmu.issue(bytes("0300000003000000 0100000000000000"))).toBe(0);
    expect(automatic(one, 3)).toEqual(WITHOUT_PASID);
  });

  it("leaves answers and configuration of DMA as they are", () => {
    const one = world({ configCache: { contexts: 1 } });
    writeSte(one.smmu, 2, BYPASS, 0n);
    writeSte(one.smmu, 3, BYPASS, PPAR);
    for (let n = 0; n < 4; ++n) {
      expect(one.smmu.translate({ stream: 2, iova: 0x1234n })).toMatchObject({
        status: "bypassed",
        pa: 0x1234n,
      });
      expect(automatic(one, 3)).toEqual(WITH_PASID);
    }
    expect(one.smmu.counters().requests).toBe(4);
  });

  it("is not looked for without substreams", () => {
    expect(automatic(world({ features: WITHOUT_SUBSTREAMS }), 16)).toEqual(WITHOUT_PASID);
  });

  it("in an external range: the frames are asked for on the way", () => {
    const filled: bigint[] = [];
    const external = {
      base: STREAM_TABLE,
      size: 0x1000_0000n,
      fill: (frame: bigint, into: Uint8Array) => {
        filled.push(frame);
        if (frame === STREAM_TABLE) into.set([0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4], 3 * 64);
      },
      store: () => {},
    };
    const one = world({ ram: [], external: [external] });
    expect(automatic(one, 3)).toEqual(WITH_PASID);
    expect(filled).toContain(STREAM_TABLE);
    expect(hex(one.smmu.memory.read(QUEUE, 16))).toBe("08000000000000500050000000000000");
  });
});

describe("the machine", () => {
  it("takes requests, counts them, and forgets counts and state on reset", () => {
    const { smmu, responses } = world();
    smmu.requestPage(askLast(1));
    smmu.requestPage({ ...askLast(2), last: false });
    expect(smmu.issue(bytes("4100000008000000 0020000000000000"))).toBe(0);
    const counts = {
      pageRequests: 3,
      pageRequestsQueued: 1,
      pageRequestsOverflowed: 2,
      pageResponses: 2,
      automaticPageResponses: 1,
    };
    expect(smmu.counters()).toMatchObject(counts);
    expect(responses).toEqual([
      { stream: 8, group: 1, code: "success" },
      { stream: 8, group: 0, code: "success" },
    ]);
    smmu.resetCounters();
    const none = Object.fromEntries(Object.keys(counts).map((name) => [name, 0]));
    expect(smmu.counters()).toMatchObject(none);
    expect(smmu.read32(PRIQ_PROD)).toBe(OVERFLOW + 1);
    smmu.requestPage(askLast(1));
    smmu.reset();
    expect(smmu.counters()).toMatchObject(none);
    expect(smmu.requestPage(askLast(3))).toBe("answered");
    expect(responses.at(-1)).toEqual({ stream: 8, group: 3, code: "failure" });
  });

  it("refuses wrong requests by name and counts none of them", () => {
    const { smmu } = world();
    expect(() => smmu.requestPage(askLast(512))).toThrow(
      new RangeError('"group" expected an integer in 0..511, got 512'),
    );
    expect(smmu.counters().pageRequests).toBe(1);
  });

  it("works without onPageResponse", () => {
    const smmu = new SmmuV3({ features: PRI_FEATURES });
    expect(smmu.requestPage(askLast(1))).toBe("answered");
    expect(smmu.counters().pageResponses).toBe(1);
  });

  it("lets both handlers translate, issue commands and send requests", () => {
    const log: unknown[] = [];
    const smmu: SmmuV3 = new SmmuV3({
      features: PRI_FEATURES,
      onIrq: (irq) => {
        log.push(irq, smmu.translate({ stream: 0, iova: 0x77n }).pa);
        const prod = smmu.read32(PRIQ_PROD);
        const entry = smmu.memory.read(QUEUE + BigInt(16 * ((prod - 1) & 3)), 16);
        smmu.write32(PRIQ_CONS, prod);
        const answer = bytes("4100000008000000 0020000000000000");
        answer[8] = entry[8]!;
        log.push(smmu.issue(answer));
      },
      onPageResponse: ({ group }) => {
        log.push(group, smmu.translate({ stream: 1, iova: 0x99n }).fault?.name);
        if (group < 2) log.push(smmu.requestPage(askLast(group + 1)));
      },
    });
    writeSte(smmu, 0, BYPASS);
    smmu.write64(0x80, STREAM_TABLE);
    smmu.write32(0x88, 4);
    smmu.write64(0xc0, QUEUE | 2n);
    smmu.write32(0x50, 2);
    smmu.write32(0x20, 3);
    expect(smmu.requestPage(askLast(0))).toBe("queued");
    expect(log).toEqual([
      // A response from inside a response's handler is sent after it.
      ...["priq", 0x77n, 0, "C_BAD_STE"],
      ...["priq", 0x77n, 0, "queued", 1, "C_BAD_STE"],
      ...["priq", 0x77n, 0, "queued", 2, "C_BAD_STE", 0],
    ]);
    expect(smmu.read32(PRIQ_CONS)).toBe(smmu.read32(PRIQ_PROD));
  });
});

describe("untranslated DMA", () => {
  it("is the same for every EATS that is legal, and with ATSCHK = 1", () => {
    const one = world();
    for (const eats of [0n, 1n, 2n, 3n]) {
      writeSte(one.smmu, 3, BYPASS, eats << 28n);
      one.smmu.issue(CFGI_ALL);
      for (const cr0 of [0x3, 0x13]) {
        one.smmu.write32(0x20, cr0);
        expect(one.smmu.translate({ stream: 3, iova: 0x1234n })).toMatchObject({
          status: "bypassed",
          pa: 0x1234n,
        });
      }
    }
  });

  it("CMD_ATC_INV drops nothing", () => {
    const one = world();
    writeSte(one.smmu, 3, BYPASS);
    one.smmu.translate({ stream: 3, iova: 0n });
    const before = one.smmu.counters();
    expect(one.smmu.issue(bytes("4000000003000000 3400000000000000"))).toBe(0);
    one.smmu.translate({ stream: 3, iova: 0n });
    const after = one.smmu.counters();
    expect([after.configMisses, after.invalidations]).toEqual([before.configMisses, before.invalidations]);
  });
});
