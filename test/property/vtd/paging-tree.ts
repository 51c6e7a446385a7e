// Random paging tables of one VT-d stage, grown towards target addresses: tables, large leaves, pages and broken
// entries (VT-d 9.7, 9.8). Every entry written is remembered as a slot, so that it can be changed later.

import type { PhysicalImage } from "../physical-image.js";
import type { Random } from "../random.js";
import type { TableSpace } from "../table-tree.js";
import type { EntryFormat } from "./entry-format.js";
import { nearInterrupts } from "./host-output.js";
import { levelLsb, reachOf, type Shape, type Slot } from "./paging-shape.js";

const TABLE_BYTES = 4096n;

export class PagingTree {
  readonly slots: Slot[] = [];
  /** Inputs that the tree was grown towards. */
  readonly targets: bigint[] = [];
  readonly #spares: bigint[] = [];
  readonly #children = new Map<bigint, bigint>();

  constructor(
    readonly random: Random,
    readonly image: PhysicalImage,
    readonly shape: Shape,
    readonly space: TableSpace,
    readonly format: EntryFormat,
    readonly root: bigint,
  ) {}

  /** Grows the tree towards `target`; `exact` makes it a leaf of that level with that word. */
  grow(target: bigint, exact?: { level: number; word: bigint }): boolean {
    const { random, shape, image, space, format } = this;
    let table = this.root;
    for (let level = shape.levels; ; level--) {
      const lsb = BigInt(levelLsb(level));
      const pa = space.physical(table + ((target >> lsb) & 511n) * 8n);
      if (pa === undefined) return false;
      const slot = { pa, level, input: (target >> lsb) << lsb, sizeLg2: Number(lsb) };
      const known = image.read(pa);
      if (known !== 0n) {
        const child = this.#children.get(pa);
        if (child === undefined) return exact === undefined;
        if (level === exact?.level) return false;
        table = child;
        continue;
      }
      if (level === exact?.level) {
        image.write(pa, exact.word);
        this.slots.push({ kind: "leaf", ...slot });
        return true;
      }
      if (exact === undefined && random.chance(format.habits.broken / level)) {
        image.write(pa, format.broken(level));
        this.slots.push({ kind: "broken", ...slot });
        return true;
      }
      if (exact === undefined && (level === 1 || (shape.leafLevels.includes(level) && random.chance(0.2)))) {
        image.write(pa, format.leaf(level));
        this.slots.push({ kind: "leaf", ...slot });
        return true;
      }
      const child = space.allocate(TABLE_BYTES, TABLE_BYTES, format.addressBits);
      if (child === undefined || space.physical(child) === undefined) return false;
      image.write(pa, format.table(child));
      this.#children.set(pa, child);
      this.slots.push({ kind: "table", ...slot });
      table = child;
    }
  }

  /** Grows towards `count` addresses that lie close together in all ways. */
  growTargets(count: number): void {
    const { random } = this;
    const limit = 1n << BigInt(Math.min(this.shape.inputBits, reachOf(this.shape.levels)));
    let target = random.bits(57) % limit;
    for (let i = 0; i < count; i++) {
      if (random.chance(0.25))
        target = random.chance(0.15) ? nearInterrupts(random) : random.bits(57) % limit;
      else target = (target ^ (1n << BigInt(random.between(12, 40)))) % limit;
      this.grow(target);
      this.targets.push(target);
      if (random.chance(0.4)) {
        // The same low bits elsewhere: in the other half, in another window of 2^52 bytes.
        const top = this.shape.inputBits - 1;
        const twin = (target ^ (1n << BigInt(random.between(Math.min(47, top), top)))) % limit;
        this.grow(twin);
        this.targets.push(twin);
      }
    }
  }

  /** Makes the table slot lead to a copy of its table and poisons the old one; false when there is no room. */
  moveTable(slot: Slot): boolean {
    const { image, space, format } = this;
    const old = this.#children.get(slot.pa);
    const copy = this.#spares.pop();
    if (old === undefined || copy === undefined) return false;
    const moved = new Map<bigint, bigint>();
    for (let offset = 0n; offset < TABLE_BYTES; offset += 8n) {
      const from = space.physical(old + offset);
      const to = space.physical(copy + offset);
      if (from === undefined || to === undefined) return false;
      const value = image.read(from);
      if (value === 0n) continue;
      image.write(to, value);
      image.write(from, 0x5a5a_0000_0000_0000n);
      moved.set(from, to);
    }
    for (const other of this.slots) {
      const to = moved.get(other.pa);
      if (to === undefined) continue;
      const grandchild = this.#children.get(other.pa);
      if (grandchild !== undefined) {
        this.#children.delete(other.pa);
        this.#children.set(to, grandchild);
      }
      other.pa = to;
    }
    image.write(slot.pa, format.withAddress(image.read(slot.pa), copy));
    this.#children.set(slot.pa, copy);
    return true;
  }

  /** Reserves tables for moveTable. */
  reserve(count: number): void {
    for (let i = 0; i < count; i++) {
      const spare = this.space.allocate(TABLE_BYTES, TABLE_BYTES, this.format.addressBits);
      if (spare === undefined || this.space.physical(spare) === undefined) return;
      this.#spares.push(spare);
    }
  }

  /** Whether the slot once led to a table. */
  hasChild(slot: Slot): boolean {
    return this.#children.has(slot.pa);
  }
}
