// What the modelled SMMU advertises: IDR0, IDR1, IDR3, IDR5 as one value, presets, named form, legality.
// Source: Arm IHI 0070 G.b, sections 6.3.1 to 6.3.6. AIDR always reads 1 (SMMUv3.1).
// A field that the model does not implement must read as absent: validateFeatures refuses any other value
// by name, from the table in feature-rules.ts. Not modelled: AArch32 and 128-bit tables, big-endian tables,
// EL2 stream worlds, ATOS, MPAM, DPT, permission indirection, FWB, PBHA, RME, HAFT.

import { fieldMask, registerField } from "../machine/bit-fields.js";
import { FIELD_RULE, FIELD_RULES } from "./feature-rules.js";
import { type FeatureSet, FLAGS, NUMBERS } from "./feature-set.js";

/** The ID registers of an SMMUv3 that software reads to learn what is implemented. */
export interface SmmuFeatures {
  /** IDR0, 32 bits. */
  idr0: number;
  /** IDR1, 32 bits. */
  idr1: number;
  /** IDR3, 32 bits. */
  idr3: number;
  /** IDR5, 32 bits. */
  idr5: number;
}

/**
 * Ready-made feature sets: what QEMU's SMMUv3 advertises, by stage, all that the model implements,
 * and what SmmuV3Driver's machine has by default.
 *
 * Source: IHI 0070 6.3.1 to 6.3.6 for the fields.
 */
export const SMMUV3_PRESETS: {
  /** Stage 1 and stage 2, 44-bit addresses, no substreams. */
  readonly qemuNested: Readonly<SmmuFeatures>;
  /** Stage 1 only, otherwise as qemuNested. */
  readonly qemuStage1: Readonly<SmmuFeatures>;
  /** Stage 2 only, otherwise as qemuNested. */
  readonly qemuStage2: Readonly<SmmuFeatures>;
  /** Everything that is modelled but ATS, PRI, MSI and SEV: 52-bit addresses, 20-bit substreams, hardware update of AF and dirty state, stalls … */
  readonly full: Readonly<SmmuFeatures>;
  /** For the host face: both stages, 48-bit addresses, 20-bit substreams, ATS, PRI; no HTTU, no small tables. */
  readonly host: Readonly<SmmuFeatures>;
} = {
  qemuNested: { idr0: 0xd44101b, idr1: 0x2730010, idr3: 0x1414, idr5: 0x74 },
  qemuStage1: { idr0: 0xd44101a, idr1: 0x2730010, idr3: 0x1404, idr5: 0x74 },
  qemuStage2: { idr0: 0xd441019, idr1: 0x2730010, idr3: 0x1414, idr5: 0x74 },
  full: { idr0: 0x84c109b, idr1: 0x6730520, idr3: 0x23614, idr5: 0x40004f6 },
  host: { idr0: 0x94d141b, idr1: 0x6739d20, idr3: 0x23414, idr5: 0x75 },
};

const OUTPUT_BITS: readonly number[] = [32, 36, 40, 42, 44, 48, 52];

/**
 * Refuses features that the model does not implement or that contradict each other.
 *
 * @param features the ID registers to advertise
 * @returns a copy with the four registers as unsigned numbers
 * @throws TypeError unless every register is a number
 * @throws RangeError naming the field that isn't modelled or doesn't fit the others
 *
 * Source: IHI 0070 6.3.1 to 6.3.6.
 */
export function validateFeatures(features: SmmuFeatures): SmmuFeatures {
  for (const register of ["idr0", "idr1", "idr3", "idr5"] as const) {
    const value = features[register];
    if (typeof value !== "number") {
      throw new TypeError(`"features.${register}" expected number in 0..2^32-1, got ${typeof value}`);
    }
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new RangeError(`"features.${register}" expected integer in 0..2^32-1, got ${value}`);
    }
    let known = 0;
    for (const rule of FIELD_RULES) {
      if (rule.register !== register) continue;
      known |= fieldMask(rule.msb, rule.lsb);
      const got = registerField(value, rule.msb, rule.lsb);
      const least = rule.least;
      if (got < least || got > rule.most) {
        const expected = least === rule.most ? `${least}` : `${least}..${rule.most}`;
        const why = `"features.${register}" field ${rule.name} expected ${expected}`;
        throw new RangeError(`${why} (anything else is not modelled), got ${got}`);
      }
    }
    const reserved = (value & ~known) >>> 0;
    if (reserved !== 0) {
      const got = `0x${reserved.toString(16)}`;
      throw new RangeError(`"features.${register}" expected 0 in reserved bits, got ${got}`);
    }
  }
  const f = decodeFeatures(features);
  const rules: readonly (readonly [boolean, string])[] = [
    [f.stage1 || f.stage2, "idr0.S1P or idr0.S2P to be 1"],
    [f.ats || !f.pri, "idr0.ATS to be 1 with idr0.PRI"],
    [f.ats || !f.atsErrors, "idr0.ATS to be 1 with idr0.ATSRECERR"],
    [(f.ats && f.stage1 && f.stage2) || !f.noSplitStageAts, "idr0.ATS, S1P and S2P to be 1 with idr0.NS1ATS"],
    [f.stallModel !== 1 || f.mostStalls === 0, "idr5.STALL_MAX to be 0 with idr0.STALL_MODEL of 1"],
    [f.stallModel === 1 || f.mostStalls > 0, "idr5.STALL_MAX of 1 or more with idr0.STALL_MODEL of 0 or 2"],
    [f.stallModel !== 2 || !f.ats, "idr0.ATS to be 0 with idr0.STALL_MODEL of 2"],
    [f.granule4k || f.granule16k || f.granule64k, "at least one of idr5.GRAN4K, GRAN16K, GRAN64K"],
    [!f.ds || f.granule4k || f.granule16k, "idr5.GRAN4K or GRAN16K with idr5.DS"],
    [!f.ds || f.virtualBits === 52, "idr5.VAX to be 1 with idr5.DS"],
    [f.outputBits < 52 || f.granule64k || f.ds, "idr5.GRAN64K or DS with idr5.OAS of 52 bits"],
    [f.virtualBits < 52 || f.granule64k || f.ds, "idr5.GRAN64K or DS with idr5.VAX of 52 bits"],
    [f.streamIdBits < 7 || f.twoLevelStreamTable, "idr0.ST_LEVEL to be 1 with idr1.SIDSIZE of 7 or more"],
  ];
  for (const [holds, expected] of rules) {
    if (!holds) throw new RangeError(`"features" expected ${expected}`);
  }
  return {
    idr0: features.idr0 >>> 0,
    idr1: features.idr1 >>> 0,
    idr3: features.idr3 >>> 0,
    idr5: features.idr5 >>> 0,
  };
}

/**
 * Names what ID registers advertise.
 *
 * @param features the ID registers
 * @returns the modelled features by name; fields that are not modelled are left out
 *
 * Source: IHI 0070 6.3.1 to 6.3.6.
 */
export function decodeFeatures(features: SmmuFeatures): FeatureSet {
  const set: Record<string, boolean | number> = {};
  for (const [name, key] of FLAGS) set[name] = readField(features, key) !== 0;
  for (const [name, key] of NUMBERS) set[name] = readField(features, key);
  const httu = readField(features, "idr0.HTTU");
  set.accessFlagUpdate = httu >= 1;
  set.dirtyStateUpdate = httu >= 2;
  set.outputBits = OUTPUT_BITS[readField(features, "idr5.OAS")] ?? 52;
  set.virtualBits = readField(features, "idr5.VAX") === 0 ? 48 : 52;
  return set as unknown as FeatureSet;
}

/**
 * Builds ID registers from named features.
 *
 * @param changes features that differ from the base
 * @param base ID registers to start from, default SMMUV3_PRESETS.full
 * @returns the ID registers, checked with validateFeatures
 * @throws RangeError when a value does not fit its field or the features contradict each other
 *
 * Source: IHI 0070 6.3.1 to 6.3.6.
 */
export function buildFeatures(
  changes: Partial<FeatureSet>,
  base: SmmuFeatures = SMMUV3_PRESETS.full,
): SmmuFeatures {
  const set = { ...decodeFeatures(base), ...changes };
  const result: SmmuFeatures = { ...base };
  for (const [name, key] of FLAGS) writeField(result, key, name, set[name] ? 1 : 0);
  for (const [name, key] of NUMBERS) writeField(result, key, name, set[name]);
  const oas = OUTPUT_BITS.indexOf(set.outputBits);
  if (oas < 0) {
    throw new RangeError(`"outputBits" expected one of ${OUTPUT_BITS.join(", ")}, got ${set.outputBits}`);
  }
  if (set.virtualBits !== 48 && set.virtualBits !== 52) {
    throw new RangeError(`"virtualBits" expected 48 or 52, got ${set.virtualBits}`);
  }
  writeField(
    result,
    "idr0.HTTU",
    "dirtyStateUpdate",
    set.dirtyStateUpdate ? 2 : set.accessFlagUpdate ? 1 : 0,
  );
  writeField(result, "idr5.OAS", "outputBits", oas);
  writeField(result, "idr5.VAX", "virtualBits", set.virtualBits === 52 ? 1 : 0);
  return validateFeatures(result);
}

function readField(features: SmmuFeatures, key: string): number {
  const rule = FIELD_RULE.get(key)!;
  return registerField(features[rule.register], rule.msb, rule.lsb);
}

function writeField(features: SmmuFeatures, key: string, name: string, value: number): void {
  const rule = FIELD_RULE.get(key)!;
  const mask = fieldMask(rule.msb, rule.lsb);
  if (!Number.isInteger(value) || value < 0 || value > mask >>> rule.lsb) {
    throw new RangeError(`"${name}" expected integer in 0..${mask >>> rule.lsb}, got ${value}`);
  }
  features[rule.register] = ((features[rule.register] & ~mask) | (value << rule.lsb)) >>> 0;
}
