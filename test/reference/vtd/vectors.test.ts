// The reference model against QEMU's answers, the architecture's where they differ, and the tables of a real Linux
// (test/fixtures/conformance/vtd). It has no caches, so invalidations must only be legal.

import { describe, expect, it } from "vitest";
import { descriptorError } from "./invalidation-descriptor.js";
import type { ReferenceVtd } from "./iommu.js";
import {
  accessDifferences,
  fromHex,
  prepare,
  readSnapshot,
  readVectors,
  type Step,
  snapshotFiles,
  toHex,
  type VectorCase,
  vectorFiles,
} from "./vector-file.js";

function words(hex: string): bigint[] {
  const bytes = fromHex(hex);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 8 }, (_, i) => view.getBigUint64(8 * i, true));
}

/** Carries out one step that is no access; answers a disagreement. */
function perform(vtd: ReferenceVtd, step: Step): string | undefined {
  switch (step.op) {
    case "write":
      return vtd.memory.write(BigInt(step.pa!), fromHex(step.hex!)) ? undefined : "write outside RAM";
    case "inv": {
      const error = descriptorError(words(step.hex!), vtd.mode === "legacy", vtd.capabilities);
      return error === undefined ? undefined : `descriptor ${step.hex} is in error (${error})`;
    }
    case "reg":
      vtd.setRegister(step.name!, BigInt(step.value!));
      return undefined;
    case "readreg": {
      if (step.expect === undefined) return undefined;
      const mask = BigInt(step.expect.mask ?? "0xffffffffffffffff");
      const value = vtd.register(step.name!) & mask;
      const wanted = BigInt(step.expect.value!) & mask;
      return value === wanted
        ? undefined
        : `${step.name} is ${value.toString(16)}, not ${wanted.toString(16)}`;
    }
    case "expect-memory": {
      const wanted = step.hex ?? step.expect?.hex;
      if (wanted === undefined) return undefined;
      const actual = toHex(vtd.memory.read(BigInt(step.pa!), wanted.length / 2)!);
      return actual === wanted ? undefined : `memory at ${step.pa} is ${actual}, not ${wanted}`;
    }
    default:
      throw new RangeError(`unknown step ${step.op}`);
  }
}

/** The last byte of an access, which translates too. */
function lastByte(step: Step): Step {
  const offset = BigInt(step.size! - 1);
  const plus = (value: string) => `0x${(BigInt(value) + offset).toString(16)}`;
  return { ...step, iova: plus(step.iova!), expect: { pa: plus(step.expect!.pa!) } };
}

/** What a case compares, and where it disagrees. */
interface Report {
  steps: number;
  accesses: number;
  differences: string[];
}

function runSteps(vtd: ReferenceVtd, { id, log, steps }: VectorCase): Report {
  const report: Report = { steps: steps.length, accesses: 0, differences: [] };
  for (const [i, step] of steps.entries()) {
    const isAccess = step.op === "access";
    // In normal cases software empties the recording register before every access.
    if (isAccess && log !== "manual") vtd.faults.serve();
    const found = isAccess ? accessDifferences(vtd, step) : [perform(vtd, step) ?? []].flat();
    report.differences.push(...found.map((text) => `${id} step ${i} ${step.category ?? step.op}: ${text}`));
    if (isAccess && step.expect !== undefined) report.accesses++;
  }
  return report;
}

const start = ({ caps, ram, regs, memory }: VectorCase): ReferenceVtd => prepare(caps, ram, regs, memory);

const sum = (reports: readonly Report[]) => ({
  cases: reports.length,
  steps: reports.reduce((total, { steps }) => total + steps, 0),
  accesses: reports.reduce((total, { accesses }) => total + accesses, 0),
  differences: reports.flatMap(({ differences }) => differences).slice(0, 20),
});

/** Cases, steps and compared accesses of each file. */
const COUNTS: Record<string, [cases: number, steps: number, accesses: number]> = {
  absent: [117, 1803, 1803],
  ad: [158, 3575, 1665],
  addr: [181, 1810, 1810],
  basic: [230, 3002, 3002],
  faultlog: [82, 3423, 932],
  fetch: [116, 1160, 1160],
  fpd: [189, 2104, 2104],
  intr: [65, 609, 609],
  "inv-ctx": [106, 5224, 2440],
  "inv-fm": [48, 2066, 1146],
  "inv-leaf": [203, 6379, 4948],
  "inv-pe": [129, 7391, 2959],
  "inv-table": [114, 2957, 1989],
  "legacy-bad": [61, 702, 702],
  levels: [115, 1992, 1992],
  multi: [137, 2192, 2192],
  np2p: [90, 1347, 928],
  pe: [147, 1446, 1446],
  perm: [237, 2898, 2898],
  priv: [13, 56, 56],
  pt: [70, 700, 700],
  queue: [138, 6293, 734],
  reginv: [35, 1582, 928],
  reserved: [99, 582, 582],
  rsvd: [200, 2408, 2408],
  te: [63, 897, 606],
};

describe("reference model on the VT-d vectors", () => {
  it("knows every file", () => {
    expect(vectorFiles()).toEqual([...Object.keys(COUNTS), "qemu-deviations"].sort());
  });

  for (const [file, [cases, steps, accesses]] of Object.entries(COUNTS)) {
    it(`answers ${cases} cases of ${file} as expected`, () => {
      const reports = readVectors(file).map((vector) => runSteps(start(vector), vector));
      expect(sum(reports)).toEqual({ cases, steps, accesses, differences: [] });
    });
  }

  it("answers 235 cases as the architecture says where QEMU deviates", () => {
    const twins = new Map(readVectors("ad").map((vector) => [`${vector.id}-dev`, vector]));
    const reports = readVectors("qemu-deviations").map((vector) => {
      const vtd = start(vector);
      // Of the missing dirty flags only the looks at memory are in the file: the accesses are in the case's twin.
      if (vector.steps.every(({ op }) => op === "expect-memory")) runSteps(vtd, twins.get(vector.id)!);
      return runSteps(vtd, vector);
    });
    expect(sum(reports)).toEqual({ cases: 235, steps: 2486, accesses: 870, differences: [] });
  });
});

/** Translations done, pages mapped and stale translations of each snapshot. */
const SNAPSHOTS: Record<string, [steps: number, mapped: number, stale: number]> = {
  "vtd-fl-lazy-nvme4k-snap0": [137, 362, 32],
  "vtd-fl-lazy-nvme4k-snap1": [42, 362, 0],
  "vtd-fl-lazy-nvme4k-snap2": [211, 427, 100],
  "vtd-fl-strict-big-snap2": [900, 1026, 0],
  "vtd-fl-strict-mixed-snap0": [943, 1769, 0],
  "vtd-legacy-strict-hotplug-snap0": [600, 1467, 0],
  "vtd-sl-cm-ats-mixed-snap1": [887, 1649, 1],
  "vtd-sl-strict-big-snap1": [955, 1081, 0],
  "vtd-sl-strict-mixed-snap1": [890, 1630, 0],
};

describe("reference model on the VT-d snapshots", () => {
  it("knows every file", () => {
    expect(snapshotFiles()).toEqual(Object.keys(SNAPSHOTS));
  });

  for (const [file, counts] of Object.entries(SNAPSHOTS)) {
    it(`translates every page of ${file} and blocks what is stale`, () => {
      const { regs, memory, steps, mapped, stale } = readSnapshot(file);
      expect([steps, mapped, stale].map(({ length }) => length)).toEqual(counts);
      // QEMU's aw-bits; the machine's RAM is everything, since only pages that matter are in the file.
      const caps = { CAP: regs.CAP!, ECAP: regs.ECAP!, VER: regs.VER!, HAW: 48 };
      const vtd = prepare(caps, [["0x0", "0x1000000000000"]], regs, memory);
      const differences = [...steps, ...mapped].flatMap((step) => [
        ...accessDifferences(vtd, step),
        ...accessDifferences(vtd, lastByte(step)),
      ]);
      expect(differences.slice(0, 20)).toEqual([]);
      for (const { sid, iova, write } of stale) {
        expect(vtd.access({ sid: sid!, iova: BigInt(iova!), write })).toMatchObject({
          kind: "blocked",
          cause: file.includes("-fl-") ? "fsAbsent" : "ssAbsent",
        });
      }
    });
  }
});
