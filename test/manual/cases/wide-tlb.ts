// 52-bit addresses in the TLB: tags must hold all bits of the input, entries all bits of the output, and the largest
// blocks must be found and dropped from anywhere inside (IHI 0070 3.17, 4.4; DDI 0487 D8.2.4, D8.2.8 to D8.2.10).
import { block, cd, type Fields, oa64k, oaDs, s2block, ste, table, words } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import { access, cmd, pa, SYNC, store } from "../steps.js";
import { bare, CD_AT, CD1, STE_AT, STE1, STE2 } from "../worlds.js";

type Memory = (readonly [bigint, string])[];
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;
const read = (iova: bigint, target: bigint, leaf?: number): Step => access("r", iova, pa(target, leaf));

const stage1 = (title: string, fields: Fields, tables: Memory, steps: Step[]): ManualCase =>
  bare(title, { more: [[STE_AT, ste(STE1)], [CD_AT, cd({ ...CD1, IPS: 6, ...fields })], ...tables], steps });
const stage2 = (title: string, fields: Fields, tables: Memory, steps: Step[]): ManualCase =>
  bare(title, { more: [[STE_AT, ste({ ...STE2, S2PS: 6, ...fields })], ...tables], steps });

// 4KB, DS = 1: level -1 entries 0 to 15 lead to the same level 0 table but for entry 2.
const sixteen = (one: bigint, other: bigint): bigint[] =>
  Array.from({ length: 16 }, (_, index) => table(index === 2 ? other : one));

const tags: ManualCase[] = [
  stage1(
    "keeps VAs apart that differ in bits 51:48 only (3.17)",
    { DS: 1, T0SZ: 12 },
    [
      at(0x4001_0000n, ...sixteen(0x4002_0000n, 0x4003_0000n)),
      at(0x4002_0000n, block(oaDs(0x1_0000_0000_0000n))),
      at(0x4003_0000n, block(oaDs(0x8_0000_0000_0000n))),
    ],
    [
      read(0x1_0000_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0x2_0000_4020_1678n, 0x8_0000_4020_1678n, 39),
      read(0x3_0000_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0x2_0000_4020_1678n, 0x8_0000_4020_1678n, 39),
      read(0xf_0000_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0x4020_1678n, 0x1_0000_4020_1678n, 39),
    ],
  ),
  stage1(
    "keeps the halves apart whose addresses have the same low 52 bits (D8.2.4)",
    {
      DS: 1,
      T0SZ: 12,
      EPD1: 0,
      TG1: 2,
      T1SZ: 12,
      TTB1: 0x4005_0000n,
    },
    [
      at(0x4001_0078n, table(0x4002_0000n)),
      at(0x4002_0ff8n, block(oaDs(0x1_0000_0000_0000n))),
      at(0x4005_0078n, table(0x4006_0000n)),
      at(0x4006_0ff8n, block(oaDs(0x6_0000_0000_0000n))),
    ],
    [
      read(0x000f_ff80_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0xffff_ff80_4020_1678n, 0x6_0000_4020_1678n, 39),
      read(0x000f_ff80_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0xffff_ff80_4020_1678n, 0x6_0000_4020_1678n, 39),
    ],
  ),
  stage1(
    "keeps the halves apart whose addresses have the same low 48 bits (D8.2.4)",
    {
      T0SZ: 16,
      EPD1: 0,
      TG1: 2,
      T1SZ: 16,
      TTB1: 0x4005_0000n,
    },
    [
      at(0x4001_0ff8n, table(0x4002_0000n)),
      at(0x4002_0ff8n, block(0x1000_0000_0000n)),
      at(0x4005_0ff8n, table(0x4006_0000n)),
      at(0x4006_0ff8n, block(0x6000_0000_0000n)),
    ],
    [
      read(0x0000_ffff_c020_1678n, 0x1000_0020_1678n, 30),
      read(0xffff_ffff_c020_1678n, 0x6000_0020_1678n, 30),
      read(0x0000_ffff_c020_1678n, 0x1000_0020_1678n, 30),
    ],
  ),
  stage2(
    "keeps IPAs apart that differ in bits 51:48 only (3.17)",
    { S2DS: 1, S2SL0_2: 1, S2SL0: 0, S2T0SZ: 12 },
    [
      at(0x4010_0000n, ...sixteen(0x4012_0000n, 0x4013_0000n)),
      at(0x4012_0000n, s2block(oaDs(0x1_0000_0000_0000n))),
      at(0x4013_0000n, s2block(oaDs(0x8_0000_0000_0000n))),
    ],
    [
      read(0x1_0000_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0x2_0000_4020_1678n, 0x8_0000_4020_1678n, 39),
      read(0x1_0000_4020_1678n, 0x1_0000_4020_1678n, 39),
      read(0x4020_1678n, 0x1_0000_4020_1678n, 39),
    ],
  ),
];

const NH_VAA = 0x13;
const S2_IPA = 0x2a;
const tlbi = (Opcode: number, Address: bigint, more: Fields = {}): Step[] => [
  cmd({ Opcode, VMID: 0x11, Address, Leaf: 1, ...more }),
  SYNC,
];

const blocks: ManualCase[] = [
  stage1(
    "answers from a 512 GiB block for all its addresses, and drops it for any of them (4.4)",
    {
      DS: 1,
      T0SZ: 16,
    },
    [at(0x4001_0008n, block(oaDs(0xa_0000_0000_0000n)))],
    [
      read(0x80_0000_0000n, 0xa_0000_0000_0000n, 39),
      read(0xff_ffff_fffcn, 0xa_007f_ffff_fffcn, 39),
      store(0x4001_0008n, words(block(oaDs(0x5_0000_0000_0000n)))),
      ...tlbi(NH_VAA, 0xc0_1234_5000n),
      read(0xff_ffff_fffcn, 0x5_007f_ffff_fffcn, 39),
      read(0x80_0000_0000n, 0x5_0000_0000_0000n, 39),
    ],
  ),
  stage1(
    "answers from a 4 TiB block for all its addresses, and drops it by a range (4.4.1.1 TG = 64KB)",
    {
      TG0: 1,
      T0SZ: 12,
    },
    [at(0x4001_0008n, block(oa64k(0xa_0800_0000_0000n)))],
    [
      read(0x400_0000_0000n, 0xa_0800_0000_0000n, 42),
      read(0x7ff_ffff_fffcn, 0xa_0bff_ffff_fffcn, 42),
      store(0x4001_0008n, words(block(oa64k(0x3_0400_0000_0000n)))),
      // TG = 0b11, TTL = 1: a 64KB-granule leaf at level 1.
      ...tlbi(NH_VAA, 0x400_0000_0000n, { TG: 3, TTL: 1 }),
      read(0x7ff_ffff_fffcn, 0x3_07ff_ffff_fffcn, 42),
    ],
  ),
  stage1(
    "answers from a 64 GiB block for all its addresses, and drops it for any of them (4.4)",
    {
      TG0: 2,
      DS: 1,
      T0SZ: 12,
    },
    [at(0x4001_0000n, table(0x4002_0000n)), at(0x4002_0008n, block(oaDs(0xc_0010_0000_0000n)))],
    [
      read(0x10_0000_4000n, 0xc_0010_0000_4000n, 36),
      read(0x1f_ffff_fff0n, 0xc_001f_ffff_fff0n, 36),
      store(0x4002_0008n, words(block(oaDs(0x3_0020_0000_0000n)))),
      ...tlbi(NH_VAA, 0x18_0000_0000n),
      read(0x1f_ffff_fff0n, 0x3_002f_ffff_fff0n, 36),
    ],
  ),
  stage2(
    "answers from a 4 TiB block of stage 2, and drops it by an IPA of 52 bits (4.4.3.1)",
    {
      S2TG: 1,
      S2SL0: 2,
      S2T0SZ: 12,
    },
    [at(0x4010_1ff8n, s2block(oa64k(0x9_0000_0000_0000n)))],
    [
      read(0xf_fc00_0000_1230n, 0x9_0000_0000_1230n, 42),
      read(0xf_ffff_ffff_fff0n, 0x9_03ff_ffff_fff0n, 42),
      store(0x4010_1ff8n, words(s2block(oa64k(0x6_0000_0000_0000n)))),
      ...tlbi(S2_IPA, 0xf_fd23_4567_8000n),
      read(0xf_ffff_ffff_fff0n, 0x6_03ff_ffff_fff0n, 42),
    ],
  ),
];

export const wideTlb: ManualCase[] = [...tags, ...blocks];
