// What the modelled VT-d unit reports: CAP, ECAP and the host address width as one value, presets, named form, legality.
// Source: Intel VT-d Rev 5.10, sections 11.4.2 and 11.4.3. VER always reads 0x10 (1.0). The host address width has no
// register: ACPI gives it (8.1). A field that the model does not implement must read as absent: validateVtdFeatures
// refuses any other value by name, from the table in feature-rules.ts. Not modelled: interrupt remapping and posting,
// execute requests, host permission tables, protected memory, performance monitoring, virtual and enhanced
// commands, domain-ids of fewer than 16 bits. Without effect here: page-walk coherency (C), draining, zero-length reads.
// CM (caching mode) changes no answer: what is not present or wrong is never cached, with CM = 1 it may be (6.1).

import { type CapabilityRegister, FIELD_RULE, FIELD_RULES, type FieldRule } from "./feature-rules.js";
import { BITS, FLAGS, NEEDS, NUMBERS, type VtdFeatureSet } from "./feature-set.js";

/** What software reads to learn what a VT-d unit implements, and the platform's host address width. */
export interface VtdFeatures {
  /** Capability register, 64 bits. */
  cap: bigint;
  /** Extended capability register, 64 bits. */
  ecap: bigint;
  /** Bits of a physical address, 32..52. */
  hostWidth: number;
}

/**
 * Ready-made feature sets: what QEMU's intel-iommu behaves like, by flavour, all that the model implements, and what
 * VtdDriver's machine has by default.
 *
 * Source: Rev 5.10, 11.4.2 and 11.4.3 for the fields.
 */
export const VTD_PRESETS: {
  /** Everything that is modelled but caching mode and the No-Write flag: five levels, 52-bit addresses, page requests, 8 recording registers … */
  readonly full: Readonly<VtdFeatures>;
  /** What the host face offers a guest: both stages of 48 bits and nested, 20-bit PASIDs, A/D flags, page requests. */
  readonly host: Readonly<VtdFeatures>;
  /** Scalable mode with the first stage alone. */
  readonly qemuFirstStage: Readonly<VtdFeatures>;
  /** Scalable mode with the second stage alone. */
  readonly qemuSecondStage: Readonly<VtdFeatures>;
  /** Legacy mode alone. */
  readonly qemuLegacy: Readonly<VtdFeatures>;
} = {
  full: { cap: 0x91ff_078c_2238_0e06n, ecap: 0x0433_ef9c_a600_0fc7n, hostWidth: 52 },
  host: { cap: 0x81d2_078c_222f_0606n, ecap: 0x0433_ef9c_a400_0fc7n, hostWidth: 48 },
  qemuFirstStage: { cap: 0x01d2_008c_222f_0606n, ecap: 0x0003_8998_8000_0f42n, hostWidth: 48 },
  qemuSecondStage: { cap: 0x00d2_008c_222f_0606n, ecap: 0x0003_4998_8000_0f42n, hostWidth: 48 },
  qemuLegacy: { cap: 0x00d2_008c_222f_0606n, ecap: 0x0000_0000_0000_0f42n, hostWidth: 48 },
};

const HOST_BITS_LEAST = 32;
const HOST_BITS_MOST = 52;
/** Bytes of an IVA and IOTLB register pair, and of a fault recording register. */
const IOTLB_BYTES = 16;
const RECORD_BYTES = 16;

/**
 * Refuses capabilities that the model does not implement or that contradict each other.
 *
 * @param features what is to be reported
 * @returns a copy
 * @throws TypeError unless registers are bigint and the width is a number
 * @throws RangeError naming the field that isn't modelled or doesn't fit the others
 *
 * Source: Rev 5.10, 11.4.2 and 11.4.3.
 */
export function validateVtdFeatures(features: VtdFeatures): VtdFeatures {
  checkRegister("cap", features.cap);
  checkRegister("ecap", features.ecap);
  const { cap, ecap, hostWidth } = features;
  if (typeof hostWidth !== "number") {
    throw new TypeError(`"features.hostWidth" expected number, got ${typeof hostWidth}`);
  }
  if (!Number.isInteger(hostWidth) || hostWidth < HOST_BITS_LEAST || hostWidth > HOST_BITS_MOST) {
    const range = `${HOST_BITS_LEAST}..${HOST_BITS_MOST}`;
    throw new RangeError(`"features.hostWidth" expected an integer in ${range}, got ${hostWidth}`);
  }
  checkRelations(features, decodeVtdFeatures(features));
  return { cap, ecap, hostWidth };
}

function checkRegister(register: CapabilityRegister, value: bigint): void {
  if (typeof value !== "bigint") {
    throw new TypeError(`"features.${register}" expected bigint in 0..2^64-1, got ${typeof value}`);
  }
  if (value < 0n || value >> 64n !== 0n) {
    throw new RangeError(`"features.${register}" expected 0..2^64-1, got ${value}`);
  }
  let known = 0n;
  for (const rule of FIELD_RULES) {
    if (rule.register !== register) continue;
    known |= maskOf(rule);
    const got = fieldOf(value, rule);
    if (got < rule.least || got > rule.most) {
      const expected = rule.least === rule.most ? `${rule.least}` : `${rule.least}..${rule.most}`;
      const why = `"features.${register}" field ${rule.name} expected ${expected}`;
      throw new RangeError(`${why} (anything else is not modelled), got ${got}`);
    }
  }
  if ((value & ~known) !== 0n) {
    const got = `0x${(value & ~known).toString(16)}`;
    throw new RangeError(`"features.${register}" expected 0 in reserved bits, got ${got}`);
  }
}

function checkRelations(features: VtdFeatures, f: VtdFeatureSet): void {
  for (const [name, needed] of NEEDS) {
    const missing = f[name] ? needed.find((need) => !f[need]) : undefined;
    if (missing !== undefined) throw new RangeError(`"features" expected ${missing} with ${name}`);
  }
  const recordsEnd = f.faultRecordOffset + RECORD_BYTES * f.faultRecords;
  const rules: readonly (readonly [boolean, string])[] = [
    [(readField(features, "cap.SAGAW") & 1) === 0, "cap.SAGAW with its reserved bits 0"],
    [readField(features, "cap.SSLPS") !== 2, "cap.SSLPS of 0, 1 or 3"],
    [f.guestBits >= f.hostBits, "cap.MGAW of at least hostWidth - 1"],
    [f.scalable || f.pasidBits === 1, "ecap.PSS of 0 without ecap.SMTS"],
    [
      f.iotlbOffset >= recordsEnd || f.iotlbOffset + IOTLB_BYTES <= f.faultRecordOffset,
      "ecap.IRO outside the fault recording registers (cap.FRO, cap.NFR)",
    ],
  ];
  for (const [holds, expected] of rules) {
    if (!holds) throw new RangeError(`"features" expected ${expected}`);
  }
}

/**
 * Names what capability registers report.
 *
 * @param features the registers and the host address width
 * @returns the modelled features by name; fields that are not modelled are left out
 *
 * Source: Rev 5.10, 11.4.2 and 11.4.3.
 */
export function decodeVtdFeatures(features: VtdFeatures): VtdFeatureSet {
  const set: Record<string, boolean | number> = { hostBits: features.hostWidth };
  for (const [name, key] of FLAGS) set[name] = readField(features, key) !== 0;
  for (const [name, key, bit] of BITS) set[name] = ((readField(features, key) >>> bit) & 1) === 1;
  for (const [name, key, scale, base] of NUMBERS) set[name] = readField(features, key) * scale + base;
  return set as unknown as VtdFeatureSet;
}

/**
 * Builds capability registers from named features.
 *
 * @param changes features that differ from the base
 * @param base what to start from, default VTD_PRESETS.full
 * @returns the registers, checked with validateVtdFeatures
 * @throws RangeError when a value does not fit its field or the features contradict each other
 *
 * Source: Rev 5.10, 11.4.2 and 11.4.3.
 */
export function buildVtdFeatures(
  changes: Partial<VtdFeatureSet>,
  base: VtdFeatures = VTD_PRESETS.full,
): VtdFeatures {
  const set = { ...decodeVtdFeatures(base), ...changes };
  const result: VtdFeatures = { ...base, hostWidth: set.hostBits };
  for (const [name, key] of FLAGS) writeField(result, key, name, set[name] ? 1 : 0);
  for (const [name, key, bit] of BITS) {
    const others = readField(result, key) & ~(1 << bit);
    writeField(result, key, name, others | (set[name] ? 1 << bit : 0));
  }
  for (const [name, key, scale, offset] of NUMBERS) {
    writeField(result, key, name, (set[name] - offset) / scale);
  }
  return validateVtdFeatures(result);
}

function maskOf(rule: FieldRule): bigint {
  return ((1n << BigInt(rule.msb - rule.lsb + 1)) - 1n) << BigInt(rule.lsb);
}

function fieldOf(value: bigint, rule: FieldRule): number {
  return Number((value & maskOf(rule)) >> BigInt(rule.lsb));
}

function readField(features: VtdFeatures, key: string): number {
  const rule = FIELD_RULE.get(key)!;
  return fieldOf(features[rule.register], rule);
}

function writeField(features: VtdFeatures, key: string, name: string, field: number): void {
  const rule = FIELD_RULE.get(key)!;
  const most = 2 ** (rule.msb - rule.lsb + 1) - 1;
  if (!Number.isInteger(field) || field < 0 || field > most) {
    throw new RangeError(
      `"${name}" expected a value whose field ${key} is in 0..${most}, got field ${field}`,
    );
  }
  features[rule.register] = (features[rule.register] & ~maskOf(rule)) | (BigInt(field) << BigInt(rule.lsb));
}
