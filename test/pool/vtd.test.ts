// A pool of VT-d: first-stage tables, faults into recording registers, descriptors, and flags set by two units at once.

import { describe, expect, it } from "vitest";
import { TableAllocator, type TranslationPool, VtdFirstStageTable, type VtdIommu } from "../../src/index.js";
import {
  CONTEXT,
  DIRECTORY,
  descriptor,
  FIRST_STAGE,
  PASIDS,
  REG,
  ROOT,
  SCALABLE,
  SID,
  SRTP,
  TE,
} from "../vtd/rig.js";
import { fill, run, vtdPool } from "./rig.js";

const IOVA = 0x4000_0000n;
const PA = 0x1_0000_0000n;
const PASID = 0x8000_0000;
/** PASID entry: first doubleword of the first stage (9.6). */
const EAFE = 1n << 7n;
const [PRESENT_RW_US, A, EA] = [7n, 1n << 5n, 1n << 10n];

/** PASIDs 1 and 2 of SID over one table; the second has EAFE. */
async function started(): Promise<{ pool: TranslationPool<VtdIommu>; table: VtdFirstStageTable }> {
  const pool = await vtdPool();
  const { memory } = pool.machine;
  const tables = new TableAllocator(0x1000_0000n, 0x100_0000n);
  const table = new VtdFirstStageTable({
    memory,
    allocate: (bytes, align) => tables.allocate(bytes, align),
    release: (address, bytes) => tables.release(address, bytes),
  });
  const words = (at: bigint, ...values: bigint[]): void => {
    for (const [i, value] of values.entries()) memory.writeU64(at + BigInt(i) * 8n, value);
  };
  words(ROOT + BigInt(SID >> 8) * 16n, CONTEXT | 1n);
  words(CONTEXT + BigInt(SID & 0x7f) * 32n, DIRECTORY | 0b11100n | 1n);
  words(DIRECTORY, PASIDS | 1n);
  for (const pasid of [1n, 2n]) {
    words(PASIDS + pasid * 64n, FIRST_STAGE, 9n | (1n << 23n), table.root | (pasid === 2n ? EAFE : 0n));
  }
  pool.machine.write64(REG.RTADDR, ROOT | SCALABLE);
  pool.machine.write32(REG.GCMD, SRTP);
  pool.machine.write32(REG.GCMD, TE);
  return { pool, table };
}

/** PASID-based IOTLB invalidation of a domain's PASID (6.5.2.4), and of everything: IOTLB, global (6.5.2.3). */
const everything = (): Uint8Array => descriptor(0x2n | (1n << 4n));

describe("a pool of VT-d", () => {
  it("translates in both units, and drops what a descriptor names", async () => {
    const { pool, table } = await started();
    table.map(IOVA, PA, 0x20_0000n, { maxLeafLg2: 12 });
    const requests = Array.from(
      { length: 64 },
      (_, i) => [SID, IOVA + BigInt(i) * 0x1000n, 0, PASID | 1] as const,
    );
    const right = requests.map((_, i) => `0x${(PA + BigInt(i) * 0x1000n).toString(16)}`);
    for (const unit of pool.units) expect(await run(unit, requests)).toEqual(right);
    table.unmap(IOVA, 0x20_0000n);
    for (const unit of pool.units) expect(await run(unit, requests)).toEqual(right);
    expect(pool.machine.issue(everything())).toBe(0);
    await pool.sync();
    for (const unit of pool.units) {
      fill(unit, requests);
      const faults = await unit.run(2);
      expect(faults.map(({ name, index }) => [name, index])).toEqual([
        ["FS_NOT_PRESENT", 0],
        ["FS_NOT_PRESENT", 1],
      ]);
    }
    expect(pool.machine.counters()).toMatchObject({ requests: 4 * 64 + 4, faults: { FS_NOT_PRESENT: 4 } });
    await pool.close();
  });

  it("loses no flag when units that set different ones meet in an entry (3.6.2)", async () => {
    const pages = 4096;
    const { pool, table } = await started();
    const { memory } = pool.machine;
    table.map(IOVA, PA, BigInt(pages) * 0x1000n, { maxLeafLg2: 12 });
    const entries = Array.from(
      { length: pages },
      (_, i) => table.lookup(IOVA + BigInt(i) * 0x1000n)!.address,
    );
    pool.units.forEach((unit, k) => {
      for (let i = 0; i < pages; i++) fill(unit, [[SID, IOVA + BigInt(i) * 0x1000n, 0, PASID | (k + 1)]], i);
    });
    for (let round = 0; round < 15; round++) {
      entries.forEach((entry, i) => {
        memory.writeU64(entry, (PA + BigInt(i) * 0x1000n) | PRESENT_RW_US);
      });
      pool.machine.issue(everything());
      await Promise.all(pool.units.map((unit) => unit.run(pages)));
      expect(entries.filter((entry) => (memory.readU64(entry) & (A | EA)) !== (A | EA))).toEqual([]);
    }
    expect(pool.machine.counters().faulted).toBe(0);
    await pool.close();
  });
});
