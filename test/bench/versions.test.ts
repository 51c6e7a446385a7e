// Several builds beside each other: the same build twice, and what a ratio is called. No time is looked at.
import { describe, expect, it } from "vitest";
import { OWN_LIBRARY } from "../../bench/library.js";
import { formatVersions, runVersions, verdictOf } from "../../bench/versions.js";
import { SCALAR } from "../core/scalar-build.js";

describe("runVersions", () => {
  it("compares every version with the first, over the same requests and with right addresses", async () => {
    const result = await runVersions(
      [
        { name: "base", library: OWN_LIBRARY },
        { name: "scalar", library: OWN_LIBRARY, options: { core: SCALAR } },
        { name: "8 ways", library: OWN_LIBRARY, options: { iotlb: { entries: 2048, ways: 8 } } },
      ],
      { quick: true, rounds: 2, time: 0, requests: 4096, seed: 7, only: "in 64 pages | in place" },
    );
    expect(result).toMatchObject({ kind: "versions", base: "base", others: ["scalar", "8 ways"] });
    // SMMUv3 nested, and VT-d in three ways
    expect(result.rows).toHaveLength(4);
    for (const { ratio } of result.rows) expect(Object.keys(ratio)).toEqual(["scalar", "8 ways"]);
    const text = formatVersions(result);
    for (const name of ["scalar", "8 ways"]) {
      expect(text).toContain(`${name}: its time over that of base, median (minimum-maximum) of the rounds`);
    }
  });

  it("says which rows a build cannot run", async () => {
    const { SmmuV3, VtdIommu } = OWN_LIBRARY;
    class Old extends SmmuV3 {}
    Object.defineProperty(Old.prototype, "bind", { value: undefined });
    const has = (machine: object) => "bind" in machine && machine.bind !== undefined;
    const result = await runVersions(
      [
        { name: "now", library: OWN_LIBRARY },
        { name: "old", library: { SmmuV3: Old, VtdIommu } },
      ],
      { quick: true, rounds: 1, time: 0, requests: 4096, seed: 7, only: "64 pages | bound call" },
    );
    if (!has(new SmmuV3())) return expect(result.rows).toEqual([]);
    expect(result.rows.map(({ ratio }) => ratio)).toEqual([{}]);
    expect(formatVersions(result)).toContain("cannot run it");
  });
});

describe("verdictOf", () => {
  it("needs all rounds to agree and 3 %", () => {
    expect(verdictOf({ min: 1.02, median: 1.05, max: 1.2 })).toBe("slower");
    expect(verdictOf({ min: 0.99, median: 1.05, max: 1.2 })).toBe("same");
    expect(verdictOf({ min: 1.01, median: 1.02, max: 1.03 })).toBe("same");
    expect(verdictOf({ min: 0.8, median: 0.9, max: 0.99 })).toBe("faster");
    expect(verdictOf({ min: 0.8, median: 0.98, max: 0.99 })).toBe("same");
  });
});
