// What replay reads beside "#itr 1": formats told by their first lines, PASIDs, malformed lines, shards.
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { EventReplay } from "../../src/cli/replay-events.js";
import type { ReplayResult } from "../../src/cli/replay-result.js";
import { ReplayShards } from "../../src/cli/replay-shards.js";
import { createTraceReader, decodeTrace, ItrWriter, TraceEvents } from "../../src/index.js";
import { cli, scratch } from "./run.js";

const { file, path } = scratch();

interface Report {
  accesses: number;
  maps: number;
  streams: number;
  domains: number;
  emptyUnmaps: number;
  skippedLines?: number;
  faults: { total: number; byName: Record<string, number> };
  differences: { count: number; first: { line: number; pasid?: number; expected: string; actual: string }[] };
}

const replayed = (args: string[], input?: string | Uint8Array): Report => {
  const { code, out, err } = cli(["replay", "--json", ...args], input);
  expect(err).toBe("");
  const result = JSON.parse(out) as Report;
  expect(code).toBe(result.differences.count > 0 ? 1 : 0);
  return result;
};

const CSV = `op,stream,pasid,iova,pa,size,access,t
map,8,,0x1000,0x40000000,0x1000,rw,1
map,8,5,0x1000,0x50000000,0x1000,rw,2
access,8,,0x1040,0x40000040,64,w,3
access,8,5,0x1040,0x50000040,64,w,4
access,8,5,0x1080,,64,r,5
unmap,8,5,0x1000,,0x1000,,6
access,8,5,0x1080,,64,r,7
`;

describe("formats of replay", () => {
  it.each([
    ["smmuv3", "F_TRANSLATION"],
    ["vtd", "FL_NOT_PRESENT"],
  ])("a CSV with PASIDs on %s: an address space each, an unmap invalidates", (arch) => {
    for (const mode of ["recorded", "nested"]) {
      const result = replayed(["--arch", arch, "--mode", mode, "-"], CSV);
      expect(result).toMatchObject({
        accesses: 4,
        streams: 1,
        domains: 2,
        emptyUnmaps: 0,
        faults: { total: 1 },
      });
      expect(result.differences.count).toBe(1);
      expect(result.differences.first[0]).toMatchObject({ line: 8, pasid: 5, expected: "a translation" });
    }
  });

  it("the same as JSONL, packed, forced by --format or found", () => {
    const jsonl =
      '{"op":"map","stream":8,"iova":4096,"pa":8192,"size":4096}\n{"op":"access","stream":8,"iova":4100,"pa":8196}\n';
    for (const options of [[], ["--format", "jsonl"]]) {
      const result = replayed([...options, file("t.jsonl.gz", gzipSync(jsonl))]);
      expect(result).toMatchObject({ accesses: 1, differences: { count: 0 } });
    }
  });

  it("ftrace, with one access a page on request", () => {
    const text =
      "# tracer: nop\n" +
      " x-1 [000] ..... 1.000000: map: IOMMU: iova=0x0000000000001000 - 0x0000000000003000 paddr=0x0000000000005000 size=8192\n" +
      " x-1 [000] ..... 1.000001: dma_map_page: 0000:00:03.0 dir=TO_DEVICE dma_addr=1000 size=8192 phys_addr=5000 attrs=\n" +
      " x-1 [000] ..... 1.000002: unmap: IOMMU: iova=0x0000000000001000 - 0x0000000000003000 size=8192 unmapped_size=8192\n" +
      " x-1 [000] ..... 1.000003: dma_unmap_page: 0000:00:03.0 dir=TO_DEVICE dma_addr=1000 size=8192 attrs=\n";
    expect(replayed(["-"], text)).toMatchObject({ accesses: 0, maps: 1, emptyUnmaps: 0 });
    expect(replayed(["--touch", "-"], text)).toMatchObject({ accesses: 2, differences: { count: 0 } });
  });

  it("QEMU's log", () => {
    const text =
      "1@1.0:smmu_iotlb_lookup_miss IOTLB cache MISS asid=1 vmid=0 addr=0xfffff040 hit=0 miss=1 hit rate=0\n" +
      "1@1.1:smmuv3_translate_success mr sid=0x10 iova=0xfffff040 translated=0x8090040 perm=0x3 stage=1\n";
    expect(replayed(["-"], text)).toMatchObject({ accesses: 1, maps: 1, differences: { count: 0 } });
  });
});

describe("#itr 2", () => {
  const sample = (): ItrWriter =>
    new ItrWriter({ version: 2 })
      .stream(8, 1, 0, 3)
      .stream(8, 2, 0, 2000)
      .stream(9, 3, 0)
      .window(0)
      .map(8, 0x1000n, 0x4000_0000n, 0x1000n, "b", true, 3)
      .map(8, 0x1000n, 0x5000_0000n, 0x1000n, "b", true, 2000)
      .map(9, 0x1000n, 0x6000_0000n, 0x1000n, "b", true)
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12, 3)
      .access(8, 0x1040n, 0x5000_0040n, "w", 0, 12, 2000)
      .access(9, 0x1040n, 0x6000_0040n, "w", 0, 12);

  it.each(["recorded", "nested"])("keeps the PASIDs of a stream apart (%s)", (mode) => {
    expect(replayed(["--mode", mode, "-"], sample().toString())).toMatchObject({
      ...{ accesses: 3, streams: 2, domains: 3, differences: { count: 0 } },
    });
    const vtd = sample().toString().replace("#itr 2\n", "#itr 2\n# arch vtd\n# mode fl\n");
    expect(replayed(["--mode", mode, "-"], vtd)).toMatchObject({ accesses: 3, differences: { count: 0 } });
  });

  it("aborts a request without PASID where the stream has only PASIDs, and one with a PASID that is none", () => {
    const text = sample()
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12)
      .access(8, 0x1040n, 0x4000_0040n, "w", 0, 12, 4)
      .toString();
    const { differences, faults } = replayed(["-"], text);
    expect(faults.byName).toEqual({ F_STREAM_DISABLED: 1, C_BAD_CD: 1 });
    expect(differences.first.map(({ actual }) => actual)).toEqual(["F_STREAM_DISABLED", "C_BAD_CD"]);
  });

  it.each(["smmuv3", "vtd"])(
    "lets PASIDs come in the middle of a window, to a stream in use, small and large (%s)",
    (arch) => {
      const out = new ItrWriter({ version: 2 }).header("arch", arch).header("mode", "fl").window(0);
      const pasids = [undefined, 5, 70, 9000, 0xfffff];
      pasids.forEach((pasid, i) => {
        out
          .stream(8, i + 1, 0, pasid)
          .map(8, 0x1000n, BigInt(0x4000_0000 + (i << 12)), 0x1000n, "b", false, pasid);
        for (const [n, one] of pasids.slice(0, i + 1).entries()) {
          out.access(8, 0x1040n, BigInt(0x4000_0040 + (n << 12)), "w", 0, 12, one);
        }
      });
      expect(replayed(["-"], out.toString())).toMatchObject({
        accesses: 15,
        domains: 5,
        differences: { count: 0 },
      });
    },
  );

  it.each<[string, string]>([
    ["s 8 1 0\ns 8 P0 2 0\nw 0\n", ":4: PASID 0 expected in no stream that also has a domain without PASID"],
    ["s 8 P1 -1 2\nw 0\n", ":3: a PASID expected with a stage 1 (ASID)"],
    ["# arch vtd\n# mode legacy\ns 8 P1 2 0\n", ":4: a PASID expected in no trace of legacy mode"],
    ["# arch vtd\ns 10000 1 0\n", ":3: SID expected 0..0xffff of arch vtd, got 65536"],
  ])("refuses %j", (lines, message) => {
    const name = file("bad.itr", `#itr 2\n${lines}`);
    expect(cli(["replay", name])).toEqual({ code: 2, out: "", err: `nested-iommu: ${name}${message}\n` });
  });
});

describe("malformed lines", () => {
  const text = `#itr 1
s 8 1 0
w 0
m 8 1000 40000000 1000 b
m 8 2001 40000000 1000 b
a 8 1040 40000040 w 0 12
a 8 1040 40000040 w 0
i iotlb global
${"z".repeat(1 << 20)}
a 8 1044 40000044 w 0 12
`;
  it("end the replay at the first by default", () => {
    const name = file("first.itr", text);
    expect(cli(["replay", name])).toEqual({
      code: 2,
      out: "",
      err: `nested-iommu: ${name}:5: "input" expected a multiple of 4096, got 0x2001\n`,
    });
  });

  it("are told and passed over with --on-error skip", () => {
    const { code, out, err } = cli(["replay", "--json", "--on-error", "skip", "-"], text);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      accesses: 2,
      maps: 2,
      skippedLines: 4,
      differences: { count: 0 },
    });
    const told = err.trimEnd().split("\n").sort();
    expect(told).toEqual([
      'nested-iommu: -:5: "input" expected a multiple of 4096, got 0x2001 (passed over)',
      'nested-iommu: -:7: "a" line has no LG (passed over)',
      'nested-iommu: -:8: "i" line: iotlb global is no SMMUv3 command (passed over)',
      "nested-iommu: -:9: line longer than 65536 bytes (passed over)",
    ]);
    expect(cli(["replay", "--on-error", "skip", "-"], text).out).toMatch(/lines passed over +4\n/);
  });

  it.each<[string, string | Uint8Array, string]>([
    ["cut.csv.gz", gzipSync(CSV.repeat(3000)).subarray(0, 200), "gzip data ends early"],
    ["columns.csv", "op,stream\naccess,1,2\n", "expected 2 columns, got 3"],
    ["binary.csv", Uint8Array.from({ length: 5000 }, (_, i) => (i * 73) & 0xff), 'expected "#itr 1", got "'],
    ["long.jsonl", `{"op":"window"}\n{"op":"${"x".repeat(1 << 20)}"}\n`, "line longer than 65536 bytes"],
    ["wrong.jsonl", '{"op":"access","stream":"8x","iova":1}\n', "stream expected a number, decimal or 0x"],
  ])("%s: one line with the file and the line, exit code 2", (name, content, reason) => {
    const { code, out, err } = cli(["replay", file(name, content)]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.startsWith(`nested-iommu: ${path(name)}:`)).toBe(true);
    expect(err).toContain(reason);
    expect(err.split("\n")).toHaveLength(2);
  });

  it.each<[string[], string]>([
    [["--format", "xml", "a"], '--format expected one of itr ftrace qemu csv jsonl, got "xml"'],
    [["--arch", "amdvi", "a"], '--arch expected one of smmuv3 vtd, got "amdvi"'],
    [["--on-error", "ignore", "a"], '--on-error expected one of stop skip, got "ignore"'],
    [["--jobs", "0", "a"], '--jobs expected 1..64, got "0"'],
    [["--format", "csv", "missing"], "missing:1: no such file"],
  ])("%j", (args, message) => {
    expect(cli(["replay", ...args])).toEqual({ code: 2, out: "", err: `nested-iommu: ${message}\n` });
  });
});

describe("--jobs", () => {
  const trace = (): string =>
    cli([
      "gen",
      "--tenants",
      "9",
      "--streams",
      "4",
      "--pages",
      "8",
      "--requests",
      "3000",
      "--pattern",
      "zipf",
      ...["--invalidate", "strict", "--uses", "4", "--seed", "7"],
    ]).out;

  it("gives the sum of what each shard gives alone", () => {
    const text = trace();
    const options = { caches: {}, nested: false, stage2LeafLg2: 21 };
    const shards = new ReplayShards(3);
    shards.take(decodeTrace(new TextEncoder().encode(text)));
    const alone = shards.blocks.map((block) => {
      const replay = new EventReplay(options);
      replay.take(TraceEvents.of(block.columns()));
      return replay.finish();
    });
    const add = (of: (result: ReplayResult) => number): number =>
      alone.reduce((sum, result) => sum + of(result), 0);
    const { out } = cli(["replay", "--json", "--jobs", "3", "-"], text);
    expect(JSON.parse(out)).toMatchObject({
      jobs: 3,
      accesses: 3000,
      maps: shards.counts.maps,
      domains: 9,
      streams: 4,
      differences: { count: 0 },
      caches: {
        iotlb: {
          hits: add(({ counters }) => counters.iotlbHits),
          misses: add(({ counters }) => counters.iotlbMisses),
        },
        config: { hits: add(({ counters }) => counters.configHits) },
      },
      fetches: { total: add(({ counters }) => counters.fetches) },
      invalidations: { entries: add(({ counters }) => counters.invalidatedEntries) },
    });
    expect(alone.every(({ accesses }) => accesses > 0)).toBe(true);
  });

  it("names the first line that cannot be replayed, whichever thread has it", () => {
    const text = "#itr 1\ns 8 1 0\ns 10 2 0\nw 0\nm 10 1001 0 1000 b\nm 8 1001 0 1000 b\nx\n";
    expect(cli(["replay", "--jobs", "2", "-"], text)).toEqual({
      code: 2,
      out: "",
      err: 'nested-iommu: -:5: "input" expected a multiple of 4096, got 0x1001\n',
    });
  });
});

describe("blocks of events", () => {
  const line = (from: number): string => {
    const page = (from % 8).toString(16);
    if (from % 9 === 8) return `t ${from}`;
    return `a ${from % 2 === 0 ? 8 : 9} ${page}010 ${from % 50 === 49 ? "dead000" : `4000${page}010`} ${"rw"[from % 2]} 4 12`;
  };
  const text = [
    "#itr 1",
    ...["# arch smmuv3", "s 8 1 0", "s 9 2 0", "w 0", "m 8 0 40000000 8000 b", "m 9 0 40000000 8000 b"],
    ...Array.from({ length: 400 }, (_, from) => line(from)),
    ...[
      "u 8 2000 1000",
      "i va 1 0 2000 1 1 3 1",
      "w 1",
      "m 8 1000 40001000 1000 b",
      "a 8 1010 40001010 r 4 12",
    ],
    ...["a 9 1010 40001010 w 4 12", ""],
  ].join("\n");

  /** In blocks of one buffer, which is another's a moment later; again on the machine of the first time. */
  function inBlocks(capacity: number): ReplayResult[] {
    let machine: EventReplay["machine"] | undefined;
    return [0, 1].map(() => {
      const replay = new EventReplay({ caches: {}, nested: false, stage2LeafLg2: 21 }, undefined, machine);
      const reader = createTraceReader("itr", (events) => replay.take(events), { capacity });
      reader.push(new TextEncoder().encode(text));
      reader.end();
      machine = replay.machine;
      return { ...replay.finish(), translateSeconds: 0 };
    });
  }

  it("are of any size: every access is compared with what its own line recorded, on a new machine or a used one", () => {
    const [whole, again] = inBlocks(65536);
    expect(again).toEqual(whole);
    for (const capacity of [1, 3, 50]) expect(inBlocks(capacity)).toEqual([whole, whole]);
    const wrong = text.split("\n").flatMap((row, index) => (/ dead000 /.test(row) ? [index + 1] : []));
    expect(wrong).toHaveLength(8);
    const { differences, listed, accesses, traceMicroseconds } = whole!;
    // and stream 9 has no mapping in the second window
    expect(listed.map((item) => item.line)).toEqual([...wrong, text.split("\n").length - 1]);
    expect([differences, accesses]).toEqual([9, 358]);
    expect(traceMicroseconds).toBe(8 * 44 + (9 * 43 * 44) / 2);
  });
});
