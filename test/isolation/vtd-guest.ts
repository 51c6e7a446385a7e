// A guest of one container of a VT-d host: it writes first-stage tables and nonsense into memory that the container was
// granted, and remembers which addresses its devices might use. Bits by hand from Intel VT-d Rev 5.10, 9.7.

import type { Random } from "../property/random.js";
import { alignDown, type Grants } from "./grants.js";
import { HOST, PAGE, POOL, PRIVATE, SECRET } from "./physical-pages.js";
import type { VtdHostPair } from "./vtd-host-pair.js";

const MOST_SPACES = 4;
const MOST_HINTS = 64;
const MOST_WRITTEN = 512;
/** P, R/W, U/S. */
const TABLE = 7n;
const PS = 1n << 7n;

/** Tables of one address space. */
export interface VtdSpace {
  readonly root: bigint;
  readonly levels: 4 | 5;
  /** Tables by level and the input bits that lead to them. */
  readonly tables: Map<string, bigint>;
  /** Addresses that a DMA may use. */
  readonly hints: bigint[];
}

/** What a guest lives on. */
export interface VtdGuestGround {
  random: Random;
  hosts: VtdHostPair;
  fiveLevel: boolean;
  grants: Grants;
  /** Guest-physical addresses that other guests have. */
  foreign(): number;
}

export class VtdGuest {
  readonly spaces: VtdSpace[] = [];
  readonly #ground: VtdGuestGround;
  /** Where it wrote last. */
  readonly #written: bigint[] = [];

  constructor(ground: VtdGuestGround) {
    this.#ground = ground;
  }

  /**
   * Writes a word, if the address is memory of its own that devices may read. What only devices may write holds traps,
   * and the guest leaves them alone.
   */
  #write(gpa: bigint, value: bigint): boolean {
    const { grants, hosts, random } = this.#ground;
    const target = gpa < 1n << 48n ? grants.target(Number(gpa)) : undefined;
    if (target === undefined || !target.read) return false;
    hosts.write(target.pa, value);
    if (this.#written.length < MOST_WRITTEN) this.#written.push(gpa);
    else this.#written[random.below(MOST_WRITTEN)] = gpa;
    return true;
  }

  /** A page of its own that devices may read, and mostly write; anything when it has none. */
  #ownPage(): bigint {
    const { random, grants } = this.#ground;
    const own = grants.mappings.filter(({ read, gpa }) => read && gpa !== Number(SECRET.gpa));
    const writable = own.filter(({ write }) => write);
    const some = writable.length > 0 && random.chance(0.95) ? writable : own;
    if (some.length === 0) return random.bits(36) & ~0xfffn;
    const { gpa, size } = random.pick(some);
    return BigInt(gpa + PAGE * random.below(Math.min(size / PAGE, 16)));
  }

  #newTable(): bigint {
    const { random, grants, hosts } = this.#ground;
    const taken = new Set(this.spaces.flatMap(({ root, tables }) => [root, ...tables.values()]));
    let table = this.#ownPage();
    for (let tries = 0; tries < 10 && taken.has(table); tries++) table = this.#ownPage();
    const target = grants.target(Number(table));
    if (target?.read && random.chance(0.97)) hosts.writeBytes(target.pa, new Uint8Array(PAGE));
    return table;
  }

  /** An address for a table entry: its own, or whatever a guest should not get at. */
  #address(): bigint {
    const { random, grants, foreign } = this.#ground;
    const { mappings } = grants;
    const kind = random.below(20);
    if (kind < 14 && mappings.length > 0) {
      const { gpa, size } = random.pick(mappings);
      if (gpa !== Number(SECRET.gpa)) return BigInt(gpa + PAGE * random.below(size / PAGE));
    }
    if (kind === 14) return BigInt(foreign());
    if (kind === 15) return BigInt(HOST.base + PAGE * random.below(HOST.size / PAGE));
    if (kind === 16) return BigInt(POOL.base + PAGE * random.below(POOL.pages));
    if (kind === 17)
      return random.chance(0.5) ? 0xfee0_0000n + (random.bits(8) << 12n) : BigInt(PRIVATE.base);
    if (kind === 18) return random.bits(52) & ~0xfffn;
    return this.#ownPage();
  }

  /** Another address space, in place of an old one. */
  newSpace(): void {
    const { random, fiveLevel } = this.#ground;
    if (this.spaces.length >= MOST_SPACES) this.spaces.splice(random.below(MOST_SPACES), 1);
    const levels = fiveLevel && random.chance(0.5) ? 5 : 4;
    const space: VtdSpace = { root: this.#newTable(), levels, tables: new Map(), hints: [] };
    this.spaces.push(space);
    for (let n = random.between(4, 16); n > 0; n--) this.#extend(space);
  }

  /** Changes something without telling anybody. */
  disturb(): void {
    const { random } = this.#ground;
    for (let n = random.below(8); n > 0; n--) {
      const at = this.#written.length > 0 ? random.pick(this.#written) : this.#ownPage();
      const kind = random.below(7);
      if (kind === 0) this.#flip(at);
      else if (kind === 1) this.#write(at, this.#address() | random.bits(12));
      else if (kind === 2) this.#write(at, (at & ~0xfffn) | TABLE);
      else if (kind === 3) this.#write(this.#ownPage() + 8n * BigInt(random.below(512)), random.bits(64));
      else if (this.spaces.length > 0) this.#extend(random.pick(this.spaces));
    }
  }

  #flip(gpa: bigint): void {
    const { random, grants, hosts } = this.#ground;
    const target = grants.target(Number(gpa));
    if (target === undefined) return;
    let word = hosts.read(target.pa);
    for (let n = random.between(1, 3); n > 0; n--) word ^= 1n << BigInt(random.below(64));
    this.#write(gpa, word);
  }

  /** One more leaf, or a table that is its own next one. Levels count from 1, pages. */
  #extend(space: VtdSpace): void {
    const { random } = this.#ground;
    const level = random.pick([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4]);
    const shift = BigInt(3 + 9 * level);
    const output = this.#address();
    const address = random.chance(0.95) ? (output >> shift) << shift : output;
    const va = (this.#input(space, level) >> shift) << shift;
    const entry = this.#entry(space, va, level);
    if (random.chance(0.03)) {
      this.#write(entry, random.pick([space.root, ...space.tables.values()]) | TABLE);
      return;
    }
    this.#write(entry, address | (level > 1 ? PS : 0n) | this.#attributes());
    if (space.hints.length >= MOST_HINTS) space.hints.splice(random.below(MOST_HINTS), 1);
    // Within a block at what its output has been chosen for.
    space.hints.push(va + (output - address));
  }

  /** Both halves of the canonical addresses; pages in the lowest GiB of a half, blocks above. */
  #input({ levels }: VtdSpace, level: number): bigint {
    const { random } = this.#ground;
    const bits = 3 + 9 * (levels + 1);
    const upper = random.chance(0.2) ? BigInt.asUintN(64, -1n << BigInt(bits - 1)) : 0n;
    if (random.chance(0.05)) return upper | random.bits(bits - 1);
    if (level === 1) return upper | (random.bits(30) & ~0xf_f000n);
    return upper | (BigInt(random.between(1, 6)) << BigInt(Math.max(30, 3 + 9 * level)));
  }

  /** P, mostly R/W and U/S; flags set or left to the hardware. */
  #attributes(): bigint {
    const { random } = this.#ground;
    const flag = (bit: number, probability: number): bigint => random.flag(probability) << BigInt(bit);
    const flags = flag(5, 0.4) | flag(6, 0.3) | flag(10, 0.4);
    return (
      1n | flag(1, 0.85) | flag(2, 0.85) | flag(3, 0.1) | flag(4, 0.1) | flag(8, 0.1) | flags | flag(63, 0.1)
    );
  }

  /** Address of the entry of `va` at a level, the tables above it made. */
  #entry({ root, levels, tables }: VtdSpace, va: bigint, level: number): bigint {
    const { random } = this.#ground;
    let table = root;
    for (let at: number = levels; ; at--) {
      const shift = BigInt(3 + 9 * at);
      const address = table + 8n * ((va >> shift) & 511n);
      if (at <= level) return address;
      const key = `${at}:${BigInt.asUintN(57, va) >> shift}`;
      let next = tables.get(key);
      if (next === undefined) {
        next = this.#newTable();
        tables.set(key, next);
        // Rights may be lost above the leaf.
        const rights = random.chance(0.9) ? TABLE : 1n | (random.bits(2) << 1n);
        this.#write(address, next | rights | (random.flag(0.3) << 5n));
      }
      table = next;
    }
  }

  /** Whether the root of a space is in memory that devices may read. */
  hasRoot({ root }: VtdSpace): boolean {
    return this.#ground.grants.target(alignDown(Number(root), PAGE))?.read === true;
  }
}
