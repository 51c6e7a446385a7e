// What to know when reading the numbers of a run.

/** One sentence or two each. */
export const NOTES = [
  "ns: per translation or invalidation, minimum / median / maximum over the rounds of the median pass of a round.",
  "ratio: another side's time over the model's in the same round and process, median (minimum-maximum); above 1 the model is " +
    "faster. The sides take turns, in the opposite order every other round.",
  "In place: all requests stand in the model's columns beforehand, as a device model writes them there; yardsticks read " +
    "the caller's arrays as they are. Batches: copying each batch into the columns is inside the model's time only.",
  "Typed arrays: IOTLB and walker over Int32Array, as well as plain TypeScript allows, with a head start: tables in one " +
    "flat array, StreamIDs decoded beforehand, no event records, no counters. Its compare without branches is better on " +
    "random hits, its walk caches (the model's sizes) on misses.",
  "Map by number, Map by bigint: IOTLB in a Map, addresses of that type, the same head start, no walk caches: the programs " +
    "one writes first.",
  "All IOTLBs have the same number of entries and evict the oldest of a set (Maps: of all). Hits: by the model's own " +
    "counters in one pass after the rounds. Leaves: different leaves among the requests, beside the IOTLB's entries.",
  "VT-d rows: the ratio is the SMMUv3 model's time over the VT-d model's for the same stages, pages and requests.",
  "Storms: a TLBI command after each batch, by issue(); its words are encoded beforehand, yardsticks are called with " +
    "numbers. Faults: 1 % of the requests, each with an event record that is taken from the queue at the end.",
  "Every answer of every side was compared with the layout of the tables before timing, and the checksum of every pass " +
    "after it; a difference ends the run.",
];
