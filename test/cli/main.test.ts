import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cli } from "./run.js";

const COMMANDS = ["verify", "replay", "bench", "demo"];

describe("nested-iommu", () => {
  it("explains itself", () => {
    for (const args of [["--help"], ["-h"], ["help"]]) {
      const { code, out, err } = cli(args);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} +\\w`, "m"));
      expect(out).toContain("Exit codes");
    }
  });

  it.each(COMMANDS)("explains %s with an example", (command) => {
    for (const args of [
      [command, "--help"],
      [command, "-h"],
      ["help", command],
    ]) {
      const { code, out } = cli(args);
      expect(code).toBe(0);
      expect(out).toContain(`nested-iommu ${command}`);
      expect(out).toMatch(/^Examples?$/m);
    }
  });

  it("prints its version", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(cli(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it.each<[string[], string]>([
    [[], "expected a command (verify, explain, replay, gen, bench, demo), got nothing; try --help"],
    [
      ["explode"],
      'expected a command (verify, explain, replay, gen, bench, demo), got "explode"; try --help',
    ],
    [
      ["toString"],
      'expected a command (verify, explain, replay, gen, bench, demo), got "toString"; try --help',
    ],
    [["demo", "x"], 'demo: expected no files, got "x"'],
    [["bench", "x"], 'bench: expected no files, got "x"'],
    [["demo", "--quick"], "demo: Unknown option '--quick'; try \"demo --help\""],
  ])("%j is one line and exit code 2", (args, message) => {
    expect(cli(args)).toEqual({ code: 2, out: "", err: `nested-iommu: ${message}\n` });
  });
});

describe("demo", () => {
  it("replays the bundled capture recorded and nested without a wrong address", () => {
    const { code, out } = cli(["demo", "--json"]);
    expect(code).toBe(0);
    const { recorded, nested } = JSON.parse(out) as Record<"recorded" | "nested", Record<string, unknown>>;
    for (const result of [recorded, nested]) {
      expect(result).toMatchObject({ differences: { count: 0 }, faults: { total: 0 } });
      expect(result.accesses).toBeGreaterThan(1000);
    }
  });
});
