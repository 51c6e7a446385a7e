// The entries of a device TLB: set-associative, each with a page size of its own. Addresses are 4 KiB page numbers, which a
// number holds exactly (52 bits). What an entry is tagged with besides its address is its key: 0 without a PASID, else
// 2 (PASID + 1), and 1 more in privileged mode (PCIe 10.2.2: rights of both modes are unrelated).

import type { AtcPlan } from "./atc-options.js";

export const RIGHT_READ = 1;
export const RIGHT_WRITE = 2;
export const RIGHT_EXECUTE = 4;
/** The range may be accessed with untranslated requests only (U). */
export const UNTRANSLATED_ONLY = 8;

/** The key of requests with this PASID in this mode. */
export function keyOf(pasid: number | undefined, privileged: boolean): number {
  return pasid === undefined ? 0 : 2 * (pasid + 1) + (privileged ? 1 : 0);
}

/** Lowest and highest of the keys that an invalidation with this PASID, or of every PASID, is for. */
export function keysOf(pasid: number | undefined, global: boolean): readonly [low: number, high: number] {
  if (pasid === undefined) return [0, 0];
  return global ? [2, Number.MAX_SAFE_INTEGER] : [keyOf(pasid, false), keyOf(pasid, true)];
}

const FREE = -1;
const SIZES = 65;
const PAGE_LG2 = 12;

/** Pages of 4 KiB in a range of 2^lg2 bytes. */
const pagesIn = (lg2: number): number => 2 ** (lg2 - PAGE_LG2);

/** The entries of one device TLB. */
export class AtcEntries {
  readonly #ways: number;
  readonly #sets: number;
  readonly #lru: boolean;
  readonly #key: Float64Array;
  /** First page of the entry, and of what it translates to. */
  readonly #page: Float64Array;
  readonly #target: Float64Array;
  readonly #lg2: Uint8Array;
  readonly #rights: Uint8Array;
  /** When an entry was last used or, with FIFO, made. */
  readonly #stamp: Float64Array;
  readonly #ofSize = new Uint32Array(SIZES);
  /** Sizes that entries have, smallest first. */
  #sizes: readonly number[] = [];
  #clock = 0;

  /** @param plan geometry and policy */
  constructor({ entries, ways, policy }: AtcPlan) {
    this.#ways = ways;
    this.#sets = entries / ways;
    this.#lru = policy === "lru";
    this.#key = new Float64Array(entries).fill(FREE);
    this.#page = new Float64Array(entries);
    this.#target = new Float64Array(entries);
    this.#lg2 = new Uint8Array(entries);
    this.#rights = new Uint8Array(entries);
    this.#stamp = new Float64Array(entries);
  }

  /** The entry for a page, or -1; it counts as used. */
  find(key: number, page: number): number {
    for (const lg2 of this.#sizes) {
      const pages = pagesIn(lg2);
      const first = page - (page % pages);
      const start = this.#setOf(key, first / pages);
      for (let at = start; at < start + this.#ways; ++at) {
        if (this.#key[at] !== key || this.#page[at] !== first || this.#lg2[at] !== lg2) continue;
        if (this.#lru) this.#stamp[at] = ++this.#clock;
        return at;
      }
    }
    return -1;
  }

  /** Rights of an entry. */
  rights(at: number): number {
    return this.#rights[at]!;
  }

  /** What an entry translates a page to. */
  translate(at: number, page: number): number {
    return this.#target[at]! + (page - this.#page[at]!);
  }

  /**
   * Puts an entry in, in the place of all that it covers or lies in.
   *
   * @param first page that it begins at, aligned to its size
   * @param target page that it translates to
   * @returns whether another one made room
   */
  insert(key: number, first: number, target: number, lg2: number, rights: number): boolean {
    this.#dropRange(key, key, first, first + pagesIn(lg2) - 1, lg2);
    const start = this.#setOf(key, first / pagesIn(lg2));
    let at = start;
    for (let way = start; way < start + this.#ways && this.#key[at] !== FREE; ++way) {
      if (this.#key[way] === FREE || this.#stamp[way]! < this.#stamp[at]!) at = way;
    }
    const evicted = this.#key[at] !== FREE;
    if (evicted) this.#free(at);
    this.#key[at] = key;
    this.#page[at] = first;
    this.#target[at] = target;
    this.#lg2[at] = lg2;
    this.#rights[at] = rights;
    this.#stamp[at] = ++this.#clock;
    this.#count(lg2, 1);
    return evicted;
  }

  /** Drops what has a page in first..last and a key in low..high; returns how many entries went. */
  drop(low: number, high: number, first: number, last: number): number {
    return this.#dropRange(low, high, first, last, 0);
  }

  /** Drops everything. */
  clear(): number {
    return this.drop(0, Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER);
  }

  /** As drop; where all entries have the one size `lg2` and the range is one of them, its set is enough. */
  #dropRange(low: number, high: number, first: number, last: number, lg2: number): number {
    const only = this.#sizes.length === 0 || (this.#sizes.length === 1 && this.#sizes[0] === lg2);
    const start = only && lg2 !== 0 ? this.#setOf(low, first / pagesIn(lg2)) : 0;
    const end = only && lg2 !== 0 ? start + this.#ways : this.#key.length;
    let dropped = 0;
    for (let at = start; at < end; ++at) {
      const key = this.#key[at]!;
      if (key < low || key > high) continue;
      const begin = this.#page[at]!;
      if (begin > last || begin + pagesIn(this.#lg2[at]!) - 1 < first) continue;
      this.#free(at);
      dropped += 1;
    }
    return dropped;
  }

  #free(at: number): void {
    this.#key[at] = FREE;
    this.#count(this.#lg2[at]!, -1);
  }

  #count(lg2: number, change: 1 | -1): void {
    const before = this.#ofSize[lg2]!;
    this.#ofSize[lg2] = before + change;
    if (before !== 0 && before + change !== 0) return;
    this.#sizes = Array.from(this.#ofSize.keys()).filter((size) => this.#ofSize[size]! > 0);
  }

  /** First entry of the set for the `unit`-th range of a size: neighbours go to neighbouring sets. */
  #setOf(key: number, unit: number): number {
    return ((unit + key) % this.#sets) * this.#ways;
  }
}
