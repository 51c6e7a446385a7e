// Partial walks: what a cached table descriptor may answer for, and how it goes away. Roots of level -1 and 0,
// concatenated roots, both stages (IHI 0070 4.4.2, 4.4.3; DDI 0487 D8.2.1, D8.2.2, D8.2.8 to D8.2.10).
import { cd, type Fields, oa64k, oaDs, page, s2page, ste, table, words } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import { access, cmd, pa, SYNC, store } from "../steps.js";
import { bare, CD_AT, CD1, STE_AT, STE1, STE2 } from "../worlds.js";

type Memory = (readonly [bigint, string])[];
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;
const read = (iova: bigint, target: bigint): Step => access("r", iova, pa(target));

const stage1 = (title: string, fields: Fields, tables: Memory, steps: Step[]): ManualCase =>
  bare(title, { more: [[STE_AT, ste(STE1)], [CD_AT, cd({ ...CD1, IPS: 6, ...fields })], ...tables], steps });
const stage2 = (title: string, fields: Fields, tables: Memory, steps: Step[]): ManualCase =>
  bare(title, { more: [[STE_AT, ste({ ...STE2, S2PS: 6, ...fields })], ...tables], steps });

const tlbi = (Opcode: number, Address: bigint, more: Fields = {}): Step[] => [
  cmd({ Opcode, VMID: 0x11, Address, ...more }),
  SYNC,
];
const NH_VA = 0x12;
const NH_VAA = 0x13;
const S2_IPA = 0x2a;

// 4KB, DS = 1: two chains of tables, to 0x5000_1000 and to 0x6_0000_6000_1000, with index 1 at levels 0 to 3.
const chain = (base: bigint, leaf: bigint): Memory => [
  at(base + 0x8n, table(base + 0x1_0000n)),
  at(base + 0x1_0008n, table(base + 0x2_0000n)),
  at(base + 0x2_0008n, table(base + 0x3_0000n)),
  at(base + 0x3_0008n, leaf, leaf + 0x1000n),
];
const FIRST = chain(0x4002_0000n, page(0x5000_1000n, { nG: 1 }));
const SECOND = chain(0x4102_0000n, page(oaDs(0x6_0000_6000_1000n), { nG: 1 }));
const DEEP = 0xf_0080_4020_1000n;

const roots: ManualCase[] = [
  stage1(
    "drops a cached level -1 descriptor with Leaf = 0 (4.4.2.4)",
    { DS: 1, T0SZ: 12 },
    [at(0x4001_0078n, table(0x4002_0000n)), ...FIRST, ...SECOND],
    [
      read(DEEP, 0x5000_1000n),
      store(0x4001_0078n, words(table(0x4102_0000n))),
      ...tlbi(NH_VA, DEEP, { ASID: 0x22 }),
      read(DEEP, 0x6_0000_6000_1000n),
      read(DEEP + 0x1000n, 0x6_0000_6000_2000n),
    ],
  ),
  stage1(
    "drops it with NH_ASID (4.4.2.2)",
    { DS: 1, T0SZ: 12 },
    [at(0x4001_0078n, table(0x4002_0000n)), ...FIRST, ...SECOND],
    [
      read(DEEP, 0x5000_1000n),
      store(0x4001_0078n, words(table(0x4102_0000n))),
      cmd({ Opcode: 0x11, VMID: 0x11, ASID: 0x22 }),
      SYNC,
      read(DEEP + 0x1000n, 0x6_0000_6000_2000n),
    ],
  ),
  stage1(
    "tells walks apart that differ in VA[51:48] only (D8.2.8.3)",
    { DS: 1, T0SZ: 12 },
    [at(0x4001_0070n, table(0x4102_0000n), table(0x4002_0000n)), ...FIRST, ...SECOND],
    [
      read(DEEP, 0x5000_1000n),
      read(0xe_0080_4020_2000n, 0x6_0000_6000_2000n),
      read(DEEP + 0x1000n, 0x5000_2000n),
      read(0xe_0080_4020_1000n, 0x6_0000_6000_1000n),
    ],
  ),
  stage1(
    "drops a cached level 1 descriptor of 64KB tables with Leaf = 0 (4.4.2.3)",
    { TG0: 1, T0SZ: 12 },
    [
      at(0x4001_0008n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, page(0x5001_0000n), page(0x5002_0000n)),
      at(0x4004_0008n, table(0x4005_0000n)),
      at(0x4005_0008n, page(oa64k(0x6_0000_6001_0000n)), page(oa64k(0x6_0000_6002_0000n))),
    ],
    [
      read(0x400_2001_0000n, 0x5001_0000n),
      store(0x4001_0008n, words(table(0x4004_0000n))),
      ...tlbi(NH_VAA, 0x400_2001_0000n),
      read(0x400_2001_0000n, 0x6_0000_6001_0000n),
      read(0x400_2002_0000n, 0x6_0000_6002_0000n),
    ],
  ),
  stage1(
    "tells walks of 16KB tables apart that differ in VA[47] only (D8.2.9.3)",
    { TG0: 2, T0SZ: 16, IPS: 5 },
    [
      at(0x4001_0000n, table(0x4002_0000n), table(0x4012_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, table(0x4004_0000n)),
      at(0x4004_0008n, page(0x5000_4000n), page(0x5000_8000n)),
      at(0x4012_0008n, table(0x4013_0000n)),
      at(0x4013_0008n, table(0x4014_0000n)),
      at(0x4014_0008n, page(0x6000_4000n), page(0x6000_8000n)),
    ],
    [
      read(0x10_0200_4000n, 0x5000_4000n),
      read(0x8010_0200_8000n, 0x6000_8000n),
      read(0x10_0200_8000n, 0x5000_8000n),
      read(0x8010_0200_4000n, 0x6000_4000n),
    ],
  ),
  stage1(
    "tells the halves' walks apart that have the same low 39 bits (D8.2.4)",
    {
      EPD1: 0,
      TG1: 2,
      T1SZ: 25,
      TTB1: 0x4005_0000n,
      IPS: 5,
    },
    [
      at(0x4001_0008n, table(0x4001_1000n)),
      at(0x4001_1008n, table(0x4001_2000n)),
      at(0x4001_2008n, page(0x5000_1000n), page(0x5000_2000n)),
      at(0x4005_0008n, table(0x4005_1000n)),
      at(0x4005_1008n, table(0x4005_2000n)),
      at(0x4005_2008n, page(0x6000_1000n), page(0x6000_2000n)),
    ],
    [
      read(0x4020_1000n, 0x5000_1000n),
      read(0xffff_ff80_4020_2000n, 0x6000_2000n),
      read(0x4020_2000n, 0x5000_2000n),
      read(0xffff_ff80_4020_1000n, 0x6000_1000n),
    ],
  ),
];

const s2chain = (base: bigint, leaf: bigint): Memory => [
  at(base + 0x8n, table(base + 0x1_0000n)),
  at(base + 0x1_0008n, leaf, leaf + 0x1000n),
];

const stage2Roots: ManualCase[] = [
  stage2(
    "tells walks from 16 concatenated level 1 tables apart that differ in IPA[42:39] only (D8.2.2)",
    {
      S2SL0: 1,
      S2T0SZ: 21,
    },
    [
      // IPA[42:30] = 1 and 0x1E01.
      at(0x4010_0008n, table(0x4012_0000n)),
      at(0x4010_f008n, table(0x4022_0000n)),
      ...s2chain(0x4012_0000n, s2page(0x5000_1000n)),
      ...s2chain(0x4022_0000n, s2page(0x6000_1000n)),
    ],
    [
      read(0x4020_1000n, 0x5000_1000n),
      read(0x780_4020_2000n, 0x6000_2000n),
      read(0x4020_2000n, 0x5000_2000n),
      read(0x780_4020_1000n, 0x6000_1000n),
    ],
  ),
  stage2(
    "drops a cached level -1 descriptor of stage 2 with TLBI_S2_IPA, Leaf = 0 (4.4.3.1)",
    {
      S2DS: 1,
      S2SL0_2: 1,
      S2SL0: 0,
      S2T0SZ: 12,
    },
    [
      at(0x4010_0078n, table(0x4202_0000n)),
      ...chain(0x4202_0000n, s2page(0x5000_1000n)),
      ...chain(0x4302_0000n, s2page(oaDs(0x6_0000_6000_1000n))),
    ],
    [
      read(DEEP, 0x5000_1000n),
      store(0x4010_0078n, words(table(0x4302_0000n))),
      ...tlbi(S2_IPA, DEEP),
      read(DEEP, 0x6_0000_6000_1000n),
      read(DEEP + 0x1000n, 0x6_0000_6000_2000n),
    ],
  ),
  stage2(
    "drops a cached table descriptor of one concatenated table, the others stay in use (4.4.3.1)",
    {
      S2SL0: 1,
      S2T0SZ: 21,
    },
    [
      at(0x4010_0008n, table(0x4012_0000n)),
      at(0x4010_f008n, table(0x4022_0000n)),
      ...s2chain(0x4012_0000n, s2page(0x5000_1000n)),
      ...s2chain(0x4022_0000n, s2page(0x6000_1000n)),
      ...s2chain(0x4032_0000n, s2page(0x7000_1000n)),
    ],
    [
      read(0x4020_1000n, 0x5000_1000n),
      read(0x780_4020_1000n, 0x6000_1000n),
      store(0x4010_f008n, words(table(0x4032_0000n))),
      ...tlbi(S2_IPA, 0x780_4020_1000n),
      read(0x780_4020_2000n, 0x7000_2000n),
      read(0x780_4020_1000n, 0x7000_1000n),
      read(0x4020_2000n, 0x5000_2000n),
    ],
  ),
];

// A range that overflows 64 bits, and one larger than the address space (4.4.1.1: SCALE above 39 counts as 39).
const HIGH = 0xffff_ff80_4020_1000n;
const UPPER_TABLES: Memory = [
  at(0x4001_0008n, table(0x4001_1000n)),
  at(0x4001_1008n, table(0x4001_2000n)),
  at(0x4001_2008n, page(0x5000_1000n, { nG: 1 })),
];
const far: ManualCase[] = [
  stage1(
    "drops a TTB1 page by a range that runs over the top of the address space (4.4.1.1 note)",
    {
      IPS: 5,
      EPD0: 1,
      EPD1: 0,
      TG1: 2,
      T1SZ: 25,
      TTB1: 0x4001_0000n,
    },
    UPPER_TABLES,
    [
      read(HIGH, 0x5000_1000n),
      store(0x4001_2008n, words(page(0x6000_1000n, { nG: 1 }))),
      ...tlbi(NH_VA, 0xffff_ff80_0000_0000n, { ASID: 0x22, Leaf: 1, TG: 1, NUM: 31, SCALE: 39 }),
      read(HIGH, 0x6000_1000n),
    ],
  ),
  stage1("takes SCALE = 63 as 39: 32 × 2^39 granules from 0 (4.4.1.1 SCALE)", { IPS: 5 }, UPPER_TABLES, [
    read(0x4020_1000n, 0x5000_1000n),
    store(0x4001_2008n, words(page(0x6000_1000n, { nG: 1 }))),
    ...tlbi(NH_VA, 0n, { ASID: 0x22, Leaf: 1, TG: 1, NUM: 31, SCALE: 63 }),
    read(0x4020_1000n, 0x6000_1000n),
  ]),
];

export const walkCaches: ManualCase[] = [...roots, ...stage2Roots, ...far];
