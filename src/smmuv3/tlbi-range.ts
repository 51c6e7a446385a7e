// The address part of TLBI commands: single addresses, ranges, level hints.
// Source: Arm IHI 0070 G.b, section 4.4.1.1.
// A misaligned Address makes the range UNPREDICTABLE; here it begins at the aligned address below. A range
// does not wrap past the top of the address space. TTL128 is ignored (no 128-bit descriptors).

import { getField, getPage, type Words } from "../machine/bit-fields.js";
import * as C from "../spec/smmuv3/commands.js";
import type { FeatureSet } from "./feature-set.js";

/** Which addresses a TLBI concerns, as pages of 4 KiB. */
export interface InvalidateRange {
  /** Number of the first page. */
  first: number;
  /** Number of the last page, inclusive. */
  last: number;
  /** True keeps cached table descriptors. */
  leafOnly: boolean;
  /** log2 of the leaf size that the level hint names, 0 for any. */
  leafLg2: number;
}

const PAGE_LG2 = 12;
const GRANULE_LG2: Readonly<Record<number, number>> = {
  [C.CMD_TG_4K]: 12,
  [C.CMD_TG_16K]: 14,
  [C.CMD_TG_64K]: 16,
};
const TOP_VA = 2 ** 52 - 1;
const TOP_IPA = 2 ** 40 - 1;
/** Bit 51 of an address. */
const IPA_MSB = C.CMD_ADDRESS_LSB + 39;

/**
 * Reads the address, range and level hint of a TLBI command. All numbers are exact, and nothing is allocated.
 *
 * @param words the command
 * @param features IDR3.RIL decides whether TG, NUM, SCALE and TTL exist, IDR5.DS about SCALE and TTL
 * @param ipa true for TLBI_S2_IPA: 52 address bits
 * @param into takes the range
 * @returns false for a reserved combination, which is CERROR_ILL
 *
 * Source: IHI 0070 4.4.1.1.
 */
export function readRange(words: Words, features: FeatureSet, ipa: boolean, into: InvalidateRange): boolean {
  const page = getPage(words, ipa ? IPA_MSB : C.CMD_ADDRESS_MSB, C.CMD_ADDRESS_LSB);
  into.leafOnly = getField(words, C.CMD_LEAF_MSB, C.CMD_LEAF_LSB) === 1;
  into.first = page;
  into.last = page;
  into.leafLg2 = 0;
  const tg = features.rangeInvalidation ? getField(words, C.CMD_TG_MSB, C.CMD_TG_LSB) : C.CMD_TG_ANY;
  if (tg === C.CMD_TG_ANY) return true;

  const ttl = getField(words, C.CMD_TTL_MSB, C.CMD_TTL_LSB);
  // 16K has no level 1 blocks without DS: the hint is reserved.
  if (ttl === 1 && tg === C.CMD_TG_16K && !features.ds) return false;
  const num = getField(words, C.CMD_NUM_MSB, C.CMD_NUM_LSB);
  const scale = features.ds
    ? Math.min(getField(words, C.CMD_SCALE_DS_MSB, C.CMD_SCALE_DS_LSB), C.CMD_SCALE_MAX)
    : getField(words, C.CMD_SCALE_MSB, C.CMD_SCALE_LSB);
  if (num === 0 && scale === 0 && ttl === 0) return false;

  const granuleLg2 = GRANULE_LG2[tg]!;
  const leafLg2 = ttl === 0 ? 0 : granuleLg2 + (3 - ttl) * (granuleLg2 - 3);
  const align = powerOf2((leafLg2 || granuleLg2) - PAGE_LG2);
  const end = page + (num + 1) * powerOf2(scale + granuleLg2 - PAGE_LG2) - 1;
  into.first = Math.floor(page / align) * align;
  into.last = Math.min(end, ipa ? TOP_IPA : TOP_VA);
  into.leafLg2 = leafLg2;
  return true;
}

/** 2^n for n in 0..59: the operator costs as much as the rest of a command. */
function powerOf2(n: number): number {
  return n < 30 ? 1 << n : (1 << 30) * (1 << (n - 30));
}
