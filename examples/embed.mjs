import { PageTable, registers, SmmuV3, TableAllocator } from "nested-iommu";

const smmu = new SmmuV3();
const { memory } = smmu;
const room = new TableAllocator(0x8000_0000n, 0x100_0000n); // 16 MiB for tables and structures
const allocate = (bytes, align) => room.allocate(bytes, align);
const stage1 = new PageTable({ stage: 1, granule: 4096, inputBits: 48, memory, allocate });
const stage2 = new PageTable({ stage: 2, granule: 4096, inputBits: 48, memory, allocate });
stage1.map(0x1234_5000n, 0x4000_1000n, 0x1000n); // the guest: IOVA to IPA
stage2.map(0x4000_0000n, 0x9_4000_0000n, 0x20_0000n); // the hypervisor: IPA to PA
stage2.map(0x8000_0000n, 0x8000_0000n, 0x100_0000n); // the guest's own tables are at IPAs too

const cd = allocate(64); // context descriptor: ASID 1, 48-bit stage 1 (T0SZ 16), faults abort and are recorded
memory.writeU64(cd, 0x0001_6205_c000_0010n);
memory.writeU64(cd + 8n, stage1.root);
const ste = allocate(64); // stream table entry: both stages, VMID 1, 48-bit stage 2 from level 0
memory.writeU64(ste, cd | 0xfn);
memory.writeU64(ste + 16n, 0x040d_0090_0000_0001n);
memory.writeU64(ste + 24n, stage2.root);
smmu.write64(registers.REG_STRTAB_BASE, ste); // STRTAB_BASE_CFG is 0: a stream table of one entry
smmu.write32(registers.REG_CR0, 1); // SMMUEN

const { pa, fetches } = smmu.translate({ stream: 0, iova: 0x1234_5678n, write: true });
console.log(`PA 0x${pa.toString(16)} after ${fetches} descriptor fetches`);
