// Three small memory images that most cases vary: one page behind stage 1, behind stage 2, and behind both.
// 4KB granule, 39-bit input (TxSZ = 25), so the walk starts at level 1 and has three levels. The address under test
// has index 1 at each level: 0x4020_1000 = 1 << 30 | 1 << 21 | 1 << 12.
//
//   0x4000_0000 stream table, 64 linear STEs (STE of stream 1 at 0x4000_0040)   0x4000_1000 CD
//   0x4001_0000, 0x4001_1000, 0x4001_2000 stage 1 levels 1, 2, 3                0x5000_1000 the page
//   0x4010_0000, 0x4010_1000, 0x4010_2000 stage 2 levels 1, 2, 3
// Nested: the same stage 1 structures at their IPAs, in memory 0x20_0000 higher; the page is IPA 0x8020_1000.
import { cd, type Fields, page, s2page, ste, table, words } from "./assemble.js";
import type { Idr, ManualCase, Step } from "./format.js";

/**
 * Everything that the cases need (6.3.1 to 6.3.6). IDR0: S2P, S1P, TTF = AArch64, COHACC, HTTU = 2, ASID16, VMID16,
 * CD2L, TTENDIAN = little, STALL_MODEL = 1, TERM_MODEL = 1, ST_LEVEL = 1. IDR1: SIDSIZE 16, SSIDSIZE 20, queues of
 * 2^19, ATTR_PERMS_OVR. IDR3: HAD, XNX, STT, RIL, BBML = 2, E0PD, EPAN. IDR5: OAS = 52 bits, 4K, 16K, 64K, DS,
 * VAX = 52 bits.
 */
export const FULL: Idr = { IDR0: 0x0d4c109b, IDR1: 0x06730510, IDR3: 0x00023614, IDR5: 0x000004f6 };
/** OAS field of IDR5, bits 2:0. */
export const withOas = (oas: number): Idr => ({ ...FULL, IDR5: (FULL.IDR5 & ~7) | oas });
/** HTTU field of IDR0, bits 7:6. */
export const withHttu = (httu: number): Idr => ({ ...FULL, IDR0: (FULL.IDR0 & ~0xc0) | (httu << 6) });

/** Two windows of 256 MiB, the upper one with address bits 51:48 = 0b1111. */
export const RAM: ManualCase["ram"] = [
  [0x4000_0000n, 0x1000_0000n],
  [0xf_0000_4000_0000n, 0x1000_0000n],
];

/** Linear stream table of 2^6 STEs at 0x4000_0000; C_BAD_STREAMID is recorded; SMMUEN, EVENTQEN, CMDQEN. */
export const REGS: ManualCase["regs"] = {
  CR1: 0xd75n,
  CR2: 0x2n,
  GBPA: 0x1000n,
  STRTAB_BASE: 0x4000_0000n,
  STRTAB_BASE_CFG: 0x6n,
  CR0: 0xdn,
};

export const STE_AT = 0x4000_0040n;
export const CD_AT = 0x4000_1000n;
export const VA = 0x4020_1000n;
export const PA = 0x5000_1000n;
/** Where the descriptors for VA lie: stage 1 alone, stage 2 alone. */
export const S1_L1 = 0x4001_0008n;
export const S1_L2 = 0x4001_1008n;
export const S1_L3 = 0x4001_2008n;
export const S2_L1 = 0x4010_0008n;
export const S2_L2 = 0x4010_1008n;
export const S2_L3 = 0x4010_2008n;

export const STE1: Fields = { V: 1, Config: 5, S1ContextPtr: CD_AT, S2VMID: 0x11 };
/** T0SZ = 25, TTB1 off, 48-bit IPA, abort and record. */
export const CD1: Fields = {
  V: 1,
  AA64: 1,
  A: 1,
  R: 1,
  T0SZ: 25,
  EPD1: 1,
  IPS: 5,
  ASID: 0x22,
  TTB0: 0x4001_0000n,
};
/** S2T0SZ = 25 from level 1 (S2SL0 = 1), 48-bit PA, record. */
export const STE2: Fields = {
  V: 1,
  Config: 6,
  S2VMID: 0x11,
  S2T0SZ: 25,
  S2SL0: 1,
  S2PS: 5,
  S2AA64: 1,
  S2R: 1,
  S2TTB: 0x4010_0000n,
};

type Memory = (readonly [bigint, string])[];
type Body = { readonly idr?: Idr; readonly steps: readonly Step[]; readonly more?: Memory };

const complete = (title: string, memory: Memory, body: Body): ManualCase => ({
  title,
  idr: body.idr ?? FULL,
  ram: RAM,
  regs: REGS,
  memory: [...memory, ...(body.more ?? [])],
  steps: body.steps,
});

/** A case with memory of its own. */
export function bare(title: string, body: Body): ManualCase {
  return complete(title, [], body);
}

/** Stage 1 only: VA 0x4020_1000 → PA 0x5000_1000; `leaf` replaces the page descriptor, `l1` and `l2` add to tables. */
export function stage1(
  title: string,
  body: Body & { ste?: Fields; cd?: Fields; l1?: Fields; l2?: Fields; leaf?: bigint },
): ManualCase {
  const memory: Memory = [
    [STE_AT, ste({ ...STE1, ...body.ste })],
    [CD_AT, cd({ ...CD1, ...body.cd })],
    [S1_L1, words(table(0x4001_1000n, body.l1))],
    [S1_L2, words(table(0x4001_2000n, body.l2))],
    [S1_L3, words(body.leaf ?? page(PA))],
  ];
  return complete(title, memory, body);
}

/** Stage 2 only: IPA 0x4020_1000 → PA 0x5000_1000. */
export function stage2(title: string, body: Body & { ste?: Fields; leaf?: bigint }): ManualCase {
  const memory: Memory = [
    [STE_AT, ste({ ...STE2, ...body.ste })],
    [S2_L1, words(table(0x4010_1000n))],
    [S2_L2, words(table(0x4010_2000n))],
    [S2_L3, words(body.leaf ?? s2page(PA))],
  ];
  return complete(title, memory, body);
}

/** The nested image: IPAs of the pages that stage 2 maps one by one, and where their stage 2 descriptors lie. */
export const DATA_IPA = 0x8020_1000n;
export const CD_S2 = 0x4010_6008n;
export const L1_S2 = 0x4010_6080n;
export const L2_S2 = 0x4010_6088n;
export const L3_S2 = 0x4010_6090n;
export const DATA_S2 = 0x4010_4008n;
/** The stage 1 descriptors in memory. */
export const NESTED_L1 = 0x4021_0008n;
export const NESTED_L2 = 0x4021_1008n;
export const NESTED_L3 = 0x4021_2008n;
export const NESTED_CD = 0x4020_1000n;

/**
 * Both stages: VA 0x4020_1000 → IPA 0x8020_1000 → PA 0x5000_1000. The CD (IPA 0x4000_1000) and the three stage 1
 * tables (IPA 0x4001_0000, 0x4001_1000, 0x4001_2000) lie in pages of stage 2 of their own; `cdPage`, `l1Page`,
 * `l2Page`, `l3Page` and `dataPage` replace the stage 2 descriptors.
 */
export function nested(
  title: string,
  body: Body & {
    ste?: Fields;
    cd?: Fields;
    leaf?: bigint;
    cdPage?: bigint;
    l1Page?: bigint;
    l2Page?: bigint;
    l3Page?: bigint;
    dataPage?: bigint;
  },
): ManualCase {
  const memory: Memory = [
    [STE_AT, ste({ ...STE2, Config: 7, S1ContextPtr: CD_AT, ...body.ste })],
    // Stage 2 level 1: entry 1 (IPA 0x4000_0000) and entry 2 (IPA 0x8000_0000).
    [0x4010_0008n, words(table(0x4010_5000n), table(0x4010_3000n))],
    // IPA 0x4000_0000: level 2 entry 0, level 3 entries 1 (CD) and 16 to 18 (stage 1 tables).
    [0x4010_5000n, words(table(0x4010_6000n))],
    [CD_S2, words(body.cdPage ?? s2page(0x4020_1000n))],
    [L1_S2, words(body.l1Page ?? s2page(0x4021_0000n))],
    [L2_S2, words(body.l2Page ?? s2page(0x4021_1000n))],
    [L3_S2, words(body.l3Page ?? s2page(0x4021_2000n))],
    // IPA 0x8020_1000: level 2 entry 1, level 3 entry 1.
    [0x4010_3008n, words(table(0x4010_4000n))],
    [DATA_S2, words(body.dataPage ?? s2page(PA))],
    // Stage 1, in memory 0x20_0000 above its IPAs.
    [NESTED_CD, cd({ ...CD1, ...body.cd })],
    [NESTED_L1, words(table(0x4001_1000n))],
    [NESTED_L2, words(table(0x4001_2000n))],
    [NESTED_L3, words(body.leaf ?? page(DATA_IPA))],
  ];
  return complete(title, memory, body);
}
