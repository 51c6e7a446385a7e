// A completion as the manuals' tables have it, and what of the machine's differs from it.

import type { TranslationCompletion } from "../../src/index.js";

/** What a translation request must be answered with. */
export interface Expected {
  readonly result: TranslationCompletion["result"];
  readonly read: boolean;
  readonly write: boolean;
  /** Granted although it was not asked for: permitted, not required (13.7). */
  readonly mayWrite: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
  readonly untranslatedOnly: boolean;
  readonly noSnoop: boolean;
  /** Where the requested byte is; undefined: not compared. */
  readonly pa: bigint | undefined;
  /** Permitted sizes; undefined: any from 12 on. */
  readonly sizes: readonly number[] | undefined;
}

export const REFUSED: Expected = {
  result: "unsupported",
  read: false,
  write: false,
  mayWrite: false,
  execute: false,
  privileged: false,
  untranslatedOnly: false,
  noSnoop: false,
  pa: undefined,
  sizes: [0],
};
export const ABORTED: Expected = { ...REFUSED, result: "abort" };

/** Success without rights, for the smallest translation unit. */
export const denied = (unit: number | undefined, privileged: boolean): Expected => ({
  ...REFUSED,
  result: "success",
  privileged,
  sizes: unit === undefined ? undefined : [unit],
});

const FLAGS = ["read", "execute", "privileged", "untranslatedOnly", "noSnoop"] as const;

/** The first difference, in words. */
export function difference(
  completion: TranslationCompletion,
  expected: Expected,
  iova: bigint,
): string | undefined {
  const { result, write, sizeLg2, pa } = completion;
  if (result !== expected.result) return `${result}, expected ${expected.result}`;
  for (const flag of FLAGS) {
    if (completion[flag] !== expected[flag]) return `${flag} ${completion[flag]}, expected ${expected[flag]}`;
  }
  if (write !== expected.write && !(write && expected.mayWrite)) {
    return `write ${write}, expected ${expected.write}`;
  }
  const fits = expected.sizes?.includes(sizeLg2) ?? sizeLg2 >= 12;
  if (!fits) return `size ${sizeLg2}, expected ${expected.sizes?.join(" or ") ?? "12 or more"}`;
  if (!expected.read && !write) return pa === 0n ? undefined : `pa ${pa} without rights`;
  const size = (1n << BigInt(sizeLg2)) - 1n;
  if ((pa & size) !== 0n) return `pa 0x${pa.toString(16)} not aligned to 2^${sizeLg2}`;
  const found = pa + (iova & size);
  if (expected.pa === undefined || found === expected.pa) return undefined;
  return `leads to 0x${found.toString(16)}, expected 0x${expected.pa.toString(16)}`;
}
