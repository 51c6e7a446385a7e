// Stage 2 permissions: S2AP, XN with and without XNX, for stage 2 alone and below stage 1; which stage reports, and
// with which attributes (DDI 0487 Tables D8-76 to D8-78, D8.4.3, D8.4.4; IHI 0070 13.4.3, 6.3.4 XNX, 7.3.16).
import { page, s2page } from "../assemble.js";
import type { Idr, ManualCase, Step } from "../format.js";
import { ABORT, access, CLASS_TT, F_PERMISSION, type Kind, pa, stage1Fault, stage2Fault } from "../steps.js";
import { DATA_IPA, FULL, nested, PA, stage2, VA } from "../worlds.js";

const KINDS: readonly Kind[] = ["r", "w", "x", "pr", "pw", "px"];
const NO_XNX: Idr = { ...FULL, IDR3: FULL.IDR3 & ~0x10 };

/** Every kind of access: granted if listed, else F_PERMISSION of stage 2, CLASS = IN. */
function matrix(granted: string, ipa: bigint): Step[] {
  const allowed = new Set(granted.split(" "));
  return KINDS.map((kind) =>
    access(kind, VA, allowed.has(kind) ? pa(PA, 12) : stage2Fault(F_PERMISSION, kind, VA, ipa)),
  );
}

// Table D8-76: S2AP does not see the privilege, and does not hold back instruction reads.
const S2AP: readonly (readonly [s2ap: number, granted: string])[] = [
  [0b00, "x px"],
  [0b01, "r pr x px"],
  [0b10, "w pw x px"],
  [0b11, "r pr w pw x px"],
];
// Table D8-78 with XNX: XN[1:0] = descriptor bits 54:53.
const XNX: readonly (readonly [xn: number, granted: string])[] = [
  [0b00, "r pr w pw x px"],
  [0b01, "r pr w pw x"],
  [0b10, "r pr w pw"],
  [0b11, "r pr w pw px"],
];
// Table D8-77 without XNX: bit 54 alone, bit 53 is RES0.
const XN: readonly (readonly [xn: number, granted: string])[] = [
  [0b00, "r pr w pw x px"],
  [0b10, "r pr w pw"],
];

const binary = (value: number): string => value.toString(2).padStart(2, "0");
const ROWS: readonly (readonly [
  what: string,
  idr: Idr,
  fields: { S2AP?: number; XN?: number },
  granted: string,
])[] = [
  ...S2AP.map(
    ([s2ap, granted]) => [`S2AP = 0b${binary(s2ap)} (Table D8-76)`, FULL, { S2AP: s2ap }, granted] as const,
  ),
  ...XNX.map(
    ([xn, granted]) => [`XN = 0b${binary(xn)} with XNX (Table D8-78)`, FULL, { XN: xn }, granted] as const,
  ),
  ...XN.map(
    ([xn, granted]) => [`XN[1] = ${xn >> 1} without XNX (Table D8-77)`, NO_XNX, { XN: xn }, granted] as const,
  ),
  ["S2AP = 0b00, XN = 0b10: nothing (Tables D8-76, D8-78)", FULL, { S2AP: 0, XN: 0b10 }, ""],
  ["S2AP = 0b01, XN = 0b11 (Tables D8-76, D8-78)", FULL, { S2AP: 1, XN: 0b11 }, "r pr px"],
];

const alone = ROWS.map(([what, idr, fields, granted]) =>
  stage2(`stage 2 alone grants ${granted || "nothing"} with ${what}`, {
    idr,
    leaf: s2page(PA, fields),
    steps: matrix(granted, VA),
  }),
);

// The stage 1 page grants r w x pr pw (AP = 01: PXN is implied), so px is stage 1's fault throughout.
const below = ROWS.map(([what, idr, fields, granted]) =>
  nested(`below stage 1, stage 2 grants ${granted || "nothing"} with ${what}`, {
    idr,
    dataPage: s2page(PA, fields),
    steps: matrix(granted, DATA_IPA).map((step, index) =>
      KINDS[index] === "px" ? access("px", VA, stage1Fault(F_PERMISSION, "px", VA)) : step,
    ),
  }),
);

const both: ManualCase[] = [
  nested("reports stage 1 where both stages refuse (D8.4.3 item 1)", {
    leaf: page(DATA_IPA, { AP: 0b11 }),
    dataPage: s2page(PA, { S2AP: 1 }),
    steps: [access("w", VA, stage1Fault(F_PERMISSION, "w", VA)), access("r", VA, pa(PA, 12))],
  }),
  nested("reports stage 2 where only it refuses (D8.4.3 item 2)", {
    leaf: page(DATA_IPA, { AP: 0b01 }),
    dataPage: s2page(PA, { S2AP: 1 }),
    steps: [access("w", VA, stage2Fault(F_PERMISSION, "w", VA, DATA_IPA)), access("r", VA, pa(PA, 12))],
  }),
  nested("grants a privileged instruction read only if both stages do: PXN clear and XN = 0b11 (D8.4.4)", {
    leaf: page(DATA_IPA, { AP: 0b10 }),
    dataPage: s2page(PA, { XN: 0b11 }),
    steps: [
      access("px", VA, pa(PA, 12)),
      access("x", VA, stage2Fault(F_PERMISSION, "x", VA, DATA_IPA)),
      access("px", VA, pa(PA, 12)),
    ],
  }),
  nested("uses the overridden privilege at stage 2 with XNX (13.4.3, 5.2 PRIVCFG)", {
    ste: { PRIVCFG: 3 },
    leaf: page(DATA_IPA, { AP: 0b10 }),
    dataPage: s2page(PA, { XN: 0b01 }),
    steps: [access("x", VA, stage2Fault(F_PERMISSION, "px", VA, DATA_IPA))],
  }),
  nested("uses the overridden instruction attribute at stage 2 (5.2 INSTCFG)", {
    ste: { INSTCFG: 3 },
    dataPage: s2page(PA, { XN: 0b10 }),
    steps: [access("r", VA, stage2Fault(F_PERMISSION, "x", VA, DATA_IPA)), access("w", VA, pa(PA, 12))],
  }),
  stage2("applies PRIVCFG and INSTCFG without stage 1 too (13.1.4)", {
    ste: { PRIVCFG: 2, INSTCFG: 3 },
    leaf: s2page(PA, { XN: 0b11 }),
    steps: [access("pr", VA, stage2Fault(F_PERMISSION, "x", VA, VA)), access("pw", VA, pa(PA, 12))],
  }),
  stage2("records nothing when S2R = 0 (5.5)", {
    ste: { S2R: 0 },
    leaf: s2page(PA, { S2AP: 1 }),
    steps: [access("w", VA, ABORT), access("r", VA, pa(PA, 12))],
  }),
];

// Stage 1 tables are read as Data, by no privilege: XN does not count, read permission does.
const tables: ManualCase[] = [
  nested("walks stage 1 tables in execute-never, read-only pages of stage 2 (7.3.16: implicitly Data)", {
    l1Page: s2page(0x4021_0000n, { S2AP: 1, XN: 0b10 }),
    l2Page: s2page(0x4021_1000n, { S2AP: 1, XN: 0b01 }),
    l3Page: s2page(0x4021_2000n, { S2AP: 1, XN: 0b11 }),
    steps: [access("x", VA, pa(PA, 12)), access("w", VA, pa(PA, 12))],
  }),
  ...(
    [
      ["level 1", { l1Page: s2page(0x4021_0000n, { S2AP: 2 }) }, 0x4001_0000n],
      ["level 2", { l2Page: s2page(0x4021_1000n, { S2AP: 2 }) }, 0x4001_1000n],
      ["level 3", { l3Page: s2page(0x4021_2000n, { S2AP: 0 }) }, 0x4001_2000n],
    ] as const
  ).map(([level, pages, ipa]) =>
    nested(`gives F_PERMISSION, CLASS = TT, TTRnW = 1 for an unreadable ${level} table of stage 1 (7.3.16)`, {
      ...pages,
      steps: (["w", "px", "r"] as const).map((kind) =>
        access(kind, VA, stage2Fault(F_PERMISSION, kind, VA, ipa, { CLASS: CLASS_TT, TTRnW: 1 })),
      ),
    }),
  ),
  nested(
    "gives F_PERMISSION, CLASS = TT, TTRnW = 1 for a table in Device memory when S2PTW = 1 (5.2 S2PTW)",
    {
      ste: { S2PTW: 1 },
      l3Page: s2page(0x4021_2000n, { MemAttr: 1 }),
      steps: [
        access("w", VA, stage2Fault(F_PERMISSION, "w", VA, 0x4001_2000n, { CLASS: CLASS_TT, TTRnW: 1 })),
      ],
    },
  ),
];

export const permissionsStage2: ManualCase[] = [...alone, ...below, ...both, ...tables];
