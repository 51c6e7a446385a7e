// The miss-ratio curve of a replay against replays: at each size and number of ways it has, from one pass, exactly the misses
// that the model itself counts with an LRU IOTLB of that geometry.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { TraceGenerator, type Workload } from "../../src/cli/gen-workload.js";
import { EventReplay } from "../../src/cli/replay-events.js";
import type { ReplayResult } from "../../src/cli/replay-result.js";
import { CURVE_SIZES, CURVE_WAYS, type CurveResult } from "../../src/cli/report/replay-curve.js";
import { ReplayStudy } from "../../src/cli/report/replay-study.js";
import { type CacheOptions, createTraceReader, ItrWriter } from "../../src/index.js";

const LOAD: Workload = {
  ...{ arch: "smmuv3", tenants: 12, streams: 3, pattern: "zipf", pages: 40, pageLg2: 12 },
  ...{ requests: 3000, writes: 0.3, invalidate: "none", uses: 5, seed: 7 },
};
const GEOMETRIES = [
  [16, 1],
  [16, 16],
  [32, 4],
  [128, 2],
  [128, 128],
  [256, 8],
  [1024, 16],
] as const;

interface Setup {
  text: string;
  caches?: CacheOptions;
  nested?: boolean;
  stage2LeafLg2?: number;
}

function replayed(
  { text, caches = {}, nested = false, stage2LeafLg2 = 21 }: Setup,
  study?: ReplayStudy,
): ReplayResult {
  const replay = new EventReplay({ caches, nested, stage2LeafLg2, observer: study });
  const reader = createTraceReader("itr", (events) => replay.take(events), { file: "made.itr" });
  reader.push(new TextEncoder().encode(text));
  reader.end();
  return replay.finish();
}

function generated(changes: Partial<Workload>): string {
  return [...new TraceGenerator({ ...LOAD, ...changes }).text()].join("");
}

function curveOf(setup: Setup): CurveResult {
  const study = new ReplayStudy(setup.caches ?? {}, setup.nested === true);
  return study.curve.finish(replayed(setup, study).counters);
}

function missesOf({ misses }: CurveResult): (number | undefined)[] {
  return GEOMETRIES.map(([entries, ways]) => {
    const column = CURVE_WAYS.findIndex((one) => one === (ways === entries ? "all" : ways));
    return misses[CURVE_SIZES.indexOf(entries)]![column];
  });
}

/** What separate runs count. */
function counted(setup: Setup): number[] {
  return GEOMETRIES.map(([entries, ways]) => {
    const iotlb = { entries, ways, policy: "lru" } as const;
    return replayed({ ...setup, caches: { ...setup.caches, iotlb } }).counters.iotlbMisses;
  });
}

describe("the miss-ratio curve of a replay", () => {
  for (const arch of ["smmuv3", "vtd"] as const) {
    for (const nested of [false, true]) {
      for (const invalidate of ["none", "strict", "lazy"] as const) {
        const how = `${nested ? "nested" : "one stage"}, invalidations: ${invalidate}`;
        it(`equals a run of the model at each geometry: ${arch}, ${how}`, () => {
          const setup = { text: generated({ arch, invalidate }), nested };
          const curve = curveOf(setup);
          expect(curve.doubts).toEqual([]);
          expect(curve.lookups).toBe(LOAD.requests);
          expect(missesOf(curve)).toEqual(counted(setup));
        });
      }
    }
  }

  for (const arch of ["smmuv3", "vtd"] as const) {
    it(`equals it where 2 MiB leaves are in pieces of 4 KiB, which go together: ${arch}`, () => {
      const text = generated({
        arch,
        invalidate: "strict",
        pageLg2: 21,
        pages: 6,
        tenants: 3,
        pattern: "random",
      });
      const setup = { text, nested: true, stage2LeafLg2: 12 };
      const curve = curveOf(setup);
      expect(curve.doubts).toEqual([]);
      expect(missesOf(curve)).toEqual(counted(setup));
    });
  }

  for (const nested of [false, true]) {
    it(`equals it on what a real kernel did: the demo trace, ${nested ? "nested in 4 KiB pages" : "as recorded"}`, () => {
      const text = gunzipSync(readFileSync(new URL("../../demo/demo.itr.gz", import.meta.url))).toString();
      const setup = { text, nested, stage2LeafLg2: 12 };
      const curve = curveOf(setup);
      expect(curve.doubts).toEqual([]);
      expect(missesOf(curve)).toEqual(counted(setup));
    });
  }

  it("equals it over windows, with mixed sizes, a stream that changes its domain, and commands of every reach", () => {
    const setup = { text: mixed() };
    const result = replayed(setup);
    expect([result.differences, result.windows, result.accesses]).toEqual([0, 2, 3000]);
    const curve = curveOf(setup);
    expect(curve.doubts).toEqual([]);
    expect(missesOf(curve)).toEqual(counted(setup));
  });

  for (const kind of ["smmuv3", "sl", "legacy"] as const) {
    it(`equals it where there is a second stage alone: ${kind}`, () => {
      const setup = { text: secondStage(kind) };
      expect(replayed(setup).differences).toBe(0);
      const curve = curveOf(setup);
      expect(curve.doubts).toEqual([]);
      expect(missesOf(curve)).toEqual(counted(setup));
    });
  }

  it("says when spaces go for want of room, and is exact up to there", () => {
    // src/core/layout.ts: 8 contexts come with 8 * 1.5 + 64 spaces; a space a tenant on SMMUv3.
    const caches: CacheOptions = { configCache: { contexts: 8 } };
    const load = { streams: 100, pattern: "random", pages: 8 } as const;
    const full = { text: generated({ ...load, tenants: 76 }), caches };
    const curve = curveOf(full);
    expect(curve.doubts).toEqual([]);
    expect(missesOf(curve)).toEqual(counted(full));
    const crowded = curveOf({ text: generated({ ...load, tenants: 77 }), caches });
    expect(crowded.doubts).toEqual([expect.stringMatching(/^more address spaces than/)]);
  });

  it("says when a lookup met a page that was unmapped and not yet invalidated", () => {
    const out = new ItrWriter().header("arch", "smmuv3").stream(0x100, 1, 0).window(0);
    out.map(0x100, 0x5000n, 0x9000n, 0x1000n, "b", true);
    out.access(0x100, 0x5000n, 0x9000n, "r", 64, 12).unmap(0x100, 0x5000n, 0x1000n);
    out.access(0x100, 0x5000n, 0x9000n, "r", 64, 12);
    const curve = curveOf({ text: out.take() });
    expect(curve.lookups).toBe(2);
    expect(curve.doubts).toEqual([expect.stringMatching(/^1 lookups met pages that were unmapped/)]);
  });
});

/** Two domains with pages of 4 KiB and 2 MiB, twice: the second window begins with nothing. */
function mixed(): string {
  const commands = [
    ["asid", 1],
    ["nh", 0],
    ["va", 2, 0, 0, 512, 1, 2, 1],
    ["va", 1, 0, 0x4000_5000, 1, 0, 0, 0],
    ["va", 1, 0, 0x4000_0000, 32, 1, 3, 1],
    ["nsnh"],
    ["s12", 0],
    ["ste", 0x100],
    ["ipa", -1, 0, 0, 512, 1, 0, 0],
  ] as const;
  const out = new ItrWriter().header("arch", "smmuv3").stream(0x100, 1, 0).stream(0x101, 2, 0);
  for (const time of [0, 1000]) {
    out.stream(0x101, 2, 0).window(time);
    for (const [stream, domain] of [
      [0x100, 0n],
      [0x101, 0x1000_0000n],
    ] as const) {
      out.map(stream, 0n, 0x4000_0000n + domain, 0x40_0000n, "b", true);
      for (let page = 0n; page < 64n; page++) {
        out.map(
          stream,
          0x4000_0000n + page * 0x1000n,
          0x8000_0000n + (page ^ 1n) * 0x1000n + domain,
          0x1000n,
          "b",
          true,
        );
      }
    }
    for (let n = 0; n < 1500; n++) {
      if (n === 1000) out.stream(0x101, 1, 0);
      const stream = n % 3 === 0 ? 0x101 : 0x100;
      const domain = stream === 0x101 && n < 1000 ? 0x1000_0000n : 0n;
      const page = BigInt((n * n * 7 + n) % 80);
      if (page < 64n) {
        const pa = 0x8000_0000n + (page ^ 1n) * 0x1000n + domain;
        out.access(stream, 0x4000_0000n + page * 0x1000n, pa, "r", 64, 12);
      } else {
        const iova = (page % 2n) * 0x20_0000n + page * 0x1000n;
        out.access(stream, iova, 0x4000_0000n + iova + domain, "r", 64, 21);
      }
      if (n % 70 === 69) {
        const [kind, ...args] = commands[Math.floor(n / 70) % commands.length]!;
        out.invalidate(kind, ...args).invalidate("sync");
      }
    }
  }
  return out.take();
}

/** Three domains of second stages, with commands by page, by domain and for all. */
function secondStage(kind: "smmuv3" | "sl" | "legacy"): string {
  const out = new ItrWriter().header("arch", kind === "smmuv3" ? "smmuv3" : "vtd");
  if (kind !== "smmuv3") out.header("mode", kind);
  const streams = [0x100, 0x108, 0x110];
  for (const [n, stream] of streams.entries()) {
    if (kind === "smmuv3") out.stream(stream, -1, n + 1);
    else out.stream(stream, n + 1, 0);
  }
  out.window(0);
  const outputOf = (n: number): bigint => BigInt(n + 1) * 0x1000_0000n;
  for (const [n, stream] of streams.entries()) {
    for (let page = 0n; page < 50n; page++) {
      out.map(stream, page * 0x1000n, outputOf(n) + (page ^ 1n) * 0x1000n, 0x1000n, "b", true);
    }
  }
  const commands = (did: number, page: bigint): [string, ...(number | bigint)[]][] =>
    kind === "smmuv3"
      ? [["ipa", -1, did, page, 4, 1, 0, 1], ["s12", did], ["asid", did], ["nsnh"]]
      : [["iotlb page", did, page, 2, 0], ["iotlb domain", did], ["piotlb pasid", did, 0], ["iotlb global"]];
  for (let n = 0; n < 2000; n++) {
    const which = (n * n + n) % 3 === 0 ? 0 : n % 3;
    const page = BigInt((n * n * 3 + 5 * n) % 50);
    const at = page * 0x1000n;
    out.access(streams[which]!, at, outputOf(which) + (page ^ 1n) * 0x1000n, "r", 64, 12);
    if (n % 40 !== 39) continue;
    const command = commands(which + 1, at & ~0x3fffn)[Math.floor(n / 40) % 7]; // most by page
    if (command && !(kind === "legacy" && command[0] === "piotlb pasid")) out.invalidate(...command);
    else out.invalidate(...commands(which + 1, at & ~0x3fffn)[0]!);
  }
  return out.take();
}
