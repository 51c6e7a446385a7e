// Which invalidation descriptors a guest's CACHE_INVALIDATE becomes, bit by bit from Intel VT-d Rev 5.10, 6.5.2.

import { describe, expect, it } from "vitest";
import type { Invalidation, IommuDomain } from "../../src/contract/driver.js";
import { blocksOf } from "../../src/vtd/driver/blocks.js";
import { iotlbOfDomain, pasidCache, pasidCacheOfDomain, pasidIotlb, pasidPages } from "./descriptor-words.js";
import { bindingOf, boot, invalidation } from "./guest.js";
import { Rig } from "./rig.js";

describe("a guest's invalidation sends", () => {
  let rig: Rig;
  let domain: IommuDomain;
  const asked = (request: Partial<Invalidation>) => rig.sent(() => domain.invalidate(invalidation(request)));

  function bind(...pasids: number[]): void {
    rig = new Rig();
    const guest = boot(rig, 8);
    domain = guest.domain;
    for (const pasid of pasids) domain.bindGpasid(guest.devices[0]!, bindingOf(pasid, guest.vm.table()));
  }

  it("nothing while nothing is bound, and for a PASID that is not", () => {
    bind();
    expect(asked({ iotlb: true, pasidCache: true })).toEqual([]);
    bind(5);
    expect(asked({ iotlb: true, pasidCache: true, granularity: "pasid", pasid: 6 })).toEqual([]);
    expect(asked({ iotlb: true, granularity: "address", pasid: 0, size: 0x1000n })).toEqual([]);
  });

  it("PASID-based IOTLB for each PASID bound at DOMAIN, the second stage stays", () => {
    bind(5, 6);
    expect(asked({ iotlb: true })).toEqual([pasidIotlb(1, 5), pasidIotlb(1, 6)]);
  });

  it("that for one PASID at PASID", () => {
    bind(5, 6);
    expect(asked({ iotlb: true, granularity: "pasid", pasid: 6 })).toEqual([pasidIotlb(1, 6)]);
  });

  it("blocks at ADDR, of one PASID or of all, IH for leaves", () => {
    bind(5, 6);
    const address = 0x7fff_1234_5000n;
    const range = { iotlb: true, granularity: "address", address, size: 0x1000n } as const;
    expect(asked({ ...range, pasid: 5 })).toEqual([pasidPages(1, 5, address, 0)]);
    expect(asked({ ...range, pasid: 5, leaf: true })).toEqual([pasidPages(1, 5, address, 0, 1n)]);
    expect(asked(range)).toEqual([pasidPages(1, 5, address, 0), pasidPages(1, 6, address, 0)]);
    expect(asked({ ...range, pasid: 5, size: 0x3000n })).toEqual([
      pasidPages(1, 5, address, 0),
      pasidPages(1, 5, address + 0x1000n, 1),
    ]);
    expect(asked({ ...range, pasid: 6, address: 1n << 63n, size: 1n << 63n })).toEqual([
      pasidPages(1, 6, 1n << 63n, 51),
    ]);
    expect(asked({ ...range, pasid: 6, address: 0n, size: 1n << 64n })).toEqual([pasidPages(1, 6, 0n, 52)]);
    // bytes, not pages
    expect(asked({ ...range, pasid: 5, address: address + 0x800n, size: 0x1000n })).toEqual([
      pasidPages(1, 5, address, 0),
      pasidPages(1, 5, address + 0x1000n, 0),
    ]);
  });

  it("whole PASIDs where blocks would be too many, the domain where PASIDs would be", () => {
    bind(5);
    const awkward = {
      iotlb: true,
      granularity: "address",
      address: 0x1000n,
      size: (1n << 64n) - 0x2000n,
    } as const;
    expect(asked({ ...awkward, pasid: 5 })).toEqual([pasidIotlb(1, 5)]);
    const many = Array.from({ length: 65 }, (_, n) => n + 1);
    bind(...many.slice(0, 64));
    expect(asked({ iotlb: true })).toEqual(many.slice(0, 64).map((pasid) => pasidIotlb(1, pasid)));
    expect(asked({ iotlb: true, granularity: "address", address: 0n, size: 0x1000n })).toHaveLength(64);
    expect(asked({ iotlb: true, granularity: "address", address: 0n, size: 0x3000n })).toEqual(
      many.slice(0, 64).map((pasid) => pasidIotlb(1, pasid)),
    );
    bind(...many);
    expect(asked({ iotlb: true })).toEqual([iotlbOfDomain(1)]);
    expect(asked({ iotlb: true, granularity: "pasid", pasid: 65 })).toEqual([pasidIotlb(1, 65)]);
  });

  it("PASID-cache before IOTLB (6.5.2.12)", () => {
    bind(5, 6);
    expect(asked({ iotlb: true, pasidCache: true })).toEqual([
      pasidCacheOfDomain(1),
      pasidIotlb(1, 5),
      pasidIotlb(1, 6),
    ]);
    expect(asked({ iotlb: true, pasidCache: true, granularity: "pasid", pasid: 5 })).toEqual([
      pasidCache(1, 5),
      pasidIotlb(1, 5),
    ]);
    expect(asked({ pasidCache: true, granularity: "pasid", pasid: 5 })).toEqual([pasidCache(1, 5)]);
  });
});

describe("blocks", () => {
  it("cover ranges page for page, aligned, in order, none twice", () => {
    let seed = 815;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let round = 0; round < 2000; round++) {
      const first = BigInt(next(2 ** 20)) * BigInt(next(2 ** 20));
      const size = BigInt(1 + next(2 ** next(30)));
      const largest = 12 + next(19);
      const blocks = blocksOf(first, first + size, largest, 2 ** 20)!;
      let expected = first & -4096n;
      for (const { address, lg2 } of blocks) {
        if (address !== expected || address % (1n << BigInt(lg2)) !== 0n || lg2 > largest) {
          expect.fail(`seed 815, round ${round}`);
        }
        expected = address + (1n << BigInt(lg2));
      }
      expect(expected).toBe((first + size + 4095n) & -4096n);
      expect(blocksOf(first, first + size, largest, blocks.length)).toEqual(blocks);
      expect(blocksOf(first, first + size, largest, blocks.length - 1)).toBeUndefined();
    }
  });

  it("may be the whole address space, and end at its end", () => {
    expect(blocksOf(0n, 1n << 64n, 64, 1)).toEqual([{ address: 0n, lg2: 64 }]);
    expect(blocksOf((1n << 64n) - 1n, 1n << 64n, 64, 1)).toEqual([{ address: (1n << 64n) - 4096n, lg2: 12 }]);
    expect(blocksOf(0n, 1n << 64n, 30, 64)).toBeUndefined();
  });
});
