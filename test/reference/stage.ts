// One stage of translation as a CD half or an STE sets it up, ready to be walked (DDI 0487 D8.2, D8.3).

import type { GranuleLg2 } from "./features.js";
import { indexBits, indexLsb } from "./granule.js";
import { alignDown, bitsOf } from "./structure.js";

export interface Stage {
  granule: GranuleLg2;
  /** Width of the input address: 64 - TxSZ. */
  inputBits: number;
  startLevel: number;
  /** Base of the initial table, aligned. */
  base: bigint;
  /** Effective IPS or S2PS. */
  outputBits: number;
  /** Descriptors hold 52-bit addresses: DS = 1 (4KB, 16KB) or OAS = 52 (64KB). */
  wide: boolean;
}

/** Bits of the input that the initial table resolves, concatenated tables included. */
function initialIndexBits(granule: GranuleLg2, inputBits: number, startLevel: number): number {
  return inputBits - indexLsb(granule, startLevel);
}

/**
 * The base address as used: aligned to the size of the initial table(s), to 64 bytes at least when the effective
 * output size is 52 bits (IHI 0070 5.2 S2TTB, 5.4 TTB0; DDI 0487 D8.2.5.2).
 */
export function alignedBase(
  ttb: bigint,
  granule: GranuleLg2,
  inputBits: number,
  startLevel: number,
  outputBits: number,
): bigint {
  const sizeLg2 = initialIndexBits(granule, inputBits, startLevel) + 3;
  return alignDown(ttb, Math.max(sizeLg2, outputBits === 52 ? 6 : 4));
}

/** Address of the descriptor for `input` in the table at `base`. */
export function descriptorAddress(stage: Stage, base: bigint, level: number, input: bigint): bigint {
  const lsb = indexLsb(stage.granule, level);
  const msb = level === stage.startLevel ? stage.inputBits - 1 : lsb + indexBits(stage.granule) - 1;
  return base | (bitsOf(input, Math.min(msb, stage.inputBits - 1), lsb) << 3n);
}

/** The address field of a Table, Block or Page descriptor (D8.3.1), down to bit `lsb`. */
export function descriptorOutput(stage: Stage, descriptor: bigint, lsb: number): bigint {
  let address = bitsOf(descriptor, 47, lsb) << BigInt(lsb);
  if (stage.wide && stage.granule === 16) address |= bitsOf(descriptor, 15, 12) << 48n;
  if (stage.wide && stage.granule !== 16) {
    address |= (bitsOf(descriptor, 49, 48) << 48n) | (bitsOf(descriptor, 9, 8) << 50n);
  }
  return address;
}
