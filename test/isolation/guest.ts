// A guest of one container: it writes tables, context descriptors and nonsense into memory that the container was granted,
// and remembers which addresses a device of its might use.

import type { Random } from "../property/random.js";
import { alignDown, type Grants } from "./grants.js";
import type { HostPair } from "./host-pair.js";
import { DOORBELL, HOST, PAGE, POOL, PRIVATE, SECRET } from "./physical-pages.js";
import {
  AddressSpace,
  contextDescriptor,
  GRANULES,
  type Hint,
  leafAttributes,
  nonsense,
  type Style,
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
  readonly #style: Style;
  /** Where it wrote last. */
  readonly #written: bigint[] = [];
  #spaces: AddressSpace[] = [];
  /** Pages that are tables. */
  readonly #taken = new Set<bigint>();

  constructor(random: Random, hosts: HostPair, grants: () => Grants, foreign: () => number, style: Style) {
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

  /** Whether the first context descriptor is in memory that devices may read. */
  get hasTable(): boolean {
    return this.#grants().target(Number(this.table.base))?.read === true;
  }

  /** A block of its own that devices may read, of a granule's size if it has one so large; anything when it has none. */
  ownBlock(sizeLg2 = 12): bigint {
    const random = this.#random;
    const size = 2 ** sizeLg2;
    const own = this.#grants().mappings.filter(({ read, gpa }) => read && gpa !== Number(SECRET.gpa));
    const holding = own.filter((one) => alignDown(one.gpa + size - 1, size) + size <= one.gpa + one.size);
    const some = holding.length > 0 ? random.pick(holding) : own.length > 0 ? random.pick(own) : undefined;
    if (some === undefined) return random.bits(36) & ~0xfffn;
    const first = alignDown(some.gpa + size - 1, size);
    const count = Math.max(1, Math.floor((some.gpa + some.size - first) / size));
    return BigInt(first + size * random.below(Math.min(count, 16)));
  }

  /** A block that is no table yet, if one turns up. */
  #freshBlock(sizeLg2 = 12): bigint {
    let block = this.ownBlock(sizeLg2);
    for (let tries = 0; tries < 10 && this.#isTaken(block, sizeLg2); tries++) block = this.ownBlock(sizeLg2);
    for (let at = 0n; at < 1n << BigInt(sizeLg2); at += 4096n) this.#taken.add(block + at);
    return block;
  }

  #newTable(sizeLg2: number): bigint {
    const table = this.#freshBlock(sizeLg2);
    const target = this.#grants().target(Number(table));
    if (target?.read) this.#hosts.writeBytes(target.pa, new Uint8Array(PAGE));
    return table;
  }

  #isTaken(block: bigint, sizeLg2: number): boolean {
    for (let at = 0n; at < 1n << BigInt(sizeLg2); at += 4096n) if (this.#taken.has(block + at)) return true;
    return false;
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
    return this.ownBlock();
  }

  /** A new table of context descriptors, each with an address space of its own. */
  rebuild(): void {
    const random = this.#random;
    const s1fmt = this.#style.oneContext ? 0 : random.pick([0, 0, 0, 1, 2]);
    const pasidBits = this.#style.oneContext ? 0 : s1fmt === 0 ? random.below(7) : random.between(6, 12);
    this.#taken.clear();
    this.table = { base: this.#freshBlock(), pasidBits, s1fmt };
    this.hints.length = 0;
    this.#spaces = [];
    const leaves = new Map<number, bigint>();
    const pasids = new Set([
      0,
      ...Array.from({ length: random.below(4) }, () => random.below(2 ** pasidBits)),
    ]);
    for (const pasid of pasids) this.#writeCd(this.#cdAddress(pasid, leaves), this.#newSpace(pasid));
  }

  /** Changes something without telling anybody. */
  disturb(): void {
    const random = this.#random;
    for (let n = random.below(8); n > 0; n--) {
      const at = this.#written.length > 0 ? random.pick(this.#written) : this.ownBlock();
      const kind = random.below(6);
      if (kind === 0) this.#flip(at);
      else if (kind === 1) this.write(at, nonsense(random, this.address(), this.#style));
      else if (kind === 2) this.write(at, alignedTo(at) | 3n);
      else if (kind === 3) this.write(this.ownBlock() + 8n * BigInt(random.below(512)), random.bits(64));
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
    const space = new AddressSpace(granule, t0sz, () => this.#newTable(granule), this.write);
    this.#spaces.push(space);
    for (let n = random.between(2, 10); n > 0; n--) this.#extend(space, pasid);
    return space;
  }

  /** A table of a lower level that is one of the upper ones, or lies where a guest should not get at. */
  #pointAnywhere(space: AddressSpace, pasid: number): void {
    const random = this.#random;
    const level = random.pick([2, 2, 1]);
    const va = space.input(random, level) | (random.bits(space.shift(level) - 12) << 12n);
    const table = random.chance(0.2) ? space.someTable(random) : this.address();
    this.write(space.entry(va, level), table | 3n);
    this.#hint({ pasid, va, sizeLg2: 12 });
  }

  #hint(hint: Hint): void {
    if (this.hints.length >= MOST_HINTS) this.hints.splice(this.#random.below(MOST_HINTS), 1);
    this.hints.push(hint);
  }

  /** One more leaf, or something worse. */
  #extend(space: AddressSpace, pasid: number): void {
    const random = this.#random;
    if (random.chance(0.12)) {
      this.#pointAnywhere(space, pasid);
      return;
    }
    const level = space.leafLevel(random);
    const size = BigInt(space.shift(level));
    const output = this.address();
    const address = random.chance(0.9) ? (output >> size) << size : output;
    const chosen = (space.input(random, level) >> size) << size;
    // Half of the time such that a contiguous run around it is aligned.
    const run = 0xfn << size;
    const va = level === 3 && random.chance(0.5) ? (chosen & ~run) | (address & run) : chosen;
    const entry = space.entry(va, level);
    const type = level === 3 ? 3n : 1n;
    const isWritten = this.write(entry, address | type | leafAttributes(random, this.#style));
    if (isWritten && random.chance(0.3)) this.#run(entry, address | type, size);
    const upper = random.chance(0.1) ? BigInt.asUintN(64, -1n << BigInt(64 - space.t0sz)) : 0n;
    // Within a block at what its output has been chosen for.
    this.#hint({ pasid, va: va + (output - address) + upper, sizeLg2: Number(size) });
  }

  /** What might be a contiguous run around a leaf: it and its neighbours lead to neighbours. */
  #run(entry: bigint, leaf: bigint, size: bigint): void {
    const attributes = leafAttributes(this.#random, this.#style) | (this.#random.flag(0.7) << 52n);
    const first = entry & ~0x7fn;
    for (let n = 0n; n < 16n; n++) {
      const at = first + 8n * n;
      this.write(at, BigInt.asUintN(48, leaf + (((at - entry) / 8n) << size)) | attributes);
    }
  }

  #cdAddress(pasid: number, leaves: Map<number, bigint>): bigint {
    const { base, pasidBits, s1fmt } = this.table;
    if (s1fmt === 0 || pasidBits === 0) return base + 64n * BigInt(pasid);
    const splitLg2 = s1fmt === 1 ? 6 : 10;
    const index = pasid >> splitLg2;
    let leaf = leaves.get(index);
    if (leaf === undefined) {
      leaf = this.#freshBlock(s1fmt === 1 ? 12 : 16);
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
