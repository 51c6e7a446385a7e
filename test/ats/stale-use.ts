// Random changes of tables, invalidations in steps and accesses of an endpoint, against what the tables have said. An
// access may end as any state of the tables does that was not yet invalidated; anything else is a stale use.

import type { Random } from "../property/random.js";
import { type AtsRig, LARGE_RANGES, SMALL_PAGES, type WrongOrder } from "./rigs.js";

/** How a page may answer; undefined = not at all. */
type Leaf = { readonly pa: number; readonly write: boolean } | undefined;

interface PageState {
  leaf: Leaf;
  /** What it was before, until an invalidation that began after the change is complete. */
  readonly past: { readonly leaf: Leaf; readonly until: number }[];
}

/** A sequence of invalidation on its way. */
interface Invalidation {
  readonly page: number;
  readonly pages: number;
  readonly steps: ("iommu" | "device")[];
  /** When the IOMMU had forgotten. */
  since: number;
}

/** Which invalidations a change is followed by. */
export type Order = "right" | WrongOrder;

const STEPS: Readonly<Record<Order, readonly ("iommu" | "device")[]>> = {
  right: ["iommu", "device"],
  "no-device": ["iommu"],
  "device-first": ["device", "iommu"],
};

const PAGES = SMALL_PAGES * (LARGE_RANGES + 1);
/** Few, so that they are used again and again. */
const USED_SMALL = 24;

/** One run. */
export class StaleUse {
  accesses = 0;
  hits = 0;
  readonly #rig: AtsRig;
  readonly #random: Random;
  readonly #order: Order;
  readonly #pages: PageState[] = Array.from({ length: PAGES }, () => ({ leaf: undefined, past: [] }));
  readonly #mapped = new Map<number, number>();
  #invalidations: Invalidation[] = [];
  #time = 0;

  constructor(rig: AtsRig, random: Random, order: Order) {
    this.#rig = rig;
    this.#random = random;
    this.#order = order;
  }

  /** Some steps; returns the first stale use, in words. */
  run(steps: number): string | undefined {
    for (let n = 0; n < steps; n++) {
      this.#time += 1;
      const roll = this.#random.below(10);
      if (roll < 1) this.#change();
      else if (roll < 3) this.#invalidate();
      else {
        const stale = this.#access();
        if (stale !== undefined) return `step ${n}: ${stale}`;
      }
    }
    return undefined;
  }

  #change(): void {
    const random = this.#random;
    const isLarge = random.chance(0.2);
    const page = isLarge ? SMALL_PAGES * random.between(1, LARGE_RANGES) : random.between(0, USED_SMALL - 1);
    const pages = isLarge ? SMALL_PAGES : 1;
    if (this.#mapped.delete(page)) {
      this.#rig.unmap(page, pages);
      this.#set(page, pages, () => undefined);
      this.#invalidations.push({ page, pages, steps: [...STEPS[this.#order]], since: 0 });
      return;
    }
    // Somewhere in the lowest 200 MiB but the first 2 MiB, aligned.
    const pa = isLarge ? SMALL_PAGES * random.between(1, 99) : random.between(SMALL_PAGES, 50_000);
    const write = random.chance(0.7);
    this.#rig.map(page, pages, pa, write);
    this.#mapped.set(page, pages);
    this.#set(page, pages, (n) => ({ pa: pa + n, write }));
  }

  #set(page: number, pages: number, leafOf: (n: number) => Leaf): void {
    for (let n = 0; n < pages; n++) {
      const state = this.#pages[page + n]!;
      state.past.push({ leaf: state.leaf, until: this.#time });
      state.leaf = leafOf(n);
    }
  }

  /** The next step of one of the sequences. */
  #invalidate(): void {
    if (this.#invalidations.length === 0) return;
    const one = this.#random.pick(this.#invalidations);
    const { page, pages } = one;
    if (one.steps.shift() === "iommu") {
      this.#rig.invalidateIommu(page, pages);
      one.since = this.#time;
    } else {
      this.#rig.invalidateDevice(page, pages);
    }
    if (one.steps.length > 0) return;
    this.#invalidations = this.#invalidations.filter((other) => other !== one);
    for (let n = page; n < page + pages; n++) {
      const { past } = this.#pages[n]!;
      past.splice(0, past.length, ...past.filter(({ until }) => until > one.since));
    }
  }

  #access(): string | undefined {
    const random = this.#random;
    const isLarge = random.chance(0.3);
    const page = isLarge ? random.between(SMALL_PAGES, PAGES - 1) : random.between(0, USED_SMALL - 1);
    const pasid = random.pick([...this.#rig.pasids]);
    const write = random.chance(0.4);
    const offset = random.between(0, 4095);
    const { ok, pa, source } = this.#rig.tlb.translate({
      ...(pasid !== undefined && { pasid }),
      iova: BigInt(page * 4096 + offset),
      write,
    });
    this.accesses += 1;
    if (source === "device-tlb") this.hits += 1;
    const { leaf, past } = this.#pages[page]!;
    const fits = (may: Leaf): boolean =>
      ok
        ? may !== undefined && pa === BigInt(may.pa * 4096 + offset) && (may.write || !write)
        : may === undefined || (write && !may.write);
    if (fits(leaf) || past.some((before) => fits(before.leaf))) return undefined;
    const what = `${write ? "write" : "read"} of page ${page}, PASID ${pasid ?? "none"}, ${source}`;
    return `${what}: ${ok ? `0x${pa.toString(16)}` : "refused"}, the tables say ${leaf ? `0x${(leaf.pa * 4096).toString(16)}` : "nothing"}`;
  }
}
