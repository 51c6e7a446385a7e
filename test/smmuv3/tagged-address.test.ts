// The top byte of the address of a TLBI: with TBI a tag and no part of it, without TBI part of the address, which then
// names no entry at all (IHI 0070 4.4.1, 5.4 TBI0).
import { expect, it } from "vitest";
import { SmmuV3 } from "../../src/index.js";

const STE = 0x1_0000n;
const CD = 0x2_0000n;
const TABLE = 0x3_0000n;
/** V, AA64, R, A, EPD1, IPS = 44 bits, T0SZ = 39 with 4 KiB (starts at level 2), ASID 1. */
const CD_WORD = (1n << 31n) | (1n << 41n) | (3n << 45n) | (1n << 30n) | (4n << 32n) | 39n | (1n << 48n);
const TBI0 = 1n << 38n;

it.each([
  ["drops the page with TBI0 = 1", TBI0, "walk-cache"],
  ["leaves the page alone with TBI0 = 0", 0n, "iotlb"],
])("TLBI_NH_VA of an address with top byte 0x5a %s", (_, tbi, source) => {
  const smmu = new SmmuV3();
  smmu.memory.writeU64(STE, CD | 0xbn);
  smmu.memory.writeU64(CD, CD_WORD | tbi);
  smmu.memory.writeU64(CD + 8n, TABLE);
  smmu.memory.writeU64(TABLE, (TABLE + 0x1000n) | 3n);
  smmu.memory.writeU64(TABLE + 0x1000n + 8n, 0x5000n | 0xc43n);
  smmu.write64(0x80, STE);
  smmu.write32(0x20, 1);
  expect(smmu.translate({ stream: 0, iova: 0x1010n }).pa).toBe(0x5010n);
  const command = new Uint8Array(16);
  const words = new DataView(command.buffer);
  words.setBigUint64(0, 0x0001_0000_0000_0012n, true);
  words.setBigUint64(8, 0x5a00_0000_0000_1001n, true);
  expect(smmu.issue(command)).toBe(0);
  expect(smmu.translate({ stream: 0, iova: 0x1020n })).toMatchObject({ pa: 0x5020n, source });
  expect(smmu.counters().invalidatedEntries).toBe(tbi === 0n ? 0 : 1);
});
