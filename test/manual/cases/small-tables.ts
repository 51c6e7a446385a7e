// Small translation tables (STT: TxSZ 40 to 48), the alignment of small root tables, and concatenated roots of
// stage 2 at every start level (DDI 0487 D8.2.2, D8.2.8 to D8.2.10 with the tables "finding the descriptor address";
// IHI 0070 5.2 S2T0SZ, S2SL0, S2TTB, 5.4 T0SZ, TTB0).
import { cd, type Fields, page, s2block, s2page, ste, table, words } from "../assemble.js";
import type { Expect, ManualCase, Step } from "../format.js";
import { access, F_TRANSLATION, pa, stage1Fault, stage2Fault } from "../steps.js";
import { bare, CD_AT, CD1, STE_AT, STE1, STE2 } from "../worlds.js";

type Memory = (readonly [bigint, string])[];
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;
const read = (iova: bigint, expect: Expect): Step => access("r", iova, expect);
const outside1 = (va: bigint): Step => read(va, stage1Fault(F_TRANSLATION, "r", va));
const outside2 = (ipa: bigint): Step => read(ipa, stage2Fault(F_TRANSLATION, "r", ipa, ipa));

const stage1 = (title: string, fields: Fields, tables: Memory, steps: Step[]): ManualCase =>
  bare(title, {
    more: [[STE_AT, ste(STE1)], [CD_AT, cd({ ...CD1, ...fields })], ...tables],
    steps,
  });

const stage2 = (title: string, fields: Fields, tables: Memory, steps: Step[]): ManualCase =>
  bare(title, { more: [[STE_AT, ste({ ...STE2, ...fields })], ...tables], steps });

const small1: ManualCase[] = [
  stage1(
    "starts at level 2 with T0SZ = 40, 4KB: 8 entries by VA[23:21] (Table D8-18)",
    { T0SZ: 40 },
    [at(0x4001_0038n, table(0x4002_0000n)), at(0x4002_0008n, page(0x5000_1000n))],
    [read(0xe0_1678n, pa(0x5000_1678n, 12)), outside1(0xc0_1678n), outside1(0x1e0_1678n)],
  ),
  stage1(
    "starts at level 2 with T0SZ = 42, 4KB: 2 entries, root at any multiple of 16 (D8.2.8.3, 5.4 TTB0)",
    {
      T0SZ: 42,
      TTB0: 0x4001_0010n,
    },
    [at(0x4001_0018n, table(0x4002_0000n)), at(0x4002_0008n, page(0x5000_1000n))],
    [read(0x20_1678n, pa(0x5000_1678n, 12)), outside1(0x40_1678n)],
  ),
  stage1(
    "aligns the same root to 64 bytes when the effective IPS is 52 bits (5.4 TTB0)",
    {
      T0SZ: 42,
      IPS: 6,
      TTB0: 0x4001_0010n,
    },
    [at(0x4001_0008n, table(0x4002_0000n)), at(0x4002_0008n, page(0x5000_1000n))],
    [read(0x20_1678n, pa(0x5000_1678n, 12))],
  ),
  stage1(
    "starts at level 3 with T0SZ = 43, 4KB: 512 entries by VA[20:12] (Table D8-18)",
    { T0SZ: 43 },
    [at(0x4001_0ff8n, page(0x5000_1000n))],
    [read(0x1f_f678n, pa(0x5000_1678n, 12)), outside1(0x3f_f678n)],
  ),
  stage1(
    "starts at level 3 with T0SZ = 48, 4KB: 16 entries, root at a multiple of 128 (D8.2.8.3)",
    {
      T0SZ: 48,
      TTB0: 0x4001_0080n,
    },
    [at(0x4001_00f8n, page(0x5000_1000n))],
    [read(0xf678n, pa(0x5000_1678n, 12)), outside1(0x1_f678n)],
  ),
  stage1(
    "ignores root address bits below the table's size: T0SZ = 48, 4KB, 128 bytes (5.4 TTB0, aligned)",
    {
      T0SZ: 48,
      TTB0: 0x4001_00f0n,
    },
    [at(0x4001_00f8n, page(0x5000_1000n))],
    [read(0xf678n, pa(0x5000_1678n, 12))],
  ),
  stage1(
    "treats bits 1:0 = 0b01 at level 3 as invalid when level 3 is the root (D8.3 R_FRLRB)",
    { T0SZ: 48 },
    [at(0x4001_0078n, page(0x5000_1000n, { Type: 0 }))],
    [outside1(0xf678n)],
  ),
  stage1(
    "takes TTB1 with T1SZ = 48: the upper 64 KiB (D8.2.4)",
    {
      EPD0: 1,
      EPD1: 0,
      TG1: 2,
      T1SZ: 48,
      TTB1: 0x4001_0000n,
    },
    [at(0x4001_0078n, page(0x5000_1000n))],
    [read(0xffff_ffff_ffff_f678n, pa(0x5000_1678n, 12)), outside1(0xffff_ffff_fffe_f678n)],
  ),
  stage1(
    "starts at level 3 with T0SZ = 40, 16KB: 1024 entries by VA[23:14] (Table D8-28)",
    { TG0: 2, T0SZ: 40 },
    [at(0x4001_1ff8n, page(0x5000_4000n))],
    [read(0xff_c123n, pa(0x5000_4123n, 14)), outside1(0x1ff_c123n)],
  ),
  stage1(
    "starts at level 3 with T0SZ = 48, 16KB: 4 entries (Table D8-28)",
    {
      TG0: 2,
      T0SZ: 48,
      TTB0: 0x4001_0020n,
    },
    [at(0x4001_0038n, page(0x5000_4000n))],
    [read(0xc123n, pa(0x5000_4123n, 14)), outside1(0x1_c123n)],
  ),
  stage1(
    "starts at level 3 with T0SZ = 47, 64KB: 2 entries by VA[16] (Table D8-37)",
    {
      TG0: 1,
      T0SZ: 47,
      TTB0: 0x4001_0010n,
    },
    [at(0x4001_0018n, page(0x5001_0000n))],
    [read(0x1_0123n, pa(0x5001_0123n, 16)), outside1(0x2_0123n)],
  ),
  stage1(
    "starts at level 3 with T0SZ = 40, 64KB: 256 entries by VA[23:16] (Table D8-37)",
    { TG0: 1, T0SZ: 40 },
    [at(0x4001_07f8n, page(0x5001_0000n))],
    [read(0xff_0123n, pa(0x5001_0123n, 16)), outside1(0x1ff_0123n)],
  ),
];

const small2: ManualCase[] = [
  stage2(
    "starts at level 3 with S2SL0 = 0b11, S2T0SZ = 48, 4KB: 16 entries (Table D8-24)",
    {
      S2SL0: 3,
      S2T0SZ: 48,
      S2TTB: 0x4010_0080n,
    },
    [at(0x4010_00f8n, s2page(0x5000_1000n))],
    [read(0xf678n, pa(0x5000_1678n, 12)), outside2(0x1_f678n)],
  ),
  stage2(
    "indexes 16 concatenated level 3 tables by IPA[24:12] with S2T0SZ = 39, 4KB (Table D8-24)",
    {
      S2SL0: 3,
      S2T0SZ: 39,
    },
    [at(0x4010_f808n, s2page(0x5000_1000n))],
    [read(0x1f0_1678n, pa(0x5000_1678n, 12)), outside2(0x10_1678n)],
  ),
  stage2(
    "indexes 2 concatenated level 3 tables with S2SL0 = 0b11, S2T0SZ = 42, 4KB (Table D8-24)",
    {
      S2SL0: 3,
      S2T0SZ: 42,
    },
    [at(0x4010_1008n, s2page(0x5000_1000n))],
    [read(0x20_1678n, pa(0x5000_1678n, 12)), outside2(0x1678n)],
  ),
  stage2(
    "or starts at level 2 with S2SL0 = 0b00, S2T0SZ = 42, 4KB: 2 entries (Table D8-23)",
    {
      S2SL0: 0,
      S2T0SZ: 42,
    },
    [at(0x4010_0008n, table(0x4011_0000n)), at(0x4011_0008n, s2page(0x5000_1000n))],
    [read(0x20_1678n, pa(0x5000_1678n, 12))],
  ),
  stage2(
    "starts at level 3 with S2T0SZ = 48, 16KB: 4 entries (Table D8-33)",
    {
      S2TG: 2,
      S2SL0: 0,
      S2T0SZ: 48,
      S2TTB: 0x4010_0020n,
    },
    [at(0x4010_0038n, s2page(0x5000_4000n))],
    [read(0xc123n, pa(0x5000_4123n, 14)), outside2(0x1_c123n)],
  ),
  stage2(
    "starts at level 3 with S2T0SZ = 47, 64KB: 2 entries (Table D8-41)",
    {
      S2TG: 1,
      S2SL0: 0,
      S2T0SZ: 47,
      S2TTB: 0x4010_0010n,
    },
    [at(0x4010_0018n, s2page(0x5001_0000n))],
    [read(0x1_0123n, pa(0x5001_0123n, 16)), outside2(0x2_0123n)],
  ),
];

// 16 tables in a row at each start level; the base is aligned to all of them.
const concatenated: ManualCase[] = [
  stage2(
    "indexes 16 concatenated level 1 tables by IPA[42:30] with S2T0SZ = 21, 4KB (Table D8-22)",
    {
      S2SL0: 1,
      S2T0SZ: 21,
    },
    [at(0x4010_f008n, s2block(0x8000_0000n))],
    [
      // IPA[42:30] = 0x1E01.
      read(0x780_4020_1678n, pa(0x8020_1678n, 30)),
      outside2(0x4020_1678n),
      outside2(0xf80_4020_1678n),
    ],
  ),
  stage2(
    "indexes 16 concatenated level 2 tables by IPA[33:21] with S2T0SZ = 30, 4KB (Table D8-23)",
    {
      S2SL0: 0,
      S2T0SZ: 30,
    },
    [at(0x4010_f008n, s2block(0x5020_0000n))],
    [
      // IPA[33:21] = 0x1E01.
      read(0x3_c020_1678n, pa(0x5020_1678n, 21)),
      outside2(0x20_1678n),
      outside2(0x7_c020_1678n),
    ],
  ),
  stage2(
    "indexes 16 concatenated level 2 tables by IPA[39:25] with S2T0SZ = 24, 16KB (Table D8-32)",
    {
      S2TG: 2,
      S2SL0: 1,
      S2T0SZ: 24,
    },
    [at(0x4013_c008n, s2block(0x5200_0000n))],
    [
      // IPA[39:25] = 0x7801: 16 tables of 2048 entries, 256 KiB.
      read(0xf0_0200_4123n, pa(0x5200_4123n, 25)),
      outside2(0x200_4123n),
    ],
  ),
  stage2(
    "indexes 16 concatenated level 3 tables by IPA[28:14] with S2T0SZ = 35, 16KB (Table D8-33)",
    {
      S2TG: 2,
      S2SL0: 0,
      S2T0SZ: 35,
    },
    [at(0x4013_c008n, s2page(0x5000_4000n))],
    [
      // IPA[28:14] = 0x7801.
      read(0x1e00_4123n, pa(0x5000_4123n, 14)),
      outside2(0x4123n),
    ],
  ),
  stage2(
    "indexes 16 concatenated level 3 tables by IPA[32:16] with S2T0SZ = 31, 64KB (Table D8-41)",
    {
      S2TG: 1,
      S2SL0: 0,
      S2T0SZ: 31,
      S2TTB: 0x4020_0000n,
    },
    [at(0x402f_0008n, s2page(0x5001_0000n))],
    [
      // IPA[32:16] = 0x1E001: 16 tables of 8192 entries, 1 MiB.
      read(0x1_e001_0123n, pa(0x5001_0123n, 16)),
      outside2(0x1_0123n),
    ],
  ),
  stage2(
    "ignores S2TTB bits below the size of all concatenated tables (5.2 S2TTB, D8.2.2)",
    {
      S2SL0: 1,
      S2T0SZ: 21,
      S2TTB: 0x4010_f000n,
    },
    [at(0x4010_0008n, s2block(0x8000_0000n)), at(0x4010_f008n, s2block(0x1_0000_0000n))],
    [read(0x4020_1678n, pa(0x8020_1678n, 30)), read(0x780_4020_1678n, pa(0x1_0020_1678n, 30))],
  ),
];

export const smallTables: ManualCase[] = [...small1, ...small2, ...concatenated];
