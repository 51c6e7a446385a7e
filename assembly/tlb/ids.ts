// Dense tag ids. Every cached entry carries the 18-bit id of its translation space; dropping all
// entries of a space is taking a new id (O(1)), the entries of the old one die where they stand.
// A dead id is not reused before a sweep has erased its entries, once per some 2^18 retirements.

import { ID_LIMIT, MEMO_COUNT, MEMO_SIZE } from "../../src/spec/abi/core";
import { Arena } from "../mem/arena";

const LIVE: u32 = 0x80000000;
const DEAD: u32 = 0x40000000;
const ENTRIES: u32 = 0x3fffffff;
/** Bits of a tag word that hold the id: 63:52 (high 12) and 11:6 (low 6). */
export const ID_MASK: u64 = 0xfff0000000000fc0;

/** The id as it stands in a tag word. */
export function idBits(id: u32): u64 {
  return ((<u64>(id >> 6)) << 52) | ((<u64>(id & 63)) << 6);
}

/** The id in tag word `tag`. */
export function idOf(tag: u64): u32 {
  return ((<u32>(tag >> 52)) << 6) | (<u32>(tag >> 6) & 63);
}

function entryOf(id: u32): usize {
  return Arena.ids + ((<usize>id) << 2);
}

/** Once in 2^32 changes the count starts anew; memos of the last round must not look current again. */
function forgetMemos(): void {
  memory.fill(Arena.memos, 0, MEMO_COUNT * MEMO_SIZE);
  Ids.generation = 1;
}

export class Ids {
  static cursor: u32 = 0;
  /** IOTLB entries of dead ids that still stand there: while 0, every entry is alive. */
  static deadEntries: u32 = 0;
  /** Whether an invalidation has left free ways among used ones since the caches were empty. */
  static holes: bool = false;
  /** Grows whenever any entry comes or goes; a memo of an older generation is void. 0 = never valid. */
  static generation: u32 = 1;

  /** An entry came or went: every memo is void. */
  static change(): void {
    Ids.generation += 1;
    if (Ids.generation === 0) forgetMemos();
  }

  static reset(): void {
    Ids.cursor = 0;
    Ids.deadEntries = 0;
    Ids.holes = false;
  }

  /** A fresh id, or 0 when the caller must sweep dead entries and call `swept` first. */
  static take(): u32 {
    let id = Ids.cursor + 1;
    while (id < <u32>ID_LIMIT && load<u32>(entryOf(id)) !== 0) ++id;
    if (id >= <u32>ID_LIMIT) return 0;
    Ids.cursor = id;
    store<u32>(entryOf(id), LIVE);
    return id;
  }

  /** Ends the life of `id`; returns how many entries died with it. */
  static retire(id: u32): u32 {
    const at = entryOf(id);
    const entries = load<u32>(at) & ENTRIES;
    store<u32>(at, DEAD);
    Ids.deadEntries += entries;
    Ids.holes = true;
    Ids.change();
    return entries;
  }

  /** After a sweep: dead ids may be taken again. */
  static swept(): void {
    for (let id: u32 = 1; id < <u32>ID_LIMIT; ++id) {
      const at = entryOf(id);
      if ((load<u32>(at) & DEAD) !== 0) store<u32>(at, 0);
    }
    Ids.cursor = 0;
    Ids.deadEntries = 0;
  }

  static isLive(tag: u64): bool {
    return (load<u32>(entryOf(idOf(tag))) & LIVE) !== 0;
  }

  static entries(id: u32): u32 {
    return load<u32>(entryOf(id)) & ENTRIES;
  }

  static added(tag: u64): void {
    const at = entryOf(idOf(tag));
    store<u32>(at, load<u32>(at) + 1);
  }

  /** One entry with `tag` left its cache; entries of dead ids are no longer counted. */
  static removed(tag: u64): void {
    const at = entryOf(idOf(tag));
    const word = load<u32>(at);
    if ((word & LIVE) !== 0) {
      store<u32>(at, word - 1);
    } else {
      Ids.deadEntries -= 1;
    }
  }
}
