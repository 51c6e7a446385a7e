// CACHE_INVALIDATE behind argsz and flags: struct iommu_cache_invalidate_info against the header's table of caches and
// granularities (rules 2 and 26).

import { describe, expect, it } from "vitest";
import { patched } from "./bytes.js";
import {
  ADDR,
  BY_ARCHID,
  BY_PASID,
  DEV_IOTLB,
  DOMAIN,
  IOTLB,
  info,
  invalidate,
  LEAF,
  outcome,
  PASID,
  PASID_CACHE,
} from "./invalidation-info.js";
import { SMMUV3_SUPPORTS, VTD_SUPPORTS } from "./recording-driver.js";
import { EINVAL, ENOMEM, expectRefused, type Rig, rig } from "./rig.js";

const smmuv3 = (): Rig => rig({ supports: SMMUV3_SUPPORTS });
const vtd = (): Rig => rig({ supports: VTD_SUPPORTS });

const NO_CACHE = { iotlb: false, deviceTlb: false, pasidCache: false };

describe("the header's table", () => {
  // Rows: cache; columns: DOMAIN, PASID, ADDR (linux/iommu.h, comment of struct iommu_cache_invalidate_info).
  const CAN: Record<number, [boolean, boolean, boolean]> = {
    [IOTLB]: [true, true, true],
    [DEV_IOTLB]: [false, true, true],
    [PASID_CACHE]: [true, true, false],
  };
  const cells = [1, 2, 3, 4, 5, 6, 7].flatMap((cache) =>
    [DOMAIN, PASID, ADDR].map((g) => [cache, g] as const),
  );

  it.each(cells)("cache mask %i at granularity %i: all of them or none", (cache, granularity) => {
    for (const r of [smmuv3(), vtd()]) {
      const bits = [IOTLB, DEV_IOTLB, PASID_CACHE].filter((bit) => cache & bit);
      if (bits.every((bit) => CAN[bit]![granularity!])) {
        expect(outcome(r, { cache, granularity })).toMatchObject({
          iotlb: (cache & IOTLB) !== 0,
          deviceTlb: (cache & DEV_IOTLB) !== 0,
          pasidCache: (cache & PASID_CACHE) !== 0,
          granularity: ["domain", "pasid", "address"][granularity!],
        });
      } else {
        expectRefused(r, EINVAL, () => invalidate(r, info({ cache, granularity })));
      }
    }
  });
});

describe("CACHE_INVALIDATE refuses with -EINVAL", () => {
  const RAW: [title: string, bytes: Uint8Array][] = [
    ["version 0", patched(info(), 0, "00")],
    ["version 2", patched(info(), 0, "02")],
    ["padding[0]", patched(info(), 6, "80")],
    ["padding[1]", patched(info(), 7, "01")],
    ["cache 0", info({ cache: 0 })],
    ["cache bit 3", info({ cache: 9 })],
    ["cache 0x80", info({ cache: 0x80 })],
    ["granularity 3", info({ granularity: 3 })],
    ["granularity 255", info({ granularity: 255 })],
    ["an unknown flag of ADDR", info({ flags: 0x0b })],
    ["flag bit 31 of ADDR", info({ flags: 0x8000_0001 })],
    ["LEAF at granularity PASID", info({ granularity: PASID, flags: LEAF | BY_PASID })],
    ["an unknown flag of PASID", info({ granularity: PASID, flags: 0x101 })],
    ["granularity PASID without PASID and ARCHID", info({ granularity: PASID, flags: 0 })],
    ["granularity PASID of the PASID cache without both", info({ granularity: PASID, flags: 0, cache: 4 })],
    ["granularity PASID of all caches without both", info({ granularity: PASID, flags: 0, cache: 7 })],
    ["granule_size 0", info({ granule: 0n })],
    ["granule_size 0x800", info({ granule: 0x800n })],
    ["granule_size 0x3000", info({ granule: 0x3000n })],
    ["nb_granules 0", info({ count: 0n })],
    ["a range that wraps", info({ addr: 0xffff_ffff_ffff_f000n, count: 2n })],
    ["a size of 2^65", info({ addr: 0n, granule: 1n << 63n, count: 4n })],
    ["a size of 2^127", info({ addr: 0n, granule: 1n << 63n, count: (1n << 64n) - 1n })],
  ];

  it.each(RAW)("%s (rule 2)", (_, bytes) => {
    for (const r of [smmuv3(), vtd()]) expectRefused(r, EINVAL, () => invalidate(r, bytes));
  });

  it.each([
    [PASID, IOTLB],
    [PASID, PASID_CACHE],
    [ADDR, IOTLB],
    [ADDR, DEV_IOTLB],
  ])("granularity %i of cache %i by ARCHID alone on VT-d (rule 2)", (granularity, cache) => {
    const r = vtd();
    expectRefused(r, EINVAL, () => invalidate(r, info({ granularity, cache, flags: BY_ARCHID })));
    invalidate(smmuv3(), info({ granularity, cache, flags: BY_ARCHID }));
  });

  it("a container without nesting (rule 26)", () => {
    for (const granularity of [DOMAIN, PASID, ADDR]) {
      const r = rig({ nested: false });
      expectRefused(r, EINVAL, () => invalidate(r, info({ granularity })));
    }
  });
});

describe("CACHE_INVALIDATE hands over", () => {
  it("DOMAIN without a look at the union (rule 26)", () => {
    const bytes = info({ granularity: DOMAIN });
    bytes.fill(0xff, 8);
    const r = smmuv3();
    invalidate(r, bytes);
    expect(r.domain.invalidations).toEqual([
      { ...NO_CACHE, iotlb: true, granularity: "domain", leaf: false, address: 0n, size: 0n },
    ]);
  });

  it("PASID with its 16 bytes of the union (rule 26)", () => {
    const bytes = info({ granularity: PASID, cache: 5, flags: BY_ARCHID });
    bytes.fill(0xff, 24);
    const r = smmuv3();
    invalidate(r, bytes);
    const caches = { iotlb: true, deviceTlb: false, pasidCache: true };
    expect(r.domain.invalidations).toEqual([
      { ...caches, granularity: "pasid", archid: 17, leaf: false, address: 0n, size: 0n },
    ]);
  });

  it("either flag for each cache on SMMUv3 (rule 26)", () => {
    for (const cache of [IOTLB, PASID_CACHE]) {
      expect(outcome(smmuv3(), { cache, granularity: PASID, flags: BY_PASID })?.pasid).toBe(5);
      expect(outcome(smmuv3(), { cache, granularity: PASID, flags: BY_ARCHID })?.archid).toBe(17);
    }
  });

  it("a range of addresses, LEAF and both selectors", () => {
    const fields = { flags: BY_PASID | BY_ARCHID | LEAF, addr: 0x1234_5000n, granule: 0x1_0000n, count: 33n };
    expect(outcome(smmuv3(), fields)).toEqual({
      ...NO_CACHE,
      iotlb: true,
      granularity: "address",
      pasid: 5,
      archid: 17,
      leaf: true,
      address: 0x1234_5000n,
      size: 0x21_0000n,
    });
    expect(outcome(vtd(), fields)).not.toHaveProperty("archid");
  });

  it("ADDR with neither selector: every PASID and ASID (rule 2)", () => {
    for (const r of [smmuv3(), vtd()]) {
      const invalidation = outcome(r, { flags: 0 });
      expect(invalidation).not.toHaveProperty("pasid");
      expect(invalidation).not.toHaveProperty("archid");
    }
  });

  it("ranges up to 2^64", () => {
    expect(outcome(smmuv3(), { addr: 0n, granule: 1n << 63n, count: 2n })?.size).toBe(1n << 64n);
    expect(outcome(smmuv3(), { addr: (1n << 64n) - 0x1000n })?.address).toBe((1n << 64n) - 0x1000n);
  });

  it("nothing for a PASID that cannot exist, but what its ARCHID selects", () => {
    for (const pasid of [1n << 20n, (1n << 64n) - 1n]) {
      expect(outcome(smmuv3(), { pasid, flags: BY_PASID })).toBeUndefined();
      expect(outcome(vtd(), { pasid, granularity: PASID, cache: 7 })).toBeUndefined();
      const both = outcome(smmuv3(), { pasid, granularity: PASID, cache: 7 });
      expect(both).toEqual({
        ...NO_CACHE,
        iotlb: true,
        granularity: "pasid",
        archid: 17,
        leaf: false,
        address: 0n,
        size: 0n,
      });
    }
    expect(outcome(smmuv3(), { pasid: (1n << 20n) - 1n, flags: BY_PASID })?.pasid).toBe(0xfffff);
  });

  it("nothing when the driver has no room: -ENOMEM", () => {
    const r = smmuv3();
    r.domain.failures.set("invalidate", new RangeError("no room"));
    expectRefused(r, ENOMEM, () => invalidate(r, info()));
  });
});
