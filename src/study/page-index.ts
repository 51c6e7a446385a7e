// The pages that at least one cache of a study holds, found by space and address. A page that no cache holds any more is
// forgotten, so that there are never more than the caches have entries.
import { foldPage } from "./set-index.js";

/** A page of a space. */
export class StudiedPage {
  readonly last: number;
  readonly fold: number;
  /** How many caches hold it. */
  holders = 0;
  /** Slot of the time axis of the fully associative stack; -1: it is not in there. */
  slot = -1;
  /** No longer in the tables, but not invalidated. */
  stale = false;

  /**
   * @param id number among all pages, from 1; used again when the page is forgotten
   * @param space number of its space
   * @param key place among the pages of the space
   * @param first first input address
   * @param leafLg2 log2 of its bytes
   * @param blockLg2 log2 of the leaf that it is a piece of, which invalidations go by
   */
  constructor(
    readonly id: number,
    readonly space: number,
    readonly key: number,
    readonly first: number,
    readonly leafLg2: number,
    readonly blockLg2: number,
  ) {
    this.last = first + 2 ** leafLg2 - 1;
    this.fold = foldPage(first, leafLg2);
  }
}

/** Pages by space and address. */
export class PageIndex {
  readonly #spaces = new Map<number, Map<number, StudiedPage>>();
  readonly #pages: (StudiedPage | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** Page sizes seen, as log2. */
  readonly #sizes = new Set<number>();
  /** Log2 of the largest leaf of which there are pieces; 0: of none. */
  #pieceLg2 = 0;
  /** Pages that are stale. */
  #stale = 0;

  /** Spaces that have had pages. */
  get spaces(): Iterable<number> {
    return this.#spaces.keys();
  }

  /** The page of this size around an address. */
  find(space: number, address: number, leafLg2: number): StudiedPage | undefined {
    return this.#spaces.get(space)?.get(keyOf(address - (address % 2 ** leafLg2), leafLg2));
  }

  /** A new page, which nothing holds yet. */
  add(space: number, address: number, leafLg2: number, blockLg2: number): StudiedPage {
    const first = address - (address % 2 ** leafLg2);
    const id = this.#free.pop() ?? this.#pages.length;
    const page = new StudiedPage(id, space, keyOf(first, leafLg2), first, leafLg2, blockLg2);
    this.#pages[id] = page;
    this.#sizes.add(leafLg2);
    if (blockLg2 > leafLg2) this.#pieceLg2 = Math.max(this.#pieceLg2, blockLg2);
    const pages = this.#spaces.get(space);
    if (pages) pages.set(page.key, page);
    else this.#spaces.set(space, new Map([[page.key, page]]));
    return page;
  }

  /** The page with a number. */
  byId(id: number): StudiedPage {
    return this.#pages[id] as StudiedPage;
  }

  /** A cache has put the page out. */
  release(page: StudiedPage): void {
    if (--page.holders === 0) this.forget(page);
  }

  /** Nothing holds the page any more. */
  forget(page: StudiedPage): void {
    this.#spaces.get(page.space)?.delete(page.key);
    this.#pages[page.id] = undefined;
    this.#free.push(page.id);
    if (page.stale) this.#stale--;
  }

  /** Forgets all. */
  clear(): void {
    this.#spaces.clear();
    this.#pages.length = 1;
    this.#free.length = 0;
    this.#stale = 0;
  }

  /** Pages that overlap a range, or are pieces of leaves that do: probed where that is fewer than there are pages. */
  within(space: number, first: number, last: number): StudiedPage[] {
    const pages = this.#spaces.get(space);
    if (!pages) return [];
    let probes = 0;
    for (const lg2 of this.#sizes) probes += (last - first) / 2 ** lg2 + 2;
    if (this.#pieceLg2 > 0 || !(probes < pages.size)) {
      return [...pages.values()].filter((page) => {
        const start = page.first - (page.first % 2 ** page.blockLg2);
        return start <= last && Math.max(page.last, start + 2 ** page.blockLg2 - 1) >= first;
      });
    }
    const found: StudiedPage[] = [];
    for (const lg2 of this.#sizes) {
      const bytes = 2 ** lg2;
      for (let at = first - (first % bytes); at <= last; at += bytes) {
        const page = pages.get(keyOf(at, lg2));
        if (page) found.push(page);
      }
    }
    return found;
  }

  /** The tables no longer have the page. */
  markStale(page: StudiedPage): void {
    if (!page.stale) this.#stale++;
    page.stale = true;
  }

  /** Whether a page that the tables no longer have is held for an address. */
  isStale(space: number, address: number): boolean {
    if (this.#stale === 0) return false;
    for (const lg2 of this.#sizes) if (this.find(space, address, lg2)?.stale) return true;
    return false;
  }
}

/** Page and size as one number, exact below 2^53: addresses have at most 52 bits, pages at least 12. */
function keyOf(first: number, leafLg2: number): number {
  return (first / 4096) * 64 + leafLg2;
}
