// Hardware update of Access flag and dirty state at stage 1: what changes in memory, what faults, execute rights
// (IHI 0070 3.13.2 to 3.13.4, 5.4 HA, HD, AFFD; DDI 0487 D8.5.1.2, D8.5.2.1, D8.5.2.2).
// Descriptor bytes below: AF is bit 10 (0x04 of byte 1), AP[2] bit 7 (0x80 of byte 0), DBM bit 51 (0x08 of byte 6).
import { page, table, words } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import {
  ABORT,
  access,
  F_ACCESS,
  F_ADDR_SIZE,
  F_PERMISSION,
  holds,
  type Kind,
  pa,
  stage1Fault,
} from "../steps.js";
import { PA, S1_L1, S1_L2, S1_L3, stage1, VA } from "../worlds.js";

const HA = { HA: 1 };
const HAHD = { HA: 1, HD: 1 };
const ok = (kind: Kind): Step => access(kind, VA, pa(PA, 12));
const refused = (kind: Kind, type = F_PERMISSION): Step => access(kind, VA, stage1Fault(type, kind, VA));
const leafIs = (descriptor: bigint): Step => holds(S1_L3, words(descriptor));

/** Writable-clean for both privileges: DBM = 1, AP = 0b11. */
const CLEAN = page(PA, { AP: 0b11, DBM: 1 });

const accessFlag: ManualCase[] = [
  stage1("sets AF on a read when HA = 1, and nothing else in the descriptor (3.13.2)", {
    cd: HA,
    // 0x0780_0000_5000_1B43: AF = 0, AP = 0b01, SH = 0b11, nG = 1, page; software bits 58:55.
    leaf: page(PA, { AF: 0, nG: 1, SH: 3 }) | (0xfn << 55n),
    steps: [
      holds(S1_L3, "431b005000008007"),
      ok("r"),
      holds(S1_L3, "431f005000008007"),
      ok("w"),
      holds(S1_L3, "431f005000008007"),
    ],
  }),
  ...(["r", "w", "x", "pr", "pw"] as const).map((kind) =>
    stage1(`sets AF for an access of kind ${kind} when HA = 1, HD = 0 (3.13.2)`, {
      cd: HA,
      leaf: page(PA, { AF: 0 }),
      steps: [ok(kind), leafIs(page(PA))],
    }),
  ),
  stage1("gives F_ACCESS and leaves memory alone when HA = 0, AFFD = 0 (3.13.2, 7.3.15)", {
    leaf: page(PA, { AF: 0 }),
    steps: [
      refused("r", F_ACCESS),
      refused("w", F_ACCESS),
      refused("px", F_ACCESS),
      leafIs(page(PA, { AF: 0 })),
    ],
  }),
  stage1("translates and leaves memory alone when AFFD = 1, HA = 0 (5.4 AFFD)", {
    cd: { AFFD: 1 },
    leaf: page(PA, { AF: 0 }),
    steps: [ok("r"), ok("w"), leafIs(page(PA, { AF: 0 }))],
  }),
  stage1("ignores AFFD when HA = 1: AF is set (5.4 AFFD)", {
    cd: { ...HA, AFFD: 1 },
    leaf: page(PA, { AF: 0 }),
    steps: [ok("r"), leafIs(page(PA))],
  }),
  stage1("behaves as HTTU off with HD = 1, HA = 0: F_ACCESS, no dirty update (5.4 HA: {HD, HA} = 0b10)", {
    cd: { HD: 1 },
    leaf: page(PA, { AF: 0 }),
    steps: [refused("r", F_ACCESS), leafIs(page(PA, { AF: 0 }))],
  }),
  stage1("behaves as HTTU off with HD = 1, HA = 0 for a writable-clean page too (5.4 HA)", {
    cd: { HD: 1 },
    leaf: CLEAN,
    steps: [refused("w"), ok("r"), leafIs(CLEAN)],
  }),
  stage1("gives F_ADDR_SIZE before any update: AF stays 0 (7.3.22: address size before access flag)", {
    cd: { ...HAHD, IPS: 1 },
    leaf: page(0x10_0000_0000n, { AF: 0 }),
    steps: [refused("w", F_ADDR_SIZE), leafIs(page(0x10_0000_0000n, { AF: 0 }))],
  }),
  stage1("does not touch bit 10 of table descriptors without HAFT (3.13.6)", {
    cd: HAHD,
    leaf: page(PA, { AF: 0 }),
    steps: [ok("w"), holds(S1_L1, words(table(0x4001_1000n))), holds(S1_L2, words(table(0x4001_2000n)))],
  }),
  stage1("records no F_ACCESS when CD.R = 0 (5.5)", {
    cd: { R: 0 },
    leaf: page(PA, { AF: 0 }),
    steps: [access("r", VA, ABORT)],
  }),
];

const dirty: ManualCase[] = [
  stage1("clears AP[2] of a writable-clean page on a write when HA = HD = 1 (3.13.3.1)", {
    cd: HAHD,
    // 0x0008_0000_5000_14C3: DBM, AF, AP = 0b11, page.
    leaf: CLEAN,
    steps: [holds(S1_L3, "c314005000000800"), ok("w"), holds(S1_L3, "4314005000000800"), ok("w"), ok("r")],
  }),
  stage1("clears AP[2] also after a read has brought the clean page into the TLB (D8.5.2.1 R_SGJBL)", {
    cd: HAHD,
    leaf: CLEAN,
    steps: [
      ok("r"),
      leafIs(CLEAN),
      ok("r"),
      ok("w"),
      leafIs(page(PA, { AP: 0b01, DBM: 1 })),
      ok("w"),
      ok("r"),
    ],
  }),
  stage1("leaves a writable-clean page clean on reads and instruction reads (3.13.3.1)", {
    cd: HAHD,
    leaf: CLEAN,
    steps: [ok("r"), ok("pr"), ok("x"), leafIs(CLEAN)],
  }),
  stage1("sets AF and clears AP[2] together on a write to a clean page with AF = 0 (3.13.2, R_PRHKD)", {
    cd: HAHD,
    leaf: page(PA, { AF: 0, AP: 0b11, DBM: 1 }),
    steps: [ok("w"), leafIs(page(PA, { AP: 0b01, DBM: 1 }))],
  }),
  stage1("sets only AF on a read of a clean page with AF = 0", {
    cd: HAHD,
    leaf: page(PA, { AF: 0, AP: 0b11, DBM: 1 }),
    steps: [ok("r"), leafIs(CLEAN)],
  }),
  stage1("gives F_PERMISSION for a write to a read-only page, DBM = 0, and changes nothing (3.13.3.1)", {
    cd: HAHD,
    leaf: page(PA, { AP: 0b11 }),
    steps: [refused("w"), refused("pw"), leafIs(page(PA, { AP: 0b11 }))],
  }),
  stage1("gives F_PERMISSION for a write to a clean page when HA = 1, HD = 0 (5.4 HA)", {
    cd: HA,
    leaf: CLEAN,
    steps: [refused("w"), ok("r"), leafIs(CLEAN)],
  }),
  stage1(
    "gives F_ACCESS, not F_PERMISSION, for a write to a clean page with AF = 0 when HTTU is off (3.13.1)",
    {
      leaf: page(PA, { AF: 0, AP: 0b11, DBM: 1 }),
      steps: [refused("w", F_ACCESS)],
    },
  ),
  stage1("leaves a writable-dirty page as it is (3.13.3.1)", {
    cd: HAHD,
    leaf: page(PA, { AP: 0b01, DBM: 1 }),
    steps: [ok("w"), leafIs(page(PA, { AP: 0b01, DBM: 1 }))],
  }),
  stage1("makes a privileged clean page (AP = 0b10) dirty on a privileged write only (R_XZFQH)", {
    cd: HAHD,
    leaf: page(PA, { AP: 0b10, DBM: 1 }),
    steps: [
      refused("w"),
      leafIs(page(PA, { AP: 0b10, DBM: 1 })),
      ok("pw"),
      leafIs(page(PA, { AP: 0b00, DBM: 1 })),
      refused("w"),
    ],
  }),
  stage1("does not make a page dirty whose write is lost through APTable: F_PERMISSION (3.13.3.1)", {
    cd: HAHD,
    l1: { APTable: 0b10 },
    leaf: CLEAN,
    steps: [refused("w"), refused("pw"), ok("r"), leafIs(CLEAN)],
  }),
  stage1("does not make a page dirty for an unprivileged write that APTable = 0b01 refuses (3.13.3.1)", {
    cd: HAHD,
    l2: { APTable: 0b01 },
    leaf: CLEAN,
    steps: [refused("w"), leafIs(CLEAN), ok("pw"), leafIs(page(PA, { AP: 0b01, DBM: 1 }))],
  }),
  stage1("makes the page dirty under APTable = 0b10 when HAD0 = 1 (5.4 HAD0)", {
    cd: { ...HAHD, HAD0: 1 },
    l1: { APTable: 0b10 },
    leaf: CLEAN,
    steps: [ok("w"), leafIs(page(PA, { AP: 0b01, DBM: 1 }))],
  }),
  stage1(
    "does not make a page dirty that PAN refuses (3.13.3.1: will not generate a fault for other reasons)",
    {
      cd: { ...HAHD, PAN: 1 },
      leaf: CLEAN,
      steps: [refused("pw"), leafIs(CLEAN), ok("w"), leafIs(page(PA, { AP: 0b01, DBM: 1 }))],
    },
  ),
];

// A writable-clean page counts as writable for execute rights when HD = 1 (R_TTLCV, R_NKLQN; 3.13.8 note).
const execute: ManualCase[] = [
  stage1("takes an unprivileged writable-clean page as privileged execute-never (R_NKLQN)", {
    cd: HAHD,
    leaf: CLEAN,
    steps: [refused("px"), ok("x"), leafIs(CLEAN)],
  }),
  stage1("takes it as read-only, so privileged executable, without HD (R_NKLQN)", {
    cd: HA,
    leaf: CLEAN,
    steps: [ok("px"), ok("x")],
  }),
  stage1("takes a writable-clean page as unprivileged execute-never under WXN (R_TTLCV)", {
    cd: { ...HAHD, WXN: 1 },
    leaf: CLEAN,
    steps: [refused("x"), refused("px"), ok("r"), leafIs(CLEAN)],
  }),
  stage1("takes a privileged writable-clean page as privileged execute-never under WXN (R_TTLCV)", {
    cd: { ...HAHD, WXN: 1 },
    leaf: page(PA, { AP: 0b10, DBM: 1 }),
    steps: [refused("px"), ok("x"), ok("pr")],
  }),
  stage1("takes the same pages as not writable under WXN without HD", {
    cd: { ...HA, WXN: 1 },
    leaf: CLEAN,
    steps: [ok("x"), ok("px")],
  }),
];

export const httuStage1: ManualCase[] = [...accessFlag, ...dirty, ...execute];
