// Two drivers live through the same random history of a guest: one machine has its caches, the other none. The guest
// invalidates what it must and in any of the ways that suffice; then both must say the same about every DMA.

import { describe, expect, it } from "vitest";
import type { Invalidation, PasidTable } from "../../src/contract/driver.js";
import type { PageTable } from "../../src/memory/page-table.js";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import type { SmmuV3Options } from "../../src/smmuv3/options.js";
import { type Granule, Guest } from "./guest.js";
import { Rig, RW } from "./rig.js";

const RAM = 0x8000_0000n;
const TABLES = 0x1000_0000n;
/** Guest-physical memory that comes and goes in stage 2, 24 pieces of 64 KiB. */
const DATA = 0x4000_0000n;
const CHUNK = 0x1_0000n;
const CHUNKS = 24;
const CDS = 0x4000n;
const IOVA = 0x7f00_0000_0000n;
const PASIDS = 3;
const NOTHING = { deviceTlb: false, leaf: false, address: 0n, size: 0n } as const;

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 22695477) + 1) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One driver with one guest on streams 8 and 9. */
class Side {
  readonly rig: Rig;
  readonly domain;
  readonly vm: Guest;
  readonly tables: PageTable[] = [];

  constructor(machine: SmmuV3Options) {
    this.rig = new Rig({ machine });
    this.domain = this.rig.driver.createDomain(true);
    for (const device of this.rig.probe(8, 9)) this.domain.attach(device);
    this.domain.map(0n, RAM, TABLES, RW);
    this.vm = new Guest(this.rig.driver, RAM);
  }

  newTable(pasid: number, granule: Granule, asid: number): void {
    const table = this.vm.table(granule);
    this.tables[pasid] = table;
    this.vm.writeCd(CDS + BigInt(64 * pasid), table, asid);
  }

  invalidate(request: Partial<Invalidation>): void {
    this.domain.invalidate({
      iotlb: false,
      pasidCache: false,
      granularity: "domain",
      ...NOTHING,
      ...request,
    });
  }
}

function live(seed: number, features: typeof SMMUV3_PRESETS.host, steps: number): void {
  const next = random(seed);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!;
  const small = {
    iotlb: { entries: 64, ways: 4 },
    walkCaches: { stage1: 16, stage2: 16, stage2Tlb: 16 },
  } as const;
  const sides = [
    new Side(next(2) ? { features } : { features, ...small }),
    new Side({ features, iotlb: "off", walkCaches: "off", configCache: "off" }),
  ];
  const both = (run: (side: Side) => void) => sides.forEach(run);
  const granules: Granule[] = [];
  const asids: number[] = [];
  const chunks = new Set<number>();
  let bound: PasidTable | "bypass" | "abort" = "bypass";
  let fresh = 1;

  /** A new first stage for a PASID; with the old ASID the old translations must go, too. */
  function newTable(pasid: number): void {
    const sameAsid = asids[pasid] !== undefined && next(2) === 0;
    const asid = sameAsid ? asids[pasid]! : fresh++;
    const granule = pick([4096, 16384, 65536] as const);
    const cds = pick<Partial<Invalidation>>([{}, { granularity: "pasid", pasid }]);
    const translations = pick<Partial<Invalidation>>([{}, { granularity: "pasid", archid: asid }]);
    const target = BigInt(next(CHUNKS - 15));
    granules[pasid] = granule;
    asids[pasid] = asid;
    for (const side of sides) {
      side.newTable(pasid, granule, asid);
      side.tables[pasid]!.map(IOVA, DATA + target * CHUNK, CHUNK * 16n);
      side.invalidate({ pasidCache: true, ...cds });
      if (sameAsid) side.invalidate({ iotlb: true, ...translations });
    }
  }

  const moves = {
    table() {
      newTable(next(PASIDS));
    },
    bind() {
      const translate = { base: CDS, pasidBits: 2, s1fmt: 0, s1dss: pick([0, 1, 2, 2]) };
      bound = pick([translate, translate, translate, translate, "bypass", "abort"] as const);
      both((side) => side.domain.setPasidTable(bound));
    },
    /** Takes a piece away or brings one back, or another one in its place. */
    stage2() {
      const chunk = next(CHUNKS);
      const at = DATA + BigInt(chunk) * CHUNK;
      const isThere = chunks.delete(chunk);
      if (isThere) both((side) => side.domain.unmap(at, CHUNK));
      if (isThere && next(4) === 0) return;
      const target = BigInt(next(2 ** 16)) * CHUNK;
      both((side) => side.domain.map(at, target, CHUNK, RW));
      chunks.add(chunk);
    },
    guest() {
      const pasid = next(PASIDS);
      const page = BigInt(granules[pasid]!);
      const first = IOVA + BigInt(next(12)) * CHUNK + (next(2) ? page & 0xffffn : 0n);
      const size = pick([page, page * 3n, CHUNK, CHUNK * 2n]);
      const target = DATA + BigInt(next(CHUNKS - 4)) * CHUNK;
      const archid = asids[pasid]!;
      both((side) => side.tables[pasid]!.unmap(first, size));
      // All that an unmap needs, or more.
      const slack = BigInt(next(3)) * 4096n;
      const range = {
        granularity: "address",
        address: first - slack,
        size: size + slack + BigInt(next(5000)),
      } as const;
      const request = pick<Partial<Invalidation>>([
        {},
        { granularity: "pasid", pasid },
        { ...range, archid },
        { ...range, archid, leaf: true },
        range,
        { ...range, address: 0n, size: 1n << 64n, archid },
      ]);
      both((side) => side.invalidate({ iotlb: true, ...request }));
      if (next(4)) both((side) => side.tables[pasid]!.map(first, target, size));
    },
  };

  const moveList = [
    "guest",
    "guest",
    "guest",
    "guest",
    "guest",
    "stage2",
    "stage2",
    "bind",
    "table",
  ] as const;
  // The same places again and again, so that what is cached is asked for.
  const places = Array.from({ length: 24 }, () => BigInt(next(14 * 65536)));
  let answered = 0;

  for (let chunk = 0; chunk < CHUNKS; chunk++) moves.stage2();
  for (let pasid = 0; pasid < PASIDS; pasid++) newTable(pasid);
  moves.bind();
  for (let step = 0; step < steps; step++) {
    moves[pick(moveList)]();
    for (let n = 0; n < 60; n++) {
      const stream = pick([8, 9]);
      const pasid = next(PASIDS + 1);
      const how = { ...(pasid < PASIDS && { pasid }), write: next(2) === 1 };
      const iova = (bound === "bypass" ? DATA : IOVA) + pick(places);
      const [cached, plain] = sides.map(({ rig }) => rig.dma(stream, iova, how));
      if (typeof plain === "bigint") answered++;
      if (cached === plain) continue;
      const what = `seed ${seed} step ${step}: ${stream} 0x${iova.toString(16)} ${JSON.stringify(how)}`;
      expect(cached, what).toBe(plain);
    }
    const [cached, plain] = sides.map(({ rig }) => rig.faults.splice(0));
    expect(cached, `seed ${seed} step ${step}`).toEqual(plain);
  }
  expect(answered, `seed ${seed}`).toBeGreaterThan(steps * 15);
}

describe("a guest's history, with and without caches", () => {
  it.each([1, 2, 3, 4])("is the same with range commands, seed %i", { timeout: 120_000 }, (seed) => {
    live(seed, SMMUV3_PRESETS.host, 400);
  });

  it.each([11, 12])("and without them, seed %i", { timeout: 120_000 }, (seed) => {
    live(seed, buildFeatures({ rangeInvalidation: false }, SMMUV3_PRESETS.host), 400);
  });
});
