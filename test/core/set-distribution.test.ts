// Where the pages of many tenants land among the sets of the IOTLB: neighbouring spaces must spread, or a TLB that has room
// for all of them evicts. Measured by the model's own counter of evictions on the first touch of every page.

import { describe, expect, it } from "vitest";
import { PageTable, registers, SmmuV3, TableAllocator } from "../../src/index.js";

const PAGE = 4096n;

/** Share of entries evicted while `tenants` streams (stage 2 alone) touch `pages` consecutive pages each, for the first time. */
function evictions(entries: number, tenants: number, pages: number, batchCapacity = 4096): number {
  const smmu = new SmmuV3({ iotlb: { entries, ways: 4 }, memoryLimit: 2 ** 28, batchCapacity });
  const { memory } = smmu;
  const room = new TableAllocator(0x8000_0000n, 0x1000_0000n);
  const allocate = (bytes: number, align?: number): bigint => room.allocate(bytes, align);
  const stes = allocate(tenants * 64);
  for (let tenant = 0; tenant < tenants; tenant++) {
    const table = new PageTable({ stage: 2, granule: 4096, inputBits: 48, memory, allocate });
    for (let n = 0n; n < BigInt(pages); n++) table.map(n * PAGE, (n ^ 1n) * PAGE, PAGE);
    const ste = stes + BigInt(tenant) * 64n;
    memory.writeU64(ste, 0xdn);
    memory.writeU64(ste + 16n, 0x040d_0090_0000_0000n | BigInt(tenant + 1));
    memory.writeU64(ste + 24n, table.root);
  }
  smmu.write64(registers.REG_STRTAB_BASE, stes);
  smmu.write32(registers.REG_STRTAB_BASE_CFG, Math.ceil(Math.log2(tenants)));
  smmu.write32(registers.REG_CR0, 1);
  const { stream, iova32 } = smmu.batch;
  for (let tenant = 0; tenant < tenants; tenant++) {
    for (let n = 0; n < pages; n++) {
      stream[n] = tenant;
      iova32[2 * n] = n * Number(PAGE);
    }
    expect(smmu.run(pages)).toBe(0);
  }
  const { evictedEntries, iotlbMisses } = smmu.counters();
  expect(iotlbMisses).toBe(tenants * pages);
  return evictedEntries / (tenants * pages);
}

describe("sets of the IOTLB", () => {
  // Half full and three quarters full, over sizes, for few, some and many tenants.
  const cases: [number, number, number][] = [
    [64, 8, 6],
    [256, 24, 8],
    [1024, 64, 12],
    [2048, 64, 24],
    [2048, 512, 3],
    [4096, 24, 128],
    [4096, 64, 48],
    [8192, 64, 64],
    [8192, 64, 96],
    [16384, 100, 120],
    [16384, 512, 24],
  ];
  for (const [entries, tenants, pages] of cases) {
    const share = Math.round((100 * tenants * pages) / entries);
    it(`of ${entries} entries hold ${pages} pages of each of ${tenants} tenants (${share} % full), losing at most 4 %`, () => {
      expect(evictions(entries, tenants, pages)).toBeLessThanOrEqual(0.04);
    });
  }

  it("do not depend on where the arena lies: other sizes of the batch, the same evictions", () => {
    const counts = [128, 1000, 4096, 8192].map((capacity) => evictions(256, 24, 10, capacity));
    expect(counts[0]).toBeGreaterThan(0);
    expect(new Set(counts).size).toBe(1);
  });
});
