// The one-pass curve against one plain LRU cache for each size, fed the same lookups and invalidations.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MissCurve } from "../../src/study/miss-curve.js";
import { foldPage, setIndex } from "../../src/study/set-index.js";

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

/** Sets of such caches, by the index function that test/cli/replay-curve checks against the machine. */
class SetCache {
  readonly #sets: readonly LruCache[];
  constructor(entries: number, ways: number) {
    this.#sets = Array.from({ length: entries / ways }, () => new LruCache(ways));
  }

  get misses(): number {
    return this.#sets.reduce((sum, { misses }) => sum + misses, 0);
  }

  lookUp(space: number, address: number, lg2: number): void {
    const fold = foldPage(address - (address % 2 ** lg2), lg2);
    this.#sets[setIndex(fold, space, Math.log2(this.#sets.length))]!.lookUp(space, address, lg2);
  }

  invalidate(space: number | undefined, first: number, last: number): void {
    for (const set of this.#sets) set.invalidate(space, first, last);
  }
}

const GEOMETRIES = [
  [2, 1],
  [4, 2],
  [8, 1],
  [12, 3],
  [16, 4],
  [16, 8],
  [32, 1],
] as const;
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
  it("counts the misses of an LRU cache of each size and number of ways, invalidations included", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const curve = new MissCurve(MOST, 8);
        const full = SIZES.map((size) => new LruCache(size));
        const sets = GEOMETRIES.map(([entries, ways]) => new SetCache(entries, ways));
        const caches = [...full, ...sets];
        let misses = 0;
        for (const one of operations) {
          if (one.kind === "miss") {
            curve.missAll();
            misses++;
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
        expect(SIZES.map((size) => curve.misses(size) - misses)).toEqual(full.map((cache) => cache.misses));
        expect(GEOMETRIES.map(([entries, ways]) => curve.misses(entries, ways) - misses)).toEqual(
          sets.map((cache) => cache.misses),
        );
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

  it("drops pieces of a leaf with the leaf, and by level only leaves of that size", () => {
    const curve = new MissCurve(64, 4);
    // Two 4 KiB pieces of a 2 MiB leaf, and a 4 KiB page.
    const touch = (): number => {
      const before = curve.misses(64);
      curve.lookUp(0, 0x20_0000, 12, 21);
      curve.lookUp(0, 0x20_5000, 12, 21);
      curve.lookUp(0, 0x40_0000, 12);
      return curve.misses(64) - before;
    };
    expect(touch()).toBe(3);
    curve.invalidate(0, 0x20_9000, 0x20_9fff);
    expect(touch()).toBe(2);
    curve.invalidate(0, 0, 0xffff_ffff, 12);
    expect(touch()).toBe(1);
    curve.invalidate(1);
    expect(touch()).toBe(0);
    curve.clear();
    expect(touch()).toBe(3);
    expect(curve.lookups).toBe(15);
  });

  it("tells how many lookups met a page that the tables had lost", () => {
    const curve = new MissCurve(8);
    curve.lookUp(0, 0x5000, 12);
    curve.unmap(0, 0x5000, 0x5fff);
    curve.lookUp(0, 0x6000, 12);
    expect(curve.staleLookups).toBe(0);
    curve.lookUp(0, 0x5123, 12);
    curve.lookUp(0, 0x5456, 12);
    curve.fault(0, 0x5000);
    curve.fault(0, 0x6000);
    // Under another size it is the same address.
    curve.lookUp(0, 0x5000, 21);
    expect(curve.staleLookups).toBe(4);
    curve.invalidate(0, 0x5000, 0x5fff);
    curve.lookUp(0, 0x5000, 12);
    expect(curve.staleLookups).toBe(4);
  });

  it("refuses sizes beyond what it counts", () => {
    expect(() => new MissCurve(0)).toThrow('"most" expected 1..1048576, got 0');
    expect(() => new MissCurve(8).misses(9)).toThrow('"entries" expected 1..8, got 9');
    expect(() => new MissCurve(8, 65)).toThrow('"ways" expected 0..64, got 65');
    for (const ways of [3, 4]) {
      expect(() => new MissCurve(8, 2).misses(8, ways)).toThrow(/"ways" expected 8, or so many/);
    }
    expect(() => new MissCurve(8).misses(8, 1)).toThrow(/"ways" expected/);
  });
});
