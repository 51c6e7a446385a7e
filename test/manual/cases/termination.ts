// How a faulting transaction ends: CD.A and CD.R at stage 1, S2R at stage 2, TERM_MODEL; configuration errors always
// abort and are always recorded (IHI 0070 5.5, 6.3.1 TERM_MODEL, 5.4.2). The vectors only have TERM_MODEL = 1.
import { event, page, s2page, words } from "../assemble.js";
import type { Expect, Idr, ManualCase } from "../format.js";
import {
  ABORT,
  access,
  attributes,
  C_BAD_CD,
  CLASS_IN,
  CLASS_TT,
  configError,
  F_ACCESS,
  F_ADDR_SIZE,
  F_PERMISSION,
  F_TRANSLATION,
  F_WALK_EABT,
  type Kind,
  pa,
  stage1Fault,
  stage2Fault,
} from "../steps.js";
import { DATA_IPA, FULL, nested, PA, S1_L2, stage1, VA } from "../worlds.js";

/** TERM_MODEL is IDR0 bit 26: 0 = CD.A decides. */
const RAZ_WI: Idr = { ...FULL, IDR0: FULL.IDR0 & ~(1 << 26) };
const silent: Expect = { razwi: true };
const recorded = (type: number, kind: Kind): Expect => ({
  razwi: true,
  event: event({ Type: type, StreamID: 1, ...attributes(kind), CLASS: CLASS_IN, InputAddr: VA }),
});

// The four Translation-related faults of stage 1, each by one write.
const FAULTS = [
  ["F_TRANSLATION", F_TRANSLATION, 0n, 5],
  ["F_ADDR_SIZE", F_ADDR_SIZE, page(0x10_0000_0000n), 1],
  ["F_ACCESS", F_ACCESS, page(PA, { AF: 0 }), 5],
  ["F_PERMISSION", F_PERMISSION, page(PA, { AP: 0b11 }), 5],
] as const;

const governed = FAULTS.flatMap(([name, type, leaf, IPS]): ManualCase[] => [
  stage1(`ends ${name} as RAZ/WI without a record when A = 0, R = 0 (5.5 ARS = 0b000)`, {
    idr: RAZ_WI,
    cd: { A: 0, R: 0, IPS },
    leaf,
    steps: [access("w", VA, silent)],
  }),
  stage1(`ends ${name} as RAZ/WI with a record when A = 0, R = 1 (5.5 ARS = 0b010)`, {
    idr: RAZ_WI,
    cd: { A: 0, IPS },
    leaf,
    steps: [access("w", VA, recorded(type, "w"))],
  }),
  stage1(`aborts ${name} without a record when A = 1, R = 0 (5.5 ARS = 0b100)`, {
    idr: RAZ_WI,
    cd: { R: 0, IPS },
    leaf,
    steps: [access("w", VA, ABORT)],
  }),
  stage1(`aborts ${name} with a record when A = 1, R = 1 (5.5 ARS = 0b110)`, {
    idr: RAZ_WI,
    cd: { IPS },
    leaf,
    steps: [access("w", VA, stage1Fault(type, "w", VA))],
  }),
]);

const others: ManualCase[] = [
  stage1("refuses A = 0 when TERM_MODEL = 1: C_BAD_CD (5.4.2, 6.3.1 TERM_MODEL)", {
    cd: { A: 0 },
    steps: [access("r", VA, configError(C_BAD_CD))],
  }),
  stage1("aborts and records C_BAD_CD although A = R = 0 (5.5)", {
    idr: RAZ_WI,
    cd: { A: 0, R: 0, T0SZ: 63 },
    steps: [access("r", VA, configError(C_BAD_CD))],
  }),
  stage1("aborts and records F_WALK_EABT although A = R = 0 (5.5)", {
    idr: RAZ_WI,
    cd: { A: 0, R: 0 },
    // The level 3 table lies out of memory: descriptor 1 at 0x9000_0008.
    more: [[S1_L2, words(0x9000_0003n)]],
    steps: [access("r", VA, stage1Fault(F_WALK_EABT, "r", VA, { CLASS: CLASS_TT, FetchAddr: 0x9000_0008n }))],
  }),
  nested("aborts a stage 2 fault although CD.A = 0, and records it by S2R, not by CD.R (5.5)", {
    idr: RAZ_WI,
    cd: { A: 0, R: 0 },
    dataPage: s2page(PA, { S2AP: 1 }),
    steps: [access("w", VA, stage2Fault(F_PERMISSION, "w", VA, DATA_IPA)), access("r", VA, pa(PA, 12))],
  }),
  nested("aborts a stage 2 fault silently when S2R = 0, although CD.R = 1 (5.5)", {
    idr: RAZ_WI,
    ste: { S2R: 0 },
    cd: { A: 0 },
    dataPage: s2page(PA, { S2AP: 1 }),
    steps: [access("w", VA, ABORT)],
  }),
  nested("ends a stage 1 fault of a nested stream by CD.A and CD.R, although S2R = 0 (5.5)", {
    idr: RAZ_WI,
    ste: { S2R: 0 },
    cd: { A: 0 },
    leaf: page(DATA_IPA, { AP: 0b11 }),
    steps: [access("w", VA, recorded(F_PERMISSION, "w"))],
  }),
];

export const termination: ManualCase[] = [...governed, ...others];
