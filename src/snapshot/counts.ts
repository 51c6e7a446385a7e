// Counters as a part keeps them, by name, those that are not 0: what an older version did not count yet is 0.

import type { StateReader } from "./state-reader.js";
import type { StateWriter } from "./state-writer.js";

const MOST = 1024;
/** The shortest: a length, no name, a value. */
const ITEM_BYTES = 9;

/** Writes counters. */
export function saveCounts(to: StateWriter, counts: object): void {
  const counted = Object.entries(counts).filter(([, value]) => value !== 0);
  to.list(counted, ([name, value]) => {
    to.text(name);
    to.u64(value as number);
  });
}

/**
 * Reads counters.
 *
 * @param zero the counters that there are, each 0
 * @throws SnapshotError for a name that is not among them, or is there twice
 */
export function loadCounts<Counts extends object>(from: StateReader, zero: Counts): Counts {
  const values = new Map<string, number>();
  from.list("counts", MOST, ITEM_BYTES, () => {
    const name = from.text("counter");
    from.expect(Object.hasOwn(zero, name), "counter", "a known name", name);
    from.expect(!values.has(name), "counter", "each name once", name);
    values.set(name, from.number(name));
  });
  return { ...zero, ...Object.fromEntries(values) };
}
