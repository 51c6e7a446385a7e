// `onInvalidation`: what a machine tells of the invalidations of translations that reach its caches (docs/capabilities.md, Caches).

import { describe, expect, it } from "vitest";
import { commands, SmmuV3, type TranslationInvalidation, VtdIommu } from "../../src/index.js";

const ALL = { stage1: true, stage2: true, vmid: -1, asid: -1, range: undefined };

describe("onInvalidation", () => {
  it("tells stages, VMID, ASID, addresses and leaf size of TLBI commands, and nothing of others (SMMUv3 4.4)", () => {
    const told: TranslationInvalidation[] = [];
    const smmu = new SmmuV3({ onInvalidation: (one) => told.push(one) });
    const issue = (low: bigint, high = 0n): void => {
      const words = new Uint32Array(new BigUint64Array([low, high]).buffer);
      expect(smmu.issue(words)).toBe(0);
    };
    const tags = (7n << 32n) | (9n << 48n); // VMID 7, ASID 9
    issue(BigInt(commands.CMD_TLBI_NSNH_ALL));
    issue(BigInt(commands.CMD_TLBI_NH_ASID) | tags);
    issue(BigInt(commands.CMD_TLBI_S12_VMALL) | tags);
    // NUM 3 and SCALE 1: (3 + 1) * 2^1 pages of 4 KiB (TG 1), of level 3 (TTL 3), Leaf.
    issue(BigInt(commands.CMD_TLBI_NH_VA) | tags | (3n << 12n) | (1n << 20n), 0x1234_5000n | 0x701n);
    issue(BigInt(commands.CMD_TLBI_S2_IPA) | tags, 0x8000_0000n);
    issue(BigInt(commands.CMD_SYNC));
    expect(told).toEqual([
      ALL,
      { ...ALL, stage2: false, vmid: 7, asid: 9 },
      { ...ALL, vmid: 7 },
      {
        ...{ stage1: true, stage2: false, vmid: 7, asid: 9 },
        range: { first: 0x1234_5000n, last: 0x1234_cfffn, leafOnly: true, leafLg2: 12 },
      },
      {
        ...{ stage1: false, stage2: true, vmid: 7, asid: -1 },
        range: { first: 0x8000_0000n, last: 0x8000_0fffn, leafOnly: false, leafLg2: 0 },
      },
    ]);
  });

  it("tells domain-id and PASID of VT-d's descriptors (Rev 5.10, 6.5.2.3, 6.5.2.4)", () => {
    const told: TranslationInvalidation[] = [];
    const vtd = new VtdIommu({ onInvalidation: (one) => told.push(one) });
    const issue = (low: bigint, high = 0n): void => {
      const words = new Uint32Array(new BigUint64Array([low, high]).buffer);
      expect(vtd.issue(words)).toBe(0);
    };
    const did = 5n << 16n;
    issue(0x2n | (1n << 4n)); // IOTLB, global
    issue(0x2n | (2n << 4n) | did); // IOTLB, domain
    issue(0x2n | (3n << 4n) | did, 0x4000_0000n | 1n); // IOTLB, two pages: AM 1
    expect(told).toEqual([
      ALL,
      { ...ALL, vmid: 5 },
      { ...ALL, stage2: false, vmid: 5 },
      {
        ...{ stage1: false, stage2: true, vmid: 5, asid: -1 },
        range: { first: 0x4000_0000n, last: 0x4000_1fffn, leafOnly: false, leafLg2: 0 },
      },
    ]);
  });
});
