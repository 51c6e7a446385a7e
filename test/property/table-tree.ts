// Random translation tables of one stage, grown towards target addresses: tables, blocks, pages, contiguous runs,
// and broken descriptors. Every descriptor written is remembered as a slot, so that it can be changed later.

import type { PhysicalImage } from "./physical-image.js";
import type { Random } from "./random.js";
import { blockLevels, encodeAddress, levelLsb, reachOfTables, type Shape } from "./shape.js";

/** The address space in which a tree's tables lie: physical, or IPAs under a stage 2. */
export interface TableSpace {
  /** A fresh region below 2^bits. */
  allocate(bytes: bigint, align: bigint, bits: number): bigint | undefined;
  /** The physical address behind an address of the space; undefined where nothing can be put. */
  physical(address: bigint): bigint | undefined;
}

/** How leaves and tables look. */
export interface Habits {
  /** Probability that a new descriptor is broken. */
  broken: number;
  /** Where a leaf of this size leads. */
  output(sizeLg2: number): bigint;
  /** Non-global leaves only: the VMID has several ASIDs. */
  nonGlobal: boolean;
  /** Probability of contiguous runs. */
  contiguous: number;
  /** Probability of a restrictive attribute. */
  strict: number;
}

export interface Slot {
  kind: "leaf" | "table" | "broken";
  /** Physical address of the first descriptor. */
  pa: bigint;
  /** Descriptors that belong together: a contiguous run. */
  count: number;
  level: number;
  /** First input address and log2 of the bytes that one descriptor covers. */
  input: bigint;
  sizeLg2: number;
}

const RUNS: Record<string, number> = {
  "12/1": 16,
  "12/2": 16,
  "12/3": 16,
  "14/2": 32,
  "14/3": 128,
  "16/2": 32,
  "16/3": 32,
};

export class TableTree {
  readonly slots: Slot[] = [];
  /** Inputs that the tree was grown towards. */
  readonly targets: bigint[] = [];
  readonly spares: bigint[] = [];
  readonly #children = new Map<bigint, bigint>();

  constructor(
    readonly random: Random,
    readonly image: PhysicalImage,
    readonly shape: Shape,
    readonly space: TableSpace,
    readonly habits: Habits,
    readonly root: bigint,
  ) {}

  get #granuleBytes(): bigint {
    return 1n << BigInt(this.shape.granule);
  }

  #entriesAt(level: number): number {
    const { granule, inputBits, startLevel } = this.shape;
    const lsb = levelLsb(granule, level);
    return 2 ** (level === startLevel ? inputBits - lsb : granule - 3);
  }

  /** Lower and upper attributes of a leaf. */
  leafAttributes(): bigint {
    const { random, habits, shape } = this;
    const strict = (): bigint => random.flag(habits.strict);
    let word = shape.wide && shape.granule !== 16 ? 0n : random.bits(2) << 8n;
    word |= random.chance(0.85) ? 1n << 10n : 0n;
    word |= (random.flag(0.4) << 51n) | (random.bits(4) << 55n) | (random.bits(4) << 59n);
    if (shape.stage === 1) {
      const ap = random.chance(1 - habits.strict) ? 1n : random.bits(2);
      word |= (random.bits(3) << 2n) | (ap << 6n) | (random.flag(0.5) << 5n);
      word |= (habits.nonGlobal || random.chance(0.5) ? 1n : 0n) << 11n;
      word |= (strict() << 53n) | (strict() << 54n);
    } else {
      const s2ap = random.chance(1 - habits.strict) ? 3n : random.bits(2);
      word |= (random.chance(0.15) ? random.bits(4) : 0xfn) << 2n;
      word |= (s2ap << 6n) | (random.chance(habits.strict) ? random.bits(2) << 53n : 0n);
    }
    return word;
  }

  leafWord(level: number, output: bigint, attributes: bigint): bigint {
    return encodeAddress(this.shape, output) | attributes | (level === 3 ? 3n : 1n);
  }

  #tableWord(child: bigint): bigint {
    const { random, shape, habits } = this;
    let word = encodeAddress(shape, child) | 3n;
    // Ignored bits, and at stage 1 sometimes hierarchical permissions. Bit 11 is set, so that a table read as a
    // leaf (by a CD made wrong) is not global.
    word |= (random.bits(6) << 2n) | (1n << 11n) | (random.bits(7) << 52n);
    if (shape.stage === 1 && random.chance(habits.strict / 2)) word |= random.bits(4) << 59n;
    return word;
  }

  /** A descriptor that is wrong in some way. */
  brokenWord(level: number): bigint {
    const { random, shape } = this;
    const sizeLg2 = levelLsb(shape.granule, level);
    switch (random.below(7)) {
      case 0:
        return (random.bits(63) << 1n) & ~(1n << 52n);
      case 1: // level 3: reserved; above: a block, where it may not be allowed
        return this.leafWord(level, 0n, this.leafAttributes()) & ~2n;
      case 2: {
        // output beyond IPS or S2PS
        const high = random.bits(52 - Math.min(shape.outputBits, 51)) << BigInt(shape.outputBits);
        const word = level < 3 && random.chance(0.5) ? 3n | this.leafAttributes() : this.leafAttributes();
        return (
          (word |
            encodeAddress(shape, (high >> BigInt(sizeLg2)) << BigInt(sizeLg2)) |
            (level === 3 ? 3n : 1n)) &
          ~(1n << 52n)
        );
      }
      case 3: // a table somewhere
        return (encodeAddress(shape, (random.bits(shape.outputBits) >> 16n) << 16n) & ~(1n << 52n)) | 3n;
      case 4:
        return (random.bits(64) | 1n) & ~(1n << 52n) & ~0xf000n;
      default:
        return 2n | (random.bits(50) << 2n);
    }
  }

  writeBroken(pa: bigint, level: number): void {
    let word = this.brokenWord(level);
    if (this.habits.nonGlobal && this.shape.stage === 1) word |= 1n << 11n;
    this.image.write(pa, word);
  }

  /** Makes one leaf, or a contiguous run where it fits; `table` is the table's address, `index` the wanted entry. */
  #leaf(table: bigint, index: number, level: number, input: bigint): void {
    const { random, shape, habits, image, space } = this;
    const sizeLg2 = levelLsb(shape.granule, level);
    const run = RUNS[`${shape.granule}/${level}`];
    const attributes = this.leafAttributes();
    const first = run === undefined ? index : index - (index % run);
    if (run !== undefined && random.chance(habits.contiguous) && this.#entriesAt(level) >= run) {
      const places: bigint[] = [];
      for (let i = 0; i < run; i++) {
        const pa = space.physical(table + 8n * BigInt(first + i));
        if (pa === undefined || image.read(pa) !== 0n) break;
        if (i > 0 && pa !== places[0]! + 8n * BigInt(i)) break;
        places.push(pa);
      }
      const runLg2 = sizeLg2 + Math.log2(run);
      const output = habits.output(runLg2);
      // The whole run must be within the output size, else its members would differ in more than their address.
      if (places.length === run && runLg2 <= reachOfTables(shape)) {
        places.forEach((pa, i) => {
          const at = output + (BigInt(i) << BigInt(sizeLg2));
          image.write(pa, this.leafWord(level, at, attributes | (1n << 52n)));
        });
        const start = input - (BigInt(index - first) << BigInt(sizeLg2));
        this.slots.push({ kind: "leaf", pa: places[0]!, count: run, level, input: start, sizeLg2 });
        return;
      }
    }
    const pa = space.physical(table + 8n * BigInt(index))!;
    image.write(pa, this.leafWord(level, habits.output(sizeLg2), attributes));
    this.slots.push({ kind: "leaf", pa, count: 1, level, input, sizeLg2 });
  }

  /** Grows the tree towards `target`; `exact` makes it a sound page or block that leads to a given output. */
  grow(target: bigint, exact?: { output: bigint; level: number; attributes: bigint }): boolean {
    const { random, shape, habits, image, space } = this;
    let table = this.root;
    for (let level = shape.startLevel; ; level++) {
      const lsb = levelLsb(shape.granule, level);
      const index = Number((target >> BigInt(lsb)) % BigInt(this.#entriesAt(level)));
      const input = (target >> BigInt(lsb)) << BigInt(lsb);
      const pa = space.physical(table + 8n * BigInt(index));
      if (pa === undefined) return false;
      const known = image.read(pa);
      if (known !== 0n) {
        const child = this.#children.get(pa);
        if (child === undefined) return exact === undefined;
        if (level === exact?.level) return false;
        table = child;
        continue;
      }
      if (exact !== undefined && level === exact.level) {
        image.write(pa, this.leafWord(level, exact.output, exact.attributes));
        this.slots.push({ kind: "leaf", pa, count: 1, level, input, sizeLg2: lsb });
        return true;
      }
      if (exact === undefined && random.chance(habits.broken)) {
        this.writeBroken(pa, level);
        this.slots.push({ kind: "broken", pa, count: 1, level, input, sizeLg2: lsb });
        return true;
      }
      const leafHere = level === 3 || (blockLevels(shape).includes(level) && random.chance(0.2));
      if (exact === undefined && leafHere) {
        this.#leaf(table, index, level, input);
        return true;
      }
      const child = space.allocate(this.#granuleBytes, this.#granuleBytes, reachOfTables(shape));
      if (child === undefined || space.physical(child) === undefined) return false;
      image.write(pa, this.#tableWord(child));
      this.#children.set(pa, child);
      this.slots.push({ kind: "table", pa, count: 1, level, input, sizeLg2: lsb });
      table = child;
    }
  }

  mayBeLeaf(level: number): boolean {
    return level === 3 || blockLevels(this.shape).includes(level);
  }

  /** Where a table slot leads. */
  child(slot: Slot): bigint | undefined {
    return this.#children.get(slot.pa);
  }

  /** Makes the table slot lead to a copy of its table; false when there is no room. */
  moveTable(slot: Slot): boolean {
    const { image, space, shape } = this;
    const old = this.#children.get(slot.pa);
    const copy = this.spares.pop();
    if (old === undefined || copy === undefined) return false;
    // The children's slots move with their descriptors.
    const moved = new Map<bigint, bigint>();
    for (let offset = 0n; offset < this.#granuleBytes; offset += 8n) {
      const from = space.physical(old + offset);
      const to = space.physical(copy + offset);
      if (from === undefined || to === undefined) return false;
      const value = image.read(from);
      if (value !== 0n) {
        image.write(to, value);
        image.write(from, 0x5a5a_0000_0000_0002n);
        moved.set(from, to);
      }
    }
    for (const other of this.slots) {
      const to = moved.get(other.pa);
      if (to !== undefined) {
        const grandchild = this.#children.get(other.pa);
        if (grandchild !== undefined) {
          this.#children.delete(other.pa);
          this.#children.set(to, grandchild);
        }
        other.pa = to;
      }
    }
    const keep = image.read(slot.pa) & ~encodeAddress(shape, (1n << 52n) - (1n << BigInt(shape.granule)));
    image.write(slot.pa, keep | encodeAddress(shape, copy));
    this.#children.set(slot.pa, copy);
    return true;
  }

  /** Reserves tables for moveTable. */
  reserve(count: number): void {
    for (let i = 0; i < count; i++) {
      const spare = this.space.allocate(this.#granuleBytes, this.#granuleBytes, reachOfTables(this.shape));
      if (spare === undefined) return;
      for (let offset = 0n; offset < this.#granuleBytes; offset += 4096n) {
        if (this.space.physical(spare + offset) === undefined) return;
      }
      this.spares.push(spare);
    }
  }
}
