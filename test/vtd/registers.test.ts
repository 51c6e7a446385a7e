// The register set (Intel VT-d Rev 5.10, 11.2 to 11.4), by hand: offsets, reset values, what each bit takes.

import { describe, expect, it } from "vitest";
import { VTD_PRESETS, VtdIommu } from "../../src/index.js";
import { full, REG, Rig } from "./rig.js";

/** Registers of 32 bits that a write of all ones changes: the value after a reset, and after that write. */
const WORDS: readonly (readonly [name: string, offset: number, reset: number, ones: number])[] = [
  ["VER", REG.VER, 0x10, 0x10],
  ["GCMD", REG.GCMD, 0, 0],
  ["RTADDR", REG.RTADDR, 0, 0xffff_fc00],
  ["RTADDR high", REG.RTADDR + 4, 0, 0xffff_ffff],
  ["FSTS", REG.FSTS, 0, 0],
  ["FECTL", REG.FECTL, 0x8000_0000, 0x8000_0000],
  ["FEDATA", REG.FEDATA, 0, 0xffff],
  ["FEADDR", REG.FEADDR, 0, 0xffff_fffc],
  ["FEUADDR", REG.FEUADDR, 0, 0xffff_ffff],
  ["IQH", REG.IQH, 0, 0],
  ["IQT", REG.IQT, 0, 0x7_fff0],
  ["IQT high", REG.IQT + 4, 0, 0],
  ["IQA", REG.IQA, 0, 0xffff_f807],
  ["IQA high", REG.IQA + 4, 0, 0xffff_ffff],
  ["ICS", REG.ICS, 0, 0],
  ["IECTL", REG.IECTL, 0x8000_0000, 0x8000_0000],
  ["IEDATA", REG.IEDATA, 0, 0xffff],
  ["IEADDR", REG.IEADDR, 0, 0xffff_fffc],
  ["IEUADDR", REG.IEUADDR, 0, 0xffff_ffff],
  ["IQERCD", REG.IQERCD, 0, 0],
  ["PQH", REG.PQH, 0, 0x7_ffe0],
  ["PQT", REG.PQT, 0, 0x7_ffe0],
  ["PQA", REG.PQA, 0, 0xffff_f007],
  ["PQA high", REG.PQA + 4, 0, 0xffff_ffff],
  ["PRS", REG.PRS, 0, 0],
  ["PECTL", REG.PECTL, 0x8000_0000, 0x8000_0000],
  ["PEDATA", REG.PEDATA, 0, 0xffff],
  ["PEADDR", REG.PEADDR, 0, 0xffff_fffc],
  ["PEUADDR", REG.PEUADDR, 0, 0xffff_ffff],
  ["FRCD[0]", REG.FRCD, 0, 0],
  ["FRCD[0] top", REG.FRCD + 12, 0, 0],
];

describe("registers", () => {
  it.each(WORDS)(
    "%s at 0x%s reads its reset value and takes exactly its writable bits",
    (_, offset, reset, ones) => {
      const { vtd } = new Rig();
      expect(vtd.read32(offset)).toBe(reset);
      vtd.write32(offset, 0xffff_ffff);
      expect(vtd.read32(offset)).toBe(ones);
      vtd.write32(offset, 0);
      expect(vtd.read32(offset)).toBe(offset === REG.VER ? 0x10 : 0);
    },
  );

  it("reports CAP and ECAP as configured, read-only", () => {
    const { vtd } = new Rig({ features: VTD_PRESETS.qemuFirstStage });
    vtd.write64(REG.CAP, 0n);
    vtd.write64(REG.ECAP, 0xffff_ffff_ffff_ffffn);
    expect(vtd.read64(REG.CAP)).toBe(0x01d2_008c_222f_0606n);
    expect(vtd.read64(REG.ECAP)).toBe(0x0003_8998_8000_0f42n);
    expect(vtd.read32(REG.CAP + 4)).toBe(0x01d2_008c);
  });

  it("splits a 64-bit write into the low and then the high word (11.2)", () => {
    const { vtd } = new Rig();
    vtd.write64(REG.RTADDR, 0x1234_5678_9abc_d400n);
    expect([vtd.read32(REG.RTADDR), vtd.read32(REG.RTADDR + 4)]).toEqual([0x9abc_d400, 0x1234_5678]);
    expect(vtd.read64(REG.RTADDR)).toBe(0x1234_5678_9abc_d400n);
  });

  it.each([0x4, 0x30, 0x48, 0x64, 0xb8, 0x100, 0x300, 0xe00, 0x1000, 0x7ffc])(
    "ignores writes to and reads 0 from offset 0x%i, where nothing is",
    (offset) => {
      const { vtd } = new Rig();
      vtd.write32(offset, 0xffff_ffff);
      expect(vtd.read32(offset)).toBe(0);
    },
  );

  it("places the IOTLB registers at 16 x ECAP.IRO and the recording registers at 16 x CAP.FRO", () => {
    const features = { ...full(), cap: (full().cap & ~(0x3ffn << 24n)) | (0x40n << 24n) };
    features.ecap = (features.ecap & ~(0x3ffn << 8n)) | (0x80n << 8n);
    const { vtd } = new Rig({ features });
    vtd.write64(0x800, 0xffff_ffff_ffff_ffffn);
    expect(vtd.read64(0x800)).toBe(0xffff_ffff_ffff_f07fn);
    vtd.write64(REG.IVA, 0xffff_ffff_ffff_ffffn);
    expect(vtd.read64(REG.IVA)).toBe(0n);
    vtd.write64(REG.RTADDR, 0x1800n);
    vtd.write32(REG.GCMD, 0x4000_0000);
    vtd.write32(REG.GCMD, 0x8000_0000);
    vtd.translate({ stream: 8, iova: 0x5000n });
    expect(vtd.read64(0x400)).toBe(0x5000n);
    expect(vtd.read64(REG.FRCD)).toBe(0n);
  });

  it("has no invalidation queue registers without ECAP.QI, no page request registers without PRS", () => {
    const { vtd } = new Rig({ features: { cap: VTD_PRESETS.qemuLegacy.cap, ecap: 0xf40n, hostWidth: 48 } });
    for (const offset of [REG.IQT, REG.IQA, REG.ICS, REG.IECTL, REG.PQH, REG.PQA, REG.PRS, REG.PECTL]) {
      vtd.write32(offset, 0xffff_ffff);
      expect(vtd.read32(offset)).toBe(0);
    }
    vtd.write32(REG.GCMD, 0x0400_0000);
    expect(vtd.read32(REG.GSTS)).toBe(0);
  });

  it.each([
    [-4, RangeError],
    [2, RangeError],
    [0x8000, RangeError],
    [1.5, RangeError],
    ["0", TypeError],
  ])("refuses offset %s", (offset, error) => {
    const { vtd } = new Rig();
    expect(() => vtd.read32(offset as number)).toThrow(error);
    expect(() => vtd.write32(offset as number, 0)).toThrow(error);
    expect(() => vtd.read64(offset as number)).toThrow(error);
    expect(() => vtd.write64(offset as number, 0n)).toThrow(error);
  });

  it.each([
    [-1, RangeError],
    [2 ** 32, RangeError],
    [1n, TypeError],
  ])("refuses to write %s as 32 bits", (value, error) => {
    expect(() => new VtdIommu().write32(REG.FECTL, value as number)).toThrow(error);
  });

  it.each([
    [-1n, RangeError],
    [1n << 64n, RangeError],
    [1, TypeError],
  ])("refuses to write %s as 64 bits", (value, error) => {
    expect(() => new VtdIommu().write64(REG.RTADDR, value as bigint)).toThrow(error);
  });
});
