// Ten times more page requests than the PRI queue of an SMMUv3 holds (IHI 0070 8.1, 8.1.1, 8.2, 8.3): which are answered
// by the SMMU itself and how, that software's recovery answers the rest, and that afterwards all is as before.

import { describe, expect, it } from "vitest";
import type { PageRequest, PageResponse } from "../../src/index.js";
import { SmmuV3 } from "../../src/index.js";
import { CR0, OVERFLOW, PRI_FEATURES, PRIQ_BASE, PRIQ_CONS, PRIQ_PROD } from "../smmuv3/pri-world.js";

const STREAM_TABLE = 0x4000_0000n;
const QUEUE = 0x4001_0000n;
const ON = 3;
const GROUPS = 40;

/** A machine with a PRI queue of 8 and streams 0 (PPAR = 1), 1 (PPAR = 0) and 2 (no valid STE). */
function machine(): { smmu: SmmuV3; responses: PageResponse[] } {
  const responses: PageResponse[] = [];
  const smmu = new SmmuV3({
    features: PRI_FEATURES,
    memoryLimit: 2 ** 22,
    onPageResponse: (response) => responses.push(response),
  });
  smmu.write64(0x80, STREAM_TABLE);
  smmu.write32(0x88, 3);
  for (const [stream, word0, word1] of [
    [0, 9n, 1n << 18n],
    [1, 9n, 0n],
  ] as const) {
    smmu.memory.writeU64(STREAM_TABLE + BigInt(64 * stream), word0);
    smmu.memory.writeU64(STREAM_TABLE + BigInt(64 * stream) + 8n, word1);
  }
  smmu.write64(PRIQ_BASE, QUEUE | 3n);
  smmu.write32(CR0, ON);
  return { smmu, responses };
}

const ask = (stream: number, group: number, last: boolean, pasid?: number): PageRequest => ({
  stream,
  group,
  last,
  read: true,
  address: BigInt(group) << 12n,
  ...(pasid === undefined ? {} : { pasid }),
});

/** Groups of two, from `stream`; what became of each message. */
function flood(smmu: SmmuV3, stream: number, pasid?: number): Record<string, number> {
  const outcomes: Record<string, number> = { queued: 0, answered: 0, dropped: 0 };
  for (let group = 0; group < GROUPS; group++) {
    for (const last of [false, true]) outcomes[smmu.requestPage(ask(stream, group, last, pasid))]!++;
  }
  return outcomes;
}

/** Last, PRGIndex, StreamID and PASID (undefined without SSV) of an entry. */
function entry(smmu: SmmuV3, index: number) {
  const low = smmu.memory.readU64(QUEUE + BigInt(16 * (index & 7)));
  const high = smmu.memory.readU64(QUEUE + BigInt(16 * (index & 7)) + 8n);
  return {
    last: ((low >> 62n) & 1n) === 1n,
    group: Number(high & 511n),
    stream: Number(low & 0xffff_ffffn),
    pasid: (low >> 63n) & 1n ? Number((low >> 32n) & 0xf_ffffn) : undefined,
  };
}

/** CMD_PRI_RESP, Success. */
function respond(smmu: SmmuV3, stream: number, group: number, pasid: number | undefined): void {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (0x41 | (pasid === undefined ? 0 : 0x800 | (pasid << 12))) >>> 0, true);
  view.setUint32(4, stream, true);
  view.setUint32(8, group | (2 << 12), true);
  expect(smmu.issue(bytes)).toBe(0);
}

/** 8.1.1: reads all, answers each group whose last request is there, moves RD and OVACKFLG in one write. */
function recover(smmu: SmmuV3, from: number): number {
  const prod = smmu.read32(PRIQ_PROD);
  let answered = 0;
  for (let at = from; at !== (prod & 15); at = (at + 1) & 15) {
    const { last, group, stream, pasid } = entry(smmu, at);
    if (!last) continue;
    respond(smmu, stream, group, pasid);
    answered++;
  }
  smmu.write32(PRIQ_CONS, prod);
  return answered;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

describe("80 page requests, 40 groups of two, at a PRI queue of 8", () => {
  type Row = readonly [what: string, stream: number, pasid: number | undefined, automatic: object];
  const ROWS: readonly Row[] = [
    ["no PASID", 0, undefined, { stream: 0, code: "success" }],
    ["PASID, PPAR = 1", 0, 5, { stream: 0, pasid: 5, code: "success" }],
    ["PASID, PPAR = 0", 1, 5, { stream: 1, code: "success" }],
    ["PASID, no valid STE", 2, 5, { stream: 2, code: "failure" }],
  ];
  for (const [what, stream, pasid, automatic] of ROWS) {
    it(`${what}: 8 queued, 36 last ones answered at once, 36 others dropped`, () => {
      const { smmu, responses } = machine();
      expect(flood(smmu, stream, pasid)).toEqual({ queued: 8, answered: 36, dropped: 36 });
      expect(smmu.read32(PRIQ_PROD)).toBe((OVERFLOW + 8) >>> 0);
      expect(responses).toEqual(range(4, 40).map((group) => ({ ...automatic, group })));
      expect(smmu.counters()).toMatchObject({
        pageRequests: 80,
        pageRequestsQueued: 8,
        pageRequestsOverflowed: 72,
        pageResponses: 36,
        automaticPageResponses: 36,
      });
      // The four groups in the queue are whole; software answers them, and nothing is left.
      expect(recover(smmu, 0)).toBe(4);
      expect(responses.map(({ group }) => group).sort((a, b) => a - b)).toEqual(range(0, 40));
      responses.length = 0;
      expect(smmu.requestPage(ask(stream, 77, true, pasid))).toBe("queued");
      expect(smmu.read32(PRIQ_PROD)).toBe((OVERFLOW + 9) >>> 0);
      expect(recover(smmu, 8)).toBe(1);
      expect(responses).toEqual([
        { stream, group: 77, code: "success", ...(pasid === undefined ? {} : { pasid }) },
      ]);
    });
  }

  it("a group cut in two by the overflow is answered once, by the SMMU, and software leaves it alone (8.1.1)", () => {
    const { smmu, responses } = machine();
    // One message more at the front: group 3's last is the first to be lost.
    expect(smmu.requestPage(ask(0, 100, true))).toBe("queued");
    expect(flood(smmu, 0)).toEqual({ queued: 7, answered: 37, dropped: 36 });
    expect(responses.map(({ group }) => group)).toEqual(range(3, 40));
    expect(recover(smmu, 0)).toBe(4);
    expect(responses.slice(37).map(({ group }) => group)).toEqual([100, 0, 1, 2]);
  });

  it("ten overflows one after the other: OVFLG toggles ten times, each group is answered once", () => {
    const { smmu, responses } = machine();
    for (let round = 0; round < 10; round++) {
      expect(flood(smmu, 0, 9)).toEqual({ queued: 8, answered: 36, dropped: 36 });
      const flag = round % 2 === 0 ? OVERFLOW : 0;
      expect(smmu.read32(PRIQ_PROD)).toBe((flag + ((8 * (round + 1)) & 15)) >>> 0);
      expect(recover(smmu, (8 * round) & 15)).toBe(4);
      expect(responses.map(({ group }) => group).sort((a, b) => a - b)).toEqual(range(0, 40));
      responses.length = 0;
    }
    expect(smmu.counters()).toMatchObject({
      pageRequests: 800,
      pageResponses: 400,
      automaticPageResponses: 360,
    });
  });

  it("with the queue off every request fails, last or not; on again it starts where it was (8.2)", () => {
    const { smmu, responses } = machine();
    smmu.requestPage(ask(0, 50, true));
    smmu.write32(CR0, 1);
    expect(flood(smmu, 0, 5)).toEqual({ queued: 0, answered: 80, dropped: 0 });
    expect(responses).toEqual(
      range(0, 80).map((n) => ({ stream: 0, group: Math.floor(n / 2), code: "failure" })),
    );
    expect(smmu.read32(PRIQ_PROD)).toBe(1);
    smmu.write32(CR0, ON);
    expect(smmu.requestPage(ask(0, 51, true))).toBe("queued");
    responses.length = 0;
    expect(recover(smmu, 0)).toBe(2);
    expect(responses.map(({ group }) => group)).toEqual([50, 51]);
  });

  it("80 Stop markers take 8 entries and leave no answer behind", () => {
    const { smmu, responses } = machine();
    const outcomes = range(0, 80).map((pasid) =>
      smmu.requestPage({ stream: 0, pasid, group: 0, address: 0n, last: true }),
    );
    expect(outcomes.filter((outcome) => outcome === "queued")).toHaveLength(8);
    expect(outcomes.filter((outcome) => outcome === "dropped")).toHaveLength(72);
    expect(responses).toEqual([]);
    expect(smmu.read32(PRIQ_PROD)).toBe((OVERFLOW + 8) >>> 0);
  });
});
