// CACHE_INVALIDATE behind argsz and flags: struct iommu_cache_invalidate_info against the header's table of caches and
// granularities (rules 2 and 26), and against what the series implemented (semantics of arm_smmu_cache_invalidate and
// intel_iommu_sva_invalidate).

import { describe, expect, it } from "vitest";
import type { Invalidation } from "../../src/contract/driver.js";
import { iommu_cache_invalidate_info } from "../../src/uapi/index.js";
import { hex, patched } from "./bytes.js";
import { SMMUV3_SUPPORTS, VTD_SUPPORTS } from "./recording-driver.js";
import { EINVAL, ENOENT, ENOMEM, expectRefused, type Rig, refusalOf, rig } from "./rig.js";

// 0 version, 4 cache, 5 granularity, 6 padding, 8 flags, 12 archid, 16 pasid, 24 addr, 32 granule_size, 40 nb_granules
const IOTLB = 1;
const DEV_IOTLB = 2;
const PASID_CACHE = 4;
const [DOMAIN, PASID, ADDR] = [0, 1, 2];
const [BY_PASID, BY_ARCHID, LEAF] = [1, 2, 4];

interface Fields {
  cache?: number;
  granularity?: number;
  flags?: number;
  archid?: number;
  pasid?: bigint;
  addr?: bigint;
  granule?: bigint;
  count?: bigint;
}

function info(fields: Fields = {}): Uint8Array {
  const { cache = IOTLB, granularity = ADDR, flags = BY_ARCHID | BY_PASID, archid = 17, pasid = 5n } = fields;
  const { addr = 0x334e_e000n, granule = 0x1000n, count = 1n } = fields;
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  bytes[4] = cache;
  bytes[5] = granularity;
  view.setUint32(8, flags, true);
  view.setUint32(12, archid, true);
  view.setBigUint64(16, pasid, true);
  view.setBigUint64(24, addr, true);
  view.setBigUint64(32, granule, true);
  view.setBigUint64(40, count, true);
  return bytes;
}

const invalidate = ({ host }: Rig, bytes: Uint8Array): void =>
  host.invalidate(iommu_cache_invalidate_info.decode(bytes));

const smmuv3 = (): Rig => rig({ supports: SMMUV3_SUPPORTS });
const vtd = (): Rig => rig({ supports: VTD_SUPPORTS });

/** What the driver gets of one call. */
function outcome(r: Rig, fields: Fields): Invalidation | undefined {
  invalidate(r, info(fields));
  return r.domain.invalidations.at(-1);
}

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
