// The arguments that a call is tried with, from its valid one: cut short, with every argsz, with each field at each nasty
// value, with two fields at random ones, followed by more, and plain random bytes.

import type { Random } from "../property/random.js";
import { type Call, type Leaf, leavesOf } from "./calls.js";
import { argszValues, someValuesOf, valuesOf } from "./values.js";

/** One argument and what it is, for people. */
export interface Attempt {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** What argsz claims, where that is what it is about. */
  readonly argsz?: number;
}

/** How many of each are made. */
export interface Density {
  /** Share of the values of each field, 0..1. */
  readonly values: number;
  /** Share of the lengths, both of bytes given and of argsz. */
  readonly lengths: number;
  readonly pairs: number;
  readonly random: number;
}

function withField(bytes: Uint8Array, { at, size }: Leaf, value: bigint): Uint8Array {
  const changed = bytes.slice();
  for (let index = 0; index < size; index++) {
    changed[at + index] = Number((value >> BigInt(8 * index)) & 0xffn);
  }
  return changed;
}

function followed(bytes: Uint8Array, count: number): Uint8Array {
  const longer = new Uint8Array(bytes.length + count).fill(0xee);
  longer.set(bytes);
  return longer;
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** All arguments of a call, lazily. */
export function* attemptsOf(call: Call, random: Random, density: Density): Generator<Attempt> {
  const { bytes, hasArgsz } = call;
  const leaves = leavesOf(call);
  yield { what: "valid", bytes: bytes.slice() };
  for (let length = 0; length < bytes.length; length++) {
    if (density.lengths < 1 && !random.chance(density.lengths)) continue;
    yield { what: `${length} bytes`, bytes: bytes.slice(0, length) };
  }
  yield { what: "followed by more", bytes: followed(bytes, 64) };
  if (hasArgsz) {
    for (const argsz of argszValues(bytes.length)) {
      if (density.lengths < 1 && !random.chance(density.lengths)) continue;
      const given = withField(bytes, { name: "argsz", at: 0, size: 4 }, BigInt(argsz));
      yield { what: `argsz ${argsz}`, bytes: given, argsz };
      if (argsz > bytes.length) yield { what: `argsz ${argsz} and more`, bytes: followed(given, 128) };
    }
  }
  for (const leaf of leaves) {
    for (const value of someValuesOf(random, leaf.size, density.values)) {
      yield { what: `${leaf.name} ${hex(value)}`, bytes: withField(bytes, leaf, value) };
    }
  }
  for (let n = 0; n < density.pairs; n++) {
    let changed = bytes;
    const what: string[] = [];
    for (const leaf of [random.pick(leaves), random.pick(leaves)]) {
      const value = random.pick(valuesOf(leaf.size));
      changed = withField(changed, leaf, value);
      what.push(`${leaf.name} ${hex(value)}`);
    }
    yield { what: what.join(", "), bytes: changed };
  }
  for (let n = 0; n < density.random; n++) {
    const given = Uint8Array.from({ length: random.below(bytes.length + 40) }, () => random.below(256));
    // Half of the time with an argsz that would do.
    if (hasArgsz && given.length >= 4 && random.chance(0.5)) given.set([200, 0, 0, 0]);
    yield { what: `random ${Buffer.from(given).toString("hex")}`, bytes: given };
  }
}
