// A VT-d unit in scalable mode whose device has a PASID of every kind, with everything that software and the device can do
// to it. Positions and bits by hand from Intel VT-d Rev 5.10, 6.5.2, 7.4 and 11.4; the device is that of test/vtd/rig.ts.

import { VtdIommu, type VtdOptions } from "../../src/index.js";
import type { Random } from "../property/random.js";
import {
  descriptor,
  FIRST_STAGE,
  FS,
  full,
  IM,
  INVALIDATIONS,
  NESTED,
  PAGE_REQUESTS,
  PASS_THROUGH,
  QIE,
  REG,
  Rig,
  SECOND_STAGE,
  SID,
  SS,
  TE,
} from "../vtd/rig.js";
import type { Kind, Log, MakeCore, Step } from "./twins.js";

const WIDE = 0x800n;
const ENTRY_BYTES = 32;
const QUEUE_BYTES = 4096;
const F = 0x8000_0000;
const RECORDS = 8;
const PAGES = 8;
/** PASIDs 1 and 3 have first-stage tables that change. */
const CHANGING = [1, 3] as const;
/** Where the leaf entries of PASIDs 1 and 3 are, filled in by `make`; the same for every machine. */
const LEAVES = new Map<number, bigint[]>();

const OPTIONS: VtdOptions = {
  features: full(),
  memoryLimit: 2 ** 23,
  batchCapacity: 24,
  iotlb: { entries: 16, ways: 4, policy: "lru" },
  walkCaches: { stage1: 8, stage2: 8, stage2Tlb: 16 },
  configCache: { contexts: 8 },
};

const callbacks = (log: Log): VtdOptions => ({
  onIrq: log.note("irq"),
  onMsi: log.note("msi"),
  onPageResponse: log.note("response"),
  rangeType: () => "WB",
});

function make(log: Log, makeCore?: MakeCore): VtdIommu {
  const rig = new Rig({ ...OPTIONS, ...callbacks(log), makeCore });
  rig.structures(0b11100n);
  const second = rig.table();
  for (const input of [0n, 0x20_0000n]) {
    rig.map({ root: second, leafLevel: 2, input, output: input, flags: SS });
  }
  const firsts = CHANGING.map((pasid) => {
    const root = rig.table();
    const pages = Array.from({ length: PAGES }, (_, n) => BigInt(n) * 0x1000n);
    LEAVES.set(
      pasid,
      pages.map((input) => rig.map({ root, input, output: 0x4_0000n + input, flags: FS }).at(-1)!),
    );
    return root;
  });
  rig.pasid(0, PASS_THROUGH, 9);
  rig.pasid(1, FIRST_STAGE, 1, { first: firsts[0]! });
  rig.pasid(2, SECOND_STAGE, 2, { second });
  rig.pasid(3, NESTED, 2, { first: firsts[1]!, second });
  rig.pasid(4, PASS_THROUGH, 2);
  const { vtd } = rig;
  vtd.write64(REG.PQA, PAGE_REQUESTS);
  vtd.write64(REG.IQA, INVALIDATIONS | WIDE);
  for (const [control, data] of [
    [REG.FECTL, 0x30],
    [REG.IECTL, 0x31],
    [REG.PECTL, 0x32],
  ] as const) {
    vtd.write32(control + 4, data);
    vtd.write32(control + 8, 0xfee0_0000);
    vtd.write32(control, 0);
  }
  rig.enable(1n << 10n, QIE);
  return vtd;
}

type Draw = (random: Random, tidy: boolean) => (vtd: VtdIommu) => unknown;

const pasid = (random: Random): { pasid?: number } =>
  random.chance(0.1) ? {} : { pasid: random.chance(0.05) ? 77 : random.between(1, 5) };
const address = (random: Random): bigint =>
  BigInt(random.below(PAGES + 1)) * 0x1000n +
  BigInt(random.below(0x1000)) +
  (random.chance(0.1) ? 1n << 22n : 0n);
const source = (random: Random): number => (random.chance(0.03) ? 0x0201 : SID);

const translate: Draw = (random) => {
  const request = {
    stream: source(random),
    iova: address(random),
    write: random.chance(0.4),
    privileged: random.chance(0.2),
    ...pasid(random),
  };
  return (vtd) => vtd.translate(request);
};

const run: Draw = (random) => {
  const rows = Array.from({ length: random.between(1, 24) }, () => ({
    iova: address(random),
    pasid: random.chance(0.1) ? 0 : (0x8000_0000 + random.between(1, 4)) >>> 0,
    access: random.below(2),
  }));
  return (vtd) => {
    for (const [n, row] of rows.entries()) {
      vtd.batch.stream[n] = SID;
      vtd.batch.iova[n] = row.iova;
      vtd.batch.access[n] = row.access;
      vtd.batch.pasid[n] = row.pasid;
    }
    return vtd.run(rows.length);
  };
};

/** Global: contexts, PASIDs, translations. */
function invalidateAll(vtd: VtdIommu): void {
  for (const low of [0x11n, 0x37n, 0x12n]) vtd.issue(descriptor(low));
}

/** A page of the first stage: there, read-only, without its accessed flag, or gone. */
const change: Draw = (random, tidy) => {
  const at = LEAVES.get(random.pick(CHANGING))![random.below(PAGES)]!;
  const output = 0x4_0000n + BigInt(random.below(16)) * 0x1000n;
  const flags = random.pick([FS, FS, FS, FS & ~2n, FS & ~0x60n, undefined]);
  return (vtd) => {
    vtd.memory.writeU64(at, flags === undefined ? 0n : output | flags);
    if (tidy) invalidateAll(vtd);
  };
};

const BAD_TYPE = 0xfn;
/** Context-cache, PASID-cache and IOTLB, global; IOTLB of a domain and page; PASID-based IOTLB of PASID 1 and a page. */
const DESCRIPTORS: readonly (readonly [bigint, bigint])[] = [
  [0x11n, 0n],
  [0x37n, 0n],
  [0x12n, 0n],
  [0x2_0022n, 0n],
  [0x2_0032n, 0x2000n],
  [0x1_0001_0026n, 0n],
  [0x1_0001_0036n, 0x3000n],
];

const invalidate: Draw = (random) => {
  const [low, high] = random.pick(DESCRIPTORS);
  return (vtd) => vtd.issue(descriptor(low, high));
};

/** Descriptors through the queue, a wait behind them, a wrong one now and then. */
const queue: Draw = (random) => {
  const list = Array.from({ length: random.between(1, 3) }, () => random.pick(DESCRIPTORS));
  const flags = random.pick([0x20n, 0x30n, 0x10n]);
  list.push([5n | flags | (BigInt(random.below(1000)) << 32n), 0x3_0000n]);
  if (random.chance(0.1)) list.push([BAD_TYPE, 0n]);
  return (vtd) => {
    let tail = vtd.read32(REG.IQT);
    for (const [low, high] of list) {
      const next = (tail + ENTRY_BYTES) % QUEUE_BYTES;
      if (next === vtd.read32(REG.IQH)) break;
      vtd.memory.write(INVALIDATIONS + BigInt(tail), descriptor(low, high));
      tail = next;
    }
    vtd.write32(REG.IQT, tail);
  };
};

/** What stopped the queue is overwritten, and its error cleared. */
const acknowledge: Draw = () => (vtd) => {
  if ((vtd.read32(REG.FSTS) & 0x10) === 0) return;
  vtd.memory.write(INVALIDATIONS + BigInt(vtd.read32(REG.IQH)), descriptor(0x12n));
  vtd.write32(REG.FSTS, 0x10);
};

/** Software reads some of the recorded faults, or all. */
const takeFaults: Draw = (random) => {
  const count = random.chance(0.5) ? RECORDS : random.below(RECORDS);
  const overflow = random.chance(0.6);
  return (vtd) => {
    for (let n = 0; n < count; n++) vtd.write32(REG.FRCD + 16 * n + 12, F);
    if (overflow) vtd.write32(REG.FSTS, 1);
    vtd.write32(REG.ICS, 1);
  };
};

const mask: Draw = (random) => {
  const control = random.pick([REG.FECTL, REG.IECTL, REG.PECTL]);
  const value = random.chance(0.4) ? IM : 0;
  return (vtd) => vtd.write32(control, value);
};

const askPage: Draw = (random) => {
  const request = {
    stream: source(random),
    group: random.below(512),
    address: address(random),
    read: random.chance(0.8),
    write: random.chance(0.3),
    last: random.chance(0.6),
    ...pasid(random),
  };
  return (vtd) => vtd.requestPage(request);
};

const takePages: Draw = (random) => {
  const status = random.chance(0.7) ? 3 : 1;
  return (vtd) => {
    // As if others were still to be read: there is room for four.
    vtd.write32(REG.PQH, (vtd.read32(REG.PQT) + 5 * ENTRY_BYTES) % QUEUE_BYTES);
    vtd.write32(REG.PRS, status);
  };
};

/** A page group response. */
const respond: Draw = (random) => {
  const low = 9n | (1n << 4n) | (BigInt(SID) << 16n) | (1n << 32n);
  const high = BigInt(random.below(512)) << 3n;
  return (vtd) => vtd.issue(descriptor(low, high));
};

const askTranslation: Draw = (random) => {
  const request = { stream: SID, iova: address(random), write: random.chance(0.5), ...pasid(random) };
  return (vtd) => vtd.requestTranslation(request);
};

/** Translation or the queue off and on; recording begins at register 0 again. */
const toggle: Draw = (random) => {
  const off = random.pick([QIE, TE]);
  return (vtd) => {
    if (off === QIE && vtd.read32(REG.IQH) !== vtd.read32(REG.IQT)) return;
    vtd.write32(REG.GCMD, (off ^ (QIE | TE)) >>> 0);
    if (off === QIE) vtd.write32(REG.IQT, 0);
    vtd.write32(REG.GCMD, (QIE | TE) >>> 0);
  };
};

const memory: Draw = (random) => {
  const at = 0x4a00_0000n + BigInt(random.below(12) * 0x1_0000);
  if (random.chance(0.3)) return (vtd) => vtd.memory.drop(at, 0x1_0000n);
  return (vtd) => vtd.memory.writeU32(at + 4n, 0x1234_5678);
};

const DRAWS: readonly (readonly [name: string, weight: number, draw: Draw])[] = [
  ["translate", 30, translate],
  ["run", 14, run],
  ["change a page", 12, change],
  ["invalidate", 6, invalidate],
  ["queue", 8, queue],
  ["acknowledge", 3, acknowledge],
  ["take faults", 10, takeFaults],
  ["mask", 3, mask],
  ["ask for a page", 10, askPage],
  ["take page requests", 2, takePages],
  ["respond", 3, respond],
  ["ask for a translation", 6, askTranslation],
  ["toggle", 1, toggle],
  ["memory", 4, memory],
];
const DECK = DRAWS.flatMap(([what, weight, draw]) => Array.from({ length: weight }, () => ({ what, draw })));

/** The VT-d unit of these tests. */
export const VTD: Kind<VtdIommu> = {
  make,
  restore: (snapshot, log, caches, makeCore) =>
    VtdIommu.restore(snapshot, { ...callbacks(log), caches, makeCore }),
  registers: Array.from({ length: 0x300 / 4 }, (_, n) => 4 * n),
  memory: [0n, 0x20_0000],
  step(random, tidy): Step<VtdIommu> {
    const { what, draw } = random.pick(DECK);
    return { what, run: draw(random, tidy) };
  },
};
