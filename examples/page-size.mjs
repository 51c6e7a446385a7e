// Why page size matters: random DMA over ever larger buffers. With 4 KiB pages the IOTLB's 2048 entries reach 8 MiB; past that
// the hit rate collapses and every access reads descriptors. 2 MiB pages reach 4 GiB.
import { PageTable, registers, SmmuV3, TableAllocator } from "nested-iommu";

const REQUESTS = 65_536;
const [SMALL, LARGE] = [0x1000n, 0x20_0000n];

/** Stage 2 alone over `size` bytes in leaves of `leaf` bytes; the hit rate and fetches of random reads. */
function study(size, leaf) {
  const smmu = new SmmuV3({ memoryLimit: 2 ** 28, batchCapacity: REQUESTS });
  const { memory } = smmu;
  const room = new TableAllocator(0x80_0000_0000n, 0x1000_0000n);
  const allocate = (bytes, align) => room.allocate(bytes, align);
  const table = new PageTable({ stage: 2, granule: 4096, inputBits: 48, memory, allocate });
  for (let at = 0n; at < size; at += leaf) table.map(at, at + LARGE, leaf);
  const ste = allocate(64);
  memory.writeU64(ste, 0xdn); // stage 2, VMID 1, 48 bits from level 0
  memory.writeU64(ste + 16n, 0x040d_0090_0000_0001n);
  memory.writeU64(ste + 24n, table.root);
  smmu.write64(registers.REG_STRTAB_BASE, ste);
  smmu.write32(registers.REG_CR0, 1);
  const { iova32 } = smmu.batch;
  let seed = 1;
  for (let i = 0; i < REQUESTS; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    iova32[2 * i] = Math.floor((seed / 2 ** 32) * Number(size)) & ~63;
  }
  smmu.run(REQUESTS); // warms the caches
  smmu.resetCounters();
  smmu.run(REQUESTS);
  const { iotlbHits, fetches } = smmu.counters();
  return { hits: iotlbHits / REQUESTS, fetches: fetches / REQUESTS };
}

const cell = ({ hits, fetches }) =>
  `${(100 * hits).toFixed(1).padStart(6)} % ${fetches.toFixed(2).padStart(6)}`;
console.log("buffer     4 KiB: hits  reads   2 MiB: hits  reads");
for (const mib of [1, 4, 8, 16, 64, 256]) {
  const size = BigInt(mib) << 20n;
  const [small, large] = [study(size, SMALL), study(size < LARGE ? LARGE : size, LARGE)];
  console.log(`${String(mib).padStart(3)} MiB ${cell(small).padStart(19)} ${cell(large).padStart(19)}`);
}
