import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ItrWriter } from "../../src/index.js";
import { cli, fixture, scratch } from "./run.js";

const { file, path } = scratch();
const report = (out: string): Report => JSON.parse(out) as Report;

interface Report {
  mode: string;
  accesses: number;
  differences: { count: number; first: { line: number; expected: string; actual: string }[] };
  faults: { total: number; byName: Record<string, number> };
  fetches: { total: number; stage1: number; stage2: number };
  caches: Record<string, { hits: number; misses: number; hitRate: number | null }>;
  [other: string]: unknown;
}

/** Two streams of one domain, one of another, every kind of line. */
function sample(): ItrWriter {
  return new ItrWriter()
    .header("id", "sample")
    .header("arch", "smmuv3")
    .stream(0x8, 1, 0)
    .stream(0x100, 1, 0)
    .stream(0x2000, 2, 0)
    .window(0)
    .register(0x80, 0x4000_0000n)
    .map(0x8, 0xffff_f000n, 0x809_0000n, 0x1000n, "b", true)
    .map(0x2000, 0xffff_f000n, 0x4000_3000n, 0x1000n, "r", true)
    .access(0x8, 0xffff_f040n, 0x809_0040n, "w", 0, 12)
    .elapsed(1_500_000)
    .access(0x100, 0xffff_f041n, 0x809_0041n, "?", 0, 12)
    .access(0x2000, 0xffff_f042n, 0x4000_3042n, "r", 0, 12)
    .map(0x8, 0x1_0020_0000n, 0x4060_0000n, 0x20_0000n, "w")
    .access(0x8, 0x1_0035_4321n, 0x4075_4321n, "w", 512, 21)
    .invalidate("va", 1, 0, 0xffff_f000n, 1, 1, 3, 1)
    .invalidate("asid", 2)
    .invalidate("ste", 8)
    .invalidate("cd", 8)
    .invalidate("nsnh")
    .invalidate("sterange", 0, 0xffff_ffff)
    .invalidate("sync")
    .unmap(0x8, 0xffff_f000n, 0x1000n)
    .bypass(0x18, 0x1000n, "r", "bypass")
    .fault(0x18, "F_TRANSLATION", 0x1000n, "r")
    .window(5_000_000)
    .map(0x8, 0xffff_f000n, 0x5000_0000n, 0x1000n, "b", true)
    .access(0x8, 0xffff_f040n, 0x5000_0040n, "r", 0, 12);
}

describe("replay", () => {
  const name = file("sample.itr", sample().toString());

  it.each([
    ["recorded", []],
    ["nested", []],
    ["nested", ["--s2-page", "4k"]],
    ["nested", ["--s2-page", "1g", "--caches", "off"]],
    ["nested", ["--iotlb", "1x1"]],
    ["recorded", ["--iotlb", "16x16", "--policy", "lru"]],
    ["recorded", ["--iotlb", "8x2", "--policy", "random"]],
    ["recorded", ["--policy", "plru"]],
    ["nested", ["--caches", "min"]],
    ["nested", ["--caches", "1"]],
  ])("answers as recorded: %s %j (exit code 0)", (mode, options) => {
    const { code, out, err } = cli(["replay", "--json", "--mode", mode, ...options, name]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const result = report(out);
    expect(result).toMatchObject({
      trace: "sample.itr",
      mode,
      streams: 3,
      domains: 2,
      windows: 2,
      traceSeconds: 1.5,
      accesses: 5,
      reads: 3,
      writes: 2,
      maps: 4,
      unmaps: 1,
      overlaps: 0,
      emptyUnmaps: 0,
      registerWrites: 1,
      bypassed: 1,
      faultLines: 1,
      faults: { total: 0 },
      invalidations: { lines: 7 },
      differences: { count: 0, first: [] },
    });
    expect(result.fetches.stage1).toBeGreaterThan(0);
    expect(result.fetches.stage2 > 0).toBe(mode === "nested");
  });

  it("prints a report for people", () => {
    const { code, out } = cli(["replay", "--mode", "nested", name]);
    expect(code).toBe(0);
    for (const line of [
      /sample\.itr: 3 streams, 2 domains, 1\.5 s in 2 windows/,
      /nested: the recorded stage 1 over a stage 2 with leaves of up to 2048 KiB; IOTLB 2048 x 4 fifo/,
      /translations +5 \(3 reads, 2 writes\)/,
      /IOTLB hits +\d/,
      /walk cache hits +stage 1 /,
      /memory fetches +[\d.]+ a translation/,
      /faults +none/,
      /wrong addresses +none/,
    ]) {
      expect(out).toMatch(line);
    }
  });

  it("reads the standard input, gzip or not", () => {
    const { code, out } = cli(["replay", "--json", "-"], sample().toString());
    expect(code).toBe(0);
    expect(report(out).accesses).toBe(5);
  });

  it("reports a wrong address with its line (exit code 1)", () => {
    const text = sample().access(0x8, 0xffff_f044n, 0x5000_0048n, "r", 0, 12).toString();
    const line = text.split("\n").length - 1;
    for (const [mode, more] of [
      ["recorded", 0n],
      ["nested", 0x200_0000_0000n],
    ] as const) {
      const { code, out } = cli(["replay", "--json", "--mode", mode, "-"], text);
      expect(code).toBe(1);
      expect(report(out).differences).toEqual({
        count: 1,
        first: [
          {
            line,
            stream: 8,
            iova: "0xfffff044",
            expected: `0x${(0x5000_0048n + more).toString(16)}`,
            actual: `0x${(0x5000_0044n + more).toString(16)}`,
          },
        ],
      });
    }
    expect(cli(["replay", "-"], text).out).toContain(
      `DIFF line ${line}: stream 0x8 iova 0xfffff044: expected 0x50000048, got 0x50000044`,
    );
  });

  it("faults on accesses that no mapping allows, and counts them by name", () => {
    const text = sample()
      .access(0x8, 0x7000n, 0x7000n, "r", 0, 12)
      .map(0x8, 0x9000n, 0x9000n, 0x1000n, "r")
      .access(0x8, 0x9000n, 0x9000n, "w", 0, 12)
      .access(0x77, 0x9000n, 0x9000n, "r", 0, 12)
      .toString();
    const { code, out } = cli(["replay", "--json", "--caches", "off", "-"], text);
    expect(code).toBe(1);
    const { differences, faults } = report(out);
    expect(differences.first.map(({ actual }) => actual)).toEqual([
      "F_TRANSLATION",
      "F_PERMISSION",
      "C_BAD_STE",
    ]);
    expect(faults).toEqual({ total: 3, byName: { F_TRANSLATION: 1, F_PERMISSION: 1, C_BAD_STE: 1 } });
  });

  it("lets a cached translation answer until its invalidation, not after", () => {
    const stale = sample()
      .unmap(0x8, 0xffff_f000n, 0x1000n)
      .access(0x8, 0xffff_f048n, 0x5000_0048n, "r", 0, 12);
    expect(cli(["replay", "-"], stale.toString()).code).toBe(0);
    expect(cli(["replay", "--caches", "off", "-"], stale.toString()).code).toBe(1);
    const gone = stale
      .invalidate("va", 1, 0, 0xffff_f000n, 1, 1, 3, 1)
      .access(0x8, 0xffff_f048n, 0x5000_0048n, "r", 0, 12);
    for (const mode of ["recorded", "nested"]) {
      const { code, out } = cli(["replay", "--json", "--mode", mode, "-"], gone.toString());
      expect(code).toBe(1);
      expect(report(out).differences).toMatchObject({ count: 1, first: [{ actual: "F_TRANSLATION" }] });
    }
  });

  it("tolerates maps over maps, unmaps of nothing and unknown streams", () => {
    const text = sample()
      .map(0x8, 0xffff_e000n, 0x6000_0000n, 0x2000n, "b")
      .invalidate("va", 1, 0, 0xffff_e000n, 2, 1, 0, 0)
      .access(0x8, 0xffff_f000n, 0x6000_1000n, "r", 0, 12)
      .unmap(0x8, 0x1234_5000n, 0x1000n)
      .map(-1, 0x2000n, 0x7000_0000n, 0x1000n, "-")
      .access(0x100, 0x2000n, 0x7000_0000n, "w", 0, 12)
      .access(0x2000, 0x2000n, 0x7000_0000n, "w", 0, 12)
      .unmap(-1, 0x2000n, 0x1000n)
      .toString();
    const { code, out } = cli(["replay", "--json", "-"], text);
    expect(report(out)).toMatchObject({ overlaps: 1, emptyUnmaps: 1, differences: { count: 0 } });
    expect(code).toBe(0);
  });

  it("builds stage 2 for streams without an ASID", () => {
    const text = new ItrWriter()
      .stream(8, -1, 0xb)
      .window(0)
      .map(8, 0x1000n, 0x4000_0000n, 0x1000n, "w")
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12)
      .unmap(8, 0x1000n, 0x1000n)
      .invalidate("ipa", -1, 0xb, 0x1000n, 1, 1, 3, 1)
      .invalidate("s12", 0xb)
      .invalidate("sync")
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12)
      .toString();
    const { code, out } = cli(["replay", "--json", "-"], text);
    expect(code).toBe(1);
    expect(report(out)).toMatchObject({
      accesses: 2,
      fetches: { stage1: 0 },
      differences: { count: 1, first: [{ actual: "F_TRANSLATION" }] },
    });
    const nested = cli(["replay", "--mode", "nested", "-"], text);
    expect(nested.code).toBe(2);
    expect(nested.err).toBe(
      "nested-iommu: -:2: --mode nested needs a stage 1, and this trace was recorded with stage 2 only\n",
    );
  });

  it("answers what was asked before a stream moves to another domain as it was", () => {
    const text = new ItrWriter()
      .stream(8, 1, 0)
      .stream(16, 2, 0)
      .window(0)
      .map(8, 0x1000n, 0x4000_0000n, 0x1000n, "b")
      .map(16, 0x1000n, 0x5000_0000n, 0x1000n, "b")
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12)
      .stream(8, 2, 0)
      .access(8, 0x1040n, 0x5000_0040n, "w", 0, 12)
      .toString();
    const { code, out } = cli(["replay", "--json", "-"], text);
    expect(report(out).differences).toEqual({ count: 0, first: [] });
    expect(code).toBe(0);
  });

  it("takes StreamIDs of up to 32 bits", () => {
    const text = new ItrWriter()
      .stream(0xffff_fffe, 1, 0)
      .window(0)
      .map(0xffff_fffe, 0x1000n, 0x4000_0000n, 0x1000n, "w")
      .access(0xffff_fffe, 0x1040n, 0x4000_0040n, "w", 0, 12)
      .toString();
    expect(cli(["replay", "-"], text).code).toBe(0);
  });
});

describe("replay: bad input is one line and exit code 2", () => {
  const packed = readFileSync(fixture("captures/traces/smmu-s1-strict-mixed.itr.gz"));
  it.each<[string, string | Uint8Array, RegExp]>([
    ["empty.itr", "", /:1: expected "#itr 1", got an empty file$/],
    ["binary.itr", Uint8Array.of(7, 8, 9, 10, 11), /:1: expected "#itr 1", got "\?\?\?"$/],
    ["columns.itr", "#itr 1\ns 8 1 0\nw 0\na 8 1000 2000 r\n", /:4: "a" line has no SIZE$/],
    ["garbage.itr", `${sample().toString()}\u0000\u0001\n`, /:\d+: unknown event "\?\?"$/],
    ["long.itr", `#itr 1\n${"x".repeat(1 << 20)}\n`, /:2: line longer than 65536 bytes$/],
    ["arch.itr", "#itr 1\n# id x\n# arch amdvi\n", /:3: arch amdvi is not supported, only smmuv3 and vtd$/],
    ["late.itr", "#itr 1\ns 8 1 0\n# arch vtd\n", /:3: "# arch" expected before the first event$/],
    [
      "vendor.itr",
      "#itr 1\ns 8 1 0\nw 0\ni iotlb global\n",
      /:4: "i" line: iotlb global is no SMMUv3 command$/,
    ],
    [
      "unaligned.itr",
      "#itr 1\ns 8 1 0\nw 0\nm 8 1001 2000 1000 r\n",
      /:4: "input" expected a multiple of 4096, got 0x1001$/,
    ],
    [
      "wide.itr",
      "#itr 1\ns 8 1 0\nw 0\nm 8 1000000000000 0 1000 r\n",
      /:4: "input" expected bigint in 0\.\.2\^48-1/,
    ],
    [
      "high.itr",
      "#itr 1\ns 8 1 0\nw 0\nm 8 0 1000000000000 1000 r\n",
      /:4: "output" expected bigint in 0\.\.2\^48-1/,
    ],
    [
      "huge.itr",
      "#itr 1\ns 8 1 0\nw 0\nm 8 0 1000 800000000000 r\n",
      /:4: a mapping of 0x800000000000 bytes would take 34359738368 leaves, at most 16777216$/,
    ],
    ["cut.itr.gz", packed.subarray(0, 100_000), /:\d{4,}: gzip data ends early$/],
    ["damaged.itr.gz", Uint8Array.from(packed).fill(0x55, 50_000, 50_100), /:\d+: /],
  ])("%s", (name, content, reason) => {
    const { code, out, err } = cli(["replay", file(name, content)]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.split("\n")).toHaveLength(2);
    expect(err.startsWith(`nested-iommu: ${path(name)}:`)).toBe(true);
    expect(err.trimEnd()).toMatch(reason);
  });

  it.each<[string[], string]>([
    [["replay"], "replay: expected one TRACE, got 0"],
    [["replay", "a", "b"], "replay: expected one TRACE, got 2"],
    [["replay", "missing.itr"], "missing.itr:1: no such file"],
    [["replay", "--mode", "guest", "a"], '--mode expected one of recorded nested, got "guest"'],
    [["replay", "--s2-page", "8k", "a"], '--s2-page expected one of 4k 2m 1g, got "8k"'],
    [["replay", "--iotlb", "64", "a"], '--iotlb expected ENTRIESxWAYS, for example 2048x4, got "64"'],
    [["replay", "--iotlb", "0x4", "a"], '--iotlb expected ENTRIESxWAYS, for example 2048x4, got "0x4"'],
    [["replay", "--policy", "best", "a"], '--policy expected one of fifo lru plru random, got "best"'],
  ])("%j", (args, message) => {
    const { code, out, err } = cli(args);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: `nested-iommu: ${message}\n` });
  });

  it("a geometry that the model refuses", () => {
    const { code, err } = cli(["replay", "--iotlb", "5x3", file("sample.itr", sample().toString())]);
    expect(code).toBe(2);
    expect(err.split("\n")).toHaveLength(2);
  });
});
