// Hardware update with both stages: stage 1 descriptors are updated through stage 2, which must allow writes; a CD
// fetch sets AF but never the dirty state (IHI 0070 3.13.2, 3.13.3.1, 3.13.5, 7.3.16 TTRnW; DDI 0487 D8.5.2.1).
// Where the architecture allows an update but does not ask for it (AF on a faulting access), memory is not looked at.
import { page, s2page, words } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import {
  ABORT,
  access,
  CLASS_CD,
  CLASS_TT,
  F_ACCESS,
  F_PERMISSION,
  F_TRANSLATION,
  holds,
  type Kind,
  pa,
  stage1Fault,
  stage2Fault,
} from "../steps.js";
import { CD_S2, DATA_IPA, DATA_S2, L1_S2, L2_S2, L3_S2, NESTED_L3, nested, PA, VA } from "../worlds.js";

const HA = { S2HA: 1 };
const HAHD = { S2HA: 1, S2HD: 1 };
const ok = (kind: Kind): Step => access(kind, VA, pa(PA, 12));

const S1_HA = { HA: 1 };
const S1_HAHD = { HA: 1, HD: 1 };
/** The page of the level 3 table, IPA 0x4001_2000. */
const L3_IPA = 0x4001_2000n;
const L3_HOME = 0x4021_2000n;
const readOnlyTable = s2page(L3_HOME, { S2AP: 0b01 });
const cleanTable = s2page(L3_HOME, { S2AP: 0b01, DBM: 1 });
const s1Is = (descriptor: bigint): Step => holds(NESTED_L3, words(descriptor));
/** Refused: the update of a stage 1 descriptor is a write that stage 2 does not allow. */
const updateRefused = (kind: Kind): Step =>
  access(kind, VA, stage2Fault(F_PERMISSION, kind, VA, L3_IPA, { CLASS: CLASS_TT, TTRnW: 0 }));
const young = page(DATA_IPA, { AF: 0 });
const s1Clean = page(DATA_IPA, { AP: 0b11, DBM: 1 });
const s1Dirty = page(DATA_IPA, { AP: 0b01, DBM: 1 });

const stage1Update: ManualCase[] = [
  nested("sets the stage 1 AF through a writable page of stage 2 (3.13.5)", {
    cd: S1_HA,
    leaf: young,
    steps: [ok("r"), s1Is(page(DATA_IPA)), holds(L3_S2, words(s2page(L3_HOME)))],
  }),
  nested(
    "gives F_PERMISSION, CLASS = TT, TTRnW = 0 when the stage 1 AF lies in a read-only page (7.3.16 note)",
    {
      cd: S1_HA,
      leaf: young,
      l3Page: readOnlyTable,
      steps: [updateRefused("r"), updateRefused("pw"), updateRefused("x"), s1Is(young)],
    },
  ),
  nested("walks a read-only table page when no update is due (3.13.5)", {
    cd: S1_HAHD,
    l3Page: readOnlyTable,
    steps: [ok("r"), ok("w"), s1Is(page(DATA_IPA)), holds(L3_S2, words(readOnlyTable))],
  }),
  nested("records no such fault when S2R = 0 (5.5)", {
    ste: { S2R: 0 },
    cd: S1_HA,
    leaf: young,
    l3Page: readOnlyTable,
    steps: [access("r", VA, ABORT), s1Is(young)],
  }),
  nested("records it although CD.R = 0: it is a stage 2 fault (5.5)", {
    cd: { ...S1_HA, R: 0 },
    leaf: young,
    l3Page: readOnlyTable,
    steps: [updateRefused("r")],
  }),
  nested("clears the stage 1 AP[2] through a writable page of stage 2 (3.13.5)", {
    cd: S1_HAHD,
    leaf: s1Clean,
    steps: [ok("r"), s1Is(s1Clean), ok("w"), s1Is(s1Dirty)],
  }),
  nested(
    "gives F_PERMISSION, CLASS = TT, TTRnW = 0 when the stage 1 AP[2] lies in a read-only page (3.13.5)",
    {
      cd: S1_HAHD,
      leaf: s1Clean,
      l3Page: readOnlyTable,
      steps: [ok("r"), updateRefused("w"), s1Is(s1Clean), ok("r")],
    },
  ),
  nested("makes the table's page dirty at stage 2 when that is writable-clean (R_BDJJL)", {
    ste: HAHD,
    cd: S1_HAHD,
    leaf: s1Clean,
    l3Page: cleanTable,
    steps: [ok("w"), s1Is(s1Dirty), holds(L3_S2, words(s2page(L3_HOME, { S2AP: 0b11, DBM: 1 })))],
  }),
  nested("makes the table's page dirty for an Access flag update on a read (R_BDJJL)", {
    ste: HAHD,
    cd: S1_HA,
    leaf: young,
    l3Page: s2page(L3_HOME, { AF: 0, S2AP: 0b01, DBM: 1 }),
    steps: [ok("r"), s1Is(page(DATA_IPA)), holds(L3_S2, words(s2page(L3_HOME, { S2AP: 0b11, DBM: 1 })))],
  }),
  nested("refuses the update through a writable-clean page when S2HD = 0 (5.2 S2HA)", {
    ste: HA,
    cd: S1_HA,
    leaf: young,
    l3Page: cleanTable,
    steps: [updateRefused("r"), s1Is(young), holds(L3_S2, words(cleanTable))],
  }),
  nested("updates the stage 1 page only, not the stage 2 data page, on a write that stage 2 allows anyway", {
    cd: S1_HAHD,
    leaf: s1Clean,
    steps: [ok("w"), s1Is(s1Dirty), holds(DATA_S2, words(s2page(PA)))],
  }),
];

const dataClean = s2page(PA, { AF: 0, S2AP: 0b01, DBM: 1 });
const stage2Update: ManualCase[] = [
  nested("makes both data descriptors dirty on one write (3.13.5)", {
    ste: HAHD,
    cd: S1_HAHD,
    leaf: page(DATA_IPA, { AF: 0, AP: 0b11, DBM: 1 }),
    dataPage: dataClean,
    steps: [ok("w"), s1Is(s1Dirty), holds(DATA_S2, words(s2page(PA, { S2AP: 0b11, DBM: 1 })))],
  }),
  nested("makes both dirty after a read has cached both as clean", {
    ste: HAHD,
    cd: S1_HAHD,
    leaf: s1Clean,
    dataPage: s2page(PA, { S2AP: 0b01, DBM: 1 }),
    steps: [
      ok("r"),
      s1Is(s1Clean),
      holds(DATA_S2, words(s2page(PA, { S2AP: 0b01, DBM: 1 }))),
      ok("w"),
      s1Is(s1Dirty),
      holds(DATA_S2, words(s2page(PA, { S2AP: 0b11, DBM: 1 }))),
    ],
  }),
  nested("does not make the stage 2 data page dirty when stage 1 refuses the write (3.13.3.1)", {
    ste: HAHD,
    leaf: page(DATA_IPA, { AP: 0b11 }),
    dataPage: s2page(PA, { S2AP: 0b01, DBM: 1 }),
    steps: [
      access("w", VA, stage1Fault(F_PERMISSION, "w", VA)),
      holds(DATA_S2, words(s2page(PA, { S2AP: 0b01, DBM: 1 }))),
    ],
  }),
  nested("sets AF of every stage 2 page on the way: CD, tables, data (3.13.2, 3.13.5)", {
    ste: HA,
    cdPage: s2page(0x4020_1000n, { AF: 0 }),
    l1Page: s2page(0x4021_0000n, { AF: 0 }),
    l2Page: s2page(0x4021_1000n, { AF: 0 }),
    l3Page: s2page(0x4021_2000n, { AF: 0 }),
    dataPage: s2page(PA, { AF: 0 }),
    steps: [
      ok("r"),
      holds(CD_S2, words(s2page(0x4020_1000n))),
      holds(L1_S2, words(s2page(0x4021_0000n))),
      holds(L2_S2, words(s2page(0x4021_1000n))),
      holds(L3_S2, words(s2page(0x4021_2000n))),
      holds(DATA_S2, words(s2page(PA))),
    ],
  }),
  nested("never makes the CD's page dirty: a CD fetch sets AF only (3.13.3.1 last rule)", {
    ste: HAHD,
    cd: S1_HAHD,
    cdPage: s2page(0x4020_1000n, { AF: 0, S2AP: 0b01, DBM: 1 }),
    leaf: s1Clean,
    steps: [ok("w"), holds(CD_S2, words(s2page(0x4020_1000n, { AF: 1, S2AP: 0b01, DBM: 1 })))],
  }),
  nested("gives F_ACCESS, CLASS = TT for a table page with AF = 0 when S2HA = 0 (7.3.15)", {
    l2Page: s2page(0x4021_1000n, { AF: 0 }),
    steps: [access("w", VA, stage2Fault(F_ACCESS, "w", VA, 0x4001_1000n, { CLASS: CLASS_TT }))],
  }),
  nested("gives F_ACCESS, CLASS = CD for a CD page with AF = 0 when only stage 1 has HA = 1 (3.13.2)", {
    cd: S1_HA,
    cdPage: s2page(0x4020_1000n, { AF: 0 }),
    steps: [access("r", VA, stage2Fault(F_ACCESS, "r", VA, 0x4000_1000n, { CLASS: CLASS_CD }))],
  }),
  nested("reports the stage 1 F_ACCESS before anything of the data page: HA = 0, S2HA = 1 (7.3.22)", {
    ste: HAHD,
    leaf: young,
    dataPage: dataClean,
    steps: [access("w", VA, stage1Fault(F_ACCESS, "w", VA)), holds(DATA_S2, words(dataClean)), s1Is(young)],
  }),
  nested("reports an unmapped table page before any update: F_TRANSLATION, CLASS = TT (7.3.22)", {
    cd: S1_HA,
    leaf: young,
    l3Page: 0n,
    steps: [access("r", VA, stage2Fault(F_TRANSLATION, "r", VA, L3_IPA, { CLASS: CLASS_TT })), s1Is(young)],
  }),
];

export const httuNested: ManualCase[] = [...stage1Update, ...stage2Update];
