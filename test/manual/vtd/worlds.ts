// Memory images that most cases vary: one page behind the first stage, behind the second stage, and behind both. The
// address under test has index 1 at each level: 0x80_4020_1000 = 1 << 39 | 1 << 30 | 1 << 21 | 1 << 12.
//
//   0x4000_0000 root table   0x4000_1000 context table (device 08 at 0x100)   0x4000_2000 PASID directory
//   0x4000_3000 PASIDs 0x40 to 0x7F (0x41 at 0x40)   0x4000_4000 PASIDs 0 to 0x3F (RID_PASID 2 at 0x80)
//   0x4001_0000, _1000, _2000, _3000 first stage, levels 4 to 1; 0x4001_8000 level 5   0x5000_1000 the page
//   0x4010_0000, _1000, _2000, _3000 second stage, levels 4 to 1; 0x4011_0000 level 5
// Nested: the first-stage tables at the same guest-physical addresses, in memory 0x20_0000 higher; the page is GPA
// 0x8020_1000; the second stage has its tables of level 3 and down elsewhere, see nested().
import { words } from "../assemble.js";
import {
  type ContextFields,
  contextEntry,
  directoryEntry,
  FIRST_STAGE,
  FS_OPEN,
  type LegacyContextFields,
  legacyContextEntry,
  NESTED,
  PASS_THROUGH,
  type PasidFields,
  pasidEntry,
  rootEntry,
  SECOND_STAGE,
  SS_OPEN,
} from "./assemble.js";
import type { Features, Step, VtdCase } from "./format.js";
import { RID_PASID } from "./steps.js";

const bit = (n: number): bigint => 1n << BigInt(n);
const bitsOf = (...positions: number[]): bigint => positions.reduce((word, n) => word | bit(n), 0n);

/** 11.4.3: DT, PT, SC, NEST, PRS, SRS, EAFS, PASID, SMTS, SSADS, SSTS, FSTS, SMPWC, RPS, ADMS. */
export const ECAP = {
  ...{
    DT: bit(2),
    PT: bit(6),
    SC: bit(7),
    NEST: bit(26),
    PRS: bit(29),
    SRS: bit(31),
    EAFS: bit(34),
    PASID: bit(40),
  },
  ...{ SSADS: bit(45), SSTS: bit(46), FSTS: bit(47), SMPWC: bit(48), RPS: bit(49) },
} as const;

/**
 * CAP: ND 6, SAGAW 39, 48 and 57 bits, MGAW 57, FRO 0x22, SSLPS both, PSI, NFR 8 registers, MAMV 18, FS1GP (56), FS5LP (60),
 * ESRTPS (63). ECAP: QI, IRO 0xF, 20-bit PASIDs and everything above but MTS.
 */
export const FULL: Features = {
  cap:
    6n |
    (0b01110n << 8n) |
    (56n << 16n) |
    (0x22n << 24n) |
    (3n << 34n) |
    bit(39) |
    (7n << 40n) |
    (18n << 48n) |
    bitsOf(56, 60, 63),
  ecap:
    bit(1) | (0xfn << 8n) | (19n << 35n) | bitsOf(2, 6, 7, 26, 29, 31, 34, 40, 43, 45, 46, 47, 48, 49, 52),
  hostWidth: 52,
};
/** Without some bits of ECAP. */
export const without = (...bits: bigint[]): Features => ({
  ...FULL,
  ecap: bits.reduce((ecap, one) => ecap & ~one, FULL.ecap),
});
export const withHostWidth = (hostWidth: number): Features => ({ ...FULL, hostWidth });
export const withoutCap = (bits: bigint): Features => ({ ...FULL, cap: FULL.cap & ~bits });

export const RAM: VtdCase["ram"] = [[0x4000_0000n, 0x1000_0000n]];
/** Scalable mode. */
export const RTADDR = 0x4000_0400n;
export const CONTEXT_AT = 0x4000_1100n;
export const DIRECTORY_AT = 0x4000_2000n;
export const ENTRY_AT = 0x4000_3040n;
export const RID_ENTRY_AT = 0x4000_4080n;

export const IOVA = 0x80_4020_1000n;
/** The same with index 1 at level 5, too. */
export const IOVA5 = 0x1_0080_4020_1000n;
export const PA = 0x5000_1000n;
/** Where the entries for IOVA lie: first stage alone, second stage alone. */
export const FS = {
  l5: 0x4001_8008n,
  l4: 0x4001_0008n,
  l3: 0x4001_1008n,
  l2: 0x4001_2008n,
  l1: 0x4001_3008n,
} as const;
export const SS = {
  l5: 0x4011_0008n,
  l4: 0x4010_0008n,
  l3: 0x4010_1008n,
  l2: 0x4010_2008n,
  l1: 0x4010_3008n,
} as const;

export const FIRST_DID = 0x22;
export const SECOND_DID = 0x11;
export const CONTEXT: ContextFields = { P: 1, PASIDE: 1, PASIDDIRPTR: DIRECTORY_AT, RID_PASID };
export const FIRST: PasidFields = {
  P: 1,
  PGTT: FIRST_STAGE,
  DID: FIRST_DID,
  PWSNP: 1,
  FSPTPTR: 0x4001_0000n,
};
/** AW 2: 48 bits, four levels. */
export const SECOND: PasidFields = {
  P: 1,
  PGTT: SECOND_STAGE,
  AW: 2,
  DID: SECOND_DID,
  PWSNP: 1,
  SSPTPTR: 0x4010_0000n,
};
export const BOTH: PasidFields = { ...SECOND, PGTT: NESTED, FSPTPTR: 0x4001_0000n };
export const PASSES: PasidFields = { P: 1, PGTT: PASS_THROUGH, DID: FIRST_DID };

export type Memory = (readonly [bigint, string])[];
export interface Body {
  readonly features?: Features;
  readonly steps: readonly Step[];
  readonly more?: Memory;
  readonly context?: ContextFields;
}

/** Both PASIDs lead to the same translation unless `rid` says otherwise. */
export interface Entries {
  readonly entry?: PasidFields;
  readonly rid?: PasidFields;
}

/** A case with the structures and these PASID entries. */
export function bare(title: string, body: Body & { entry: PasidFields; rid?: PasidFields }): VtdCase {
  const memory: Memory = [
    [0x4000_0000n, rootEntry(0x4000_1000n)],
    [CONTEXT_AT, contextEntry({ ...CONTEXT, ...body.context })],
    [DIRECTORY_AT, directoryEntry(0x4000_4000n)],
    [DIRECTORY_AT + 8n, directoryEntry(0x4000_3000n)],
    [ENTRY_AT, pasidEntry(body.entry)],
    [RID_ENTRY_AT, pasidEntry(body.rid ?? body.entry)],
  ];
  return {
    title,
    features: body.features ?? FULL,
    ram: RAM,
    rtaddr: RTADDR,
    memory: [...memory, ...(body.more ?? [])],
    steps: body.steps,
  };
}

/** Entries of the path to the page by level; absent = open to all. */
export interface Path {
  readonly l5?: bigint;
  readonly l4?: bigint;
  readonly l3?: bigint;
  readonly l2?: bigint;
  readonly l1?: bigint;
}

/** First stage alone: IOVA → PA; levels may be replaced. IOVA5 with FSPM 1 and FSPTPTR 0x4001_8000. */
export function first(title: string, body: Body & Entries & { path?: Path }): VtdCase {
  const path = body.path ?? {};
  const memory: Memory = [
    [FS.l5, words(path.l5 ?? 0x4001_0000n | FS_OPEN)],
    [FS.l4, words(path.l4 ?? 0x4001_1000n | FS_OPEN)],
    [FS.l3, words(path.l3 ?? 0x4001_2000n | FS_OPEN)],
    [FS.l2, words(path.l2 ?? 0x4001_3000n | FS_OPEN)],
    [FS.l1, words(path.l1 ?? PA | FS_OPEN)],
  ];
  const entry = { ...FIRST, ...body.entry };
  return bare(title, {
    ...body,
    entry,
    rid: { ...entry, ...body.rid },
    more: [...memory, ...(body.more ?? [])],
  });
}
/** Five levels. */
export const FIVE: PasidFields = { FSPM: 1, FSPTPTR: 0x4001_8000n };

/** Second stage alone: IOVA → PA; AW 3 from 0x4011_0000 for IOVA5, AW 1 from 0x4010_1000 for 0x4020_1000. */
export function second(title: string, body: Body & Entries & { path?: Path }): VtdCase {
  const path = body.path ?? {};
  const memory: Memory = [
    [SS.l5, words(path.l5 ?? 0x4010_0000n | SS_OPEN)],
    [SS.l4, words(path.l4 ?? 0x4010_1000n | SS_OPEN)],
    [SS.l3, words(path.l3 ?? 0x4010_2000n | SS_OPEN)],
    [SS.l2, words(path.l2 ?? 0x4010_3000n | SS_OPEN)],
    [SS.l1, words(path.l1 ?? PA | SS_OPEN)],
  ];
  const entry = { ...SECOND, ...body.entry };
  return bare(title, {
    ...body,
    entry,
    rid: { ...entry, ...body.rid },
    more: [...memory, ...(body.more ?? [])],
  });
}

/** The nested image: the page's GPA, the first-stage entries in memory, the second-stage leaves of each page. */
export const GPA = 0x8020_1000n;
export const GUEST = {
  l5: 0x4021_8008n,
  l4: 0x4021_0008n,
  l3: 0x4021_1008n,
  l2: 0x4021_2008n,
  l1: 0x4021_3008n,
} as const;
export const LEAF = {
  l5: 0x4010_60c0n,
  l4: 0x4010_6080n,
  l3: 0x4010_6088n,
  l2: 0x4010_6090n,
  l1: 0x4010_6098n,
  data: 0x4010_8008n,
} as const;

/** Second-stage leaves of the pages of the first-stage tables and of the page itself. */
export interface Leaves extends Path {
  readonly data?: bigint;
}

/**
 * Both stages: IOVA → GPA 0x8020_1000 → PA. Second stage: 0x4010_0000 → 0x4010_4000 (level 3); its entry 1 (GPA
 * 0x4000_0000) → 0x4010_5000 → 0x4010_6000, whose entries 0x10 to 0x13 and 0x18 are the pages of the first-stage tables;
 * its entry 2 (GPA 0x8000_0000) → 0x4010_7000, entry 1 → 0x4010_8000, entry 1 the page. `ss` are the flags of all
 * second-stage entries, `fs` those of all first-stage entries; `path`, `leaves` replace single entries.
 */
export function nested(
  title: string,
  body: Body & Entries & { path?: Path; leaves?: Leaves; ss?: bigint; fs?: bigint },
): VtdCase {
  const { path = {}, leaves = {}, ss = SS_OPEN, fs = FS_OPEN } = body;
  const memory: Memory = [
    [0x4011_0000n, words(0x4010_0000n | ss)],
    [0x4010_0000n, words(0x4010_4000n | ss)],
    [0x4010_4008n, words(0x4010_5000n | ss, 0x4010_7000n | ss)],
    [0x4010_5000n, words(0x4010_6000n | ss)],
    [LEAF.l4, words(leaves.l4 ?? 0x4021_0000n | ss)],
    [LEAF.l3, words(leaves.l3 ?? 0x4021_1000n | ss)],
    [LEAF.l2, words(leaves.l2 ?? 0x4021_2000n | ss)],
    [LEAF.l1, words(leaves.l1 ?? 0x4021_3000n | ss)],
    [LEAF.l5, words(leaves.l5 ?? 0x4021_8000n | ss)],
    [0x4010_7008n, words(0x4010_8000n | ss)],
    [LEAF.data, words(leaves.data ?? PA | ss)],
    [GUEST.l5, words(path.l5 ?? 0x4001_0000n | fs)],
    [GUEST.l4, words(path.l4 ?? 0x4001_1000n | fs)],
    [GUEST.l3, words(path.l3 ?? 0x4001_2000n | fs)],
    [GUEST.l2, words(path.l2 ?? 0x4001_3000n | fs)],
    [GUEST.l1, words(path.l1 ?? GPA | fs)],
  ];
  const entry = { ...BOTH, ...body.entry };
  return bare(title, {
    ...body,
    entry,
    rid: { ...entry, ...body.rid },
    more: [...memory, ...(body.more ?? [])],
  });
}

/** Legacy mode: device 08 at 0x4000_1080 (entries of 16 bytes), the second stage of second(). */
export function legacy(title: string, body: Body & { entry?: LegacyContextFields; path?: Path }): VtdCase {
  const base = second(title, { ...body, entry: {} });
  const entry = { P: 1, AW: 2, DID: SECOND_DID, SSPTPTR: 0x4010_0000n, ...body.entry };
  return {
    ...base,
    rtaddr: 0x4000_0000n,
    memory: [...base.memory, [0x4000_1080n, legacyContextEntry(entry)], ...(body.more ?? [])],
  };
}
