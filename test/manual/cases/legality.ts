// Which sizes are legal: CD.TxSZ by granule, DS, STT and VAX, and {S2SL0_2, S2SL0} with S2T0SZ by granule, S2DS, STT
// and IAS. A legal one faults on the empty root table (F_TRANSLATION), an illegal one is C_BAD_CD or C_BAD_STE
// (IHI 0070 5.2 S2T0SZ, S2SL0, 5.2.2; 5.4 T0SZ, TG0, 5.4.2; DDI 0487 Tables D8-18 to D8-24, D8-28 to D8-33, D8-37 to
// D8-41).
import { cd, ste } from "../assemble.js";
import type { Idr, ManualCase } from "../format.js";
import {
  access,
  C_BAD_CD,
  C_BAD_STE,
  configError,
  F_TRANSLATION,
  stage1Fault,
  stage2Fault,
} from "../steps.js";
import { bare, CD_AT, CD1, FULL, STE_AT, STE1, STE2, withOas } from "../worlds.js";

const NO_STT: Idr = { ...FULL, IDR3: FULL.IDR3 & ~(1 << 9) };
const NO_DS: Idr = { ...FULL, IDR5: FULL.IDR5 & ~(1 << 7) };
/** VAX = 0 (bits 11:10), and so no DS either (6.3.6 DS). */
const NO_VAX: Idr = { ...FULL, IDR5: FULL.IDR5 & ~0xc80 };
/** Granules: IDR5 bits 4 (4K), 5 (16K), 6 (64K). */
const ONLY_4K: Idr = { ...FULL, IDR5: FULL.IDR5 & ~0x60 };
const ONLY_64K: Idr = { ...FULL, IDR5: FULL.IDR5 & ~0xb0 };

// ---- Stage 1 -------------------------------------------------------------------------------------------------------

/** TG0 encodings (5.4): 0 = 4KB, 1 = 64KB, 2 = 16KB, 3 reserved. */
type Row1 = readonly [idr: Idr, what: string, tg0: number, ds: number, legal: number[], illegal: number[]];

const STAGE1: readonly Row1[] = [
  [FULL, "4KB", 0, 0, [16, 39, 40, 48], [0, 12, 15, 49, 63]],
  [FULL, "4KB, DS = 1", 0, 1, [12, 15, 16, 39, 48], [11, 49]],
  [FULL, "16KB", 2, 0, [16, 17, 39, 40, 48], [12, 15, 49]],
  [FULL, "16KB, DS = 1", 2, 1, [12, 16, 48], [11, 49]],
  [FULL, "64KB", 1, 0, [12, 16, 39, 40, 47], [11, 48]],
  [FULL, "reserved TG0 = 0b11", 3, 0, [], [25]],
  [NO_STT, "4KB without STT", 0, 0, [16, 39], [15, 40, 48]],
  [NO_STT, "16KB without STT", 2, 0, [39], [40]],
  [NO_STT, "64KB without STT", 1, 0, [12, 39], [40, 47]],
  [NO_DS, "4KB without IDR5.DS", 0, 1, [16], [12, 15]],
  [NO_DS, "16KB without IDR5.DS", 2, 1, [16], [12, 15]],
  [NO_DS, "64KB without IDR5.DS", 1, 0, [12], [11]],
  [NO_VAX, "64KB without 52-bit VAs", 1, 0, [16], [12, 15]],
  [NO_VAX, "4KB without 52-bit VAs", 0, 0, [16], [15]],
  [ONLY_4K, "16KB, not supported", 2, 0, [], [25]],
  [ONLY_4K, "64KB, not supported", 1, 0, [], [25]],
  [ONLY_64K, "4KB, not supported", 0, 0, [], [25]],
];

const stage1 = (title: string, idr: Idr, fields: object, legal: boolean): ManualCase =>
  bare(title, {
    idr,
    more: [
      [STE_AT, ste(STE1)],
      [CD_AT, cd({ ...CD1, ...fields })],
    ],
    steps: [access("r", 0n, legal ? stage1Fault(F_TRANSLATION, "r", 0n) : configError(C_BAD_CD))],
  });

const t0sz = STAGE1.flatMap(([idr, what, TG0, DS, legal, illegal]) => [
  ...legal.map((T0SZ) =>
    stage1(`allows T0SZ = ${T0SZ} for ${what} (5.4 T0SZ)`, idr, { TG0, DS, T0SZ }, true),
  ),
  ...illegal.map((T0SZ) =>
    stage1(`refuses T0SZ = ${T0SZ} for ${what}: C_BAD_CD (5.4 T0SZ, TG0)`, idr, { TG0, DS, T0SZ }, false),
  ),
]);

// TG1 has its own encoding: 0 reserved, 1 = 16KB, 2 = 4KB, 3 = 64KB (5.4 TG1). TTB0 is legal throughout.
const UPPER: readonly (readonly [what: string, fields: object, legal: boolean])[] = [
  ["TG1 = 0b00", { TG1: 0, T1SZ: 25 }, false],
  ["T1SZ = 15 for 4KB", { TG1: 2, T1SZ: 15 }, false],
  ["T1SZ = 12 for 4KB, DS = 1", { TG1: 2, T1SZ: 12, DS: 1 }, true],
  ["T1SZ = 48 for 16KB", { TG1: 1, T1SZ: 48 }, true],
  ["T1SZ = 12 for 64KB", { TG1: 3, T1SZ: 12 }, true],
  ["T1SZ = 48 for 64KB", { TG1: 3, T1SZ: 48 }, false],
];
const t1sz = UPPER.map(([what, fields, legal]) =>
  stage1(
    `${legal ? "allows" : "refuses"} ${what}, seen by an access to TTB0 (5.4 T1SZ, TG1, 5.4.1.1)`,
    FULL,
    {
      EPD1: 0,
      TTB1: 0x4005_0000n,
      ...fields,
    },
    legal,
  ),
);

// ---- Stage 2 -------------------------------------------------------------------------------------------------------

/** S2TG (5.2): 0 = 4KB, 1 = 64KB, 2 = 16KB, 3 reserved. `sl` = {S2SL0_2, S2SL0}. */
type Row2 = readonly [
  idr: Idr,
  what: string,
  s2tg: number,
  s2ds: number,
  sl: number,
  legal: number[],
  illegal: number[],
];

const STAGE2: readonly Row2[] = [
  // Table D8-19: SL0 0 → level 2, 1 → level 1, 2 → level 0, 3 → level 3; 0b100 → level -1.
  [FULL, "4KB from level 2", 0, 0, 0, [30, 33, 34, 39, 42], [29, 43]],
  [FULL, "4KB from level 1", 0, 0, 1, [21, 24, 25, 33], [20, 34]],
  [FULL, "4KB from level 0", 0, 0, 2, [16, 24], [15, 25]],
  [FULL, "4KB from level 3", 0, 0, 3, [39, 42, 43, 48], [38, 49]],
  [FULL, "4KB, S2DS = 1, from level 2", 0, 1, 0, [30, 42], [29, 43]],
  [FULL, "4KB, S2DS = 1, from level 1", 0, 1, 1, [21, 33], [20, 34]],
  [FULL, "4KB, S2DS = 1, from level 0", 0, 1, 2, [12, 13, 14, 15, 16, 24], [11, 25]],
  [FULL, "4KB, S2DS = 1, from level -1", 0, 1, 4, [12, 15], [11, 16, 24]],
  [FULL, "4KB, S2DS = 1, {S2SL0_2, S2SL0} = 0b101", 0, 1, 5, [], [12, 25]],
  [FULL, "4KB, S2DS = 1, {S2SL0_2, S2SL0} = 0b110", 0, 1, 6, [], [12, 16]],
  [FULL, "4KB, S2DS = 1, {S2SL0_2, S2SL0} = 0b111", 0, 1, 7, [], [12, 43]],
  [NO_STT, "4KB from level 3 without STT", 0, 0, 3, [], [39]],
  [NO_STT, "4KB from level 2 without STT", 0, 0, 0, [39], [40]],
  // Table D8-29: SL0 0 → level 3, 1 → level 2, 2 → level 1, 3 → level 0 with DS.
  [FULL, "16KB from level 3", 2, 0, 0, [35, 38, 39, 40, 48], [34, 49]],
  [FULL, "16KB from level 2", 2, 0, 1, [24, 27, 28, 38], [23, 39]],
  [FULL, "16KB from level 1", 2, 0, 2, [16, 17, 27], [15, 28]],
  [FULL, "16KB from level 0 without S2DS", 2, 0, 3, [], [16, 17]],
  [FULL, "16KB, S2DS = 1, from level 1", 2, 1, 2, [13, 16, 27], [12, 28]],
  [FULL, "16KB, S2DS = 1, from level 0", 2, 1, 3, [12, 16], [11, 17]],
  [NO_STT, "16KB from level 3 without STT", 2, 0, 0, [35, 39], [40]],
  // Table D8-38: SL0 0 → level 3, 1 → level 2, 2 → level 1, 3 reserved.
  [FULL, "64KB from level 3", 1, 0, 0, [31, 34, 35, 39, 40, 47], [30, 48]],
  [FULL, "64KB from level 2", 1, 0, 1, [18, 21, 22, 34], [17, 35]],
  [FULL, "64KB from level 1", 1, 0, 2, [12, 16, 21], [11, 22]],
  [FULL, "64KB, S2SL0 = 0b11", 1, 0, 3, [], [16, 25, 47]],
  [NO_STT, "64KB from level 3 without STT", 1, 0, 0, [31, 39], [40]],
  // MAX(…, 64 - IAS), IAS = OAS (3.4).
  [withOas(5), "64KB from level 1, IAS = 48 bits", 1, 0, 2, [16], [15, 12]],
  [withOas(5), "4KB, S2DS = 1, from level 0, IAS = 48 bits", 0, 1, 2, [16], [15]],
  [withOas(4), "4KB from level 0, IAS = 44 bits", 0, 0, 2, [20], [19, 16]],
  [NO_DS, "4KB from level 0 without IDR5.DS", 0, 1, 2, [16], [15]],
  // Granules.
  [FULL, "reserved S2TG = 0b11", 3, 0, 1, [], [25]],
  [ONLY_4K, "16KB, not supported", 2, 0, 2, [], [20]],
  [ONLY_4K, "64KB, not supported", 1, 0, 1, [], [25]],
  [ONLY_64K, "4KB, not supported", 0, 0, 1, [], [25]],
];

const stage2 = (title: string, idr: Idr, fields: object, legal: boolean): ManualCase =>
  bare(title, {
    idr,
    // A root that is aligned to 1 MiB, the largest start table.
    more: [[STE_AT, ste({ ...STE2, S2TTB: 0x4800_0000n, ...fields })]],
    steps: [access("r", 0n, legal ? stage2Fault(F_TRANSLATION, "r", 0n, 0n) : configError(C_BAD_STE))],
  });

const s2t0sz = STAGE2.flatMap(([idr, what, S2TG, S2DS, sl, legal, illegal]) => {
  const fields = { S2TG, S2DS, S2SL0: sl & 3, S2SL0_2: sl >> 2 };
  return [
    ...legal.map((S2T0SZ) =>
      stage2(`allows S2T0SZ = ${S2T0SZ} for ${what} (5.2 S2T0SZ, S2SL0)`, idr, { ...fields, S2T0SZ }, true),
    ),
    ...illegal.map((S2T0SZ) =>
      stage2(
        `refuses S2T0SZ = ${S2T0SZ} for ${what}: C_BAD_STE (5.2 S2T0SZ, S2SL0)`,
        idr,
        {
          ...fields,
          S2T0SZ,
        },
        false,
      ),
    ),
  ];
});

// Stage 2 fields are IGNORED while stage 2 is off (5.2).
const ignored: ManualCase[] = [
  stage1("ignores S2T0SZ, S2SL0, S2TG and S2TTB with Config = 0b101 (5.2)", FULL, {}, true),
].map((one) => ({
  ...one,
  memory: [
    [STE_AT, ste({ ...STE1, S2T0SZ: 63, S2SL0: 3, S2TG: 3, S2TTB: 0xff_ffff_ffff_fff0n })] as const,
    [CD_AT, cd(CD1)] as const,
  ],
}));

export const legality: ManualCase[] = [...t0sz, ...t1sz, ...s2t0sz, ...ignored];
