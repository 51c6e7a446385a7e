// The outside truth, whole: every vector file and every snapshot of the fixtures, through the command line as a user
// runs it, with each cache configuration. Counts are restated here so that nothing can go missing silently.
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cli, fixture } from "../cli/run.js";

interface Totals {
  cases: number;
  steps: number;
  passed: number;
  failed: number;
  unsupported: number;
  failures: unknown[];
}

const files = (folder: string): string[] =>
  readdirSync(fixture(folder))
    .filter((name) => name.endsWith(".gz"))
    .map((name) => fixture(`${folder}/${name}`));

const verify = (caches: string, names: readonly string[]): Totals & { code: number | null } => {
  const run = cli(["verify", "--json", "--caches", caches, ...names]);
  return { code: run.code, ...(JSON.parse(run.out) as Totals) };
};

describe.each(["default", "min", "1", "off"])("with caches %s", (caches) => {
  it("answers all 5793 QEMU cases, deviations as the architecture says", { timeout: 120_000 }, () => {
    const vectors = files("conformance/smmuv3");
    expect(vectors).toHaveLength(29);
    expect(verify(caches, vectors)).toEqual({
      code: 0,
      cases: 5793,
      steps: 89_448,
      passed: 89_448,
      failed: 0,
      unsupported: 0,
      failures: [],
    });
  });

  it("gives every translation of 18 snapshots of a running Linux", { timeout: 120_000 }, () => {
    const snapshots = files("captures/snapshots");
    expect(snapshots).toHaveLength(18);
    expect(verify(caches, snapshots)).toEqual({
      code: 0,
      cases: 18,
      steps: 39_087,
      passed: 39_087,
      failed: 0,
      unsupported: 0,
      failures: [],
    });
  });
});

describe("recorded DMA of an unmodified Linux", () => {
  const replay = (name: string, ...options: string[]): { code: number | null; out: string } =>
    cli(["replay", "--json", ...options, fixture(`captures/traces/${name}.itr.gz`)]);

  it.each([
    ["smmu-s1-strict-mixed", "recorded"],
    ["smmu-s1-strict-mixed", "nested"],
    ["smmu-s1-lazy-nvme4k", "recorded"],
    ["smmu-s1-lazy-nvme4k", "nested"],
    ["smmu-s2-strict-mixed", "recorded"],
  ])("%s, %s: all 210,004 accesses get the recorded address", { timeout: 120_000 }, (name, mode) => {
    const { code, out } = replay(name, "--mode", mode);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ accesses: 210_004, differences: { count: 0 } });
  });
});
