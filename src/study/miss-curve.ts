// MissCurve: how many misses a fully associative LRU cache of every size would have, from one pass over what is looked up
// and invalidated (stack distances, after Mattson; counted in a Fenwick tree, after Olken).
//
// The stack of an LRU cache: position 1 is what was used last. A lookup at position d hits in every cache of d entries or
// more. An invalidation leaves a hole at its position: each cache that reaches so far has a free entry, which the next
// entry that comes in takes, so that nothing below is pushed down. When the lookup itself was further down, the caches that
// reach so far needed no entry: for them the hole is now where the entry was.

const FIRST_SLOTS = 4096;

/** An entry of the stack: when it was used, and what it is. */
interface Entry {
  /** Slot of the time axis: later is larger. */
  slot: number;
  readonly space: number;
  readonly key: number;
  /** Inclusive range of input addresses. */
  readonly first: number;
  readonly last: number;
}

/** Misses by cache size, for fully associative LRU caches. */
export class MissCurve {
  readonly #most: number;
  /** Entries by space, then by page and size. */
  readonly #spaces = new Map<number, Map<number, Entry>>();
  /** Page sizes seen, as log2. */
  readonly #sizes = new Set<number>();
  /** Hits by position in the stack; [0] counts lookups that no size answers. */
  #hits: Float64Array;
  /** What is in each slot of the time axis: an entry, a hole, or nothing any more. */
  #slots: (Entry | "hole" | undefined)[] = [];
  /** Fenwick tree over occupied slots. */
  #tree: Int32Array = new Int32Array(FIRST_SLOTS + 1);
  /** Slots of holes, ascending; the last is the topmost hole. */
  #holes: number[] = [];
  #occupied = 0;
  #lookups = 0;

  /** @param most entries of the largest cache to tell of, 1..2^20 */
  constructor(most = 65_536) {
    if (!Number.isInteger(most) || most < 1 || most > 2 ** 20) {
      throw new RangeError(`"most" expected 1..${2 ** 20}, got ${most}`);
    }
    this.#most = most;
    this.#hits = new Float64Array(most + 1);
  }

  /** Lookups so far. */
  get lookups(): number {
    return this.#lookups;
  }

  /**
   * Looks an address up, and brings its entry in where it is missing.
   *
   * @param space number of the translation space (what VMID, ASID or domain and PASID name)
   * @param address input address, below 2^53
   * @param leafLg2 log2 of the bytes that its entry covers
   */
  lookUp(space: number, address: number, leafLg2: number): void {
    this.#lookups++;
    this.#sizes.add(leafLg2);
    const bytes = 2 ** leafLg2;
    const first = address - (address % bytes);
    const key = keyOf(first, leafLg2);
    const entries = this.#entriesOf(space);
    const known = entries.get(key);
    if (known) this.#hit(known);
    else this.#makeRoom();
    const entry = known ?? { slot: 0, space, key, first, last: first + bytes - 1 };
    if (!known) entries.set(key, entry);
    this.#push(entry);
    this.#forget();
  }

  /** Counts a lookup that ends without an entry: a miss at every size. */
  missAll(): void {
    this.#lookups++;
    this.#hits[0] = (this.#hits[0] as number) + 1;
  }

  /**
   * Drops entries; what is left out means any.
   *
   * @param space number of the translation space
   * @param first first input address; with `last` the inclusive range
   */
  invalidate(space?: number, first = 0, last = Number.POSITIVE_INFINITY): void {
    if (space === undefined) {
      for (const one of this.#spaces.keys()) this.invalidate(one, first, last);
      return;
    }
    const entries = this.#spaces.get(space);
    if (!entries) return;
    for (const entry of this.#within(entries, first, last)) {
      entries.delete(entry.key);
      this.#slots[entry.slot] = "hole";
      insertSorted(this.#holes, entry.slot);
    }
  }

  /**
   * Misses of a cache.
   *
   * @param entries its size, 1..most
   * @throws RangeError for a size beyond what was asked for at creation
   */
  misses(entries: number): number {
    if (!Number.isInteger(entries) || entries < 1 || entries > this.#most) {
      throw new RangeError(`"entries" expected 1..${this.#most}, got ${entries}`);
    }
    let hits = 0;
    for (let position = 1; position <= entries; position++) hits += this.#hits[position] as number;
    return this.#lookups - hits;
  }

  #entriesOf(space: number): Map<number, Entry> {
    const known = this.#spaces.get(space);
    if (known) return known;
    const entries = new Map<number, Entry>();
    this.#spaces.set(space, entries);
    return entries;
  }

  /** Entries that overlap a range: probed where that is fewer than there are entries. */
  #within(entries: Map<number, Entry>, first: number, last: number): Entry[] {
    let probes = 0;
    for (const lg2 of this.#sizes) probes += (last - first) / 2 ** lg2 + 2;
    if (!(probes < entries.size)) {
      return [...entries.values()].filter((entry) => entry.first <= last && entry.last >= first);
    }
    const found: Entry[] = [];
    for (const lg2 of this.#sizes) {
      const bytes = 2 ** lg2;
      for (let at = first - (first % bytes); at <= last; at += bytes) {
        const entry = entries.get(keyOf(at, lg2));
        if (entry) found.push(entry);
      }
    }
    return found;
  }

  /** Counts a hit at the entry's position and takes it out, for it to be pushed on top. */
  #hit(entry: Entry): void {
    const position = this.#occupied - this.#before(entry.slot);
    if (position <= this.#most) this.#hits[position] = (this.#hits[position] as number) + 1;
    const hole = this.#holes.at(-1);
    if (hole !== undefined && hole > entry.slot) {
      // The topmost hole is above: smaller caches have filled it, larger ones have one here instead.
      this.#holes.pop();
      this.#release(hole);
      this.#slots[entry.slot] = "hole";
      insertSorted(this.#holes, entry.slot);
    } else {
      this.#release(entry.slot);
    }
  }

  /** A new entry takes the topmost hole, if there is one. */
  #makeRoom(): void {
    const hole = this.#holes.pop();
    if (hole !== undefined) this.#release(hole);
  }

  #push(entry: Entry): void {
    if (this.#slots.length >= this.#tree.length - 1) this.#compact();
    entry.slot = this.#slots.length;
    this.#slots.push(entry);
    this.#occupied++;
    this.#add(entry.slot, 1);
  }

  /** What is deeper than the largest cache can never hit. */
  #forget(): void {
    while (this.#occupied > this.#most) {
      const slot = this.#deepest();
      const what = this.#slots[slot];
      if (what === "hole") this.#holes.shift();
      else if (what) this.#spaces.get(what.space)?.delete(what.key);
      this.#release(slot);
    }
  }

  #release(slot: number): void {
    this.#slots[slot] = undefined;
    this.#occupied--;
    this.#add(slot, -1);
  }

  /** Occupied slots before `slot`. */
  #before(slot: number): number {
    let sum = 0;
    for (let at = slot; at > 0; at -= at & -at) sum += this.#tree[at] as number;
    return sum;
  }

  #add(slot: number, value: number): void {
    const tree = this.#tree;
    for (let at = slot + 1; at < tree.length; at += at & -at) tree[at] = (tree[at] as number) + value;
  }

  /** The earliest occupied slot: a descent of the tree. */
  #deepest(): number {
    let at = 0;
    for (let step = highestBit(this.#tree.length - 1); step > 0; step >>= 1) {
      const next = at + step;
      if (next < this.#tree.length && (this.#tree[next] as number) === 0) at = next;
    }
    return at;
  }

  /** Closes the gaps of the time axis; doubles it where more than half is in use. */
  #compact(): void {
    const kept = this.#slots.filter((what) => what !== undefined);
    const size = kept.length * 2 > this.#tree.length ? this.#tree.length * 2 : this.#tree.length;
    this.#tree = new Int32Array(size);
    this.#slots = kept;
    this.#holes = [];
    for (const [slot, what] of kept.entries()) {
      if (what === "hole") this.#holes.push(slot);
      else what.slot = slot;
      this.#add(slot, 1);
    }
  }
}

/** Page and size as one number, exact below 2^53: addresses have at most 52 bits, pages at least 12. */
function keyOf(first: number, leafLg2: number): number {
  return (first / 4096) * 64 + leafLg2;
}

function highestBit(value: number): number {
  return 2 ** (31 - Math.clz32(value));
}

function insertSorted(list: number[], value: number): void {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, value);
}
