// Page requests (Intel VT-d Rev 5.10, 7.4 to 7.6, 6.5.3.1, 11.4.11): the queue, and what the unit answers itself.

import { describe, expect, it } from "vitest";
import { entry, PAGE, PPR, PRO, request, rigWithPages } from "./page-rig.js";
import { descriptor, FIRST_STAGE, FS, full, IM, IP, PAGE_REQUESTS, REG, SID } from "./rig.js";

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
