// Single rules that no QEMU vector reaches (its SMMU stops, or cannot say it): AArch32 formats, sizes above the OAS,
// 8-bit ASIDs and VMIDs, SubstreamIDs in early errors, ignored descriptor bits, the way back to a linear stream table,
// stage 1 tables of 64KB in scattered pages.
import { block, type Fields, page, s2page, ste, table, words } from "../assemble.js";
import type { Idr, ManualCase, Step } from "../format.js";
import {
  ABORT,
  access,
  bypass,
  C_BAD_CD,
  C_BAD_STE,
  C_BAD_STREAMID,
  configError,
  F_ADDR_SIZE,
  F_STE_FETCH,
  pa,
  SYNC,
  stage1Fault,
} from "../steps.js";
import {
  bare,
  FULL,
  nested,
  PA,
  S1_L1,
  S1_L2,
  S2_L1,
  S2_L2,
  STE1,
  stage1,
  stage2,
  VA,
  withOas,
} from "../worlds.js";

const MAPPED = pa(PA, 12);
const reg = (name: string, value: bigint): Step => ({ op: "reg", name, value });

// ---- Formats and sizes ---------------------------------------------------------------------------------------------

const formats: ManualCase[] = [
  stage1("refuses AA64 = 0 where only AArch64 tables are implemented: C_BAD_CD (5.4 AA64)", {
    cd: { AA64: 0 },
    steps: [access("r", VA, configError(C_BAD_CD))],
  }),
  stage2("refuses S2AA64 = 0 where only AArch64 tables are implemented: C_BAD_STE (5.2 S2AA64)", {
    ste: { S2AA64: 0 },
    steps: [access("r", VA, configError(C_BAD_STE))],
  }),
  stage1("ignores S2AA64 while stage 2 is off (5.2)", {
    ste: { S2AA64: 0 },
    steps: [access("r", VA, MAPPED)],
  }),
  ...[5, 6, 7].map((IPS) =>
    stage1(`caps IPS = ${IPS} to an OAS of 44 bits (5.4 IPS): F_ADDR_SIZE above, translation below`, {
      idr: withOas(4),
      cd: { IPS },
      leaf: page(0xfff_ffff_f000n),
      more: [[0x4001_2010n, words(page(0x1000_0000_0000n))]],
      steps: [
        access("r", VA, pa(0xfff_ffff_f000n, 12)),
        access("r", VA + 0x1000n, stage1Fault(F_ADDR_SIZE, "r", VA + 0x1000n)),
      ],
    }),
  ),
  stage1("refuses a TTB0 above the OAS of 44 bits although IPS = 7: C_BAD_CD (5.4 TTB0, IPS)", {
    idr: withOas(4),
    cd: { IPS: 7, TTB0: 0x1000_4001_0000n },
    steps: [access("r", VA, configError(C_BAD_CD))],
  }),
];

const NO_ASID16: Idr = { ...FULL, IDR0: FULL.IDR0 & ~(1 << 12) };
const NO_VMID16: Idr = { ...FULL, IDR0: FULL.IDR0 & ~(1 << 18) };
const identifiers: ManualCase[] = [
  stage1("allows ASID 0xFF when ASID16 = 0 (5.4 ASID)", {
    idr: NO_ASID16,
    cd: { ASID: 0xff },
    steps: [access("r", VA, MAPPED)],
  }),
  stage1("refuses ASID 0x100 when ASID16 = 0: C_BAD_CD (5.4 ASID)", {
    idr: NO_ASID16,
    cd: { ASID: 0x100 },
    steps: [access("r", VA, configError(C_BAD_CD))],
  }),
  stage2("allows S2VMID 0xFF when VMID16 = 0 (5.2 S2VMID)", {
    idr: NO_VMID16,
    ste: { S2VMID: 0xff },
    steps: [access("r", VA, MAPPED)],
  }),
  stage2("refuses S2VMID 0x100 when VMID16 = 0: C_BAD_STE (5.2 S2VMID)", {
    idr: NO_VMID16,
    ste: { S2VMID: 0x100 },
    steps: [access("r", VA, configError(C_BAD_STE))],
  }),
  stage1("refuses S2VMID 0x100 for a stage 1 stream too when VMID16 = 0 and S2P = 1: C_BAD_STE (5.2.2)", {
    idr: NO_VMID16,
    ste: { S2VMID: 0x100 },
    steps: [access("r", VA, configError(C_BAD_STE))],
  }),
  stage1("ignores S2VMID when S2P = 0 (5.2 S2VMID)", {
    idr: { ...NO_VMID16, IDR0: NO_VMID16.IDR0 & ~1 },
    ste: { S2VMID: 0x100 },
    steps: [access("r", VA, MAPPED)],
  }),
  stage1("ignores S2VMID for a bypassing stream (5.2 S2VMID)", {
    idr: NO_VMID16,
    ste: { Config: 4, S2VMID: 0x100 },
    steps: [access("r", VA, bypass(VA))],
  }),
];

// ---- SubstreamIDs before an STE is known ---------------------------------------------------------------------------

const early: ManualCase[] = [
  stage1("carries SSV and SubstreamID in C_BAD_STREAMID (7.3.3)", {
    steps: [
      access("r", VA, configError(C_BAD_STREAMID, { StreamID: 64, SSV: 1, SubstreamID: 5 }), {
        sid: 64,
        ssid: 5,
      }),
      access("r", VA, configError(C_BAD_STREAMID, { StreamID: 64 }), { sid: 64 }),
    ],
  }),
  stage1("records no C_BAD_STREAMID when CR2.RECINVSID = 0 (7.3.3)", {
    steps: [
      // CR2 is guarded by SMMUEN (6.3.12).
      reg("CR0", 0xcn),
      reg("CR2", 0n),
      reg("CR0", 0xdn),
      access("r", VA, ABORT, { sid: 64, ssid: 5 }),
    ],
  }),
  {
    ...bare("carries SSV, SubstreamID and the address in F_STE_FETCH (7.3.4)", {
      steps: [
        access("w", VA, configError(F_STE_FETCH, { SSV: 1, SubstreamID: 0xfffff, FetchAddr: 0x9000_0040n }), {
          ssid: 0xfffff,
        }),
        access("w", VA, configError(F_STE_FETCH, { StreamID: 3, FetchAddr: 0x9000_00c0n }), { sid: 3 }),
      ],
    }),
    regs: {
      CR1: 0xd75n,
      CR2: 2n,
      GBPA: 0x1000n,
      STRTAB_BASE: 0x9000_0000n,
      STRTAB_BASE_CFG: 6n,
      CR0: 0xdn,
    },
  },
  stage1("lets a transaction with SubstreamID pass while SMMUEN = 0 (3.4, 6.3.14)", {
    steps: [
      { op: "reg", name: "CR0", value: 0xcn },
      access("r", VA, bypass(VA), { ssid: 5 }),
      access("px", 0xf_1234_5678_9abcn, bypass(0xf_1234_5678_9abcn)),
      access("r", 0x10_0000_0000_0000n, ABORT),
    ],
  }),
];

// ---- Bits that are no part of the address --------------------------------------------------------------------------

const IGNORED_LEAF = (1n << 63n) | (0xfn << 59n) | (0xfn << 55n);
/** Table descriptors: 58:51 and 11:2 (D8.3.1.1). */
const IGNORED_TABLE = (0xffn << 51n) | 0xffcn;
const NT = 1n << 16n;

const ignored: ManualCase[] = [
  stage1("ignores bits 63:55 of a page and 58:51, 11:2 of tables (D8.3.1 Tables D8-50, D8-52)", {
    more: [
      [S1_L1, words(table(0x4001_1000n) | IGNORED_TABLE)],
      [S1_L2, words(table(0x4001_2000n) | IGNORED_TABLE)],
    ],
    leaf: page(PA) | IGNORED_LEAF,
    steps: [access("r", VA, MAPPED), access("w", VA, MAPPED), access("x", VA, MAPPED)],
  }),
  stage2("ignores bits 59:55 of a stage 2 page and 58:51, 11:2 of tables (D8.3.1 Tables D8-51, D8-53)", {
    more: [
      [S2_L1, words(table(0x4010_1000n) | IGNORED_TABLE)],
      [S2_L2, words(table(0x4010_2000n) | IGNORED_TABLE)],
    ],
    leaf: s2page(PA) | (0x1fn << 55n),
    steps: [access("r", VA, MAPPED), access("w", VA, MAPPED), access("x", VA, MAPPED)],
  }),
  stage1("keeps nT, bit 16 of a block, out of the address (D8.3.1 Block[16])", {
    more: [
      [S1_L2, words(block(0x5020_0000n) | NT)],
      [0x4001_0010n, words(block(0xc000_0000n) | NT)],
    ],
    steps: [
      access("r", VA, pa(0x5020_1000n, 21)),
      access("r", 0x8020_1000n, pa(0xc020_1000n, 30)),
      access("r", 0x8021_1000n, pa(0xc021_1000n, 30)),
    ],
  }),
  stage2("reads no write permission out of DBM, and no address out of bits 50:48 without S2DS (D8.3.1)", {
    leaf: s2page(PA, { S2AP: 1, DBM: 1 }) | (7n << 48n),
    steps: [access("r", VA, MAPPED)],
  }),
];

// ---- The stream table's format -------------------------------------------------------------------------------------

const CFGI_ALL: Step = { op: "cmd", hex: "04000000000000001f00000000000000" };
const ROUTE: Fields = { ...STE1, Config: 4 };

const stream: ManualCase[] = [
  stage1("goes from a linear stream table to two levels and back (6.3.24 FMT)", {
    more: [
      // Two levels, SPLIT = 6: L1STD 0 at 0x4006_0000: Span = 7 (2^6 STEs), L2Ptr = 0x4007_0000; STE 1 bypasses.
      [0x4006_0000n, "0700074000000000"],
      [0x4007_0040n, ste(ROUTE)],
    ],
    steps: [
      access("r", VA, MAPPED),
      reg("CR0", 0xcn),
      reg("STRTAB_BASE", 0x4006_0000n),
      // FMT = 1 (bits 17:16), SPLIT = 6 (bits 10:6), LOG2SIZE = 8.
      reg("STRTAB_BASE_CFG", 0x1_0188n),
      reg("CR0", 0xdn),
      CFGI_ALL,
      SYNC,
      access("r", VA, bypass(VA)),
      access("r", VA, configError(C_BAD_STREAMID, { StreamID: 64 }), { sid: 64 }),
      reg("CR0", 0xcn),
      reg("STRTAB_BASE", 0x4000_0000n),
      reg("STRTAB_BASE_CFG", 6n),
      reg("CR0", 0xdn),
      CFGI_ALL,
      SYNC,
      access("r", VA, MAPPED),
    ],
  }),
];

const scattered: ManualCase[] = [
  nested(
    "walks tables of 64KB whose pieces lie in scattered 4KB pages of stage 2 (5.2 S1ContextPtr, D8.2.1)",
    {
      cd: { TG0: 1, T0SZ: 22, TTB0: 0x4002_0000n },
      more: [
        // Stage 2 level 3 entry 32 + 15: the last 4 KiB of the level 2 table; entry 48 + 15: of the level 3 table.
        [0x4010_6178n, words(s2page(0x402a_0000n))],
        [0x4010_61f8n, words(s2page(0x4029_0000n))],
        // VA 0x3FF_FFFF_1234: level 2 index 0x1FFF, level 3 index 0x1FFF: offset 0xFFF8 of 64 KiB.
        [0x402a_0ff8n, words(table(0x4003_0000n))],
        [0x4029_0ff8n, words(page(0x8020_0000n))],
      ],
      steps: [access("r", 0x3ff_ffff_1234n, pa(PA + 0x234n, 12))],
    },
  ),
];

export const beyondVectors: ManualCase[] = [
  ...formats,
  ...identifiers,
  ...early,
  ...ignored,
  ...stream,
  ...scattered,
];
