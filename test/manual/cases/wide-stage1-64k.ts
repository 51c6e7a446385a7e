// 52-bit addresses at stage 1 with 64KB tables: address bits 51:48 in descriptor bits 15:12, walks of 52-bit VAs from
// level 1, blocks of 4 TiB (DDI 0487 D8.2.10, D8.3.1; IHI 0070 5.4 T0SZ, TTB0, IPS).
import { block, cd, type Fields, oa64k, page, ste, table, words } from "../assemble.js";
import type { Expect, Idr, ManualCase, Step } from "../format.js";
import { access, C_BAD_CD, configError, F_ADDR_SIZE, F_TRANSLATION, pa, stage1Fault } from "../steps.js";
import { bare, CD_AT, CD1, FULL, STE_AT, STE1, withOas } from "../worlds.js";

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

// 64KB granule. T0SZ = 22: level 2 index VA[41:29], level 3 index VA[28:16]; 0x2001_0000 has index 1 at both.
const T64 = { TG0: 1, T0SZ: 22 };
const VA64 = 0x2001_1234n;

const granule64: ManualCase[] = [
  walk(
    "puts bits 15:12 of a 64KB page descriptor at address bits 51:48 (D8.3.1 OAB[51:48])",
    T64,
    [
      at(0x4001_0008n, table(0x4002_0000n)),
      // OA 0xF_0000_5001_0000: [47:16] = 0x0000_5001, [51:48] = 0xF at bits 15:12; AF, AP = 01, page.
      [0x4002_0008n, "43f4015000000000"],
    ],
    [read(VA64, pa(0xf_0000_5001_1234n, 16))],
  ),
  walk(
    "puts bits 15:12 of a 64KB table descriptor at address bits 51:48 (D8.3.1 NLTA[51:48])",
    T64,
    [
      // Table at 0xF_0000_4002_0000: bits 15:12 = 0xF, bits 1:0 = 0b11.
      [0x4001_0008n, "03f0024000000000"],
      at(0xf_0000_4002_0008n, page(oa64k(0xa_0000_5001_0000n))),
    ],
    [read(VA64, pa(0xa_0000_5001_1234n, 16))],
  ),
  walk(
    "takes a TTB0 of 52 bits (5.4 TTB0[51:4])",
    { ...T64, TTB0: 0xf_0000_4001_0000n },
    [at(0xf_0000_4001_0008n, table(0x4002_0000n)), at(0x4002_0008n, page(oa64k(0x1_0000_5001_0000n)))],
    [read(VA64, pa(0x1_0000_5001_1234n, 16))],
  ),
  walk(
    "maps 512 MiB anywhere in 52 bits by a level 2 block (D8.2.10)",
    T64,
    [
      // OA 0x5_0000_A000_0000: bits 47:29 and 15:12.
      at(0x4001_0008n, block(oa64k(0x5_0000_a000_0000n))),
    ],
    [read(0x3fff_fffcn, pa(0x5_0000_bfff_fffcn, 29))],
  ),
  walk(
    "gives F_ADDR_SIZE for a 64KB page above the effective IPS of 48 bits (5.4 IPS)",
    { ...T64, IPS: 5 },
    [
      at(0x4001_0008n, table(0x4002_0000n)),
      at(0x4002_0008n, page(oa64k(0x1_0000_5001_0000n)), page(oa64k(0xffff_5001_0000n))),
    ],
    [tooBig(VA64), read(0x2002_0010n, pa(0xffff_5001_0010n, 16))],
  ),
  walk(
    "gives F_ADDR_SIZE for a 64KB next-level table above the effective IPS of 48 bits (5.4 IPS)",
    { ...T64, IPS: 5 },
    [at(0x4001_0008n, table(oa64k(0xf_0000_4002_0000n))), at(0xf_0000_4002_0008n, page(0x5001_0000n))],
    [tooBig(VA64)],
  ),
  walk(
    "refuses a TTB0 above the effective IPS of 48 bits: C_BAD_CD (5.4 TTB0)",
    {
      ...T64,
      IPS: 5,
      TTB0: 0x1_0000_4001_0000n,
    },
    [],
    [read(VA64, configError(C_BAD_CD))],
  ),
  walk(
    "caps IPS = 0b110 to an OAS of 48 bits (5.4 IPS): C_BAD_CD for a TTB0 above",
    {
      ...T64,
      TTB0: 0x1_0000_4001_0000n,
    },
    [],
    [read(VA64, configError(C_BAD_CD))],
    withOas(5),
  ),
];

// 64KB, 52-bit input. Level 1 index VA[51:42].
const top64: ManualCase[] = [
  walk(
    "walks 64KB from level 1 with T0SZ = 12, 1024 entries (D8.2.10.1)",
    { TG0: 1, T0SZ: 12 },
    [
      // VA 0xF_FC00_2001_0000: level 1 index 0x3FF, level 2 index 1, level 3 index 1.
      at(0x4001_1ff8n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, page(oa64k(0xc_0000_5001_0000n))),
    ],
    [
      read(0xf_fc00_2001_1234n, pa(0xc_0000_5001_1234n, 16)),
      unmapped(0xf_f800_2001_1234n),
      unmapped(0x10_0000_2001_0000n),
    ],
  ),
  walk(
    "takes TTB1 for VA bits 63:52 all ones with T1SZ = 12 (D8.2.4, 3.4.1)",
    {
      TG0: 1,
      T0SZ: 12,
      EPD1: 0,
      TG1: 3,
      T1SZ: 12,
      TTB1: 0xf_0000_4001_0000n,
    },
    [
      // VA 0xFFF0_0400_2001_0000: bits 51:42 = 1.
      at(0xf_0000_4001_0008n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, page(oa64k(0x3_0000_5001_0000n))),
    ],
    [
      read(0xfff0_0400_2001_1234n, pa(0x3_0000_5001_1234n, 16)),
      unmapped(0xffe0_0400_2001_1234n),
      unmapped(0x7ff0_0400_2001_1234n),
    ],
  ),
  // T0SZ = 15 resolves VA[48:42]: 2^7 entries, so the table may start at any multiple of 1 KiB.
  walk(
    "walks 64KB from level 1 with T0SZ = 15, 128 entries, table at a multiple of 1 KiB (D8.2.10.3)",
    {
      TG0: 1,
      T0SZ: 15,
      TTB0: 0x4001_0400n,
    },
    [
      // VA 0x1_FC00_2001_0000: index 0x7F.
      at(0x4001_07f8n, table(0x4002_0000n)),
      at(0x4002_0008n, table(0x4003_0000n)),
      at(0x4003_0008n, page(0x5001_0000n)),
    ],
    [read(0x1_fc00_2001_1234n, pa(0x5001_1234n, 16)), unmapped(0x2_0000_2001_1234n)],
  ),
  walk(
    "maps 4 TiB by a level 1 block of 64KB tables when the OAS is 52 bits (D8.2.10 Table D8-36)",
    { TG0: 1, T0SZ: 16 },
    [
      // OA 0xA_0800_0000_0000: bits 47:42 = 2 in place, 51:48 = 0xA at bits 15:12; VA[47:42] = 1.
      [0x4001_0008n, "41a4000000080000"],
    ],
    [read(0x7ff_ffff_fff0n, pa(0xa_0bff_ffff_fff0n, 42))],
  ),
  walk(
    "refuses a level 1 block of 64KB tables when the OAS is 48 bits: F_TRANSLATION (D8.2.10)",
    { TG0: 1, T0SZ: 16 },
    [at(0x4001_0008n, block(0x800_0000_0000n))],
    [unmapped(0x400_0000_1000n)],
    withOas(5),
  ),
  walk(
    "allows the level 1 block with an IPS of 48 bits when the OAS is 52 bits (D8.2.10 FEAT_LPA)",
    {
      TG0: 1,
      T0SZ: 16,
      IPS: 5,
    },
    [at(0x4001_0008n, block(0x800_0000_0000n), block(oa64k(0x1_0800_0000_0000n)))],
    [read(0x400_0000_1000n, pa(0x800_0000_1000n, 42)), tooBig(0x800_0000_1000n)],
  ),
];
export const wideStage1With64k: ManualCase[] = [...granule64, ...top64];
