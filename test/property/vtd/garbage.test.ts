// Garbage everywhere: registers, structures, tables, descriptors, addresses, source-ids. Requests end in answers with
// codes of the manual, without a trap, an exception or a hang; and afterwards the same unit answers a sane
// configuration rightly.

import { describe, expect, it } from "vitest";
import { type CacheOptions, VTD_PRESETS, type VtdFeatures, VtdIommu } from "../../../src/index.js";
import { Random } from "../random.js";
import { runs, seed } from "../settings.js";
import { randomCapabilities } from "./capability-set.js";
import * as inv from "./descriptor-bytes.js";
import { descriptor, nearlySane, RAM_BASE, RAM_SIZE, registerWrite, request, word } from "./garbage.js";

const REQUESTS = 300_000 * runs;
const BATCH = 4096;
const DENSE = 0x1_0000n;
/** Far above what a batch takes, far below a hang. */
const MOST_MS_PER_BATCH = 2_000;

const CACHES: Record<string, CacheOptions> = {
  "default caches": {},
  "small caches": {
    iotlb: { entries: 12, ways: 3, policy: "random" },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
};

/** Table 30 as far as it concerns untranslated requests of version 1 hardware. */
const CODES = [
  ...[0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, 0xb, 0xc, 0xe, 0x30, 0x31, 0x33, 0x38, 0x39, 0x3a],
  ...[0x40, 0x41, 0x42, 0x43, 0x45, 0x46, 0x48, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d],
  ...[0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c],
  ...[0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x89, 0x90],
];
const STATUSES = new Set([0, 1, ...CODES.map((code) => (code < 0x80 ? 0x80 | code : 0x40 | (code & 0x3f)))]);

const GCMD = 0x18;
const RTADDR = 0x20;
const TE = 0x8000_0000;
const SRTP = 0x4000_0000;

function setRoot(iommu: VtdIommu, value: bigint): void {
  iommu.write32(GCMD, 0);
  iommu.write64(RTADDR, value);
  iommu.write32(GCMD, SRTP);
  iommu.write32(GCMD, TE);
}

function disturb(iommu: VtdIommu, random: Random): void {
  const { memory } = iommu;
  // The first 64 KiB densely, so that structures and the first tables are never empty.
  if (random.chance(0.3)) {
    for (let at = 0n; at < DENSE; at += 8n) memory.writeU64(RAM_BASE + at, word(random));
  }
  for (let i = 0; i < 400; i++) {
    const span = random.chance(0.5) ? DENSE : RAM_SIZE;
    memory.writeU64(RAM_BASE + ((random.bits(40) % span) & ~7n), word(random));
  }
  for (let i = 0; i < 20; i++) iommu.issue(descriptor(random));
  for (let i = 0; i < 12; i++) {
    const { offset, value } = registerWrite(random);
    iommu.write32(offset, value);
    iommu.read32(offset);
  }
  // Mostly on, mostly with structures in RAM whose first devices get as far as a walk of garbage.
  if (random.chance(0.95)) {
    // Rarely where tables are: then flags set in what looks like an entry spoil the structures.
    const root = RAM_BASE + (random.bits(15) & ~0xfffn) + (random.chance(0.2) ? 0n : DENSE);
    const mode = random.chance(0.04) ? random.bits(2) : random.pick([0n, 1n, 1n, 1n]);
    for (const [address, value] of nearlySane(random, root, mode === 0n)) memory.writeU64(address, value);
    setRoot(iommu, root | (mode << 10n));
    if (random.chance(0.7)) iommu.issue(mode === 0n ? inv.iotlbGlobal().subarray(0, 16) : inv.iotlbGlobal());
  }
}

/** A first-stage device over one page, from nothing, on a unit in any state. */
function sane(iommu: VtdIommu): bigint {
  const { memory } = iommu;
  const at = (offset: bigint): bigint => RAM_BASE + offset;
  memory.fill(RAM_BASE, 0x10000, 0);
  memory.writeU64(at(0n), at(0x1000n) | 1n);
  memory.writeU64(at(0x1000n), at(0x2000n) | 1n);
  memory.writeU64(at(0x2000n), at(0x3000n) | 1n);
  memory.writeU64(at(0x3000n), 0x41n);
  memory.writeU64(at(0x3008n), 5n | (1n << 23n));
  memory.writeU64(at(0x3010n), at(0x4000n));
  for (const table of [0x4000n, 0x5000n, 0x6000n]) memory.writeU64(at(table), at(table + 0x1000n) | 7n);
  memory.writeU64(at(0x7008n), 0x1234_5000n | 7n);
  setRoot(iommu, RAM_BASE | (1n << 10n));
  for (const one of [inv.contextGlobal(), inv.pasidCacheGlobal(), inv.iotlbGlobal()]) {
    expect(iommu.issue(one)).toBe(0);
  }
  return iommu.translate({ stream: 0, iova: 0x1678n }).pa;
}

/** Scalable capabilities with a first stage that can set its flags; mostly everything. */
function capabilities(random: Random): VtdFeatures {
  if (random.chance(0.6)) return VTD_PRESETS.full;
  const needed = (1n << 43n) | (1n << 47n) | (1n << 48n);
  for (;;) {
    const { cap, ecap, haw } = randomCapabilities(random);
    if ((ecap & needed) === needed) return { cap, ecap, hostWidth: haw };
  }
}

describe(`garbage for VT-d (seed ${seed})`, () => {
  for (const [name, caches] of Object.entries(CACHES)) {
    it(`ends in answers with ${name}`, { timeout: 120_000 * runs }, () => {
      const random = new Random(seed, 78);
      const ram = [[RAM_BASE, RAM_SIZE]] as const;
      const iommu = new VtdIommu({ ...caches, ram, memoryLimit: 2 ** 24, batchCapacity: BATCH });
      const { batch } = iommu;
      let slowest = 0;
      const seen = new Set<number>();
      for (let done = 0; done < REQUESTS; done += BATCH) {
        if (random.chance(0.08)) {
          iommu.reset({ features: capabilities(random) });
          expect(sane(iommu)).toBe(0x1234_5678n);
        }
        disturb(iommu, random);
        for (let i = 0; i < BATCH; i++) {
          const { stream, pasid, iova, access } = request(random);
          batch.stream[i] = stream;
          batch.pasid[i] = pasid;
          batch.iova[i] = iova;
          batch.access[i] = access;
        }
        const start = performance.now();
        iommu.run(BATCH);
        slowest = Math.max(slowest, performance.now() - start);
        for (let i = 0; i < BATCH; i++) {
          const status = batch.status[i]!;
          if (!STATUSES.has(status)) expect.fail(`status ${status}`);
          seen.add(status);
        }
      }
      expect(slowest).toBeLessThan(MOST_MS_PER_BATCH);
      // Far into the walks, and through.
      expect(seen.has(0) && seen.size).toBeGreaterThan(30);
      iommu.reset();
      expect(sane(iommu)).toBe(0x1234_5678n);
    });
  }
});
