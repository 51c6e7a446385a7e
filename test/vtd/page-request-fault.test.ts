// Page requests that the tables stop (Intel VT-d Rev 5.10, 7.4.1, Table 30).

import { describe, expect, it } from "vitest";
import type { PageRequest } from "../../src/index.js";
import { PAGE, request, rigWithPages } from "./page-rig.js";
import {
  ABORT,
  CONTEXT,
  DIRECTORY,
  FIRST_STAGE,
  LEGACY,
  PASIDS,
  REG,
  type Rig,
  ROOT,
  SCALABLE,
  SID,
} from "./rig.js";

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

  const rows = CASES.map(([name, reason, prepare, more = {}]) => ({ name, reason, prepare, more }));
  it.each(rows)("$name: recorded as a page request, answered with invalid", ({ reason, prepare, more }) => {
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
