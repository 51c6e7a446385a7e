// A guest of one container: it writes tables, context descriptors and nonsense into memory that the container was granted,
// and remembers which addresses a device of its might use.

import type { Random } from "../property/random.js";
import { alignDown, type Grants } from "./grants.js";
import type { HostPair } from "./host-pair.js";
import { DOORBELL, HOST, PAGE, POOL, PRIVATE, SECRET } from "./physical-pages.js";
import {
  AddressSpace,
  type CdStyle,
  contextDescriptor,
  GRANULES,
  type Hint,
  leafAttributes,
  nonsense,
} from "./stage-one.js";

const MOST_HINTS = 256;
const MOST_WRITTEN = 512;

/** A table of context descriptors. */
export interface CdTable {
  base: bigint;
  pasidBits: number;
  s1fmt: number;
}

export class Guest {
  readonly hints: Hint[] = [];
  table: CdTable = { base: 0n, pasidBits: 0, s1fmt: 0 };
  readonly #random: Random;
  readonly #hosts: HostPair;
  readonly #grants: () => Grants;
  /** Guest-physical addresses that other guests have. */
  readonly #foreign: () => number;
  readonly #style: CdStyle;
  /** Where it wrote last. */
  readonly #written: bigint[] = [];
  #spaces: AddressSpace[] = [];

  constructor(
    random: Random,
    hosts: HostPair,
    grants: () => Grants,
    foreign: () => number,
    style: CdStyle,
  ) {
    this.#random = random;
    this.#hosts = hosts;
    this.#grants = grants;
    this.#foreign = foreign;
    this.#style = style;
  }

  /**
   * Writes a word, if the address is memory of its own that devices may read. What only devices may write holds traps
   * (physical-pages.ts), and the guest leaves them alone.
   */
  write = (gpa: bigint, value: bigint): boolean => {
    const target = gpa < 1n << 48n ? this.#grants().target(Number(gpa)) : undefined;
    if (target === undefined || !target.read) return false;
    this.#hosts.write(target.pa, value);
    if (this.#written.length < MOST_WRITTEN) this.#written.push(gpa);
    else this.#written[this.#random.below(MOST_WRITTEN)] = gpa;
    return true;
  };

  /** A page of its own that devices may read, aligned down to a granule; anything when it has none. */
  ownPage(granuleLg2 = 12): bigint {
    const random = this.#random;
    const readable = this.#grants().mappings.filter(({ read, gpa }) => read && gpa !== Number(SECRET.gpa));
    if (readable.length === 0) return random.bits(36) & ~0xfffn;
    const { gpa, size } = random.pick(readable);
    const page = gpa + PAGE * random.below(Math.min(size / PAGE, 16));
    return BigInt(alignDown(page, 2 ** granuleLg2));
  }

  /** An address for a table entry: its own, or whatever a guest should not get at. */
  address(): bigint {
    const random = this.#random;
    const { mappings, bindings } = this.#grants();
    const kind = random.below(20);
    if (kind < 13 && mappings.length > 0) {
      const { gpa, size } = random.pick(mappings);
      const page = gpa + PAGE * random.below(Math.min(size / PAGE, 2 ** 30));
      // Never its secret.
      if (gpa !== Number(SECRET.gpa)) return BigInt(page);
    }
    if (kind === 13 && bindings.length > 0) return BigInt(random.pick(bindings).gpa);
    if (kind === 14) return BigInt(this.#foreign());
    if (kind === 15) return BigInt(HOST.base + PAGE * random.below(HOST.size / PAGE));
    if (kind === 16) return BigInt(POOL.base + PAGE * random.below(POOL.pages));
    if (kind === 17) return BigInt(random.chance(0.5) ? DOORBELL : PRIVATE.base);
    if (kind === 18) return random.bits(52) & ~0xfffn;
    return this.ownPage();
  }

  /** A new table of context descriptors, each with an address space of its own. */
  rebuild(): void {
    const random = this.#random;
    const s1fmt = random.pick([0, 0, 0, 1, 2]);
    const pasidBits = s1fmt === 0 ? random.below(7) : random.between(6, 12);
    this.table = { base: this.ownPage(), pasidBits, s1fmt };
    this.hints.length = 0;
    this.#spaces = [];
    const leaves = new Map<number, bigint>();
    const count = random.between(1, 4);
    for (let n = 0; n < count; n++) {
      const pasid = n === 0 ? 0 : random.below(2 ** pasidBits);
      this.#writeCd(this.#cdAddress(pasid, leaves), this.#newSpace(pasid));
    }
  }

  /** Changes something without telling anybody. */
  disturb(): void {
    const random = this.#random;
    for (let n = random.below(8); n > 0; n--) {
      const at = this.#written.length > 0 ? random.pick(this.#written) : this.ownPage();
      const kind = random.below(6);
      if (kind === 0) this.#flip(at);
      else if (kind === 1) this.write(at, nonsense(random, this.address()));
      else if (kind === 2) this.write(at, alignedTo(at) | 3n);
      else if (kind === 3) this.write(this.ownPage() + 8n * BigInt(random.below(512)), random.bits(64));
      else if (this.#spaces.length > 0) this.#extend(random.pick(this.#spaces), random.below(4));
    }
  }

  #flip(gpa: bigint): void {
    const target = this.#grants().target(Number(gpa));
    if (target === undefined) return;
    let word = this.#hosts.read(target.pa);
    for (let n = this.#random.between(1, 3); n > 0; n--) word ^= 1n << BigInt(this.#random.below(64));
    this.write(gpa, word);
  }

  #newSpace(pasid: number): AddressSpace {
    const random = this.#random;
    const granule = random.pick(GRANULES);
    const t0sz = random.chance(0.8) ? random.pick([16, 25, 28, 33]) : random.between(16, 39);
    const space = new AddressSpace(granule, t0sz, () => this.ownPage(granule), this.write);
    this.#spaces.push(space);
    for (let n = random.between(2, 10); n > 0; n--) this.#extend(space, pasid);
    return space;
  }

  /** One more leaf, or a table that is its own next one. */
  #extend(space: AddressSpace, pasid: number): void {
    const random = this.#random;
    const bits = Math.min(64 - space.t0sz, 30);
    const va = random.chance(0.9) ? random.bits(bits) & 0x3fff_ffffn & ~0xf_f000n : random.bits(64 - space.t0sz);
    const level = space.leafLevel(random);
    const entry = space.entry(va, level);
    if (random.chance(0.04)) {
      this.write(entry, space.someTable(random) | 3n);
      return;
    }
    const sizeLg2 = space.shift(level);
    const output = this.address();
    const address = random.chance(0.9) ? (output >> BigInt(sizeLg2)) << BigInt(sizeLg2) : output;
    const type = level === 3 ? 3n : 1n;
    const written = this.write(entry, address | type | leafAttributes(random));
    // The rest of what might be a contiguous run, or the neighbours.
    if (written && random.chance(0.3)) this.#run(entry, address, sizeLg2, type);
    if (this.hints.length >= MOST_HINTS) this.hints.splice(random.below(MOST_HINTS), 1);
    const upper = random.chance(0.1) ? BigInt.asUintN(64, -1n << BigInt(64 - space.t0sz)) : 0n;
    // Within a block mostly at what its output has been chosen for.
    const offset = output - address;
    this.hints.push({ pasid, va: ((va >> BigInt(sizeLg2)) << BigInt(sizeLg2)) + offset + upper, sizeLg2 });
  }

  #run(entry: bigint, address: bigint, sizeLg2: number, type: bigint): void {
    const attributes = leafAttributes(this.#random) | (this.#random.flag(0.7) << 52n);
    const first = entry & ~0x7fn;
    const run = (address >> BigInt(sizeLg2 + 4)) << BigInt(sizeLg2 + 4);
    for (let n = 0n; n < 16n; n++) {
      this.write(first + 8n * n, (run + (n << BigInt(sizeLg2))) | type | attributes);
    }
  }

  #cdAddress(pasid: number, leaves: Map<number, bigint>): bigint {
    const { base, pasidBits, s1fmt } = this.table;
    if (s1fmt === 0 || pasidBits === 0) return base + 64n * BigInt(pasid);
    const splitLg2 = s1fmt === 1 ? 6 : 10;
    const index = pasid >> splitLg2;
    let leaf = leaves.get(index);
    if (leaf === undefined) {
      leaf = this.ownPage(s1fmt === 1 ? 12 : 16);
      leaves.set(index, leaf);
      this.write(base + 8n * BigInt(index), leaf | 1n);
    }
    return leaf + 64n * BigInt(pasid % 2 ** splitLg2);
  }

  #writeCd(at: bigint, space: AddressSpace): void {
    const words = contextDescriptor(this.#random, space, this.#style);
    for (const [index, word] of words.entries()) this.write(at + 8n * BigInt(index), word);
    this.write(at + 24n, this.#random.chance(0.8) ? 0xffn : this.#random.bits(64));
    if (this.#random.chance(0.1)) this.#flip(at);
  }
}

/** The table that an entry lies in, if it has 4 KiB. */
const alignedTo = (entry: bigint): bigint => entry & ~0xfffn;
