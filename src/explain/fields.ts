// Fields by name: the literals of src/spec (NAME_MSB, NAME_LSB) read into rows, and the values of a structure's words
// under them.

import type { ExplainedField } from "./explanation.js";

/** Where a field is. */
export interface FieldPlace {
  readonly name: string;
  readonly msb: number;
  readonly lsb: number;
}

/**
 * The fields of a structure.
 *
 * @param facts a file of src/spec
 * @param prefix of its constants, such as "STE_"
 * @param names only these, without the prefix; default all, lowest bit first
 */
export function fieldsOf(
  facts: Readonly<Record<string, number>>,
  prefix: string,
  names?: readonly string[],
): FieldPlace[] {
  const known = Object.keys(facts)
    .filter((constant) => constant.startsWith(prefix) && constant.endsWith("_LSB"))
    .map((constant) => constant.slice(prefix.length, -"_LSB".length))
    // Aliases for formats with 56-bit addresses, which no machine here has.
    .filter((name) => !name.endsWith("_56"));
  return (names ?? known)
    .map((name) => ({
      name,
      msb: facts[`${prefix}${name}_MSB`] ?? 0,
      lsb: facts[`${prefix}${name}_LSB`] ?? 0,
    }))
    .sort((a, b) => a.lsb - b.lsb);
}

/** The field msb:lsb of little-endian doublewords; it may straddle two. */
export function fieldValue(words: readonly bigint[], msb: number, lsb: number): bigint {
  const whole = words.reduce((sum, word, n) => sum | (word << BigInt(64 * n)), 0n);
  return (whole >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);
}

/** The values of `places` in `words`. */
export function readFields(places: readonly FieldPlace[], words: readonly bigint[]): ExplainedField[] {
  return places.map((place) => ({ ...place, value: fieldValue(words, place.msb, place.lsb) }));
}

/** The runs of bits that are set in `words` but belong to none of `places`, lowest first. */
export function strayBits(
  places: readonly FieldPlace[],
  words: readonly bigint[],
): (readonly [msb: number, lsb: number])[] {
  let rest = words.reduce((sum, word, n) => sum | (word << BigInt(64 * n)), 0n);
  for (const { msb, lsb } of places) rest &= ~(((1n << BigInt(msb - lsb + 1)) - 1n) << BigInt(lsb));
  const runs: [number, number][] = [];
  for (let at = 0; rest >> BigInt(at) !== 0n; ++at) {
    if (((rest >> BigInt(at)) & 1n) === 0n) continue;
    const last = runs.at(-1);
    if (last && last[0] === at - 1) last[0] = at;
    else runs.push([at, at]);
  }
  return runs;
}
