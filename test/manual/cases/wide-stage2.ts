// 52-bit addresses at stage 2 with 4KB and 16KB tables: S2DS and {S2SL0_2, S2SL0}, concatenated roots, blocks
// (DDI 0487 D8.2.2, D8.2.8.2, D8.2.9.2; IHI 0070 5.2 S2T0SZ, S2SL0_2, S2DS, S2TTB, S2PS; 3.4).
import { type Fields, oaDs, s2block, s2page, ste, table, words } from "../assemble.js";
import type { Expect, Idr, ManualCase, Step } from "../format.js";
import { access, F_ADDR_SIZE, F_TRANSLATION, pa, stage1Fault, stage2Fault } from "../steps.js";
import { bare, FULL, STE_AT, STE2 } from "../worlds.js";

type Memory = (readonly [bigint, string])[];

/** Stage 2 only, 52-bit PA unless `fields` say otherwise. */
function walk(title: string, fields: Fields, tables: Memory, steps: Step[], idr: Idr = FULL): ManualCase {
  return bare(title, { idr, more: [[STE_AT, ste({ ...STE2, S2PS: 6, ...fields })], ...tables], steps });
}

const read = (ipa: bigint, expect: Expect): Step => access("r", ipa, expect);
const unmapped = (ipa: bigint): Step => read(ipa, stage2Fault(F_TRANSLATION, "r", ipa, ipa));
const tooBig = (ipa: bigint): Step => read(ipa, stage2Fault(F_ADDR_SIZE, "r", ipa, ipa));
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;

// 4KB, S2DS = 1: indices as at stage 1. IPA 0xF_0080_4020_1000: 15 at level -1, 1 at the others.
const LEVEL_MINUS_1 = { S2DS: 1, S2SL0_2: 1, S2SL0: 0, S2T0SZ: 12 };
const IPA4 = 0xf_0080_4020_1678n;

const granule4: ManualCase[] = [
  walk(
    "walks 4KB from level -1 with {S2SL0_2, S2SL0} = 0b100, S2T0SZ = 12 (D8.2.8.2 Tables D8-19, D8-20)",
    LEVEL_MINUS_1,
    [
      at(0x4010_0078n, table(0x4011_0000n)),
      at(0x4011_0008n, table(oaDs(0xf_0000_4012_0000n))),
      at(0xf_0000_4012_0008n, table(0x4013_0000n)),
      at(0x4013_0008n, table(0x4014_0000n)),
      // OA 0x7_0000_5000_1000: 51:50 = 0b01 at bits 9:8, 49:48 = 0b11; AF, S2AP = 0b11, MemAttr = 0b1111, page.
      [0x4014_0008n, "ff15005000000300"],
    ],
    [
      read(IPA4, pa(0x7_0000_5000_1678n, 12)),
      unmapped(0xe_0080_4020_1678n),
      read(0x10_0000_0000_0000n, stage1Fault(F_ADDR_SIZE, "r", 0x10_0000_0000_0000n)),
    ],
  ),
  walk(
    "walks 4KB from level -1 with S2T0SZ = 15, two entries, table at a multiple of 64 (D8.2.8.3)",
    {
      ...LEVEL_MINUS_1,
      S2T0SZ: 15,
      S2TTB: 0x4010_0040n,
    },
    [at(0x4010_0048n, table(0x4011_0000n)), at(0x4011_0008n, s2block(oaDs(0x8_0080_0000_0000n)))],
    [read(0x1_0080_4020_1678n, pa(0x8_0080_4020_1678n, 39)), unmapped(0x2_0080_4020_1678n)],
  ),
  walk(
    "walks 4KB from 16 concatenated level 0 tables with S2T0SZ = 12 (D8.2.8.2 Table D8-21)",
    {
      S2DS: 1,
      S2SL0: 2,
      S2T0SZ: 12,
    },
    [
      // IPA[51:39] = 0x1E01 for 0xF_0080_…: 16 tables of 512 entries in a row, 64 KiB.
      at(0x4010_f008n, table(0x4012_0000n)),
      at(0x4012_0008n, table(0x4013_0000n)),
      at(0x4013_0008n, s2block(oaDs(0x3_0000_0060_0000n))),
    ],
    [read(IPA4, pa(0x3_0000_0060_1678n, 21)), unmapped(0xe_0080_4020_1678n)],
  ),
  walk(
    "walks 4KB from 2 concatenated level 0 tables with S2T0SZ = 15 (D8.2.8.2 Table D8-21)",
    {
      S2DS: 1,
      S2SL0: 2,
      S2T0SZ: 15,
    },
    [at(0x4010_1008n, s2block(oaDs(0x2_0100_0000_0000n)))],
    [
      read(0x1_0080_4020_1678n, pa(0x2_0100_4020_1678n, 39)),
      unmapped(0x80_4020_1678n),
      unmapped(0x2_0080_4020_1678n),
    ],
  ),
  walk(
    "walks 4KB with S2DS = 1 from level 0, S2T0SZ = 16 (D8.2.8.2 Table D8-21)",
    { S2DS: 1, S2SL0: 2, S2T0SZ: 16 },
    [at(0x4010_0008n, table(0x4012_0000n)), at(0x4012_0008n, s2block(oaDs(0xf_0000_4000_0000n)))],
    [read(0x80_4020_1678n, pa(0xf_0000_4020_1678n, 30)), unmapped(0x1_0080_4020_1678n)],
  ),
  walk(
    "takes an S2TTB of 52 bits with S2DS = 1 (5.2 S2TTB[51:4])",
    {
      S2DS: 1,
      S2SL0: 1,
      S2T0SZ: 25,
      S2TTB: 0xf_0000_4010_0000n,
    },
    [at(0xf_0000_4010_0008n, s2block(oaDs(0x4_0000_8000_0000n)))],
    [read(0x4020_1678n, pa(0x4_0000_8020_1678n, 30))],
  ),
  walk(
    "gives F_ADDR_SIZE with S2DS = 1 for a page and for a table above an S2PS of 48 bits (5.2 S2PS)",
    {
      S2DS: 1,
      S2PS: 5,
      S2SL0: 1,
      S2T0SZ: 25,
    },
    [
      at(0x4010_0008n, table(0x4011_0000n), table(oaDs(0xf_0000_4011_0000n)), s2block(oaDs(0x8000_0000n))),
      at(0x4011_0008n, s2block(oaDs(0x1_0000_0020_0000n))),
      at(0xf_0000_4011_0008n, s2block(0x20_0000n)),
    ],
    [tooBig(0x4020_1678n), tooBig(0x8020_1678n), read(0xc020_1678n, pa(0x8020_1678n, 30))],
  ),
  walk(
    "caps S2PS = 0b111 to the OAS (5.2 S2PS)",
    { S2DS: 1, S2PS: 7, S2SL0: 1, S2T0SZ: 25 },
    [at(0x4010_0008n, s2block(oaDs(0xf_0000_8000_0000n)))],
    [read(0x4020_1678n, pa(0xf_0000_8020_1678n, 30))],
  ),
  walk(
    "refuses a block at level -1 of stage 2: F_TRANSLATION (D8.2.8 Table D8-16)",
    LEVEL_MINUS_1,
    [at(0x4010_0078n, s2block(0n))],
    [unmapped(IPA4)],
  ),
  walk(
    "refuses a 512 GiB block of stage 2 without S2DS: F_TRANSLATION (D8.2.8 Table D8-16)",
    { S2SL0: 2, S2T0SZ: 16 },
    [at(0x4010_0008n, s2block(0x80_0000_0000n))],
    [unmapped(0x80_4020_1678n)],
  ),
];

// 16KB. SL0 = 3 is level 0, 2 is level 1. IPA 0xF_8010_0200_4000: 31 at level 0, 1 at the others.
const granule16: ManualCase[] = [
  walk(
    "walks 16KB from level 0 with S2SL0 = 0b11, S2DS = 1, S2T0SZ = 12 (D8.2.9.2 Tables D8-29, D8-30)",
    {
      S2TG: 2,
      S2DS: 1,
      S2SL0: 3,
      S2T0SZ: 12,
    },
    [
      at(0x4010_00f8n, table(0x4011_0000n)),
      at(0x4011_0008n, table(0x4012_0000n), s2block(oaDs(0xa_0030_0000_0000n))),
      at(0x4012_0008n, table(0x4013_0000n), s2block(oaDs(0x6_0000_0800_0000n))),
      at(0x4013_0008n, s2page(oaDs(0xd_0000_5000_4000n))),
    ],
    [
      read(0xf_8010_0200_4abcn, pa(0xd_0000_5000_4abcn, 14)),
      read(0xf_8010_0400_4abcn, pa(0x6_0000_0800_4abcn, 25)),
      read(0xf_8020_0200_4abcn, pa(0xa_0030_0200_4abcn, 36)),
      unmapped(0xf_0010_0200_4abcn),
    ],
  ),
  walk(
    "walks 16KB from 16 concatenated level 1 tables with S2T0SZ = 13 (D8.2.9.2 Table D8-31)",
    {
      S2TG: 2,
      S2DS: 1,
      S2SL0: 2,
      S2T0SZ: 13,
    },
    [
      // IPA[50:36] = 0x7801 for 0x7_8010_…: 16 tables of 2048 entries, 256 KiB.
      at(0x4013_c008n, s2block(oaDs(0x9_0000_0000_0000n))),
    ],
    [read(0x7_8010_0200_4abcn, pa(0x9_0000_0200_4abcn, 36)), unmapped(0xf_8010_0200_4abcn)],
  ),
  walk(
    "walks 16KB from 2 concatenated level 1 tables without S2DS, S2T0SZ = 16 (D8.2.2 R_DXBSH)",
    {
      S2TG: 2,
      S2SL0: 2,
      S2T0SZ: 16,
    },
    [
      // IPA[47:36] = 0x801.
      at(0x4010_4008n, table(0x4011_0000n)),
      at(0x4011_0008n, s2block(0x800_0600_0000n)),
    ],
    [
      read(0x8010_0200_4abcn, pa(0x800_0600_4abcn, 25)),
      unmapped(0x10_0200_4abcn),
      unmapped(0x1_8010_0200_4abcn),
    ],
  ),
  walk(
    "refuses a 64 GiB block of stage 2 without S2DS: F_TRANSLATION (D8.2.9 Table D8-26)",
    {
      S2TG: 2,
      S2SL0: 2,
      S2T0SZ: 17,
    },
    [at(0x4010_0008n, s2block(0x30_0000_0000n))],
    [unmapped(0x10_0200_4abcn)],
  ),
];

export const wideStage2: ManualCase[] = [...granule4, ...granule16];
