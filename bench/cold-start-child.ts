// A process of its own that starts the library cold: imports it, makes a machine with a small nested space, translates once,
// and goes on until it is as fast as it gets. Prints one line of JSON. Run by cold-start.ts.
import { writeContextDescriptor, writeStreamEntry } from "./smmuv3-structures.js";

const PAGES = 64;
const BATCH = 4096;
const BATCHES = 600;
/** Batches that a speed is the median of. */
const SPAN = 9;
const STREAM = 1;

const start = performance.now();
const { PageTable, SmmuV3, TableAllocator } = await import("nested-iommu");
const imported = performance.now();
const smmu = new SmmuV3();
const created = performance.now();

const pool = new TableAllocator(0x40000n, 0x100_0000n);
const storage = {
  memory: smmu.memory,
  allocate: (size: number, align: number) => pool.allocate(size, align),
};
const stage1 = new PageTable({ ...storage, stage: 1, granule: 4096, inputBits: 48 });
const stage2 = new PageTable({ ...storage, stage: 2, granule: 4096, inputBits: 48 });
const rights = { read: true, write: true, user: true, global: false, maxLeafLg2: 12 };
stage2.map(0n, 0n, 0x200_0000n, { ...rights, maxLeafLg2: 21 });
stage2.map(0x1_0000_0000n, 0x10_0000_0000n, BigInt(PAGES * 4096), rights);
stage1.map(0x1000_0000n, 0x1_0000_0000n, BigInt(PAGES * 4096), rights);
const cd = pool.allocate(64, 64);
writeContextDescriptor(smmu.memory, cd, 1, stage1.root);
writeStreamEntry(smmu.memory, STREAM, { cd, stage2: stage2.root });
smmu.write64(0x80, 0x10000n); // STRTAB_BASE
smmu.write32(0x88, 7); // STRTAB_BASE_CFG
smmu.write32(0x20, 1); // CR0.SMMUEN
const set = performance.now();
const first = smmu.translate({ stream: STREAM, iova: 0x1000_0123n });
const translated = performance.now();
if (first.pa !== 0x10_0000_0123n) throw new Error(`wrong PA 0x${first.pa.toString(16)}`);

const { batch } = smmu;
let state = 12345;
for (let i = 0; i < BATCH; i++) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  batch.stream[i] = STREAM;
  batch.iova[i] = 0x1000_0000n + BigInt((state >>> 8) % (PAGES * 4096));
}
const times = new Float64Array(BATCHES);
const began = performance.now();
for (let n = 0; n < BATCHES; n++) {
  const before = performance.now();
  if (smmu.run(BATCH) !== 0) throw new Error("a fault");
  times[n] = performance.now() - before;
}

function medianFrom(at: number): number {
  return times.slice(at, at + SPAN).sort()[SPAN >> 1]!;
}
const steady = times.slice(BATCHES / 2).sort()[BATCHES / 4]!;
let full = 0;
while (full < BATCHES / 2 && medianFrom(full) > 1.15 * steady) full++;
const untilFull = times.slice(0, full).reduce((sum, time) => sum + time, 0);

console.log(
  JSON.stringify({
    importMs: imported - start,
    createMs: created - imported,
    tablesMs: set - created,
    firstTranslationMs: translated - set,
    importToFirstMs: translated - start,
    fullSpeedTranslations: full * BATCH,
    fullSpeedMs: untilFull,
    coldNs: (times[0]! * 1e6) / BATCH,
    steadyNs: (steady * 1e6) / BATCH,
    ranMs: performance.now() - began,
  }),
);
