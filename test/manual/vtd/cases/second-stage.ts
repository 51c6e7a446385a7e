// The second stage alone (VT-d 3.7, 9.8): levels and widths, large pages, reserved bits, rights, flags; by PASID, without,
// and in legacy mode (9.3).
import { PS, SNP, SS_A, SS_D, SS_OPEN, SS_R, SS_SET, SS_W } from "../assemble.js";
import type { VtdCase } from "../format.js";
import { access, fault, holds, type Kind, pa, plain, plainFault, silent } from "../steps.js";
import {
  ECAP,
  FULL,
  IOVA,
  IOVA5,
  legacy,
  PA,
  type Path,
  SECOND_DID,
  SS,
  second,
  withHostWidth,
  without,
  withoutCap,
} from "../worlds.js";

const OPEN = pa(PA + 0x678n, 12);
const read = (expect = OPEN, iova = IOVA) => access("r", iova + 0x678n, expect);
const denied = (reason: number, kind: Kind = "r", iova = IOVA) =>
  access(kind, iova, fault(reason, kind, iova));
const step = (kind: Kind, reason?: number) =>
  reason === undefined ? access(kind, IOVA, pa(PA, 12)) : denied(reason, kind);

const AW39 = { AW: 1, SSPTPTR: 0x4010_1000n };
const AW57 = { AW: 3, SSPTPTR: 0x4011_0000n };
const levels: VtdCase[] = [
  second("walks 3 levels with AW 1, 0x84 from 2^39 on (3.7, Table 30)", {
    entry: AW39,
    steps: [
      access("r", 0x4020_1678n, OPEN, { fetches: 3 }),
      plain("w", 0x4020_1678n, OPEN, { fetches: 3 }),
      denied(0x79, "r", 0x7f_ffff_f000n),
      denied(0x84, "r", 0x80_0000_0000n),
      denied(0x84, "r", 0x80_4020_1000n),
    ],
  }),
  second("walks 4 levels with AW 2, 0x84 from 2^48 on (3.7)", {
    steps: [
      access("r", IOVA + 0x678n, OPEN, { fetches: 4 }),
      denied(0x79, "r", 0xffff_ffff_f000n),
      denied(0x84, "r", 0x1_0000_0000_0000n),
      denied(0x84, "r", 0xffff_8080_4020_1000n),
    ],
  }),
  second("walks 5 levels with AW 3, 0x84 from 2^57 on (3.7)", {
    entry: AW57,
    steps: [
      access("r", IOVA5 + 0x678n, OPEN, { fetches: 5 }),
      denied(0x79, "r", 0x1ff_ffff_ffff_f000n),
      denied(0x84, "r", 0x200_0000_0000_0000n),
      denied(0x84, "r", 0xff01_0080_4020_1000n),
    ],
  }),
  second("takes no more than MGAW of an address (3.7, 11.4.2)", {
    features: { ...withHostWidth(42), cap: (FULL.cap & ~(0x3fn << 16n)) | (41n << 16n) },
    steps: [read(), denied(0x79, "r", 0x3ff_ffff_f000n), denied(0x84, "r", 0x400_0000_0000n)],
  }),
  ...[0, 4, 7].map((AW) => second(`has no AW ${AW}: 0x5B (9.6)`, { entry: { AW }, steps: [denied(0x5b)] })),
  second("has no AW that CAP.SAGAW lacks: 0x5B (9.6, 11.4.2)", {
    features: withoutCap(1n << 11n),
    entry: AW57,
    steps: [denied(0x5b)],
  }),
  second("cannot read a root outside RAM: 0x7B (Table 30)", {
    entry: { SSPTPTR: 0x9000_0000n },
    steps: [denied(0x7b)],
  }),
  ...(["l4", "l3", "l2"] as const).map((level) =>
    second(`cannot read the table behind ${level} outside RAM: 0x78 (Table 30)`, {
      path: { [level]: 0x9000_0000n | SS_OPEN },
      steps: [denied(0x78)],
    }),
  ),
];

const large: VtdCase[] = [
  second("has pages of 2 MiB (9.8)", {
    path: { l2: 0x6000_0000n | PS | SS_OPEN },
    steps: [access("r", IOVA + 0x678n, pa(0x6000_1678n, 21), { fetches: 3 })],
  }),
  second("has pages of 1 GiB (9.8)", {
    path: { l3: 0x1_0000_0000n | PS | SS_OPEN },
    steps: [access("r", IOVA + 0x678n, pa(0x1_0020_1678n, 30), { fetches: 2 })],
  }),
  second("has no 2 MiB pages without CAP.SSLPS: 0x7A (9.8, 11.4.2)", {
    features: withoutCap(3n << 34n),
    path: { l2: 0x6000_0000n | PS | SS_OPEN },
    steps: [denied(0x7a)],
  }),
  second("has no 1 GiB pages without CAP.SSLPS bit 35: 0x7A (9.8, 11.4.2)", {
    features: withoutCap(1n << 35n),
    path: { l3: 0x1_0000_0000n | PS | SS_OPEN },
    steps: [denied(0x7a)],
  }),
  second("ignores bit 7 of a 4 KiB page (9.8)", { path: { l1: PA | PS | SS_OPEN }, steps: [read()] }),
];

const RESERVED: readonly (readonly [what: string, path: Path])[] = [
  ["PS at level 4", { l4: 0x4010_1000n | PS | SS_OPEN }],
  [
    "bit 12 of a 2 MiB page: one more than in the first stage",
    { l2: 0x6000_0000n | (1n << 12n) | PS | SS_OPEN },
  ],
  ["bit 20 of a 2 MiB page", { l2: 0x6000_0000n | (1n << 20n) | PS | SS_OPEN }],
  ["bit 12 of a 1 GiB page", { l3: 0x1_0000_0000n | (1n << 12n) | PS | SS_OPEN }],
  ["bit 29 of a 1 GiB page", { l3: 0x1_0000_0000n | (1n << 29n) | PS | SS_OPEN }],
  ["SNP in a table", { l3: 0x4010_2000n | SNP | SS_OPEN }],
  ["bit 46 of a page beyond HAW 46", { l1: PA | (1n << 46n) | SS_OPEN }],
  ["bit 51 of a table beyond HAW 46", { l4: 0x4010_1000n | (1n << 51n) | SS_OPEN }],
];
const bits: VtdCase[] = [
  ...RESERVED.map(([what, path]) =>
    second(`refuses ${what} with 0x7A (9.8, Table 30)`, {
      features: withHostWidth(46),
      path,
      steps: [denied(0x7a)],
    }),
  ),
  second("has SNP in pages with ECAP.SC (9.8)", { path: { l1: PA | SNP | SS_OPEN }, steps: [read()] }),
  second("has no SNP without ECAP.SC: 0x7A (9.8, 11.4.3)", {
    features: without(ECAP.SC),
    path: { l1: PA | SNP | SS_OPEN },
    steps: [denied(0x7a)],
  }),
  second("looks at nothing else of an entry without R and W: 0x79, not 0x7A (9.8)", {
    path: { l2: 0xffff_ffff_ffff_fffcn },
    steps: [denied(0x79)],
  }),
  second("ignores X, EMT, IPAT, bit 10 and bits 63:52 (9.8)", {
    path: { l1: PA | (0xfffn << 52n) | 0x47cn | SS_OPEN },
    steps: [read(), step("w")],
  }),
];

/** [R and W at level 3, at the leaf, reasons of a read and of a write]. */
const RIGHTS: readonly (readonly [what: string, l3: bigint, l1: bigint, read?: number, write?: number])[] = [
  ["RW, RW", SS_OPEN, SS_OPEN],
  ["RW, R", SS_OPEN, SS_R, undefined, 0x85],
  ["R, RW", SS_R, SS_OPEN, undefined, 0x85],
  ["RW, W", SS_OPEN, SS_W, 0x86, undefined],
  ["W, RW", SS_W, SS_OPEN, 0x86, undefined],
  ["R, W: none is left", SS_R, SS_W, 0x79, 0x79],
  ["W, R: none is left", SS_W, SS_R, 0x79, 0x79],
];
const rights = RIGHTS.map(([what, l3, l1, forRead, forWrite]) =>
  second(`gives the rights of all levels: ${what} (3.7.1)`, {
    path: { l3: 0x4010_2000n | l3, l1: PA | l1 },
    steps: [step("r", forRead), step("w", forWrite), step("r", forRead)],
  }),
);

const requests: VtdCase[] = [
  second("knows no privilege: supervisors need no SRE (3.7)", { steps: [step("pr"), step("pw")] }),
  second("supports no execute requests with PASID: 0x5C, before any other (Table 30)", {
    path: { l1: 0n },
    steps: [denied(0x5c, "x"), denied(0x79, "r"), plain("x", IOVA, plainFault(0x79, "r", IOVA))],
  }),
  second("supports no execute requests with PASID where the page is cached: 0x5C (Table 30)", {
    steps: [step("r"), denied(0x5c, "x"), plain("x", IOVA, pa(PA)), denied(0x5c, "px"), step("r")],
  }),
];

const flags: VtdCase[] = [
  second("sets with SSADE A in every entry of a read, D in the leaf of a write (3.7.2)", {
    entry: { SSADE: 1 },
    steps: [
      step("r"),
      holds(SS.l4, 0x4010_1000n | SS_OPEN | SS_A),
      holds(SS.l3, 0x4010_2000n | SS_OPEN | SS_A),
      holds(SS.l2, 0x4010_3000n | SS_OPEN | SS_A),
      holds(SS.l1, PA | SS_OPEN | SS_A),
      step("w"),
      holds(SS.l1, PA | SS_SET),
      holds(SS.l2, 0x4010_3000n | SS_OPEN | SS_A),
    ],
  }),
  second("sets no flags without SSADE (3.7.2)", { steps: [step("w"), holds(SS.l1, PA | SS_OPEN)] }),
  second("has no SSADE without ECAP.SSADS: 0x5A (9.6)", {
    features: without(ECAP.SSADS),
    entry: { SSADE: 1 },
    steps: [denied(0x5a)],
  }),
  ...(["l4", "l3", "l2", "l1"] as const).map((level) =>
    second(`cannot set A of ${level} without PWSNP: 0x7C (3.7.2, Table 30)`, {
      entry: { SSADE: 1, PWSNP: 0 },
      path: {
        l4: 0x4010_1000n | SS_SET,
        l3: 0x4010_2000n | SS_SET,
        l2: 0x4010_3000n | SS_SET,
        l1: PA | SS_SET,
        [level]: { l4: 0x4010_1000n, l3: 0x4010_2000n, l2: 0x4010_3000n, l1: PA }[level] | SS_OPEN | SS_D,
      },
      steps: [denied(0x7c)],
    }),
  ),
];

const legacyMode: VtdCase[] = [
  legacy("legacy: walks the second stage of the context entry (9.3)", {
    steps: [plain("r", IOVA + 0x678n, OPEN, { fetches: 4 }), plain("w", IOVA, pa(PA, 12))],
  }),
  legacy("legacy: refuses requests with PASID, always recorded: 0x31 (Table 30)", {
    entry: { FPD: 1 },
    steps: [denied(0x31)],
  }),
  ...(
    [
      ["an absent leaf", { l1: 0n }, 0x6, 0x5],
      ["a leaf without W", { l1: PA | SS_R }, undefined, 0x5],
      ["a leaf without R", { l1: PA | SS_W }, 0x6, undefined],
      ["a reserved bit", { l2: 0x6000_0000n | PS | (1n << 12n) | SS_OPEN }, 0xc, 0xc],
      ["a table outside RAM", { l3: 0x9000_0000n | SS_OPEN }, 0x7, 0x7],
    ] as const
  ).map(([what, path, forRead, forWrite]) =>
    legacy(`legacy: has codes of its own for ${what} (Table 30)`, {
      path,
      steps: [
        plain("r", IOVA, forRead === undefined ? pa(PA) : plainFault(forRead, "r", IOVA)),
        plain("w", IOVA, forWrite === undefined ? pa(PA) : plainFault(forWrite, "w", IOVA)),
      ],
    }),
  ),
  legacy("legacy: cannot read a root outside RAM: 0x3 (Table 30)", {
    entry: { SSPTPTR: 0x9000_0000n },
    steps: [plain("r", IOVA, plainFault(0x3, "r", IOVA))],
  }),
  legacy("legacy: an address too wide is 0x4 (Table 30)", {
    steps: [plain("r", 1n << 48n, plainFault(0x4, "r", 1n << 48n))],
  }),
  ...(
    [
      [{ TT: 3 }, 0x3],
      [{ AW: 0 }, 0x3],
      [{ P: 0 }, 0x2],
    ] as const
  ).flatMap(([entry, reason]) => [
    legacy(`legacy: ${JSON.stringify(entry)} is 0x${reason} (9.3, Table 30)`, {
      entry,
      steps: [plain("r", IOVA, plainFault(reason, "r", IOVA))],
    }),
    legacy(`legacy: ${JSON.stringify(entry)} with FPD is not recorded (9.3)`, {
      entry: { ...entry, FPD: 1 },
      steps: [plain("r", IOVA, silent(reason))],
    }),
  ]),
  legacy("legacy: TT 2 passes addresses below 2^HAW, 0x4 above (9.3, 3.9)", {
    features: withHostWidth(46),
    entry: { TT: 2, DID: SECOND_DID },
    steps: [
      plain("w", 0x3fff_ffff_ffffn, { bypass: true, pa: 0x3fff_ffff_ffffn }),
      plain("w", 0x4000_0000_0000n, plainFault(0x4, "w", 0x4000_0000_0000n)),
    ],
  }),
];

export const secondStageCases: readonly VtdCase[] = [
  ...levels,
  ...large,
  ...bits,
  ...rights,
  ...requests,
  ...flags,
  ...legacyMode,
];
