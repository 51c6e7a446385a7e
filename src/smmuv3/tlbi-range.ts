// The address part of TLBI commands: single addresses, ranges, level hints.
// Source: Arm IHI 0070 G.b, section 4.4.1.1.
// A misaligned Address makes the range UNPREDICTABLE; here it begins at the aligned address below. A range
// does not wrap past the top of the address space. TTL128 is ignored (no 128-bit descriptors).

import { getField, u64Of, type Words } from "../machine/bit-fields.js";
import * as C from "../spec/smmuv3/commands.js";
import type { FeatureSet } from "./feature-set.js";

/** Which addresses a TLBI concerns. */
export interface InvalidateRange {
  /** First byte. */
  first: bigint;
  /** Last byte, inclusive. */
  last: bigint;
  /** True keeps cached table descriptors. */
  leafOnly: boolean;
  /** log2 of the leaf size that the level hint names, 0 for any. */
  leafLg2: number;
}

const GRANULE_LG2: Readonly<Record<number, number>> = {
  [C.CMD_TG_4K]: 12,
  [C.CMD_TG_16K]: 14,
  [C.CMD_TG_64K]: 16,
};
const TOP_VA = (1n << 64n) - 1n;
const TOP_IPA = (1n << 52n) - 1n;
/** Bits 51:32 of an address. */
const IPA_HIGH = 0xfffff;

/**
 * Reads the address, range and level hint of a TLBI command.
 *
 * @param words the command
 * @param features IDR3.RIL decides whether TG, NUM, SCALE and TTL exist, IDR5.DS about SCALE and TTL
 * @param ipa true for TLBI_S2_IPA: 52 address bits
 * @returns the range, or undefined for a reserved combination, which is CERROR_ILL
 *
 * Source: IHI 0070 4.4.1.1.
 */
export function invalidateRange(
  words: Words,
  features: FeatureSet,
  ipa: boolean,
): InvalidateRange | undefined {
  const low = getField(words, C.CMD_ADDRESS_LSB + 19, C.CMD_ADDRESS_LSB) << 12;
  const high = getField(words, C.CMD_ADDRESS_MSB, C.CMD_ADDRESS_LSB + 20) & (ipa ? IPA_HIGH : -1);
  const leafOnly = getField(words, C.CMD_LEAF_MSB, C.CMD_LEAF_LSB) === 1;
  const tg = features.rangeInvalidation ? getField(words, C.CMD_TG_MSB, C.CMD_TG_LSB) : C.CMD_TG_ANY;
  if (tg === C.CMD_TG_ANY) {
    return { first: u64Of(low, high), last: u64Of(low | 0xfff, high), leafOnly, leafLg2: 0 };
  }

  const ttl = getField(words, C.CMD_TTL_MSB, C.CMD_TTL_LSB);
  // 16K has no level 1 blocks without DS: the hint is reserved.
  if (ttl === 1 && tg === C.CMD_TG_16K && !features.ds) return undefined;
  const num = getField(words, C.CMD_NUM_MSB, C.CMD_NUM_LSB);
  const scale = features.ds
    ? Math.min(getField(words, C.CMD_SCALE_DS_MSB, C.CMD_SCALE_DS_LSB), C.CMD_SCALE_MAX)
    : getField(words, C.CMD_SCALE_MSB, C.CMD_SCALE_LSB);
  if (num === 0 && scale === 0 && ttl === 0) return undefined;

  const granuleLg2 = GRANULE_LG2[tg]!;
  const leafLg2 = ttl === 0 ? 0 : granuleLg2 + (3 - ttl) * (granuleLg2 - 3);
  const bytes = (num + 1) * powerOf2(scale + granuleLg2);
  const align = powerOf2(leafLg2 || granuleLg2);
  if (high >>> 20 !== 0 || bytes > 2 ** 52) {
    const top = ipa ? TOP_IPA : TOP_VA;
    const address = u64Of(low, high);
    const end = address + BigInt(bytes) - 1n;
    return { first: address & ~BigInt(align - 1), last: end < top ? end : top, leafOnly, leafLg2 };
  }
  // below 2^53 numbers are exact, at a fraction of what bigints cost
  const from = high * 2 ** 32 + (low >>> 0);
  const first = Math.floor(from / align) * align;
  const last = Math.min(from + bytes - 1, ipa ? 2 ** 52 - 1 : Number.POSITIVE_INFINITY);
  return { first: bigintOf(first), last: bigintOf(last), leafOnly, leafLg2 };
}

/** 2^n for n in 0..59: the operator costs as much as the rest of a command. */
function powerOf2(n: number): number {
  return n < 30 ? 1 << n : (1 << 30) * (1 << (n - 30));
}

/** An integer below 2^53 as a bigint. */
function bigintOf(value: number): bigint {
  return u64Of(value, Math.floor(value / 2 ** 32));
}
