// The DMA of a run: addresses that guests have made something of, that the host has mapped or unmapped, that have
// succeeded before, and any others.

import type { Random } from "../property/random.js";
import { SECRET } from "./physical-pages.js";
import { HPASIDS } from "./vtd-arguments.js";
import type { VtdGuest } from "./vtd-guest.js";
import type { VtdTenant } from "./vtd-tenant.js";

const REMEMBERED = 512;
const RECENT = 40;
const LAST = 6;

export interface VtdDma {
  stream: number;
  pasid: number | undefined;
  iova: bigint;
  /** 1 write, 2 execute, 4 privileged. */
  access: number;
}

/** What DMA comes from. */
export interface VtdDmaGround {
  random: Random;
  /** Source-ids by group. */
  streams: readonly number[];
  tenants: readonly VtdTenant[];
  /** By tenant. */
  guests: readonly VtdGuest[];
}

export class VtdDmaSource {
  /** Requests that once succeeded and whose grant has gone since. */
  revoked = 0;
  /** Requests that once succeeded and whose PASID is bound no more. */
  unbound = 0;
  readonly #random: Random;
  readonly #streams: readonly number[];
  readonly #tenants: readonly VtdTenant[];
  readonly #guests: readonly VtdGuest[];
  /** Requests that succeeded, to be tried again when their grant may have gone. */
  readonly #succeeded: (VtdDma & { pa: number })[] = [];

  constructor({ random, streams, tenants, guests }: VtdDmaGround) {
    this.#random = random;
    this.#streams = streams;
    this.#tenants = tenants;
    this.#guests = guests;
  }

  ownerOf(stream: number): VtdTenant | undefined {
    const group = this.#streams.indexOf(stream);
    return this.#tenants.find(({ members }) => members.has(group));
  }

  /** Whether something is bound to the PASID of a request. */
  isBound({ stream, pasid }: VtdDma): boolean {
    return this.ownerOf(stream)?.members.get(this.#streams.indexOf(stream))?.has(pasid!) === true;
  }

  /** Notes a success with a PASID, and some without. */
  remember(dma: VtdDma, pa: number): void {
    if (dma.pasid === undefined && this.#random.chance(0.7)) return;
    this.#succeeded.push({ ...dma, pa });
    if (this.#succeeded.length > REMEMBERED) this.#succeeded.shift();
  }

  /** An address of some first stage of a guest, for invalidations. */
  addressOf(guest: number): bigint {
    return this.#hint(guest) ?? 0n;
  }

  /** A device with a PASID that is bound, mostly to what is still a first stage. */
  #user(index: number): { stream: number; pasid: number; root?: bigint } | undefined {
    const roots = new Set(this.#guests[index]!.spaces.map(({ root }) => root));
    const users = [...this.#tenants[index]!.members].flatMap(([group, bound]) =>
      Array.from(bound, ([pasid, root]) => ({ stream: this.#streams[group]!, pasid, root })),
    );
    const live = users.filter(({ root }) => roots.has(root));
    const some = live.length > 0 && this.#random.chance(0.95) ? live : users;
    return some.length > 0 ? this.#random.pick(some) : undefined;
  }

  /** An address of a guest's first stage, of any when no root is given. */
  #hint(index: number, root?: bigint): bigint | undefined {
    const { spaces } = this.#guests[index]!;
    const own = spaces.filter((space) => space.root === root);
    const hints = (own.length > 0 ? own : spaces).flatMap((space) => space.hints);
    return hints.length > 0 ? this.#random.pick(hints) : undefined;
  }

  /** A DMA that might succeed, or should not. */
  next(): VtdDma {
    const random = this.#random;
    const kind = random.below(20);
    const access = random.chance(0.8) ? random.below(2) : random.below(8);
    if (kind < 6 && this.#succeeded.length > 0) return this.#again(access);
    const index = random.below(this.#tenants.length);
    const { members, grants, tried } = this.#tenants[index]!;
    const own = [...members.keys()].map((group) => this.#streams[group]!);
    const stream =
      own.length > 0 && random.chance(0.95) ? random.pick(own) : random.pick([...this.#streams, 12, 5000]);
    const user = random.chance(0.95) ? this.#user(index) : { stream, pasid: random.pick(HPASIDS) };
    const hint = user && this.#hint(index, user.root);
    if (kind < 16 && hint !== undefined) {
      const iova = BigInt.asUintN(64, hint + random.bits(random.chance(0.9) ? 12 : 30));
      return { stream: user!.stream, pasid: user!.pasid, iova, access };
    }
    const pasid = random.chance(0.9) ? undefined : random.below(random.chance(0.8) ? 256 : 2 ** 20);
    if (kind < 19 && grants.mappings.length > 0) {
      const { gpa, size } = random.pick(random.chance(0.5) ? grants.mappings : tried.slice(-LAST));
      const at = random.chance(0.9) ? random.bits(40) % BigInt(size) : BigInt(size) + random.bits(13);
      if (gpa !== Number(SECRET.gpa)) return { stream, pasid, iova: BigInt(gpa) + at, access };
    }
    const iova = random.chance(0.2)
      ? 0xfed0_0000n + random.bits(22)
      : random.bits(random.pick([16, 31, 48, 64]));
    return { stream, pasid, iova, access };
  }

  /** What succeeded before. */
  #again(access: number): VtdDma {
    const random = this.#random;
    const age = random.below(Math.min(this.#succeeded.length, random.chance(0.6) ? RECENT : REMEMBERED));
    const { pa, ...dma } = this.#succeeded.at(-1 - age)!;
    if (this.ownerOf(dma.stream)?.grants.allows(pa, (access & 1) !== 0) === false) this.revoked++;
    if (dma.pasid !== undefined && !this.isBound(dma)) this.unbound++;
    return { ...dma, iova: random.chance(0.7) ? dma.iova : dma.iova ^ random.bits(12), access };
  }
}
