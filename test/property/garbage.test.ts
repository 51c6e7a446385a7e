// Garbage everywhere: registers, tables, commands, addresses, streams. A million requests end in answers, without a
// trap, an exception or a hang; and afterwards the same machine answers a sane configuration rightly.

import { describe, expect, it } from "vitest";
import { type CacheOptions, SMMUV3_PRESETS, SmmuV3 } from "../../src/index.js";
import { cfgiAll, tlbiNsnhAll } from "./command-bytes.js";
import { randomFeatures } from "./feature-set.js";
import { command, nearlySane, RAM_BASE, RAM_SIZE, registerWrite, request, word } from "./garbage.js";
import { Random } from "./random.js";
import { runs, seed } from "./settings.js";

const REQUESTS = 1_000_000 * runs;
const BATCH = 4096;
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

const FAULTS = [0x02, 0x03, 0x04, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13];
const STATUSES = new Set([0, 1, 2, 3, 4, ...FAULTS.map((type) => 0x80 | type)]);

function disturb(smmu: SmmuV3, random: Random): void {
  const { memory } = smmu;
  for (let i = 0; i < 400; i++) {
    // The first 64 KiB densely, so that the stream table and the first tables are never empty.
    const span = random.chance(0.5) ? 0x1_0000n : RAM_SIZE;
    memory.writeU64(RAM_BASE + ((random.bits(40) % span) & ~7n), word(random));
  }
  for (let i = 0; i < 20; i++) smmu.issue(command(random));
  for (let i = 0; i < 12; i++) {
    const { offset, value } = registerWrite(random);
    smmu.write32(offset, value);
    smmu.read32(offset);
  }
  // Mostly on, mostly with a stream table in RAM, whose first streams get as far as a walk of garbage.
  if (random.chance(0.8)) {
    const table = RAM_BASE + (random.bits(14) & ~0xfffn);
    smmu.write32(0x20, 0);
    smmu.write64(0x80, table);
    const format = random.chance(0.7) ? 0 : random.below(3);
    smmu.write32(0x88, 6 | (random.pick([6, 8, 10]) << 6) | (format << 16));
    smmu.write32(0x20, 0xd);
    for (const [address, value] of nearlySane(random, table)) memory.writeU64(address, value);
    if (random.chance(0.7)) smmu.issue(cfgiAll());
  }
}

/** A stage 1 stream over one page, from nothing, on a machine in any state. */
function sane(smmu: SmmuV3): bigint {
  const { memory } = smmu;
  const at = (offset: bigint): bigint => RAM_BASE + offset;
  memory.fill(RAM_BASE, 0x10000, 0);
  memory.writeU64(at(0n), at(0x1000n) | 0xbn);
  const cd = 25n | (1n << 30n) | (1n << 31n) | (1n << 41n) | (1n << 45n) | (1n << 46n);
  memory.writeU64(at(0x1000n), cd);
  memory.writeU64(at(0x1008n), at(0x2000n));
  memory.writeU64(at(0x2000n), at(0x3000n) | 3n);
  memory.writeU64(at(0x3000n), at(0x4000n) | 3n);
  memory.writeU64(at(0x4008n), 0x1234_5000n | 0x443n);
  smmu.write32(0x20, 0);
  smmu.write64(0x80, RAM_BASE);
  smmu.write32(0x88, 0);
  expect(smmu.issue(cfgiAll())).toBe(0);
  expect(smmu.issue(tlbiNsnhAll())).toBe(0);
  smmu.write32(0x20, 0x1);
  return smmu.translate({ stream: 0, iova: 0x1678n }).pa;
}

describe(`garbage (seed ${seed})`, () => {
  for (const [name, caches] of Object.entries(CACHES)) {
    it(`ends in answers with ${name}`, { timeout: 120_000 * runs }, () => {
      const random = new Random(seed, 77);
      const smmu = new SmmuV3({
        ...caches,
        ram: [[RAM_BASE, RAM_SIZE]],
        batchCapacity: BATCH,
        memoryLimit: 2 ** 25,
      });
      const seen = new Map<number, number>();
      let slowest = 0;
      const batches = Math.ceil(REQUESTS / BATCH / Object.keys(CACHES).length);
      for (let n = 0; n < batches; n++) {
        if (n % 16 === 0) {
          const { idr0, idr1, idr3, idr5 } = randomFeatures(random);
          const features = { idr0: Number(idr0), idr1: Number(idr1), idr3: Number(idr3), idr5: Number(idr5) };
          // The last ones have everything, as the sane configuration needs it.
          smmu.reset({ features: n + 16 >= batches ? SMMUV3_PRESETS.full : features });
          for (let i = 0; i < 8192; i++) smmu.memory.writeU64(RAM_BASE + 8n * BigInt(i), word(random));
        }
        const start = performance.now();
        disturb(smmu, random);
        const { stream, pasid, iova, access, status } = smmu.batch;
        for (let i = 0; i < BATCH; i++) {
          const r = request(random);
          stream[i] = r.stream;
          pasid[i] = r.pasid;
          iova[i] = r.iova;
          access[i] = r.access;
        }
        smmu.run(BATCH);
        slowest = Math.max(slowest, performance.now() - start);
        for (let i = 0; i < BATCH; i++) seen.set(status[i]!, (seen.get(status[i]!) ?? 0) + 1);
      }
      expect([...seen.keys()].filter((status) => !STATUSES.has(status))).toEqual([]);
      expect(slowest).toBeLessThan(MOST_MS_PER_BATCH);
      // The garbage was of all kinds.
      expect([...seen.keys()].length).toBeGreaterThan(10);
      expect(sane(smmu)).toBe(0x1234_5678n);
      if (process.env.NI_VERBOSE !== undefined) console.log(name, slowest, seen);
    });
  }
});
