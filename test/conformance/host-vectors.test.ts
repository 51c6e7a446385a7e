// The Linux user API as bytes: every host-face vector of the fixtures, through the command line as a user runs it, with
// each cache configuration. Cases and steps are counted here from the files, so that nothing can go missing silently.
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cli, fixture } from "../cli/run.js";

/** Cases and steps of each file: SMMUv3's, and VT-d's. */
const FILES: [name: string, cases: number, steps: number, vtdCases: number, vtdSteps: number][] = [
  ["abi-gpasid", 1, 6, 27, 266],
  ["abi-info", 4, 26, 4, 37],
  ["abi-inval", 21, 226, 25, 262],
  ["abi-irqs", 4, 36, 4, 30],
  ["abi-map", 10, 110, 10, 109],
  ["abi-msi", 8, 60, 1, 4],
  ["abi-open", 6, 43, 5, 36],
  ["abi-pasid-table", 33, 310, 1, 7],
  ["aptable", 2, 38, 0, 0],
  ["fault-reason", 23, 413, 6, 118],
  ["fault-ring", 5, 1189, 5, 1189],
  ["gpasid", 0, 0, 13, 355],
  ["inv-effect", 34, 814, 15, 557],
  ["linux-guest", 15, 2842, 10, 2147],
  ["linux-v10", 15, 147, 2, 22],
  ["map-dma", 9, 210, 9, 210],
  ["min-pasid-bits", 1, 10, 0, 0],
  ["msi", 4, 95, 0, 0],
  ["nested-tables", 20, 362, 0, 0],
  ["page-request", 8, 162, 7, 665],
  ["s1dss", 6, 78, 0, 0],
  ["soak", 8, 686, 8, 700],
  ["table-state", 18, 369, 0, 0],
  ["two-devices", 3, 56, 1, 22],
];

const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
const cells = (line: string): string[] => line.split(/ {2,}/);

describe("host-face vectors", () => {
  const found = readdirSync(fixture("conformance/host")).filter((name) => name.endsWith(".gz"));

  it("are 411 cases in 24 files", () => {
    expect(found).toEqual(FILES.map(([name]) => `${name}.jsonl.gz`));
    const sum = (column: 1 | 2 | 3 | 4): number => FILES.reduce((total, file) => total + file[column], 0);
    expect([sum(1), sum(2), sum(3), sum(4)]).toEqual([258, 8288, 153, 6736]);
  });

  it.each(["default", "min", "1", "off"])(
    "all 15,024 steps (8,288 of SMMUv3, 6,736 of VT-d) pass with caches %s",
    {
      timeout: 120_000,
    },
    (caches) => {
      const { code, out } = cli([
        ...["verify", "--caches", caches],
        ...found.map((name) => fixture(`conformance/host/${name}`)),
      ]);
      const [head, ...lines] = out.trimEnd().split("\n");
      expect(cells(head ?? "")).toEqual(["", "cases", "steps", "passed", "failed", "unsupported"]);
      expect(lines.slice(0, FILES.length).map(cells)).toEqual(
        FILES.map(([name, cases, steps, vtdCases, vtdSteps]) => [
          `${name}.jsonl.gz`,
          ...[cases + vtdCases, steps + vtdSteps, steps + vtdSteps, 0, 0].map(count),
        ]),
      );
      expect(lines.slice(FILES.length)).toEqual([
        expect.stringMatching(/^all files +411 +15,024 +15,024 +0 +0$/),
        "no step failed",
      ]);
      expect(code).toBe(0);
    },
  );
});
