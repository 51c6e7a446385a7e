// What explain says of a sample of the vectors of both vendors: its verdict is what the vector expects, and its reads are
// those of the independent reference models, in their order.

import { describe, expect, it } from "vitest";
import { explainCase } from "../../src/cli/explain.js";
import { Field } from "../../src/cli/fields.js";
import { readCase } from "../../src/cli/verify-case.js";
import { type Explanation, explainedInOrder, vtdFaultName } from "../../src/index.js";
import * as smmu from "../reference/vector-file.js";
import * as vtd from "../reference/vtd/vector-file.js";

/** Files about queues in memory, caches or registers alone have no walk of their own to look at. */
const SMMU_FILES = smmu.vectorFiles().filter((name) => !/^(evtq|cmdq|gbpa|qemu-)/.test(name));
const VTD_FILES = "ad addr basic fetch fpd intr levels multi pe perm priv pt reserved rsvd te".split(" ");
const PER_FILE = 8;

/** `PER_FILE` cases of a file, evenly spread, and of each an access in its middle. */
function sample<C extends { steps: readonly { op: string; expect?: unknown }[] }>(
  cases: readonly C[],
): [C, number][] {
  const stride = Math.max(1, Math.floor(cases.length / PER_FILE));
  return cases
    .filter((_, n) => n % stride === 0)
    .slice(0, PER_FILE)
    .flatMap((one, n): [C, number][] => {
      const accesses = one.steps.flatMap((step, at) => (step.op === "access" && step.expect ? [at] : []));
      const at = accesses[(n * 7) % Math.max(1, accesses.length)];
      return at === undefined ? [] : [[one, at]];
    });
}

const explained = (one: { id: string }, step: number): Explanation =>
  explainCase(readCase(new Field(one, "", "vectors", 1)), { id: one.id, step }, "vectors");

const reads = (explanation: Explanation): bigint[] => explainedInOrder(explanation).map(({ pa }) => pa);

/** Whether `part` can be had from `whole` by leaving out. */
function isSubsequence(part: readonly bigint[], whole: readonly bigint[]): boolean {
  let at = 0;
  for (const read of whole) if (read === part[at]) at++;
  return at === part.length;
}

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString("hex");

let explainedCases = 0;

describe("explain on SMMUv3 vectors", () => {
  for (const file of SMMU_FILES) {
    it(`agrees with ${file} and with the reads of the reference model`, () => {
      for (const [one, at] of sample(smmu.readVectors(file))) {
        const model = smmu.prepare(one.regs, one.idr, one.ram, one.memory);
        for (const step of one.steps.slice(0, at)) {
          if (step.op === "write") model.memory.write(BigInt(step.pa!), smmu.fromHex(step.hex!));
          if (step.op === "reg") model.setRegister(step.name!, BigInt(step.value!));
        }
        const { sid, ssid, iova, write, exec, priv, expect: wanted } = one.steps[at]!;
        const first = wanted!.parts?.[0] ?? wanted!;
        model.memory.log = [];
        model.access({ sid: sid!, ssid, iova: BigInt(iova!), write, exec, priv });
        const explanation = explained(one, at);
        const { answer, fault } = explanation;
        const place = `${one.id} step ${at}`;
        if (first.pa !== undefined) expect(answer.pa, place).toBe(BigInt(first.pa));
        expect(answer.ok, place).toBe(first.pa !== undefined);
        expect(hex(fault?.record?.bytes), place).toBe(first.event);
        expect(isSubsequence(reads(explanation), model.memory.log), place).toBe(true);
        if (fault && /^(F_TRANSLATION|F_PERMISSION|F_ACCESS|C_BAD_STE|C_BAD_CD)$/.test(fault.name)) {
          expect(fault.cause.text, place).not.toBe("");
        }
        explainedCases++;
      }
    });
  }
});

describe("explain on VT-d vectors", () => {
  for (const file of VTD_FILES) {
    it(`agrees with ${file} and with the reads of the reference model`, () => {
      for (const [one, at] of sample(vtd.readVectors(file))) {
        const model = vtd.prepare(one.caps, one.ram, one.regs, one.memory);
        for (const step of one.steps.slice(0, at)) {
          if (step.op === "write") model.memory.write(BigInt(step.pa!), vtd.fromHex(step.hex!));
          if (step.op === "reg") model.setRegister(step.name!, BigInt(step.value!));
          if (step.op === "access") vtd.accessDifferences(model, step);
        }
        model.memory.log = [];
        vtd.accessDifferences(model, one.steps[at]!);
        const { answer, fault, ...rest } = explained(one, at);
        const place = `${one.id} step ${at}`;
        const wanted = one.steps[at]!.expect!;
        if (wanted.pa !== undefined) expect(answer.pa, place).toBe(BigInt(wanted.pa));
        expect(answer.ok, place).toBe(wanted.pa !== undefined);
        if (wanted.fault) {
          expect(
            vtd.codesOf(wanted.fault).map((code) => vtdFaultName(Number(code))),
            place,
          ).toContain(fault?.name);
        }
        expect(isSubsequence(reads({ answer, ...rest }), model.memory.log), place).toBe(true);
        explainedCases++;
      }
    });
  }

  it("has looked at 300 vectors or more", () => {
    expect(explainedCases).toBeGreaterThanOrEqual(300);
  });
});
