// Nested translation (VT-d 3.8), which no vector has: what is fetched through what, whose fault it is, which rights
// and flags come out.

import { describe, expect, it } from "vitest";
import { AW, FS, FS_ALL, Machine, PGTT, PWSNP, SS, SS_ALL, SSADE } from "./machine.js";

const PASID = 7;
const IOVA = 0x7f12_3456_7abcn;
/** Guest-physical: the page that the first stage maps. */
const PAGE = 0x5_5555_5000n;
/** Where the guest's memory lies. */
const HOST_OFFSET = 0x100_0000n;
const HOST_PAGE = 0x8_8888_8000n;

interface Guest {
  machine: Machine;
  second: bigint;
  root: bigint;
  /** GPAs of the guest's tables, root first. */
  tables: bigint[];
  /** HPAs of the first-stage entries of IOVA, root first. */
  entries: bigint[];
  /** HPA of the second-stage leaf of a GPA. */
  leafOf(gpa: bigint): bigint;
}

/** A guest with a first stage of four levels at GPAs, behind a second stage of four levels. */
function guest(
  { word0 = 0n, fsLeaf = FS_ALL, ssLeaf = SS_ALL, ssTables = SS_ALL, fsLeafLevel = 1, ssLeafLevel = 1 } = {},
  aw: bigint = AW.w48,
): Guest {
  const machine = new Machine();
  const second = machine.newTable();
  const levels = Number(aw >> 2n) + 2;
  const leaves = new Map<bigint, bigint>();
  const back = (gpa: bigint, hpa: bigint, leaf: bigint, leafLevel = 1) => {
    const input = (gpa >> 12n) << 12n;
    const path = machine.map({ root: second, levels, leafLevel, input, output: hpa, table: SS_ALL, leaf });
    leaves.set(input, path.at(-1)!);
  };
  const root = machine.newTable();
  const tables = new Set<bigint>();
  const place = (gpa: bigint): bigint => {
    tables.add(gpa);
    return gpa + HOST_OFFSET;
  };
  const size = 1n << BigInt(12 + 9 * (fsLeafLevel - 1));
  const output = PAGE & ~(size - 1n);
  const entries = machine.map({
    root,
    levels: 4,
    leafLevel: fsLeafLevel,
    input: IOVA,
    output,
    table: FS_ALL,
    leaf: fsLeaf,
    place,
  });
  for (const gpa of tables) back(gpa, gpa + HOST_OFFSET, ssTables);
  // The page that the access ends in.
  const hostSize = 1n << BigInt(12 + 9 * (ssLeafLevel - 1));
  const target = output | (IOVA & (size - 1n));
  back(target & ~(hostSize - 1n), HOST_PAGE & ~(hostSize - 1n), ssLeaf, ssLeafLevel);
  machine.pasidEntry(PASID, PGTT.nested | aw | second | word0, PWSNP, root);
  const leafOf = (gpa: bigint) => leaves.get((gpa >> 12n) << 12n)!;
  return { machine, second, root, tables: [...tables], entries, leafOf };
}

describe("a nested walk", () => {
  it("fetches 24 paging entries for four levels over four", () => {
    const { machine, tables } = guest();
    const outcome = machine.access({ iova: IOVA, pasid: PASID });
    expect(outcome).toMatchObject({ kind: "translated", pa: HOST_PAGE | 0xabcn, leafLg2: 12 });
    const paging = outcome.fetches.slice(4);
    expect(paging.map(({ what, level }) => what + level).join(" ")).toBe(
      `${["FS4", "FS3", "FS2", "FS1"].map((fs) => `SS4 SS3 SS2 SS1 ${fs}`).join(" ")} SS4 SS3 SS2 SS1`,
    );
    const firstStage = paging.filter(({ what }) => what === "FS");
    expect(firstStage.map(({ gpa }) => (gpa! >> 12n) << 12n)).toEqual(tables);
    expect(firstStage.map(({ gpa, address }) => address - gpa!)).toEqual(tables.map(() => HOST_OFFSET));
  });

  it.each([
    [1, 1, 12],
    [2, 1, 12],
    [1, 2, 12],
    [2, 2, 21],
    [3, 2, 21],
  ])("reports the smaller leaf of levels %i and %i", (fsLeafLevel, ssLeafLevel, leafLg2) => {
    const { machine } = guest({ fsLeafLevel, ssLeafLevel });
    expect(machine.access({ iova: IOVA, pasid: PASID })).toMatchObject({
      fsLeafLg2: 12 + 9 * (fsLeafLevel - 1),
      ssLeafLg2: 12 + 9 * (ssLeafLevel - 1),
      leafLg2,
    });
  });

  it.each([
    // first stage, second stage, read, write
    [FS_ALL, SS_ALL, "ok", "ok"],
    [FS_ALL, SS.R, "ok", "0x85"],
    [FS_ALL, SS.W, "0x86", "ok"],
    [FS.P | FS.U, SS_ALL, "ok", "0x85"],
    [FS.P | FS.U, SS.W, "0x86", "0x85"],
    [FS.P | FS.W, SS_ALL, "0x81", "0x81"],
    [FS_ALL, 0n, "0x79", "0x79"],
    [0n, SS_ALL, "0x71", "0x71"],
  ])("permits what leaf %i and leaf %i both permit", (fsLeaf, ssLeaf, read, write) => {
    const { machine } = guest({ fsLeaf, ssLeaf });
    const ask = (isWrite: boolean) =>
      machine.answer({ iova: IOVA, pasid: PASID, write: isWrite }).replace(/^translated .*/, "ok");
    expect([ask(false), ask(true)]).toEqual([read, write]);
  });
});

describe("a first-stage entry behind the second stage", () => {
  /** Rights of the second-stage leaf of the guest's table number `index`. */
  function withTableRights(index: number, rights: bigint, word0 = 0n): Guest {
    const made = guest({ word0 });
    const leaf = made.leafOf(made.tables[index]!);
    made.machine.words(leaf, (made.machine.word(leaf) & ~3n) | rights);
    return made;
  }
  const ALL_SET = FS_ALL | FS.A | FS.D;
  /** Sets all flags beforehand, so that only reads are needed. */
  function presetFlags({ machine, entries }: Guest): void {
    for (const entry of entries) machine.words(entry, machine.word(entry) | ALL_SET);
  }

  it.each([
    ["unreadable root", 0, SS.W, 0n, "0x75"],
    ["unreadable table", 2, SS.W, 0n, "0x76"],
    ["absent root", 0, 0n, 0n, "0x79"],
    ["absent table", 3, 0n, 0n, "0x79"],
    ["read-only root, no flag needed", 0, SS.R, 0n, "ok"],
    ["read-only root with SSADE", 0, SS.R, SSADE, "0x75"],
    ["read-only table with SSADE", 1, SS.R, SSADE, "0x76"],
  ])("%s", (_, index, rights, word0, answer) => {
    const made = withTableRights(index, rights, word0);
    presetFlags(made);
    const found = made.machine.answer({ iova: IOVA, pasid: PASID });
    expect(found.replace(/^translated .*/, "ok")).toBe(answer);
  });

  it("cannot get a flag where the second stage denies writing", () => {
    const made = withTableRights(3, SS.R);
    expect(made.machine.answer({ iova: IOVA, pasid: PASID })).toBe("0x77");
  });

  it("gets its flags at its physical address", () => {
    const { machine, entries } = guest();
    machine.access({ iova: IOVA, pasid: PASID, write: true });
    expect(entries.map((entry) => machine.word(entry) & (FS.A | FS.D))).toEqual([
      FS.A,
      FS.A,
      FS.A,
      FS.A | FS.D,
    ]);
  });

  it("makes its second-stage page dirty when SSADE counts it as written", () => {
    const made = guest({ word0: SSADE });
    presetFlags(made);
    const { machine, tables, leafOf } = made;
    expect(machine.answer({ iova: IOVA, pasid: PASID })).toMatch(/^translated/);
    const flags = (gpa: bigint) => machine.word(leafOf(gpa)) & (SS.A | SS.D);
    expect(tables.map(flags)).toEqual(tables.map(() => SS.A | SS.D));
    expect(flags(PAGE)).toBe(SS.A);
  });

  it("faults as first stage when the second stage leads outside RAM, as second stage when its own tables do", () => {
    const outside = guest();
    const leaf = outside.leafOf(outside.root);
    outside.machine.words(leaf, (1n << 40n) | SS_ALL);
    expect(outside.machine.answer({ iova: IOVA, pasid: PASID })).toBe("0x73");
    const later = guest();
    later.machine.words(later.leafOf(later.tables[1]!), (1n << 40n) | SS_ALL);
    expect(later.machine.answer({ iova: IOVA, pasid: PASID })).toBe("0x70");
    const second = guest();
    second.machine.pasidEntry(PASID, PGTT.nested | AW.w48 | (1n << 40n), PWSNP, second.root);
    expect(second.machine.answer({ iova: IOVA, pasid: PASID })).toBe("0x7b");
  });

  it.each([0, 3])("number %i must not hold a GPA that is too wide for the second stage", (index) => {
    const made = guest({}, AW.w39);
    expect(made.machine.answer({ iova: IOVA, pasid: PASID })).toMatch(/^translated/);
    const entry = made.entries[index]!;
    made.machine.words(entry, made.machine.word(entry) | (1n << 39n));
    expect(made.machine.answer({ iova: IOVA, pasid: PASID })).toBe("0x74");
  });

  it("is not limited by the host's interrupt address range as a GPA, only its output is", () => {
    const made = guest();
    made.machine.words(made.leafOf(PAGE), 0xfee0_0000n | SS_ALL);
    expect(made.machine.answer({ iova: IOVA, pasid: PASID })).toBe("0x87");
  });
});
