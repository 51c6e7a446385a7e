// VT-d traces: each of the recorded driver's modes, and its first stage inside a virtual machine.
import { describe, expect, it } from "vitest";
import type { ReplayResult } from "../../src/cli/replay-result.js";
import { replayTrace } from "../../src/cli/replay-trace.js";
import { type CacheOptions, ItrWriter } from "../../src/index.js";
import { cli, scratch } from "./run.js";

const { file, path } = scratch();
const OFFSET = 0x200_0000_0000n;

interface Report {
  mode: string;
  accesses: number;
  differences: { count: number; first: { line: number; expected: string; actual: string }[] };
  faults: { total: number; byName: Record<string, number> };
  fetches: { total: number; stage1: number; stage2: number };
  [other: string]: unknown;
}

const report = (out: string): Report => JSON.parse(out) as Report;

/** What a trace of each mode calls its page invalidation. */
const PAGE = {
  fl: (did: number, iova: bigint) => ["piotlb page", did, 0, iova, 0, 1] as const,
  sl: (did: number, iova: bigint) => ["iotlb page", did, iova, 0, 1] as const,
  legacy: (did: number, iova: bigint) => ["iotlb page", did, iova, 0, 1] as const,
};
type Mode = keyof typeof PAGE;
const MODES = Object.keys(PAGE) as Mode[];

function begun(mode: Mode | undefined): ItrWriter {
  const trace = new ItrWriter().header("id", "sample").header("arch", "vtd");
  return mode === undefined ? trace : trace.header("mode", mode);
}

/** Streams of both halves of a bus and of two buses, in two domains, one untranslated; every kind of line. */
function sample(mode: Mode): ItrWriter {
  const [kind, ...args] = PAGE[mode](3, 0xffff_f000n);
  const trace = begun(mode)
    .stream(0x8, 3, 0)
    .stream(0xfa, 3, 0)
    .stream(0x1234, 5, 0)
    .stream(0x10, undefined, undefined)
    .window(0)
    .register(0x90, 0x1_07e5_0801n)
    .invalidate("iec", 0, 0, 0)
    .invalidate("cc global", 0, 0, 0)
    .invalidate("iotlb global")
    .invalidate("wait")
    .map(0x8, 0xffff_f000n, 0x809_0000n, 0x1000n, "b", true)
    .map(0x1234, 0xffff_f000n, 0x4000_3000n, 0x1000n, "r", true)
    .access(0x8, 0xffff_f040n, 0x809_0040n, "w", 0, 12)
    .elapsed(1_500_000)
    .access(0xfa, 0xffff_f041n, 0x809_0041n, "?", 0, 12)
    .access(0x1234, 0xffff_f042n, 0x4000_3042n, "r", 0, 12)
    .map(0x8, 0x1_0020_0000n, 0x4060_0000n, 0x20_0000n, "w")
    .access(0x8, 0x1_0035_4321n, 0x4075_4321n, "w", 512, 21)
    .invalidate("cc domain", 3, 0, 0)
    .invalidate("cc device", 3, 8, 3)
    .invalidate("iotlb domain", 5)
    .invalidate("iotlb page", 5, 0xffff_f000n, 0, 0);
  if (mode !== "legacy") trace.invalidate("piotlb pasid", 5, 0);
  return trace
    .invalidate("devtlb", 8, 0x7fff_ffff_ffff_f000n, 1)
    .invalidate("iec", 1, 8, 2)
    .unmap(0x8, 0xffff_f000n, 0x1000n)
    .invalidate(kind, ...args)
    .invalidate("wait")
    .bypass(0x10, 0x1000n, "r", "bypass")
    .fault(0x8, "fr6", 0x1000n, "r")
    .window(5_000_000)
    .map(0x8, 0xffff_f000n, 0x5000_0000n, 0x1000n, "b", true)
    .access(0x8, 0xffff_f040n, 0x5000_0040n, "r", 0, 12);
}

describe("replay of VT-d", () => {
  it.each<[Mode, string, string[]]>([
    ["fl", "recorded", []],
    ["sl", "recorded", []],
    ["legacy", "recorded", []],
    ["fl", "nested", []],
    ["fl", "nested", ["--s2-page", "4k"]],
    ["fl", "nested", ["--s2-page", "1g", "--caches", "off"]],
    ["fl", "nested", ["--iotlb", "1x1"]],
    ["fl", "nested", ["--caches", "min"]],
    ["sl", "recorded", ["--caches", "1"]],
    ["legacy", "recorded", ["--iotlb", "16x16", "--policy", "lru"]],
    ["legacy", "recorded", ["--caches", "off"]],
  ])("answers as recorded: %s %s %j (exit code 0)", (driver, mode, options) => {
    const input = sample(driver).toString();
    const { code, out, err } = cli(["replay", "--json", "--mode", mode, ...options, "-"], input);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const result = report(out);
    expect(result).toMatchObject({
      mode,
      header: { arch: "vtd", mode: driver },
      streams: 4,
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
      invalidations: { lines: driver === "legacy" ? 12 : 13 },
      differences: { count: 0, first: [] },
    });
    expect(result.fetches.stage1 > 0).toBe(driver === "fl");
    expect(result.fetches.stage2 > 0).toBe(driver !== "fl" || mode === "nested");
  });

  it("takes a first stage where the header does not say", () => {
    const input = begun(undefined)
      .stream(8, 3, 0)
      .window(0)
      .map(8, 0x1000n, 0x4000_0000n, 0x1000n, "b")
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12)
      .toString();
    const { code, out } = cli(["replay", "--json", "-"], input);
    expect(code).toBe(0);
    expect(report(out).fetches).toMatchObject({ stage1: 4, stage2: 0 });
  });

  it("prints a report for people in VT-d's words", () => {
    const { code, out } = cli(["replay", "--mode", "nested", "-"], sample("fl").toString());
    expect(code).toBe(0);
    for (const line of [
      /4 streams, 2 domains, 1\.5 s in 2 windows/,
      /nested: the recorded first stage over a second stage with leaves of up to 2048 KiB; IOTLB 2048 x 4 fifo/,
      /in the IOMMU/,
      /walk cache hits +first stage .+, second stage .+, GPA /,
      /table pages +\d+ of the guest, \d+ of second stage at most/,
      /wrong addresses +none/,
    ]) {
      expect(out).toMatch(line);
    }
  });

  it("reports a wrong address with its line (exit code 1)", () => {
    const text = sample("fl").access(0x8, 0xffff_f044n, 0x5000_0048n, "r", 0, 12).toString();
    const line = text.split("\n").length - 1;
    for (const [mode, more] of [
      ["recorded", 0n],
      ["nested", OFFSET],
    ] as const) {
      const { code, out } = cli(["replay", "--json", "--mode", mode, "-"], text);
      expect(code).toBe(1);
      const [expected, actual] = [0x5000_0048n, 0x5000_0044n].map((pa) => `0x${(pa + more).toString(16)}`);
      expect(report(out).differences).toEqual({
        count: 1,
        first: [{ line, stream: 8, iova: "0xfffff044", expected, actual }],
      });
    }
  });

  it.each<[Mode, string[]]>([
    ["fl", ["FS_NOT_PRESENT", "WRITE", "ROOT_NOT_PRESENT"]],
    ["sl", ["SS_NOT_PRESENT", "WRITE", "ROOT_NOT_PRESENT"]],
    ["legacy", ["LEGACY_READ", "LEGACY_WRITE", "LEGACY_ROOT_NOT_PRESENT"]],
  ])("faults on accesses that no mapping of %s allows, and counts them by name", (mode, names) => {
    const text = sample(mode)
      .access(0x8, 0x7000n, 0x7000n, "r", 0, 12)
      .map(0x8, 0x9000n, 0x9000n, 0x1000n, "r")
      .access(0x8, 0x9000n, 0x9000n, "w", 0, 12)
      .access(0x7700, 0x9000n, 0x9000n, "r", 0, 12)
      .toString();
    const { code, out } = cli(["replay", "--json", "--caches", "off", "-"], text);
    expect(code).toBe(1);
    const { differences, faults } = report(out);
    expect(differences.first.map(({ actual }) => actual)).toEqual(names);
    expect(faults).toEqual({ total: 3, byName: Object.fromEntries(names.map((name) => [name, 1])) });
  });
});

/** Replays without the command line around it. */
function run(trace: ItrWriter, mode: string, caches: CacheOptions = {}): Promise<ReplayResult> {
  const name = file("run.itr", trace.toString());
  return replayTrace(name, { caches, nested: mode === "nested", stage2LeafLg2: 21 });
}

/** Both domains have a page in the IOTLB whose mapping is gone. */
function stale(mode: Mode): ItrWriter {
  const trace = begun(mode).stream(0x8, 3, 0).stream(0x10, 4, 0).window(0);
  for (const stream of [0x8, 0x10]) {
    trace
      .map(stream, 0xffff_f000n, 0x5000_0000n, 0x1000n, "b")
      .access(stream, 0xffff_f048n, 0x5000_0048n, "r", 0, 12)
      .unmap(stream, 0xffff_f000n, 0x1000n);
  }
  return trace;
}

function ask(trace: ItrWriter): ItrWriter {
  for (const stream of [0x8, 0x10]) trace.access(stream, 0xffff_f048n, 0x5000_0048n, "r", 0, 12);
  return trace;
}

describe("a cached translation of VT-d", () => {
  it.each(MODES)("may answer until its invalidation: %s", async (mode) => {
    const off = { iotlb: "off", walkCaches: "off", configCache: "off" } as const;
    expect((await run(ask(stale(mode)), "recorded")).differences).toBe(0);
    expect((await run(ask(stale(mode)), "recorded", off)).differences).toBe(2);
  });

  it.each<[Mode, string, string, number[], number]>([
    ["fl", "recorded", "piotlb page", [3, 0, 0xffff_f000, 0, 1], 1],
    ["fl", "recorded", "piotlb pasid", [3, 0], 1],
    ["fl", "recorded", "iotlb domain", [3], 1],
    ["fl", "recorded", "iotlb global", [], 2],
    ["fl", "recorded", "piotlb page", [9, 0, 0xffff_f000, 0, 1], 0],
    ["fl", "recorded", "piotlb page", [3, 0, 0xfff0_0000, 8, 1], 1],
    ["fl", "nested", "piotlb page", [3, 0, 0xffff_f000, 0, 1], 1],
    ["fl", "nested", "piotlb pasid", [3, 0], 1],
    ["fl", "nested", "iotlb domain", [3], 1],
    ["fl", "nested", "iotlb global", [], 2],
    ["fl", "nested", "iotlb domain", [1], 0],
    ["fl", "nested", "iotlb domain", [2], 0],
    ["sl", "recorded", "iotlb page", [3, 0xffff_f000, 0, 1], 1],
    ["sl", "recorded", "iotlb page", [4, 0xffff_e000, 0, 1], 0],
    ["sl", "recorded", "iotlb page", [4, 0xffff_e000, 1, 1], 1],
    ["legacy", "recorded", "iotlb page", [3, 0xffff_f000, 0, 0], 1],
    ["legacy", "recorded", "iotlb domain", [4], 1],
    ["legacy", "recorded", "iotlb global", [], 2],
  ])("%s %s: %s %j drops those of %i streams", async (driver, mode, kind, args, gone) => {
    const dropped = stale(driver).invalidate(kind, ...args);
    expect((await run(ask(dropped.invalidate("wait")), mode)).differences).toBe(gone);
  });

  it.each<[Mode, string]>([
    ["fl", "recorded"],
    ["fl", "nested"],
    ["sl", "recorded"],
    ["legacy", "recorded"],
  ])("does not outlive a move of the stream to another domain: %s %s", async (driver, mode) => {
    const trace = begun(driver)
      .stream(0x8, 3, 0)
      .stream(0x10, 4, 0)
      .window(0)
      .map(0x8, 0x1000n, 0x5000_0000n, 0x1000n, "b")
      .map(0x10, 0x1000n, 0x6000_0000n, 0x1000n, "b")
      .access(0x8, 0x1040n, 0x5000_0040n, "w", 0, 12)
      .stream(0x8, 4, 0)
      .access(0x8, 0x1040n, 0x6000_0040n, "w", 0, 12)
      .stream(0x8, undefined, undefined)
      .access(0x10, 0x1040n, 0x6000_0040n, "w", 0, 12);
    expect((await run(trace, mode)).listed).toEqual([]);
  });

  it("tolerates maps over maps, unmaps of nothing and unknown streams", async () => {
    const trace = sample("fl")
      .map(0x8, 0xffff_e000n, 0x6000_0000n, 0x2000n, "b")
      .invalidate("piotlb page", 3, 0, 0xffff_e000n, 1, 0)
      .access(0x8, 0xffff_f000n, 0x6000_1000n, "r", 0, 12)
      .unmap(0x8, 0x1234_5000n, 0x1000n)
      .map(-1, 0x2000n, 0x7000_0000n, 0x1000n, "-")
      .access(0xfa, 0x2000n, 0x7000_0000n, "w", 0, 12)
      .access(0x1234, 0x2000n, 0x7000_0000n, "w", 0, 12)
      .unmap(-1, 0x2000n, 0x1000n);
    expect(await run(trace, "recorded")).toMatchObject({ overlaps: 1, emptyUnmaps: 1, differences: 0 });
  });
});

describe("replay of VT-d: bad input is one line and exit code 2", () => {
  const head = "#itr 1\n# arch vtd\n";
  it.each<[string, string, RegExp]>([
    [
      "mode.itr",
      `${head}# mode hybrid\ns 8 1 0\n`,
      /:4: mode hybrid of arch vtd is not supported, only fl sl legacy$/,
    ],
    ["late-mode.itr", `${head}s 8 1 0\n# mode sl\n`, /:4: "# mode" expected before the first event$/],
    ["source.itr", `${head}s 10008 1 0\n`, /:3: SID expected 0\.\.0xffff of arch vtd, got 65544$/],
    ["domain.itr", `${head}s 8 10000 0\n`, /:3: domain-id expected 0\.\.0xffff, got 65536$/],
    ["no-stage.itr", `${head}s 8 -1 0\n`, /:3: domain-id expected 0\.\.0xffff, got -1$/],
    ["command.itr", `${head}s 8 1 0\nw 0\ni sync\n`, /:5: "i" line: sync is no VT-d descriptor$/],
    [
      "mask.itr",
      `${head}s 8 1 0\nw 0\ni iotlb page 1 0 13 0\ni wait\na 8 0 0 r 0 12\n`,
      /: the unit refused a descriptor \(IQERCD\.IQEI = 4\)$/,
    ],
    [
      "stage.itr",
      `${head}# mode legacy\ns 8 1 0\nw 0\ni piotlb pasid 1 0\na 8 0 0 r 0 12\n`,
      /: the unit refused a descriptor \(IQERCD\.IQEI = 3\)$/,
    ],
    [
      "wide.itr",
      `${head}s 8 1 0\nw 0\nm 8 1000000000000 0 1000 r\n`,
      /:5: "input" expected a canonical address of 48 bits/,
    ],
    [
      "high.itr",
      `${head}s 8 1 0\nw 0\nm 8 0 1000000000000 1000 r\n`,
      /:5: "output" expected bigint in 0\.\.2\^48-1/,
    ],
  ])("%s", (name, content, reason) => {
    const { code, out, err } = cli(["replay", file(name, content)]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.split("\n")).toHaveLength(2);
    expect(err.startsWith(`nested-iommu: ${path(name)}:`)).toBe(true);
    expect(err.trimEnd()).toMatch(reason);
  });

  it.each(["sl", "legacy"] as const)("has nothing to nest in a trace of %s", (mode) => {
    const { code, err } = cli(["replay", "--mode", "nested", "-"], sample(mode).toString());
    expect(code).toBe(2);
    expect(err).toBe(
      "nested-iommu: -:5: --mode nested needs a first stage, and this trace was recorded with the second stage\n",
    );
  });
});
