// Granules and input sizes as CDs and STEs encode them (IHI 0070 5.2, 5.4; DDI 0487 D8.2).

import {
  CD_TG0_4K,
  CD_TG0_16K,
  CD_TG0_64K,
  CD_TG1_4K,
  CD_TG1_16K,
  CD_TG1_64K,
} from "../../src/spec/smmuv3/cd";
import {
  IDR3_STT_LSB,
  IDR5_GRAN4K_LSB,
  IDR5_GRAN16K_LSB,
  IDR5_GRAN64K_LSB,
  IDR5_VAX_LSB,
  IDR5_VAX_MSB,
} from "../../src/spec/smmuv3/registers";
import { idr3, idr5, idr5Field, oas } from "./features";

/** Granule lg2 of STE.S2TG and CD.TG0 (00 4K, 01 64K, 10 16K); 0 = reserved or not implemented. */
export function granuleOfTg0(tg: u32): u32 {
  if (tg === CD_TG0_4K) return idr5(IDR5_GRAN4K_LSB) ? 12 : 0;
  if (tg === CD_TG0_64K) return idr5(IDR5_GRAN64K_LSB) ? 16 : 0;
  if (tg === CD_TG0_16K) return idr5(IDR5_GRAN16K_LSB) ? 14 : 0;
  return 0;
}

/** Granule lg2 of CD.TG1 (01 16K, 10 4K, 11 64K); 0 = reserved or not implemented. */
export function granuleOfTg1(tg: u32): u32 {
  if (tg === CD_TG1_16K) return idr5(IDR5_GRAN16K_LSB) ? 14 : 0;
  if (tg === CD_TG1_4K) return idr5(IDR5_GRAN4K_LSB) ? 12 : 0;
  if (tg === CD_TG1_64K) return idr5(IDR5_GRAN64K_LSB) ? 16 : 0;
  return 0;
}

/** Largest TxSZ: 39, or with small tables 48 (47 for 64K). */
export function largestTsz(granule: u32): u32 {
  if (!idr3(IDR3_STT_LSB)) return 39;
  return granule === 16 ? 47 : 48;
}

/** Smallest TxSZ of a stage 1: 12 for 64K or DS when 52-bit VAs are implemented, else 16. */
export function smallestTsz(granule: u32, ds: bool): u32 {
  const wide = idr5Field(IDR5_VAX_MSB, IDR5_VAX_LSB) >= 1;
  return wide && (granule === 16 || ds) ? 12 : 16;
}

/** First level of a stage-1 walk over `inputBits`. */
export function firstLevelOf(granule: u32, inputBits: u32): i32 {
  const stride = granule - 3;
  const levels = (inputBits - granule + stride - 1) / stride;
  return 4 - <i32>levels;
}

/** Address bits that descriptors and roots of this granule can hold. */
export function addressBits(granule: u32, ds: bool): u32 {
  return granule === 16 || ds ? 52 : 48;
}

/** Whether descriptors of a 64K granule carry OA[51:48]. */
export function hasOa52(granule: u32): bool {
  return granule === 16 && oas() === 52;
}

/**
 * A TTB field as root address: its low bits are below the table's size, but where addresses have 52 bits
 * even a table of less than 8 entries is aligned to 64 bytes (DDI 0487 R_KBLCR).
 */
export function alignedRoot(root: u64, sizeBits: u32): u64 {
  return sizeBits === 52 ? root & ~63 : root;
}
