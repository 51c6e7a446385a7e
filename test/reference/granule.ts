// Geometry of VMSAv8-64 tables (Arm DDI 0487 D8.2.8 4KB, D8.2.9 16KB, D8.2.10 64KB), as the tables print it.
// Not modelled: VMSAv9-128.

import type { GranuleLg2 } from "./features.js";

/** CD.TG0 and STE.S2TG: 0 = 4KB, 1 = 64KB, 2 = 16KB, 3 reserved. */
export function granuleOfTg0(code: bigint): GranuleLg2 | undefined {
  return ([12, 16, 14] as const)[Number(code)];
}

/** CD.TG1: 1 = 16KB, 2 = 4KB, 3 = 64KB, 0 reserved. */
export function granuleOfTg1(code: bigint): GranuleLg2 | undefined {
  return ([undefined, 14, 12, 16] as const)[Number(code)];
}

/** First bit of the input address that indexes a table of this level (Tables D8-16, D8-26, D8-35). */
export function indexLsb(granule: GranuleLg2, level: number): number {
  const byLevel = {
    12: [48, 39, 30, 21, 12], // levels -1, 0, 1, 2, 3
    14: [58, 47, 36, 25, 14],
    16: [68, 55, 42, 29, 16],
  }[granule];
  return byLevel[level + 1]!;
}

/** Address bits that one full table resolves. */
export function indexBits(granule: GranuleLg2): number {
  return { 12: 9, 14: 11, 16: 13 }[granule];
}

/** Stage 1 initial lookup level by TxSZ (Tables D8-18, D8-28, D8-37); the range of TxSZ is checked elsewhere. */
export function stage1StartLevel(granule: GranuleLg2, txsz: number): number {
  if (granule === 12) return txsz <= 15 ? -1 : txsz <= 24 ? 0 : txsz <= 33 ? 1 : txsz <= 42 ? 2 : 3;
  if (granule === 14) return txsz <= 16 ? 0 : txsz <= 27 ? 1 : txsz <= 38 ? 2 : 3;
  return txsz <= 21 ? 1 : txsz <= 34 ? 2 : 3;
}

/** Stage 2 initial lookup level by {SL2, SL0} (Tables D8-19, D8-29, D8-38); undefined = reserved. */
export function stage2StartLevel(granule: GranuleLg2, sl: number): number | undefined {
  if (granule === 12) return [2, 1, 0, 3, -1][sl];
  if (granule === 14) return [3, 2, 1, 0][sl];
  return [3, 2, 1][sl];
}

/**
 * T0SZ values that a stage 2 initial level permits, concatenation included (Tables D8-20 .. D8-24, D8-30 .. D8-33,
 * D8-39 .. D8-41). Values that need LPA2, FEAT_LPA or small tables are bounded by the range check of S2T0SZ.
 */
export function stage2SizeRange(
  granule: GranuleLg2,
  level: number,
  { ds, smallTables }: { ds: boolean; smallTables: boolean },
): readonly [number, number] | undefined {
  switch (`${granule}/${level}`) {
    case "12/-1":
      return ds ? [12, 15] : undefined;
    case "12/0":
      return ds ? [12, 24] : [16, 24];
    case "12/1":
      return [21, 33];
    case "12/2":
      return [30, 42];
    case "12/3":
      return smallTables ? [39, 48] : undefined;
    case "14/0":
      return ds ? [12, 16] : undefined;
    case "14/1":
      return ds ? [13, 27] : [16, 27];
    case "14/2":
      return [24, 38];
    case "14/3":
      return [35, 48];
    case "16/1":
      return [12, 21];
    case "16/2":
      return [18, 34];
    case "16/3":
      return [31, 47];
    default:
      return undefined;
  }
}

/** Where a Block descriptor may stand (Tables D8-17, D8-27, D8-36). `wide`: 52-bit descriptor addresses are in use. */
export function blockAllowed(granule: GranuleLg2, level: number, wide: boolean): boolean {
  if (level === 2) return true;
  if (granule === 12) return level === 1 || (level === 0 && wide);
  return level === 1 && wide;
}

/** log2 of the bytes that a contiguous run covers (DDI 0487 D8.7.1), for a leaf that can be in one. */
export function contiguousLg2(granule: GranuleLg2, level: number): number | undefined {
  return {
    12: { 1: 34, 2: 25, 3: 16 } as Record<number, number>,
    14: { 2: 30, 3: 21 } as Record<number, number>,
    16: { 2: 34, 3: 21 } as Record<number, number>,
  }[granule][level];
}
