// Physical memory as the host hands it out: a pool of single pages, slots for large blocks, and what lies outside.
// Whatever no device may read holds traps: table entries and a context descriptor that lead to the secret, an address
// that nobody else names. A DMA that arrives there came through a walk that read what it must not.

import type { Random } from "../property/random.js";

export const PAGE = 4096;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** Single pages. */
export const POOL = { base: 0x1_0000_0000, pages: 2048 };
/** Slots of 1 GiB for mappings of 2 MiB and more. */
export const SLOTS = { base: 2 ** 40, count: 12 };
/** Never granted to anybody, full of traps. */
export const PRIVATE = { base: 0x2_0000_0000, size: 0x1_0000 };
/** The host's structures; so small that there is no room for tables now and then. */
export const HOST = { base: 2 ** 47, size: 0x7_0000 };
export const DOORBELL = 0x802_0000;

/** Guest-physical address of every container's secret, of the size of the largest granule. */
export const SECRET = { gpa: 0x2a5a_9ab5_0000n, size: 0x1_0000 };
const SECRETS = 0x3_0000_0000;

/** Physical address of a container's secret. */
export const secretOf = (index: number): number => SECRETS + index * SECRET.size;

/** Whether a physical address is of any secret. */
export const isSecret = (pa: number): boolean => pa >= SECRETS && pa < SECRETS + 16 * SECRET.size;

// Arm DDI 0487 M.a, D8.3: valid, table or page, unprivileged access, access flag.
const ENTRY = SECRET.gpa | 0x443n;
// IHI 0070 G.b, 5.4: T0SZ 16, 4 KiB, EPD1, V, IPS 48 bits, AA64, R, A.
const CD_LOW = 16n | (1n << 30n) | (1n << 31n) | (5n << 32n) | (1n << 41n) | (3n << 45n);

/** A page of traps: of every eight words the first is a CD's, all others are table entries of any level. */
export const TRAPS: Uint8Array = (() => {
  const words = new BigUint64Array(PAGE / 8).fill(ENTRY).map((word, at) => (at % 8 === 0 ? CD_LOW : word));
  return new Uint8Array(words.buffer);
})();

/** Which pages and slots are free. */
export class PhysicalPages {
  readonly #used = new Uint8Array(POOL.pages);
  readonly #slots = new Uint8Array(SLOTS.count);

  /** Single pages, scattered or one after the other; undefined when there are not enough. */
  take(random: Random, count: number, scattered: boolean): Float64Array | undefined {
    for (let tries = 0; tries < 20; tries++) {
      const first = random.below(POOL.pages - count);
      const step = scattered ? 2 * random.below(POOL.pages / 2) + 1 : 1;
      const indices = Array.from({ length: count }, (_, n) => (first + n * step) % POOL.pages);
      if (indices.some((index) => this.#used[index] === 1)) continue;
      for (const index of indices) this.#used[index] = 1;
      return Float64Array.from(indices, (index) => POOL.base + index * PAGE);
    }
    return undefined;
  }

  /** Base of a free slot. */
  takeSlot(): number | undefined {
    const slot = this.#slots.indexOf(0);
    if (slot < 0) return undefined;
    this.#slots[slot] = 1;
    return SLOTS.base + slot * GIB;
  }

  /** Whether an address is of the pool. */
  isPool(pa: number): boolean {
    return pa < SLOTS.base;
  }

  /** Gives back a page, or a slot by any address in it. */
  give(pa: number): void {
    if (this.isPool(pa)) this.#used[(pa - POOL.base) / PAGE] = 0;
    else this.#slots[Math.floor((pa - SLOTS.base) / GIB)] = 0;
  }
}
