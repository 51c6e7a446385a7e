// Ten times more page requests than the page request queue of a VT-d unit holds (Rev 5.10, 7.4, 7.5, Table 31, 7.6.1): PRO,
// Success for the last of each group that was lost, nothing for the others, and normal work afterwards. Counts by hand:
// a queue of 4 KiB has 128 entries and holds 127.

import { describe, expect, it } from "vitest";
import { PPR, PRO, request, rigWithPages } from "../vtd/page-rig.js";
import { IM, PAGE_REQUESTS, REG, type Rig, SID } from "../vtd/rig.js";

const HELD = 127;

interface Response {
  pasid?: number;
  group: number;
  code: string;
}

/** Groups 0..511 with PASID 1, those above with PASID 2. */
const groupOf = (n: number): { pasid: number; group: number } =>
  n < 512 ? { pasid: 1, group: n } : { pasid: 2, group: n - 512 };
const numberOf = ({ pasid, group }: Response): number => (pasid === 2 ? 512 + group : group);

/** `count` groups of two messages; what became of each. */
function flood(rig: Rig, count: number): Record<string, number> {
  const outcomes: Record<string, number> = { queued: 0, answered: 0, dropped: 0 };
  for (let n = 0; n < count; n++) {
    for (const last of [false, true]) outcomes[rig.vtd.requestPage(request({ ...groupOf(n), last }))]!++;
  }
  return outcomes;
}

/** Reads from PQH to PQT, answers each group whose last request is there, moves PQH, clears PPR and PRO. */
function recover(rig: Rig, bytes = 4096): number {
  const { vtd } = rig;
  const tail = vtd.read32(REG.PQT);
  let answered = 0;
  for (let at = vtd.read32(REG.PQH); at !== tail; at = (at + 32) % bytes) {
    const low = vtd.memory.readU64(PAGE_REQUESTS + BigInt(at));
    const high = vtd.memory.readU64(PAGE_REQUESTS + BigInt(at) + 8n);
    if ((high & 4n) === 0n) continue;
    const pasid = (low >> 32n) & 0xf_ffffn;
    // Success: PP, RID, PASID, PRGI.
    const response = 9n | 0x10n | (BigInt(SID) << 16n) | (pasid << 32n);
    expect(rig.issue(response, ((high >> 3n) & 511n) << 3n)).toBe(0);
    answered++;
  }
  vtd.write64(REG.PQH, BigInt(tail));
  vtd.write32(REG.PRS, PPR | PRO);
  return answered;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

describe("1270 page requests, 635 groups of two, at a queue that holds 127", () => {
  it("63 groups and a half are queued, 572 answered with Success at once, 571 requests dropped", () => {
    const rig = rigWithPages();
    rig.vtd.write32(REG.PECTL, 0);
    expect(flood(rig, 635)).toEqual({ queued: HELD, answered: 572, dropped: 571 });
    expect((rig.responses as Response[]).map(numberOf)).toEqual(range(63, 635));
    expect(new Set((rig.responses as Response[]).map(({ code }) => code))).toEqual(new Set(["success"]));
    expect([rig.vtd.read32(REG.PRS), rig.vtd.read32(REG.PQT)]).toEqual([PPR | PRO, HELD * 32]);
    // PPR stood when PRO was set: one event (7.5). No fault is reported.
    expect([rig.irqs, rig.vtd.read32(REG.FSTS)]).toEqual([["page-request"], 0]);
    expect(rig.vtd.counters()).toMatchObject({
      pageRequests: 1270,
      pageRequestsQueued: HELD,
      pageRequestsOverflowed: 1143,
      pageRequestsFaulted: 0,
      pageResponses: 572,
      automaticPageResponses: 572,
    });
  });

  it("software's 63 answers make it one for each group; then the queue goes on, with a new event", () => {
    const rig = rigWithPages();
    rig.vtd.write32(REG.PECTL, 0);
    flood(rig, 635);
    expect(recover(rig)).toBe(63);
    expect((rig.responses as Response[]).map(numberOf).sort((a, b) => a - b)).toEqual(range(0, 635));
    expect([rig.vtd.read32(REG.PRS), rig.vtd.read32(REG.PECTL)]).toEqual([0, 0]);
    rig.responses.length = 0;
    for (let round = 0; round < 3; round++) {
      expect(flood(rig, 60)).toEqual({ queued: 120, answered: 0, dropped: 0 });
      expect(recover(rig)).toBe(60);
    }
    expect(rig.responses).toHaveLength(180);
    expect(rig.irqs).toHaveLength(4);
    // 127 + 360 entries have been written: PQT is 487 modulo 128.
    expect(rig.vtd.read32(REG.PQT)).toBe((487 - 3 * 128) * 32);
  });

  it("room alone does not end the overflow: PRO does (7.4.1)", () => {
    const rig = rigWithPages();
    flood(rig, 635);
    rig.vtd.write64(REG.PQH, BigInt(rig.vtd.read32(REG.PQT)));
    rig.vtd.write32(REG.PRS, PPR);
    rig.responses.length = 0;
    expect(flood(rig, 635)).toEqual({ queued: 0, answered: 635, dropped: 635 });
    expect(rig.vtd.read32(REG.PRS)).toBe(PRO);
    rig.vtd.write32(REG.PRS, PRO);
    expect(flood(rig, 10)).toEqual({ queued: 20, answered: 0, dropped: 0 });
  });

  it("masked, the event waits in IP, and goes with the conditions (7.5)", () => {
    const rig = rigWithPages();
    flood(rig, 635);
    expect([rig.vtd.read32(REG.PECTL), rig.irqs]).toEqual([0xc000_0000, []]);
    recover(rig);
    expect(rig.vtd.read32(REG.PECTL)).toBe(IM);
    rig.vtd.write32(REG.PECTL, 0);
    expect(rig.irqs).toEqual([]);
  });

  it("a queue of 8 KiB holds 255 of 2550", () => {
    const rig = rigWithPages();
    rig.vtd.write64(REG.PQA, PAGE_REQUESTS | 1n);
    const outcomes = range(0, 2550).map((n) => rig.vtd.requestPage(request({ group: n % 512 })));
    expect(outcomes.filter((outcome) => outcome === "queued")).toHaveLength(255);
    expect(outcomes.filter((outcome) => outcome === "answered")).toHaveLength(2295);
    expect(recover(rig, 8192)).toBe(255);
    expect(rig.responses).toHaveLength(2550);
  });
});

describe("1270 page requests that the tables refuse", () => {
  it("fill the fault log and not the queue: Invalid for the last ones, 8 records of 1270 (Table 30)", () => {
    const rig = rigWithPages();
    const outcomes: Record<string, number> = { queued: 0, answered: 0, dropped: 0 };
    for (let n = 0; n < 635; n++) {
      for (const last of [false, true]) {
        outcomes[rig.vtd.requestPage(request({ pasid: 9, group: n % 512, last }))]!++;
      }
    }
    expect(outcomes).toEqual({ queued: 0, answered: 635, dropped: 635 });
    expect(new Set((rig.responses as Response[]).map(({ code }) => code))).toEqual(new Set(["invalid"]));
    // PFO, PPF; 8 recording registers of the preset, FR 0x59, {T1, T2} = page request.
    expect(rig.vtd.read32(REG.FSTS)).toBe(3);
    for (let n = 0; n < 8; n++) {
      const high = rig.vtd.read64(REG.FRCD + 16 * n + 8);
      expect([high >> 63n, (high >> 62n) & 1n, (high >> 28n) & 1n, (high >> 32n) & 0xffn]).toEqual([
        1n,
        0n,
        1n,
        0x59n,
      ]);
    }
    expect([rig.vtd.read32(REG.PQT), rig.vtd.read32(REG.PRS)]).toEqual([0, 0]);
    // A good one still comes through.
    expect(rig.vtd.requestPage(request())).toBe("queued");
  });
});
