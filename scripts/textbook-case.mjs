// The case that the explorer opens with: four levels of stage 1 over four levels of stage 2, every leaf a 4 KiB page, made
// with the package itself. In the format of the vectors.
import { PageTable, registers, SMMUV3_PRESETS, SmmuV3, TableAllocator } from "../dist/index.js";

const TABLES = 0x8000_0000n;
const ROOM = 0x4_0000n;
const PAGE = 4096n;
const hex = (value) => `0x${value.toString(16)}`;

/** The case as an object. */
export function textbookCase() {
  const smmu = new SmmuV3();
  const { memory } = smmu;
  const room = new TableAllocator(TABLES, ROOM);
  const allocate = (bytes, align) => room.allocate(bytes, align);
  const stage1 = new PageTable({ stage: 1, granule: 4096, inputBits: 48, memory, allocate });
  const stage2 = new PageTable({ stage: 2, granule: 4096, inputBits: 48, memory, allocate });
  const pages = [0n, 1n, 2n, 3n];
  for (const n of pages) {
    stage1.map(0x12_3456_7000n + n * PAGE, 0x4000_1000n + n * PAGE, PAGE);
    stage2.map(0x4000_1000n + n * PAGE, 0x9_4000_8000n - n * PAGE, PAGE);
  }
  const cd = allocate(64);
  const ste = allocate(64);
  // One by one, so that every leaf is a page; the guest's tables are where their IPAs say.
  for (let at = TABLES; at < TABLES + ROOM; at += PAGE) stage2.map(at, at, PAGE);
  memory.writeU64(cd, 0x0001_6205_c000_0010n);
  memory.writeU64(cd + 8n, stage1.root);
  memory.writeU64(ste, cd | 0xfn);
  memory.writeU64(ste + 16n, 0x040d_0090_0000_0001n);
  memory.writeU64(ste + 24n, stage2.root);
  const { idr0, idr1, idr3, idr5 } = SMMUV3_PRESETS.full;
  const used = [];
  for (let at = TABLES; at < TABLES + ROOM; at += PAGE) {
    const bytes = Buffer.from(memory.read(at, Number(PAGE)));
    if (bytes.some((byte) => byte !== 0)) used.push([hex(at), bytes.toString("hex")]);
  }
  return {
    id: "textbook-4x4",
    arch: "smmuv3",
    idr: { IDR0: hex(idr0), IDR1: hex(idr1), IDR3: hex(idr3), IDR5: hex(idr5) },
    regs: {
      STRTAB_BASE: hex(ste),
      STRTAB_BASE_CFG: "0x0",
      CR0: hex(2 ** registers.CR0_SMMUEN_LSB),
      CR2: "0x0",
      GBPA: "0x0",
    },
    memory: used,
    steps: pages.map((n) => ({
      op: "access",
      sid: 0,
      iova: hex(0x12_3456_7678n + n * PAGE),
      size: 4,
      write: false,
    })),
  };
}
