// Page requests (Intel VT-d Rev 5.10, 7.4 to 7.6, 6.5.3.1, 11.4.11): the queue, what is answered by the unit itself, and
// the faults of Table 30.

import { describe, expect, it } from "vitest";
import type { PageRequest } from "../../src/index.js";
import {
  ABORT,
  CONTEXT,
  DIRECTORY,
  descriptor,
  FIRST_STAGE,
  FS,
  full,
  IM,
  IP,
  LEGACY,
  NESTED,
  PAGE_REQUESTS,
  PASIDS,
  PASS_THROUGH,
  REG,
  Rig,
  ROOT,
  SCALABLE,
  SECOND_STAGE,
  SID,
  SS,
} from "./rig.js";

const PPR = 1;
const PRO = 2;
const PAGE = 0x5000n;

/** A rig whose device may send page requests: PASIDs 1 first stage, 2 second stage, 3 nested, 4 pass-through. */
function rigWithPages(options = {}): Rig {
  const rig = new Rig({ features: full(), ...options });
  rig.structures(0b11100n);
  const second = rig.table();
  rig.map({ root: second, leafLevel: 2, input: 0n, output: 0n, flags: SS });
  rig.map({ root: second, leafLevel: 2, input: 0x20_0000n, output: 0x20_0000n, flags: SS });
  const firsts = [1, 2].map(() => {
    const root = rig.table();
    rig.map({ root, input: PAGE, output: PAGE, flags: FS });
    return root;
  });
  rig.pasid(0, PASS_THROUGH, 9);
  rig.pasid(1, FIRST_STAGE, 1, { first: firsts[0]! });
  rig.pasid(2, SECOND_STAGE, 2, { second });
  rig.pasid(3, NESTED, 2, { first: firsts[1]!, second });
  rig.pasid(4, PASS_THROUGH, 2);
  rig.vtd.write64(REG.PQA, PAGE_REQUESTS);
  rig.enable();
  return rig;
}

const request = (more: Partial<PageRequest> = {}): PageRequest => ({
  stream: SID,
  pasid: 1,
  group: 7,
  address: PAGE,
  read: true,
  last: true,
  ...more,
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const entry = (rig: Rig, n: number): string => hex(rig.vtd.memory.read(PAGE_REQUESTS + BigInt(32 * n), 32));

describe("an accepted page request", () => {
  it.each([
    ["read, last", {}, "0101080101000000" + "3d50000000000000"],
    ["write, not last", { write: true, read: false, last: false }, "0101080101000000" + "3a50000000000000"],
    ["execute and privileged", { execute: true, privileged: true }, "0101080101003000" + "3d50000000000000"],
    [
      "the largest fields",
      { pasid: 1, group: 511, address: 0xffff_ffff_ffff_ffffn },
      "0101080101000000" + "fdffffffffffffff",
    ],
    [
      "without PASID",
      { pasid: undefined, execute: true, privileged: true },
      "0100080100000000" + "3d50000000000000",
    ],
  ] as const)("is written as a 32-byte descriptor: %s (7.4.1.1)", (_, more, expected) => {
    const rig = rigWithPages();
    expect(rig.vtd.requestPage(request(more))).toBe("queued");
    expect(entry(rig, 0)).toBe(expected + "00".repeat(16));
    expect([rig.vtd.read32(REG.PQT), rig.vtd.read32(REG.PRS), rig.responses]).toEqual([32, PPR, []]);
  });

  it("drops what the caches hold of its page: of the PASID, the pages of the domain, or the domain (Table 27)", () => {
    const rig = rigWithPages();
    const kept = (): string[] =>
      [1, 2, 3].flatMap((pasid) => (rig.source(pasid, PAGE) === "iotlb" ? [`pasid ${pasid}`] : []));
    const keptAfter = (pasid: number): string[] => {
      kept();
      kept();
      rig.vtd.requestPage(request({ pasid }));
      return kept();
    };
    expect(keptAfter(1)).toEqual(["pasid 2", "pasid 3"]);
    expect(keptAfter(2)).toEqual(["pasid 1"]);
    expect(keptAfter(3)).toEqual(["pasid 1"]);
    // Pass-through, in the domain of the second stage.
    expect(keptAfter(4)).toEqual(["pasid 1"]);
    expect(kept()).toEqual(["pasid 1", "pasid 2", "pasid 3"]);
  });

  it("makes stale rights in a cached translation go", () => {
    const rig = rigWithPages();
    const root = rig.table();
    rig.pasid(5, FIRST_STAGE, 5, { first: root });
    const leaf = rig.map({ root, input: PAGE, output: PAGE, flags: FS }).at(-1)!;
    rig.words(leaf, PAGE | (FS & ~2n));
    const write = (): boolean => rig.vtd.translate({ stream: SID, pasid: 5, iova: PAGE, write: true }).ok;
    rig.source(5, PAGE);
    expect(write()).toBe(false);
    rig.words(leaf, PAGE | FS);
    rig.vtd.requestPage(request({ pasid: 5, write: true }));
    expect(write()).toBe(true);
  });

  it("is a Stop marker with a PASID, last, neither read nor write: written as it is", () => {
    const rig = rigWithPages();
    expect(rig.vtd.requestPage(request({ read: false, address: 0n, group: 0 }))).toBe("queued");
    expect(entry(rig, 0)).toBe(`01010801010000000400000000000000${"00".repeat(16)}`);
  });
});

describe("the page request queue", () => {
  it("holds one less than 2^(PQS + 7) and then overflows: last requests are answered with success (Table 31)", () => {
    const rig = rigWithPages();
    const { vtd } = rig;
    for (let n = 0; n < 127; n++) expect(vtd.requestPage(request({ group: n }))).toBe("queued");
    expect([vtd.read32(REG.PQT), vtd.read32(REG.PRS)]).toEqual([127 * 32, PPR]);
    expect(vtd.requestPage(request({ last: false }))).toBe("dropped");
    expect(vtd.read32(REG.PRS)).toBe(PPR | PRO);
    expect(vtd.requestPage(request({ group: 500 }))).toBe("answered");
    expect(rig.responses).toEqual([{ stream: SID, pasid: 1, group: 500, code: "success" }]);
    expect(vtd.counters()).toMatchObject({
      pageRequests: 129,
      pageRequestsQueued: 127,
      pageRequestsOverflowed: 2,
      pageRequestsFaulted: 0,
      pageResponses: 1,
      automaticPageResponses: 1,
    });
  });

  it("takes nothing while PRO is set, room or not; software clears it by writing 1", () => {
    const rig = rigWithPages();
    const { vtd } = rig;
    for (let n = 0; n < 128; n++) vtd.requestPage(request());
    vtd.write64(REG.PQH, BigInt(vtd.read32(REG.PQT)));
    expect(vtd.requestPage(request({ pasid: undefined, group: 3 }))).toBe("answered");
    expect(rig.responses.at(-1)).toEqual({ stream: SID, group: 3, code: "success" });
    vtd.write32(REG.PRS, PRO);
    expect(vtd.requestPage(request({ group: 9 }))).toBe("queued");
    // The last slot was free all the time.
    expect(vtd.read32(REG.PQT)).toBe(0);
    expect(entry(rig, 127).slice(16, 24)).toBe("4d500000");
  });

  it("drops a Stop marker that finds no room, silently", () => {
    const rig = rigWithPages();
    for (let n = 0; n < 127; n++) rig.vtd.requestPage(request());
    expect(rig.vtd.requestPage(request({ read: false }))).toBe("dropped");
    expect(rig.responses).toEqual([]);
  });

  it("has the size that PQA says", () => {
    const rig = rigWithPages();
    rig.vtd.write64(REG.PQA, PAGE_REQUESTS | 1n);
    for (let n = 0; n < 255; n++) expect(rig.vtd.requestPage(request())).toBe("queued");
    expect(rig.vtd.requestPage(request())).toBe("answered");
  });

  it("answers with invalid where its memory is not there, recording nothing", () => {
    const rig = rigWithPages({ ram: [[0n, 0x4000_0000n]] });
    rig.vtd.write64(REG.PQA, 0xfff0_0000_0000_0000n);
    expect(rig.vtd.requestPage(request())).toBe("answered");
    expect(rig.responses).toEqual([{ stream: SID, pasid: 1, group: 7, code: "invalid" }]);
    expect([rig.vtd.read32(REG.PRS), rig.vtd.read32(REG.FSTS)]).toEqual([0, 0]);
  });

  it("interrupts for the first request, again only when PPR and PRO were served (7.5)", () => {
    const rig = rigWithPages();
    const { vtd } = rig;
    vtd.requestPage(request());
    expect([vtd.read32(REG.PECTL), rig.irqs]).toEqual([(IM | IP) >>> 0, []]);
    vtd.write32(REG.PECTL, 0);
    vtd.requestPage(request());
    expect(rig.irqs).toEqual(["page-request"]);
    vtd.write32(REG.PRS, PPR);
    vtd.requestPage(request());
    expect(rig.irqs).toEqual(["page-request", "page-request"]);
  });

  it("interrupts for overflow when PPR is served", () => {
    const rig = rigWithPages();
    const { vtd } = rig;
    for (let n = 0; n < 127; n++) vtd.requestPage(request());
    vtd.write32(REG.PRS, PPR);
    expect(vtd.read32(REG.PECTL)).toBe(IM);
    vtd.write32(REG.PECTL, 0);
    vtd.requestPage(request());
    expect([vtd.read32(REG.PRS), rig.irqs]).toEqual([PRO, ["page-request"]]);
  });
});

describe("a fault of the tables (Table 30)", () => {
  const context = CONTEXT + BigInt(SID & 0x7f) * 32n;
  const CASES: readonly (readonly [string, number, (rig: Rig) => void, Partial<PageRequest>?])[] = [
    ["reserved table mode", 0x30, (rig) => rig.enable(2n << 10n)],
    ["legacy mode", 0x32, (rig) => rig.enable(LEGACY)],
    ["legacy mode, without PASID", 0x32, (rig) => rig.enable(LEGACY), { pasid: undefined }],
    ["abort mode", 0x33, (rig) => rig.enable(ABORT)],
    [
      "root entry not readable",
      0x38,
      (rig) => {
        rig.vtd.write64(REG.RTADDR, 0x8000_0000n | SCALABLE);
        rig.vtd.write32(REG.GCMD, 0xc000_0000);
      },
    ],
    ["root entry not present", 0x39, (rig) => rig.words(ROOT + 16n, 0n)],
    ["root entry reserved", 0x3a, (rig) => rig.words(ROOT + 16n, CONTEXT | 3n)],
    ["a source-id of more than 16 bits", 0x39, () => {}, { stream: 0x10000 | SID }],
    ["context entry not readable", 0x40, (rig) => rig.words(ROOT + 16n, 0x8000_0001n)],
    ["context entry not present", 0x41, (rig) => rig.words(context, DIRECTORY)],
    ["context entry reserved", 0x42, (rig) => rig.words(context, DIRECTORY | 0b11101n, 1n << 40n)],
    ["PRE without DTE", 0x43, (rig) => rig.words(context, DIRECTORY | 0b11001n)],
    ["RID_PASID beyond the directory", 0x43, (rig) => rig.words(context, DIRECTORY | 0b11101n, 0x2000n)],
    ["PASIDE = 0", 0x45, (rig) => rig.structures(0b10100n)],
    ["PASID beyond the directory", 0x46, () => {}, { pasid: 0x2000 }],
    ["PRE = 0", 0x47, (rig) => rig.structures(0b01100n)],
    ["PRE = 0, without PASID", 0x47, (rig) => rig.structures(0b01100n), { pasid: undefined }],
    ["PASID = RID_PASID", 0x48, () => {}, { pasid: 0 }],
    ["directory entry not readable", 0x50, (rig) => rig.words(context, 0x8000_0000n | 0b11101n)],
    ["directory entry not present", 0x51, (rig) => rig.words(DIRECTORY, 0n)],
    ["directory entry reserved", 0x52, (rig) => rig.words(DIRECTORY, PASIDS | 5n)],
    ["PASID entry not readable", 0x58, (rig) => rig.words(DIRECTORY, 0x8000_0001n)],
    ["PASID entry not present", 0x59, () => {}, { pasid: 33 }],
    ["PASID entry reserved", 0x5a, (rig) => rig.words(PASIDS + 64n, FIRST_STAGE | 0x20n)],
    ["PASID entry of no type", 0x5b, (rig) => rig.words(PASIDS + 64n, 1n | (5n << 6n))],
  ];

  it.each(CASES)("%s: recorded as a page request, answered with invalid", (_, reason, prepare, more = {}) => {
    const rig = rigWithPages({ ram: [[0n, 0x4000_0000n]] });
    prepare(rig);
    const one = request(more);
    expect(rig.vtd.requestPage(one)).toBe("answered");
    const { stream, pasid, group } = one;
    const response = { stream, group, code: "invalid" };
    expect(rig.responses).toEqual([pasid === undefined ? response : { ...response, pasid }]);
    const high = rig.vtd.read64(REG.FRCD + 8);
    expect(rig.vtd.read64(REG.FRCD)).toBe(PAGE);
    expect(Number((high >> 32n) & 0xffn)).toBe(reason);
    // F, no T1, T2: a page request; PP and PV as in the message; the source-id.
    expect([high >> 62n, (high >> 28n) & 1n, high & 0xffffn]).toEqual([2n, 1n, BigInt(SID)]);
    expect([(high >> 31n) & 1n, (high >> 40n) & 0xfffffn]).toEqual(
      pasid === undefined ? [0n, 0n] : [1n, BigInt(pasid)],
    );
    expect([rig.vtd.read32(REG.PQT), rig.vtd.read32(REG.PRS)]).toEqual([0, 0]);
    expect(rig.vtd.counters()).toMatchObject({
      pageRequests: 1,
      pageRequestsFaulted: 1,
      automaticPageResponses: 1,
    });
  });

  it("drops the request when it is not the last of its group, and records it all the same", () => {
    const rig = rigWithPages();
    expect(rig.vtd.requestPage(request({ pasid: 33, last: false }))).toBe("dropped");
    expect([rig.responses, (rig.vtd.read64(REG.FRCD + 8) >> 32n) & 0xffn]).toEqual([[], 0x59n]);
  });

  it("records nothing that FPD qualifies, and answers", () => {
    const rig = rigWithPages();
    rig.structures(0b11110n);
    expect(rig.vtd.requestPage(request({ pasid: 33 }))).toBe("answered");
    expect(rig.vtd.read32(REG.FSTS)).toBe(0);
  });

  it("comes before overflow: the response is invalid, not success", () => {
    const rig = rigWithPages();
    for (let n = 0; n < 128; n++) rig.vtd.requestPage(request());
    rig.vtd.requestPage(request({ pasid: 33, group: 44 }));
    expect(rig.responses.at(-1)).toEqual({ stream: SID, pasid: 33, group: 44, code: "invalid" });
  });

  it("drops a Stop marker silently: no record, no response", () => {
    const rig = rigWithPages();
    expect(rig.vtd.requestPage(request({ pasid: 33, read: false }))).toBe("dropped");
    expect([rig.responses, rig.vtd.read32(REG.FSTS)]).toEqual([[], 0]);
  });

  it("answers although the handler of the fault event throws", () => {
    const rig = rigWithPages({
      onIrq() {
        throw new Error("handler");
      },
    });
    rig.vtd.write32(REG.FECTL, 0);
    expect(() => rig.vtd.requestPage(request({ pasid: 33 }))).toThrow("handler");
    expect(rig.responses).toHaveLength(1);
  });
});

describe("page requests", () => {
  it("are answered with invalid while translation is off, and nothing is recorded", () => {
    const rig = rigWithPages();
    rig.vtd.write32(REG.GCMD, 0);
    expect(rig.vtd.requestPage(request())).toBe("answered");
    expect(rig.vtd.requestPage(request({ last: false }))).toBe("dropped");
    expect(rig.responses).toEqual([{ stream: SID, pasid: 1, group: 7, code: "invalid" }]);
    expect(rig.vtd.read32(REG.FSTS)).toBe(0);
  });

  it("are dropped without ECAP.PRS", () => {
    const rig = rigWithPages({ features: full({ ecapOff: (1n << 29n) | (1n << 58n) }) });
    expect(rig.vtd.requestPage(request())).toBe("dropped");
    expect(rig.responses).toEqual([]);
  });

  it("need no PASID that ECAP.PSS allows: Table 30 leaves 0x89 out", () => {
    const rig = rigWithPages({ features: full({ ecapOff: 0x1fn << 35n }) });
    expect(rig.vtd.requestPage(request({ pasid: 3 }))).toBe("queued");
  });

  it("are checked as the embedding program hands them over", () => {
    const { vtd } = rigWithPages();
    expect(() => vtd.requestPage(request({ group: 512 }))).toThrow(RangeError);
    expect(() => vtd.requestPage(request({ address: 5 as unknown as bigint }))).toThrow(TypeError);
    expect(vtd.counters().pageRequests).toBe(0);
  });

  it("are answered by software through page group response descriptors (7.6.1)", () => {
    const rig = rigWithPages();
    const respond = (code: bigint, more = 0n, high = 0n): void => {
      expect(rig.vtd.issue(descriptor(9n | (code << 12n) | (BigInt(SID) << 16n) | more, high))).toBe(0);
    };
    // PP and PASID, PRGI; bit 66 is ignored.
    respond(0n, (1n << 4n) | (0xabcden << 32n), (511n << 3n) | 4n);
    respond(1n, 0xabcden << 32n, 5n << 3n);
    respond(0xfn);
    respond(7n);
    expect(rig.responses).toEqual([
      { stream: SID, pasid: 0xabcde, group: 511, code: "success" },
      { stream: SID, group: 5, code: "invalid" },
      { stream: SID, group: 0, code: "failure" },
      { stream: SID, group: 0, code: "failure" },
    ]);
    expect(rig.vtd.counters()).toMatchObject({ pageResponses: 4, automaticPageResponses: 0 });
    rig.vtd.resetCounters();
    expect(rig.vtd.counters()).toMatchObject({ pageRequests: 0, pageResponses: 0 });
  });
});
