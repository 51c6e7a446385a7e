// Capability registers (Intel VT-d Rev 5.10, 11.4.2, 11.4.3): presets bit by bit, named form, what is refused.

import { describe, expect, it } from "vitest";
import {
  buildVtdFeatures,
  decodeVtdFeatures,
  VTD_PRESETS,
  type VtdFeatures,
  VtdIommu,
  validateVtdFeatures,
} from "../../src/index.js";

/** Fields that the model does not have, as [register, field, bit]. */
const ABSENT: readonly (readonly ["cap" | "ecap", string, number])[] = [
  ["cap", "AFL", 3],
  ["cap", "RWBF", 4],
  ["cap", "PLMR", 5],
  ["cap", "PHMR", 6],
  ["cap", "PI", 59],
  ["cap", "ECMDS", 61],
  ["cap", "ESIRTPS", 62],
  ["ecap", "IR", 3],
  ["ecap", "EIM", 4],
  ["ecap", "MHMV", 20],
  ["ecap", "ERS", 30],
  ["ecap", "VCS", 44],
  ["ecap", "TDXCS", 50],
  ["ecap", "PMS", 51],
  ["ecap", "HPTS", 55],
  ["ecap", "PTRS", 56],
  ["ecap", "SSIRWS", 57],
  ["ecap", "HPT1GPS", 59],
  ["ecap", "RDTS", 60],
  ["ecap", "EIMER", 61],
  ["ecap", "IRREQ", 62],
];

const RESERVED: readonly (readonly ["cap" | "ecap", number])[] = [
  ...[13, 14, 15, 23, 38, 57, 58].map((bit) => ["cap", bit] as const),
  ...[5, 18, 19, 24, 27, 28, 32, 54, 63].map((bit) => ["ecap", bit] as const),
];

function withBit(register: "cap" | "ecap", bit: number): VtdFeatures {
  const features = { ...VTD_PRESETS.full };
  features[register] |= 1n << BigInt(bit);
  return features;
}

describe("capability registers", () => {
  it("has the presets that QEMU's flavours behave like, and a host's", () => {
    expect(VTD_PRESETS.qemuFirstStage).toEqual({
      cap: 0x1d2008c222f0606n,
      ecap: 0x3899880000f42n,
      hostWidth: 48,
    });
    expect(VTD_PRESETS.qemuSecondStage).toEqual({
      cap: 0xd2008c222f0606n,
      ecap: 0x3499880000f42n,
      hostWidth: 48,
    });
    expect(VTD_PRESETS.qemuLegacy).toEqual({ cap: 0xd2008c222f0606n, ecap: 0xf42n, hostWidth: 48 });
    expect(decodeVtdFeatures(VTD_PRESETS.host)).toEqual({
      cachingMode: false,
      secondStage39: true,
      secondStage48: true,
      secondStage57: false,
      guestBits: 48,
      zeroLengthReads: false,
      faultRecordOffset: 0x220,
      secondStage2M: true,
      secondStage1G: true,
      pageSelective: true,
      faultRecords: 8,
      addressMaskMost: 18,
      drainWrites: true,
      drainReads: true,
      firstStage1G: true,
      firstStage5Level: false,
      rootPointerInvalidates: true,
      coherent: true,
      queuedInvalidation: true,
      deviceTlb: true,
      passThrough: true,
      snoopControl: true,
      iotlbOffset: 0xf0,
      memoryTypes: false,
      nested: true,
      pageRequests: true,
      noWriteFlag: false,
      supervisorRequests: true,
      extendedAccessed: true,
      pasidBits: 20,
      pasid: true,
      invalidationThrottle: true,
      pageRequestDrain: true,
      scalable: true,
      secondStageAccessedDirty: true,
      secondStage: true,
      firstStage: true,
      walkCoherency: true,
      ridPasid: true,
      abortMode: true,
      ridPriv: true,
      stopMarkers: true,
      hostBits: 48,
    });
  });

  it("accepts every preset, and powers on with it", () => {
    for (const preset of Object.values(VTD_PRESETS)) {
      expect(validateVtdFeatures(preset)).toEqual(preset);
      expect(new VtdIommu({ features: preset }).features).toEqual(preset);
    }
  });

  it.each(ABSENT)("refuses %s.%s by name", (register, field, bit) => {
    expect(() => validateVtdFeatures(withBit(register, bit))).toThrow(
      new RegExp(`"features.${register}" field ${field} expected 0`),
    );
  });

  it.each(RESERVED)("refuses reserved bit %s[%i]", (register, bit) => {
    expect(() => validateVtdFeatures(withBit(register, bit))).toThrow(
      `"features.${register}" expected 0 in reserved`,
    );
  });

  it("refuses domain-ids of fewer than 16 bits", () => {
    const { cap, ecap, hostWidth } = VTD_PRESETS.full;
    expect(() => validateVtdFeatures({ cap: (cap & ~7n) | 5n, ecap, hostWidth })).toThrow(
      "field ND expected 6",
    );
  });

  it.each([
    [{ cap: 1, ecap: 0n, hostWidth: 48 }, TypeError],
    [{ ...VTD_PRESETS.full, ecap: "0" }, TypeError],
    [{ ...VTD_PRESETS.full, hostWidth: 48n }, TypeError],
    [{ ...VTD_PRESETS.full, hostWidth: 53 }, RangeError],
    [{ ...VTD_PRESETS.full, hostWidth: 31 }, RangeError],
    [{ ...VTD_PRESETS.full, cap: -1n }, RangeError],
    [{ ...VTD_PRESETS.full, ecap: 1n << 64n }, RangeError],
  ])("refuses what is no register value: case %#", (features, error) => {
    expect(() => validateVtdFeatures(features as unknown as VtdFeatures)).toThrow(error);
  });

  it.each([
    [{ queuedInvalidation: false }, "queuedInvalidation with deviceTlb"],
    [
      { deviceTlb: false, pageRequests: false, stopMarkers: false, pageRequestDrain: false },
      "deviceTlb with invalid",
    ],
    [{ secondStage: false }, "secondStage with nested"],
    [{ firstStage: false, nested: false }, "firstStage with firstStage1G"],
    [{ walkCoherency: false, extendedAccessed: false }, "walkCoherency with secondStageAccessedDirty"],
    [{ supervisorRequests: false }, "supervisorRequests with ridPriv"],
    [{ secondStage2M: false }, "secondStage2M with secondStage1G"],
    [{ guestBits: 48 }, "cap.MGAW of at least hostWidth - 1"],
    [{ iotlbOffset: 0x250 }, "ecap.IRO outside the fault recording registers"],
    [{ faultRecordOffset: 0x80 }, "field FRO expected 15..1023"],
  ] as const)("refuses capabilities that contradict each other: case %#", (changes, message) => {
    expect(() => buildVtdFeatures(changes)).toThrow(message);
  });

  it("builds registers from names and reads them back", () => {
    const changes = {
      guestBits: 48,
      hostBits: 39,
      pasidBits: 8,
      faultRecords: 256,
      secondStage57: false,
    } as const;
    const features = buildVtdFeatures(changes);
    expect(decodeVtdFeatures(features)).toMatchObject(changes);
    expect(features.hostWidth).toBe(39);
    expect((features.cap >> 16n) & 0x3fn).toBe(47n);
    expect((features.cap >> 40n) & 0xffn).toBe(255n);
    expect((features.ecap >> 35n) & 0x1fn).toBe(7n);
    expect(buildVtdFeatures({}, features)).toEqual(features);
  });

  it("refuses a number that its field cannot hold", () => {
    expect(() => buildVtdFeatures({ guestBits: 65 })).toThrow('"guestBits"');
    expect(() => buildVtdFeatures({ faultRecordOffset: 0x221 })).toThrow('"faultRecordOffset"');
    expect(() => buildVtdFeatures({ faultRecords: 0 })).toThrow('"faultRecords"');
  });

  it("keeps its own copy", () => {
    const features = { ...VTD_PRESETS.host };
    const vtd = new VtdIommu({ features });
    features.cap = 0n;
    vtd.features.ecap = 0n;
    expect(vtd.features).toEqual(VTD_PRESETS.host);
  });
});
