// The batch's PASID column: bit 31 says that there is a PASID, bits 19:0 which; the rest means nothing.
import { expect, it } from "vitest";
import { SmmuV3 } from "../../src/index.js";

const STE = 0x1_0000n;
const CD = 0x2_0000n;
const TABLE = 0x3_0000n;
/** V, AA64, R, A, EPD1, IPS = 44 bits, T0SZ = 39 with 4 KiB: starts at level 2. */
const CD_WORD = (1n << 31n) | (1n << 41n) | (3n << 45n) | (1n << 30n) | (4n << 32n) | 39n;
const PAGE = 0x443n;

/** A stage-1 stream with two CDs; S1DSS = 0b10: a request without PASID uses CD 0. */
function machine(): SmmuV3 {
  const smmu = new SmmuV3();
  const { memory } = smmu;
  memory.writeU64(STE, CD | 0xbn | (1n << 59n));
  memory.writeU64(STE + 8n, 2n);
  for (const n of [0n, 1n]) {
    memory.writeU64(CD + 64n * n, CD_WORD | ((n + 1n) << 48n));
    memory.writeU64(CD + 64n * n + 8n, TABLE + 0x1_0000n * n);
    memory.writeU64(TABLE + 0x1_0000n * n, (TABLE + 0x1_0000n * n + 0x1000n) | 3n);
    memory.writeU64(TABLE + 0x1_0000n * n + 0x1000n, (0x5000n + 0x1000n * n) | PAGE);
  }
  smmu.write64(0x80, STE);
  smmu.write32(0x20, 1);
  return smmu;
}

function paOf(smmu: SmmuV3, word: number): bigint | undefined {
  smmu.batch.stream[0] = 0;
  smmu.batch.pasid[0] = word;
  smmu.batch.iova[0] = 0x10n;
  smmu.batch.access[0] = 0;
  smmu.run(1);
  return smmu.batch.pa[0];
}

it("takes a PASID without its valid bit as none, before and after CFGI_CD of substream 0", () => {
  const smmu = machine();
  expect(paOf(smmu, 0x8000_0001)).toBe(0x6010n);
  expect(paOf(smmu, 1)).toBe(0x5010n);
  expect(paOf(smmu, 0)).toBe(0x5010n);
  // CD 0 moves to the other tables, with an ASID of its own.
  smmu.memory.writeU64(CD, CD_WORD | (3n << 48n));
  smmu.memory.writeU64(CD + 8n, TABLE + 0x1_0000n);
  expect(smmu.issue(Uint8Array.of(5, 8, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0))).toBe(0);
  expect(paOf(smmu, 1)).toBe(0x6010n);
  expect(paOf(smmu, 0)).toBe(0x6010n);
});

it("ignores bits 30:20", () => {
  expect(paOf(machine(), 0xfff0_0001)).toBe(0x6010n);
});
