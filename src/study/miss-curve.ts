// MissCurve: how many misses an LRU cache of every size would have, fully associative or in sets, from one pass over what is
// looked up and invalidated. The stacks that tell are in full-stack.ts and set-stacks.ts.
import { FullStack } from "./full-stack.js";
import { PageIndex, type StudiedPage } from "./page-index.js";
import { SetStacks } from "./set-stacks.js";

/** Misses by size and ways of LRU caches. */
export class MissCurve {
  readonly #pages = new PageIndex();
  readonly #full: FullStack;
  /** By log2 of the number of sets, from 1. */
  readonly #sets: readonly SetStacks[];
  readonly #stacks: readonly (FullStack | SetStacks)[];
  /** The page that was looked up last: it is on top of every stack. */
  #last: StudiedPage | undefined;
  /** Lookups of that page again. */
  #repeats = 0;
  #lookups = 0;
  #staleLookups = 0;

  /**
   * @param most entries of the largest cache to tell of, 1..2^20
   * @param ways of the set-associative caches with the most ways to tell of, 0..64; default 0: fully associative ones alone
   */
  constructor(most = 65_536, ways = 0) {
    this.#full = new FullStack(this.#pages, whole("most", most, 1, 2 ** 20));
    const sizes = whole("ways", ways, 0, 64) === 0 ? 0 : Math.floor(Math.log2(most));
    this.#sets = Array.from(
      { length: sizes },
      (_, n) => new SetStacks(this.#pages, n + 1, Math.min(ways, Math.floor(most / 2 ** (n + 1)))),
    );
    this.#stacks = [this.#full, ...this.#sets];
  }

  /** Lookups so far. */
  get lookups(): number {
    return this.#lookups;
  }

  /**
   * Lookups that met a page which the tables no longer had (see `unmap`). A cache without it has to walk then, and may find
   * something else or nothing: so many lookups may count wrongly at some sizes.
   */
  get staleLookups(): number {
    return this.#staleLookups;
  }

  /**
   * Looks an address up, and brings its entry in where it is missing.
   *
   * @param space number of the translation space (what VMID, ASID or domain and PASID name); for the same sets as an IOTLB of
   *   the machine, counted from 0 in the order in which the machine meets them
   * @param address input address, below 2^53
   * @param leafLg2 log2 of the bytes that its entry covers
   * @param blockLg2 log2 of the leaf that the entry is a piece of; default: it is a whole one
   */
  lookUp(space: number, address: number, leafLg2: number, blockLg2 = leafLg2): void {
    this.#lookups++;
    const last = this.#last;
    if (last?.space === space && last.leafLg2 === leafLg2 && address >= last.first && address <= last.last) {
      this.#repeats++;
      if (last.stale) this.#staleLookups++;
      return;
    }
    if (this.#pages.isStale(space, address)) this.#staleLookups++;
    const page =
      this.#pages.find(space, address, leafLg2) ?? this.#pages.add(space, address, leafLg2, blockLg2);
    for (const stack of this.#stacks) stack.use(page);
    this.#last = page;
  }

  /**
   * Whether some size has an entry.
   *
   * @param space number of the translation space
   * @param address input address
   * @param leafLg2 log2 of the bytes that the entry covers
   */
  holds(space: number, address: number, leafLg2: number): boolean {
    return this.#pages.find(space, address, leafLg2) !== undefined;
  }

  /**
   * Counts lookups that end without an entry, which are misses at every size.
   *
   * @param times how many; default 1
   */
  missAll(times = 1): void {
    this.#lookups += times;
  }

  /**
   * A lookup that ended in a fault, and counts with `missAll`: where some size still has an entry, it is a stale one.
   *
   * @param space number of the translation space
   * @param address input address
   */
  fault(space: number, address: number): void {
    if (this.#pages.isStale(space, address)) this.#staleLookups++;
  }

  /**
   * Drops entries; what is left out means any.
   *
   * @param space number of the translation space
   * @param first first input address; with `last` the inclusive range
   * @param leafLg2 only leaves of this size, as log2; 0 is any
   */
  invalidate(space?: number, first = 0, last = Number.POSITIVE_INFINITY, leafLg2 = 0): void {
    if (space === undefined) {
      for (const one of this.#pages.spaces) this.invalidate(one, first, last, leafLg2);
      return;
    }
    for (const page of this.#pages.within(space, first, last)) {
      if (leafLg2 !== 0 && page.blockLg2 !== leafLg2) continue;
      for (const stack of this.#stacks) stack.drop(page);
      this.#pages.forget(page);
      if (page === this.#last) this.#last = undefined;
    }
  }

  /**
   * The tables lose a range, while entries stay until they are invalidated; see `staleLookups`.
   *
   * @param space number of the translation space
   * @param first first input address
   * @param last last input address
   */
  unmap(space: number, first: number, last: number): void {
    for (const page of this.#pages.within(space, first, last)) this.#pages.markStale(page);
  }

  /** All caches empty, as after power-on; what was counted stays. */
  clear(): void {
    for (const stack of this.#stacks) stack.clear();
    this.#pages.clear();
    this.#last = undefined;
  }

  /**
   * Misses of a cache.
   *
   * @param entries its size, 1..most
   * @param ways entries that one address may be in; default all. The number of sets must be a power of two
   * @throws RangeError for a cache beyond what was asked for at creation
   */
  misses(entries: number, ways = entries): number {
    whole("entries", entries, 1, this.#full.most);
    const setBits = Math.log2(entries / ways);
    const stack = ways === entries ? this.#full : this.#sets[setBits - 1];
    if (stack === undefined || ways >= stack.hits.length) {
      throw new RangeError(
        `"ways" expected ${entries}, or so many that the sets are a power of two, up to those asked for; got ${ways}`,
      );
    }
    let hits = this.#repeats;
    for (let position = 1; position <= ways; position++) hits += stack.hits[position] as number;
    return this.#lookups - hits;
  }
}

function whole(name: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`"${name}" expected ${low}..${high}, got ${value}`);
  }
  return value;
}
