// An SMMUv3 whose streams stall, ask for pages and are nested, with everything that software and endpoints can do to it.
// Tables and numbers of streams 0 to 9 are those of test/smmuv3/stall-world.ts; streams 10 and 11 are nested over an
// identity stage 2. Register offsets and commands by hand from IHI 0070 G.b.

import { contextDescriptor, streamEntry } from "../../src/cli/structures.js";
import { type AtcInvalidation, PageTable, SmmuV3, type SmmuV3Options } from "../../src/index.js";
import type { Random } from "../property/random.js";
import { bytes } from "../smmuv3/machine.js";
import {
  CR0,
  EVENTQ_CONS,
  EVENTQ_PROD,
  features,
  GERROR,
  GERRORN,
  IRQ_CTRL,
  StallWorld,
  word32,
} from "../smmuv3/stall-world.js";
import type { Kind, Log, MakeCore, Step } from "./twins.js";

const STALL_MAX = 3;
const [CMDQ_BASE, CMDQ_PROD, CMDQ_CONS] = [0x90, 0x98, 0x9c];
const [PRIQ_BASE, PRIQ_PROD, PRIQ_CONS] = [0xc0, 0x100c8, 0x100cc];
const [COMMANDS, PAGES] = [0x4002_0000n, 0x4003_0000n];
const COMMANDS_LG2 = 4;
/** SMMUEN, PRIQEN, EVENTQEN, CMDQEN. */
const ALL_ON = 15;
const NESTED = [10, 11] as const;
const LEVEL_3 = 0x4010_2000n;
/** Base addresses of pages that streams map: one far away, so that new frames are taken. */
const TARGETS = [0x4400_0000n, 0x4800_1000n, 0x4c00_0000n] as const;

const OPTIONS: SmmuV3Options = {
  // ATS (bit 10), MSI (13), SEV (14) and PRI (16), a PRI queue of up to 2^2 entries.
  features: { ...features(STALL_MAX, 0x1_6400), idr1: features(STALL_MAX).idr1 | (2 << 11) },
  ram: [[0x4000_0000n, 0x1000_0000n]],
  memoryLimit: 2 ** 23,
  batchCapacity: 24,
  iotlb: { entries: 16, ways: 4 },
  walkCaches: { stage1: 8, stage2: 8, stage2Tlb: 16 },
  configCache: { contexts: 8 },
  maxStalled: 16,
  mergeEvents: true,
};

const callbacks = (log: Log): SmmuV3Options => ({
  onIrq: log.note("irq"),
  onResume: log.note("resume"),
  onPageResponse: log.note("response"),
  onMsi: log.note("msi"),
  onWakeEvent: log.note("wake"),
  // An endpoint that never answers for one page in four.
  onAtcInvalidation: log.note("atc", ({ iova }: AtcInvalidation) =>
    (iova & 0x3000n) === 0n ? "timed-out" : "completed",
  ),
});

function makeNested(smmu: SmmuV3): void {
  const { memory } = smmu;
  let next = 0x4070_0000n;
  const allocate = (size: number): bigint => {
    const at = next;
    next += BigInt(Math.max(size, 0x1000));
    return at;
  };
  const stage2 = new PageTable({ granule: 4096, inputBits: 40, stage: 2, memory, allocate });
  stage2.map(0x4000_0000n, 0x4000_0000n, 0x1000_0000n, { read: true, write: true });
  for (const stream of NESTED) {
    const table = new PageTable({ granule: 4096, inputBits: 48, stage: 1, memory, allocate });
    table.map(0n, 0x4400_0000n, 0xc000n, { read: true, write: stream === NESTED[0] });
    table.map(0x20_0000n, 0x4420_0000n, 0x20_0000n, { read: true, write: true });
    const cd = allocate(64);
    memory.write(cd, contextDescriptor(stream, table));
    const entry = 0x4000_0000n + BigInt(64 * stream);
    memory.write(entry, streamEntry(7, cd, stage2));
    // EATS = 0b01.
    memory.writeU64(entry + 8n, memory.readU64(entry + 8n) | (1n << 28n));
  }
}

function make(log: Log, makeCore?: MakeCore): SmmuV3 {
  const { smmu } = new StallWorld({
    stallMax: STALL_MAX,
    sizeLg2: 3,
    ...OPTIONS,
    ...callbacks(log),
    makeCore,
  });
  makeNested(smmu);
  smmu.write64(CMDQ_BASE, COMMANDS | BigInt(COMMANDS_LG2));
  smmu.write64(PRIQ_BASE, PAGES | 2n);
  smmu.write32(IRQ_CTRL, 7);
  smmu.write32(CR0, ALL_ON);
  smmu.issue(bytes("0400000000000000 1f00000000000000"));
  return smmu;
}

type Draw = (random: Random, tidy: boolean) => (smmu: SmmuV3) => unknown;

/** CFGI_ALL and TLBI_NSNH_ALL. */
function invalidateAll(smmu: SmmuV3): void {
  smmu.issue(bytes("0400000000000000 1f00000000000000"));
  smmu.issue(bytes("3000000000000000 0000000000000000"));
}

const stall = (random: Random): number => random.below(10);
const address = (random: Random): bigint =>
  BigInt(random.below(12)) * 0x1000n + BigInt(random.below(0x1000)) + (random.chance(0.1) ? 0x20_0000n : 0n);
const stream = (random: Random): number =>
  random.chance(0.4) ? random.pick(NESTED) : random.chance(0.03) ? 99 : stall(random);

const translate: Draw = (random) => {
  const request = {
    stream: stream(random),
    iova: address(random),
    write: random.chance(0.3),
    execute: random.chance(0.1),
    privileged: random.chance(0.2),
    ...(random.chance(0.05) && { pasid: random.below(4) }),
  };
  return (smmu) => smmu.translate(request);
};

const run: Draw = (random) => {
  const rows = Array.from({ length: random.between(1, 24) }, () => ({
    stream: stream(random),
    iova: address(random),
    access: random.below(2),
  }));
  return (smmu) => {
    for (const [n, row] of rows.entries()) {
      smmu.batch.stream[n] = row.stream;
      smmu.batch.iova[n] = row.iova;
      smmu.batch.access[n] = row.access;
      smmu.batch.pasid[n] = 0;
    }
    return smmu.run(rows.length);
  };
};

/** A page of a stalling stream: there, without an access flag, read-only, or gone. */
const change: Draw = (random, tidy) => {
  const at = LEVEL_3 + BigInt(stall(random) * 0x1_0000 + 8 * random.below(12));
  const target = random.pick(TARGETS) + BigInt(random.below(4) * 0x1000);
  const entry = random.pick([0x443n, 0x443n, 0x443n, 0x43n, 0x4c3n, undefined]);
  return (smmu) => {
    smmu.memory.writeU64(at, entry === undefined ? 0n : target | entry);
    if (tidy) invalidateAll(smmu);
  };
};

const askTranslation: Draw = (random) => {
  const request = { stream: stream(random), iova: address(random), write: random.chance(0.5) };
  return (smmu) => smmu.requestTranslation(request);
};

const translated: Draw = (random) => {
  const request = { stream: stream(random), iova: 0x4400_0000n + address(random), translated: true };
  return (smmu) => smmu.translate(request);
};

const INVALIDATIONS = [
  "3000000000000000 0000000000000000",
  "0400000000000000 1f00000000000000",
  // TLBI_NH_ASID 10 and TLBI_NH_VA of page 2, VMID 7; TLBI_S2_IPA of 0x44002000.
  "1100000007000a00 0000000000000000",
  "1200000007000a00 0020000000000000",
  "2a00000007000000 0020004400000000",
] as const;

const invalidate: Draw = (random) => {
  const command = bytes(random.pick(INVALIDATIONS));
  return (smmu) => smmu.issue(command);
};

const resume: Draw = (random) => {
  const flags = random.pick(["10", "10", "20", "00"]);
  const stag = random.below(STALL_MAX + 1);
  const wrong = random.chance(0.1);
  return (smmu) => {
    const held = smmu.stalled().find((one) => one.stag === stag);
    const of = wrong || !held ? 3 : held.stream;
    return smmu.issue(bytes(`44${flags}0000 ${word32(of)} ${word32(stag)} 00000000`));
  };
};

const terminate: Draw = (random) => {
  const command = bytes(`45000000 ${word32(stall(random))} 0000000000000000`);
  return (smmu) => smmu.issue(command);
};

/** CMD_SYNC with an interrupt and with a wake-up event; CMD_ATC_INV of pages 0 and 1 of stream 10. */
const OTHERS = [
  "4610000000000000 0000000000000000",
  "4620000000000000 0000000000000000",
  "400000000a000000 0000000000000000",
  "400000000a000000 0010000000000000",
] as const;
const WRONG = "ff00000000000000 0000000000000000";

/** Commands through the queue, a wrong one now and then; software acknowledges errors later. */
const queue: Draw = (random) => {
  const commands = Array.from({ length: random.between(1, 4) }, () =>
    bytes(random.chance(0.05) ? WRONG : random.pick(random.chance(0.5) ? OTHERS : INVALIDATIONS)),
  );
  return (smmu) => {
    const mask = 2 ** (COMMANDS_LG2 + 1) - 1;
    let produced = smmu.read32(CMDQ_PROD);
    for (const command of commands) {
      if (((produced - smmu.read32(CMDQ_CONS)) & mask) >= 2 ** COMMANDS_LG2) break;
      smmu.memory.write(COMMANDS + BigInt(16 * (produced % 2 ** COMMANDS_LG2)), command);
      produced = (produced + 1) & mask;
    }
    smmu.write32(CMDQ_PROD, produced);
  };
};

/** Global errors acknowledged; the wrong command becomes a CMD_SYNC. */
const acknowledge: Draw = () => (smmu) => {
  const at = COMMANDS + BigInt(16 * (smmu.read32(CMDQ_CONS) % 2 ** COMMANDS_LG2));
  if (((smmu.read32(GERROR) ^ smmu.read32(GERRORN)) & 1) !== 0) smmu.memory.writeU64(at, 0x1046n);
  smmu.write32(GERRORN, smmu.read32(GERROR));
};

const takeEvents: Draw = (random) => {
  const all = random.chance(0.7);
  return (smmu) => {
    const produced = smmu.read32(EVENTQ_PROD);
    smmu.write32(EVENTQ_CONS, all ? produced : (produced & 0x8000_0000) >>> 0);
  };
};

const askPage: Draw = (random) => {
  const request = {
    stream: stream(random),
    group: random.below(512),
    address: address(random),
    read: random.chance(0.8),
    write: random.chance(0.3),
    last: random.chance(0.6),
    ...(random.chance(0.5) && { pasid: random.below(8) }),
  };
  return (smmu) => smmu.requestPage(request);
};

const takePages: Draw = () => (smmu) => smmu.write32(PRIQ_CONS, smmu.read32(PRIQ_PROD));

/** CMD_PRI_RESP. */
const respond: Draw = (random) => {
  const command = bytes(`41000000 ${word32(stream(random))} ${word32(random.below(512))} 00200000`);
  return (smmu) => smmu.issue(command);
};

const toggle: Draw = (random) => {
  const off = random.pick([1, 2, 4, 8]);
  return (smmu) => {
    smmu.write32(CR0, ALL_ON & ~off);
    const between = smmu.requestPage({ stream: 1, group: 1, address: 0n, read: true, last: true });
    smmu.write32(CR0, ALL_ON);
    return between;
  };
};

const memory: Draw = (random) => {
  const at = 0x4a00_0000n + BigInt(random.below(12) * 0x1_0000);
  if (random.chance(0.3)) return (smmu) => smmu.memory.drop(at, 0x1_0000n);
  return (smmu) => smmu.memory.writeU32(at + 4n, 0x1234_5678);
};

/** MSIs of one source, to memory or to where nothing is. */
const messages: Draw = (random) => {
  const config = random.pick([0x68, 0xb0, 0xd0]);
  const target = random.pick([0n, 0x4a00_0100n, 0x9000_0000n]);
  return (smmu) => {
    smmu.write32(IRQ_CTRL, 0);
    smmu.write64(config, target);
    smmu.write32(config + 8, 0xabcd);
    smmu.write32(IRQ_CTRL, 7);
  };
};

const reset: Draw = (random) => {
  const really = random.chance(0.1);
  return (smmu) => really && smmu.resetCounters();
};

const DRAWS: readonly (readonly [name: string, weight: number, draw: Draw])[] = [
  ["translate", 30, translate],
  ["run", 14, run],
  ["change a page", 12, change],
  ["invalidate", 8, invalidate],
  ["resume", 14, resume],
  ["terminate", 1, terminate],
  ["queue", 6, queue],
  ["acknowledge", 3, acknowledge],
  ["take events", 10, takeEvents],
  ["ask for a page", 10, askPage],
  ["take page requests", 2, takePages],
  ["respond", 3, respond],
  ["toggle", 1, toggle],
  ["memory", 4, memory],
  ["ask for a translation", 8, askTranslation],
  ["translated access", 4, translated],
  ["messages", 1, messages],
  ["reset counters", 1, reset],
];
const DECK = DRAWS.flatMap(([what, weight, draw]) => Array.from({ length: weight }, () => ({ what, draw })));

/** The SMMUv3 of these tests. */
export const SMMUV3: Kind<SmmuV3> = {
  make,
  restore: (snapshot, log, caches, makeCore) =>
    SmmuV3.restore(snapshot, { ...callbacks(log), caches, makeCore }),
  registers: [
    ...[CR0, 0x24, 0x2c, 0x44, IRQ_CTRL, 0x54, GERROR, GERRORN, 0x80, 0x88, CMDQ_BASE, CMDQ_PROD, CMDQ_CONS],
    ...[0xa0, EVENTQ_PROD, EVENTQ_CONS, PRIQ_BASE, PRIQ_PROD, PRIQ_CONS, 0, 4, 0xc, 0x14, 0x1c],
  ],
  memory: [0x4000_0000n, 0x20_0000],
  step(random, tidy): Step<SmmuV3> {
    const { what, draw } = random.pick(DECK);
    return { what, run: draw(random, tidy) };
  },
};
