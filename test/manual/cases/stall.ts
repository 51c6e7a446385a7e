// Which faults stall: CD.S and STE.S1STALLD at stage 1, S2S at stage 2, under each stall model; every row of the A, R, S
// table (IHI 0070 5.5), and the legality of S (5.4.2, 5.2.2). What becomes of stalled transactions is test/smmuv3's.
import { cd, page, s2page, words } from "../assemble.js";
import type { Expect, Idr, ManualCase } from "../format.js";
import {
  ABORT,
  access,
  C_BAD_CD,
  C_BAD_STE,
  CLASS_CD,
  CLASS_TT,
  configError,
  F_ACCESS,
  F_ADDR_SIZE,
  F_PERMISSION,
  F_TRANSLATION,
  F_WALK_EABT,
  pa,
  refused,
  stage1Fault,
  stage2Fault,
  store,
} from "../steps.js";
import { CD_AT, CD1, DATA_IPA, FULL, nested, PA, S1_L2, stage1, stage2, VA } from "../worlds.js";

/** IDR0: STALL_MODEL 25:24, TERM_MODEL 26 = 0. IDR5: STALL_MAX 31:16 = 16. */
const model = (stall: 0 | 1 | 2): Idr => ({
  ...FULL,
  IDR0: (FULL.IDR0 & ~(7 << 24)) | (stall << 24),
  IDR5: FULL.IDR5 | (stall === 1 ? 0 : 16 << 16),
});
const EITHER = model(0);
const FORCED = model(2);

/** The same record with Stall = 1, on a transaction that is held. */
function stalled(record: Expect): Expect {
  if (!("event" in record) || record.event === undefined) throw new Error("no record");
  // Bit 95 is the top bit of byte 11, which nothing else of these records has.
  const { event } = record;
  return { stalled: true, event: `${event.slice(0, 22)}80${event.slice(24)}` };
}

// The four Translation-related faults of stage 1, each by one write.
const STAGE_1 = [
  ["F_TRANSLATION", F_TRANSLATION, 0n, 5],
  ["F_ADDR_SIZE", F_ADDR_SIZE, page(0x10_0000_0000n), 1],
  ["F_ACCESS", F_ACCESS, page(PA, { AF: 0 }), 5],
  ["F_PERMISSION", F_PERMISSION, page(PA, { AP: 0b11 }), 5],
] as const;

/** What ARS asks for: the device's answer, with or without a record. */
function ending(A: number, R: number, S: number, record: Expect): Expect {
  if (S === 1) return stalled(record);
  const event = R === 1 && "event" in record ? record.event : undefined;
  if (A === 0) return { razwi: true, event };
  return event === undefined ? ABORT : { event };
}

const bits = [0, 1] as const;
const ars = bits.flatMap((A) => bits.flatMap((R) => bits.map((S) => [A, R, S] as const)));

const rows = ([EITHER, FORCED] as const).flatMap((idr) =>
  STAGE_1.flatMap(([name, type, leaf, IPS]) =>
    ars
      .filter(([, , S]) => idr === EITHER || S === 1)
      .map(([A, R, S]): ManualCase => {
        const forced = idr === FORCED ? " and STALL_MODEL = 0b10" : "";
        const what = `ends ${name} of stage 1 as ARS = 0b${A}${R}${S} says${forced} (5.5)`;
        const outcome = ending(A, R, S, stage1Fault(type, "w", VA));
        return stage1(what, { idr, cd: { A, R, S, IPS }, leaf, steps: [access("w", VA, outcome)] });
      }),
  ),
);

// Stage 2 alone: four faults; S2R = 0 does not silence a stall.
const STAGE_2 = [
  ["F_TRANSLATION", F_TRANSLATION, 0n, 5],
  ["F_ADDR_SIZE", F_ADDR_SIZE, s2page(0x10_0000_0000n), 1],
  ["F_ACCESS", F_ACCESS, s2page(PA, { AF: 0 }), 5],
  ["F_PERMISSION", F_PERMISSION, s2page(PA, { S2AP: 0b01 }), 5],
] as const;

const stage2Rows = STAGE_2.flatMap(([name, type, leaf, S2PS]) =>
  bits.flatMap((S2R) =>
    bits.map((S2S): ManualCase => {
      const outcome = ending(1, S2R, S2S, stage2Fault(type, "w", VA, VA));
      return stage2(`ends ${name} of stage 2 as S2R = ${S2R}, S2S = ${S2S} say, A = 1 implied (5.5)`, {
        idr: EITHER,
        ste: { S2R, S2S, S2PS },
        leaf,
        steps: [access("w", VA, outcome)],
      });
    }),
  ),
);

// Both stages: the stage that faults decides (3.12.5), whatever the access of stage 2 was for.
const BOTH = bits.flatMap((S) => bits.map((S2S) => [S, S2S] as const));
const nestedRows = BOTH.flatMap(([S, S2S]): ManualCase[] => {
  const config = `stage 1 ${S ? "stalls" : "terminates"}, stage 2 ${S2S ? "stalls" : "terminates"}`;
  const at2 = (record: Expect): Expect => (S2S ? stalled(record) : record);
  const base = { idr: EITHER, ste: { S2S }, cd: { S } };
  return [
    nested(`${config}: a fault of stage 1 (3.12.5)`, {
      ...base,
      leaf: 0n,
      steps: [
        access(
          "r",
          VA,
          S ? stalled(stage1Fault(F_TRANSLATION, "r", VA)) : stage1Fault(F_TRANSLATION, "r", VA),
        ),
      ],
    }),
    nested(`${config}: a fault of stage 2 on the output (3.12.5)`, {
      ...base,
      dataPage: 0n,
      steps: [access("r", VA, at2(stage2Fault(F_TRANSLATION, "r", VA, DATA_IPA)))],
    }),
    nested(`${config}: a fault of stage 2 on a stage 1 descriptor (3.12.2.3)`, {
      ...base,
      l3Page: 0n,
      steps: [access("r", VA, at2(stage2Fault(F_TRANSLATION, "r", VA, 0x4001_2008n, { CLASS: CLASS_TT })))],
    }),
    nested(`${config}: a fault of stage 2 on the CD (3.12.2.3)`, {
      ...base,
      cdPage: 0n,
      steps: [access("r", VA, at2(stage2Fault(F_TRANSLATION, "r", VA, CD_AT, { CLASS: CLASS_CD })))],
    }),
  ];
});

/** Where S may not be what it is (5.5): a CD that is legal translates. */
const LEGAL = pa(PA);
const ILLEGAL_CD = configError(C_BAD_CD);
const ILLEGAL_STE = configError(C_BAD_STE);
const cdLegality = (
  [
    // STALL_MODEL, STE.S1STALLD, CD.S
    [0, 0, 0, LEGAL],
    [0, 0, 1, LEGAL],
    [0, 1, 0, LEGAL],
    [0, 1, 1, ILLEGAL_CD],
    [1, 0, 0, LEGAL],
    [1, 0, 1, ILLEGAL_CD],
    [1, 1, 0, ILLEGAL_STE],
    [1, 1, 1, ILLEGAL_STE],
    [2, 0, 0, ILLEGAL_CD],
    [2, 0, 1, LEGAL],
    [2, 1, 0, ILLEGAL_STE],
    [2, 1, 1, ILLEGAL_STE],
  ] as const
).map(([STALL_MODEL, S1STALLD, S, outcome]) =>
  stage1(`legality of CD.S = ${S} with STALL_MODEL = ${STALL_MODEL}, S1STALLD = ${S1STALLD} (5.5)`, {
    idr: model(STALL_MODEL),
    ste: { S1STALLD },
    cd: { S },
    steps: [access("r", VA, outcome)],
  }),
);

const steLegality = (
  [
    [0, 0, LEGAL],
    [0, 1, LEGAL],
    [1, 0, LEGAL],
    [1, 1, ILLEGAL_STE],
    [2, 0, ILLEGAL_STE],
    [2, 1, LEGAL],
  ] as const
).map(([STALL_MODEL, S2S, outcome]) =>
  stage2(`legality of S2S = ${S2S} with STALL_MODEL = ${STALL_MODEL} (5.5)`, {
    idr: model(STALL_MODEL),
    ste: { S2S },
    steps: [access("r", VA, outcome)],
  }),
);

const others: ManualCase[] = [
  stage1("ignores S2S and S1STALLD of stages that are off (5.2 S2S, S1STALLD)", {
    idr: FORCED,
    ste: { S2S: 0 },
    cd: { S: 1 },
    steps: [access("r", VA, LEGAL)],
  }),
  stage2("ignores S1STALLD without stage 1 (5.2 S1STALLD)", {
    idr: FORCED,
    ste: { S1STALLD: 1, S2S: 1 },
    steps: [access("r", VA, LEGAL)],
  }),
  stage1("aborts F_WALK_EABT and records it although S = 1 (5.5)", {
    idr: EITHER,
    cd: { S: 1, A: 0, R: 0 },
    more: [[S1_L2, words(0x9000_0003n)]],
    steps: [access("r", VA, stage1Fault(F_WALK_EABT, "r", VA, { CLASS: CLASS_TT, FetchAddr: 0x9000_0008n }))],
  }),
  stage1("aborts C_BAD_CD and records it although S = 1 (5.5)", {
    idr: EITHER,
    cd: { S: 1, T0SZ: 63 },
    steps: [access("r", VA, ILLEGAL_CD)],
  }),
  stage2("aborts an address beyond the OAS at a bypassed stage 1 although S2S = 1 (3.12)", {
    idr: EITHER,
    ste: { S2S: 1, S2R: 0 },
    steps: [access("r", 1n << 60n, stage1Fault(F_ADDR_SIZE, "r", 1n << 60n))],
  }),
  stage1("stalls a transaction with the attributes after the STE's override (7.3.13)", {
    idr: EITHER,
    // Privileged instruction.
    ste: { PRIVCFG: 3, INSTCFG: 3 },
    cd: { S: 1, R: 0 },
    leaf: 0n,
    steps: [access("r", VA, stalled(stage1Fault(F_TRANSLATION, "px", VA)))],
  }),
  stage1("keeps CD.S in the configuration cache until CFGI_CD (4.3.4)", {
    idr: EITHER,
    cd: { S: 1 },
    leaf: 0n,
    steps: [
      access("r", VA, stalled(stage1Fault(F_TRANSLATION, "r", VA))),
      store(CD_AT, cd({ ...CD1, S: 0 })),
      access("r", VA, stage1Fault(F_TRANSLATION, "r", VA), {
        cached: stalled(stage1Fault(F_TRANSLATION, "r", VA)),
      }),
    ],
  }),
  stage1("refuses RESUME with SSec = 1 on this queue (4.1.6)", {
    idr: EITHER,
    steps: [refused({ Opcode: 0x44, SSec: 1 }), refused({ Opcode: 0x45, SSec: 1 })],
  }),
  stage1("refuses RESUME and STALL_TERM with STALL_MODEL = 0b01 (4.7.1, 4.7.2)", {
    idr: model(1),
    steps: [refused({ Opcode: 0x44 }), refused({ Opcode: 0x45 })],
  }),
];

export const stalls: readonly ManualCase[] = [
  ...rows,
  ...stage2Rows,
  ...nestedRows,
  ...cdLegality,
  ...steLegality,
  ...others,
];
