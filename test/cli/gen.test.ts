import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { cli, scratch } from "./run.js";

const { path } = scratch();

/** Seed 1, two tenants of one device, one page each, given back after one use. */
const SMALL = [
  "gen",
  "--tenants",
  "2",
  "--pages",
  "1",
  "--requests",
  "2",
  "--invalidate",
  "strict",
  "--uses",
  "1",
];

describe("gen", () => {
  it('prints "#itr 2": domains by PASID, live pages, accesses, and a page that is given back', () => {
    const { code, out, err } = cli(SMALL);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    // of the seed are: the offset and direction of an access, and which frame a page has
    const shape = out.replace(/^(a .*) [rw] 64/gm, "$1 D 64").replace(/1000000?[0-9a-f]{2,3} (?=D)/g, "X ");
    expect(shape.split("\n").filter((line) => !/^[aM]/.test(line))).toEqual([
      "#itr 2",
      "# id gen-2-ring-1",
      "# arch smmuv3",
      "# workload 2 tenants, ring",
      "s 100 P1 1 0",
      "s 100 P2 2 0",
      "w 0",
      "u 100 P1 100000000 1000",
      "i va 1 0 100000000 1 1 3 1",
      "i sync",
      "m 100 P1 100000000 100002000 1000 b",
      "u 100 P2 100000000 1000",
      "i va 2 0 100000000 1 1 3 1",
      "i sync",
      "m 100 P2 100000000 100003000 1000 b",
      "",
    ]);
    expect(out.match(/^M 100 P[12] 100000000 10000[01]000 1000 b$/gm)).toHaveLength(2);
    expect(out.match(/^a 100 P[12] 100000[0-9a-f]{3} 10000[01][0-9a-f]{3} [rw] 64 12$/gm)).toHaveLength(2);
  });

  it("gives the same bytes for the same seed, others for another", () => {
    const [first, again] = [cli(SMALL).out, cli(SMALL).out];
    expect(again).toBe(first);
    expect(cli([...SMALL, "--seed", "2", "--requests", "20"]).out).not.toBe(
      cli([...SMALL, "--requests", "20"]).out,
    );
  });

  it.each([
    ["smmuv3", "ring", "none", "1", "4k"],
    ["smmuv3", "random", "lazy", "3", "4k"],
    ["smmuv3", "zipf", "strict", "40", "2m"],
    ["vtd", "ring", "lazy", "3", "2m"],
    ["vtd", "zipf", "strict", "1", "4k"],
  ])(
    "makes traces that replay without a wrong address: %s %s %s, %s streams, %s",
    (arch, pattern, policy, streams, size) => {
      const name = path("made.itr.gz");
      const made = cli([
        "gen",
        "--arch",
        arch,
        "--pattern",
        pattern,
        "--invalidate",
        policy,
        "--streams",
        streams,
        ...[
          "--page-size",
          size,
          "--tenants",
          "20",
          "--pages",
          "8",
          "--requests",
          "4000",
          "--uses",
          "3",
          name,
        ],
      ]);
      expect(made).toEqual({ code: 0, out: "", err: "" });
      expect(gunzipSync(readFileSync(name)).toString().startsWith("#itr 2\n")).toBe(true);
      for (const mode of ["recorded", "nested"]) {
        const { code, out } = cli(["replay", "--json", "--mode", mode, name]);
        expect(JSON.parse(out)).toMatchObject({
          accesses: 4000,
          domains: 20,
          overlaps: 0,
          emptyUnmaps: 0,
          differences: { count: 0 },
        });
        expect(code).toBe(0);
      }
    },
  );

  it.each<[string[], string]>([
    [["--tenants", "0"], '--tenants expected integer in 1..65535, got "0"'],
    [["--pattern", "spiral"], '--pattern expected one of ring random zipf, got "spiral"'],
    [["--writes", "2"], '--writes expected a number in 0..1, got "2"'],
    [
      ["--tenants", "60000", "--pages", "100"],
      "--tenants times --pages expected at most 4194304, got 6000000",
    ],
    [
      ["--page-size", "1g", "--pages", "65536"],
      "--tenants times --pages times --page-size expected at most 2^45 bytes",
    ],
    [["a", "b"], "gen: expected one OUTPUT at most, got 2"],
  ])("refuses %j", (args, message) => {
    expect(cli(["gen", ...args])).toEqual({ code: 2, out: "", err: `nested-iommu: ${message}\n` });
  });

  it("names an output that cannot be written", () => {
    const { code, err } = cli(["gen", path("no/such/folder.itr")]);
    expect(code).toBe(2);
    expect(err).toMatch(/^nested-iommu: .*folder\.itr: ENOENT.*\n$/);
  });
});
