// Refusals as data: a table of rules in the order in which the kernel checks. What a call wants is looked at rule by rule;
// the first one it breaks gives the errno and the reason, and nothing has changed by then. With it the few predicates that
// rules of several folders are made of.

import { Refusal } from "../contract/refusal.js";

/** One rule: errno, what breaks it, why in words. */
export type Rule<T> = readonly [errno: number, broken: (call: T) => boolean, reason: (call: T) => string];

/**
 * Looks at a call rule by rule.
 *
 * @throws Refusal of the first rule that the call breaks
 */
export function enforce<T>(rules: readonly Rule<T>[], call: T): void {
  for (const [errno, broken, reason] of rules) if (broken(call)) throw new Refusal(errno, reason(call));
}

/** A number as reasons show it. */
export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Whether reserved bytes are what they must be. */
export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** Whether a value is a power of two. */
export const isPowerOfTwo = (value: bigint): boolean => value > 0n && (value & (value - 1n)) === 0n;
