// Bound functions that have hit: the core answers these by a call of its own, which must see whatever changes.

import { describe, expect, it } from "vitest";
import { PAGE, world } from "./hit-world.js";
import { cfgiAll, random, tlbiVa } from "./rig.js";

describe("a bound function that hits", () => {
  it("does not after translation is disabled, and does again (IHI 0070 6.3.9 SMMUEN)", () => {
    const rig = world({});
    const [read, wide] = [rig.smmu.bind({ stream: 0 }), rig.smmu.bind({ stream: 1, pasid: 2 })];
    for (let n = 0; n < 3; ++n) {
      expect(read(0x1234)).toBe(0x1_0000_4234);
      expect(wide(0x1234)).toBe(0x5_0000_4234);
    }
    rig.smmu.write32(0x20, 0xc);
    // GBPA at reset: bypass.
    expect([read(0x1234), wide(0x1234)]).toEqual([0x1234, 0x1234]);
    rig.smmu.write32(0x20, 0xd);
    expect([read(0x1234), wide(0x1234)]).toEqual([0x1_0000_4234, 0x5_0000_4234]);
  });

  it("does not once its entry or its configuration is invalidated (4.3, 4.4)", () => {
    const rig = world({});
    const [read, wide] = [rig.smmu.bind({ stream: 0 }), rig.smmu.bind({ stream: 1, pasid: 2 })];
    const misses = (): number => rig.smmu.counters().iotlbMisses;
    for (const bound of [read, wide]) for (let n = 0; n < 3; ++n) bound(0x1000);
    const before = misses();
    for (const bound of [read, wide]) bound(0x1000);
    expect(misses()).toBe(before);
    for (const asid of [1, 4]) rig.smmu.issue(tlbiVa(asid, PAGE));
    for (const bound of [read, wide]) bound(0x1000);
    expect(misses()).toBe(before + 2);
    rig.ste(0, 0x1n);
    rig.ste(1, 0x1n);
    rig.smmu.issue(cfgiAll());
    // Abort: no event, no PA.
    expect([read(0x1000), wide(0x1000)]).toEqual([-3, -3]);
  });

  it("keeps its place among sources whose lists meet, also when the oldest contexts go", () => {
    const rig = world({ configCache: { contexts: 2 }, iotlb: { entries: 4096, ways: 4 } });
    const bound = [0, 1, 2, 3].map((pasid) => rig.smmu.bind({ stream: 1, pasid }));
    const next = random(77);
    for (let n = 0; n < 400; ++n) {
      const pasid = n < 200 ? next(4) : (n >> 4) & 3;
      expect(bound[pasid]!(0x2010)).toBe((pasid + 3) * 2 ** 32 + 0x7010);
    }
  });

  it("asks for the rights of its kind of access", () => {
    const rig = world({});
    const [read, write] = [rig.smmu.bind({ stream: 0 }), rig.smmu.bind({ stream: 0, write: true })];
    for (let n = 0; n < 3; ++n) expect(read(0x1000)).toBe(0x1_0000_4000);
    expect(write(0x1000)).toBe(-0x93); // F_PERMISSION: page 1 is read-only
    expect(write(0x2000)).toBe(0x1_0000_7000);
  });
});
