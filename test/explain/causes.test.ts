// One bit of a working translation is changed, by its number in the manual: explain must name the read that holds it and
// this very bit. The world is a vector of nested translation whose untouched walk succeeds.

import { describe, expect, it } from "vitest";
import { explainCase } from "../../src/cli/explain.js";
import { Field } from "../../src/cli/fields.js";
import { readCase } from "../../src/cli/verify-case.js";
import { type ExplainedStep, type Explanation, explainedInOrder } from "../../src/index.js";
import * as smmu from "../reference/vector-file.js";
import * as vtd from "../reference/vtd/vector-file.js";

type Access = Partial<Record<"write" | "execute" | "privileged", boolean>>;

interface Case {
  id: string;
  steps: readonly object[];
}

/** Explains access `at` of a case after these writes. */
function explained(one: Case, at: number, writes: readonly object[] = [], access: Access = {}): Explanation {
  const steps = [...writes, { ...one.steps[at], ...(access.write !== undefined && { write: access.write }) }];
  const vector = readCase(new Field({ ...one, steps }, "", "test", 1));
  return explainCase(vector, { step: writes.length, ...access }, "test");
}

/** A write that flips bits of the step's structure, little-endian. */
function flipped(step: ExplainedStep, bits: readonly number[]): object {
  const words = [...step.words];
  for (const bit of bits) words[bit >> 6]! ^= 1n << BigInt(bit & 63);
  const view = new DataView(new ArrayBuffer(words.length * 8));
  for (const [n, word] of words.entries()) view.setBigUint64(8 * n, word, true);
  return { op: "write", pa: `0x${step.pa.toString(16)}`, hex: Buffer.from(view.buffer).toString("hex") };
}

/** The steps in order, the number of the wanted one first found, and what blames it after the flip. */
function blame(
  one: Case,
  at: number,
  wanted: (step: ExplainedStep) => boolean,
  bits: readonly number[],
  access: Access = {},
): { name: string | undefined; address: bigint | undefined; bits: unknown; expected: bigint } {
  const before = explainedInOrder(explained(one, at, [], {}));
  const step = before.find(wanted)!;
  const after = explained(one, at, [flipped(step, bits)], access);
  const { fault } = after;
  const found = fault?.cause.step === undefined ? undefined : explainedInOrder(after)[fault.cause.step];
  return { name: fault?.name, address: found?.address, bits: fault?.cause.bits, expected: step.address };
}

const nested = smmu
  .readVectors("nested-tt.jsonl.gz")
  .flatMap((one) => one.steps.map((step, at) => ({ one, step, at })))
  .find(({ step, one, at }) => {
    if (step.op !== "access" || step.expect?.pa === undefined || step.write) return false;
    const { steps, output } = explained(one, at);
    return steps.filter(({ what }) => what === "stage 1").length >= 2 && output.at(-1)?.type === "page";
  })!;

const stage1Leaf = ({ what, type }: ExplainedStep): boolean => what === "stage 1" && type !== "table";
const stage1Table = ({ what, type }: ExplainedStep): boolean => what === "stage 1" && type === "table";
const stage2Leaf = (step: ExplainedStep): boolean =>
  step.what === "stage 2" && step.type !== "table" && isOutput(step);
const structure =
  (name: string) =>
  ({ what }: ExplainedStep): boolean =>
    what === name;

function isOutput({ address }: ExplainedStep): boolean {
  return explained(nested.one, nested.at).output.at(-1)?.address === address;
}

describe("explain names the bit that made an SMMUv3 fault", () => {
  const rows: [string, (step: ExplainedStep) => boolean, number[], Access, string, [number, number][]][] = [
    ["a stage-1 leaf with VALID = 0", stage1Leaf, [0], {}, "F_TRANSLATION", [[0, 0]]],
    ["a stage-1 table with VALID = 0", stage1Table, [0], {}, "F_TRANSLATION", [[0, 0]]],
    ["a stage-1 leaf with AF = 0", stage1Leaf, [10], {}, "F_ACCESS", [[10, 10]]],
    ["a stage-1 table with APTable[0] = 1", stage1Table, [61], {}, "F_PERMISSION", [[61, 61]]],
    ["a stage-2 leaf with VALID = 0", stage2Leaf, [0], {}, "F_TRANSLATION", [[0, 0]]],
    ["a stage-2 leaf with S2AP[0] = 0", stage2Leaf, [6], {}, "F_PERMISSION", [[6, 6]]],
    ["a stage-2 leaf with AF = 0", stage2Leaf, [10], {}, "F_ACCESS", [[10, 10]]],
    ["an STE with V = 0", structure("STE"), [0], {}, "C_BAD_STE", [[0, 0]]],
    ["an STE with S2AA64 = 0", structure("STE"), [179], {}, "C_BAD_STE", [[179, 179]]],
    ["a CD with V = 0", structure("CD"), [31], {}, "C_BAD_CD", [[31, 31]]],
    ["a CD with AA64 = 0", structure("CD"), [41], {}, "C_BAD_CD", [[41, 41]]],
  ];
  for (const [title, wanted, flips, access, event, bits] of rows) {
    it(`${title}: ${event}, bit ${bits.flat()[0]}`, () => {
      const found = blame(nested.one, nested.at, wanted, flips, access);
      expect(found).toEqual({ name: event, address: found.expected, bits, expected: found.expected });
    });
  }

  it("a StreamID beyond the stream table, which no read is to blame for", () => {
    const { fault, steps } = explained({ ...nested.one, steps: [{ ...nested.step, sid: 0xffff_fff0 }] }, 0);
    expect(steps).toEqual([]);
    expect(fault?.name).toBe("C_BAD_STREAMID");
    expect(fault?.cause).toEqual({ text: expect.stringContaining("LOG2SIZE") });
  });
});

const firstStage = vtd
  .readVectors("basic")
  .flatMap((one) => one.steps.map((step, at) => ({ one, step, at })))
  .find(({ step, one, at }) => {
    if (step.op !== "access" || step.expect?.pa === undefined || step.write) return false;
    return explained(one, at).steps.filter(({ what }) => what === "stage 1").length === 4;
  })!;

describe("explain names the bit that made a VT-d fault", () => {
  const leaf = ({ what, level }: ExplainedStep): boolean => what === "stage 1" && level === 3;
  const top = ({ what, level }: ExplainedStep): boolean => what === "stage 1" && level === 0;
  const rows: [string, (step: ExplainedStep) => boolean, number[], string, [number, number][]][] = [
    ["a PTE with P = 0", leaf, [0], "FS_NOT_PRESENT", [[0, 0]]],
    ["a PML4E with P = 0", top, [0], "FS_NOT_PRESENT", [[0, 0]]],
    ["a PML4E with PS = 1", top, [7], "FS_RESERVED", [[7, 7]]],
    ["a PASID entry with P = 0", structure("PASID table entry"), [0], "PASID_NOT_PRESENT", [[0, 0]]],
    [
      "a PASID entry with reserved bit 10",
      structure("PASID table entry"),
      [10],
      "PASID_RESERVED",
      [[10, 10]],
    ],
    [
      "a directory entry with P = 0",
      structure("PASID directory entry"),
      [0],
      "DIRECTORY_NOT_PRESENT",
      [[0, 0]],
    ],
    [
      "a context entry with P = 0",
      structure("scalable-mode context entry"),
      [0],
      "CONTEXT_NOT_PRESENT",
      [[0, 0]],
    ],
  ];
  for (const [title, wanted, flips, reason, bits] of rows) {
    it(`${title}: ${reason}, bit ${bits.flat()[0]}`, () => {
      const found = blame(firstStage.one, firstStage.at, wanted, flips);
      expect(found).toEqual({ name: reason, address: found.expected, bits, expected: found.expected });
    });
  }
});
