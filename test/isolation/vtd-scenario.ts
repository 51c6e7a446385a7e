// One run: tenants over one VT-d unit, random changes by host and guests, and DMA whose every answer is held against the
// oracle. Violations are texts that say what to reproduce.

import type { CacheOptions, VtdFeatures, VtdOptions } from "../../src/index.js";
import { Random } from "../property/random.js";
import { alignDown } from "./grants.js";
import { isSecret, PAGE, PhysicalPages, POOL, PRIVATE, SECRET, secretOf } from "./physical-pages.js";
import { type VtdDma, VtdDmaSource } from "./vtd-dma.js";
import { VtdGuest } from "./vtd-guest.js";
import { VtdHostPair } from "./vtd-host-pair.js";
import { type VtdGround, VtdTenant } from "./vtd-tenant.js";
import { VTD_TRAPS } from "./vtd-traps.js";

export interface VtdScenarioOptions {
  features: Readonly<VtdFeatures>;
  caches: CacheOptions & Pick<VtdOptions, "core">;
  fiveLevel?: boolean;
}

const CONTAINERS = 3;
const DEVICES = [
  { stream: 8, pasidBits: 8 },
  { stream: 9, pasidBits: 8 },
  { stream: 10, pasidBits: 10 },
  { stream: 0x406, pasidBits: 8 },
  { stream: 0x8c, pasidBits: 6 },
  { stream: 11, pasidBits: 0 },
];
const STREAMS = DEVICES.map(({ stream }) => stream);
const BATCH = 60;
const SINGLE = 4;
const LAST = 6;
const LOGGED = 25;
const TRANSLATED = 0;
const BYPASSED = 1;
const PASID_VALID = 0x8000_0000;
/** Intel VT-d Rev 5.10, 9.7: what hardware may set in a first-stage entry: A, D, EA. */
const UPDATED = (1n << 5n) | (1n << 6n) | (1n << 10n);
/** 3.14: a request without PASID to FEEx_xxxx is an interrupt and passes as it is. */
const INTERRUPTS = 0xfeen;

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** What happened, so that a run that proves nothing is noticed. */
export interface VtdTally {
  requests: number;
  /** Through a guest's tables. */
  nested: number;
  /** By the second stage alone. */
  direct: number;
  interrupts: number;
  /** Of VtdDmaSource. */
  revoked: number;
  unbound: number;
  /** Entries that hardware updated. */
  updates: number;
  /** Calls of the host that succeeded. */
  calls: number;
  /** Calls that found no room for tables. */
  noMemory: number;
}

export class VtdScenario {
  readonly tally: VtdTally = {
    requests: 0,
    nested: 0,
    direct: 0,
    interrupts: 0,
    revoked: 0,
    unbound: 0,
    updates: 0,
    calls: 0,
    noMemory: 0,
  };
  readonly #random: Random;
  readonly #hosts: VtdHostPair;
  readonly #tenants: VtdTenant[];
  readonly #guests: VtdGuest[];
  readonly #source: VtdDmaSource;
  readonly #log: string[] = [];
  #violation: string | undefined;

  constructor(seed: number, world: number, { features, caches, fiveLevel = false }: VtdScenarioOptions) {
    const random = new Random(seed, 2000 + world);
    const devices = DEVICES.map((device, n) => ({ ...device, name: `dev${n}`, ats: n % 2 === 1 }));
    const hosts = new VtdHostPair({
      features,
      fiveLevel,
      caches,
      devices,
      containers: CONTAINERS,
      batch: BATCH,
    });
    const log = (text: string): void => this.#note(text);
    const ground: VtdGround = { random, hosts, pages: new PhysicalPages(), fiveLevel, log };
    this.#random = random;
    this.#hosts = hosts;
    for (let page = 0; page < POOL.pages; page++) hosts.writeBytes(POOL.base + page * PAGE, VTD_TRAPS);
    for (let at = 0; at < PRIVATE.size; at += PAGE) hosts.writeBytes(PRIVATE.base + at, VTD_TRAPS);
    this.#tenants = Array.from({ length: CONTAINERS }, (_, index) => new VtdTenant(index, ground));
    this.#guests = this.#tenants.map((tenant) => {
      for (let at = 0; at < SECRET.size; at += PAGE) hosts.writeBytes(secretOf(tenant.index) + at, VTD_TRAPS);
      const { grants } = tenant;
      return new VtdGuest({ random, hosts, fiveLevel, grants, foreign: () => this.#foreignGpa(tenant) });
    });
    this.#source = new VtdDmaSource({
      random,
      streams: STREAMS,
      tenants: this.#tenants,
      guests: this.#guests,
    });
    for (const group of DEVICES.keys()) this.#tenants[group % CONTAINERS]!.join(group);
  }

  /** Runs until enough requests have been made. @returns the first violation, or undefined */
  run(requests: number): string | undefined {
    for (const tenant of this.#tenants) for (let n = 0; n < 60; n++) tenant.map();
    for (const tenant of this.#tenants) for (let n = 0; n < 6; n++) this.#bind(tenant);
    for (let step = 0; this.tally.requests < requests && this.#violation === undefined; step++) {
      this.#note(`step ${step}`);
      for (let n = this.#random.between(1, 6); n > 0; n--) this.#change();
      if (this.#random.chance(0.4)) this.#bind(this.#random.pick(this.#tenants));
      this.#batch();
      for (let n = 0; n < SINGLE; n++) this.#single();
      this.#compare();
    }
    const { revoked, unbound } = this.#source;
    Object.assign(this.tally, { revoked, unbound });
    if (this.#violation === undefined) return undefined;
    return `${this.#violation}\nafter\n  ${this.#log.join("\n  ")}`;
  }

  #change(): void {
    const random = this.#random;
    const index = random.below(CONTAINERS);
    const tenant = this.#tenants[index]!;
    const guest = this.#guests[index]!;
    const kind = random.below(80);
    if (kind < 2) this.#move();
    else if (kind < 3) this.#restart(tenant);
    else if (!tenant.hasIommu) this.#bring(tenant);
    else if (kind < 4) tenant.reopen(random.pick([...tenant.members.keys()]));
    else if (kind < 20) tenant.map();
    else if (kind < 30) tenant.unmap();
    else if (kind < 40) this.#bind(tenant);
    else if (kind < 48) tenant.unbind();
    else if (kind < 64) tenant.invalidate(this.#source.addressOf(index));
    else guest.disturb();
  }

  /** A guest binds a space that it has, or a new one when too many roots are in memory that is its no more. */
  #bind(tenant: VtdTenant): void {
    const guest = this.#guests[tenant.index]!;
    if (guest.spaces.length < 2 || this.#random.chance(0.3)) guest.newSpace();
    const usable = guest.spaces.filter((space) => guest.hasRoot(space));
    if (usable.length === 0) guest.newSpace();
    const { root, levels } = this.#random.pick(usable.length > 0 ? usable : guest.spaces);
    if (tenant.hasIommu) tenant.bind(root, levels);
  }

  /** A device goes to another container, or comes back from nowhere. */
  #move(): void {
    const group = this.#random.below(DEVICES.length);
    this.#source.ownerOf(STREAMS[group]!)?.leave(group);
    if (this.#random.chance(0.8)) this.#random.pick(this.#tenants).join(group);
  }

  /** All devices of a container leave, and come back to another address space under the same tag. */
  #restart(tenant: VtdTenant): void {
    const members = [...tenant.members.keys()];
    for (const group of members) tenant.leave(group);
    for (const group of members) tenant.join(group);
    for (let n = 0; n < 40 && tenant.hasIommu; n++) tenant.map();
    for (let n = 0; n < 4; n++) this.#bind(tenant);
  }

  #bring(tenant: VtdTenant): void {
    const homeless = STREAMS.findIndex((stream) => this.#source.ownerOf(stream) === undefined);
    if (homeless < 0) this.#move();
    else tenant.join(homeless);
  }

  /** A guest-physical address that another container has, or that this one had or should have had. */
  #foreignGpa(tenant: VtdTenant): number {
    const one = this.#random.chance(0.5) ? tenant : this.#random.pick(this.#tenants);
    const ranges = one === tenant ? tenant.tried : one.grants.mappings;
    const gpa = ranges.length > 0 ? this.#random.pick(ranges.slice(-LAST)).gpa : 0;
    return gpa === Number(SECRET.gpa) ? 0 : gpa;
  }

  #batch(): void {
    const { machine } = this.#hosts.subject.driver;
    const { batch } = machine;
    const requests = Array.from({ length: BATCH }, () => this.#source.next());
    for (const [at, { stream, pasid, iova, access }] of requests.entries()) {
      batch.stream[at] = stream;
      batch.pasid[at] = pasid === undefined ? 0 : PASID_VALID + pasid;
      batch.iova[at] = iova;
      batch.access[at] = access;
    }
    machine.run(BATCH);
    for (const [at, dma] of requests.entries()) {
      const status = batch.status[at]!;
      const how = status === TRANSLATED ? "translated" : status === BYPASSED ? "bypassed" : "refused";
      this.#check(dma, how, Number(batch.pa[at]!), batch.leafLg2[at]!);
    }
  }

  #single(): void {
    const dma = this.#source.next();
    const { stream, pasid, iova, access } = dma;
    const answer = this.#hosts.subject.driver.machine.translate({
      stream,
      ...(pasid !== undefined && { pasid }),
      iova,
      write: (access & 1) !== 0,
      execute: (access & 2) !== 0,
      privileged: (access & 4) !== 0,
    });
    const how = answer.status === "translated" || answer.status === "bypassed" ? answer.status : "refused";
    this.#check(dma, how, Number(answer.pa), answer.leafLg2);
  }

  /** Holds one answer against the oracle. */
  #check(dma: VtdDma, how: "translated" | "bypassed" | "refused", pa: number, leafLg2: number): void {
    this.tally.requests++;
    const { pasid, iova } = dma;
    const ok = how === "translated";
    if (pasid === undefined && iova >> 20n === INTERRUPTS) {
      this.tally.interrupts++;
      if (how !== "bypassed" || pa !== Number(iova))
        this.#fail(dma, `${how} ${hex(pa)}, expected an interrupt`);
      return;
    }
    if (how === "bypassed") this.#fail(dma, "bypassed both stages");
    const owner = this.#source.ownerOf(dma.stream);
    const write = (dma.access & 1) !== 0;
    if (pasid === undefined) {
      const target = iova < 1n << 48n ? owner?.grants.target(Number(iova)) : undefined;
      const expected = target && (write ? target.write : target.read) ? target.pa : undefined;
      if ((ok ? pa : undefined) !== expected) {
        this.#fail(dma, `${ok ? hex(pa) : "refused"}, the second stage gives ${expected && hex(expected)}`);
      }
    }
    if (!ok) return;
    // A request that names PASID 0 is under the second stage alone, too.
    if (pasid !== undefined && pasid > 0 && !this.#source.isBound(dma))
      this.#fail(dma, `${hex(pa)}, nothing is bound`);
    this.#checkSuccess(dma, pa, leafLg2, owner);
  }

  #checkSuccess(dma: VtdDma, pa: number, leafLg2: number, owner: VtdTenant | undefined): void {
    if (owner === undefined) {
      this.#fail(dma, `${hex(pa)}, expected an abort`);
      return;
    }
    if (isSecret(pa)) this.#fail(dma, `${hex(pa)}: a walk read what no device may read`);
    // What was cached for it reaches from the first to the last byte of the leaf.
    const first = alignDown(pa, 2 ** leafLg2);
    const write = (dma.access & 1) !== 0;
    for (const at of [pa, first, first + 2 ** leafLg2 - 1]) {
      if (!owner.grants.allows(at, write)) {
        this.#fail(dma, `${hex(pa)} (leaf 2^${leafLg2}), ${hex(at)} not granted`);
      }
    }
    if (dma.pasid === undefined) this.tally.direct++;
    else this.tally.nested++;
    this.#source.remember(dma, pa);
  }

  /** Nothing but flags of entries that have come to be set, in pages granted writable, may have changed. */
  #compare(): void {
    for (const { pa, before, after } of this.#hosts.differences()) {
      const isUpdate = (before & ~after) === 0n && (after & ~before & ~UPDATED) === 0n;
      const isGranted = this.#tenants.some(({ grants }) => grants.allows(pa, true));
      this.tally.updates++;
      if (isUpdate && isGranted) continue;
      this.#violation ??= `${hex(pa)} was ${hex(before)}, a DMA or a walk made it ${hex(after)}`;
    }
    if (!this.#hosts.backsAlike) this.#violation ??= "DMA took memory";
  }

  #fail({ stream, pasid, iova, access }: VtdDma, what: string): void {
    const kind = `${access & 4 ? "privileged " : ""}${access & 2 ? "execute " : ""}${access & 1 ? "write" : "read"}`;
    const who = `stream ${stream} of container ${this.#source.ownerOf(stream)?.index ?? "none"}`;
    this.#violation ??= `${who}, pasid ${pasid ?? "none"}, iova ${hex(iova)}, ${kind}: ${what}`;
  }

  /** Keeps the last calls; counts those that succeeded, and those that found no room. */
  #note(text: string): void {
    this.#log.push(text);
    if (this.#log.length > LOGGED) this.#log.shift();
    if (text.endsWith("= 0")) this.tally.calls++;
    if (text.endsWith("= -12")) this.tally.noMemory++;
  }
}
