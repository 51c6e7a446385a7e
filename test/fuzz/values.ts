// Values at which something might go wrong, by size of the field: ends, signs, flags, alignment, powers of two and what is
// next to them.

import type { Random } from "../property/random.js";

const around = (power: number): bigint[] => [-1n, 0n, 1n].map((by) => (1n << BigInt(power)) + by);

const ALWAYS = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n];

/** By bytes; negative ones count from the top. */
const VALUES: Record<number, readonly bigint[]> = {
  1: [...ALWAYS, ...around(4), ...around(5), ...around(7), -2n, -1n],
  2: [0n, 1n, 0x100n, ...around(15), -1n],
  4: [...ALWAYS, ...[4, 5, 8, 12, 16, 20, 31].flatMap(around), 24n, 36n, 92n, 511n, 513n, -2n, -1n],
  8: [
    ...ALWAYS,
    ...[12, 13, 16, 20, 21, 30, 31, 32, 36, 39, 47, 48, 52, 53, 63].flatMap(around),
    0x800n,
    0x1800n,
    0x3000n,
    (1n << 48n) - 0x1000n,
    (1n << 48n) - 0x20_0000n,
    -0x20_0000n,
    -0x2000n,
    -0x1000n,
    -0xfffn,
    -2n,
    -1n,
  ],
};

/** The values for a field of so many bytes. */
export function valuesOf(bytes: number): readonly bigint[] {
  const values = VALUES[bytes];
  if (values === undefined) throw new RangeError(`no values for ${bytes} bytes`);
  return values.map((value) => BigInt.asUintN(8 * bytes, value));
}

/** Some of them; all when `share` is 1. */
export function someValuesOf(random: Random, bytes: number, share: number): readonly bigint[] {
  return share >= 1 ? valuesOf(bytes) : valuesOf(bytes).filter(() => random.chance(share));
}

/** Integers in place of a pointer, or as the argument of a request that takes one. */
export const INTEGERS: readonly number[] = [
  ...Array.from({ length: 12 }, (_, n) => n),
  -1,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  -0x8000_0000,
  2 ** 32 + 6,
  2 ** 53 - 1,
  -(2 ** 53) + 1,
];

/** Lengths that argsz may claim: every one around the struct's, and huge ones. */
export function argszValues(size: number): readonly number[] {
  const near = Array.from({ length: size + 9 }, (_, n) => n);
  return [...near, 92, 4096, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
}
