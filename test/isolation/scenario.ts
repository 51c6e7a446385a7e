// One run: tenants over one SMMU, random changes by host and guests, and DMA whose every success is held against the
// oracle. Violations are texts that say what to reproduce.

import type { CacheOptions, ProfileName, SmmuV3Options } from "../../src/index.js";
import type { SmmuFeatures } from "../../src/smmuv3/features.js";
import { Random } from "../property/random.js";
import { alignDown } from "./grants.js";
import { Guest } from "./guest.js";
import { HostPair } from "./host-pair.js";
import { isSecret, PAGE, PhysicalPages, POOL, PRIVATE, SECRET, secretOf, TRAPS } from "./physical-pages.js";
import type { Hint } from "./stage-one.js";
import { type Ground, Tenant, trapDoorbell } from "./tenant.js";

export interface ScenarioOptions {
  features: SmmuFeatures;
  caches: CacheOptions & Pick<SmmuV3Options, "core">;
  profile?: ProfileName;
  pins?: boolean;
  /** HTTU is there. */
  updates?: boolean;
  /** 52-bit fields count. */
  wide?: boolean;
}

interface Dma {
  stream: number;
  pasid: number | undefined;
  iova: bigint;
  /** 1 write, 2 execute, 4 privileged. */
  access: number;
}

const CONTAINERS = 3;
const STREAMS = [8, 9, 10, 1030, 12];
const BATCH = 48;
const SINGLE = 4;
const REMEMBERED = 512;
const RECENT = 40;
const LAST = 4;
const LOGGED = 25;
const TRANSLATED = 0;
const PASID_VALID = 0x8000_0000;
// Arm DDI 0487 M.a, D8.5: what hardware may change in a stage-1 descriptor: the access flag, AP[2].
const UPDATED = (1n << 10n) | (1n << 7n);

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** What happened, so that a run that proves nothing is noticed. */
export interface Tally {
  requests: number;
  /** Through a guest's tables. */
  nested: number;
  /** By stage 2 alone. */
  direct: number;
  /** To the doorbell. */
  doorbell: number;
  /** Requests that once succeeded and whose grant has gone since. */
  revoked: number;
  /** Descriptors that hardware updated. */
  updates: number;
  /** Calls of the host that succeeded. */
  calls: number;
  /** Calls that found no room for tables. */
  noMemory: number;
}

export class Scenario {
  readonly tally: Tally = {
    requests: 0,
    nested: 0,
    direct: 0,
    doorbell: 0,
    revoked: 0,
    updates: 0,
    calls: 0,
    noMemory: 0,
  };
  readonly #random: Random;
  readonly #hosts: HostPair;
  readonly #options: ScenarioOptions;
  readonly #tenants: Tenant[];
  readonly #guests: Guest[];
  /** Requests that succeeded, to be tried again when their grant may have gone. */
  readonly #succeeded: (Dma & { pa: number })[] = [];
  readonly #log: string[] = [];
  /** Index of the tenant that something was done to last. */
  #changed = 0;
  #violation: string | undefined;

  constructor(seed: number, world: number, options: ScenarioOptions) {
    const random = new Random(seed, 1000 + world);
    const { features, caches, profile = "header", pins = true, updates = false, wide = false } = options;
    const devices = STREAMS.map((stream, n) => ({ name: `dev${n}`, stream, ats: n % 2 === 1 }));
    const hosts = new HostPair({
      features,
      caches,
      profile,
      pins,
      devices,
      containers: CONTAINERS,
      batch: BATCH,
    });
    const series = profile === "linux-v10";
    const ground: Ground = {
      random,
      hosts,
      pages: new PhysicalPages(),
      pins,
      series,
      log: (text) => this.#note(text),
    };
    this.#random = random;
    this.#hosts = hosts;
    this.#options = options;
    for (let page = 0; page < POOL.pages; page++) hosts.writeBytes(POOL.base + page * PAGE, TRAPS);
    for (let at = 0; at < PRIVATE.size; at += PAGE) hosts.writeBytes(PRIVATE.base + at, TRAPS);
    // And where the secret's guest-physical address is a physical one: nobody is granted that.
    for (let at = 0; at < SECRET.size; at += PAGE) hosts.writeBytes(Number(SECRET.gpa) + at, TRAPS);
    trapDoorbell(hosts);
    this.#tenants = Array.from({ length: CONTAINERS }, (_, index) => new Tenant(index, ground));
    this.#guests = this.#tenants.map((tenant) => {
      for (let at = 0; at < SECRET.size; at += PAGE) hosts.writeBytes(secretOf(tenant.index) + at, TRAPS);
      const style = { updates, wide, oneContext: series };
      return new Guest(
        random,
        hosts,
        () => tenant.grants,
        () => this.#foreignGpa(tenant),
        style,
      );
    });
    STREAMS.forEach((_, group) => {
      this.#tenants[group % CONTAINERS]!.join(group);
    });
  }

  /** Runs until enough requests have been made. @returns the first violation, or undefined */
  run(requests: number): string | undefined {
    for (const tenant of this.#tenants) for (let n = 0; n < 60; n++) tenant.map();
    for (const guest of this.#guests) guest.rebuild();
    for (let step = 0; this.tally.requests < requests && this.#violation === undefined; step++) {
      this.#note(`step ${step}`);
      for (let n = this.#random.between(1, 6); n > 0; n--) this.#change();
      if (this.#random.chance(0.4)) this.#revive();
      this.#batch();
      for (let n = 0; n < SINGLE; n++) this.#single();
      this.#compare();
    }
    if (this.#violation === undefined) return undefined;
    return `${this.#violation}\nafter\n  ${this.#log.join("\n  ")}`;
  }

  #change(): void {
    const random = this.#random;
    const index = random.below(CONTAINERS);
    this.#changed = index;
    const tenant = this.#tenants[index]!;
    const guest = this.#guests[index]!;
    const kind = random.below(40);
    if (kind === 0) this.#move();
    else if (kind === 1) this.#restart(tenant);
    else if (!tenant.hasIommu) this.#bring(tenant);
    else if (kind < 10) tenant.map();
    else if (kind < 16) tenant.unmap();
    else if (kind < 19) tenant.bindMsi();
    else if (kind < 20) tenant.unbindMsi();
    else if (kind < 23) this.#rebuild(tenant, guest);
    else if (kind < 24) tenant.setPasidTable(guest);
    else if (kind < 25) tenant.unsetPasidTable();
    else if (kind < 32) tenant.invalidate(this.#hint(guest)?.va ?? 0n);
    else guest.disturb();
  }

  /** A guest whose table is not in its memory any more makes another one. */
  #revive(): void {
    const index = this.#random.below(CONTAINERS);
    const tenant = this.#tenants[index]!;
    const guest = this.#guests[index]!;
    if (tenant.hasIommu && (tenant.setting !== "table" || !guest.hasTable)) this.#rebuild(tenant, guest);
  }

  #rebuild(tenant: Tenant, guest: Guest): void {
    guest.rebuild();
    tenant.setPasidTable(guest);
    if (tenant.setting !== "table") tenant.setPasidTable(guest);
  }

  /** A device goes to another container, or comes back from nowhere. */
  #move(): void {
    const group = this.#random.below(STREAMS.length);
    this.#ownerOf(STREAMS[group]!)?.leave(group);
    if (this.#random.chance(0.8)) this.#random.pick(this.#tenants).join(group);
  }

  /** All devices of a container leave, and come back to another address space under the same tag. */
  #restart(tenant: Tenant): void {
    const members = [...tenant.members];
    for (const group of members) tenant.leave(group);
    for (const group of members) tenant.join(group);
    for (let n = 0; n < 40 && tenant.hasIommu; n++) tenant.map();
  }

  #bring(tenant: Tenant): void {
    const homeless = STREAMS.findIndex((stream) => this.#ownerOf(stream) === undefined);
    if (homeless < 0) this.#move();
    else tenant.join(homeless);
  }

  #ownerOf(stream: number): Tenant | undefined {
    const group = STREAMS.indexOf(stream);
    return this.#tenants.find(({ members }) => members.has(group));
  }

  /** A guest-physical address that another container has, or that this one had or should have had. */
  #foreignGpa(tenant: Tenant): number {
    const one = this.#random.chance(0.5) ? tenant : this.#random.pick(this.#tenants);
    const ranges = one === tenant ? tenant.tried : one.grants.mappings;
    const gpa = ranges.length > 0 ? this.#random.pick(ranges.slice(-LAST)).gpa : 0;
    return gpa === Number(SECRET.gpa) ? 0 : gpa;
  }

  #hint({ hints }: Guest): Hint | undefined {
    return hints.length > 0 ? this.#random.pick(hints) : undefined;
  }

  #dma(): Dma {
    const random = this.#random;
    const kind = random.below(20);
    const access = random.chance(0.7) ? random.below(2) : random.below(8);
    if (kind < 6 && this.#succeeded.length > 0) {
      const age = random.below(Math.min(this.#succeeded.length, random.chance(0.6) ? RECENT : REMEMBERED));
      const { stream, pasid, iova, pa } = this.#succeeded.at(-1 - age)!;
      if (this.#ownerOf(stream)?.grants.allows(pa, (access & 1) !== 0) === false) this.tally.revoked++;
      return { stream, pasid, iova: random.chance(0.7) ? iova : iova ^ random.bits(12), access };
    }
    const index = random.chance(0.4) ? this.#changed : random.below(CONTAINERS);
    const { members, grants, tried } = this.#tenants[index]!;
    const own = [...members].map((group) => STREAMS[group]!);
    const stream =
      own.length > 0 && random.chance(0.95) ? random.pick(own) : random.pick([...STREAMS, 11, 5000]);
    const hint = this.#hint(this.#guests[index]!);
    if (kind < 14 && hint !== undefined) {
      const offset = random.chance(0.8) ? random.bits(12) : random.bits(Math.min(hint.sizeLg2, 30));
      const pasid = hint.pasid === 0 && random.chance(0.9) ? undefined : hint.pasid;
      return { stream, pasid, iova: BigInt.asUintN(64, hint.va + offset), access };
    }
    const pasid = random.chance(0.97) ? undefined : random.below(64);
    if (kind === 18 && grants.bindings.length > 0) {
      return { stream, pasid, iova: BigInt(random.pick(grants.bindings).gpa) + random.bits(13), access };
    }
    if (kind < 19 && grants.mappings.length > 0) {
      const { gpa, size } = random.pick(random.chance(0.5) ? grants.mappings : tried.slice(-LAST));
      const at = random.chance(0.9) ? random.bits(40) % BigInt(size) : BigInt(size) + random.bits(13);
      if (gpa !== Number(SECRET.gpa)) return { stream, pasid, iova: BigInt(gpa) + at, access };
    }
    return { stream, pasid, iova: random.bits(random.pick([16, 31, 48, 64])), access };
  }

  #batch(): void {
    const { batch } = this.#hosts.subject.driver.machine;
    const requests = Array.from({ length: BATCH }, () => this.#dma());
    for (const [at, { stream, pasid, iova, access }] of requests.entries()) {
      batch.stream[at] = stream;
      batch.pasid[at] = pasid === undefined ? 0 : PASID_VALID + pasid;
      batch.iova[at] = iova;
      batch.access[at] = access;
    }
    this.#hosts.subject.driver.machine.run(BATCH);
    for (const [at, dma] of requests.entries()) {
      const status = batch.status[at]!;
      if (status === 1) this.#fail(dma, "bypassed both stages");
      this.#check(dma, status === TRANSLATED, Number(batch.pa[at]!), batch.leafLg2[at]!);
    }
  }

  #single(): void {
    const dma = this.#dma();
    const { stream, pasid, iova, access } = dma;
    const answer = this.#hosts.subject.driver.machine.translate({
      stream,
      ...(pasid !== undefined && { pasid }),
      iova,
      write: (access & 1) !== 0,
      execute: (access & 2) !== 0,
      privileged: (access & 4) !== 0,
    });
    this.#check(dma, answer.ok, Number(answer.pa), answer.leafLg2);
  }

  /** Holds one answer against the oracle. */
  #check(dma: Dma, ok: boolean, pa: number, leafLg2: number): void {
    const { tally } = this;
    tally.requests++;
    const owner = this.#ownerOf(dma.stream);
    const write = (dma.access & 1) !== 0;
    const direct = owner?.setting === "stage 2 alone" && dma.pasid === undefined;
    const target = direct && dma.iova < 1n << 48n ? owner.grants.target(Number(dma.iova)) : undefined;
    const expected = target && (write ? target.write : target.read) ? target.pa : undefined;
    if (direct && (ok ? pa : undefined) !== expected) {
      this.#fail(dma, `${ok ? hex(pa) : "refused"}, stage 2 alone gives ${expected && hex(expected)}`);
    }
    if (ok) this.#checkSuccess(dma, pa, leafLg2, owner);
  }

  #checkSuccess(dma: Dma, pa: number, leafLg2: number, owner: Tenant | undefined): void {
    if (owner === undefined || owner.setting === "abort") {
      this.#fail(dma, `${hex(pa)}, expected an abort`);
      return;
    }
    if (isSecret(pa)) this.#fail(dma, `${hex(pa)}: a walk read what no device may read`);
    // What was cached for it reaches from the first to the last byte of the leaf.
    const first = alignDown(pa, 2 ** leafLg2);
    const write = (dma.access & 1) !== 0;
    for (const at of [pa, first, first + 2 ** leafLg2 - 1]) {
      if (!owner.grants.allows(at, write))
        this.#fail(dma, `${hex(pa)} (leaf 2^${leafLg2}), ${hex(at)} not granted`);
    }
    const { tally } = this;
    if (owner.setting === "stage 2 alone") tally.direct++;
    else tally.nested++;
    if (pa < POOL.base) tally.doorbell++;
    this.#succeeded.push({ ...dma, pa });
    if (this.#succeeded.length > REMEMBERED) this.#succeeded.shift();
  }

  /** Nothing but updates of descriptors, in pages granted writable, may have changed. */
  #compare(): void {
    for (const { pa, before, after } of this.#hosts.differences()) {
      const isUpdate = ((before ^ after) & ~UPDATED) === 0n;
      const isGranted = this.#tenants.some(({ grants }) => grants.allows(pa, true));
      this.tally.updates++;
      if (this.#options.updates && isUpdate && isGranted) continue;
      this.#violation ??= `${hex(pa)} was ${hex(before)}, a DMA or a walk made it ${hex(after)}`;
    }
    if (!this.#hosts.backsAlike) this.#violation ??= "DMA took memory";
  }

  #fail({ stream, pasid, iova, access }: Dma, what: string): void {
    const kind = `${access & 4 ? "privileged " : ""}${access & 2 ? "execute " : ""}${access & 1 ? "write" : "read"}`;
    const owner = this.#ownerOf(stream);
    const who = `stream ${stream} of container ${owner?.index ?? "none"} (${owner?.setting ?? "detached"})`;
    this.#violation ??= `${who}, pasid ${pasid ?? "none"}, iova ${hex(iova)}, ${kind}: ${what}`;
  }

  /** Keeps the last calls; counts those that succeeded, and grants that went from under a success. */
  #note(text: string): void {
    this.#log.push(text);
    if (this.#log.length > LOGGED) this.#log.shift();
    if (text.endsWith("= 0")) this.tally.calls++;
    if (text.endsWith("= -12")) this.tally.noMemory++;
  }
}
