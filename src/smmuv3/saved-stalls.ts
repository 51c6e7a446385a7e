// The stalled transactions in a snapshot, with everything that their parts must agree on checked: each number and each
// STAG once, a transaction recorded or waiting or (inside a call only) neither, no more of either than there may be.

import { encodeRequest, type TranslateRequest } from "../machine/translation.js";
import { loadCounts, saveCounts } from "../snapshot/counts.js";
import { type Fields, leastBytes, loadRecord, saveRecord } from "../snapshot/records.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import type { StallCounts } from "./counters.js";

/** A transaction that is held. */
export interface SavedHeld extends TranslateRequest {
  transaction: number;
  /** STAG of its last record. */
  stag?: number;
  /** That record still stands for it. */
  recorded: boolean;
}

/** What the stalled transactions are at one moment. */
export interface SavedStalls {
  /** By age. */
  readonly held: readonly SavedHeld[];
  /** Numbers of those that wait, in the order in which they will be retried. */
  readonly waiting: readonly number[];
  /** STAGs from here on have never been used. */
  readonly freshTag: number;
  /** The others that are free, in the order in which they will be used. */
  readonly freeTags: readonly number[];
  readonly counts: StallCounts;
}

const HELD: Fields<SavedHeld> = {
  transaction: "number",
  stag: { maybe: "u32" },
  recorded: "flag",
  stream: "u32",
  pasid: { maybe: "u32" },
  iova: "u64",
  write: { maybe: "flag" },
  execute: { maybe: "flag" },
  privileged: { maybe: "flag" },
  translated: { maybe: "flag" },
};

/** The counters, each 0. */
export function noStalls(): StallCounts {
  return { stalls: 0, stallsRefused: 0, stallRetries: 0, stallsTerminated: 0 };
}

/** Writes them. */
export function saveStalls(to: StateWriter, stalls: SavedStalls): void {
  to.list(stalls.held, (held) => saveRecord(to, HELD, held));
  to.list(stalls.waiting, (transaction) => to.u64(transaction));
  to.u32(stalls.freshTag);
  to.list(stalls.freeTags, (stag) => to.u32(stag));
  saveCounts(to, stalls.counts);
}

function loadHeld(from: StateReader, most: number, mostTags: number): SavedHeld[] {
  let before = 0;
  const tags = new Set<number>();
  return from.list("stalled transactions", most, leastBytes(HELD), () => {
    const held = loadRecord(from, HELD);
    const { transaction, stag, recorded } = held;
    from.expect(transaction > before, "transaction", `more than ${before}`, transaction);
    from.expect(stag === undefined || stag < mostTags, "stag", `less than ${mostTags}`, stag);
    from.expect(!recorded || (stag !== undefined && !tags.has(stag)), "stag", "one of its own", stag);
    from.attempt(() => encodeRequest(held));
    if (recorded) tags.add(stag!);
    before = transaction;
    return held;
  });
}

function loadWaiting(from: StateReader, held: readonly SavedHeld[]): number[] {
  const left = new Set(held.filter(({ recorded }) => !recorded).map(({ transaction }) => transaction));
  const waiting = from.list("waiting transactions", left.size, 8, () => {
    const transaction = from.number("waiting transaction");
    from.expect(
      left.delete(transaction),
      "waiting transaction",
      "one that is held, not recorded, once",
      transaction,
    );
    return transaction;
  });
  from.expect(left.size === 0, "waiting transactions", "all that are not recorded", waiting.length);
  return waiting;
}

/**
 * Reads them.
 *
 * @param most how many may be held
 * @param mostTags how many may be recorded
 * @throws SnapshotError where they cannot be so
 */
export function loadStalls(from: StateReader, most: number, mostTags: number): SavedStalls {
  const held = loadHeld(from, most, mostTags);
  const waiting = loadWaiting(from, held);
  const freshTag = from.u32("first fresh STAG", mostTags);
  const used = new Set(held.flatMap(({ stag, recorded }) => (recorded ? [stag!] : [])));
  const freeTags = from.list("free STAGs", freshTag, 4, () => {
    const stag = from.u32("free STAG");
    from.expect(
      stag < freshTag && !used.has(stag),
      "free STAG",
      `one below ${freshTag} that is free, once`,
      stag,
    );
    used.add(stag);
    return stag;
  });
  from.expect(used.size === freshTag, "first fresh STAG", `${used.size}, those in use or free`, freshTag);
  return { held, waiting, freshTag, freeTags, counts: loadCounts(from, noStalls()) };
}
