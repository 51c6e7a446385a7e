// The walk that both stages share (VT-d 3.6, 3.7): 9 bits of the input a level, entries of 8 bytes. What an entry
// means, and where it is fetched, is the stage's.

import { bitsOf } from "../structure.js";
import { type Cause, type Fault, fault, isFault } from "./fault-reason.js";

export interface PagingEntry {
  value: bigint;
  /** Physical address, where a flag is set. */
  at: bigint;
  /** The address before the second stage. */
  address: bigint;
}

export interface PagingPath {
  /** From the root table down to the leaf. */
  entries: PagingEntry[];
  leafLg2: number;
  output: bigint;
}

export interface PagingStage {
  root: bigint;
  /** Levels: 5, 4 or 3; level 1 has the 4 KiB leaves. */
  levels: number;
  /** What makes an entry end the walk: not present, reserved bits, ... */
  check(entry: bigint, level: number): Cause | undefined;
  isLeaf(entry: bigint, level: number): boolean;
  /** What is done with a sound entry before the walk goes on; a fault ends it. */
  use?(entry: PagingEntry): Fault | undefined;
}

/** The address field of an entry: bits [51:12]; bits above the host address width have been checked. */
export const entryAddress = (entry: bigint): bigint => bitsOf(entry, 51, 12) << 12n;

export const levelLsb = (level: number): number => 12 + 9 * (level - 1);

export function walkPaging(
  stage: PagingStage,
  input: bigint,
  fetch: (address: bigint, level: number) => PagingEntry | Fault,
): PagingPath | Fault {
  const entries: PagingEntry[] = [];
  let table = stage.root;
  for (let level = stage.levels; ; level--) {
    const lsb = levelLsb(level);
    const entry = fetch(table + (bitsOf(input, lsb + 8, lsb) << 3n), level);
    if (isFault(entry)) return entry;
    const cause = stage.check(entry.value, level);
    if (cause !== undefined) return fault(cause);
    const failed = stage.use?.(entry);
    if (failed !== undefined) return failed;
    entries.push(entry);
    table = entryAddress(entry.value);
    if (level === 1 || stage.isLeaf(entry.value, level)) {
      // Bit 12 of a large first-stage leaf is PAT, not address.
      const output = (table >> BigInt(lsb)) << BigInt(lsb);
      return { entries, leafLg2: lsb, output: output | bitsOf(input, lsb - 1, 0) };
    }
  }
}
