// Translation requests that succeed: rights, size, privilege, N, U, and the flags they set (Intel VT-d Rev 5.10, 4.2.3,
// 4.2.3.1, Tables 10 and 30). Requests are for reads and writes (NW = 0) where nothing else is said.

import { describe, expect, it } from "vitest";
import { AtsRig, DT, FS_READ, NWFS, PGSNP } from "./ats-rig.js";
import {
  FIRST_STAGE,
  FS,
  full,
  LEGACY,
  NESTED,
  PASIDS,
  PASS_THROUGH,
  REG,
  Rig,
  ROOT,
  SECOND_STAGE,
  SID,
  SS,
} from "./rig.js";

describe("a translation request", () => {
  it("gets address, size of the leaf, and the rights that the tables leave", () => {
    const rig = new AtsRig();
    expect(rig.askWith(1, 0x5123n)).toBe("rw 5000/12");
    expect(rig.askWith(1, 0x6123n)).toBe("r 6000/12");
    expect(rig.askWith(1, 0x21_2345n)).toBe("rw 600000/21");
    expect(rig.ask(0x5123n)).toBe("rw 0/21");
    expect(rig.askWith(2, 0x4000_0123n)).toBe("r 50000/12");
    expect(rig.askWith(2, 0x4000_1123n)).toBe("w 51000/12");
    expect(rig.vtd.faults()).toEqual([]);
  });

  it("of nested tables gets the smaller leaf and the rights of both stages", () => {
    const rig = new AtsRig();
    expect(rig.askWith(3, 0x5123n)).toBe("rw 5000/12");
    expect(rig.askWith(3, 0x6123n)).toBe("r 6000/12");
    expect(rig.askWith(3, 0x21_2345n)).toBe("rw 600000/21");
    // 2 MiB of the first stage onto pages of the second.
    rig.words(rig.nestedFirst + 0n, rig.word(rig.nestedFirst));
    rig.map({ root: rig.nestedFirst, leafLevel: 2, input: 0x40_0000n, output: 0x4000_0000n, flags: FS });
    expect(rig.askWith(3, 0x40_0fffn)).toBe("r 50000/12");
    expect(rig.askWith(3, 0x40_1000n)).toBe("w 51000/12");
    expect(rig.askWith(3, 0x40_2000n)).toBe("rwn 52000/12");
  });

  it("is answered from the IOTLB as well, with the same rights and size", () => {
    const rig = new AtsRig();
    const both = (): string[] => [
      rig.askWith(1, 0x5fffn),
      rig.askWith(1, 0x6000n),
      rig.askWith(1, 0x3f_ffffn),
    ];
    const first = both();
    // Gone from memory, still in the cache.
    rig.words(rig.first, 0n);
    expect(both()).toEqual(first);
    expect(first).toEqual(["rw 5000/12", "r 6000/12", "rw 600000/21"]);
    expect(rig.vtd.counters().translationsGranted).toBe(6);
  });

  it("through pass-through gets its own region, as large as the largest page (4.2.3)", () => {
    const rig = new AtsRig();
    expect(rig.askWith(4, 0x1_2345_6789n)).toBe("rw 100000000/30");
    const small = new AtsRig({ features: full({ capOff: (1n << 56n) | (2n << 34n) }) });
    expect(small.askWith(4, 0x1_2345_6789n)).toBe("rw 123400000/21");
  });

  it("around the interrupt range gets what does not hold it", () => {
    const rig = new AtsRig();
    expect(rig.askWith(4, 0xfed0_0000n)).toBe("rw fed00000/20");
    expect(rig.askWith(4, 0xc000_0000n)).toBe("rw c0000000/20");
    expect(rig.askWith(4, 0x8000_0000n)).toBe("rw 80000000/30");
    // A 1 GiB page of the first stage from 3 GiB on, onto 5 GiB: with a PASID its input is no interrupt.
    rig.map({ root: rig.first, leafLevel: 3, input: 0xc000_0000n, output: 0x1_4000_0000n, flags: FS });
    expect(rig.askWith(1, 0xfed0_0000n)).toBe("rw 140000000/30");
  });

  it("beyond 52 bits gets the whole page, too (five levels)", () => {
    const rig = new AtsRig();
    const root = rig.table();
    const input = 0x13n << 52n;
    // AW 3 = 57 bits.
    rig.pasid(5, 1n | (2n << 6n) | (3n << 2n), 5, { second: root });
    rig.map({ root, levels: 5, leafLevel: 2, input, output: 0x40_0000n, flags: SS });
    rig.map({ root, levels: 5, input: input + 0x20_0000n, output: 0x5000n, flags: SS });
    rig.map({ root, levels: 5, leafLevel: 3, input: input + 0x4000_0000n, output: 0xc000_0000n, flags: SS });
    const ask = (offset: bigint): string => rig.askWith(5, input + offset);
    expect([ask(0x1234n), ask(0x20_0fffn)]).toEqual(["rw 400000/21", "rw 5000/12"]);
    // A page onto the interrupt range: the MiB beside it, and the one within.
    expect([ask(0x7ed0_0000n), ask(0x7ee0_0000n)]).toEqual(["rw fed00000/20", "CA"]);
    expect(ask(0x8000_0000n)).toBe("none/12");
  });
});

describe("privilege (4.2.3)", () => {
  it("is told back of a request with PASID and PR = 1, whose rights are the supervisor's", () => {
    const rig = new AtsRig();
    expect(rig.askWith(1, 0x7000n)).toBe("none/12");
    expect(rig.fault).toBe("USER_PRIVILEGE");
    // SRE is bit 128.
    rig.words(PASIDS + 64n + 16n, rig.first | 1n);
    rig.issue(0x37n, 0n);
    expect(rig.askWith(1, 0x7000n, { privileged: true })).toBe("rwp 7000/12");
    expect(rig.askWith(1, 0x5000n, { privileged: true })).toBe("rwp 5000/12");
    expect(rig.askWith(1, 0x5000n)).toBe("rw 5000/12");
  });

  it("without SRE gets no rights, and PRIV = 1", () => {
    const rig = new AtsRig();
    expect(rig.askWith(1, 0x5000n, { privileged: true })).toBe("nonep/12");
    expect(rig.fault).toBe("PASID_NO_SUPERVISOR");
  });

  it("does not count without a PASID; RID_PRIV does, with PRIV = 0", () => {
    const rig = new AtsRig();
    rig.pasid(0, FIRST_STAGE, 1, { first: rig.first | 1n });
    expect(rig.ask(0x7000n, { privileged: true })).toBe("none/12");
    rig.structures(0b11100n, 1n << 20n);
    rig.issue(0x31n, 0n);
    rig.issue(0x11n, 0n);
    expect(rig.ask(0x7000n)).toBe("rw 7000/12");
  });
});

describe("an execute request (EXE is always 0)", () => {
  it("with PASID gets no rights, whatever the type (SPT.5)", () => {
    const rig = new AtsRig();
    for (const pasid of [1, 2, 3, 4]) {
      expect(rig.askWith(pasid, 0x5000n, { execute: true })).toBe("none/12");
      expect(rig.fault).toBe("PASID_NO_EXECUTE");
    }
  });

  it("without a PASID is an ordinary one", () => {
    expect(new AtsRig().ask(0x5000n, { execute: true })).toBe("rw 0/21");
  });
});

describe("N (Table 10)", () => {
  it.each([
    ["first stage", 1, FIRST_STAGE, "rw 5000/12", "rwn 5000/12", 0x5000n],
    ["second stage", 2, SECOND_STAGE, "rw 0/21", "rwn 0/21", 0x5000n],
    ["nested", 3, NESTED, "rw 5000/12", "rwn 5000/12", 0x5000n],
    ["pass-through", 4, PASS_THROUGH, "rw 0/30", "rwn 0/30", 0x5000n],
  ] as const)("is PGSNP of the PASID entry: %s", (_, pasid, _type, without, withIt, iova) => {
    const rig = new AtsRig();
    expect(rig.askWith(pasid, iova)).toBe(without);
    const at = PASIDS + BigInt(pasid) * 64n + 8n;
    rig.words(at, rig.word(at) | PGSNP);
    rig.issue(0x37n, 0n);
    expect(rig.askWith(pasid, iova)).toBe(withIt);
  });

  it("is SNP of the second stage's leaf as well, cached or not", () => {
    const rig = new AtsRig();
    expect(rig.askWith(2, 0x4000_2000n)).toBe("rwn 52000/12");
    expect(rig.askWith(2, 0x4000_2000n)).toBe("rwn 52000/12");
  });
});

describe("the interrupt range (Table 30, S.1 and S.2)", () => {
  it("without a PASID: W and U, not R, whatever the tables say", () => {
    const rig = new AtsRig();
    expect(rig.ask(0xfee0_1234n)).toBe("wu fee01000/12");
    expect(rig.ask(0xfeef_ffffn)).toBe("wu feeff000/12");
    expect(rig.vtd.faults()).toEqual([]);
  });

  it("with NW = 1: nothing where NWFS counts it, else as without", () => {
    const { ecap, ...rest } = full();
    const rig = new AtsRig({ features: { ...rest, ecap: ecap | NWFS } });
    expect(rig.ask(0xfee0_1234n, { write: false })).toBe("none/12");
    expect(rig.ask(0xfee0_1234n)).toBe("wu fee01000/12");
    expect(new AtsRig().ask(0xfee0_1234n, { write: false })).toBe("wu fee01000/12");
  });

  it("with a PASID is translated like any address", () => {
    const rig = new AtsRig();
    rig.map({ root: rig.first, input: 0xfee0_1000n, output: 0x5000n, flags: FS });
    expect(rig.askWith(1, 0xfee0_1000n)).toBe("rw 5000/12");
    // Through pass-through, too (SGN.8.2): but the access that follows is stopped (SGN.8.3).
    expect(rig.askWith(4, 0xfee0_1000n)).toBe("rw fee00000/20");
    expect(rig.vtd.translate({ stream: SID, iova: 0xfee0_1000n, translated: true }).ok).toBe(false);
  });
});

describe("accessed and dirty flags (4.2.3.1)", () => {
  const [A, D] = [1n << 5n, 1n << 6n];

  it("are set by the request, D where write is allowed, since a request is read and write without NWFS", () => {
    const rig = new AtsRig();
    rig.leaf(rig.first, 0x5000n, 7n);
    rig.leaf(rig.first, 0x6000n, FS_READ & 7n);
    expect(rig.askWith(1, 0x5000n, { write: false })).toBe("rw 5000/12");
    expect(rig.askWith(1, 0x6000n)).toBe("r 6000/12");
    expect(rig.word(rig.entry(rig.first, 0x5000n)) & 0xfffn).toBe(7n | A | D);
    expect(rig.word(rig.entry(rig.first, 0x6000n)) & 0xfffn).toBe(5n | A);
  });

  it("with NWFS and NW = 1: W = 0 and D stays; NW = 0 sets it then", () => {
    const { ecap, ...rest } = full();
    const rig = new AtsRig({ features: { ...rest, ecap: ecap | NWFS } });
    rig.leaf(rig.first, 0x5000n, 7n);
    expect(rig.askWith(1, 0x5000n, { write: false })).toBe("r 5000/12");
    expect(rig.word(rig.entry(rig.first, 0x5000n)) & 0xfffn).toBe(7n | A);
    expect(rig.askWith(1, 0x5000n)).toBe("rw 5000/12");
    expect(rig.word(rig.entry(rig.first, 0x5000n)) & 0xfffn).toBe(7n | A | D);
    // A page for writes alone has nothing for a reader.
    expect(rig.askWith(2, 0x4000_1000n, { write: false })).toBe("none/12");
    expect(rig.fault).toBe("READ");
  });

  it("of the second stage with SSADE: A 8, D 9", () => {
    const rig = new AtsRig();
    // SSADE is bit 9 of the PASID entry.
    rig.pasid(2, SECOND_STAGE | (1n << 9n), 2, { second: rig.second });
    rig.leaf(rig.second, 0x4000_0000n, 3n);
    expect(rig.askWith(2, 0x4000_0000n)).toBe("rw 50000/12");
    expect(rig.word(rig.entry(rig.second, 0x4000_0000n)) & 0xfffn).toBe(0x303n);
  });
});

describe("legacy mode", () => {
  /** TT in bits 3:2, AW 2 = 48 bits, DID 7. */
  function legacy(type: bigint): Rig {
    const rig = new Rig({ features: full() });
    const second = rig.table();
    rig.words(ROOT + BigInt(SID >> 8) * 16n, 0x2001n, 0n);
    rig.words(0x2000n + BigInt(SID & 0xff) * 16n, second | (type << 2n) | 1n, 2n | (7n << 8n));
    rig.map({ root: second, leafLevel: 2, input: 0n, output: 0x40_0000n, flags: SS });
    rig.map({ root: second, input: 0x20_0000n, output: 0x5000n, flags: SS });
    rig.enable(LEGACY);
    return rig;
  }
  const request = (rig: Rig, iova: bigint) => rig.vtd.requestTranslation({ stream: SID, iova });

  it("with TT = 01 translates by the second stage", () => {
    const rig = legacy(1n);
    expect(request(rig, 0x1234n)).toMatchObject({
      result: "success",
      pa: 0x40_0000n,
      sizeLg2: 21,
      read: true,
      write: true,
    });
    expect(request(rig, 0xfee0_0000n)).toMatchObject({ write: true, read: false, untranslatedOnly: true });
  });

  it.each([0n, 2n])("with TT = %i blocks it: UR and 0xD; ordinary requests pass (LCT.5)", (type) => {
    const rig = legacy(type);
    expect(rig.vtd.translate({ stream: SID, iova: 0x1000n }).ok).toBe(true);
    expect(request(rig, 0x1234n).result).toBe("unsupported");
    expect(rig.vtd.faults()).toMatchObject([{ reason: 0xd, recorded: true, addressType: "translation" }]);
    expect(rig.vtd.translate({ stream: SID, iova: 0x1000n }).ok).toBe(true);
  });
});

describe("a unit that has or does no such service", () => {
  it("answers UR and records nothing: ECAP.DT = 0, or translation off (4.2.1)", () => {
    const without = new Rig({ features: full({ ecapOff: DT | (1n << 29n) | (3n << 41n) | (1n << 58n) }) });
    without.enable();
    const off = new AtsRig();
    off.vtd.write32(REG.GCMD, 0);
    for (const { vtd } of [without, off]) {
      expect(vtd.requestTranslation({ stream: SID, iova: 0x5000n }).result).toBe("unsupported");
      expect(vtd.translate({ stream: SID, iova: 0x5000n, translated: true }).status).toBe("aborted");
      expect([vtd.faults(), vtd.read32(REG.FSTS)]).toEqual([[], 0]);
    }
  });
});
