// Walk caches: where a table is, so that a walk starts at the deepest table already known. One is for
// stage 1 (its pointers have passed stage 2 when nested), one for stage 2; both have this layout.
// An entry stands for 512 descriptors (4 KiB) of one table, because under nesting a larger table may
// be scattered over stage-2 pages. It holds the offset in linear memory, so a hit reads the descriptor
// directly; frames never move. Direct-mapped.
//
//  0 tag u64 (tagOf, size = the input range of the 512 descriptors) | 8 host u32 | 12 attributes u32
// 16 address u64 of descriptor 0 (PA; IPA when nested) | 24 plain mask u64 (../pt/plain.ts; 0 above the last level)

import { WALK_ENTRY_SIZE } from "../../src/spec/abi/core";
import { ones } from "../lib/bits";
import { ID_MASK, Ids } from "./ids";
import { ADDRESS_MASK, lg2Of, tagOf } from "./set-associative";
import { CHUNK_LG2, mayHaveTables, noteTables, pageLg2Of, SPACE_ID_BITS, seedOf } from "./space";

export const WALK_HOST: usize = 8;
export const WALK_ATTRIBUTES: usize = 12;
export const WALK_ADDRESS: usize = 16;
export const WALK_PLAIN_MASK: usize = 24;

/** Neighbouring tables go to neighbouring entries; spaces and levels start at different ones. */
function entryAt(base: usize, mask: u32, input: u64, lg2: u32, seed: u32): usize {
  return base + <usize>((<u32>(input >> lg2) ^ seed ^ lg2) & mask) * WALK_ENTRY_SIZE;
}

/** The entry for the 512 descriptors that cover 2^lg2 bytes around `input`, or 0. */
export function findTable(base: usize, mask: u32, space: usize, input: u64, lg2: u32): usize {
  const entry = entryAt(base, mask, input, lg2, seedOf(space));
  return load<u64>(entry) === tagOf(input, lg2, load<u64>(space + SPACE_ID_BITS)) ? entry : 0;
}

/** Remembers where the 512 descriptors around `input` are. */
export function insertTable(
  base: usize,
  mask: u32,
  space: usize,
  input: u64,
  lg2: u32,
  host: usize,
  attributes: u32,
  address: u64,
  plain: u64,
): void {
  const entry = entryAt(base, mask, input, lg2, seedOf(space));
  store<u64>(entry, tagOf(input, lg2, load<u64>(space + SPACE_ID_BITS)));
  store<u32>(entry, <u32>host, WALK_HOST);
  store<u32>(entry, attributes, WALK_ATTRIBUTES);
  store<u64>(entry, address, WALK_ADDRESS);
  store<u64>(entry, plain, WALK_PLAIN_MASK);
  noteTables(space, lg2);
}

/**
 * Forgets the tables of `space` that translate any of first..last; returns how many pointers it held. A
 * table of more than 512 descriptors is cached in pieces: all that one table descriptor led to go.
 */
export function dropTables(base: usize, mask: u32, space: usize, first: u64, last: u64): u32 {
  const page = pageLg2Of(space);
  // Log2 of the pieces of a full table: its index bits beyond those of an entry.
  const piecesLg2 = page - 3 - CHUNK_LG2;
  const id = load<u64>(space + SPACE_ID_BITS);
  const seed = seedOf(space);
  let dropped: u32 = 0;
  for (let lg2 = page + CHUNK_LG2; lg2 < 64; lg2 += page - 3) {
    if (!mayHaveTables(space, lg2)) continue;
    const table = ones(lg2 + piecesLg2);
    const from = first & ~table;
    const to = last | table;
    if ((to >> lg2) - (from >> lg2) > <u64>mask) {
      dropped += sweepTables(base, mask, id, from, to, lg2);
    } else {
      for (let n = from >> lg2; n <= to >> lg2; ++n) {
        dropped += Tables.drop(base, mask, n << lg2, id, seed, lg2);
      }
    }
  }
  return dropped;
}

/** Dropping by address, inlined: with a literal size its shifts are constants. */
export class Tables {
  /** One entry, if it is there: how many. */
  @inline
  static drop(base: usize, mask: u32, input: u64, id: u64, seed: u32, lg2: u32): u32 {
    const entry = base + <usize>((<u32>(input >> lg2) ^ seed ^ lg2) & mask) * WALK_ENTRY_SIZE;
    if (load<u64>(entry) !== ((input & ADDRESS_MASK & (u64(-1) << lg2)) | id | lg2)) return 0;
    store<u64>(entry, 0);
    return 1;
  }

  /** As dropTables, for one page under tables of 4 KiB (nested-iommu bench, "by address": 25 to 17 ns). */
  @inline
  static dropPage(base: usize, mask: u32, space: usize, input: u64, id: u64, seed: u32): void {
    Tables.drop(base, mask, input, id, seed, 21);
    Tables.drop(base, mask, input, id, seed, 30);
    Tables.drop(base, mask, input, id, seed, 39);
    Tables.drop(base, mask, input, id, seed, 48);
    if (mayHaveTables(space, 57)) Tables.drop(base, mask, input, id, seed, 57);
  }
}

function sweepTables(base: usize, mask: u32, id: u64, first: u64, last: u64, lg2: u32): u32 {
  let dropped: u32 = 0;
  for (let n: u32 = 0; n <= mask; ++n) {
    const entry = base + <usize>n * WALK_ENTRY_SIZE;
    const tag = load<u64>(entry);
    if (tag === 0 || (tag & ID_MASK) !== id || lg2Of(tag) !== lg2) continue;
    const start = tag & ADDRESS_MASK;
    if (start > last || start + ones(lg2) < first) continue;
    store<u64>(entry, 0);
    ++dropped;
  }
  return dropped;
}

/** Erases the entries of dead ids, or with `all` every entry (host offsets no longer hold). */
export function eraseTables(base: usize, mask: u32, all: bool): void {
  for (let n: u32 = 0; n <= mask; ++n) {
    const entry = base + <usize>n * WALK_ENTRY_SIZE;
    const tag = load<u64>(entry);
    if (tag !== 0 && (all || !Ids.isLive(tag))) store<u64>(entry, 0);
  }
}
