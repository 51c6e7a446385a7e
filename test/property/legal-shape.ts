// Which granules, sizes and start levels are legal, restated from Arm DDI 0487 D8.2.8 .. D8.2.10 as one formula
// (the reference model has the manual's tables; the two must agree, or worlds come out illegal).

import type { Features, GranuleLg2 } from "../reference/features.js";
import type { Random } from "./random.js";
import { levelLsb } from "./shape.js";

export function stage2StartLevel(granule: GranuleLg2, sl: number): number | undefined {
  if (sl === 4) return granule === 12 ? -1 : undefined;
  if (granule === 12) return sl === 3 ? 3 : 2 - sl;
  const level = 3 - sl;
  return level >= (granule === 14 ? 0 : 1) ? level : undefined;
}

/** T0SZ from .. to for a stage 2 start level, within what the SMMU supports; undefined when there is none. */
export function stage2SizeRange(
  granule: GranuleLg2,
  level: number,
  ds: boolean,
  features: Features,
): [number, number] | undefined {
  const lsb = levelLsb(granule, level);
  if (granule === 14 && level === 0 && !ds) return undefined;
  if (granule === 12 && level === 3 && !features.smallTables) return undefined;
  // At least one bit, at most a full table and four more bits of concatenation (none at the topmost level).
  const topmost = level === (granule === 12 ? -1 : granule === 14 ? 0 : 1);
  const largest = lsb + granule - 3 + (topmost ? 0 : 4);
  const inputMax = Math.min(largest, granule === 16 || ds ? 52 : 48, features.outputBits);
  const txszMax = features.smallTables ? (granule === 16 ? 47 : 48) : 39;
  const from = 64 - inputMax;
  const to = Math.min(64 - (lsb + 1), txszMax);
  return from <= to ? [from, to] : undefined;
}

/** A stage 1 size: 64 - TxSZ, and the start level it implies. */
export function stage1Size(
  random: Random,
  granule: GranuleLg2,
  ds: boolean,
  features: Features,
): { txsz: number; startLevel: number } {
  const wide = features.wideInput && (granule === 16 || ds);
  const txszMax = features.smallTables ? (granule === 16 ? 47 : 48) : 39;
  const txsz = random.chance(0.5) ? random.between(16, 32) : random.between(wide ? 12 : 16, txszMax);
  const startLevel = 3 - Math.floor((64 - txsz - 1 - granule) / (granule - 3));
  return { txsz, startLevel };
}
