// The reference model against QEMU's answers (test/fixtures/conformance) and real Linux (test/fixtures/captures).
// It has no caches, so commands do nothing. The files evtq and cmdq are left out: they are about queues in memory
// (overflow, commands consumed from memory), which this model does not have.

import { describe, expect, it } from "vitest";
import {
  accessDifferences,
  fromHex,
  prepare,
  readSnapshot,
  readVectors,
  snapshotFiles,
  toHex,
  type VectorCase,
  vectorFiles,
} from "./vector-file.js";

const QUEUE_FILES = ["evtq.jsonl.gz", "cmdq.jsonl.gz"];

function runCase({ id, idr, ram, regs, memory, steps }: VectorCase): { run: number; differences: string[] } {
  const smmu = prepare(regs, idr, ram, memory);
  const differences: string[] = [];
  let run = 0;
  steps.forEach((step, i) => {
    switch (step.op) {
      case "access":
        differences.push(
          ...accessDifferences(smmu, step).map((text) => `${id} step ${i} ${step.category ?? ""} ${text}`),
        );
        break;
      case "write":
        smmu.memory.write(BigInt(step.pa!), fromHex(step.hex!));
        break;
      case "reg":
        smmu.setRegister(step.name!, BigInt(step.value!));
        break;
      case "read":
        if (toHex(smmu.memory.read(BigInt(step.pa!), step.len!)!) !== step.expect!.hex) {
          differences.push(`${id} step ${i} memory at ${step.pa}`);
        }
        break;
      case "readreg": {
        const mask = BigInt(step.expect!.mask ?? "0xffffffff");
        if ((smmu.register(step.name!) & mask) !== (BigInt(step.expect!.value!) & mask)) {
          differences.push(`${id} step ${i} register ${step.name}`);
        }
        break;
      }
      case "cmd":
        break;
    }
    run++;
  });
  return { run, differences };
}

describe("reference model on the SMMUv3 vectors", () => {
  for (const file of vectorFiles()) {
    if (QUEUE_FILES.includes(file)) continue;
    it(`answers ${file} as expected`, () => {
      const results = readVectors(file)
        // Raw cases with queues in memory may also stand in the deviation file.
        .filter(({ regs }) => !("EVENTQ_BASE" in regs))
        .map(runCase);
      expect(results.flatMap(({ differences }) => differences).slice(0, 20)).toEqual([]);
      expect(results.reduce((sum, { run }) => sum + run, 0)).toBeGreaterThan(0);
    });
  }
});

describe("reference model on the SMMUv3 snapshots", () => {
  for (const file of snapshotFiles()) {
    it(`translates every page of ${file}`, () => {
      const { regs, memory, steps, mapped, stale } = readSnapshot(file);
      const idr = regs as VectorCase["idr"];
      // The machine's RAM: everything, since only pages that matter are in the file.
      const smmu = prepare(regs, idr, [["0x0", "0x10000000000000"]], memory);
      const differences = [...steps, ...mapped].flatMap((step) => accessDifferences(smmu, step));
      expect(differences.slice(0, 20)).toEqual([]);
      for (const { sid, iova, write } of stale) {
        expect(smmu.access({ sid: sid!, iova: BigInt(iova!), write }).kind).toBe("abort");
      }
    });
  }
});
