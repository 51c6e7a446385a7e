// A NIC with 64 tenants: each has a PASID, a stage-1 table of its own over the host's one stage 2, and a ring of 64 receive
// buffers. Packets arrive in bursts of eight, tenant after tenant. How large must the IOTLB be?
import { PageTable, registers, SMMUV3_PRESETS, SmmuV3, TableAllocator } from "nested-iommu";

const [TENANTS, BUFFERS, BURST, ROUNDS, NIC] = [64, 64, 8, 64, 0];
const PAGE = 0x1000n;
const GUEST = 0x1_0000_0000n; // IPAs of the tenants' buffers

/** The machine, its tenants and their tables, with an IOTLB of `entries` entries. */
function machine(entries) {
  const iotlb = { entries, ways: 4 };
  const smmu = new SmmuV3({ features: SMMUV3_PRESETS.full, iotlb, memoryLimit: 2 ** 28 });
  const { memory } = smmu;
  const room = new TableAllocator(0x8000_0000n, 0x1000_0000n);
  const allocate = (bytes, align) => room.allocate(bytes, align);
  const stage2 = new PageTable({ stage: 2, granule: 4096, inputBits: 48, memory, allocate });
  stage2.map(0x8000_0000n, 0x8000_0000n, 0x1000_0000n); // tables
  const cds = allocate(TENANTS * 64); // a linear table: S1CDMax = 6
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    const stage1 = new PageTable({ stage: 1, granule: 4096, inputBits: 48, memory, allocate });
    for (let n = 0; n < BUFFERS; n++) {
      const ipa = GUEST + BigInt(tenant * BUFFERS + n) * PAGE;
      stage1.map(BigInt(n) * PAGE, ipa, PAGE);
      stage2.map(ipa, ipa + 0x8_0000_0000n, PAGE);
    }
    const cd = cds + BigInt(tenant) * 64n;
    memory.writeU64(cd, 0x0000_6205_c000_0010n | (BigInt(tenant + 1) << 48n)); // ASID tenant + 1
    memory.writeU64(cd + 8n, stage1.root);
  }
  const ste = allocate(64);
  memory.writeU64(ste, cds | 0xfn | (6n << 59n));
  memory.writeU64(ste + 16n, 0x040d_0090_0000_0001n);
  memory.writeU64(ste + 24n, stage2.root);
  smmu.write64(registers.REG_STRTAB_BASE, ste);
  smmu.write32(registers.REG_CR0, 1);
  return smmu;
}

/** All packets of a round in one batch; each writes 256 bytes into the next buffer of its tenant's ring. */
function play(smmu) {
  const { stream, pasid, iova32, access } = smmu.batch;
  for (let round = 0; round < ROUNDS; round++) {
    let at = 0;
    for (let tenant = 0; tenant < TENANTS; tenant++) {
      for (let packet = 0; packet < BURST; packet++, at++) {
        stream[at] = NIC;
        pasid[at] = 0x8000_0000 + tenant; // bit 31: there is a PASID
        iova32[2 * at] = ((round * BURST + packet) % BUFFERS) * Number(PAGE);
        access[at] = 1;
      }
    }
    if (smmu.run(at) > 0) throw new Error(smmu.faults()[0].name);
  }
}

console.log("IOTLB entries   hits   misses   descriptors read a packet");
for (const entries of [1024, 2048, 4096, 8192]) {
  const smmu = machine(entries);
  play(smmu);
  const { iotlbHits, iotlbMisses, fetches, requests } = smmu.counters();
  const cells = [
    String(entries).padStart(13),
    String(iotlbHits).padStart(6),
    String(iotlbMisses).padStart(8),
  ];
  console.log(`${cells.join(" ")} ${(fetches / requests).toFixed(2).padStart(27)}`);
}
