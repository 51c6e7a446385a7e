// 52-bit addresses at stage 2 with 64KB tables, roots above 48 bits, limits without S2DS, and both stages at 52 bits
// (DDI 0487 D8.2.10.2; IHI 0070 5.2 S2T0SZ, S2TTB, S2PS; 3.4; 7.3.13).
import { cd, type Fields, oa64k, page, s2block, s2page, ste, table, words } from "../assemble.js";
import type { Expect, Idr, ManualCase, Step } from "../format.js";
import {
  access,
  C_BAD_STE,
  CLASS_TT,
  configError,
  F_ADDR_SIZE,
  F_TRANSLATION,
  pa,
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

export const wideStage2With64k: ManualCase[] = [...granule64, ...roots, ...nested];
