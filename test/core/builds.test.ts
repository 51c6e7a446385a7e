// The builds of the core that the package carries beside the embedded one: trace (a record a descriptor), shared
// (imported shared memory) and debug. Uses the core's own TypeScript room: there is no other way to load them.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { Core } from "../../src/core/core.js";
import { layOut } from "../../src/core/layout.js";
import type { CoreExports } from "../../src/core/module.js";
import { SMMUV3_PRESETS, type SmmuV3Options } from "../../src/index.js";
import { planArena } from "../../src/machine/options.js";
import { PhysicalMemory } from "../../src/memory/physical-memory.js";
import { frameRanges } from "../../src/memory/ranges.js";
import { CD_FETCHES, type Fetch, nestedByHand, PA, VA, WALK_FETCHES } from "./nested-by-hand.js";
import { CD_HTTU, CD_WORD, STREAM_TABLE } from "./rig.js";

/** Header words of the columns (offsets in the header at 64 KiB), and of the trace ring. */
const HEADER = 65536;
const [STREAM, PASID, IOVA, ACCESS, PA_COLUMN, STATUS, LEAF_LG2, FETCHES] = [4, 8, 12, 16, 20, 24, 28, 32];
const [TRACE_RING, TRACE_MASK] = [160, 164];

const bytesOf = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url)));

/** A core with translation on and the hand-made nested stream 0; stream 1 is stage 1 with HTTU. */
function machine(build: "release" | Uint8Array, options: SmmuV3Options = {}, traceRecords = 0): Core {
  const ranges = frameRanges(undefined, []);
  const core = new Core({ ...planArena({ memoryLimit: 2 ** 24, ...options }), traceRecords }, ranges, build);
  const memory = new PhysicalMemory(core, ranges, []);
  const { idr0, idr1, idr3, idr5 } = SMMUV3_PRESETS.full;
  // IDR0, IDR1, IDR3, IDR5, CR0, CR2, GBPA, STRTAB_BASE_CFG, STRTAB_BASE.
  core.setRegisters([
    [0, idr0],
    [4, idr1],
    [8, idr3],
    [12, idr5],
    [16, 0xd],
    [20, 0],
    [24, 0],
    [28, 6],
    [32, STREAM_TABLE],
  ]);
  const stage1: [bigint, bigint][] = [
    [STREAM_TABLE + 64n, 0x4100_0000n | 0xbn],
    [0x4100_0000n, CD_WORD | CD_HTTU],
    [0x4100_0008n, 0x4200_0000n],
    [0x4200_0000n, 0x4200_1003n],
    [0x4200_1000n, 0x4200_2003n],
    [0x4200_2000n, 0x4200_3003n],
    // AF = 0, read-only with DBM; the second is plain.
    [0x4200_3000n, 0x7000_08c3n | (1n << 51n)],
    [0x4200_3008n, 0x7000_1c43n],
  ];
  for (const [address, value] of [...nestedByHand(), ...stage1]) memory.writeU64(address, value);
  return core;
}

interface Request {
  stream: number;
  iova: bigint;
  access?: number;
}

const REQUESTS: Request[] = [
  { stream: 0, iova: VA },
  { stream: 0, iova: VA + 0x1008n },
  { stream: 1, iova: 0x10n },
  { stream: 1, iova: 0x18n, access: 1 },
  { stream: 1, iova: 0x1018n, access: 1 },
  { stream: 1, iova: 0x2000n },
  { stream: 2, iova: 0n },
  { stream: 0, iova: VA + 0x10n, access: 5 },
  { stream: 1, iova: 0x20n, access: 1 },
];

/** The columns of the batch over any memory. */
function columns(buffer: ArrayBufferLike) {
  const header = new Uint32Array(buffer, HEADER, 64);
  const at = (offset: number): number => header[offset / 4]!;
  return {
    stream: new Uint32Array(buffer, at(STREAM!), 64),
    pasid: new Uint32Array(buffer, at(PASID!), 64),
    iova: new BigUint64Array(buffer, at(IOVA!), 64),
    access: new Uint8Array(buffer, at(ACCESS!), 64),
    pa: new BigUint64Array(buffer, at(PA_COLUMN!), 64),
    status: new Uint8Array(buffer, at(STATUS!), 64),
    leafLg2: new Uint8Array(buffer, at(LEAF_LG2!), 64),
    fetches: new Uint8Array(buffer, at(FETCHES!), 64),
  };
}

function answers(buffer: ArrayBufferLike, exports: CoreExports, requests: readonly Request[]): string[] {
  const batch = columns(buffer);
  for (const [i, { stream, iova, access = 0 }] of requests.entries()) {
    batch.stream[i] = stream;
    batch.pasid[i] = 0;
    batch.iova[i] = iova;
    batch.access[i] = access;
  }
  expect(exports.run(0, requests.length, 0)).toBeGreaterThanOrEqual(0);
  return requests.map(
    (_, i) => `${batch.status[i]} ${batch.pa[i]!.toString(16)} ${batch.leafLg2[i]} ${batch.fetches[i]}`,
  );
}

let expected: string[];
let afterUpdate: bigint;
beforeAll(() => {
  const core = machine("release");
  expected = answers(core.buffer, core.exports, REQUESTS);
  afterUpdate = new PhysicalMemory(core, frameRanges(undefined, []), []).readU64(0x4200_3000n);
});

describe("the release build", () => {
  it("answers as worked out by hand", () => {
    expect(expected.map((answer) => answer.split(" ").slice(0, 3).join(" "))).toEqual([
      `0 ${PA.toString(16)} 12`,
      `0 ${(PA + 0x1008n).toString(16)} 12`,
      "0 70000010 12",
      "0 70000018 12",
      "0 70001018 12",
      `${0x90} 0 0`,
      `${0x84} 0 0`,
      `0 ${(PA + 0x10n).toString(16)} 12`,
      "0 70000020 12",
    ]);
    // Accessed, and AP[2] cleared by the write.
    expect(afterUpdate).toBe(0x7000_0c43n | (1n << 51n));
  });
});

describe("the trace build", () => {
  const trace = bytesOf("trace");
  const off = { walkCaches: "off", iotlb: "off" } as const;

  function records(core: Core): (Fetch & { cached: number; request: number })[] {
    const at = core.u32[(HEADER + TRACE_RING!) / 4]!;
    const mask = core.u32[(HEADER + TRACE_MASK!) / 4]!;
    const written = core.exports.traceCount();
    const first = Math.max(0, written - mask - 1);
    return Array.from({ length: written - first }, (_, i) => {
      const record = at + ((first + i) & mask) * 64;
      return {
        stage: core.u8[record]!,
        level: (core.u8[record + 1]! << 24) >> 24,
        cached: core.u8[record + 2]!,
        request: core.u32[(record + 4) / 4]!,
        address: core.u64[(record + 8) / 8]!,
        descriptor: core.u64[(record + 16) / 8]!,
      };
    });
  }
  /** The records of descriptors: configuration structures have kinds above 2. */
  const descriptors = (core: Core): Fetch[] => bare(records(core).filter(({ stage }) => stage <= 2));
  const bare = (fetches: readonly Fetch[]): Fetch[] =>
    fetches.map(({ stage, level, address, descriptor }) => ({ stage, level, address, descriptor }));

  it("writes STE and CD, the 4 fetches of the CD and the 24 of the walk, in order", () => {
    const core = machine(trace, off, 64);
    answers(core.buffer, core.exports, [{ stream: 0, iova: VA }]);
    expect(core.exports.traceCount()).toBe(30);
    expect(descriptors(core)).toEqual([...CD_FETCHES, ...WALK_FETCHES]);
    const [STE, CD] = [17, 19];
    expect(records(core).flatMap(({ stage }, at) => (stage > 2 ? [[at, stage]] : []))).toEqual([
      [0, STE],
      [5, CD],
    ]);
    expect(records(core).every(({ cached, request }) => cached === 0 && request === 0)).toBe(true);
  });

  it("keeps the newest records when the ring is full", () => {
    const core = machine(trace, off, 8);
    answers(core.buffer, core.exports, [{ stream: 0, iova: VA }]);
    expect(core.exports.traceCount()).toBe(30);
    expect(descriptors(core)).toEqual(WALK_FETCHES.slice(-8));
  });

  it("names the request, and writes nothing for an IOTLB hit", () => {
    const core = machine(trace, { walkCaches: "off" }, 64);
    answers(core.buffer, core.exports, [
      { stream: 2, iova: 0n },
      { stream: 0, iova: VA },
      { stream: 0, iova: VA },
    ]);
    expect(records(core).map(({ request }) => request)).toEqual([0, ...Array.from({ length: 30 }, () => 1)]);
  });

  it("writes the fetches that start at cached tables, marked so", () => {
    const core = machine(trace, {}, 64);
    answers(core.buffer, core.exports, [{ stream: 0, iova: VA }]);
    const cold = core.exports.traceCount();
    expect(cold).toBe(15);
    answers(core.buffer, core.exports, [{ stream: 0, iova: VA + 0x1000n }]);
    expect(
      records(core)
        .slice(cold)
        .map(({ cached }) => cached),
    ).toEqual([1, 1]);
    expect(bare(records(core).slice(cold))).toEqual([
      { stage: 1, level: 3, address: 0x1_3028n, descriptor: 0x2_1c43n },
      { stage: 2, level: 3, address: 0x5000_3000n + 33n * 8n, descriptor: 0x6002_17ffn },
    ]);
  });

  it("answers like release, with and without a ring; release writes no trace", () => {
    for (const traceRecords of [0, 16]) {
      const core = machine(trace, {}, traceRecords);
      expect(answers(core.buffer, core.exports, REQUESTS)).toEqual(expected);
    }
    const core = machine("release", {}, 16);
    answers(core.buffer, core.exports, REQUESTS);
    expect(core.exports.traceCount()).toBe(-1);
  });

  it("writes as many records as it counts fetches", () => {
    const core = machine(trace, {}, 64);
    const fetches = answers(core.buffer, core.exports, REQUESTS).map((answer) =>
      Number(answer.split(" ")[3]),
    );
    expect(descriptors(core).length).toBe(fetches.reduce((sum, n) => sum + n, 0));
  });
});

describe("the shared build", () => {
  it("imports a shared memory, runs init on a laid-out arena in it, and answers like release", () => {
    const core = machine("release");
    const memory = new WebAssembly.Memory({
      initial: core.buffer.byteLength / 65536,
      maximum: 65536,
      shared: true,
    });
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    // The arena and the frames as they are before the first request.
    new Uint8Array(memory.buffer).set(core.u8);
    const module = new WebAssembly.Module(bytesOf("shared"));
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as CoreExports;
    exports.init(layOut(core.plan).header);
    expect(answers(memory.buffer, exports, REQUESTS)).toEqual(expected);
    const slot = exports.frameSlot(0x4200_3000n) >>> 0;
    const frame = Number(new BigUint64Array(memory.buffer)[slot / 8]! & 0xffffn);
    const descriptor = new BigUint64Array(memory.buffer)[(core.framesBase + frame * 65536 + 0x3000) / 8];
    expect(descriptor).toBe(afterUpdate);
  });
});

describe("the debug build", () => {
  it("loads and answers like release, its assertions holding", () => {
    const core = machine(bytesOf("debug"));
    expect(answers(core.buffer, core.exports, REQUESTS)).toEqual(expected);
  });
});
