// What a caller gets wrong is said in one grammar: class of error, name, what was expected, what came.

import { describe, expect, it } from "vitest";
import { SMMUV3_PRESETS, SmmuV3, type SmmuV3Options, type TranslateRequest } from "../../src/index.js";

const GRAMMAR = /^"[^"]+"( and "[^"]+")? expected .+, got .+$/;

function thrown(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

function expectError(
  work: () => unknown,
  kind: typeof RangeError | typeof TypeError,
  name: string,
  got: string,
): void {
  const error = thrown(work);
  expect(error.message).toMatch(GRAMMAR);
  expect(error.message).toContain(`"${name}"`);
  expect(error.message).toContain(got);
  expect(error).toBeInstanceOf(kind);
}

/** Wrong on purpose. */
const bad = (options: unknown) => (): SmmuV3 => new SmmuV3(options as SmmuV3Options);

describe("options", () => {
  const ranges: [unknown, string, string][] = [
    [{ batchCapacity: 0 }, "batchCapacity", "0"],
    [{ batchCapacity: 2 ** 20 + 1 }, "batchCapacity", "1048577"],
    [{ memoryLimit: 65535 }, "memoryLimit", "65535"],
    [{ memoryLimit: 2 ** 32 }, "memoryLimit", "4294967296"],
    [{ reserve: -1 }, "reserve", "-1"],
    [{ reserve: 2 ** 20, memoryLimit: 2 ** 19 }, "reserve", "1048576"],
    [{ iotlb: { entries: 0, ways: 1 } }, "iotlb.entries", "0"],
    [{ iotlb: { entries: 2 ** 20 + 4, ways: 4 } }, "iotlb.entries", "1048580"],
    [{ iotlb: { entries: 16, ways: 17 } }, "iotlb.ways", "17"],
    [{ iotlb: { entries: 16, ways: 0 } }, "iotlb.ways", "0"],
    [{ iotlb: { entries: 16, ways: 3 } }, "iotlb.entries", "16"],
    [{ iotlb: { entries: 12, ways: 3, policy: "plru" } }, "iotlb.ways", "3"],
    [{ iotlb: { entries: 128, ways: 128, policy: "plru" } }, "iotlb.ways", "128"],
    [{ walkCaches: { stage1: 3 } }, "walkCaches.stage1", "3"],
    [{ walkCaches: { stage2: 100 } }, "walkCaches.stage2", "100"],
    [{ walkCaches: { stage2Tlb: 2 ** 17 } }, "walkCaches.stage2Tlb", "131072"],
    [{ configCache: { contexts: 0 } }, "configCache.contexts", "0"],
    [{ configCache: { contexts: 65537 } }, "configCache.contexts", "65537"],
    [{ ram: [[0x800n, 0x1000n]] }, "ram", "0x800"],
    [{ ram: [[0n, 0n]] }, "ram", "0x0"],
    [{ ram: [[0n, (1n << 52n) + 0x1000n]] }, "ram", "0x10000000001000"],
    [{ ram: [[-0x1000n, 0x2000n]] }, "ram", "-"],
    [{ ram: Array.from({ length: 257 }, (_, n) => [BigInt(n) << 20n, 0x1000n]) }, "ram", "257"],
    [{ external: [{ base: 0n, size: 0x1000n, fill: () => {} }] }, "external", "0x1000"],
  ];
  for (const [options, name, got] of ranges) {
    it(`RangeError for ${name} = ${got}`, () => expectError(bad(options), RangeError, name, got));
  }

  const types: [unknown, string, string][] = [
    [{ batchCapacity: "7" }, "batchCapacity", "7"],
    [{ batchCapacity: 1.5 }, "batchCapacity", "1.5"],
    [{ batchCapacity: Number.NaN }, "batchCapacity", "NaN"],
    [{ memoryLimit: 65536n }, "memoryLimit", "65536"],
    [{ iotlb: { entries: 16, ways: 4, policy: "mru" } }, "iotlb.policy", "mru"],
    [{ iotlb: { ways: 4 } }, "iotlb.entries", "undefined"],
    [{ configCache: { contexts: "many" } }, "configCache.contexts", "many"],
    [{ ram: [[0, 4096]] }, "ram", "number"],
    [{ external: [{ base: 0, size: 65536, fill: () => {} }] }, "external", "number"],
  ];
  for (const [options, name, got] of types) {
    it(`TypeError for ${name} = ${got}`, () => expectError(bad(options), TypeError, name, got));
  }

  it("RangeError or TypeError for a build of the core that is not there", () => {
    const error = thrown(bad({ core: "turbo" }));
    expect(error.message).toMatch(GRAMMAR);
    expect(error.message).toContain('"core"');
  });

  it("the limits themselves are taken", () => {
    for (const options of [
      { batchCapacity: 1, memoryLimit: 65536, reserve: 65536 },
      { iotlb: { entries: 64, ways: 64, policy: "plru" } },
      { iotlb: { entries: 1, ways: 1, policy: "random" } },
      { walkCaches: { stage1: 4, stage2: 65536, stage2Tlb: 4 } },
      { configCache: { contexts: 65536 } },
      { ram: [] },
      { features: SMMUV3_PRESETS.qemuNested },
    ] as SmmuV3Options[]) {
      expect(new SmmuV3(options).run(0)).toBe(0);
    }
  });
});

describe("calls", () => {
  const smmu = new SmmuV3({ batchCapacity: 8 });

  for (const count of [-1, 9, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`run(${count}): RangeError`, () =>
      expectError(() => smmu.run(count), RangeError, "count", `expected 0..8, got ${count}`));
  }

  const requests: [unknown, typeof RangeError | typeof TypeError, string, string][] = [
    [{ stream: -1, iova: 0n }, RangeError, "stream", "-1"],
    [{ stream: 2 ** 32, iova: 0n }, RangeError, "stream", "4294967296"],
    [{ stream: 0.5, iova: 0n }, RangeError, "stream", "0.5"],
    [{ stream: 3n, iova: 0n }, TypeError, "stream", "bigint"],
    [{ iova: 0n }, TypeError, "stream", "undefined"],
    [{ stream: 0, iova: 0 }, TypeError, "iova", "number"],
    [{ stream: 0 }, TypeError, "iova", "undefined"],
    [{ stream: 0, iova: -1n }, RangeError, "iova", "-1"],
    [{ stream: 0, iova: 1n << 64n }, RangeError, "iova", "18446744073709551616"],
    [{ stream: 0, pasid: 2 ** 20, iova: 0n }, RangeError, "pasid", "1048576"],
    [{ stream: 0, pasid: "1", iova: 0n }, TypeError, "pasid", "string"],
  ];
  for (const [request, kind, name, got] of requests) {
    it(`translate: ${kind.name} for ${name}, got ${got}`, () =>
      expectError(() => smmu.translate(request as TranslateRequest), kind, name, got));
  }

  it("translate takes the limits", () => {
    expect(smmu.translate({ stream: 2 ** 32 - 1, pasid: 2 ** 20 - 1, iova: (1n << 52n) - 1n }).ok).toBe(true);
    expect(smmu.translate({ stream: 0, iova: (1n << 64n) - 1n }).ok).toBe(false);
  });

  for (const length of [0, 15, 17, 32]) {
    it(`issue of ${length} bytes: RangeError`, () =>
      expectError(
        () => smmu.issue(new Uint8Array(length)),
        RangeError,
        "command",
        `16 bytes, got ${length}`,
      ));
  }

  it("issue takes a view into a larger buffer", () => {
    const bytes = new Uint8Array(40);
    bytes[21] = 0x46; // CMD_SYNC
    expect(smmu.issue(bytes.subarray(21, 37))).toBe(0);
    bytes[21] = 0xff;
    expect(smmu.issue(bytes.subarray(21, 37))).toBe(1);
  });

  it("memory: TypeError for a number as address or value, RangeError beyond 52 bits", () => {
    const { memory } = smmu;
    expectError(() => memory.readU64(5 as never), TypeError, "pa", "number");
    expectError(() => memory.write(5 as never, new Uint8Array(1)), TypeError, "pa", "number");
    expectError(() => memory.writeU64(0n, 5 as never), TypeError, "value", "number");
    expectError(() => memory.writeU32(0n, 5n as never), TypeError, "value", "bigint");
    expectError(() => memory.readU8(1n << 52n), RangeError, "pa", "0x10000000000000");
    expectError(() => memory.drop(0x1000n, 0x1_0000n), RangeError, "pa", "0x1000");
  });

  it("leave the machine usable", () => {
    expect(smmu.translate({ stream: 0, iova: 0x1234n }).pa).toBe(0x1234n);
  });
});
