// What must be checked again although a cached translation is at hand: permissions and the fault's fields, the flags
// that belong to a stream and not to a translation, and stage 2 write permission for updates of stage 1 descriptors
// (IHI 0070 5.2.1 and 5.4.1 lists of what may be cached, 3.13.5, 7.3.13, 7.3.16).
import { block, cd, page, s2page, ste, table, words } from "../assemble.js";
import type { ManualCase } from "../format.js";
import {
  ABORT,
  access,
  CLASS_TT,
  F_ACCESS,
  F_PERMISSION,
  F_TRANSLATION,
  holds,
  type Kind,
  pa,
  stage1Fault,
  stage2Fault,
  store,
} from "../steps.js";
import { CD1, DATA_IPA, L3_S2, NESTED_L3, nested, PA, STE1, STE2, stage1, stage2, VA } from "../worlds.js";

const MAPPED = pa(PA, 12);
const two = { sid: 2 };

// ---- Streams that share a translation ------------------------------------------------------------------------------

/** STE of stream 2, at 0x4000_0080, with the CD and tables of stream 1. */
const second = (fields: object) =>
  [[0x4000_0080n, ste({ ...STE1, ...fields })]] as (readonly [bigint, string])[];

const shared: ManualCase[] = [
  stage1("checks each stream's own PRIVCFG against a shared translation (5.2.1: not cached with it)", {
    ste: { PRIVCFG: 3 },
    more: second({ PRIVCFG: 2 }),
    leaf: page(PA, { AP: 0b00 }),
    steps: [
      access("r", VA, MAPPED),
      access("pr", VA, stage1Fault(F_PERMISSION, "r", VA, { StreamID: 2 }), two),
      access("w", VA, MAPPED),
    ],
  }),
  stage1("checks each stream's own INSTCFG against a shared translation (5.2.1)", {
    more: second({ INSTCFG: 3 }),
    leaf: page(PA, { AP: 0b01, UXN: 1 }),
    steps: [
      access("r", VA, MAPPED),
      access("r", VA, stage1Fault(F_PERMISSION, "x", VA, { StreamID: 2 }), two),
      access("w", VA, MAPPED, two),
    ],
  }),
  stage1(
    "records by the R flag of the CD in use, not of the one that filled the TLB (5.4.1: A, R, S not cached)",
    {
      more: [
        [0x4000_0080n, ste({ ...STE1, S1ContextPtr: 0x4000_1040n })],
        [0x4000_1040n, cd({ ...CD1, R: 0 })],
      ],
      leaf: page(PA, { AP: 0b11 }),
      steps: [
        access("r", VA, MAPPED),
        access("w", VA, ABORT, two),
        access("r", VA, MAPPED, two),
        access("w", VA, stage1Fault(F_PERMISSION, "w", VA)),
      ],
    },
  ),
  stage2("records by the S2R flag of the STE in use (5.2.1: S2R not cached with a translation)", {
    more: [[0x4000_0080n, ste({ ...STE2, S2R: 0 })]],
    leaf: s2page(PA, { S2AP: 0b01 }),
    steps: [
      access("r", VA, MAPPED),
      access("w", VA, ABORT, two),
      access("w", VA, stage2Fault(F_PERMISSION, "w", VA, VA)),
    ],
  }),
  nested(
    "keeps a VA of a substream and the same IPA of traffic without SubstreamID apart (5.2 S1DSS = 0b01)",
    {
      // SubstreamID 0: VA 0x8020_1000 goes to IPA 0x8020_2000; without SubstreamID 0x8020_1000 is an IPA.
      ste: { S1CDMax: 1, S1DSS: 1 },
      more: [
        [0x4021_0010n, words(table(0x4001_1000n))],
        [NESTED_L3, words(page(0x8020_2000n))],
        [0x4010_4008n, words(s2page(PA), s2page(0x6000_2000n))],
      ],
      steps: [
        access("r", DATA_IPA, pa(0x6000_2000n), { ssid: 0 }),
        access("r", DATA_IPA, MAPPED),
        access("r", DATA_IPA, pa(0x6000_2000n), { ssid: 0 }),
        access("r", DATA_IPA, MAPPED),
      ],
    },
  ),
  stage1(
    "keeps two substreams of one stream apart by their ASIDs, and TLBI_NH_ASID reaches one (3.17, 4.4.2.2)",
    {
      ste: { S1CDMax: 1, S1DSS: 2, S1ContextPtr: 0x4400_0000n },
      leaf: page(PA, { nG: 1 }),
      more: [
        [0x4400_0000n, cd(CD1)],
        [0x4400_0040n, cd({ ...CD1, ASID: 0x23, TTB0: 0x4003_0000n })],
        [0x4003_0008n, words(block(0x2_0000_0000n, { nG: 1 }))],
      ],
      steps: [
        access("r", VA, MAPPED),
        access("r", VA, pa(0x2_0020_1000n, 30), { ssid: 1 }),
        store(0x4001_2008n, words(page(0x6000_1000n, { nG: 1 }))),
        store(0x4003_0008n, words(block(0x3_0000_0000n, { nG: 1 }))),
        { op: "cmd", hex: "11000000110023000000000000000000" },
        access("r", VA, pa(0x3_0020_1000n, 30), { ssid: 1 }),
        access("r", VA, pa(0x6000_1000n, 12), { cached: MAPPED }),
      ],
    },
  ),
];

// ---- Faults on a hit -----------------------------------------------------------------------------------------------

// Stage 1 maps 2 MiB to IPA 0x8020_0000; stage 2 maps IPA pages 1 and 2 of it, readable only.
const BLOCK = [
  [0x4021_1008n, words(block(0x8020_0000n))],
  [0x4010_4008n, words(s2page(PA, { S2AP: 1 }), s2page(0x7777_2000n, { S2AP: 1, XN: 2 }))],
] as const;
const hit = (kind: Kind, va: bigint, ipa: bigint) =>
  access(kind, va, stage2Fault(F_PERMISSION, kind, va, ipa));

const onHit: ManualCase[] = [
  nested("records the IPA of the page in a stage 2 fault below a stage 1 block, hit or miss (7.3.13 IPA)", {
    more: [...BLOCK],
    steps: [
      access("r", VA + 0x10n, pa(PA + 0x10n, 12)),
      access("r", VA + 0x1020n, pa(0x7777_2020n, 12)),
      hit("w", VA + 0x678n, 0x8020_1000n),
      hit("pw", VA + 0x1abcn, 0x8020_2000n),
      hit("x", VA + 0x1004n, 0x8020_2000n),
      access("x", VA + 0x4n, pa(PA + 4n, 12)),
    ],
  }),
  nested("records it with 64KB tables of stage 1 over 4KB pages of stage 2 (7.3.13 IPA)", {
    cd: { TG0: 1, T0SZ: 25, TTB0: 0x4002_0000n },
    more: [
      // Stage 2 level 3 entries 32 and 48 of IPA 0x4000_0000: the 64KB tables at IPA 0x4002_0000 and 0x4003_0000.
      [0x4010_6100n, words(s2page(0x4022_0000n))],
      [0x4010_6180n, words(s2page(0x4023_0000n))],
      // VA 0x4020_0000: level 2 index VA[38:29] = 2, level 3 index VA[28:16] = 0x20.
      [0x4022_0010n, words(table(0x4003_0000n))],
      [0x4023_0100n, words(page(0x8020_0000n))],
      [0x4010_4008n, words(s2page(PA, { S2AP: 1 }), s2page(0x7777_2000n, { S2AP: 1 }))],
    ],
    steps: [
      access("r", VA, MAPPED),
      access("r", VA + 0x1008n, pa(0x7777_2008n, 12)),
      hit("w", VA + 0x8n, 0x8020_1000n),
      hit("w", VA + 0x1008n, 0x8020_2000n),
    ],
  }),
  nested("gives the stage 1 fault on a hit where stage 1 refuses too (D8.4.3 item 1)", {
    leaf: page(DATA_IPA, { AP: 0b11 }),
    dataPage: s2page(PA, { S2AP: 1 }),
    steps: [access("r", VA, MAPPED), access("w", VA, stage1Fault(F_PERMISSION, "w", VA))],
  }),
];

// ---- Updates of stage 1 descriptors behind cached walks ------------------------------------------------------------

// Pages 1 and 2 of one level 3 table: page 1 needs no update and brings the walk into the caches.
const SECOND_IPA = 0x8020_2000n;
const SECOND_PA = 0x6000_2000n;
const YOUNG = page(SECOND_IPA, { AF: 0 });
const CLEAN = page(SECOND_IPA, { AP: 0b11, DBM: 1 });
const secondPage = (leaf: bigint) =>
  [
    [0x4021_2010n, words(leaf)],
    [0x4010_4010n, words(s2page(SECOND_PA))],
  ] as const;
const refusedUpdate = (kind: Kind) =>
  access(
    kind,
    VA + 0x1000n,
    stage2Fault(F_PERMISSION, kind, VA + 0x1000n, 0x4001_2000n, { CLASS: CLASS_TT, TTRnW: 0 }),
  );

const updates: ManualCase[] = [
  nested("refuses the AF update of a second page in a read-only table, the walk being cached (3.13.5)", {
    cd: { HA: 1 },
    l3Page: s2page(0x4021_2000n, { S2AP: 1 }),
    more: [...secondPage(YOUNG)],
    steps: [
      access("r", VA, MAPPED),
      refusedUpdate("r"),
      holds(0x4021_2010n, words(YOUNG)),
      refusedUpdate("w"),
    ],
  }),
  nested("refuses the dirty update of a second page in a read-only table, the walk being cached (3.13.5)", {
    cd: { HA: 1, HD: 1 },
    l3Page: s2page(0x4021_2000n, { S2AP: 1 }),
    more: [...secondPage(CLEAN)],
    steps: [
      access("w", VA, MAPPED),
      access("r", VA + 0x1000n, pa(SECOND_PA, 12)),
      refusedUpdate("w"),
      holds(0x4021_2010n, words(CLEAN)),
    ],
  }),
  nested(
    "makes the table's page dirty for the AF update of a second page, the walk being cached (D8.5.2.1 R_BDJJL)",
    {
      ste: { S2HA: 1, S2HD: 1 },
      cd: { HA: 1 },
      l3Page: s2page(0x4021_2000n, { S2AP: 1, DBM: 1 }),
      more: [...secondPage(YOUNG)],
      steps: [
        access("r", VA, MAPPED),
        access("r", VA + 0x1000n, pa(SECOND_PA, 12)),
        holds(0x4021_2010n, words(page(SECOND_IPA))),
        holds(L3_S2, words(s2page(0x4021_2000n, { S2AP: 3, DBM: 1 }))),
      ],
    },
  ),
  nested("gives F_ACCESS for a second page with AF = 0 when HA = 0, the walk being cached (7.3.15)", {
    more: [...secondPage(YOUNG)],
    steps: [
      access("r", VA, MAPPED),
      access("r", VA + 0x1000n, stage1Fault(F_ACCESS, "r", VA + 0x1000n)),
      store(0x4021_2010n, words(page(SECOND_IPA))),
      access("r", VA + 0x1000n, pa(SECOND_PA, 12)),
    ],
  }),
  nested("gives F_TRANSLATION, CLASS = IN for a second page whose IPA stage 2 does not map (7.3.13)", {
    more: [[0x4021_2010n, words(page(0x8020_3000n))]],
    steps: [
      access("r", VA, MAPPED),
      access("w", VA + 0x1678n, stage2Fault(F_TRANSLATION, "w", VA + 0x1678n, 0x8020_3000n)),
    ],
  }),
  stage1("carries APTable of a cached walk over to the next page (D8.4.1.2.2)", {
    l1: { APTable: 0b10 },
    l2: { UXNTable: 1 },
    more: [[0x4001_2010n, words(page(0x6000_2000n))]],
    steps: [
      access("r", VA, MAPPED),
      access("w", VA + 0x1000n, stage1Fault(F_PERMISSION, "w", VA + 0x1000n)),
      access("x", VA + 0x1000n, stage1Fault(F_PERMISSION, "x", VA + 0x1000n)),
      access("r", VA + 0x1000n, pa(0x6000_2000n, 12)),
    ],
  }),
];

export const cachedChecks: ManualCase[] = [...shared, ...onHit, ...updates];
