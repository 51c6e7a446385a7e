// Where the host's own structures lie.

import type { MachineOptions } from "../machine/options.js";

/** A range of physical addresses. */
export interface HostRange {
  /** First byte, a multiple of 64 KiB. */
  readonly base: bigint;
  /** Bytes, a multiple of 64 KiB. */
  readonly size: bigint;
}

/** 64 GiB from 2^47 on. */
export const DEFAULT_HOST_RANGE: HostRange = { base: 1n << 47n, size: 1n << 36n };

const UNIT = 65536n;

/**
 * Checks the range that an embedder wants.
 *
 * @param range the range
 * @param outputBits bits of a physical address
 * @param external memory of the embedder's own, which it may not touch
 * @returns a frozen copy
 * @throws TypeError, RangeError that name the field
 */
export function checkHostRange(
  range: HostRange,
  outputBits: number,
  external: MachineOptions["external"] = [],
): HostRange {
  const { base, size } = range;
  for (const [name, value, least] of [
    ["base", base, 0n],
    ["size", size, UNIT],
  ] as const) {
    if (typeof value !== "bigint") {
      throw new TypeError(`"hostRange.${name}" expected bigint, got ${typeof value}`);
    }
    if (value < least || value % UNIT !== 0n) {
      throw new RangeError(
        `"hostRange.${name}" expected a multiple of ${UNIT} from ${least} on, got ${value}`,
      );
    }
  }
  if ((base + size - 1n) >> BigInt(outputBits) !== 0n) {
    throw new RangeError(`"hostRange" expected addresses below 2^${outputBits}, got ${base} + ${size}`);
  }
  for (const other of external) {
    if (other.base < base + size && base < other.base + other.size) {
      throw new RangeError(`"hostRange" expected no external memory in it, got some at ${other.base}`);
    }
  }
  return Object.freeze({ base, size });
}
