// The stacks of set-associative LRU caches with one number of sets and any number of ways: a short stack a set, as full-stack.ts
// has a long one, with the same rule for the holes that invalidations leave.
import type { PageIndex, StudiedPage } from "./page-index.js";
import { setIndex } from "./set-index.js";

/** In place of a page's number: nothing was ever so deep; an entry that was invalidated. */
const EMPTY = 0;
const HOLE = -1;

/** Hits by the number of ways. */
export class SetStacks {
  /** Hits by position in the stack. */
  readonly hits: Float64Array;
  readonly #pages: PageIndex;
  readonly #setBits: number;
  readonly #ways: number;
  /** Numbers of pages, set by set, the one used last first. */
  readonly #slots: Int32Array;

  /**
   * @param pages told of pages that are pushed out
   * @param setBits log2 of the number of sets
   * @param ways of the largest cache
   */
  constructor(pages: PageIndex, setBits: number, ways: number) {
    this.#pages = pages;
    this.#setBits = setBits;
    this.#ways = ways;
    this.#slots = new Int32Array(ways * 2 ** setBits);
    this.hits = new Float64Array(ways + 1);
  }

  /** A lookup of a page, which is then on top. */
  use(page: StudiedPage): void {
    const slots = this.#slots;
    const { id } = page;
    const top = this.#topOf(page);
    const end = top + this.#ways;
    let hole = -1;
    let at = top;
    for (; at < end; at++) {
      const held = slots[at] as number;
      if (held === id || held === EMPTY) break;
      if (held === HOLE && hole < 0) hole = at;
    }
    const found = at < end && slots[at] === id;
    if (found) this.hits[at - top + 1] = (this.hits[at - top + 1] as number) + 1;
    // what comes in takes the topmost hole, or pushes down all that is above its old place
    let to = hole < 0 ? Math.min(at, end - 1) : hole;
    const out = slots[to] as number;
    for (; to > top; to--) slots[to] = slots[to - 1] as number;
    slots[top] = id;
    if (found) {
      if (hole >= 0) slots[at] = HOLE;
      return;
    }
    page.holders++;
    if (out > 0) this.#pages.release(this.#pages.byId(out));
  }

  /** Drops a page, if it is there. */
  drop(page: StudiedPage): void {
    const top = this.#topOf(page);
    for (let at = top; at < top + this.#ways; at++) {
      if (this.#slots[at] !== page.id) continue;
      this.#slots[at] = HOLE;
      page.holders--;
      return;
    }
  }

  /** Drops all; what was counted stays. */
  clear(): void {
    this.#slots.fill(EMPTY);
  }

  #topOf({ fold, space }: StudiedPage): number {
    return setIndex(fold, space, this.#setBits) * this.#ways;
  }
}
