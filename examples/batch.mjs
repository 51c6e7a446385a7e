// Many requests in one call: columns in, columns out; faults, event records and counters afterwards.
import { decodeEvent, PageTable, registers, SmmuV3, TableAllocator } from "nested-iommu";

const smmu = new SmmuV3({ eventSink: (record) => console.log(`event ${decodeEvent(record).name}`) });
const { memory } = smmu;
const room = new TableAllocator(0x8000_0000n, 0x100_0000n);
const allocate = (bytes, align) => room.allocate(bytes, align);
const stage2 = new PageTable({ stage: 2, granule: 4096, inputBits: 48, memory, allocate });
stage2.map(0n, 0x9_0000_0000n, 0x10_0000n); // 256 pages

const ste = allocate(64); // stage 2 only, VMID 1, 48 bits from level 0, faults are recorded
memory.writeU64(ste, 0xdn);
memory.writeU64(ste + 16n, 0x040d_0090_0000_0001n);
memory.writeU64(ste + 24n, stage2.root);
smmu.write64(registers.REG_STRTAB_BASE, ste);
smmu.write32(registers.REG_CR0, 1);

const { stream, iova32, access, pa32, status } = smmu.batch; // take them anew after memory has grown
for (let i = 0; i < 1024; i++) {
  stream[i] = 0;
  iova32[2 * i] = (i % 257) * 4096; // page 256 is not mapped
  iova32[2 * i + 1] = 0;
  access[i] = i & 1; // 1 = write
}
const failed = smmu.run(1024);
console.log(
  `request 5: status ${status[5]}, PA 0x${pa32[11].toString(16)}_${pa32[10].toString(16).padStart(8, "0")}`,
);
for (const { index, name, iova } of smmu.faults())
  console.log(`request ${index}: ${name} at 0x${iova.toString(16)}`);
const { iotlbHits, iotlbMisses, fetches } = smmu.counters();
console.log(
  `${failed} failed, ${iotlbHits} IOTLB hits, ${iotlbMisses} misses, ${fetches} descriptor fetches`,
);
