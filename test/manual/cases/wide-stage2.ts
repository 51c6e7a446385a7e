// 52-bit addresses at stage 2: S2DS and {S2SL0_2, S2SL0}, 64KB granule, concatenated roots, blocks, S2PS = 52 bits,
// and both stages at 52 bits (DDI 0487 D8.2.2, D8.2.8.2, D8.2.9.2, D8.2.10.2; IHI 0070 5.2 S2T0SZ, S2SL0_2, S2DS,
// S2TTB, S2PS; 3.4).
import { cd, type Fields, oa64k, oaDs, page, s2block, s2page, ste, table, words } from "../assemble.js";
import type { Expect, Idr, ManualCase, Step } from "../format.js";
import {
  access,
  C_BAD_STE,
  CLASS_TT,
  configError,
  F_ADDR_SIZE,
  F_TRANSLATION,
  pa,
  stage1Fault,
  stage2Fault,
} from "../steps.js";
import { bare, CD1, FULL, STE_AT, STE2, withOas } from "../worlds.js";

type Memory = (readonly [bigint, string])[];

/** Stage 2 only, 52-bit PA unless `fields` say otherwise. */
function walk(title: string, fields: Fields, tables: Memory, steps: Step[], idr: Idr = FULL): ManualCase {
  return bare(title, { idr, more: [[STE_AT, ste({ ...STE2, S2PS: 6, ...fields })], ...tables], steps });
}

const read = (ipa: bigint, expect: Expect): Step => access("r", ipa, expect);
const unmapped = (ipa: bigint): Step => read(ipa, stage2Fault(F_TRANSLATION, "r", ipa, ipa));
const tooBig = (ipa: bigint): Step => read(ipa, stage2Fault(F_ADDR_SIZE, "r", ipa, ipa));
const bad = (title: string, fields: Fields, idr: Idr = FULL): ManualCase =>
  walk(title, fields, [], [read(0x1000n, configError(C_BAD_STE))], idr);
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

const granule64: ManualCase[] = [
  walk(
    "walks 64KB from level 1 with S2SL0 = 0b10, S2T0SZ = 12 (D8.2.10.2 Tables D8-38, D8-39)",
    {
      S2TG: 1,
      S2SL0: 2,
      S2T0SZ: 12,
    },
    [
      // IPA[51:42] = 0x3FF.
      at(0x4010_1ff8n, table(0x4011_0000n)),
      at(0x4011_0008n, table(oa64k(0xf_0000_4012_0000n)), s2block(oa64k(0x8_0000_4000_0000n))),
      at(0xf_0000_4012_0008n, s2page(oa64k(0xb_0000_5001_0000n))),
      at(0x4010_1ff0n, s2block(oa64k(0x4_0400_0000_0000n))),
    ],
    [
      read(0xf_fc00_2001_1234n, pa(0xb_0000_5001_1234n, 16)),
      read(0xf_fc00_4001_1234n, pa(0x8_0000_4001_1234n, 29)),
      read(0xf_f800_2001_1234n, pa(0x4_0400_2001_1234n, 42)),
      unmapped(0xf_f400_2001_1234n),
    ],
  ),
  walk(
    "walks 64KB from 16 concatenated level 2 tables with S2T0SZ = 18 (D8.2.10.2 Table D8-40)",
    {
      S2TG: 1,
      S2SL0: 1,
      S2T0SZ: 18,
      S2TTB: 0x4020_0000n,
    },
    [
      // IPA[45:29] = 0x1E001 for 0x3C00_2001_1234: 16 tables of 8192 entries, 1 MiB.
      at(0x402f_0008n, s2block(oa64k(0xe_0000_2000_0000n))),
    ],
    [
      read(0x3c00_2001_1234n, pa(0xe_0000_2001_1234n, 29)),
      unmapped(0x2001_1234n),
      unmapped(0x4000_2001_1234n),
    ],
  ),
  walk(
    "gives F_ADDR_SIZE for 64KB pages and tables of stage 2 above an S2PS of 44 bits (5.2 S2PS)",
    {
      S2TG: 1,
      S2PS: 4,
      S2SL0: 1,
      S2T0SZ: 22,
    },
    [
      at(
        0x4010_0008n,
        s2block(0x1000_0000_0000n),
        table(oa64k(0x1_0000_4011_0000n)),
        s2block(0xfff_e000_0000n),
      ),
    ],
    [tooBig(0x2001_1234n), tooBig(0x4001_1234n), read(0x6001_1234n, pa(0xfff_e001_1234n, 29))],
  ),
];

// S2TTB is checked with the STE (5.2 S2TTB).
const roots: ManualCase[] = [
  bad("refuses an S2TTB above 48 bits for 4KB tables without S2DS: C_BAD_STE (5.2 S2TTB)", {
    S2TTB: 0x1_0000_4010_0000n,
  }),
  bad("refuses an S2TTB above 48 bits for 16KB tables without S2DS: C_BAD_STE (5.2 S2TTB)", {
    S2TG: 2,
    S2SL0: 1,
    S2T0SZ: 28,
    S2TTB: 0xf_0000_4010_0000n,
  }),
  bad("refuses an S2TTB above the effective S2PS of 48 bits: C_BAD_STE (5.2 S2TTB)", {
    S2TG: 1,
    S2SL0: 1,
    S2T0SZ: 22,
    S2PS: 5,
    S2TTB: 0x1_0000_4010_0000n,
  }),
  bad(
    "refuses an S2TTB above the OAS of 48 bits although S2PS = 52 bits: C_BAD_STE (5.2 S2PS, S2TTB)",
    {
      S2TG: 1,
      S2SL0: 1,
      S2T0SZ: 22,
      S2TTB: 0x1_0000_4010_0000n,
    },
    withOas(5),
  ),
  walk(
    "takes an S2TTB above 48 bits for 64KB tables (5.2 S2TTB)",
    {
      S2TG: 1,
      S2SL0: 1,
      S2T0SZ: 22,
      S2TTB: 0xf_0000_4010_0000n,
    },
    [at(0xf_0000_4010_0008n, s2block(0x4000_0000n))],
    [read(0x2001_1234n, pa(0x4001_1234n, 29))],
  ),
  walk(
    "outputs 48 bits from 4KB tables without S2DS although S2PS is 52 bits (5.2 S2PS, D8.2.8 R_QGLQX)",
    {},
    [at(0x4010_0008n, s2block(0xffff_8000_0000n | (3n << 48n), { SH: 3 }))],
    [read(0x4020_1678n, pa(0xffff_8020_1678n, 30))],
  ),
  walk(
    "limits the input to 48 bits without S2DS: an IPA of 49 bits is F_TRANSLATION at stage 2 (3.4 stage 2 check 1)",
    {
      S2SL0: 2,
      S2T0SZ: 16,
    },
    [at(0x4010_0000n, table(0x4011_0000n)), at(0x4011_0008n, s2block(0x8000_0000n))],
    [read(0x4020_1678n, pa(0x8020_1678n, 30)), unmapped(0x1_0000_4020_1678n)],
  ),
];

/** Both stages with 64KB tables and 52-bit addresses; stage 2 maps by 512 MiB blocks. IPA = PA up to 512 MiB × 4. */
const both64 = (title: string, leaf: bigint, dataBlock: bigint, steps: Step[]): ManualCase =>
  bare(title, {
    more: [
      [
        STE_AT,
        ste({ ...STE2, Config: 7, S1ContextPtr: 0x4000_1000n, S2TG: 1, S2SL0: 2, S2T0SZ: 12, S2PS: 6 }),
      ],
      // Stage 2: level 1 entry 0 (IPA 0) and entry 0x3C0 (IPA 0xF_0000_0000_0000).
      at(0x4010_0000n, table(0x4011_0000n)),
      at(0x4010_1e00n, table(0x4012_0000n)),
      // IPA 0x4000_0000 is level 2 entry 2, identity; IPA 0xF_0000_4000_0000 likewise.
      at(0x4011_0010n, s2block(0x4000_0000n)),
      at(0x4012_0010n, s2block(oa64k(0xf_0000_4000_0000n)), dataBlock),
      [0x4000_1000n, cd({ ...CD1, TG0: 1, T0SZ: 22, IPS: 6, TTB0: 0xf_0000_4001_0000n })],
      at(0xf_0000_4001_0008n, table(oa64k(0xf_0000_4002_0000n))),
      at(0xf_0000_4002_0008n, leaf),
    ],
    steps,
  });

const nested: ManualCase[] = [
  both64(
    "translates tables and data at 52-bit IPAs through stage 2 (3.4)",
    page(oa64k(0xf_0000_6001_0000n)),
    s2block(oa64k(0xa_0000_2000_0000n)),
    [access("r", 0x2001_1234n, pa(0xa_0000_2001_1234n, 16))],
  ),
  both64(
    "records IPA[51:12] of a 52-bit IPA, CLASS = IN (7.3.13 IPA[55:12])",
    page(oa64k(0xf_0000_6001_0000n)),
    0n,
    [access("w", 0x2001_1234n, stage2Fault(F_TRANSLATION, "w", 0x2001_1234n, 0xf_0000_6001_1234n))],
  ),
  both64(
    "records IPA[51:12] of a stage 1 table at a 52-bit IPA, CLASS = TT (7.3.13)",
    page(0n),
    0n,
    // Level 2 entry 2 takes in stage 1 index 2: table at IPA 0xE_0000_4003_0000, which stage 2 does not map.
    [
      { op: "write", pa: 0xf_0000_4001_0010n, hex: words(table(oa64k(0xe_0000_4003_0000n))) },
      access(
        "r",
        0x4001_1234n,
        stage2Fault(F_TRANSLATION, "r", 0x4001_1234n, 0xe_0000_4003_0000n, { CLASS: CLASS_TT }),
      ),
    ],
  ),
];

export const wideStage2: ManualCase[] = [...granule4, ...granule16, ...granule64, ...roots, ...nested];
