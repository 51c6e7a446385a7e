// Snapshots of machines in particular states, and what an embedder may ask of them.

import { describe, expect, it } from "vitest";
import { SharedCore } from "../../src/core/shared-core.js";
import { sharedBuild } from "../../src/core/shared-memory.js";
import type { MachineOptions } from "../../src/index.js";
import {
  MemoryLimitError,
  SmmuV3,
  type SmmuV3RestoreOptions,
  SnapshotError,
  VtdIommu,
} from "../../src/index.js";
import { SCALAR } from "../core/scalar-build.js";
import { Random } from "../property/random.js";
import { CR0, EVENTQ_CONS, ON, StallWorld } from "../smmuv3/stall-world.js";
import { PASS_THROUGH, REG, Rig } from "../vtd/rig.js";
import { replaced, sectionsOf } from "./sections.js";
import { SMMUV3 } from "./smmuv3-kind.js";
import { type Kind, Log, type Machine, seen } from "./twins.js";
import { VTD } from "./vtd-kind.js";

const KINDS: [string, Kind<Machine>][] = [
  ["SMMUv3", SMMUV3 as Kind<Machine>],
  ["VT-d", VTD as Kind<Machine>],
];

describe.each(KINDS)("%s: a snapshot of one build restored in another", (_name, kind) => {
  it.each([
    ["release", "scalar", "release", SCALAR],
    ["scalar", "release", SCALAR, "release"],
  ] as const)("%s to %s: goes on with its caches, step by step", (_from, _to, from, to) => {
    const Vendor = (kind === KINDS[0]![1] ? SmmuV3 : VtdIommu) as typeof SmmuV3;
    const random = new Random(3);
    let here: Machine = Vendor.restore(kind.make(new Log()).snapshot() as Uint8Array, { core: from });
    for (let n = 0; n < 100; n++) kind.step(random, false).run(here);
    here = Vendor.restore(here.snapshot(), { core: from });
    const there = Vendor.restore(here.snapshot(), { core: to });
    for (let n = 0; n < 150; n++) {
      const { what, run } = kind.step(random, false);
      expect(run(there), what).toEqual(run(here));
      expect(seen(there, kind.registers, true), what).toEqual(seen(here, kind.registers, true));
    }
    expect(Buffer.compare(there.snapshot(), here.snapshot())).toBe(0);
  });
});

describe("caches of a snapshot", () => {
  const smmu = SMMUV3.make(new Log());
  for (const page of [0, 1, 2, 1]) smmu.translate({ stream: 10, iova: BigInt(page) * 0x1000n });
  const bytes = smmu.snapshot();
  /** As a core of another version would have left them. */
  const foreign = replaced(bytes, "caches", (section) =>
    section.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
  );
  const source = (machine: SmmuV3): string => machine.translate({ stream: 10, iova: 0x1000n }).source;

  it("answer in the restored machine", () => {
    expect(source(SmmuV3.restore(bytes))).toBe("iotlb");
  });

  it("are left out on demand, when taken and when restored", () => {
    expect(sectionsOf(smmu.snapshot({ caches: false })).map(({ name }) => name)).not.toContain("caches");
    for (const cold of [
      SmmuV3.restore(smmu.snapshot({ caches: false })),
      SmmuV3.restore(bytes, { caches: false }),
    ]) {
      expect(cold.counters()).toEqual(smmu.counters());
      expect(source(cold)).not.toBe("iotlb");
      expect(cold.counters().configMisses).toBe(smmu.counters().configMisses + 1);
    }
  });

  it("of another core are refused, or left out where that is allowed", () => {
    const reason = `section "caches": the caches are of another core: restore with "caches" of "if-possible" or false`;
    expect(() => SmmuV3.restore(foreign)).toThrow(reason);
    expect(() => SmmuV3.restore(foreign)).toThrow(SnapshotError);
    for (const caches of ["if-possible", false] as const) {
      const cold = SmmuV3.restore(foreign, { caches });
      expect(cold.counters()).toEqual(smmu.counters());
      expect(source(cold)).not.toBe("iotlb");
    }
    expect(source(SmmuV3.restore(bytes, { caches: "if-possible" }))).toBe("iotlb");
  });

  it("are asked for in a word that there is", () => {
    const wrong = "yes" as unknown as boolean;
    expect(() => smmu.snapshot({ caches: wrong })).toThrow(
      new TypeError(`"caches" expected boolean, got string`),
    );
    expect(() => SmmuV3.restore(bytes, { caches: wrong })).toThrow(
      new TypeError(`"caches" expected boolean or "if-possible", got yes`),
    );
  });
});

describe("a machine and the one that was made of it", () => {
  it("have nothing in common", () => {
    const bytes = new SmmuV3({ memoryLimit: 2 ** 20 }).snapshot();
    const [one, other] = [SmmuV3.restore(bytes), SmmuV3.restore(bytes)];
    const kept = bytes.slice();
    one.memory.writeU32(0x1000n, 7);
    one.write32(0x20, 5);
    one.batch.iova[0] = 9n;
    expect([other.memory.readU32(0x1000n), other.read32(0x20), other.batch.iova[0]]).toEqual([0, 0, 0n]);
    bytes.fill(0xff);
    expect(Buffer.compare(other.snapshot(), kept)).toBe(0);
  });

  it("run out of memory at the same frame, and take freed frames in the same order", () => {
    const smmu = new SmmuV3({ memoryLimit: 4 * 65536 });
    for (const frame of [5n, 1n, 9n, 3n]) smmu.memory.writeU32(frame << 16n, Number(frame));
    smmu.memory.drop(1n << 16n, 1n << 16n);
    smmu.memory.drop(9n << 16n, 1n << 16n);
    const again = SmmuV3.restore(smmu.snapshot());
    for (const { memory } of [smmu, again]) {
      expect(memory.backedBytes).toBe(2 * 65536);
      for (const frame of [1n, 9n]) expect(memory.readU32(frame << 16n)).toBe(0);
      for (const frame of [7n, 8n]) memory.writeU32(frame << 16n, 1);
      expect(() => memory.writeU32(1n << 40n, 1)).toThrow(MemoryLimitError);
    }
    expect(Buffer.compare(again.snapshot(), smmu.snapshot())).toBe(0);
  });

  it("have RAM and features as of the last reset, and as of creation for the next", () => {
    const smmu = new SmmuV3({ ram: [[0n, 0x1_0000n]], memoryLimit: 2 ** 20 });
    const features = { ...smmu.features, idr1: (smmu.features.idr1 & ~0x3f) | 9 };
    smmu.reset({ ram: [[0x8000_0000n, 0x1000n]], features });
    const again = SmmuV3.restore(smmu.snapshot());
    for (const one of [smmu, again]) {
      expect([one.memory.isRam(0n), one.memory.isRam(0x8000_0fffn)]).toEqual([false, true]);
      expect(one.features).toEqual(features);
      expect(one.read32(4)).toBe(features.idr1);
      one.reset();
      expect([one.memory.isRam(0n), one.memory.isRam(0x8000_0fffn)]).toEqual([true, false]);
      expect(one.features).toEqual(features);
    }
  });

  it("merge the next event with the record before the snapshot, when that is unread", () => {
    // Stream 99 is outside the stream table: C_BAD_STREAMID, which may always be merged (7.3.1).
    const { smmu } = new StallWorld({ mergeEvents: true });
    const unknown = { stream: 99, iova: 0x1000n };
    // CR2.RECINVSID, which is guarded by SMMUEN.
    for (const [offset, value] of [
      [CR0, 4],
      [0x2c, 2],
      [CR0, ON],
    ] as const) {
      smmu.write32(offset, value);
    }
    smmu.translate(unknown);
    const merged = SmmuV3.restore(smmu.snapshot());
    merged.translate(unknown);
    expect(merged.counters()).toMatchObject({ eventsRecorded: 1, eventsMerged: 1 });
    smmu.write32(EVENTQ_CONS, 1);
    const read = SmmuV3.restore(smmu.snapshot());
    read.translate(unknown);
    expect(read.counters()).toMatchObject({ eventsRecorded: 2, eventsMerged: 0 });
  });

  it("resume the transactions that were stalled before, and number new ones on", () => {
    const world = new StallWorld({ stallMax: 1 });
    world.read(1, 1);
    world.read(2, 1);
    const outcomes: unknown[] = [];
    const smmu = SmmuV3.restore(world.smmu.snapshot(), {
      onResume: ({ transaction, status, pa }) => outcomes.push([transaction, status, pa]),
    });
    // Page 1 of stream 1 is mapped now: descriptor 1 of its level 3 table.
    smmu.memory.writeU64(0x4011_2008n, 0x4400_0443n);
    smmu.issue(Uint8Array.of(0x44, 0x10, 0, 0, 1, ...new Uint8Array(11)));
    expect(outcomes).toEqual([[1, "translated", 0x4400_0123n]]);
    // The one that waited for a tag has it.
    expect(smmu.stalled().map(({ transaction, stag }) => [transaction, stag])).toEqual([[2, 0]]);
    expect(smmu.translate({ stream: 3, iova: 0x1000n })).toMatchObject({ status: "stalled", transaction: 3 });
  });

  it("keep an RTADDR that is not in force yet, and the next recording register", () => {
    const rig = new Rig();
    rig.structures();
    rig.enable();
    rig.pasid(5, PASS_THROUGH, 2);
    for (const pasid of [1, 2, 3]) rig.source(pasid, 0x1000n);
    rig.vtd.write64(REG.RTADDR, 0x9000n);
    const vtd = VtdIommu.restore(rig.vtd.snapshot({ caches: false }));
    expect(vtd.read64(REG.RTADDR)).toBe(0x9000n);
    expect(vtd.translate({ stream: 0x0108, pasid: 5, iova: 0x1000n }).pa).toBe(0x1000n);
    vtd.translate({ stream: 0x0108, pasid: 4, iova: 0x1000n });
    // F of records 0 to 3; the fourth has PASID 4 (bits 123:104, here of its upper half).
    expect([0, 1, 2, 3, 4].map((n) => vtd.read32(REG.FRCD + 16 * n + 12) >>> 31)).toEqual([1, 1, 1, 1, 0]);
    expect((vtd.read64(REG.FRCD + 56) >> 40n) & 0xf_ffffn).toBe(4n);
  });
});

describe("the machine of a pool", () => {
  it("has no caches in its snapshot, and is restored in a pool and outside", async () => {
    const build = await sharedBuild();
    const makeCore: MachineOptions["makeCore"] = (plan, ranges) => SharedCore.make(plan, ranges, 2, build);
    const smmu = SMMUV3.make(new Log(), makeCore);
    const ask = { stream: 10, iova: 0x1234n };
    const answer = smmu.translate(ask);
    const bytes = smmu.snapshot();
    expect(sectionsOf(bytes).map(({ name }) => name)).not.toContain("caches");
    for (const again of [SmmuV3.restore(bytes), SmmuV3.restore(bytes, { makeCore })]) {
      expect(again.counters()).toEqual(smmu.counters());
      expect(again.translate(ask)).toEqual(answer);
    }
  });
});

describe("options of a restored machine", () => {
  const bytes = new SmmuV3({ batchCapacity: 3, memoryLimit: 2 ** 20 }).snapshot();

  it("are the snapshot's where the snapshot has them", () => {
    const options = { batchCapacity: 99, mergeEvents: true } as SmmuV3RestoreOptions;
    expect(SmmuV3.restore(bytes, options).batch.capacity).toBe(3);
  });

  it("are checked where they are the embedder's", () => {
    expect(() => SmmuV3.restore(bytes, { reserve: -1 })).toThrow(RangeError);
    expect(() => SmmuV3.restore(bytes, { core: "fast" as "release" })).toThrow(
      `"core" expected "release" or the bytes of a build, got fast`,
    );
  });
});
