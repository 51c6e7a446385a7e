// Rights of the first stage by privilege (VT-d 3.6.1), SRE, WPE, RID_PRIV, and the flags that hardware sets (3.6.2).
import { A, D, EA, FS_OPEN, P, RW, US } from "../assemble.js";
import type { VtdCase } from "../format.js";
import {
  access,
  either,
  fault,
  holds,
  type Kind,
  PASID,
  pa,
  piotlbPasid,
  plain,
  plainFault,
  store,
} from "../steps.js";
import { ECAP, FS, first, IOVA, PA, without } from "../worlds.js";

const ok = (kind: Kind) => access(kind, IOVA, pa(PA, 12));
const step = (kind: Kind, reason: number | undefined) =>
  reason === undefined ? ok(kind) : access(kind, IOVA, fault(reason, kind, IOVA));

/** [SRE, WPE, what the leaf lacks, then reasons of user read, user write, supervisor read, supervisor write]. */
type Row = readonly [
  SRE: number,
  WPE: number,
  lacks: bigint,
  r?: number,
  w?: number,
  pr?: number,
  pw?: number,
];
const MATRIX: readonly Row[] = [
  [0, 0, 0n, undefined, undefined, 0x5d, 0x5d],
  [0, 1, 0n, undefined, undefined, 0x5d, 0x5d],
  [0, 0, RW, undefined, 0x85, 0x5d, 0x5d],
  [0, 0, US, 0x81, 0x81, 0x5d, 0x5d],
  [1, 0, 0n],
  [1, 1, 0n],
  [1, 0, RW, undefined, 0x85, undefined, undefined],
  [1, 1, RW, undefined, 0x85, undefined, 0x85],
  [1, 0, US, 0x81, 0x81, undefined, undefined],
  [1, 1, US, 0x81, 0x81, undefined, undefined],
];
const name = (lacks: bigint): string =>
  lacks === 0n ? "an open page" : lacks === RW ? "R/W = 0" : "U/S = 0";
const matrix = MATRIX.map(([SRE, WPE, lacks, r, w, pr, pw]) =>
  first(`SRE ${SRE}, WPE ${WPE}, ${name(lacks)}: users and supervisors (3.6.1)`, {
    entry: { SRE, WPE },
    path: { l1: PA | (FS_OPEN & ~lacks) },
    steps: [step("r", r), step("w", w), step("pr", pr), step("pw", pw)],
  }),
);

const levels: VtdCase[] = (["l4", "l3", "l2", "l1"] as const).flatMap((level) => {
  const address = { l4: 0x4001_1000n, l3: 0x4001_2000n, l2: 0x4001_3000n, l1: PA }[level];
  return [
    first(`takes writing away at ${level} (3.6.1: R/W of all levels)`, {
      path: { [level]: address | (FS_OPEN & ~RW) },
      steps: [step("r", undefined), step("w", 0x85)],
    }),
    first(`takes users' access away at ${level} (3.6.1: U/S of all levels)`, {
      path: { [level]: address | (FS_OPEN & ~US) },
      steps: [step("r", 0x81), step("w", 0x81)],
    }),
  ];
});

const privilege: VtdCase[] = [
  first("may name either of two missing rights of a user's write: 0x81 or 0x85 (Table 30)", {
    path: { l1: PA | (FS_OPEN & ~RW & ~US) },
    steps: [step("r", 0x81), access("w", IOVA, either(fault(0x81, "w", IOVA), fault(0x85, "w", IOVA)))],
  }),
  first("takes RID_PRIV for the privilege of requests without PASID, whatever they say (9.4, 3.6.1)", {
    context: { RID_PRIV: 1 },
    entry: { SRE: 1, WPE: 1 },
    path: { l1: PA | (FS_OPEN & ~US & ~RW) },
    steps: [
      plain("r", IOVA, pa(PA)),
      plain("pr", IOVA, pa(PA)),
      plain("w", IOVA, plainFault(0x85, "w", IOVA)),
      access("r", IOVA, fault(0x81, "r", IOVA)),
    ],
  }),
  first("takes requests without PASID for users' with RID_PRIV 0, whatever they say (9.4, 3.6.1)", {
    entry: { SRE: 1 },
    path: { l1: PA | (FS_OPEN & ~US) },
    steps: [plain("pr", IOVA, plainFault(0x81, "r", IOVA)), access("pr", IOVA, pa(PA))],
  }),
  first("refuses RID_PRIV 1 without SRE: 0x5D (3.6.1, Table 30)", {
    context: { RID_PRIV: 1 },
    steps: [plain("r", IOVA, plainFault(0x5d, "r", IOVA)), ok("r")],
  }),
  first("has no SRE without ECAP.SRS: 0x5A (9.6)", {
    features: without(ECAP.SRS),
    entry: { SRE: 1 },
    steps: [step("r", 0x5a)],
  }),
  first("has no RID_PRIV without ECAP.SRS: 0x42, for every request (9.4)", {
    features: without(ECAP.SRS),
    context: { RID_PRIV: 1 },
    steps: [step("r", 0x42), plain("r", IOVA, plainFault(0x42, "r", IOVA))],
  }),
  first("asks for SRE before it looks at the address: 0x5D, not 0x80 (Table 30)", {
    steps: [
      access("pr", 1n << 60n, fault(0x5d, "pr", 1n << 60n)),
      access("r", 1n << 60n, fault(0x80, "r", 1n << 60n)),
    ],
  }),
  first("supports no execute requests: 0x5C, before the 0x5D of supervisors (3.6.1, Table 30)", {
    steps: [ok("r"), step("x", 0x5c), step("px", 0x5c), ok("r")],
  }),
];

// ---- Flags ---------------------------------------------------------------------------------------------------------

const CLEAR = P | RW | US;
/** All levels with these flags. */
const all = (flags: bigint) => ({
  l4: 0x4001_1000n | flags,
  l3: 0x4001_2000n | flags,
  l2: 0x4001_3000n | flags,
  l1: PA | flags,
});

const flags: VtdCase[] = [
  first("sets A in every entry of a read, D in the leaf of a write (3.6.2)", {
    path: all(CLEAR),
    steps: [
      ok("r"),
      holds(FS.l4, 0x4001_1000n | CLEAR | A),
      holds(FS.l1, PA | CLEAR | A),
      ok("w"),
      holds(FS.l1, PA | CLEAR | A | D),
      holds(FS.l2, 0x4001_3000n | CLEAR | A),
    ],
  }),
  first("sets EA with A in every entry with EAFE (3.6.2)", {
    entry: { EAFE: 1 },
    path: all(CLEAR),
    steps: [
      ok("w"),
      holds(FS.l4, 0x4001_1000n | CLEAR | A | EA),
      holds(FS.l3, 0x4001_2000n | CLEAR | A | EA),
      holds(FS.l2, 0x4001_3000n | CLEAR | A | EA),
      holds(FS.l1, PA | CLEAR | A | D | EA),
    ],
  }),
  first("sets EA where A is set already with EAFE (3.6.2)", {
    entry: { EAFE: 1 },
    steps: [ok("r"), holds(FS.l4, 0x4001_1000n | FS_OPEN | EA), holds(FS.l1, PA | FS_OPEN | EA)],
  }),
  first("sets no EA without EAFE (3.6.2)", {
    path: all(CLEAR),
    steps: [ok("r"), holds(FS.l1, PA | CLEAR | A)],
  }),
  first("has no EAFE without ECAP.EAFS: 0x5A (9.6)", {
    features: without(ECAP.EAFS),
    entry: { EAFE: 1 },
    steps: [step("r", 0x5a)],
  }),
  first(
    "never clears a flag, and sets those that software has cleared once the caches have forgotten (3.6.2, 6.5.2)",
    {
      steps: [
        ok("w"),
        holds(FS.l1, PA | FS_OPEN),
        store(FS.l1, PA | CLEAR),
        piotlbPasid(0x22, PASID, 1),
        ok("r"),
        holds(FS.l1, PA | CLEAR | A),
      ],
    },
  ),
  ...(["l4", "l3", "l2", "l1"] as const).map((level) =>
    first(`cannot set A of ${level} without PWSNP: 0x90 (3.6.2, Table 30)`, {
      entry: { PWSNP: 0 },
      path: { [level]: all(CLEAR | D)[level] },
      steps: [step("r", 0x90), holds(FS[level], all(CLEAR | D)[level])],
    }),
  ),
  first("cannot set D without PWSNP: 0x90 for a write, a read passes (3.6.2)", {
    entry: { PWSNP: 0 },
    path: { l1: PA | CLEAR | A },
    steps: [step("r", undefined), step("w", 0x90), step("r", undefined)],
  }),
  first("cannot set EA without PWSNP: 0x90 (3.6.2)", {
    entry: { PWSNP: 0, EAFE: 1 },
    steps: [step("r", 0x90)],
  }),
  first("needs no PWSNP when all flags are set (3.6.2)", { entry: { PWSNP: 0 }, steps: [ok("r"), ok("w")] }),
  first("has no PWSNP without ECAP.SMPWC: 0x5A (9.6)", {
    features: without(ECAP.SMPWC, ECAP.EAFS, ECAP.SSADS),
    steps: [step("r", 0x5a)],
  }),
  first("cannot set flags without ECAP.SMPWC: 0x90 (3.6.2)", {
    features: without(ECAP.SMPWC, ECAP.EAFS, ECAP.SSADS),
    entry: { PWSNP: 0 },
    path: { l1: PA | CLEAR },
    steps: [step("r", 0x90)],
  }),
];

export const privilegeCases: readonly VtdCase[] = [...matrix, ...levels, ...privilege, ...flags];
