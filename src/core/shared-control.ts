// The control block of a unit: int32 words in shared memory over which the thread of the machine (shared-mailbox.ts) and
// the unit's worker (shared-unit.ts) speak. One line is written by each side; then the queue of runs and the ring of
// invalidations, both for one writer and one reader.

/* Words written by the machine's thread. */
/** Changes with everything that is posted; what a worker without work sleeps on. */
export const DOORBELL = 0;
/** Records written to the ring so far. */
export const WRITTEN = 1;
/** Invalidations that found the ring full: each asks for all caches to be dropped. */
export const FLUSHES = 2;
/** Power-ons, and how many records had been written before the last. */
export const RESETS = 3;
export const RESET_AT = 4;
/** Runs posted so far. */
export const RUNS = 5;

/* Words written by the worker. */
/** The last value of the doorbell behind which everything has been carried out. */
export const ANSWERED = 16;
/** Records taken off the ring so far. */
export const READ = 17;
/** 1 = the machine's thread waits for word that the doorbell is answered; the worker takes it back. */
export const WANTED = 18;

/** Runs that may be posted before the first is done. */
export const MOST_RUNS = 16;
/** First word of the queue of runs: first request, end. */
export const RUN_QUEUE = 32;

/** Records that fit into the ring; a power of two. */
export const RING_RECORDS = 1024;
/** Words of a record: what is posted, and its arguments. */
export const RECORD_WORDS = 16;
const RING = 64;

/** Bytes of a control block. */
export const CONTROL_BYTES = (RING + RING_RECORDS * RECORD_WORDS) * 4;

/** Exports of the core that must be called in every unit, with their parameters: i 32 bits, p a page number of 52. */
export const INVALIDATIONS = {
  forgetStreams: "ii",
  forgetContexts: "ii",
  forgetDomain: "ii",
  forgetFrames: "",
  invalidateAll: "iii",
  invalidatePage: "iiipi",
  invalidateRange: "iiippii",
} as const;

/** Name of an export that is called in every unit. */
export type InvalidationName = keyof typeof INVALIDATIONS;
const NAMES = Object.keys(INVALIDATIONS) as InvalidationName[];

/** First word of the `n`-th record. */
function recordAt(n: number): number {
  return RING + (n & (RING_RECORDS - 1)) * RECORD_WORDS;
}

/** First word of the `n`-th run in the queue. */
export function runAt(n: number): number {
  return RUN_QUEUE + (n & (MOST_RUNS - 1)) * 2;
}

/** Writes the `n`-th record. */
export function writeRecord(
  words: Int32Array,
  n: number,
  name: InvalidationName,
  args: readonly number[],
): void {
  let at = recordAt(n);
  words[at++] = NAMES.indexOf(name);
  for (let k = 0; k < args.length; k++) {
    words[at++] = args[k]!;
    if (INVALIDATIONS[name][k] === "p") words[at++] = args[k]! / 2 ** 32;
  }
}

/** Reads the `n`-th record. */
export function readRecord(words: Int32Array, n: number): { name: InvalidationName; args: number[] } {
  let at = recordAt(n);
  const name = NAMES[words[at++]!]!;
  const args = Array.from(INVALIDATIONS[name], (kind) => {
    const low = words[at++]!;
    return kind === "i" ? low : (low >>> 0) + words[at++]! * 2 ** 32;
  });
  return { name, args };
}
