// The stack of fully associative LRU caches of every size: one pass tells the hits of all of them (stack distances, after
// Mattson; counted in a Fenwick tree, after Olken).
//
// Position 1 is what was used last. A lookup at position d hits in every cache of d entries or more. An invalidation leaves
// a hole at its position: each cache that reaches so far has a free entry, which the next entry that comes in takes, so that
// nothing below is pushed down. When the lookup itself was further down, the caches that reach so far needed no entry: for
// them the hole is now where the entry was.
import type { PageIndex, StudiedPage } from "./page-index.js";

const FIRST_SLOTS = 4096;

/** Hits by the size of a fully associative LRU cache. */
export class FullStack {
  /** Hits by position in the stack. */
  readonly hits: Float64Array;
  readonly #pages: PageIndex;
  /** What is in each slot of the time axis: a page, a hole, or nothing any more. */
  #slots: (StudiedPage | "hole" | undefined)[] = [];
  /** Fenwick tree over occupied slots. */
  #tree: Int32Array = new Int32Array(FIRST_SLOTS + 1);
  /** Slots of holes, ascending; the last is the topmost hole. */
  #holes: number[] = [];
  #occupied = 0;

  /**
   * @param pages told of pages that are pushed out
   * @param most entries of the largest cache
   */
  constructor(
    pages: PageIndex,
    readonly most: number,
  ) {
    this.#pages = pages;
    this.hits = new Float64Array(most + 1);
  }

  /** A lookup of a page, which is then on top. */
  use(page: StudiedPage): void {
    if (page.slot >= 0) {
      this.#hit(page);
    } else {
      this.#makeRoom();
      page.holders++;
    }
    this.#push(page);
    this.#forget();
  }

  /** Drops a page, if it is there. */
  drop(page: StudiedPage): void {
    if (page.slot < 0) return;
    this.#slots[page.slot] = "hole";
    insertSorted(this.#holes, page.slot);
    page.slot = -1;
    page.holders--;
  }

  /** Drops all; what was counted stays. */
  clear(): void {
    this.#slots = [];
    this.#holes = [];
    this.#tree.fill(0);
    this.#occupied = 0;
  }

  /** Counts a hit at the page's position and takes it out, for it to be pushed on top. */
  #hit(page: StudiedPage): void {
    const position = this.#occupied - this.#before(page.slot);
    this.hits[position] = (this.hits[position] as number) + 1;
    const hole = this.#holes.at(-1);
    if (hole !== undefined && hole > page.slot) {
      // The topmost hole is above: smaller caches have filled it, larger ones have one here instead.
      this.#holes.pop();
      this.#release(hole);
      this.#slots[page.slot] = "hole";
      insertSorted(this.#holes, page.slot);
    } else {
      this.#release(page.slot);
    }
  }

  /** A new page takes the topmost hole, if there is one. */
  #makeRoom(): void {
    const hole = this.#holes.pop();
    if (hole !== undefined) this.#release(hole);
  }

  #push(page: StudiedPage): void {
    if (this.#slots.length >= this.#tree.length - 1) this.#compact();
    page.slot = this.#slots.length;
    this.#slots.push(page);
    this.#occupied++;
    this.#add(page.slot, 1);
  }

  /** What is deeper than the largest cache can never hit. */
  #forget(): void {
    while (this.#occupied > this.most) {
      const slot = this.#deepest();
      const what = this.#slots[slot];
      this.#release(slot);
      if (what === "hole") {
        this.#holes.shift();
      } else if (what) {
        what.slot = -1;
        this.#pages.release(what);
      }
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
    for (let slot = 0; slot < kept.length; slot++) {
      const what = kept[slot];
      if (what === "hole") this.#holes.push(slot);
      else if (what) what.slot = slot;
    }
    // the sums of a tree over so many occupied slots, each of as many slots as its lowest bit says
    for (let at = 1; at < size; at++) {
      const span = at & -at;
      this.#tree[at] = Math.max(0, Math.min(kept.length - (at - span), span));
    }
  }
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
