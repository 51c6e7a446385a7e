// Random histories of two domains and three endpoints on a unit that forgets nothing but what it must
// (strict-unit.ts): the driver's descriptors are enough for each change to be seen at once. And each kind of them is
// needed: without it the same histories go wrong.

import { describe, expect, it } from "vitest";
import type { Endpoint, IommuDomain } from "../../src/contract/driver.js";
import type { VtdFirstStageTable } from "../../src/memory/vtd-first-stage.js";
import { bindingOf, Guest, invalidation } from "./guest.js";
import { Rig, RW } from "./rig.js";
import { StrictUnit } from "./strict-unit.js";

const PAGE = 0x1000n;
/** Guest-physical: tables, and pages that are mapped now here, now there. */
const TABLES = 0x100_0000n;
const DATA = 0x4000_0000n;
const PAGES = 24;
const PASIDS = [1, 2, 3];

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A guest with a domain of its own. */
interface Vm {
  readonly domain: IommuDomain;
  readonly guest: Guest;
  readonly tables: VtdFirstStageTable[];
  readonly members: Set<Endpoint>;
}

class World {
  readonly rig = new Rig();
  readonly #next: (below: number) => number;
  readonly #endpoints: readonly Endpoint[];
  readonly #vms: readonly Vm[];
  /** endpoint name → PASIDs. */
  readonly #bound = new Map<string, Set<number>>();
  #frame = 0x20_0000_0000n;

  constructor(seed: number) {
    this.#next = random(seed);
    this.#endpoints = this.rig.probe(8, 9, 0x180);
    this.#vms = [0, 1].map((n) => this.#makeVm(BigInt(n)));
    for (const [n, endpoint] of this.#endpoints.entries()) this.#join(endpoint, this.#vms[n >> 1]!);
  }

  #makeVm(n: bigint): Vm {
    const domain = this.rig.driver.createDomain(true);
    const offset = (n + 1n) << 32n;
    domain.map(TABLES, offset + TABLES, 0x10_0000n, RW);
    const guest = new Guest(this.rig.driver, offset, TABLES);
    const tables = Array.from({ length: 3 }, () => guest.table());
    return { domain, guest, tables, members: new Set() };
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#next(from.length)]!;
  }

  #join(endpoint: Endpoint, vm: Vm): void {
    vm.domain.attach(endpoint);
    vm.members.add(endpoint);
    this.#bound.set(endpoint.name, new Set());
  }

  #vmOf(endpoint: Endpoint): Vm {
    return this.#vms.find(({ members }) => members.has(endpoint))!;
  }

  /** One change of the host's or of a guest's, with all that belongs to it. */
  step(): void {
    const changes = [this.#move, this.#unmap, this.#unmap, this.#bind, this.#bind, this.#remap, this.#remap];
    changes[this.#next(changes.length)]!.call(this);
  }

  #move(): void {
    const endpoint = this.#pick(this.#endpoints);
    const from = this.#vmOf(endpoint);
    from.domain.detach(endpoint);
    from.members.delete(endpoint);
    this.#join(endpoint, this.#pick(this.#vms));
  }

  /** The second stage of some pages of data goes, or comes again elsewhere; now and then that of all. */
  #unmap(): void {
    const { domain } = this.#pick(this.#vms);
    const [first, count] = this.#next(8) === 0 ? [0, PAGES] : [this.#next(PAGES - 3), 1 + this.#next(3)];
    domain.unmap(DATA + BigInt(first) * PAGE, BigInt(count) * PAGE);
    if (this.#next(4) === 0) return;
    this.#frame += 0x100_0000n;
    domain.map(DATA + BigInt(first) * PAGE, this.#frame, BigInt(count) * PAGE, RW);
  }

  #bind(): void {
    const endpoint = this.#pick(this.#endpoints);
    const { domain, tables } = this.#vmOf(endpoint);
    const bound = this.#bound.get(endpoint.name)!;
    const pasid = this.#pick(PASIDS);
    if (bound.delete(pasid)) domain.unbindGpasid(endpoint, pasid);
    if (this.#next(3) === 0) return;
    domain.bindGpasid(endpoint, bindingOf(pasid, this.#pick(tables)));
    bound.add(pasid);
  }

  /** A guest changes a page of one of its tables, or takes a table away, and says so in one of the ways there are. */
  #remap(): void {
    const { domain, tables } = this.#pick(this.#vms);
    const table = this.#pick(tables);
    const iova = this.#iova();
    table.unmap(iova, PAGE);
    const address = { granularity: "address", address: iova, size: PAGE } as const;
    const leaf = { ...address, leaf: true };
    domain.invalidate(
      invalidation({
        iotlb: true,
        ...this.#pick<object>([address, leaf, { granularity: "domain" }, { ...address, size: 8n * PAGE }]),
      }),
    );
    if (this.#next(3) > 0) table.map(iova, DATA + BigInt(this.#next(PAGES)) * PAGE, PAGE);
  }

  #iova(): bigint {
    return this.#pick([0n, 0x4000_0000n, 0x7fff_ffe0_0000n]) + BigInt(this.#next(6)) * PAGE;
  }

  /** A DMA of any endpoint, with or without PASID. */
  request(): [sid: number, pasid: number | undefined, iova: bigint] {
    const { stream } = this.#pick(this.#endpoints);
    const pasid = this.#pick([undefined, ...PASIDS]);
    return [stream, pasid, pasid === undefined ? DATA + BigInt(this.#next(PAGES)) * PAGE : this.#iova()];
  }
}

/** Runs a history; `sees` says which descriptors the unit gets to see. Counts answers, and those that were stale. */
function run(seed: number, sees: (descriptor: readonly [bigint, bigint]) => boolean) {
  const world = new World(seed);
  const { rig } = world;
  const strict = new StrictUnit(rig);
  const counts = { answers: 0, stale: 0, dids: new Set<number>(), hits: 0, shortcuts: 0 };
  rig.descriptors();
  for (let step = 0; step < 400; step++) {
    world.step();
    for (const descriptor of rig.descriptors()) if (sees(descriptor)) strict.apply(descriptor);
    for (let n = 0; n < 12; n++) {
      const [sid, pasid, iova] = world.request();
      const truth = new StrictUnit(rig).translate(sid, pasid, iova);
      const machine = rig.driver.machine.translate({
        stream: sid,
        iova,
        ...(pasid !== undefined && { pasid }),
      });
      if ((machine.ok ? machine.pa : undefined) !== truth) expect.fail(`machine, seed ${seed}, step ${step}`);
      if (strict.translate(sid, pasid, iova) !== truth) counts.stale++;
      if (truth !== undefined) counts.answers++;
      if (pasid !== undefined && truth !== undefined) counts.dids.add(rig.did(sid, pasid));
    }
  }
  return { ...counts, hits: strict.hits, shortcuts: strict.shortcuts };
}

const typeOf = ([low]: readonly [bigint, bigint]): number => Number(low & 15n);
const SEEDS = [1, 2, 3, 4];

describe("the driver's descriptors", () => {
  it.each(SEEDS)("are enough for a unit that forgets only what it must, seed %i", (seed) => {
    const { stale, answers, dids, hits, shortcuts } = run(seed, () => true);
    expect(stale).toBe(0);
    expect(answers).toBeGreaterThan(500);
    expect(hits).toBeGreaterThan(100);
    expect(shortcuts).toBeGreaterThan(100);
    // Two domains, and one PASID bound to different tables in one of them: more than two domain-ids.
    expect(dids.size).toBeGreaterThan(2);
  });

  it.each([
    [7, "PASID-cache"],
    [2, "IOTLB"],
    [6, "PASID-based IOTLB"],
  ])("are all needed: without those of type %i (%s) there are stale answers", (type) => {
    const stale = SEEDS.map((seed) => run(seed, (each) => typeOf(each) !== type).stale);
    expect(stale.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });
});
