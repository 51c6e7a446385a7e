// Strict against lazy: a driver maps a buffer, lets the device write to it, and unmaps it. A strict one invalidates each
// time before it gives the page away; a lazy one gathers 64 unmaps and then drops the whole address space, and until then
// the device can still reach pages that are no longer its own.
import { commands, PageTable, registers, SmmuV3, TableAllocator } from "nested-iommu";

const [BUFFERS, QUEUE, PAGE] = [4096, 64, 0x1000n];
const RING = 0x1_0000_0000n; // 16 pages that stay mapped: descriptors of the device's ring

/** A stage-1 stream with ASID 1 and one table of pages. */
function machine() {
  const smmu = new SmmuV3({ eventSink() {} });
  const { memory } = smmu;
  const room = new TableAllocator(0x80_0000_0000n, 0x100_0000n);
  const allocate = (bytes, align) => room.allocate(bytes, align);
  const table = new PageTable({
    stage: 1,
    granule: 4096,
    inputBits: 48,
    memory,
    allocate,
    keepEmptyTables: true,
  });
  const cd = allocate(64);
  memory.writeU64(cd, 0x0001_6205_c000_0010n);
  memory.writeU64(cd + 8n, table.root);
  const ste = allocate(64);
  memory.writeU64(ste, cd | 0xbn);
  smmu.write64(registers.REG_STRTAB_BASE, ste);
  smmu.write32(registers.REG_CR0, 1);
  return { smmu, table };
}

function command(smmu, opcode, high, low = 0n) {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, BigInt(opcode) | high, true);
  bytes.setBigUint64(8, low, true);
  smmu.issue(new Uint8Array(bytes.buffer));
}

function drive(strict) {
  const { smmu, table } = machine();
  const dma = (iova) => smmu.translate({ stream: 0, iova, write: true }).ok;
  const asid = 1n << 48n;
  let issued = 0;
  let reachable = 0;
  table.map(RING, RING, 16n * PAGE);
  for (let n = 0; n < BUFFERS; n++) {
    const iova = BigInt(n % 1024) * PAGE;
    table.map(iova, 0x9_0000_0000n + BigInt(n) * PAGE, PAGE);
    for (let slot = 0n; slot < 4n; slot++) dma(RING + ((BigInt(n) + slot) % 16n) * PAGE);
    dma(iova);
    table.unmap(iova, PAGE);
    if (strict) {
      command(smmu, commands.CMD_TLBI_NH_VA, asid, iova | 1n);
      issued++;
    } else if ((n + 1) % QUEUE === 0) {
      command(smmu, commands.CMD_TLBI_NH_ASID, asid);
      issued++;
    }
    if (dma(iova)) reachable++;
  }
  return { issued, reachable, ...smmu.counters() };
}

console.log(
  "          commands    hits  misses  reads of descriptors  entries dropped  reachable after unmap",
);
for (const [name, strict] of [
  ["strict", true],
  ["lazy", false],
]) {
  const { issued, iotlbHits, iotlbMisses, fetches, invalidatedEntries, reachable } = drive(strict);
  const cells = [
    [issued, 11],
    [iotlbHits, 8],
    [iotlbMisses, 8],
    [fetches, 22],
    [invalidatedEntries, 17],
    [reachable, 23],
  ];
  console.log(name.padEnd(7) + cells.map(([value, width]) => String(value).padStart(width)).join(""));
}
