// What a device TLB keeps and forgets: entries with sizes of their own, and invalidations (PCIe ATS as IHI 0070 4.5.1 and
// VT-d Rev 5.10 4.1, 4.2 describe it).

import { describe, expect, it } from "vitest";
import type { AtcInvalidation, DeviceTlb } from "../../src/index.js";
import { all, IOVA, page, rig } from "./device-tlb-rig.js";
import { granted } from "./fake-iommu.js";

describe("entries with sizes of their own", () => {
  it("one answer serves its whole range, and nothing beyond", () => {
    const { iommu, tlb } = rig();
    iommu.complete = ({ iova }) => granted("r", (iova & ~0x1f_ffffn) + 0x4000_0000n, 21);
    expect(tlb.translate({ iova: 0x20_0000n + IOVA }).pa).toBe(0x4020_0000n + IOVA);
    expect(tlb.translate({ iova: 0x20_0000n })).toMatchObject({ pa: 0x4020_0000n, source: "device-tlb" });
    expect(tlb.translate({ iova: 0x3f_ffffn })).toMatchObject({ pa: 0x403f_ffffn, source: "device-tlb" });
    expect(tlb.translate({ iova: 0x40_0000n }).source).toBe("translation-request");
    expect(tlb.translate({ iova: 0x1f_ffffn }).source).toBe("translation-request");
  });

  it.each([
    [[16], 16],
    [[12, 16, 30], 16],
    [[21], 21],
    [[], 12],
  ])("an answer of 2 MiB with page sizes %j is kept as 2^%i bytes around the address", (pageSizes, lg2) => {
    const { iommu, tlb } = rig({ pageSizes });
    iommu.complete = ({ iova }) => granted("r", (iova & ~0x1f_ffffn) + 0x4000_0000n, 21);
    const iova = 0x31_2345n;
    expect(tlb.translate({ iova }).pa).toBe(0x4031_2345n);
    const first = (iova >> BigInt(lg2)) << BigInt(lg2);
    const last = first + 2n ** BigInt(lg2) - 1n;
    expect(tlb.translate({ iova: first })).toMatchObject({ pa: 0x4000_0000n + first, source: "device-tlb" });
    expect(tlb.translate({ iova: last })).toMatchObject({ pa: 0x4000_0000n + last, source: "device-tlb" });
    expect(tlb.translate({ iova: last + 1n }).source).toBe("translation-request");
  });

  it("the widest addresses are exact", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => granted("r", 0xf_ffff_ffff_f000n);
    const iova = 0xffff_ffff_ffff_ffffn;
    expect(tlb.translate({ iova }).pa).toBe(0xf_ffff_ffff_ffffn);
    expect(tlb.translate({ iova })).toMatchObject({ pa: 0xf_ffff_ffff_ffffn, source: "device-tlb" });
    expect(tlb.invalidate(page(0xffff_ffff_ffff_f000n))).toBe("completed");
    expect(tlb.translate({ iova }).source).toBe("translation-request");
    // All of the address space in one entry.
    iommu.complete = () => granted("r", 0n, 64);
    tlb.translate({ iova: 0x1000n });
    expect(tlb.translate({ iova: 2n ** 52n - 1n })).toMatchObject({
      pa: 2n ** 52n - 1n,
      source: "device-tlb",
    });
  });

  it("a new answer takes the place of those that it covers, or lies in", () => {
    const { iommu, tlb } = rig();
    let size = 12;
    iommu.complete = ({ iova, write }) => {
      const mask = 2n ** BigInt(size) - 1n;
      return granted(write ? "rw" : "r", (iova & ~mask) + 2n ** 40n * BigInt(size), size);
    };
    tlb.translate({ iova: 0x20_1000n });
    size = 21;
    tlb.translate({ iova: 0x20_0000n });
    expect(tlb.translate({ iova: 0x20_1000n }).pa).toBe(2n ** 40n * 21n + 0x20_1000n);
    size = 12;
    tlb.translate({ iova: 0x20_3000n, write: true });
    expect(tlb.translate({ iova: 0x20_3000n })).toMatchObject({
      pa: 2n ** 40n * 12n + 0x20_3000n,
      source: "device-tlb",
    });
    expect(tlb.translate({ iova: 0x20_0000n }).source).toBe("translation-request");
  });
});

describe("invalidations", () => {
  const fill = (tlb: DeviceTlb): void => {
    for (const iova of [0x1000n, 0x2000n]) for (const kind of KINDS) tlb.translate({ iova, ...kind });
  };
  const KINDS = [{}, { pasid: 0 }, { pasid: 1 }, { pasid: 1, privileged: true }];
  const NAMES = ["-", "0", "1", "1p"];
  const held = (tlb: DeviceTlb): string[] => {
    const found: string[] = [];
    for (const iova of [0x1000n, 0x2000n]) {
      for (const [n, kind] of KINDS.entries()) {
        const before = tlb.counters().hits;
        tlb.translate({ iova, ...kind });
        if (tlb.counters().hits > before) found.push(`${iova >> 12n}/${NAMES[n]}`);
      }
    }
    return found;
  };
  const EVERYTHING = ["1/-", "1/0", "1/1", "1/1p", "2/-", "2/0", "2/1", "2/1p"];
  const without = (...gone: string[]): string[] => EVERYTHING.filter((one) => !gone.includes(one));

  it.each<[string, AtcInvalidation, string[], number]>([
    ["a page, without a PASID", page(0x1000n), without("1/-"), 1],
    ["a page of one PASID, both modes", page(0x1000n, { pasid: 1 }), without("1/1", "1/1p"), 2],
    ["a page of every PASID", page(0x1000n, { pasid: 0, global: true }), without("1/0", "1/1", "1/1p"), 3],
    ["two pages, without a PASID", { ...all, sizeLg2: 14 }, without("1/-", "2/-"), 2],
    ["everything without a PASID", all, without("1/-", "2/-"), 2],
    ["everything of every PASID", { ...all, pasid: 7, global: true }, ["1/-", "2/-"], 6],
    ["a page that is not there", page(0x9000n), EVERYTHING, 0],
  ])("%s", (_, invalidation, left, dropped) => {
    const { tlb } = rig();
    fill(tlb);
    expect(tlb.invalidate(invalidation)).toBe("completed");
    expect(tlb.counters()).toMatchObject({ invalidations: 1, invalidatedEntries: dropped });
    expect(held(tlb)).toEqual(left);
  });

  it("of any page of a large entry drops all of it", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => granted("r", 0x4000_0000n, 21);
    tlb.translate({ iova: 0n });
    expect(tlb.invalidate(page(0x1f_f000n))).toBe("completed");
    expect(tlb.translate({ iova: 0n }).source).toBe("translation-request");
  });

  it("for another stream, or a PASID that it cannot have, are Unsupported Requests", () => {
    const { tlb } = rig({ pasidBits: 4 });
    tlb.translate({ iova: IOVA });
    expect(tlb.invalidate({ ...all, stream: 9 })).toBe("unsupported");
    expect(tlb.invalidate({ ...all, pasid: 16 })).toBe("unsupported");
    expect(tlb.translate({ iova: IOVA }).source).toBe("device-tlb");
  });

  it("are neither carried out nor answered while it is not connected", () => {
    const { tlb } = rig();
    tlb.translate({ iova: IOVA });
    tlb.connected = false;
    expect(tlb.invalidate(all)).toBe("timed-out");
    expect(tlb.translate({ iova: IOVA }).source).toBe("device-tlb");
    tlb.connected = true;
    expect(tlb.invalidate(all)).toBe("completed");
    expect(tlb.translate({ iova: IOVA }).source).toBe("translation-request");
  });

  it("`clear` drops everything, as a reset of the function does", () => {
    const { tlb } = rig();
    fill(tlb);
    tlb.clear();
    expect(held(tlb)).toEqual([]);
  });

  it("that overtake a completion make it void: nothing is kept, and the access goes untranslated", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => {
      tlb.invalidate(page(0x7000n));
      return granted("r", 0x9_0000n);
    };
    for (const untranslated of [1, 2]) {
      expect(tlb.translate({ iova: IOVA })).toMatchObject({ ok: true, source: "untranslated", pa: IOVA });
      expect(tlb.counters()).toMatchObject({ untranslated, granted: untranslated, hits: 0 });
    }
  });
});
