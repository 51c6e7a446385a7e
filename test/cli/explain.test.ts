// The explain command as people and programs call it: its tree, its JSON, its exit codes.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { cli, fixture } from "./run.js";

const FILE = fixture("conformance/smmuv3/nested-tt.jsonl.gz");
const SNAPSHOT = fixture("captures/snapshots/smmu-s1-strict-mixed-snap1.json.gz");
const [first] = gunzipSync(readFileSync(FILE))
  .toString("utf8")
  .split("\n", 1)
  .map((line) => JSON.parse(line) as { id: string; steps: { op: string; expect: { pa?: string } }[] });
const ID = first!.id;
const STEP = first!.steps.findIndex(({ op, expect: wanted }) => op === "access" && wanted.pa !== undefined);

describe("explain", () => {
  it("prints one line a read, and the address that the vector expects", () => {
    const { code, out } = cli(["explain", FILE, "--case", ID, "--step", String(STEP)]);
    expect(code).toBe(0);
    const numbers = [...out.matchAll(/^ *(\d+) {2}/gm)].map(([, n]) => Number(n));
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers.map((_, n) => n));
    expect(numbers.length).toBeGreaterThan(5);
    expect(out).toContain(`${first!.steps[STEP]!.expect.pa} (translated`);
  });

  it("gives the same as JSON, 64-bit values as text", () => {
    const { code, out } = cli(["explain", "--json", FILE, "--case", ID, "--step", String(STEP)]);
    expect(code).toBe(0);
    const { request, steps, answer } = JSON.parse(out) as {
      request: { iova: string };
      steps: { what: string; address: string }[];
      answer: { pa: string };
    };
    expect(BigInt(answer.pa)).toBe(BigInt(first!.steps[STEP]!.expect.pa!));
    expect(request.iova).toMatch(/^0x/);
    expect(steps[0]?.what).toBe("STE");
    expect(steps.every(({ address }) => /^0x[0-9a-f]+$/.test(address))).toBe(true);
  });

  it("explains any request of a snapshot", () => {
    const { code, out } = cli(["explain", SNAPSHOT, "--stream", "16", "--iova", "0xfffff000", "--write"]);
    expect(code).toBe(0);
    expect(out).toContain("0x8090000 (translated");
  });

  it("ends with the fault, its bit and its record for an address that is not mapped", () => {
    const { code, out } = cli(["explain", SNAPSHOT, "--stream", "16", "--iova", "0x1000"]);
    expect(code).toBe(0);
    expect(out).toMatch(/F_TRANSLATION: VALID = 0 \(read \d+, bit 0\)/);
    expect(out).toMatch(/record [0-9a-f]{64}\n/);
  });

  const wrong: [string[], RegExp][] = [
    [["explain"], /explain: expected one FILE, got 0/],
    [["explain", FILE], /--case expected one of its cases \(.*\), got several/],
    [["explain", FILE, "--case", "none"], /--case expected one of its cases .*, got "none"/],
    [["explain", SNAPSHOT], /expected --stream and --iova, or --step/],
    [["explain", SNAPSHOT, "--stream", "x", "--iova", "0"], /--stream expected a number .*, got "x"/],
    [
      ["explain", SNAPSHOT, "--stream", "0x100000000", "--iova", "0"],
      /"stream" expected an integer in 0\.\.4294967295/,
    ],
    [["explain", "missing.json", "--stream", "0", "--iova", "0"], /missing\.json: no such file/],
    [
      ["explain", fixture("conformance/host/msi.jsonl.gz"), "--case", "x"],
      /--case expected one of its cases/,
    ],
  ];
  for (const [args, message] of wrong) {
    it(`refuses "${args.join(" ").replaceAll(fixture(""), "")}" in one line with exit code 2`, () => {
      const { code, out, err } = cli(args);
      expect(err).toMatch(message);
      expect(err.trimEnd().split("\n").length).toBe(1);
      expect([code, out]).toEqual([2, ""]);
    });
  }
});
