// A textbook set-associative TLB of one set, to count against: which of a sequence of lookups hit. Free ways are used
// first, the lowest first; else the policy names the victim. Nothing here is shared with the package.

export type Policy = "fifo" | "lru" | "plru";

export interface Page {
  readonly asid: number;
  readonly page: bigint;
}

export class OneSet {
  readonly #ways: (Page | undefined)[];
  readonly #policy: Policy;
  /** LRU: ways, the least recently used first. */
  readonly #order: number[];
  /** FIFO: the next way to make room, round robin. */
  #pointer = 0;
  /** PLRU: an inner node of the tree says which half to look for the victim in: true = the upper. */
  readonly #tree = new Map<string, boolean>();

  constructor(ways: number, policy: Policy) {
    this.#ways = new Array<Page | undefined>(ways).fill(undefined);
    this.#policy = policy;
    this.#order = Array.from({ length: ways }, (_, way) => way);
  }

  /** Looks `page` up, and puts it in when it is not there; whether it was. */
  access(asid: number, page: bigint): boolean {
    const found = this.#ways.findIndex((held) => held?.asid === asid && held.page === page);
    if (found >= 0) {
      this.#use(found);
      return true;
    }
    const free = this.#ways.indexOf(undefined);
    const way = free >= 0 ? free : this.#victim();
    this.#ways[way] = { asid, page };
    this.#use(way);
    return false;
  }

  invalidate(matches: (held: Page) => boolean): number {
    let dropped = 0;
    for (const [way, held] of this.#ways.entries()) {
      if (!held || !matches(held)) continue;
      this.#ways[way] = undefined;
      ++dropped;
    }
    return dropped;
  }

  #use(way: number): void {
    this.#order.splice(this.#order.indexOf(way), 1);
    this.#order.push(way);
    this.#walkTree((low, high) => {
      const middle = (low + high) / 2;
      const isUpper = way >= middle;
      this.#tree.set(`${low}-${high}`, !isUpper);
      return isUpper;
    });
  }

  #victim(): number {
    if (this.#policy === "lru") return this.#order[0]!;
    if (this.#policy === "plru")
      return this.#walkTree((low, high) => this.#tree.get(`${low}-${high}`) ?? false);
    const way = this.#pointer;
    this.#pointer = (way + 1) % this.#ways.length;
    return way;
  }

  /** Halves the set until one way is left, into the upper half where `goUp` says so. */
  #walkTree(goUp: (low: number, high: number) => boolean): number {
    let low = 0;
    let high = this.#ways.length;
    while (high - low > 1 && this.#policy === "plru") {
      const middle = (low + high) / 2;
      if (goUp(low, high)) low = middle;
      else high = middle;
    }
    return low;
  }
}
