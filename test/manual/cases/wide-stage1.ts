// 52-bit addresses at stage 1 with 4KB and 16KB tables, DS = 1 (LPA2): address bits 51:50 in descriptor bits 9:8, 49:48
// in place; walks from level -1 and level 0, blocks of 512 GiB and 64 GiB; what stays at 48 bits without DS
// (DDI 0487 D8.2.8, D8.2.9, D8.3.1; IHI 0070 5.4 T0SZ, TTB0, DS, IPS; 6.3.6).
import { block, cd, type Fields, oa48, oa64k, oaDs, page, ste, table, words } from "../assemble.js";
import type { Expect, Idr, ManualCase, Step } from "../format.js";
import { access, C_BAD_CD, configError, F_ADDR_SIZE, F_TRANSLATION, pa, stage1Fault } from "../steps.js";
import { bare, CD_AT, CD1, FULL, STE_AT, STE1 } from "../worlds.js";

type Memory = (readonly [bigint, string])[];

/** Stream 1 with this CD (52-bit IPA, unless `fields` say otherwise) and these tables. */
function walk(title: string, fields: Fields, tables: Memory, steps: Step[], idr: Idr = FULL): ManualCase {
  const memory: Memory = [
    [STE_AT, ste(STE1)],
    [CD_AT, cd({ ...CD1, IPS: 6, ...fields })],
  ];
  return bare(title, { idr, more: [...memory, ...tables], steps });
}

const read = (iova: bigint, expect: Expect): Step => access("r", iova, expect);
const unmapped = (iova: bigint): Step => read(iova, stage1Fault(F_TRANSLATION, "r", iova));
const tooBig = (iova: bigint): Step => read(iova, stage1Fault(F_ADDR_SIZE, "r", iova));
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;

/** For the half with 64KB tables: level 2 index 1, level 3 index 1. */
const VA64 = 0x2001_1234n;

// 4KB, DS = 1. Level -1 index VA[51:48], level 0 VA[47:39], level 1 VA[38:30], level 2 VA[29:21], level 3 VA[20:12].
// VA 0xF_0080_4020_1000 has index 15 at level -1 and 1 at each other level.
const DS4 = { TG0: 0, DS: 1, T0SZ: 12 };
const VA4 = 0xf_0080_4020_1678n;
const TOP4: Memory = [
  at(0x4001_0078n, table(0x4002_0000n)),
  at(0x4002_0008n, table(0x4003_0000n)),
  at(0x4003_0008n, table(0x4004_0000n)),
  at(0x4004_0008n, table(0x4005_0000n)),
];

const granule4: ManualCase[] = [
  walk(
    "walks 4KB from level -1 with DS = 1, T0SZ = 12 (D8.2.8.1 Table D8-18)",
    DS4,
    [
      ...TOP4,
      // OA 0xE_0000_5000_1000: 51:50 = 0b11 at bits 9:8, 49:48 = 0b10 in place; AF, AP = 01, page.
      [0x4005_0008n, "4317005000000200"],
    ],
    [read(VA4, pa(0xe_0000_5000_1678n, 12)), unmapped(0xe_0080_4020_1678n), unmapped(0x10_0080_4020_1678n)],
  ),
  walk(
    "takes next-level tables of 52 bits at every level with DS = 1 (D8.3.1 NLTA[51:50], [49:48])",
    {
      ...DS4,
      TTB0: 0xf_0000_4001_0000n,
    },
    [
      // Table at 0xF_0000_4002_0000: bits 49:48 = 0b11, bits 9:8 = 0b11, bits 1:0 = 0b11.
      [0xf_0000_4001_0078n, "0303024000000300"],
      at(0xf_0000_4002_0008n, table(oaDs(0xf_0000_4003_0000n))),
      at(0xf_0000_4003_0008n, table(oaDs(0xf_0000_4004_0000n))),
      at(0xf_0000_4004_0008n, table(oaDs(0xf_0000_4005_0000n))),
      at(0xf_0000_4005_0008n, page(oaDs(0x5_0000_5000_1000n))),
    ],
    [read(VA4, pa(0x5_0000_5000_1678n, 12))],
  ),
  walk(
    "walks 4KB from level -1 with T0SZ = 15: two entries, a 64-byte aligned table (D8.2.8.3, 5.4 TTB0)",
    {
      ...DS4,
      T0SZ: 15,
      TTB0: 0x4001_0040n,
    },
    [
      // VA 0x1_0080_4020_1000: index 1.
      at(0x4001_0048n, table(0x4002_0000n)),
      ...TOP4.slice(1),
      at(0x4005_0008n, page(oaDs(0x4_0000_5000_1000n))),
    ],
    [read(0x1_0080_4020_1678n, pa(0x4_0000_5000_1678n, 12)), unmapped(0x2_0080_4020_1678n)],
  ),
  walk(
    "reads 52-bit descriptors with DS = 1 also where the walk starts at level 0 (5.4 DS)",
    { TG0: 0, DS: 1, T0SZ: 16 },
    [
      at(0x4001_0008n, table(oaDs(0xf_0000_4003_0000n))),
      at(0xf_0000_4003_0008n, table(0x4004_0000n)),
      at(0x4004_0008n, table(0x4005_0000n)),
      at(0x4005_0008n, page(oaDs(0x8_0000_5000_1000n))),
    ],
    [read(0x80_4020_1678n, pa(0x8_0000_5000_1678n, 12)), unmapped(0x1_0080_4020_1678n)],
  ),
  walk(
    "translates through TTB1 with DS = 1, T1SZ = 12 (D8.2.4)",
    {
      ...DS4,
      EPD1: 0,
      TG1: 2,
      T1SZ: 12,
      TTB1: 0x4001_0000n,
      EPD0: 1,
    },
    [
      // VA 0xFFFF_0080_4020_1000: bits 51:48 = 0xF.
      ...TOP4,
      at(0x4005_0008n, page(oaDs(0xd_0000_5000_1000n))),
    ],
    [read(0xffff_0080_4020_1678n, pa(0xd_0000_5000_1678n, 12)), unmapped(0xffef_0080_4020_1678n)],
  ),
  walk(
    "maps 512 GiB by a level 0 block with DS = 1 (D8.2.8 Table D8-17)",
    DS4,
    [
      at(0x4001_0078n, table(0x4002_0000n)),
      // OA 0xB_0100_0000_0000: 47:39 = 2, 51:48 = 0b1011.
      at(0x4002_0008n, block(oaDs(0xb_0100_0000_0000n))),
    ],
    [read(0xf_00ff_ffff_fff8n, pa(0xb_017f_ffff_fff8n, 39))],
  ),
  walk(
    "maps 1 GiB and 2 MiB anywhere in 52 bits with DS = 1 (D8.2.8 Table D8-17)",
    DS4,
    [
      at(0x4001_0078n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, block(oaDs(0x6_0000_c000_0000n)), table(0x4004_0000n)),
      at(0x4004_0008n, block(oaDs(0x9_0000_0060_0000n))),
    ],
    [
      read(0xf_0080_7fff_fffcn, pa(0x6_0000_ffff_fffcn, 30)),
      read(0xf_0080_803f_fff0n, pa(0x9_0000_007f_fff0n, 21)),
    ],
  ),
  walk(
    "refuses a block at level -1: F_TRANSLATION (D8.2.8 Table D8-16)",
    DS4,
    [at(0x4001_0078n, block(0n))],
    [unmapped(VA4)],
  ),
  walk(
    "refuses a 512 GiB block without DS: F_TRANSLATION (D8.2.8 Table D8-16)",
    { TG0: 0, T0SZ: 16 },
    [at(0x4001_0008n, block(0x100_0000_0000n))],
    [unmapped(0x80_4020_1000n)],
  ),
  walk(
    "gives F_ADDR_SIZE with DS = 1 for a page above an IPS of 48 bits, by either part of 51:48 (5.4 IPS)",
    {
      TG0: 0,
      DS: 1,
      IPS: 5,
    },
    [
      at(0x4001_0008n, table(0x4001_1000n)),
      at(0x4001_1008n, table(0x4001_2000n)),
      at(
        0x4001_2008n,
        page(oaDs(0x1_0000_5000_1000n)),
        page(oaDs(0x4_0000_5000_1000n)),
        page(oaDs(0x5000_1000n)),
      ),
    ],
    [tooBig(0x4020_1000n), tooBig(0x4020_2000n), read(0x4020_3000n, pa(0x5000_1000n, 12))],
  ),
  walk(
    "gives F_ADDR_SIZE with DS = 1 for a next-level table above an IPS of 48 bits (5.4 IPS)",
    { TG0: 0, DS: 1, IPS: 5 },
    [at(0x4001_0008n, table(oaDs(0xf_0000_4001_1000n))), at(0xf_0000_4001_1008n, block(0x5000_0000n))],
    [tooBig(0x4020_1000n)],
  ),
];

// 16KB, DS = 1. Level 0 index VA[51:47], level 1 VA[46:36], level 2 VA[35:25], level 3 VA[24:14].
// VA 0xF_8010_0200_4000 has index 31 at level 0 and 1 at each other level.
const DS16 = { TG0: 2, DS: 1, T0SZ: 12 };
const VA16 = 0xf_8010_0200_4abcn;

const granule16: ManualCase[] = [
  walk(
    "walks 16KB from level 0 with DS = 1, T0SZ = 12, 32 entries (D8.2.9.1 Table D8-28)",
    DS16,
    [
      at(0x4001_00f8n, table(0x4002_0000n)),
      at(0x4002_0008n, table(oaDs(0xf_0000_4003_0000n))),
      at(0xf_0000_4003_0008n, table(0x4004_0000n)),
      // OA 0x9_0000_5000_4000: 51:50 = 0b10 at bits 9:8, 49:48 = 0b01 in place.
      [0x4004_0008n, "4346005000000100"],
    ],
    [read(VA16, pa(0x9_0000_5000_4abcn, 14)), unmapped(0xf_0010_0200_4abcn), unmapped(0x1f_8010_0200_4abcn)],
  ),
  walk(
    "maps 64 GiB by a level 1 block of 16KB tables with DS = 1 (D8.2.9 Table D8-27)",
    DS16,
    [
      at(0x4001_00f8n, table(0x4002_0000n)),
      // OA 0x7_0030_0000_0000: bits 46:36 = 3.
      at(0x4002_0008n, block(oaDs(0x7_0030_0000_0000n))),
    ],
    [read(0xf_801f_ffff_fff0n, pa(0x7_003f_ffff_fff0n, 36))],
  ),
  walk(
    "maps 32 MiB anywhere in 52 bits with DS = 1 (D8.2.9 Table D8-27)",
    DS16,
    [
      at(0x4001_00f8n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, block(oaDs(0xc_0000_0600_0000n))),
    ],
    [read(0xf_8010_03ff_fff0n, pa(0xc_0000_07ff_fff0n, 25))],
  ),
  walk(
    "refuses a block at level 0 of 16KB tables: F_TRANSLATION (D8.2.9 Table D8-26)",
    DS16,
    [at(0x4001_00f8n, block(0n))],
    [unmapped(VA16)],
  ),
  walk(
    "walks 16KB without DS from level 0 with T0SZ = 16, two entries (D8.2.9.1 Table D8-28)",
    { TG0: 2, T0SZ: 16 },
    [
      // VA 0x8010_0200_4000: level 0 index 1.
      at(0x4001_0008n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, table(0x4004_0000n)),
      at(0x4004_0008n, page(oa48(0xabcd_5000_4000n))),
    ],
    [read(0x8010_0200_4abcn, pa(0xabcd_5000_4abcn, 14)), unmapped(0x1_8010_0200_4abcn)],
  ),
  walk(
    "refuses a 64 GiB block without DS: F_TRANSLATION (D8.2.9 Table D8-26)",
    { TG0: 2, T0SZ: 17 },
    [at(0x4001_0008n, block(0x30_0000_0000n))],
    [unmapped(0x10_0000_4000n)],
  ),
];

// What stays at 48 bits without DS.
const plain: ManualCase[] = [
  walk(
    "outputs 48 bits from 4KB tables without DS although IPS and OAS are 52 bits (5.4 IPS note, D8.2.8)",
    { T0SZ: 25 },
    [
      at(0x4001_0008n, table(0x4001_1000n)),
      at(0x4001_1008n, table(0x4001_2000n)),
      // Bits 49:48 are no address bits here, and bits 9:8 are SH = inner shareable.
      at(0x4001_2008n, page(0xffff_5000_1000n | (3n << 48n), { SH: 3 })),
    ],
    [read(0x4020_1000n, pa(0xffff_5000_1000n, 12))],
  ),
  walk(
    "refuses a TTB0 above 48 bits for 4KB tables without DS: C_BAD_CD (5.4 TTB0)",
    {
      T0SZ: 25,
      TTB0: 0x1_0000_4001_0000n,
    },
    [],
    [read(0x4020_1000n, configError(C_BAD_CD))],
  ),
  walk(
    "refuses a TTB0 above 48 bits for 16KB tables without DS: C_BAD_CD (5.4 TTB0)",
    {
      TG0: 2,
      T0SZ: 25,
      TTB0: 0xf_0000_4001_0000n,
    },
    [],
    [read(0x4020_4000n, configError(C_BAD_CD))],
  ),
  walk(
    "ignores DS for a 64KB half beside a 4KB half (5.4 DS)",
    {
      TG0: 1,
      T0SZ: 22,
      DS: 1,
      EPD1: 0,
      TG1: 2,
      T1SZ: 25,
      TTB1: 0x4005_0000n,
    },
    [
      at(0x4001_0008n, table(0x4002_0000n)),
      // 64KB: SH = 0b11 stays SH, 51:48 from bits 15:12.
      at(0x4002_0008n, page(oa64k(0x2_0000_5001_0000n), { SH: 3 })),
      // 4KB: 51:50 from bits 9:8.
      at(0x4005_0008n, block(oaDs(0xc_0000_8000_0000n))),
    ],
    [read(VA64, pa(0x2_0000_5001_1234n, 16)), read(0xffff_ff80_4020_1000n, pa(0xc_0000_8020_1000n, 30))],
  ),
];

export const wideStage1: ManualCase[] = [...granule4, ...granule16, ...plain];
