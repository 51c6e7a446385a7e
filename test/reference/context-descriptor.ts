// The CD: when it is ILLEGAL (IHI 0070 5.4.2 CdIllegal()), which half an address selects (3.4.1, DDI 0487 D8.2.4)
// and what that half walks. The checks stand in the manual's order. StreamWorld is always NS-EL1.

import { addressBits, type Features, type GranuleLg2 } from "./features.js";
import { granuleOfTg0, granuleOfTg1, stage1StartLevel } from "./granule.js";
import { alignedBase, type Stage } from "./stage.js";
import { stage2Enabled } from "./stream-table-entry.js";
import { bitOf, bitsOf, exceeds, type Structure } from "./structure.js";

/** Everything that exists once for TTB0 and once for TTB1. */
interface Half {
  txsz: number;
  granule: GranuleLg2 | undefined;
  disabled: boolean;
  topByteIgnored: boolean;
  ttb: bigint;
  hierarchicalDisabled: boolean;
  unprivilegedDenied: boolean;
}

function halfOf(cd: Structure, upper: boolean): Half {
  return upper
    ? {
        txsz: cd.number(21, 16),
        granule: granuleOfTg1(cd.field(23, 22)),
        disabled: cd.bit(30),
        topByteIgnored: cd.bit(39),
        ttb: cd.field(179, 132) << 4n,
        hierarchicalDisabled: cd.bit(129),
        unprivilegedDenied: cd.bit(130),
      }
    : {
        txsz: cd.number(5, 0),
        granule: granuleOfTg0(cd.field(7, 6)),
        disabled: cd.bit(14),
        topByteIgnored: cd.bit(38),
        ttb: cd.field(115, 68) << 4n,
        hierarchicalDisabled: cd.bit(65),
        unprivilegedDenied: cd.bit(66),
      };
}

/** CD.DS has an effect with 4KB and 16KB granules, where IDR5.DS = 1. */
function dsFor(cd: Structure, features: Features, granule: GranuleLg2): boolean {
  return features.ds && cd.bit(186) && granule !== 16;
}

function ipsBits(cd: Structure, features: Features): number {
  return Math.min(addressBits(cd.field(34, 32)), features.outputBits);
}

/** CDTxSZInvalid(). */
function txszInvalid(cd: Structure, features: Features, half: Half): boolean {
  const largest = features.smallTables ? (half.granule === 16 ? 47 : 48) : 39;
  const wide = features.wideInput && (half.granule === 16 || (features.ds && cd.bit(186)));
  return half.txsz < (wide ? 12 : 16) || half.txsz > largest;
}

/** Granule and CDTTBxOutOfRange(). */
function tableInvalid(cd: Structure, features: Features, half: Half): boolean {
  if (half.granule === undefined || !features.granules.includes(half.granule)) return true;
  const limit = half.granule === 16 || dsFor(cd, features, half.granule) ? 52 : 48;
  return exceeds(half.ttb, Math.min(ipsBits(cd, features), limit));
}

/** CdIllegal() of 5.4.2. */
export function cdIllegal(cd: Structure, ste: Structure, features: Features): boolean {
  const halves = [halfOf(cd, false), halfOf(cd, true)].filter((half) => !half.disabled);
  const stall = cd.bit(44);
  if (!cd.bit(31)) return true;
  if (ste.bit(91) && stall) return true;
  if (features.abortOnly && !cd.bit(46)) return true;
  if (features.stallModel === 1n && stall) return true;
  if (features.stallModel === 2n && !stall) return true;
  const big = cd.bit(15);
  if (halves.length > 0) {
    if (features.tableEndian === 2n && big) return true;
    if (features.tableEndian === 3n && !big) return true;
  }
  // AA64 = 0 selects VMSAv8-32, which is not there; AA64 = 1 needs a 64-bit stage 2 below it.
  if (!cd.bit(41) || !features.aarch64) return true;
  if (stage2Enabled(ste) && !ste.bit(179)) return true;
  const ha = cd.bit(43);
  const hd = cd.bit(42);
  if ((ha || hd) && features.httu === 0n) return true;
  if (hd && features.httu === 1n) return true;
  if (features.httu === 3n && cd.bit(67) && !ha) return true;
  if (!features.asid16 && cd.field(63, 56) !== 0n) return true;
  if (halves.some((half) => txszInvalid(cd, features, half))) return true;
  return halves.some((half) => tableInvalid(cd, features, half));
}

/** A CD half, ready to be walked. */
export interface Stage1 extends Stage {
  /** APTable, PXNTable and UXNTable count. */
  hierarchical: boolean;
}

/**
 * The half that translates `va`, or undefined for a Translation fault: outside the range of its TxSZ, EPDx = 1, or
 * E0PDx = 1 for an unprivileged access (7.3.13; DDI 0487 D8.2.4, D8.2.4.1).
 */
export function stage1Of(
  cd: Structure,
  features: Features,
  va: bigint,
  privileged: boolean,
): Stage1 | undefined {
  const upper = bitOf(va, 55);
  const half = halfOf(cd, upper);
  if (half.disabled) return undefined;
  const inputBits = 64 - half.txsz;
  const top = half.topByteIgnored ? 55 : 63;
  const above = bitsOf(va, top, inputBits);
  if (above !== (upper ? (1n << BigInt(top - inputBits + 1)) - 1n : 0n)) return undefined;
  if (features.e0pd && half.unprivilegedDenied && !privileged) return undefined;
  const granule = half.granule!;
  const startLevel = stage1StartLevel(granule, half.txsz);
  const outputBits = ipsBits(cd, features);
  return {
    granule,
    inputBits,
    startLevel,
    base: alignedBase(half.ttb, granule, inputBits, startLevel, outputBits),
    outputBits,
    wide: granule === 16 ? features.outputBits === 52 : dsFor(cd, features, granule),
    hierarchical: !(features.hierarchicalDisable && half.hierarchicalDisabled),
  };
}
