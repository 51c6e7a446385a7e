// What the vectors cannot reach of one stage: five levels, extended accessed flags, second-stage flags, supervisor
// requests, atomic operations, zero-length reads. Bits restated from VT-d 9.7 and 9.8.

import { describe, expect, it } from "vitest";
import {
  AW,
  CAP,
  EAFE,
  ecapWithout,
  FIVE_LEVEL,
  FS,
  FS_ALL,
  Machine,
  PGTT,
  PWSNP,
  SRE,
  SS,
  SS_ALL,
  SSADE,
  WPE,
} from "./machine.js";

const PASID = 7;
const OUTPUT = 0x4000_0000n;

interface Shape {
  levels?: number;
  leafLevel?: number;
  input?: bigint;
  table?: bigint;
  leaf?: bigint;
  word0?: bigint;
  word1?: bigint;
  word2?: bigint;
  cap?: bigint;
  ecap?: bigint;
}

const INPUT = 0x12_3456_7000n;

function firstStage({
  levels = 4,
  table = FS_ALL,
  leaf = FS_ALL,
  word1 = PWSNP,
  word2 = 0n,
  ...shape
}: Shape) {
  const machine = new Machine(shape);
  const root = machine.newTable();
  const { leafLevel = 1, input = INPUT } = shape;
  const entries = machine.map({ root, levels, leafLevel, input, output: OUTPUT, table, leaf });
  machine.pasidEntry(PASID, PGTT.firstStage, word1, root | word2 | (levels === 5 ? FIVE_LEVEL : 0n));
  return { machine, entries, flags: () => entries.map((entry) => machine.word(entry) & 0xffdn) };
}

function secondStage({
  levels = 4,
  table = SS_ALL,
  leaf = SS_ALL,
  word0 = 0n,
  word1 = PWSNP,
  ...shape
}: Shape) {
  const machine = new Machine(shape);
  const root = machine.newTable();
  const { leafLevel = 1, input = INPUT } = shape;
  const entries = machine.map({ root, levels, leafLevel, input, output: OUTPUT, table, leaf });
  machine.pasidEntry(PASID, PGTT.secondStage | (BigInt(levels - 2) << 2n) | root | word0, word1);
  return { machine, entries };
}

describe("first stage (3.6, 9.7)", () => {
  it.each([1, 2, 3])("walks five levels to a leaf of level %i", (leafLevel) => {
    const input = 0xff12_3400_0000_0000n;
    const { machine } = firstStage({ levels: 5, leafLevel, input });
    const outcome = machine.access({ iova: input, pasid: PASID });
    expect(outcome).toMatchObject({ kind: "translated", pa: OUTPUT, leafLg2: 12 + 9 * (leafLevel - 1) });
    expect(outcome.fetches.map(({ what }) => what)).toEqual([
      "ROOT",
      "CONTEXT",
      "DIRECTORY",
      "PASID",
      ...Array.from({ length: 6 - leafLevel }, () => "FS"),
    ]);
  });

  it.each([
    [4, 0x0000_7fff_ffff_f000n, "0x71"],
    [4, 0x0000_8000_0000_0000n, "0x80"],
    [4, 0xffff_7fff_ffff_f000n, "0x80"],
    [4, 0xffff_8000_0000_0000n, "0x71"],
    [5, 0x00ff_ffff_ffff_f000n, "0x71"],
    [5, 0x0100_0000_0000_0000n, "0x80"],
    [5, 0xfeff_ffff_ffff_f000n, "0x80"],
    [5, 0xff00_0000_0000_0000n, "0x71"],
  ])("takes canonical addresses of %i levels only: %i", (levels, iova, answer) => {
    expect(firstStage({ levels }).machine.answer({ iova, pasid: PASID })).toBe(answer);
  });

  it.each([
    ["PS in a PML5 entry", 5, 5, CAP, "0x72"],
    ["PS in a PML4 entry", 4, 4, CAP, "0x72"],
    ["a 1 GiB leaf without FS1GP", 4, 3, CAP & ~(1n << 56n), "0x72"],
    ["a 1 GiB leaf", 4, 3, CAP, `translated ${OUTPUT.toString(16)}`],
  ])("%s", (_, levels, leafLevel, cap, answer) => {
    const { machine } = firstStage({ levels, leafLevel, cap, input: 0n });
    expect(machine.answer({ iova: 0n, pasid: PASID })).toBe(answer);
  });

  it("takes bit 12 of a large leaf as PAT, and bits above it as reserved", () => {
    expect(
      firstStage({ leafLevel: 2, leaf: FS_ALL | 0x1000n, input: 0n }).machine.answer({
        iova: 0x1abcn,
        pasid: PASID,
      }),
    ).toBe("translated 40001abc");
    expect(
      firstStage({ leafLevel: 2, leaf: FS_ALL | 0x2000n, input: 0n }).machine.answer({
        iova: 0n,
        pasid: PASID,
      }),
    ).toBe("0x72");
  });

  it.each([
    ["a read", {}, 0n, [FS.A, FS.A, FS.A, FS.A]],
    ["a write", { write: true }, 0n, [FS.A, FS.A, FS.A, FS.A | FS.D]],
    ["an atomic operation", { atomic: true }, 0n, [FS.A, FS.A, FS.A, FS.A | FS.D]],
    ["a read with EAFE", {}, EAFE, Array.from({ length: 4 }, () => FS.A | FS.EA)],
  ])("sets the flags of %s", (_, request, word2, set) => {
    const { machine, flags } = firstStage({ word2 });
    expect(machine.answer({ iova: INPUT, pasid: PASID, ...request })).toMatch(/^translated/);
    expect(flags()).toEqual(set.map((flag) => flag | FS.P | FS.U));
  });

  it("faults when a flag is needed and walks are not coherent, and only then", () => {
    const set = FS_ALL | FS.A;
    for (const [word1, ecap] of [
      [0n, ecapWithout()],
      [0n, ecapWithout("SMPWC")],
    ] as const) {
      expect(firstStage({ word1, ecap }).machine.answer({ iova: INPUT, pasid: PASID })).toBe("0x90");
      const { machine } = firstStage({ word1, ecap, table: set, leaf: set });
      expect(machine.answer({ iova: INPUT, pasid: PASID })).toMatch(/^translated/);
      expect(machine.answer({ iova: INPUT, pasid: PASID, write: true })).toBe("0x90");
    }
  });

  const USER_READ = FS.P | FS.U;
  it.each([
    // leaf, WPE, user read, user write, supervisor read, supervisor write
    [FS_ALL, 0n, ["ok", "ok", "ok", "ok"]],
    [USER_READ, 0n, ["ok", "0x85", "ok", "ok"]],
    [USER_READ, WPE, ["ok", "0x85", "ok", "0x85"]],
    [FS.P | FS.W, 0n, ["0x81", "0x81", "ok", "ok"]],
    [FS.P | FS.W, WPE, ["0x81", "0x81", "ok", "ok"]],
    [FS.P, WPE, ["0x81", "0x81", "ok", "0x85"]],
  ])("permits by leaf %i and WPE %i", (leaf, wpe, answers) => {
    const { machine } = firstStage({ leaf, word2: SRE | wpe });
    const ask = (priv: boolean, write: boolean) =>
      machine.answer({ iova: INPUT, pasid: PASID, priv, write }).replace(/^translated .*/, "ok");
    expect([ask(false, false), ask(false, true), ask(true, false), ask(true, true)]).toEqual(answers);
  });

  it("leaves flags alone when it denies", () => {
    const { machine, flags } = firstStage({ leaf: USER_READ });
    expect(machine.answer({ iova: INPUT, pasid: PASID, write: true })).toBe("0x85");
    expect(flags()).toEqual(Array.from({ length: 4 }, () => FS.P | FS.U));
  });
});

describe("second stage (3.7, 9.8)", () => {
  it.each([
    [3, 39],
    [4, 48],
    [5, 57],
  ])("walks %i levels for %i bits of input", (levels, width) => {
    const input = (1n << BigInt(width)) - 0x1000n;
    const { machine } = secondStage({ levels, input });
    expect(machine.access({ iova: input, pasid: PASID })).toMatchObject({ pa: OUTPUT, ssLeafLg2: 12 });
    expect(machine.answer({ iova: 1n << BigInt(width), pasid: PASID })).toBe("0x84");
  });

  it("limits the input by MGAW too", () => {
    const cap = (CAP & ~(0x3fn << 16n)) | (41n << 16n);
    const { machine } = secondStage({ cap });
    expect(machine.answer({ iova: (1n << 42n) - 1n, pasid: PASID })).toBe("0x79");
    expect(machine.answer({ iova: 1n << 42n, pasid: PASID })).toBe("0x84");
  });

  it.each([
    ["a read", {}, SSADE, [SS.A, SS.A, SS.A, SS.A]],
    ["a write", { write: true }, SSADE, [SS.A, SS.A, SS.A, SS.A | SS.D]],
    ["a write without SSADE", { write: true }, 0n, [0n, 0n, 0n, 0n]],
  ])("sets the flags of %s", (_, request, word0, set) => {
    const { machine, entries } = secondStage({ word0 });
    expect(machine.answer({ iova: INPUT, pasid: PASID, ...request })).toMatch(/^translated/);
    expect(entries.map((entry) => machine.word(entry) & 0xfffn)).toEqual(set.map((flags) => flags | SS_ALL));
  });

  it("faults when a flag is needed and walks are not coherent", () => {
    const { machine } = secondStage({ word0: SSADE, word1: 0n });
    expect(machine.answer({ iova: INPUT, pasid: PASID })).toBe("0x7c");
  });

  const WRITE_ONLY = SS.W;
  it.each([
    // table, leaf, read, write, atomic, zero-length read
    [SS_ALL, SS_ALL, ["ok", "ok", "ok", "ok"]],
    [SS_ALL, SS.R, ["ok", "0x85", "0x85", "ok"]],
    [SS_ALL, WRITE_ONLY, ["0x86", "ok", "0x86", "ok"]],
    [SS.R, WRITE_ONLY, ["0x79", "0x79", "0x79", "0x79"]],
    [SS_ALL, 0n, ["0x79", "0x79", "0x79", "0x79"]],
  ])("permits by table %i and leaf %i", (table, leaf, answers) => {
    const { machine } = secondStage({ table, leaf });
    const requests = [{}, { write: true }, { atomic: true }, { zeroLength: true }];
    const found = requests.map((request) =>
      machine.answer({ iova: INPUT, pasid: PASID, ...request }).replace(/^translated .*/, "ok"),
    );
    expect(found).toEqual(answers);
  });

  it("refuses zero-length reads of write-only pages without CAP.ZLR", () => {
    const { machine } = secondStage({ leaf: WRITE_ONLY, cap: CAP & ~(1n << 22n) });
    expect(machine.answer({ iova: INPUT, pasid: PASID, zeroLength: true })).toBe("0x86");
  });

  it.each([
    ["SNP in a leaf", { leaf: SS_ALL | SS.SNP }, "ok"],
    ["SNP in a leaf without SC", { leaf: SS_ALL | SS.SNP, ecap: ecapWithout("SC") }, "0x7a"],
    ["SNP in a table entry", { table: SS_ALL | SS.SNP }, "0x7a"],
    ["2 MiB", { leafLevel: 2, input: 0n }, "ok"],
    ["2 MiB without SSLPS", { leafLevel: 2, input: 0n, cap: CAP & ~(1n << 34n) }, "0x7a"],
    ["2 MiB with bit 12", { leafLevel: 2, input: 0n, leaf: SS_ALL | 0x1000n }, "0x7a"],
    ["1 GiB", { leafLevel: 3, input: 0n }, "ok"],
    ["PS in the fourth level", { leafLevel: 4, input: 0n }, "0x7a"],
  ])("checks reserved bits: %s", (_, shape: Shape, answer) => {
    const { machine } = secondStage(shape);
    const found = machine.answer({ iova: shape.input ?? INPUT, pasid: PASID });
    expect(found.replace(/^translated .*/, "ok")).toBe(answer);
  });

  it("blocks interrupt addresses as output, not the rest of a large page", () => {
    const machine = new Machine();
    const root = machine.newTable();
    const output = 0xfee0_0000n;
    machine.map({ root, levels: 4, leafLevel: 2, input: 0n, output, table: SS_ALL, leaf: SS_ALL });
    machine.pasidEntry(PASID, PGTT.secondStage | AW.w48 | root);
    expect(machine.answer({ iova: 0xf_ffffn, pasid: PASID })).toBe("0x87");
    expect(machine.answer({ iova: 0x10_0000n, pasid: PASID })).toBe("translated fef00000");
  });
});
