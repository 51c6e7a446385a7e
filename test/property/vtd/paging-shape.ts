// The shape of one stage's paging tables as the random worlds choose it (VT-d 3.6, 3.7): levels are counted from the
// pages up, as the manual's tables are.

export interface Shape {
  /** 3, 4 or 5; level 1 has the 4 KiB leaves. */
  levels: number;
  inputBits: number;
  /** Levels that may have leaves, 1 among them. */
  leafLevels: readonly number[];
}

export interface Slot {
  kind: "leaf" | "table" | "broken";
  /** Physical address of the entry. */
  pa: bigint;
  level: number;
  /** First input address and log2 of the bytes that the entry covers. */
  input: bigint;
  sizeLg2: number;
}

export const levelLsb = (level: number): number => 12 + 9 * (level - 1);

/** Bits of input that tables of this many levels take. */
export const reachOf = (levels: number): number => levelLsb(levels) + 9;
