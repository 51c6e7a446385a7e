// The one-pass curve against one plain LRU cache for each size, fed the same lookups and invalidations.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MissCurve } from "../../src/study/miss-curve.js";

interface Page {
  space: number;
  first: number;
  last: number;
}

/** A fully associative LRU cache, most recent first. */
class LruCache {
  readonly #entries: Page[] = [];
  misses = 0;
  constructor(readonly size: number) {}

  lookUp(space: number, address: number, lg2: number): void {
    const first = address - (address % 2 ** lg2);
    const last = first + 2 ** lg2 - 1;
    const at = this.#entries.findIndex(
      (one) => one.space === space && one.first === first && one.last === last,
    );
    const [entry] = at >= 0 ? this.#entries.splice(at, 1) : [];
    if (!entry) {
      this.misses++;
      if (this.#entries.length === this.size) this.#entries.pop();
    }
    this.#entries.unshift(entry ?? { space, first, last });
  }

  invalidate(space: number | undefined, first: number, last: number): void {
    for (let at = this.#entries.length - 1; at >= 0; at--) {
      const one = this.#entries[at]!;
      if ((space === undefined || one.space === space) && one.first <= last && one.last >= first) {
        this.#entries.splice(at, 1);
      }
    }
  }
}

const SIZES = [1, 2, 3, 4, 7, 8, 16, 40];
const MOST = 40;

type Operation =
  | { kind: "look up"; space: number; page: number }
  | { kind: "drop"; space: number | undefined; page: number; pages: number }
  | { kind: "miss" };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("look up" as const),
      space: fc.integer({ min: 1, max: 3 }),
      page: fc.integer({ min: 0, max: 40 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("drop" as const),
      space: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      page: fc.integer({ min: 0, max: 40 }),
      pages: fc.constantFrom(1, 1, 1, 3, 1000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "miss" as const }) },
);

describe("MissCurve", () => {
  it("counts the misses of an LRU cache of each size, invalidations included", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const curve = new MissCurve(MOST);
        const caches = SIZES.map((size) => new LruCache(size));
        for (const one of operations) {
          if (one.kind === "miss") {
            curve.missAll();
            for (const cache of caches) cache.misses++;
          } else if (one.kind === "look up") {
            // Pages of 4 KiB, and of 16 KiB in every fourth place.
            const lg2 = one.page % 4 === 3 ? 14 : 12;
            const address = one.page * 0x4000 + 0x123;
            curve.lookUp(one.space, address, lg2);
            for (const cache of caches) cache.lookUp(one.space, address, lg2);
          } else {
            const first = one.page * 0x4000;
            const last = first + one.pages * 0x4000 - 1;
            curve.invalidate(one.space, first, last);
            for (const cache of caches) cache.invalidate(one.space, first, last);
          }
        }
        expect(SIZES.map((size) => curve.misses(size))).toEqual(caches.map(({ misses }) => misses));
      }),
      { numRuns: 300 },
    );
  });

  it("keeps no more than the largest cache holds, over more lookups than its first time axis", () => {
    const curve = new MissCurve(64);
    const cache = new LruCache(64);
    for (let n = 0; n < 20_000; n++) {
      const address = ((n * 7919) % 97) * 4096;
      curve.lookUp(1, address, 12);
      cache.lookUp(1, address, 12);
    }
    expect(curve.misses(64)).toBe(cache.misses);
    expect(curve.lookups).toBe(20_000);
  });

  it("refuses sizes beyond what it counts", () => {
    expect(() => new MissCurve(0)).toThrow('"most" expected 1..1048576, got 0');
    expect(() => new MissCurve(8).misses(9)).toThrow('"entries" expected 1..8, got 9');
  });
});
