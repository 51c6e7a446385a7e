// Context and PASID entries (Intel VT-d Rev 5.10, 9.4, 9.6): reserved bits, and fields of features that are not there, which
// are reserved then. QEMU checks none of them, so the vectors don't either.

import { describe, expect, it } from "vitest";
import type { VtdFeatures } from "../../src/index.js";
import {
  CONTEXT,
  DIRECTORY,
  FIRST_STAGE,
  FS,
  full,
  NESTED,
  PASIDS,
  PASS_THROUGH,
  Rig,
  SECOND_STAGE,
  SID,
  SS,
} from "./rig.js";

const bit = (n: number): bigint => 1n << BigInt(n);
/** Bits of ECAP. */
const E = {
  DT: 2,
  SC: 7,
  NEST: 26,
  PRS: 29,
  SRS: 31,
  EAFS: 34,
  PASID: 40,
  DIT: 41,
  PDS: 42,
  SSADS: 45,
  SSTS: 46,
};
const F = { FSTS: 47, SMPWC: 48, RPS: 49, RPRIVS: 53, SMS: 58 };
const off = (...bits: number[]): VtdFeatures =>
  full({
    ecapOff: bits.reduce((mask, n) => mask | bit(n), 0n),
    // First-stage capabilities of CAP go with FSTS.
    capOff: bits.includes(F.FSTS) ? bit(56) | bit(60) : 0n,
  });

const PAGE = 0x5000n;
const context = CONTEXT + BigInt(SID & 0x7f) * 32n;

/** The answer to a request without PASID through a context entry: the name of the fault, or what answered. */
function throughContext(low: bigint, high: bigint, features: VtdFeatures): string {
  const rig = new Rig({ features });
  rig.structures();
  rig.words(context, DIRECTORY | 1n | low, high, 0n, 0n);
  const second = rig.table();
  rig.map({ root: second, input: PAGE, output: PAGE, flags: SS });
  for (const n of [0, 5]) rig.pasid(n, SECOND_STAGE, 1, { second });
  rig.enable();
  return rig.source(undefined, PAGE);
}

describe("a scalable-mode context entry", () => {
  it.each([
    ["DTE", bit(2), 0n, off(E.DT, E.PRS, E.DIT, E.PDS, F.SMS)],
    ["PASIDE", bit(3), 0n, off(E.PASID)],
    ["PRE with DTE", bit(4) | bit(2), 0n, off(E.PRS, F.SMS)],
    ["RID_PASID", 0n, 5n, off(F.RPS)],
    ["RID_PRIV", 0n, bit(20), off(E.SRS, F.RPRIVS)],
  ] as const)("has %s reserved without its capability", (_, low, high, features) => {
    expect(throughContext(low, high, features)).toBe("CONTEXT_RESERVED");
    expect(throughContext(low, high, full())).not.toBe("CONTEXT_RESERVED");
  });

  it.each([5, 6, 7, 8])("has bit %i reserved: there are no host permission tables", (n) => {
    expect(throughContext(bit(n) | bit(3), 0n, full())).toBe("CONTEXT_RESERVED");
  });

  it("needs DTE for PRE", () => {
    expect(throughContext(bit(4), 0n, full())).toBe("CONTEXT_INVALID");
  });
});

/** The answer to a request without PASID through a PASID entry. */
function throughPasid(type: bigint, words: readonly [bigint, bigint, bigint], features: VtdFeatures): string {
  const rig = new Rig({ features });
  rig.structures(0n);
  const root = rig.table();
  const first = type === FIRST_STAGE || type === NESTED;
  rig.map({ root, input: PAGE, output: PAGE, flags: first ? FS : SS });
  const second = rig.table();
  for (const input of [0n, 0x20_0000n])
    rig.map({ root: second, leafLevel: 2, input, output: input, flags: SS });
  const roots: Record<string, readonly [bigint, bigint]> = {
    [`${FIRST_STAGE}`]: [0n, root],
    [`${SECOND_STAGE}`]: [root, 0n],
    [`${NESTED}`]: [second, root],
    [`${PASS_THROUGH}`]: [0n, 0n],
  };
  const [low, high] = roots[`${type}`]!;
  rig.words(PASIDS, type | low | words[0], 1n | words[1], high | words[2], 0n, 0n, 0n, 0n, 0n);
  rig.enable();
  const answer = rig.vtd.translate({ stream: SID, iova: PAGE });
  return answer.ok ? "translated" : answer.fault!.name;
}

const TYPES = { FIRST_STAGE, SECOND_STAGE, NESTED, PASS_THROUGH } as const;

describe("a PASID entry", () => {
  const reserved: readonly (readonly [number, number])[] = [
    ...[5, 10, 11].map((n) => [0, n] as const),
    ...[16, 19, 22, 27, 31].map((n) => [1, n] as const),
    ...[1, 8, 11].map((n) => [2, n] as const),
  ];
  it.each(reserved)("has bit %i:%i reserved", (word, n) => {
    for (const type of Object.values(TYPES)) {
      const words: [bigint, bigint, bigint] = [0n, 0n, 0n];
      words[word] = bit(n);
      expect(throughPasid(type, words, full())).toBe("PASID_RESERVED");
    }
  });

  it.each(Object.entries(TYPES))(
    "has pointer bits above the host's width reserved, used or not: %s",
    (_, type) => {
      const features = { ...full(), hostWidth: 48 };
      expect(throughPasid(type, [bit(50), 0n, 0n], features)).toBe("PASID_RESERVED");
      expect(throughPasid(type, [0n, 0n, bit(50)], features)).toBe("PASID_RESERVED");
    },
  );

  it.each([
    ["SSPTPTR", PASS_THROUGH, [0x9000n, 0n, 0n], off(E.SSTS, E.NEST)],
    ["SSADE without SSTS", PASS_THROUGH, [bit(9), 0n, 0n], off(E.SSTS, E.NEST)],
    ["SSADE", SECOND_STAGE, [bit(9), bit(23), 0n], off(E.SSADS)],
    ["PWSNP", SECOND_STAGE, [0n, bit(23), 0n], off(F.SMPWC, E.SSADS, E.EAFS)],
    ["PGSNP", SECOND_STAGE, [0n, bit(24), 0n], off(E.SC)],
    ["SRE", SECOND_STAGE, [0n, 0n, 1n], off(E.SRS, F.RPRIVS)],
    ["FSPM", SECOND_STAGE, [0n, 0n, bit(2)], off(F.FSTS, E.NEST, E.EAFS)],
    ["WPE", SECOND_STAGE, [0n, 0n, bit(4)], off(F.FSTS, E.NEST, E.EAFS)],
    ["FSPTPTR", SECOND_STAGE, [0n, 0n, 0x9000n], off(F.FSTS, E.NEST, E.EAFS)],
    ["EAFE", SECOND_STAGE, [0n, 0n, bit(7)], off(E.EAFS)],
  ] as const)(
    "has %s reserved without its capability, ignored by other types with it",
    (_, type, words, features) => {
      expect(throughPasid(type, words, features)).toBe("PASID_RESERVED");
      expect(throughPasid(type, words, full())).toBe("translated");
    },
  );

  it("has AW not looked at by a first stage, as systems set it whatever the unit has", () => {
    for (const aw of [0n, 1n, 2n, 7n]) {
      expect(throughPasid(FIRST_STAGE, [aw << 2n, 0n, 0n], off(E.SSTS, E.NEST, E.SSADS))).toBe("translated");
    }
  });
});
