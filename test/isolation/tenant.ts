// One container with its guest, and the host's random calls for it: what succeeds is entered into the oracle, what is
// freed is filled with traps before anything else happens.

import type { Random } from "../property/random.js";
import { fields } from "../vfio/bytes.js";
import { Grants, type Mapping, pageAt } from "./grants.js";
import type { Guest } from "./guest.js";
import type { HostPair, PinPlan } from "./host-pair.js";
import {
  DOORBELL,
  GIB,
  HOST,
  MIB,
  PAGE,
  type PhysicalPages,
  POOL,
  SECRET,
  secretOf,
  TRAPS,
} from "./physical-pages.js";

const SET_IOMMU = 0x3b66;
const SET_CONTAINER = 0x3b68;
const UNSET_CONTAINER = 0x3b69;
const MAP_DMA = 0x3b71;
const UNMAP_DMA = 0x3b72;
const SET_PASID_TABLE = 0x3b7a;
const CACHE_INVALIDATE = 0x3b7b;
const SET_MSI_BINDING = 0x3b7c;
const NESTING = 6;
const READ = 1;
const WRITE = 2;
const SET = 1;
const UNSET = 2;
/** UNBIND of the series does its work and answers this. */
const ENOTTY = 25;

/** Where a container's addresses are: close together, numerically where the pool is, before a GiB, at the upper end. */
const WINDOWS = [
  { base: 0, pages: 0x1000 },
  { base: 0, pages: 0x1000 },
  { base: POOL.base, pages: POOL.pages },
  { base: 0x4000_0000 - 0x40_0000, pages: 0x800 },
  { base: 2 ** 48 - 0x100_0000, pages: 0x1000 },
];
const SIZES = [1, 1, 1, 2, 3, 4, 7, 16, 16, 33, 33, 64];
const RIGHTS = [READ | WRITE, READ | WRITE, READ | WRITE, READ, WRITE];
const MOST_MAPPINGS = 250;
const MOST_TRIED = 64;

/** What SET_PASID_TABLE has left. */
export type Setting = "stage 2 alone" | "table" | "abort";

/** What tenants share. */
export interface Ground {
  random: Random;
  hosts: HostPair;
  pages: PhysicalPages;
  pins: boolean;
  /** The profile "linux-v10": a table is set once, with one context, and UNSET aborts. */
  series: boolean;
  /** Keeps what was done, for people. */
  log(text: string): void;
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

export class Tenant {
  grants = new Grants();
  setting: Setting = "stage 2 alone";
  /** Indices of the groups that are in the container. */
  readonly members = new Set<number>();
  /** Where something was mapped or unmapped, or should have been; the last one last. */
  readonly tried: { gpa: number; size: number }[] = [];
  readonly index: number;
  readonly #ground: Ground;

  constructor(index: number, ground: Ground) {
    this.index = index;
    this.#ground = ground;
  }

  get hasIommu(): boolean {
    return this.members.size > 0;
  }

  /** A group comes; the first brings an IOMMU. */
  join(group: number): void {
    const { hosts } = this.#ground;
    const { fd } = hosts.subject.containers[this.index]!;
    if (this.#report("join", group, hosts.ioctl("groups", group, SET_CONTAINER, fields(fd))) < 0) return;
    this.members.add(group);
    if (this.members.size > 1) return;
    this.setting = "stage 2 alone";
    // Without room for a table it goes again.
    if (this.#report("set iommu", "", hosts.ioctl("containers", this.index, SET_IOMMU, NESTING)) === 0)
      this.keepSecret();
    else this.leave(group);
  }

  /** A group leaves; the last one takes everything along. */
  leave(group: number): void {
    const ret = this.#ground.hosts.ioctl("groups", group, UNSET_CONTAINER, 0);
    if (this.#report("leave", group, ret) < 0) throw new Error(`UNSET_CONTAINER gave ${ret}`);
    this.members.delete(group);
    if (this.members.size === 0) this.#free(this.grants.clear());
  }

  /** The secret is mapped at all times. */
  keepSecret(): void {
    const gpa = Number(SECRET.gpa);
    if (!this.hasIommu || this.grants.target(gpa) !== undefined) return;
    this.#map({ gpa, size: SECRET.size, read: true, write: true, pages: secretOf(this.index) });
  }

  /** MAP_DMA of something new; now and then of what must be refused. */
  map(): void {
    const { random, pages, pins } = this.#ground;
    if (this.grants.mappings.length >= MOST_MAPPINGS) return;
    if (random.chance(0.08)) {
      this.#mapLarge();
      return;
    }
    const count = random.pick(SIZES);
    const rights = random.pick(RIGHTS);
    const taken = pages.take(random, count, pins && random.chance(0.6));
    if (taken === undefined) return;
    const isRun = taken.every((pa, index) => pa === taken[0]! + index * PAGE);
    const read = (rights & READ) !== 0;
    for (const pa of taken) this.#prepare(pa, read);
    const mapping: Mapping = {
      gpa: this.#somewhere(count),
      size: count * PAGE,
      read,
      write: (rights & WRITE) !== 0,
      pages: isRun ? taken[0]! : taken,
    };
    if (!this.#map(mapping)) this.#free([mapping]);
  }

  /** A block of 2 MiB to 1 GiB, whole or with ends that are no blocks, or two of them that lie apart. */
  #mapLarge(): void {
    const { random, pages, pins } = this.#ground;
    const slot = pages.takeSlot();
    if (slot === undefined) return;
    const size = random.pick([2 * MIB, 2 * MIB, 4 * MIB, 2 * MIB + PAGE * 5, 34 * MIB, GIB]);
    const rights = random.pick(RIGHTS);
    const shift = random.chance(0.3) ? PAGE * random.below(600) : 0;
    const isApart = pins && random.chance(0.4);
    const apart = () => Float64Array.from({ length: 700 }, (_, n) => slot + PAGE * (n < 512 ? n : n + 100));
    const mapping: Mapping = {
      gpa: GIB * random.between(1, 12) + (random.chance(0.5) ? 2 * MIB * random.below(256) : 0) + shift,
      size: isApart ? 700 * PAGE : Math.min(size, GIB - shift),
      read: (rights & READ) !== 0,
      write: (rights & WRITE) !== 0,
      pages: isApart ? apart() : slot + shift,
    };
    if (!this.#map(mapping)) pages.give(slot);
  }

  #map(mapping: Mapping): boolean {
    const { random, hosts, pins } = this.#ground;
    const { gpa, size, read, write, pages } = mapping;
    const flags = (read ? READ : 0) | (write ? WRITE : 0);
    const vaddr = typeof pages === "number" && !pins ? BigInt(pages) : 0x7f00_0000_0000n;
    // A pin function may fail, or hand out what no device may see.
    const isBad = pins && pages !== secretOf(this.index) && random.chance(size < MIB ? 0.06 : 0.5);
    const count = size / PAGE;
    const plan: PinPlan = { vaddr, pages, limit: count };
    const bad: PinPlan = random.chance(0.5)
      ? { ...plan, limit: random.below(count) }
      : { ...plan, pages: HOST.base - PAGE * random.below(count) };
    const bytes = fields(32, flags, vaddr, BigInt(gpa), BigInt(size));
    const ret = hosts.ioctl("containers", this.index, MAP_DMA, bytes, isBad ? bad : plan);
    this.#report(`map ${hex(gpa)} + ${hex(size)} flags ${flags}`, isBad ? "badly pinned" : "", ret);
    this.#remember(gpa, size);
    if (ret !== 0) return false;
    if (isBad) throw new Error("MAP_DMA took pages that cannot be had");
    this.grants.map(mapping);
    return true;
  }

  /** UNMAP_DMA of one mapping, of several, of a part (refused), of nothing. */
  unmap(): void {
    const { random } = this.#ground;
    const { mappings } = this.grants;
    if (mappings.length === 0) return;
    const one = random.pick(mappings);
    const kind = random.below(20);
    const range =
      kind < 13
        ? { gpa: one.gpa, size: one.size }
        : kind < 17
          ? { gpa: one.gpa, size: PAGE * random.pick([1, 5, 64, 512, 4096]) }
          : kind < 19
            ? { gpa: one.gpa + PAGE, size: one.size }
            : { gpa: one.gpa, size: 2 ** 48 - one.gpa };
    const bytes = fields(24, 0, BigInt(range.gpa), BigInt(range.size));
    const ret = this.#ground.hosts.ioctl("containers", this.index, UNMAP_DMA, bytes);
    this.#report(`unmap ${hex(range.gpa)} + ${hex(range.size)}`, "", ret);
    this.#remember(one.gpa, one.size);
    if (ret !== 0) return;
    const gone = this.grants.unmap(range.gpa, range.size);
    const total = gone.reduce((sum, { size }) => sum + size, 0);
    const answered = Number(new DataView(bytes.buffer).getBigUint64(16, true));
    if (answered !== total) throw new Error(`UNMAP_DMA answered ${hex(answered)}, expected ${hex(total)}`);
    this.#free(gone);
    this.keepSecret();
  }

  bindMsi(): void {
    const { random } = this.#ground;
    const size = random.pick([PAGE, PAGE, PAGE, 2 * PAGE, 16 * PAGE, 2 * MIB, 3 * PAGE]);
    const iova = 0x800_0000 + PAGE * random.below(8);
    const gpa = random.chance(0.8) ? 0x3000_0000 + PAGE * random.below(64) : this.#somewhere(1);
    const bytes = fields(32, 1, BigInt(iova), BigInt(gpa), BigInt(size));
    const ret = this.#ground.hosts.ioctl("containers", this.index, SET_MSI_BINDING, bytes);
    this.#report(`bind ${hex(iova)} to ${hex(gpa)} + ${hex(size)}`, "", ret);
    if (ret === 0) this.grants.bind({ iova: iova - (iova % size), gpa: gpa - (gpa % size), size });
  }

  unbindMsi(): void {
    const { random } = this.#ground;
    const { bindings } = this.grants;
    const iova = bindings.length > 0 ? random.pick(bindings).iova : 0x800_0000;
    const bytes = fields(32, 2, BigInt(iova), 0n, BigInt(PAGE));
    const ret = this.#ground.hosts.ioctl("containers", this.index, SET_MSI_BINDING, bytes);
    this.#report(`unbind ${hex(iova)}`, "", ret);
    if (ret === 0 || ret === -ENOTTY) this.grants.unbind(iova);
  }

  /** The guest's table as it says, or any nonsense. */
  setPasidTable(guest: Guest): void {
    const { random } = this.#ground;
    const mustUnset = this.#ground.series && this.setting === "table";
    let config = mustUnset ? 2 : random.chance(0.85) ? 1 : random.between(1, 3);
    let { base, pasidBits, s1fmt } = guest.table;
    let s1dss = random.pick([2, 2, 2, 2, 2, 2, 0, 1, 1]);
    if (random.chance(0.15)) {
      base = random.chance(0.3) ? random.bits(52) : guest.address();
      pasidBits = random.chance(0.5) ? 0 : random.below(24);
      s1fmt = random.below(4);
      s1dss = random.below(5);
      config = random.chance(0.9) ? 1 : random.below(256);
    }
    const words = fields(40, SET, 1, 1, base, pasidBits | (config << 8), 0, 1, s1fmt | (s1dss << 8));
    const ret = this.#ground.hosts.ioctl("containers", this.index, SET_PASID_TABLE, words);
    this.#report(
      `set table ${hex(base)} bits ${pasidBits} fmt ${s1fmt} dss ${s1dss} config ${config}`,
      "",
      ret,
    );
    if (ret === 0) this.setting = config === 1 ? "table" : config === 2 ? "stage 2 alone" : "abort";
  }

  unsetPasidTable(): void {
    const bytes = fields(40, UNSET, 1, 1, 0n, 0, 0, 1, 0);
    const ret = this.#ground.hosts.ioctl("containers", this.index, SET_PASID_TABLE, bytes);
    this.#report("unset table", "", ret);
    if (ret === 0) this.setting = this.#ground.series ? "abort" : "stage 2 alone";
  }

  /** What a guest may ask for, and garbage. */
  invalidate(va: bigint): void {
    const { random } = this.#ground;
    const asid = random.below(4);
    const bytes = random.pick([
      () => fields(56, 0, 1, 0x0005, 0, 0, 0n, 0n, 0n, 0n),
      () => fields(56, 0, 1, 0x0101, 2, asid, 0n, 0n, 0n, 0n),
      () => fields(56, 0, 1, 0x0107, 1, 0, BigInt(random.below(64)), 0n, 0n, 0n),
      () =>
        fields(
          56,
          0,
          1,
          0x0201,
          random.below(8),
          asid,
          0n,
          va & ~0xfffn,
          0x1000n,
          BigInt(random.between(1, 64)),
        ),
      () =>
        fields(
          56,
          0,
          1,
          0x0203,
          random.below(8),
          asid,
          1n,
          va,
          1n << BigInt(random.below(64)),
          random.bits(12),
        ),
      () =>
        fields(
          56,
          0,
          1,
          random.below(0x400),
          random.word(),
          random.word(),
          ...Array.from({ length: 4 }, () => random.bits(64)),
        ),
    ])();
    const ret = this.#ground.hosts.ioctl("containers", this.index, CACHE_INVALIDATE, bytes);
    this.#report(`invalidate ${Buffer.from(bytes).toString("hex")}`, "", ret);
  }

  #remember(gpa: number, size: number): void {
    this.tried.push({ gpa, size });
    if (this.tried.length > MOST_TRIED) this.tried.shift();
  }

  #somewhere(count: number): number {
    const { random } = this.#ground;
    const { mappings } = this.grants;
    // Next to something that is mapped, so that neighbours arise; else anywhere in a window. Nothing is near the secret.
    if (mappings.length > 0 && random.chance(0.4)) {
      const { gpa, size } = random.pick(mappings);
      if (gpa !== Number(SECRET.gpa))
        return random.chance(0.5) ? gpa + size : Math.max(0, gpa - count * PAGE);
    }
    const { base, pages } = random.pick(WINDOWS);
    return base + PAGE * random.below(pages);
  }

  /** What a page holds before it is granted: nothing, or traps where no device may read. */
  #prepare(pa: number, read: boolean): void {
    this.#ground.hosts.writeBytes(pa, read ? new Uint8Array(PAGE) : TRAPS);
  }

  /** Pages that nobody has any more. */
  #free(mappings: readonly Mapping[]): void {
    const { pages, hosts } = this.#ground;
    for (const mapping of mappings) {
      if (mapping.gpa === Number(SECRET.gpa)) continue;
      const first = pageAt(mapping, 0);
      if (!pages.isPool(first)) {
        pages.give(first);
        continue;
      }
      for (let offset = 0; offset < mapping.size; offset += PAGE) {
        const pa = pageAt(mapping, offset);
        pages.give(pa);
        hosts.writeBytes(pa, TRAPS);
      }
    }
  }

  #report(what: string, detail: string | number, ret: number): number {
    this.#ground.log(`${this.index}: ${what} ${detail} = ${ret}`);
    return ret;
  }
}

/** The doorbell's page holds traps: it is written, never read. */
export function trapDoorbell(hosts: HostPair): void {
  hosts.writeBytes(DOORBELL, TRAPS);
}
