// Hierarchical permissions (APTable, UXNTable, PXNTable; HAD0, HAD1), PAN, EPAN, and the overrides PRIVCFG and
// INSTCFG (DDI 0487 D8.4.1.2, D8.4.5.1; IHI 0070 5.4 HAD0, PAN, EPAN, 5.2 PRIVCFG, INSTCFG, 13.1.4).
import { cd, type Fields, page, ste, table, words } from "../assemble.js";
import type { Idr, ManualCase, Step } from "../format.js";
import { access, F_PERMISSION, F_TRANSLATION, type Kind, pa, stage1Fault } from "../steps.js";
import { bare, CD_AT, CD1, FULL, PA, STE_AT, STE1, stage1, VA } from "../worlds.js";
import { matrix } from "./permissions-stage1.js";

// ---- Tables --------------------------------------------------------------------------------------------------------

// Table D8-64: 01 removes unprivileged data access, 10 removes writes, 11 both. Execute rights follow Table D8-65
// with the effective AP (I_WXKKQ): with UnprivWrite gone, PXN is no longer implied.
const APTABLE: readonly (readonly [aptable: number, ap: number, granted: string])[] = [
  [0b00, 0b01, "pr pw r w x"],
  [0b01, 0b00, "pr pw px x"],
  [0b01, 0b01, "pr pw px x"],
  [0b01, 0b10, "pr px x"],
  [0b01, 0b11, "pr px x"],
  [0b10, 0b00, "pr px x"],
  [0b10, 0b01, "pr px r x"],
  [0b10, 0b10, "pr px x"],
  [0b10, 0b11, "pr px r x"],
  [0b11, 0b00, "pr px x"],
  [0b11, 0b01, "pr px x"],
  [0b11, 0b10, "pr px x"],
  [0b11, 0b11, "pr px x"],
];

const binary = (value: number): string => value.toString(2).padStart(2, "0");

const aptable = APTABLE.flatMap(([APTable, AP, granted]) => [
  stage1(
    `grants ${granted} with APTable = 0b${binary(APTable)} at level 1, AP = 0b${binary(AP)} (Table D8-64)`,
    {
      l1: { APTable },
      leaf: page(PA, { AP }),
      steps: matrix(granted),
    },
  ),
  stage1(
    `grants ${granted} with APTable = 0b${binary(APTable)} at level 2, AP = 0b${binary(AP)} (Table D8-64)`,
    {
      l2: { APTable },
      leaf: page(PA, { AP }),
      steps: matrix(granted),
    },
  ),
]);

const hierarchy: ManualCase[] = [
  stage1("adds up APTable over the levels: 01 above 10 is 11 (D8.4.1.2.2)", {
    l1: { APTable: 0b01 },
    l2: { APTable: 0b10 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr px x"),
  }),
  stage1("treats UXN as 1 below UXNTable = 1 (D8.4.1.2.5 R_RLQFP)", {
    l1: { UXNTable: 1 },
    leaf: page(PA, { AP: 0b11 }),
    steps: matrix("pr px r"),
  }),
  stage1("treats PXN as 1 below PXNTable = 1 (D8.4.1.2.5)", {
    l2: { PXNTable: 1 },
    leaf: page(PA, { AP: 0b11 }),
    steps: matrix("pr r x"),
  }),
  stage1("treats both as 1 when different levels say so (D8.4.1.2.5)", {
    l1: { PXNTable: 1 },
    l2: { UXNTable: 1 },
    leaf: page(PA, { AP: 0b11 }),
    steps: matrix("pr r"),
  }),
  stage1("applies WXN to the effective AP: APTable = 0b10 leaves nothing writable (I_WXKKQ)", {
    cd: { WXN: 1 },
    l1: { APTable: 0b10 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr px r x"),
  }),
  stage1("ignores APTable, UXNTable and PXNTable when HAD0 = 1 (5.4 HAD0)", {
    cd: { HAD0: 1 },
    l1: { APTable: 0b11, UXNTable: 1, PXNTable: 1 },
    l2: { APTable: 0b11, UXNTable: 1, PXNTable: 1 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr pw r w x"),
  }),
  stage1("does not ignore them for HAD1 alone in the lower half (5.4 HAD1)", {
    cd: { HAD1: 1 },
    l1: { APTable: 0b11, UXNTable: 1, PXNTable: 1 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr"),
  }),
  stage1("ignores HAD0 when IDR3.HAD = 0 (5.4 HAD0)", {
    idr: { ...FULL, IDR3: FULL.IDR3 & ~4 },
    cd: { HAD0: 1 },
    l1: { APTable: 0b11 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr px x"),
  }),
  stage1("faults at an invalid page before it looks at APTable (7.3.22: permissions last)", {
    l1: { APTable: 0b11 },
    leaf: 0n,
    steps: [access("w", VA, stage1Fault(F_TRANSLATION, "w", VA))],
  }),
];

const HIGH = 0xffff_ff80_4020_1000n;
const upper = (title: string, fields: Fields, granted: string): ManualCase =>
  bare(title, {
    more: [
      [STE_AT, ste(STE1)],
      [CD_AT, cd({ ...CD1, EPD0: 1, EPD1: 0, TG1: 2, T1SZ: 25, TTB1: 0x4002_0000n, ...fields })],
      [0x4002_0008n, words(table(0x4002_1000n, { APTable: 0b11, PXNTable: 1 }))],
      [0x4002_1008n, words(table(0x4002_2000n))],
      [0x4002_2008n, words(page(PA))],
    ],
    steps: matrix(granted, HIGH),
  });
const had1: ManualCase[] = [
  upper(
    "ignores hierarchical permissions of the upper half when HAD1 = 1 (5.4 HAD1)",
    { HAD1: 1 },
    "pr pw r w x",
  ),
  upper(
    "applies hierarchical permissions of the upper half when only HAD0 = 1 (5.4 HAD1)",
    { HAD0: 1 },
    "pr x",
  ),
];

// ---- PAN -----------------------------------------------------------------------------------------------------------

// PAN = 1 takes privileged data accesses from what unprivileged data accesses may reach; EPAN = 1 also from what
// unprivileged instruction reads may reach. Instruction reads and unprivileged accesses do not change.
const PAN: readonly (readonly [ap: number, uxn: number, epan: number, granted: string])[] = [
  [0b00, 0, 0, "pr pw px x"],
  [0b01, 0, 0, "r w x"],
  [0b10, 0, 0, "pr px x"],
  [0b11, 0, 0, "px r x"],
  [0b01, 1, 0, "r w"],
  [0b11, 1, 0, "px r"],
  [0b00, 0, 1, "px x"],
  [0b10, 0, 1, "px x"],
  [0b01, 0, 1, "r w x"],
  [0b11, 0, 1, "px r x"],
  [0b00, 1, 1, "pr pw px"],
  [0b10, 1, 1, "pr px"],
  [0b11, 1, 1, "px r"],
];

const pan: ManualCase[] = [
  ...PAN.map(([AP, UXN, EPAN, granted]) =>
    stage1(
      `grants ${granted} with PAN = 1, EPAN = ${EPAN}, AP = 0b${binary(AP)}, UXN = ${UXN} (5.4 PAN, EPAN)`,
      {
        cd: { PAN: 1, EPAN },
        leaf: page(PA, { AP, UXN }),
        steps: matrix(granted),
      },
    ),
  ),
  stage1("does nothing with EPAN = 1 while PAN = 0 (5.4 EPAN)", {
    cd: { EPAN: 1 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr pw r w x"),
  }),
  stage1("sees no unprivileged access under APTable = 0b01, so PAN takes nothing (5.4 PAN)", {
    cd: { PAN: 1 },
    l1: { APTable: 0b01 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("pr pw px x"),
  }),
  stage1("sees it again when HAD0 = 1 (5.4 PAN note)", {
    cd: { PAN: 1, HAD0: 1 },
    l1: { APTable: 0b01 },
    leaf: page(PA, { AP: 0b01 }),
    steps: matrix("r w x"),
  }),
  stage1("sees no unprivileged execute under UXNTable = 1, so EPAN takes nothing (5.4 EPAN)", {
    cd: { PAN: 1, EPAN: 1 },
    l2: { UXNTable: 1 },
    leaf: page(PA, { AP: 0b00 }),
    steps: matrix("pr pw px"),
  }),
  stage1("applies PAN to a stream made privileged by PRIVCFG, and not to one made unprivileged (5.4 PAN)", {
    ste: { PRIVCFG: 3 },
    cd: { PAN: 1 },
    leaf: page(PA, { AP: 0b01 }),
    steps: [
      access("r", VA, stage1Fault(F_PERMISSION, "pr", VA)),
      access("w", VA, stage1Fault(F_PERMISSION, "pw", VA)),
    ],
  }),
  stage1("does not apply PAN to a stream made unprivileged by PRIVCFG (5.4 PAN)", {
    ste: { PRIVCFG: 2 },
    cd: { PAN: 1 },
    leaf: page(PA, { AP: 0b01 }),
    steps: [access("pr", VA, pa(PA)), access("pw", VA, pa(PA))],
  }),
];

// ---- Overrides -----------------------------------------------------------------------------------------------------

const NO_OVERRIDE: Idr = { ...FULL, IDR1: FULL.IDR1 & ~(1 << 26) };
/** An access of one kind that is checked and recorded as another. */
const as = (kind: Kind, effective: Kind): Step => access(kind, VA, stage1Fault(F_PERMISSION, effective, VA));
const ok = (kind: Kind): Step => access(kind, VA, pa(PA, 12));

const overrides: ManualCase[] = [
  stage1("makes all accesses privileged with PRIVCFG = 0b11 (5.2 PRIVCFG)", {
    ste: { PRIVCFG: 3 },
    leaf: page(PA, { AP: 0b00, PXN: 1 }),
    steps: [ok("r"), ok("w"), ok("pr"), as("x", "px"), as("px", "px")],
  }),
  stage1("makes all accesses unprivileged with PRIVCFG = 0b10 (5.2 PRIVCFG)", {
    ste: { PRIVCFG: 2 },
    leaf: page(PA, { AP: 0b00, PXN: 1 }),
    steps: [as("pr", "r"), as("pw", "w"), as("r", "r"), ok("px"), ok("x")],
  }),
  stage1("keeps the incoming privilege with PRIVCFG = 0b01 (5.2 PRIVCFG: reserved, behaves as 0b00)", {
    ste: { PRIVCFG: 1 },
    leaf: page(PA, { AP: 0b00 }),
    steps: [as("r", "r"), ok("pr")],
  }),
  stage1("makes reads instruction reads with INSTCFG = 0b11, writes stay data (5.2 INSTCFG, 13.1.2)", {
    ste: { INSTCFG: 3 },
    leaf: page(PA, { AP: 0b01, UXN: 1 }),
    steps: [as("r", "x"), as("pr", "px"), ok("w"), ok("pw"), as("x", "x")],
  }),
  stage1("makes instruction reads data with INSTCFG = 0b10 (5.2 INSTCFG)", {
    ste: { INSTCFG: 2 },
    leaf: page(PA, { AP: 0b11, UXN: 1, PXN: 1 }),
    steps: [ok("x"), ok("px"), ok("r"), as("w", "w")],
  }),
  stage1("keeps the incoming instruction attribute with INSTCFG = 0b01 (5.2 INSTCFG: behaves as 0b00)", {
    ste: { INSTCFG: 1 },
    leaf: page(PA, { AP: 0b11, UXN: 1 }),
    steps: [as("x", "x"), ok("r")],
  }),
  stage1("combines both overrides: every read is a privileged instruction read (5.2)", {
    ste: { PRIVCFG: 3, INSTCFG: 3 },
    leaf: page(PA, { AP: 0b10, PXN: 1 }),
    steps: [as("r", "px"), as("w", "pw"), as("px", "px")],
  }),
  stage1("ignores PRIVCFG and INSTCFG when IDR1.ATTR_PERMS_OVR = 0 (5.2 PRIVCFG, INSTCFG)", {
    idr: NO_OVERRIDE,
    ste: { PRIVCFG: 3, INSTCFG: 3 },
    leaf: page(PA, { AP: 0b00, UXN: 1, PXN: 1 }),
    steps: [as("r", "r"), as("x", "x"), ok("pr"), as("px", "px")],
  }),
];

export const permissionsTables: ManualCase[] = [...aptable, ...hierarchy, ...had1, ...pan, ...overrides];
