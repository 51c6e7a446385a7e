// The STE: its fields as the translation needs them, and when it is ILLEGAL (IHI 0070 5.2, 5.2.2 SteIllegal()).
// The checks stand in the manual's order. Non-secure only; not modelled: VMSAv8-32, VMSAv9-128, permission
// indirection and overlays, DPT, MPAM (all RES0 or absent for SMMUv3.1 as decoded in features.ts).

import { addressBits, type Features } from "./features.js";
import { granuleOfTg0, stage2SizeRange, stage2StartLevel } from "./granule.js";
import { alignedBase, type Stage } from "./stage.js";
import { exceeds, type Structure } from "./structure.js";

/** Config[0]: stage 1 translates. */
export const stage1Enabled = (ste: Structure): boolean => ste.bit(1) && ste.bit(3);
/** Config[1]: stage 2 translates. */
export const stage2Enabled = (ste: Structure): boolean => ste.bit(2) && ste.bit(3);

export const s1ContextPtr = (ste: Structure): bigint => ste.field(55, 6) << 6n;

/** S2DS has an effect with 4KB and 16KB granules, where IDR5.DS = 1 (5.2 S2DS). */
function s2Ds(ste: Structure, features: Features): boolean {
  return features.ds && ste.bit(195) && granuleOfTg0(ste.field(175, 174)) !== 16;
}

/** {S2SL0_2, S2SL0}; S2SL0_2 counts with S2DS = 1 and 4KB only (5.2 S2SL0). */
function s2StartLevelCode(ste: Structure, features: Features): number {
  const high = s2Ds(ste, features) && granuleOfTg0(ste.field(175, 174)) === 12 && ste.bit(194);
  return ste.number(167, 166) + (high ? 4 : 0);
}

const s2Ttb = (ste: Structure): bigint => ste.field(243, 196) << 4n;

function s2OutputBits(ste: Structure, features: Features): number {
  return Math.min(addressBits(ste.field(178, 176)), features.outputBits);
}

function stage1Illegal(ste: Structure, features: Features): boolean {
  const cdMax = ste.number(63, 59);
  const format = ste.number(5, 4);
  // S1STALLD needs a configurable stall model.
  if (ste.bit(91) && features.stallModel !== 0n) return true;
  // S1CDMax and S1Fmt are checked when substreams are there at all.
  if (features.ssidSize !== 0) {
    if (cdMax > features.ssidSize) return true;
    if (cdMax !== 0 && !features.cdTwoLevel && (format === 1 || format === 2)) return true;
  }
  // S1ContextPtr: out of the IAS or OAS, which are the same here (3.4.3 notes 1 and 2).
  return exceeds(s1ContextPtr(ste), features.outputBits);
}

function stage2Illegal(ste: Structure, features: Features): boolean {
  const stall = ste.bit(185);
  if (stall && features.stallModel === 1n) return true;
  if (!stall && features.stallModel === 2n) return true;
  // S2AA64 = 0 selects VMSAv8-32, which is not there.
  if (!ste.bit(179) || !features.aarch64) return true;
  const ha = ste.bit(184);
  const hd = ste.bit(183);
  if ((ha || hd) && features.httu === 0n) return true;
  if (hd && features.httu === 1n) return true;
  if (ste.bit(187) && !ha && features.httu === 3n) return true;
  const granule = granuleOfTg0(ste.field(175, 174));
  if (granule === undefined || !features.granules.includes(granule)) return true;
  // S2TTB: within the effective S2PS, and within 48 bits unless descriptors can hold more.
  const ds = s2Ds(ste, features);
  const limit = granule === 16 || ds ? 52 : 48;
  if (exceeds(s2Ttb(ste), Math.min(s2OutputBits(ste, features), limit))) return true;
  // S2T0SZ: STES2T0SZInvalid().
  const t0sz = ste.number(165, 160);
  const largest = features.smallTables ? (granule === 16 ? 47 : 48) : 39;
  const smallest = Math.max(granule === 16 || ds ? 12 : 16, 64 - features.outputBits);
  if (t0sz < smallest || t0sz > largest) return true;
  // S2SL0 against S2T0SZ and S2TG.
  const level = stage2StartLevel(granule, s2StartLevelCode(ste, features));
  if (level === undefined) return true;
  const sizes = stage2SizeRange(granule, level, { ds, smallTables: features.smallTables });
  if (sizes === undefined || t0sz < sizes[0] || t0sz > sizes[1]) return true;
  // S2ENDI.
  const big = ste.bit(180);
  return (big && features.tableEndian === 2n) || (!big && features.tableEndian === 3n);
}

/** SteIllegal() of 5.2.2. */
export function steIllegal(ste: Structure, features: Features): boolean {
  const config = ste.number(3, 1);
  if (!ste.bit(0)) return true;
  if (config < 4) return false;
  if (stage1Enabled(ste) && !features.stage1) return true;
  if (stage2Enabled(ste) && !features.stage2) return true;
  if (features.ats && config !== 4) {
    const eats = ste.number(93, 92);
    const s2s = ste.bit(185);
    if (eats === 2 && (config !== 7 || s2s || features.nestedAts)) return true;
    if (eats === 1 && s2s && stage2Enabled(ste)) return true;
  }
  // STRW counts with stage 1 only and a hypervisor world; x1 is reserved.
  if (features.stage1 && features.hyp && config === 5 && ste.bit(94)) return true;
  if (stage1Enabled(ste) && stage1Illegal(ste, features)) return true;
  if (stage2Enabled(ste) && stage2Illegal(ste, features)) return true;
  // S2VMID counts when stage 2 exists and some stage translates.
  const vmidUsed =
    features.stage2 && config !== 4 && !(features.hyp && config === 5 && ste.field(95, 94) !== 0n);
  return vmidUsed && !features.vmid16 && ste.field(143, 136) !== 0n;
}

/** What stage 2 of a legal STE walks. */
export function stage2Of(ste: Structure, features: Features): Stage {
  const granule = granuleOfTg0(ste.field(175, 174))!;
  const inputBits = 64 - ste.number(165, 160);
  const startLevel = stage2StartLevel(granule, s2StartLevelCode(ste, features))!;
  const outputBits = s2OutputBits(ste, features);
  return {
    granule,
    inputBits,
    startLevel,
    base: alignedBase(s2Ttb(ste), granule, inputBits, startLevel, outputBits),
    outputBits,
    wide: granule === 16 ? features.outputBits === 52 : s2Ds(ste, features),
  };
}
