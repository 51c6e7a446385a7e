// Translation requests that meet a fault: Unsupported Request, Completer Abort, or Success without rights, and which are
// recorded (Intel VT-d Rev 5.10, 7.1.2, 7.1.3, Table 30).

import { describe, expect, it } from "vitest";
import { AtsRig, FPD } from "./ats-rig.js";
import {
  CONTEXT,
  DIRECTORY,
  FIRST_STAGE,
  FS,
  full,
  LEGACY,
  NESTED,
  PASIDS,
  REG,
  Rig,
  ROOT,
  SCALABLE,
  SECOND_STAGE,
  SID,
  SRTP,
  TE,
} from "./rig.js";

/** Where no RAM is. */
const NOWHERE = 0x8000_0000n;
const RAM = { ram: [[0n, 0x4000_0000n]] } as const;
const context = CONTEXT + BigInt(SID & 0x7f) * 32n;
const root = ROOT + BigInt(SID >> 8) * 16n;
const entryOf = (pasid: number): bigint => PASIDS + BigInt(pasid) * 64n;

/** Puts a value over a doubleword. */
const put =
  (at: bigint, value: bigint) =>
  (rig: AtsRig): void =>
    rig.words(at, value);
/** Sets bits of a doubleword. */
const or =
  (at: bigint, bits: bigint) =>
  (rig: AtsRig): void =>
    rig.words(at, rig.word(at) | bits);
const clear =
  (at: bigint, bits: bigint) =>
  (rig: AtsRig): void =>
    rig.words(at, rig.word(at) & ~bits);

// [what, reason, completion, PASID (none: -1), address, how]
type Case = readonly [string, number, string, number, bigint, (rig: AtsRig) => void];
const CASES: readonly Case[] = [
  [
    "root table unreadable",
    0x38,
    "CA",
    1,
    0x5000n,
    (rig) => {
      rig.vtd.write64(REG.RTADDR, NOWHERE | SCALABLE);
      rig.vtd.write32(REG.GCMD, (SRTP | TE) >>> 0);
    },
  ],
  ["root entry not present", 0x39, "UR", 1, 0x5000n, put(root, 0n)],
  ["root entry reserved", 0x3a, "CA", 1, 0x5000n, or(root, 2n)],
  ["context table unreadable", 0x40, "CA", 1, 0x5000n, put(root, NOWHERE | 1n)],
  ["context entry not present", 0x41, "UR", 1, 0x5000n, put(context, 0n)],
  ["context entry reserved", 0x42, "CA", 1, 0x5000n, or(context, 1n << 7n)],
  ["PRE without DTE", 0x43, "CA", 1, 0x5000n, clear(context, 4n)],
  ["DTE = 0", 0x44, "UR", 1, 0x5000n, clear(context, 0x14n)],
  ["DTE = 0, without PASID", 0x44, "UR", -1, 0x5000n, clear(context, 0x14n)],
  ["PASIDE = 0", 0x45, "UR", 1, 0x5000n, clear(context, 8n)],
  ["PASID beyond the directory", 0x46, "UR", 0x2000, 0x5000n, () => {}],
  ["PASID that is RID_PASID", 0x48, "UR", 0, 0x5000n, () => {}],
  ["directory unreadable", 0x50, "CA", 1, 0x5000n, put(context, NOWHERE | 0b11101n)],
  ["directory entry not present", 0x51, "none/12", 1, 0x5000n, put(DIRECTORY, 0n)],
  ["directory entry reserved", 0x52, "CA", 1, 0x5000n, or(DIRECTORY, 4n)],
  ["PASID table unreadable", 0x58, "CA", 1, 0x5000n, put(DIRECTORY, NOWHERE | 1n)],
  ["PASID entry not present", 0x59, "none/12", 1, 0x5000n, put(entryOf(1), 0n)],
  ["PASID entry reserved", 0x5a, "CA", 1, 0x5000n, or(entryOf(1), 1n << 5n)],
  ["PASID entry of a reserved type", 0x5b, "CA", 1, 0x5000n, or(entryOf(1), 7n << 6n)],
  ["first-stage table unreadable", 0x70, "none/12", 1, 0x5000n, (rig) => put(rig.first, NOWHERE | FS)(rig)],
  ["first-stage page not present", 0x71, "none/12", 1, 0x8000n, () => {}],
  ["first-stage entry reserved", 0x72, "none/12", 1, 0x5000n, (rig) => or(rig.first, 0x80n)(rig)],
  [
    "first-stage root unreadable",
    0x73,
    "none/12",
    1,
    0x5000n,
    (rig) => rig.pasid(1, FIRST_STAGE, 1, { first: NOWHERE }),
  ],
  [
    "first-stage address beyond the second stage",
    0x74,
    "none/12",
    3,
    0x5000n,
    (rig) => or(rig.nestedFirst, 1n << 50n)(rig),
  ],
  [
    "first-stage root not readable in the second",
    0x75,
    "none/12",
    3,
    0x5000n,
    (rig) => rig.pasid(3, NESTED, 2, { first: 0x4000_1000n, second: rig.second }),
  ],
  [
    "first-stage table not readable in the second",
    0x76,
    "none/12",
    3,
    0x5000n,
    (rig) => put(rig.nestedFirst, 0x4000_1000n | FS)(rig),
  ],
  [
    "first-stage flags not writable in the second",
    0x77,
    "none/12",
    3,
    0x5000n,
    (rig) => {
      // A root with A clear, behind a read-only page of the second stage.
      rig.words(0x5_0000n, rig.word(rig.nestedFirst) & ~0x20n);
      rig.pasid(3, NESTED, 2, { first: 0x4000_0000n, second: rig.second });
    },
  ],
  [
    "first-stage flag not snooped",
    0x90,
    "none/12",
    1,
    0x5000n,
    (rig) => {
      rig.leaf(rig.first, 0x5000n, 7n);
      clear(entryOf(1) + 8n, 1n << 23n)(rig);
    },
  ],
  ["second-stage table unreadable", 0x78, "CA", 2, 0x5000n, (rig) => put(rig.second, NOWHERE | 3n)(rig)],
  ["second-stage page not present", 0x79, "none/12", 2, 0x80_0000n, () => {}],
  ["second-stage entry reserved", 0x7a, "CA", 2, 0x5000n, (rig) => or(rig.second, 0x80n)(rig)],
  [
    "second-stage root unreadable",
    0x7b,
    "CA",
    2,
    0x5000n,
    (rig) => rig.pasid(2, SECOND_STAGE, 2, { second: NOWHERE }),
  ],
  [
    "second-stage flag not snooped",
    0x7c,
    "CA",
    2,
    0x5000n,
    (rig) => {
      rig.pasid(2, SECOND_STAGE | (1n << 9n), 2, { second: rig.second });
      clear(entryOf(2) + 8n, 1n << 23n)(rig);
    },
  ],
  ["address not canonical", 0x80, "none/12", 1, 1n << 60n, () => {}],
  ["page of the supervisor", 0x81, "none/12", 1, 0x7000n, () => {}],
  ["pass-through beyond the host", 0x83, "none/12", 4, 1n << 52n, () => {}],
  ["address beyond the second stage", 0x84, "none/12", 2, 1n << 48n, () => {}],
  [
    "output in the interrupt range",
    0x87,
    "CA",
    1,
    0x5000n,
    (rig) => rig.leaf(rig.first, 0x5000n, (0xfee0_0000n ^ 0x5000n) | FS),
  ],
];

/** The rig before the fault is made, with nothing cached. */
function faulty([, , , , , how]: Case): AtsRig {
  const rig = new AtsRig(RAM);
  how(rig);
  return rig;
}

const ask = (rig: AtsRig, [, , , pasid, iova]: Case): string =>
  pasid < 0 ? rig.ask(iova) : rig.askWith(pasid, iova);

describe("a translation request (Table 30)", () => {
  it.each(CASES)("%s: 0x%i ends in %s", (...row) => {
    const rig = faulty(row);
    const [, reason, expected] = row;
    expect(ask(rig, row)).toBe(expected);
    const recorded = expected === "UR" || expected === "CA";
    expect(rig.vtd.faults()).toMatchObject([{ reason, recorded, write: false, addressType: "translation" }]);
    // PPF
    expect(rig.vtd.read32(REG.FSTS) & 2).toBe(recorded ? 2 : 0);
    // The same from what is cached now, and after untranslated requests.
    const [, , , pasid, iova] = row;
    rig.vtd.translate({ stream: SID, iova: iova ^ 0x1000n, ...(pasid < 0 ? {} : { pasid }) });
    expect(ask(rig, row)).toBe(expected);
  });

  it.each(CASES.filter(([, reason]) => ![0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x50, 0x58].includes(reason)))(
    "%s: 0x%i ends in %s with FPD = 1 as well, and is not recorded",
    (...row) => {
      const rig = faulty(row);
      or(context, FPD)(rig);
      expect(ask(rig, row)).toBe(row[2]);
      expect(rig.vtd.faults()).toMatchObject([{ reason: row[1], recorded: false }]);
      expect(rig.vtd.read32(REG.FSTS)).toBe(0);
    },
  );

  it("DTE = 0 looks at the context entry's FPD, not at that of the PASID entry, whatever is cached", () => {
    const rig = new AtsRig();
    clear(context, 0x14n)(rig);
    or(entryOf(1), FPD)(rig);
    expect(rig.vtd.translate({ stream: SID, pasid: 1, iova: 0x5000n }).ok).toBe(true);
    expect(rig.askWith(1, 0x5000n)).toBe("UR");
    expect(rig.fault).toBe("CONTEXT_NO_ATS recorded");
    expect(rig.vtd.translate({ stream: SID, pasid: 1, iova: 0x5000n }).ok).toBe(true);
  });

  it.each([
    ["with a PASID in legacy mode", LEGACY, 0x31, "UR", 1],
    ["in a reserved table mode", 2n << 10n, 0x30, "CA", -1],
    ["in abort mode", 3n << 10n, 0x33, "UR", -1],
  ] as const)("%s", (_, mode, reason, expected, pasid): void => {
    const rig = new AtsRig();
    rig.enable(mode);
    expect(pasid < 0 ? rig.ask(0x5000n) : rig.askWith(pasid, 0x5000n)).toBe(expected);
    expect(rig.vtd.faults()).toMatchObject([{ reason, recorded: true }]);
  });

  it("with a PASID that ECAP.PSS does not have: 0x89, UR", () => {
    const rig = new AtsRig({ features: full({ ecapOff: 0x10n << 35n }) });
    // Four bits of PASID.
    expect(rig.askWith(16, 0x5000n)).toBe("UR");
    expect(rig.vtd.faults()).toMatchObject([{ reason: 0x89 }]);
  });

  it.each([
    [
      "root table unreadable",
      0x8,
      "abort",
      (rig: Rig): void => {
        rig.vtd.write64(REG.RTADDR, NOWHERE);
        rig.vtd.write32(REG.GCMD, (SRTP | TE) >>> 0);
      },
    ],
    ["root entry not present", 0x1, "unsupported", (rig: Rig) => rig.words(root, 0n)],
    ["root entry reserved", 0xa, "abort", (rig: Rig) => rig.words(root, CONTEXT | 3n)],
    ["context table unreadable", 0x9, "abort", (rig: Rig) => rig.words(root, NOWHERE | 1n)],
    ["context entry not present", 0x2, "unsupported", (rig: Rig) => rig.words(CONTEXT + 128n, 0n)],
    ["context entry reserved", 0xb, "abort", (rig: Rig) => rig.words(CONTEXT + 128n, 0x10_1015n)],
    ["width that is not there", 0x3, "abort", (rig: Rig) => rig.words(CONTEXT + 136n, 4n)],
    ["second-stage root unreadable", 0x3, "abort", (rig: Rig) => rig.words(CONTEXT + 128n, NOWHERE | 5n)],
    ["second-stage table unreadable", 0x7, "abort", (rig: Rig) => rig.words(0x10_1000n, NOWHERE | 3n)],
    ["second-stage entry reserved", 0xc, "abort", (rig: Rig) => rig.words(0x10_1000n, 0x10_2083n)],
    ["address too wide", 0x4, "success", () => {}],
    ["page that is not there", 0x6, "success", (rig: Rig) => rig.words(0x10_1000n, 0n)],
    [
      "output in the interrupt range",
      0xe,
      "abort",
      (rig: Rig): void => void rig.map({ root: 0x10_1000n, input: 0x5000n, output: 0xfee0_0000n, flags: 3n }),
    ],
  ] as const)("in legacy mode, %s: 0x%i, %s", (title, reason, result, how): void => {
    const rig = new Rig({ features: full(), ...RAM });
    const second = rig.table();
    expect(second).toBe(0x10_1000n);
    rig.words(root, CONTEXT | 1n, 0n);
    rig.words(CONTEXT + 128n, second | 5n, 2n);
    rig.map({ root: second, input: 0x5000n, output: 0x5000n, flags: 3n });
    rig.enable(LEGACY);
    how(rig);
    const iova = title === "address too wide" ? 1n << 48n : 0x5000n;
    const completion = rig.vtd.requestTranslation({ stream: SID, iova, write: true });
    expect(completion).toMatchObject({ result, read: false, write: false });
    expect(rig.vtd.faults()).toMatchObject([{ reason, recorded: result !== "success" }]);
  });
});
