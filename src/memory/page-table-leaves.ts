// Where the leaves of a mapping point: one run of output addresses, or pages that lie anywhere. These are the loops
// that run once an entry (16.7 million for 64 GiB in 4 KiB pages): words only, no bigint, nothing allocated.
import type { EntryWords, LeafChoice, TableFormat } from "./page-table-format.js";

/** The leaves of one mapping, by input address. */
export interface Leaves {
  readonly start: number;
  /** First address after the mapping. */
  readonly end: number;
  /** Whether the `step` bytes of an entry of a level become a leaf where they lie inside; at level 3 they always do. */
  fits(level: number, step: number): boolean;
  /** Writes leaves of `step` bytes from input address `at` on, two words each. */
  write(words: Uint32Array, level: number, step: number, at: number): void;
}

/** One run of output addresses, in the largest leaves that fit. */
export class LeafRun implements Leaves {
  readonly start: number;
  readonly end: number;
  readonly #format: TableFormat<LeafChoice>;
  readonly #page: EntryWords;
  readonly #choice: LeafChoice;
  /** Output minus input address. */
  readonly #delta: number;

  /**
   * @param page a page's bits
   * @param start first input address
   * @param output first output address
   */
  constructor(
    format: TableFormat<LeafChoice>,
    page: EntryWords,
    choice: LeafChoice,
    start: number,
    size: number,
    output: number,
  ) {
    this.#format = format;
    this.#page = page;
    this.#choice = choice;
    this.start = start;
    this.end = start + size;
    this.#delta = output - start;
  }

  fits(level: number, step: number): boolean {
    const { shape } = this.#format;
    const { maxLeafLg2 } = this.#choice;
    if (maxLeafLg2 !== undefined && shape.shift(level) > maxLeafLg2) return false;
    return shape.mayHoldLeaf(level) && isMultiple(this.#delta, step);
  }

  write(words: Uint32Array, level: number, step: number, at: number): void {
    const format = this.#format;
    const { low, high } = format.atLevel(this.#page, level);
    let output = at + this.#delta;
    for (let i = 0; i < words.length; i += 2) {
      words[i + 1] = high | format.addressHigh(output);
      words[i] = low | format.addressLow(output);
      output += step;
    }
    if (!this.#choice.contiguous) return;
    markRuns(format, words, level, step, at, (first, run) => isMultiple(first + this.#delta, run));
  }
}

/** Pages of the smallest size that lie anywhere. */
export class ScatteredPages implements Leaves {
  readonly start: number;
  readonly end: number;
  readonly #format: TableFormat<LeafChoice>;
  readonly #page: EntryWords;
  readonly #choice: LeafChoice;
  readonly #pages: Float64Array;

  /**
   * @param page a page's bits
   * @param start first input address
   * @param pages output address of each page
   */
  constructor(
    format: TableFormat<LeafChoice>,
    page: EntryWords,
    choice: LeafChoice,
    start: number,
    pages: Float64Array,
  ) {
    this.#format = format;
    this.#page = page;
    this.#choice = choice;
    this.start = start;
    this.end = start + pages.length * format.shape.granule;
    this.#pages = pages;
  }

  fits(level: number): boolean {
    return level === 3;
  }

  write(words: Uint32Array, level: number, step: number, at: number): void {
    const format = this.#format;
    const pages = this.#pages;
    const { low, high } = format.atLevel(this.#page, level);
    let page = this.#number(at);
    for (let i = 0; i < words.length; i += 2) {
      const output = pages[page++] as number;
      words[i + 1] = high | format.addressHigh(output);
      words[i] = low | format.addressLow(output);
    }
    if (this.#choice.contiguous)
      markRuns(format, words, level, step, at, (first, run) => this.#isRun(first, run));
  }

  #number(at: number): number {
    return (at - this.start) / this.#format.shape.granule;
  }

  #isRun(at: number, run: number): boolean {
    const { granule } = this.#format.shape;
    const first = this.#number(at);
    const output = this.#pages[first] as number;
    if (!isMultiple(output, run)) return false;
    for (let page = 1; page < run / granule; page++) {
      if (this.#pages[first + page] !== output + page * granule) return false;
    }
    return true;
  }
}

/** Marks the whole runs among leaves of a level from input address `at` on whose outputs are one run too. */
function markRuns(
  format: TableFormat<LeafChoice>,
  words: Uint32Array,
  level: number,
  step: number,
  at: number,
  isRun: (first: number, run: number) => boolean,
): void {
  const { shape, contiguousBits } = format;
  const entries = shape.contiguousEntries(level);
  if (entries === 1) return;
  const run = entries * step;
  const end = at + (words.length / 2) * step;
  for (let first = Math.ceil(at / run) * run; first + run <= end; first += run) {
    if (!isRun(first, run)) continue;
    const from = ((first - at) / step) * 2;
    for (let i = from; i < from + 2 * entries; i += 2) {
      words[i] = (words[i] as number) | contiguousBits.low;
      words[i + 1] = (words[i + 1] as number) | contiguousBits.high;
    }
  }
}

/** Whether `value` is a multiple of a power of two. */
function isMultiple(value: number, of: number): boolean {
  return Number.isInteger(value / of);
}
