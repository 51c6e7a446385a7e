// Stage-1 tables and context descriptors as a guest writes them, well-formed and beyond. Bits by hand from Arm DDI 0487
// M.a, D8.3, and IHI 0070 G.b, 5.4.

import type { Random } from "../property/random.js";

/** Where a guest may write: true when the word is in memory that it has. */
export type Write = (gpa: bigint, value: bigint) => boolean;

/** Log2 of the granule. */
export type Granule = 12 | 14 | 16;

export const GRANULES: readonly Granule[] = [12, 12, 12, 14, 16];

// CD.TG0 and CD.TG1
const TG0: Record<Granule, bigint> = { 12: 0n, 14: 2n, 16: 1n };
const TG1: Record<Granule, bigint> = { 12: 2n, 14: 1n, 16: 3n };

/** What a DMA may use of a space: an address, and how much around it leads to the same place. */
export interface Hint {
  pasid: number;
  va: bigint;
  sizeLg2: number;
}

/** Tables of one address space. */
export class AddressSpace {
  readonly root: bigint;
  readonly granule: Granule;
  readonly t0sz: number;
  readonly #start: number;
  /** Tables by level and the input bits that lead to them. */
  readonly #tables = new Map<string, bigint>();
  readonly #allocate: () => bigint;
  readonly #write: Write;

  /** @param allocate a new table, of which the first 4 KiB are zeros */
  constructor(granule: Granule, t0sz: number, allocate: () => bigint, write: Write) {
    this.granule = granule;
    this.t0sz = t0sz;
    this.#allocate = allocate;
    this.#write = write;
    this.#start = Math.max(0, 4 - Math.ceil((64 - t0sz - granule) / (granule - 3)));
    this.root = allocate();
  }

  /** Address bits below those that a level resolves. */
  shift(level: number): number {
    return this.granule + (this.granule - 3) * (3 - level);
  }

  /** A level for a leaf: pages mostly, blocks also where the architecture has none. */
  leafLevel(random: Random): number {
    return Math.max(this.#start, random.pick([3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 1, 0]));
  }

  /** An input address for a leaf: pages in the lowest GiB, blocks above it, where they cover none of them. */
  input(random: Random, level: number): bigint {
    const bits = 64 - this.t0sz;
    const above = Math.max(30, this.shift(level));
    if (random.chance(0.05)) return random.bits(bits);
    if (level === 3 || above >= bits) return random.bits(Math.min(bits, 30)) & ~0xf_f000n;
    return BigInt(random.between(1, Math.min(6, 2 ** (bits - above) - 1))) << BigInt(above);
  }

  /** Address of the entry of `va` at a level, the tables above it made. */
  entry(va: bigint, level: number): bigint {
    let table = this.root;
    for (let at = this.#start; ; at++) {
      const shift = BigInt(this.shift(at));
      const bits = at === this.#start ? 64 - this.t0sz - this.shift(at) : this.granule - 3;
      const address = table + 8n * BigInt.asUintN(Math.max(0, bits), va >> shift);
      if (at >= level) return address;
      const key = `${at}:${va >> shift}`;
      let next = this.#tables.get(key);
      if (next === undefined) {
        next = this.#allocate();
        this.#tables.set(key, next);
        this.#write(address, next | 3n);
      }
      table = next;
    }
  }

  /** Some table, the root included. */
  someTable(random: Random): bigint {
    return random.pick([this.root, ...this.#tables.values()]);
  }
}

/** How descriptors of a run are put together. */
export interface Style {
  /** HA and HD may be set. */
  updates: boolean;
  /** DS and IPS of 52 bits may be set. */
  wide: boolean;
  /** Tables have one context descriptor. */
  oneContext: boolean;
}

/** Attributes of a leaf, mostly such that something may pass. */
export function leafAttributes(random: Random, { updates }: Style): bigint {
  const flag = (bit: number, probability: number): bigint => random.flag(probability) << BigInt(bit);
  const access =
    flag(10, updates ? 0.4 : 0.9) | flag(11, 0.7) | flag(7, updates ? 0.5 : 0.15) | flag(6, 0.85);
  const never = flag(53, 0.1) | flag(54, 0.1);
  return access | never | flag(51, updates ? 0.8 : 0.2) | flag(52, 0.15) | (random.bits(2) << 8n);
}

/** The first three doublewords of a CD of a space. */
export function contextDescriptor(
  random: Random,
  { root, granule, t0sz }: AddressSpace,
  { updates, wide }: Style,
): [bigint, bigint, bigint] {
  const flag = (bit: number, probability: number): bigint => random.flag(probability) << BigInt(bit);
  const size = BigInt(t0sz);
  const upper = random.chance(0.25)
    ? (size << 16n) | (TG1[granule] << 22n)
    : (1n << 30n) | flag(16, 0.1) | flag(22, 0.1);
  const ips = wide && random.chance(0.4) ? 6n : random.chance(0.95) ? 5n : random.bits(3);
  const hardware = updates && random.chance(0.8) ? (1n << 43n) | flag(42, 0.8) : 0n;
  const odd = flag(36, 0.05) | flag(38, 0.15) | flag(39, 0.15) | flag(40, 0.05) | flag(47, 0.1);
  const asid = BigInt(random.chance(0.7) ? random.below(4) : random.below(65536)) << 48n;
  const sound = (1n << 31n) | (1n << 41n) | flag(45, 0.9) | flag(46, 0.95) | flag(35, 0.25);
  const low = size | (TG0[granule] << 6n) | upper | (ips << 32n) | hardware | odd | sound | asid;
  const ds = wide ? flag(58, 0.15) : 0n;
  return [low, root | flag(1, 0.1) | flag(2, 0.05), root | ds];
}

/** A word that might be mistaken for something: a descriptor of any kind, with and without 52-bit address fields. */
export function nonsense(random: Random, address: bigint, style: Style): bigint {
  const kind = random.below(6);
  if (kind === 0) return random.bits(64);
  if (kind === 1) return address | 3n;
  if (kind === 2) return address | 1n | leafAttributes(random, style);
  // OA[51:48] in bits 15:12, OA[51:50] in 9:8, OA[49:48] in place.
  if (kind === 3) return address | 3n | leafAttributes(random, style) | (random.bits(4) << 12n);
  if (kind === 4) return address | 3n | (random.bits(2) << 8n) | (random.bits(2) << 48n);
  return (address & ~0xfffn) | (random.bits(12) << 52n) | random.bits(12);
}
