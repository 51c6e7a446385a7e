// CACHE_INVALIDATE as the kernel series had it: arm_smmu_cache_invalidate of "SMMUv3 Nested Stage Setup" v10 7/13, and
// intel_iommu_sva_invalidate of Linux 5.10.

import { describe, expect, it } from "vitest";
import { hex, patched } from "./bytes.js";
import {
  ADDR,
  BY_ARCHID,
  BY_PASID,
  DEV_IOTLB,
  DOMAIN,
  type Fields,
  IOTLB,
  info,
  invalidate,
  outcome,
  PASID,
  PASID_CACHE,
} from "./invalidation-info.js";
import { VTD_SUPPORTS } from "./recording-driver.js";
import { EINVAL, ENOENT, expectRefused, type Rig, refusalOf, rig } from "./rig.js";

describe("linux-v10 on SMMUv3", () => {
  const v10 = (): Rig => rig({ profile: "linux-v10" });

  it.each<[title: string, Fields]>([
    ["DOMAIN of the IOTLB", { granularity: DOMAIN }],
    ["an unknown granularity of the IOTLB", { granularity: 9 }],
    ["PASID without ARCHID", { granularity: PASID, flags: 0 }],
    ["PASID with PASID beside ARCHID", { granularity: PASID, flags: BY_PASID | BY_ARCHID }],
    ["ADDR without ARCHID", { flags: 0 }],
    ["ADDR by PASID", { flags: BY_PASID }],
    ["ADDR with PASID beside ARCHID", { flags: BY_PASID | BY_ARCHID }],
    ["DOMAIN of the IOTLB and others", { granularity: DOMAIN, cache: 7 }],
  ])("refuses %s with -EINVAL", (_, fields) => {
    const r = v10();
    expectRefused(r, EINVAL, () => invalidate(r, info(fields)));
  });

  it("refuses version 2 and a container without nesting with -EINVAL", () => {
    const r = v10();
    expectRefused(r, EINVAL, () => invalidate(r, patched(info(), 0, "02")));
    const plain = rig({ profile: "linux-v10", nested: false });
    expectRefused(plain, EINVAL, () => invalidate(plain, info({ flags: BY_ARCHID })));
  });

  it.each([
    [DEV_IOTLB, DOMAIN],
    [DEV_IOTLB, PASID],
    [PASID_CACHE, ADDR],
    [6, DOMAIN],
    [6, 200],
  ])("answers -ENOENT to cache %i at granularity %i, nothing done", (cache, granularity) => {
    const r = v10();
    expectRefused(r, ENOENT, () => invalidate(r, info({ cache, granularity, flags: 0 })));
  });

  it("does the IOTLB part before -ENOENT", () => {
    const r = v10();
    const call = (): void => invalidate(r, info({ cache: 7, granularity: PASID, flags: BY_ARCHID }));
    expect(refusalOf(call).errno).toBe(ENOENT);
    expect(r.domain.invalidations).toEqual([
      {
        iotlb: true,
        deviceTlb: true,
        pasidCache: false,
        granularity: "pasid",
        archid: 17,
        leaf: false,
        address: 0n,
        size: 0n,
      },
    ]);
  });

  it("answers 0 to cache 0 and to unknown caches, nothing done", () => {
    const r = v10();
    for (const cache of [0, 8, 0xf8]) expect(outcome(r, { cache, flags: 0 })).toBeUndefined();
  });

  it("looks at no padding, unknown flags or granule_size", () => {
    const r = v10();
    invalidate(r, patched(info({ flags: 0xff00_0002, granule: 0x3000n, count: 3n }), 6, "ffff"));
    expect(r.domain.invalidations).toMatchObject([{ iotlb: true, deviceTlb: false, size: 0x9000n }]);
  });

  it.each<[string, bigint, bigint, bigint]>([
    ["is empty", 0x1000n, 0x1000n, 0n],
    ["has granules of 0", 0x1000n, 0n, 9n],
    ["wraps", (1n << 64n) - 0x1000n, 0x1000n, 2n],
    ["has a size of 2^64", 0n, 1n << 63n, 2n],
  ])("does nothing when the range %s, and answers 0", (_, addr, granule, count) => {
    expect(outcome(v10(), { addr, granule, count, flags: BY_ARCHID })).toBeUndefined();
  });
});

describe("linux-v10 on VT-d", () => {
  const v10 = (): Rig => rig({ profile: "linux-v10", supports: VTD_SUPPORTS });

  it.each([
    [IOTLB, DOMAIN],
    [DEV_IOTLB, DOMAIN],
    [DEV_IOTLB, PASID],
    [PASID_CACHE, DOMAIN],
    [PASID_CACHE, PASID],
    [PASID_CACHE, ADDR],
    [7, DOMAIN],
    [IOTLB, 3],
    [0, ADDR],
  ])("cache %i at granularity %i: 0, nothing done", (cache, granularity) => {
    expect(outcome(v10(), { cache, granularity })).toBeUndefined();
  });

  it("does what its table has, device TLBs along with the IOTLB, and leaves the rest", () => {
    const done = { iotlb: true, deviceTlb: true, pasidCache: false };
    expect(outcome(v10(), { cache: 7, granularity: PASID })).toMatchObject({ ...done, pasid: 5 });
    expect(outcome(v10(), { cache: 5 })).toMatchObject({ ...done, pasid: 5 });
    expect(outcome(v10(), { cache: 6 })).toMatchObject({ ...done, iotlb: false });
  });

  it("takes PASID 0 without the PASID flag, whatever ARCHID says", () => {
    expect(outcome(v10(), { granularity: PASID, flags: BY_ARCHID })).toMatchObject({ pasid: 0 });
    expect(outcome(v10(), { flags: 0 })).toMatchObject({ pasid: 0 });
  });

  it.each<[bigint, bigint, bigint, bigint, bigint]>([
    // addr, granule_size, nb_granules → the naturally aligned power of two of pages
    [0x12_3456n, 0x1000n, 1n, 0x12_3000n, 0x1000n],
    [0x12_3000n, 0x1000n, 3n, 0x12_0000n, 0x4000n],
    [0x12_3000n, 0x1000n, 4n, 0x12_0000n, 0x4000n],
    [0x12_3000n, 0x1000n, 5n, 0x12_0000n, 0x8000n],
    [0x12_3000n, 0x1000n, 0n, 0x12_3000n, 0x1000n],
    [0x12_3000n, 0x800n, 1n, 0x12_3000n, 0x1000n],
    [1n << 63n, 1n << 62n, 3n, 0n, 1n << 64n],
  ])("rounds addr %i, %i bytes × %i", (addr, granule, count, address, size) => {
    expect(outcome(v10(), { addr, granule, count })).toMatchObject({ address, size });
  });

  it("refuses version 0 with -EINVAL", () => {
    const r = v10();
    expectRefused(r, EINVAL, () => invalidate(r, patched(info(), 0, "00")));
  });

  it("reads the vectors' own bytes", () => {
    const r = v10();
    invalidate(r, hex(`01000000 04 01 0000 01000000 00000000 0500000000000000 ${"00".repeat(24)}`));
    expect(r.domain.invalidations).toEqual([]);
  });
});
