// One container of a VT-d host, and the host's random calls for it: what succeeds is entered into the oracle, what is freed
// is filled with traps before anything else happens.

import type { Random } from "../property/random.js";
import { fields } from "../vfio/bytes.js";
import { Grants, type Mapping, pageAt } from "./grants.js";
import type { PinPlan } from "./host-pair.js";
import { GIB, HOST, MIB, PAGE, type PhysicalPages, SECRET, secretOf } from "./physical-pages.js";
import { bindBytes, randomBinding, randomInvalidation } from "./vtd-arguments.js";
import type { VtdHostPair } from "./vtd-host-pair.js";
import { VTD_TRAPS } from "./vtd-traps.js";

const SET_IOMMU = 0x3b66;
const SET_CONTAINER = 0x3b68;
const UNSET_CONTAINER = 0x3b69;
const MAP_DMA = 0x3b71;
const UNMAP_DMA = 0x3b72;
const CACHE_INVALIDATE = 0x3b7b;
const NESTING = 6;
const READ = 1;
const WRITE = 2;

/** Where a container's addresses are: small mappings close together, blocks, around the interrupt range, the upper end. */
const WINDOWS = [
  { base: 0, pages: 0x1000 },
  { base: 0, pages: 0x1000 },
  { base: 0x4000_0000 - 0x40_0000, pages: 0x800 },
  { base: 0xfed8_0000, pages: 0x200 },
  { base: 2 ** 48 - 0x100_0000, pages: 0x1000 },
];
const SIZES = [1, 1, 1, 2, 3, 4, 7, 16, 16, 33, 33, 64];
const RIGHTS = [READ | WRITE, READ | WRITE, READ | WRITE, READ, WRITE];
const MOST_MAPPINGS = 250;
const MOST_TRIED = 64;
/** What tenants share. */
export interface VtdGround {
  random: Random;
  hosts: VtdHostPair;
  pages: PhysicalPages;
  fiveLevel: boolean;
  /** Keeps what was done, for people. */
  log(text: string): void;
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

export class VtdTenant {
  readonly grants = new Grants();
  /** First stages by group and hpasid, as root. */
  readonly members = new Map<number, Map<number, bigint>>();
  /** Where something was mapped or unmapped, or should have been; the last one last. */
  readonly tried: { gpa: number; size: number }[] = [];
  readonly index: number;
  readonly #ground: VtdGround;

  constructor(index: number, ground: VtdGround) {
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
    const isFirst = !this.hasIommu;
    if (isFirst) {
      const ret = hosts.ioctl("containers", this.index, SET_IOMMU, NESTING);
      // Without room for a table it goes again.
      if (this.#report("set iommu", "", ret) < 0) {
        hosts.ioctl("groups", group, UNSET_CONTAINER, 0);
        return;
      }
    }
    hosts.openDevice(group);
    this.members.set(group, new Map());
    if (isFirst) this.keepSecret();
  }

  /** A group leaves with its bindings; the last one takes everything along. */
  leave(group: number): void {
    const { hosts } = this.#ground;
    hosts.closeDevice(group);
    const ret = this.#report("leave", group, hosts.ioctl("groups", group, UNSET_CONTAINER, 0));
    if (ret < 0) throw new Error(`UNSET_CONTAINER gave ${ret}`);
    this.members.delete(group);
    if (!this.hasIommu) this.#free(this.grants.clear());
  }

  /** The device is closed, which unbinds everything, and opened again. */
  reopen(group: number): void {
    this.#ground.hosts.closeDevice(group);
    this.#ground.hosts.openDevice(group);
    this.members.set(group, new Map());
    this.#report("reopen", group, 0);
  }

  /** The secret is mapped at all times. */
  keepSecret(): void {
    const gpa = Number(SECRET.gpa);
    if (!this.hasIommu || this.grants.target(gpa) !== undefined) return;
    this.#map({ gpa, size: SECRET.size, read: true, write: true, pages: secretOf(this.index) });
  }

  /** MAP_DMA of something new; now and then of what must be refused. */
  map(): void {
    const { random, pages, hosts } = this.#ground;
    if (this.grants.mappings.length >= MOST_MAPPINGS) return;
    if (random.chance(0.06)) {
      this.#mapLarge();
      return;
    }
    const count = random.pick(SIZES);
    const rights = random.pick(RIGHTS);
    const taken = pages.take(random, count, random.chance(0.6));
    if (taken === undefined) return;
    const read = (rights & READ) !== 0;
    for (const pa of taken) hosts.writeBytes(pa, read ? new Uint8Array(PAGE) : VTD_TRAPS);
    const write = (rights & WRITE) !== 0;
    const mapping: Mapping = { gpa: this.#somewhere(count), size: count * PAGE, read, write, pages: taken };
    if (!this.#map(mapping)) this.#free([mapping]);
  }

  /** A block of 2 MiB to 1 GiB, whole or with ends that are no blocks, or two of them that lie apart. */
  #mapLarge(): void {
    const { random, pages } = this.#ground;
    const slot = pages.takeSlot();
    if (slot === undefined) return;
    const size = random.pick([2 * MIB, 2 * MIB, 4 * MIB, 2 * MIB + PAGE * 5, 34 * MIB, GIB]);
    const rights = random.pick(RIGHTS);
    const shift = random.chance(0.3) ? PAGE * random.below(600) : 0;
    const isApart = random.chance(0.4);
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
    const { random, hosts } = this.#ground;
    const { gpa, size, read, write, pages } = mapping;
    const flags = (read ? READ : 0) | (write ? WRITE : 0);
    const vaddr = 0x7f00_0000_0000n;
    // A pin function may fail, or hand out what no device may see.
    const isBad = pages !== secretOf(this.index) && random.chance(size < MIB ? 0.06 : 0.3);
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
    const { gpa, size } = random.pick(mappings);
    const range = random.pick([
      ...Array.from({ length: 13 }, () => ({ gpa, size })),
      ...Array.from({ length: 4 }, () => ({ gpa, size: PAGE * random.pick([1, 5, 64, 512, 4096]) })),
      { gpa: gpa + PAGE, size },
      { gpa: gpa + PAGE, size },
      { gpa, size: 2 ** 48 - gpa },
    ]);
    const bytes = fields(24, 0, BigInt(range.gpa), BigInt(range.size));
    const ret = this.#ground.hosts.ioctl("containers", this.index, UNMAP_DMA, bytes);
    this.#report(`unmap ${hex(range.gpa)} + ${hex(range.size)}`, "", ret);
    this.#remember(gpa, size);
    if (ret !== 0) return;
    const gone = this.grants.unmap(range.gpa, range.size);
    const total = gone.reduce((sum, one) => sum + one.size, 0);
    const answered = Number(new DataView(bytes.buffer).getBigUint64(16, true));
    if (answered !== total) throw new Error(`UNMAP_DMA answered ${hex(answered)}, expected ${hex(total)}`);
    this.#free(gone);
    this.keepSecret();
  }

  /** A guest's first stage, or any nonsense, for a PASID of one of the devices. */
  bind(root: bigint, levels: 4 | 5): void {
    const { random, fiveLevel, hosts } = this.#ground;
    const group = random.pick([...this.members.keys()]);
    const data = randomBinding(random, root, levels, fiveLevel);
    const { hpasid, gpgd } = data;
    // What is bound must be unbound first.
    if (this.members.get(group)!.has(hpasid) && random.chance(0.7)) this.#unbind(group, hpasid);
    const ret = hosts.gpasid("bindGpasid", group, bindBytes(data));
    this.#report(`bind group ${group} hpasid ${hpasid} to ${hex(gpgd)} flags ${data.flags}`, "", ret);
    if (ret === 0) this.members.get(group)!.set(hpasid, gpgd);
  }

  unbind(): void {
    const { random } = this.#ground;
    const group = random.pick([...this.members.keys()]);
    const bound = this.members.get(group)!;
    const isBound = bound.size > 0 && random.chance(0.9);
    const hpasid = isBound ? random.pick([...bound.keys()]) : random.below(256);
    this.#unbind(group, hpasid);
  }

  #unbind(group: number, hpasid: number): void {
    const bytes = bindBytes({ hpasid, gpgd: 0n, width: 48, flags: 0, pat: 0 });
    const ret = this.#report(
      `unbind group ${group} hpasid ${hpasid}`,
      "",
      this.#ground.hosts.gpasid("unbindGpasid", group, bytes),
    );
    if (ret !== 0) throw new Error(`unbindGpasid gave ${ret}`);
    this.members.get(group)!.delete(hpasid);
  }

  /** What a guest may ask for, and garbage. */
  invalidate(va: bigint): void {
    const { random } = this.#ground;
    const bytes = randomInvalidation(random, va);
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
      const isAfter = random.chance(0.5);
      if (gpa !== Number(SECRET.gpa)) return isAfter ? gpa + size : Math.max(0, gpa - count * PAGE);
    }
    const { base, pages } = random.pick(WINDOWS);
    return base + PAGE * random.below(pages);
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
        hosts.writeBytes(pa, VTD_TRAPS);
      }
    }
  }

  #report(what: string, detail: string | number, ret: number): number {
    this.#ground.log(`${this.index}: ${what} ${detail} = ${ret}`);
    return ret;
  }
}
