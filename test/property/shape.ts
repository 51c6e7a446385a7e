// The shape of one stage's tables as the random worlds choose it, and what follows from it: index bits, levels with
// blocks, how far an address may reach, how a descriptor holds it (Arm DDI 0487 D8.2.8 .. D8.2.10, D8.3.1).

import type { GranuleLg2 } from "../reference/features.js";

export interface Shape {
  stage: 1 | 2;
  granule: GranuleLg2;
  inputBits: number;
  startLevel: number;
  outputBits: number;
  wide: boolean;
}

const LEVEL_LSB: Record<GranuleLg2, readonly number[]> = {
  12: [48, 39, 30, 21, 12],
  14: [58, 47, 36, 25, 14],
  16: [68, 55, 42, 29, 16],
};

export const levelLsb = (granule: GranuleLg2, level: number): number => LEVEL_LSB[granule][level + 1]!;

export function blockLevels({ granule, wide }: Shape): number[] {
  if (granule === 12) return wide ? [0, 1, 2] : [1, 2];
  return wide ? [1, 2] : [2];
}

/** Bits of an address that a descriptor or base of this shape can hold. */
export const reach = ({ granule, wide, outputBits }: Shape): number =>
  Math.min(outputBits, wide || granule === 16 ? 52 : 48);

/** Bytes of the initial table, concatenated tables included. */
export const rootBytes = (shape: Shape): bigint =>
  8n << BigInt(shape.inputBits - levelLsb(shape.granule, shape.startLevel));

/** Descriptors hold 48 bits unless `wide`; the base field of a CD or STE may hold more with 64KB (see reach). */
export const reachOfTables = ({ wide, outputBits }: Shape): number => Math.min(outputBits, wide ? 52 : 48);

/** Address bits of a descriptor. */
export function encodeAddress({ granule, wide }: Shape, address: bigint): bigint {
  let word = address & ((1n << 48n) - 1n);
  if (wide && granule === 16) word |= ((address >> 48n) & 0xfn) << 12n;
  if (wide && granule !== 16) word |= (((address >> 48n) & 3n) << 48n) | (((address >> 50n) & 3n) << 8n);
  return word;
}
