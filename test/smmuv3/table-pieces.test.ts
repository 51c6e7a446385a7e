// A table of 64 KiB is cached in pieces of 512 descriptors: TLBI by address with Leaf = 0 names the table descriptor
// above it (IHI 0070 4.4.1; DDI 0487 D8.16.5), so all pieces must go, not only the one that the address uses.
import { expect, it } from "vitest";
import { PageTable, SmmuV3, TableAllocator } from "../../src/index.js";

const GRANULE = 0x1_0000n;
/** Two pages of one level-3 table, in different pieces; and a neighbour of the second. */
const [NEAR, FAR, FAR_TOO] = [0n, 600n * GRANULE, 601n * GRANULE];

function machine(stage: 1 | 2): { smmu: SmmuV3; swap(): void } {
  const smmu = new SmmuV3();
  const { memory } = smmu;
  const room = new TableAllocator(0x8000_0000n, 0x100_0000n);
  const allocate = (bytes: number, align: number): bigint => room.allocate(bytes, align);
  const table = (output: bigint): PageTable => {
    const made = new PageTable({ stage, granule: 65536, inputBits: 42, memory, allocate });
    for (const page of [NEAR, FAR, FAR_TOO]) made.map(page, output + page, GRANULE);
    return made;
  };
  const [before, after] = [table(1n << 32n), table(2n << 32n)];
  const ste = allocate(64, 64);
  if (stage === 1) {
    const cd = allocate(64, 64);
    // ASID 1, A, R, AA64, EPD1, IPS = 48 bits, V, TG0 = 64 KiB, T0SZ = 22.
    memory.writeU64(cd, 0x0001_6205_c000_0056n);
    memory.writeU64(cd + 8n, before.root);
    memory.writeU64(ste, cd | 0xbn);
  } else {
    memory.writeU64(ste, 0xdn);
    // VMID 1, S2T0SZ = 22, S2SL0 = 1 (level 2), S2TG = 64 KiB, S2PS = 48 bits, S2AA64, S2R.
    memory.writeU64(
      ste + 16n,
      1n | (22n << 32n) | (1n << 38n) | (1n << 46n) | (5n << 48n) | (1n << 51n) | (1n << 58n),
    );
    memory.writeU64(ste + 24n, before.root);
  }
  smmu.write64(0x80, ste);
  smmu.write32(0x20, 1);
  return { smmu, swap: () => memory.writeU64(before.root, memory.readU64(after.root)) };
}

it.each([
  [1, "TLBI_NH_VA", 0x0001_0000_0000_0012n],
  [2, "TLBI_S2_IPA", 0x0000_0001_0000_002an],
] as const)("stage %i: one %s drops every piece of the table that its address uses", (stage, _, word) => {
  const { smmu, swap } = machine(stage);
  const paOf = (iova: bigint): bigint => smmu.translate({ stream: 0, iova }).pa;
  expect([paOf(NEAR), paOf(FAR)]).toEqual([(1n << 32n) + NEAR, (1n << 32n) + FAR]);
  swap();
  const command = new Uint8Array(16);
  new DataView(command.buffer).setBigUint64(0, word, true);
  expect(smmu.issue(command)).toBe(0);
  expect(paOf(NEAR)).toBe((2n << 32n) + NEAR);
  // Not in the IOTLB, in another piece than the address of the command.
  expect(paOf(FAR_TOO)).toBe((2n << 32n) + FAR_TOO);
});
