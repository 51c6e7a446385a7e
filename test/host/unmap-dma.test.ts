// UNMAP_DMA behind its argsz and flags: Linux 5.10 vfio_dma_do_unmap, and what versions 1 and 2 of type1 differ in.

import { describe, expect, it } from "vitest";
import { EINVAL, expectRefused, type Rig, rig } from "./rig.js";

const RW = 3;

/** [0x100000, 0x104000), [0x108000, 0x10c000), [0x10c000, 0x10d000). */
function mapped(v2: boolean): Rig {
  const r = rig({ v2, nested: v2 });
  r.host.mapDma(0x2_0000_0000n, 0x10_0000n, 0x4000n, RW);
  r.host.mapDma(0x2_4000_0000n, 0x10_8000n, 0x4000n, RW);
  r.host.mapDma(0x2_8000_0000n, 0x10_c000n, 0x1000n, RW);
  r.domain.calls.length = 0;
  return r;
}

const REFUSALS: [title: string, iova: bigint, size: bigint][] = [
  ["size 0", 0x10_0000n, 0n],
  ["size not whole pages", 0x10_0000n, 0x4800n],
  ["iova not at a page", 0x10_0010n, 0x4000n],
  ["a range that wraps", 0xffff_ffff_ffff_f000n, 0x2000n],
];

const CUTS: [title: string, iova: bigint, size: bigint][] = [
  ["a hole in the middle of a mapping", 0x10_1000n, 0x1000n],
  ["a range that begins inside a mapping", 0x10_1000n, 0x3000n],
  ["a range that ends inside a mapping", 0x10_0000n, 0x9000n],
  ["the first page of a mapping", 0x10_0000n, 0x1000n],
];

describe("UNMAP_DMA refuses", () => {
  it.each(REFUSALS)("%s with -EINVAL in both versions", (_, iova, size) => {
    for (const v2 of [false, true]) {
      const r = mapped(v2);
      expectRefused(r, EINVAL, () => r.host.unmapDma(iova, size));
    }
  });

  it.each(CUTS)("%s with -EINVAL in version 2", (_, iova, size) => {
    const r = mapped(true);
    expectRefused(r, EINVAL, () => r.host.unmapDma(iova, size));
  });
});

const TAKEN: [title: string, v2: boolean, iova: bigint, size: bigint, taken: bigint, calls: string[]][] = [
  ["one mapping", true, 0x10_0000n, 0x4000n, 0x4000n, ["unmap 0x100000 0x4000"]],
  [
    "all that lies inside, neighbours in one go",
    true,
    0xf_0000n,
    0x2_0000n,
    0x9000n,
    ["unmap 0x100000 0x4000", "unmap 0x108000 0x5000"],
  ],
  ["nothing where nothing is", true, 0x10_4000n, 0x4000n, 0n, []],
  ["nothing beyond the aperture", true, 1n << 60n, 0x1000n, 0n, []],
  [
    "everything with the widest range",
    true,
    0n,
    (1n << 64n) - 0x1000n,
    0x9000n,
    ["unmap 0x100000 0x4000", "unmap 0x108000 0x5000"],
  ],
  ["nothing when it begins inside a mapping (version 1, rule 21)", false, 0x10_1000n, 0x3000n, 0n, []],
  ["nothing although it covers others (version 1, rule 21)", false, 0x10_1000n, 0x1_0000n, 0n, []],
  [
    "all of a mapping whose first page it covers (version 1, rule 21)",
    false,
    0x10_0000n,
    0x1000n,
    0x4000n,
    ["unmap 0x100000 0x4000"],
  ],
  [
    "all of the last mapping that it cuts (version 1, rule 21)",
    false,
    0xf_f000n,
    0xa000n,
    0x8000n,
    ["unmap 0x100000 0x4000", "unmap 0x108000 0x4000"],
  ],
];

describe("UNMAP_DMA takes", () => {
  it.each(TAKEN)("%s", (_, v2, iova, size, taken, calls) => {
    const r = mapped(v2);
    expect(r.host.unmapDma(iova, size)).toBe(taken);
    expect(r.domain.calls).toEqual(calls);
  });

  it("ends at 2^64 without wrapping", () => {
    const r = mapped(true);
    expect(r.host.unmapDma(1n << 63n, 1n << 63n)).toBe(0n);
  });

  it("makes room: the same iova can lead elsewhere", () => {
    const r = mapped(true);
    r.host.unmapDma(0x10_0000n, 0x4000n);
    r.host.mapDma(0x7000n, 0x10_1000n, 0x1000n, RW);
    expect(r.domain.pages.get(0x10_1000n)?.[0]).toBe(0x7000n);
  });

  it("65535 neighbours in one call of the driver", () => {
    const r = rig();
    r.domain.keepsPages = false;
    for (let i = 0n; i < 65535n; i++) r.host.mapDma(0n, i * 0x1000n, 0x1000n, RW);
    r.domain.calls.length = 0;
    expect(r.host.unmapDma(0n, 1n << 47n)).toBe(65535n * 0x1000n);
    expect(r.domain.calls).toEqual(["unmap 0x0 0xffff000"]);
  });

  it("no MSI doorbell that lies between two mappings", () => {
    const r = mapped(true);
    r.host.bindMsi(0x800_0000n, 0x10_4000n, 0x1000n);
    r.host.mapDma(0n, 0x10_5000n, 0x3000n, RW);
    r.domain.calls.length = 0;
    expect(r.host.unmapDma(0n, 1n << 40n)).toBe(0xc000n);
    expect(r.domain.calls).toEqual(["unmap 0x100000 0x4000", "unmap 0x105000 0x8000"]);
    expect(r.domain.pages.get(0x10_4000n)).toEqual([0x802_0000n, "-wd"]);
  });
});
