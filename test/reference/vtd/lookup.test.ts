// What the vectors cannot reach of root, context and PASID look-ups: requests with PASID, modes, fields that need a
// capability, page requests. Codes restated from VT-d Table 30.

import { describe, expect, it } from "vitest";
import {
  AW,
  CAP,
  type EcapBit,
  ecapWithout,
  FS_ALL,
  Machine,
  PGTT,
  RID_PASID,
  SID,
  SRE,
  SS_ALL,
  SSADE,
} from "./machine.js";

const IOVA = 0x1234_5000n;

/** A machine whose PASIDs 5 (RID_PASID) and 7 pass through. */
function passing(options: ConstructorParameters<typeof Machine>[0] = {}): Machine {
  const machine = new Machine(options);
  machine.pasidEntry(RID_PASID, PGTT.passThrough);
  machine.pasidEntry(7, PGTT.passThrough);
  return machine;
}

describe("requests with PASID (3.4.3)", () => {
  it("find their own entry, requests without find RID_PASID's", () => {
    const machine = passing();
    machine.pasidEntry(7, PGTT.secondStage | AW.w39 | 0x9000n);
    expect(machine.answer({ iova: IOVA })).toBe("bypassed 12345000");
    expect(machine.answer({ iova: IOVA, pasid: 7 })).toBe("0x79");
  });

  it("need PASIDE, which requests without do not", () => {
    const machine = passing();
    machine.context(0n);
    expect(machine.answer({ iova: IOVA })).toBe("bypassed 12345000");
    expect(machine.answer({ iova: IOVA, pasid: 7 })).toBe("0x45");
  });

  it("must fit the directory and ECAP.PSS and differ from RID_PASID", () => {
    const machine = passing();
    expect(machine.answer({ iova: IOVA, pasid: 8191 })).toBe("0x51");
    expect(machine.answer({ iova: IOVA, pasid: 8192 })).toBe("0x46");
    expect(machine.answer({ iova: IOVA, pasid: RID_PASID })).toBe("0x48");
    const narrow = passing({ ecap: (ecapWithout() & ~(31n << 35n)) | (9n << 35n) });
    expect(narrow.answer({ iova: IOVA, pasid: 1023 })).toBe("0x51");
    expect(narrow.answer({ iova: IOVA, pasid: 1024 })).toBe("0x89");
  });

  it("have PP, PV, PRIV and EXE in the record (11.4.14)", () => {
    const machine = passing();
    machine.access({ iova: IOVA, pasid: 0x1fff, priv: true, exec: true });
    const [{ low, high }] = machine.vtd.faults.records as [{ low: bigint; high: bigint }];
    expect(low).toBe(IOVA);
    // F, T1 | PV | FR | PP, EXE, PRIV | SID
    expect(high).toBe((3n << 62n) | (0x1fffn << 40n) | (0x51n << 32n) | (7n << 29n) | BigInt(SID));
  });

  it("cannot ask for execution: 0x34 from version 8 on, before that 0x5C", () => {
    expect(passing().answer({ iova: IOVA, pasid: 7, exec: true })).toBe("0x5c");
    expect(passing({ version: 0x80 }).answer({ iova: IOVA, pasid: 7, exec: true })).toBe("0x34");
  });
});

describe("table modes (11.4.5)", () => {
  it.each([
    ["scalable without ECAP.SMTS", { ttm: 1n, ecap: ecapWithout("SMTS") }, "0x30"],
    ["reserved", { ttm: 2n }, "0x30"],
    ["abort without ECAP.ADMS", { ttm: 3n, ecap: ecapWithout("ADMS") }, "0x30"],
    ["abort", { ttm: 3n }, "0x33"],
  ])("blocks everything: %s", (_, options, code) => {
    expect(passing(options).answer({ iova: IOVA })).toBe(code);
  });

  it("blocks requests with PASID in legacy mode", () => {
    expect(passing({ ttm: 0n }).answer({ iova: IOVA, pasid: 7 })).toBe("0x31");
  });

  it("takes a new root table when software sets SRTP, not before", () => {
    const machine = passing();
    machine.vtd.setRegister("RTADDR", 0x8000_0400n);
    expect(machine.answer({ iova: IOVA })).toBe("bypassed 12345000");
    machine.vtd.setRegister("GCMD", (1n << 31n) | (1n << 30n));
    expect(machine.answer({ iova: IOVA })).toBe("0x38");
    machine.vtd.setRegister("GCMD", 0n);
    expect(machine.answer({ iova: 1n << 60n })).toBe("bypassed 1000000000000000");
  });
});

describe("context entries (9.3, 9.4)", () => {
  const DTE = 1n << 2n;
  const PASIDE = 1n << 3n;
  const PRE = 1n << 4n;
  it.each<[string, EcapBit[], bigint, bigint, string]>([
    ["DTE", ["DT"], DTE, 5n, "0x42"],
    ["PASIDE", ["PASID"], PASIDE, 5n, "0x42"],
    ["PRE", ["PRS"], PRE | DTE, 5n, "0x42"],
    ["RID_PASID", ["RPS"], 0n, 5n, "0x42"],
    ["RID_PRIV", ["SRS"], 0n, 5n | (1n << 20n), "0x42"],
    ["nothing: PRE without DTE", [], PRE, 5n, "0x43"],
    ["nothing: RID_PASID beyond the directory", [], 0n, 8192n, "0x43"],
    ["nothing: all is well", [], PRE | DTE | PASIDE, 5n, "bypassed 12345000"],
  ])("lacking %s", (_, missing, low, high, answer) => {
    const machine = passing({ ecap: ecapWithout(...missing) });
    machine.context(low, high);
    expect(machine.answer({ iova: IOVA })).toBe(answer);
  });

  it("has the PASID directory grow with PDTS", () => {
    const machine = passing();
    machine.context((1n << 3n) | (7n << 9n), 0xf_ffffn);
    expect(machine.answer({ iova: IOVA, pasid: 0xf_fffe })).toBe("0x51");
  });

  it.each([
    [1n << 2n, 2n, "0x3"],
    [2n << 2n, 2n, "bypassed 12345000"],
    [2n << 2n, 5n, "0x3"],
    [3n << 2n, 2n, "0x3"],
  ])("answers legacy TT bits %i with AW %i: %s", (tt, aw, answer) => {
    const machine = passing({ ttm: 0n, ecap: ecapWithout("DT") });
    machine.legacyContext(tt | 1n, aw);
    expect(machine.answer({ iova: IOVA })).toBe(answer);
  });
});

describe("PASID entries (9.6)", () => {
  it.each<[string, EcapBit[], bigint, bigint, bigint]>([
    ["SSADE", ["SSADS"], SSADE, 0n, 0n],
    ["SSPTPTR", ["SSTS"], 0x9000n, 0n, 0n],
    ["PWSNP", ["SMPWC"], 0n, 1n << 23n, 0n],
    ["PGSNP", ["SC"], 0n, 1n << 24n, 0n],
    ["CD", ["MTS"], 0n, 1n << 25n, 0n],
    ["EMTE", ["MTS"], 0n, 1n << 26n, 0n],
    ["SRE", ["SRS"], 0n, 0n, SRE],
    ["FSPM", ["FSTS"], 0n, 0n, 1n << 2n],
    ["WPE", ["FSTS"], 0n, 0n, 1n << 4n],
    ["EAFE", ["EAFS"], 0n, 0n, 1n << 7n],
    ["FSPTPTR", ["FSTS"], 0n, 0n, 0x9000n],
  ])("%s is reserved without its capability, whatever the type", (_, missing, word0, word1, word2) => {
    for (const [ecap, answer] of [
      [ecapWithout(...missing), "0x5a"],
      [ecapWithout(), "bypassed 12345000"],
    ] as const) {
      const machine = passing({ ecap });
      machine.pasidEntry(RID_PASID, PGTT.passThrough | word0, word1, word2);
      expect(machine.answer({ iova: IOVA })).toBe(answer);
    }
  });

  it.each<[string, EcapBit[], bigint, bigint]>([
    ["type 0", [], 0n, 0n],
    ["type 5", [], 5n << 6n, 0n],
    ["first stage without FSTS", ["FSTS"], PGTT.firstStage, 0n],
    ["second stage without SSTS", ["SSTS"], PGTT.secondStage | AW.w48, 0n],
    ["nested without NEST", ["NEST"], PGTT.nested | AW.w48, 0n],
    ["pass-through without PT", ["PT"], PGTT.passThrough, 0n],
    ["second stage with AW 0", [], PGTT.secondStage, 0n],
    ["second stage with AW 4", [], PGTT.secondStage | (4n << 2n), 0n],
    ["first stage with FSPM 2", [], PGTT.firstStage, 2n << 2n],
    ["nested with FSPM 3", [], PGTT.nested | AW.w48, 3n << 2n],
    ["nested with FSPTPTR beyond the second stage", [], PGTT.nested | AW.w39, 1n << 39n],
  ])("%s is invalid", (_, missing, word0, word2) => {
    const machine = passing({ ecap: ecapWithout(...missing) });
    machine.pasidEntry(RID_PASID, word0, 0n, word2);
    expect(machine.answer({ iova: IOVA })).toBe("0x5b");
  });

  it("wants five levels and 57 bits in the capabilities", () => {
    const without = CAP & ~((1n << 60n) | (1n << 11n));
    const machine = passing({ cap: without });
    machine.pasidEntry(RID_PASID, PGTT.firstStage, 0n, 1n << 2n);
    expect(machine.answer({ iova: IOVA })).toBe("0x5b");
    machine.pasidEntry(RID_PASID, PGTT.secondStage | AW.w57);
    expect(machine.answer({ iova: IOVA })).toBe("0x5b");
  });

  it("asks for SRE of supervisor requests where the first stage translates", () => {
    const machine = passing();
    const second = machine.newTable();
    machine.map({ root: second, levels: 4, input: IOVA, output: 0x7000n, table: SS_ALL, leaf: SS_ALL });
    machine.pasidEntry(7, PGTT.secondStage | AW.w48 | second);
    expect(machine.answer({ iova: IOVA, pasid: 7, priv: true })).toBe("translated 7000");
    const first = machine.newTable();
    machine.map({ root: first, levels: 4, input: IOVA, output: 0x8000n, table: FS_ALL, leaf: FS_ALL });
    machine.pasidEntry(7, PGTT.firstStage, 1n << 23n, first);
    expect(machine.answer({ iova: IOVA, pasid: 7, priv: true })).toBe("0x5d");
    expect(machine.answer({ iova: IOVA, pasid: 7 })).toBe("translated 8000");
  });
});

describe("pass-through (3.9)", () => {
  it("takes physical addresses only, and no interrupt addresses", () => {
    const machine = passing({ haw: 46 });
    expect(machine.answer({ iova: (1n << 46n) - 1n })).toBe("bypassed 3fffffffffff");
    expect(machine.answer({ iova: 1n << 46n })).toBe("0x83");
    expect(machine.answer({ iova: 0xfee0_0000n, pasid: 7 })).toBe("0x87");
    expect(machine.answer({ iova: 0xfef0_0000n, pasid: 7 })).toBe("bypassed fef00000");
  });
});

describe("the interrupt address range (3.14)", () => {
  it("takes requests without PASID out of translation", () => {
    expect(passing().answer({ iova: 0xfee0_1234n, write: true })).toBe("interrupt fee01234");
  });
});

describe("page requests (7.4)", () => {
  it("need PRE, and a mode that has them", () => {
    const machine = passing();
    const request = { sid: SID, iova: IOVA, pasid: 7 };
    expect(machine.vtd.pageRequest(request)?.reason).toBe(0x47);
    machine.context((1n << 2n) | (1n << 3n) | (1n << 4n));
    expect(machine.vtd.pageRequest(request)).toBeUndefined();
    expect(machine.vtd.pageRequest({ ...request, pasid: 9 })?.reason).toBe(0x59);
    expect(passing({ ttm: 0n }).vtd.pageRequest(request)?.reason).toBe(0x32);
  });

  it("have type 01 in the record", () => {
    const machine = passing();
    machine.vtd.pageRequest({ sid: SID, iova: IOVA, pasid: 7 });
    const high = machine.vtd.faults.records[0]!.high;
    expect([(high >> 62n) & 1n, (high >> 28n) & 1n]).toEqual([0n, 1n]);
  });
});
