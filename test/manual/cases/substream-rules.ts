// Which transactions reach a CD at all: S1DSS, SSV without substreams or without stage 1, bad L1CDs and CDs, and the
// records C_BAD_SUBSTREAMID, F_STREAM_DISABLED, F_CD_FETCH, C_BAD_CD (IHI 0070 5.2 S1DSS, 5.3.1, 7.3.7, 7.3.9 to 11).
import { block, cd, type Fields, l1cd, ste, words } from "../assemble.js";
import type { Idr, ManualCase, Step } from "../format.js";
import {
  ABORT,
  access,
  bypass,
  C_BAD_CD,
  C_BAD_STE,
  C_BAD_SUBSTREAMID,
  configError,
  F_ADDR_SIZE,
  F_CD_FETCH,
  F_STREAM_DISABLED,
  F_TRANSLATION,
  pa,
  stage1Fault,
  stage2Fault,
} from "../steps.js";
import { bare, CD1, DATA_IPA, FULL, nested, PA, STE_AT, STE1, stage2, VA, withOas } from "../worlds.js";

const FIRST = pa(0x1_0020_1000n);
const SECOND = pa(0x2_0020_1000n);
const UNMAPPED = 0x12_3456_7000n;

/** Four CDs at 0x4400_0000: 0 maps to 0x1_0020_1000, 1 to 0x2_0020_1000, 2 has V = 0, 3 an illegal T0SZ of 63. */
function four(title: string, fields: Fields, steps: Step[], idr: Idr = FULL): ManualCase {
  return bare(title, {
    idr,
    more: [
      [STE_AT, ste({ ...STE1, S1ContextPtr: 0x4400_0000n, S1CDMax: 2, ...fields })],
      [0x4400_0000n, cd({ ...CD1, TTB0: 0x4002_0000n })],
      [0x4400_0040n, cd({ ...CD1, TTB0: 0x4002_1000n, ASID: 0x23 })],
      [0x4400_0080n, cd({ ...CD1, V: 0 })],
      [0x4400_00c0n, cd({ ...CD1, T0SZ: 63 })],
      [0x4002_0008n, words(block(0x1_0000_0000n))],
      [0x4002_1008n, words(block(0x2_0000_0000n))],
    ],
    steps,
  });
}

/** StreamID and nothing else: the record has no SSV and no SubstreamID (7.3.7), unlike C_BAD_STE and C_BAD_CD. */
const disabled = () => configError(F_STREAM_DISABLED);
const bad = (ssid: number) => configError(C_BAD_SUBSTREAMID, { SubstreamID: ssid });

const s1dss: ManualCase[] = [
  four(
    "terminates a transaction without SubstreamID when S1DSS = 0b00: F_STREAM_DISABLED (5.2 S1DSS, 7.3.7)",
    { S1DSS: 0 },
    [
      access("r", VA, disabled()),
      access("pw", VA, disabled()),
      access("r", VA, FIRST, { ssid: 0 }),
      access("r", VA, SECOND, { ssid: 1 }),
    ],
  ),
  four("takes S1DSS = 0b11 as 0b00 (5.2 S1DSS)", { S1DSS: 3 }, [
    access("r", VA, disabled()),
    access("r", VA, FIRST, { ssid: 0 }),
    access("r", VA, SECOND, { ssid: 1 }),
  ]),
  four(
    "bypasses stage 1 without SubstreamID when S1DSS = 0b01, and uses CD 0 with SubstreamID 0 (5.2)",
    { S1DSS: 1 },
    [
      access("r", VA, bypass(VA)),
      access("w", 0x1234_5678_9abcn, bypass(0x1234_5678_9abcn)),
      access("px", 0x1234_5678_9abcn, bypass(0x1234_5678_9abcn)),
      access("r", VA, FIRST, { ssid: 0 }),
      access("r", VA, SECOND, { ssid: 1 }),
    ],
  ),
  four(
    "gives F_ADDR_SIZE for an S1DSS = 0b01 bypass above the OAS of 44 bits (3.4, 7.3.14: S2 = 0, CLASS = IN)",
    { S1DSS: 1 },
    [
      access("r", 0xfff_ffff_fff0n, bypass(0xfff_ffff_fff0n)),
      access("w", 0x1000_0000_0000n, stage1Fault(F_ADDR_SIZE, "w", 0x1000_0000_0000n)),
      // Top Byte Ignore is off where no CD is used (3.4.1).
      access("r", 0xab00_0000_4020_1000n, stage1Fault(F_ADDR_SIZE, "r", 0xab00_0000_4020_1000n)),
    ],
    withOas(4),
  ),
  four(
    "fetches no CD for an S1DSS = 0b01 bypass, so a bad S1ContextPtr content does not matter (5.2)",
    {
      S1DSS: 1,
      S1ContextPtr: 0x9000_0000n,
    },
    [
      access("r", VA, bypass(VA)),
      access("r", VA, configError(F_CD_FETCH, { SSV: 1, SubstreamID: 1, FetchAddr: 0x9000_0040n }), {
        ssid: 1,
      }),
    ],
  ),
  four(
    "uses CD 0 without SubstreamID when S1DSS = 0b10, and refuses SubstreamID 0: F_STREAM_DISABLED (5.2 S1DSS)",
    { S1DSS: 2 },
    [access("r", VA, FIRST), access("r", VA, disabled(), { ssid: 0 }), access("r", VA, SECOND, { ssid: 1 })],
  ),
  four(
    "reports C_BAD_SUBSTREAMID before F_STREAM_DISABLED, and C_BAD_STE before both (7.3.22)",
    { S1DSS: 2 },
    [access("r", VA, bad(4), { ssid: 4 }), access("r", VA, bad(0xfffff), { ssid: 0xfffff })],
  ),
  four(
    "reports C_BAD_STE before C_BAD_SUBSTREAMID and F_STREAM_DISABLED (7.3.22)",
    { S1DSS: 0, S1CDMax: 21 },
    [
      access("r", VA, configError(C_BAD_STE)),
      access("r", VA, configError(C_BAD_STE, { SSV: 1, SubstreamID: 0xfffff }), { ssid: 0xfffff }),
    ],
  ),
  four("ignores S1DSS when S1CDMax = 0: CD 0 without SubstreamID (5.2 S1DSS)", { S1DSS: 0, S1CDMax: 0 }, [
    access("r", VA, FIRST),
    access("r", VA, bad(0), { ssid: 0 }),
  ]),
];

const withoutSubstreams: ManualCase[] = [
  four(
    "refuses any SubstreamID when SSIDSIZE = 0: C_BAD_SUBSTREAMID (5.2 S1CDMax, 7.3.9)",
    { S1CDMax: 0 },
    [access("r", VA, FIRST), access("r", VA, bad(0), { ssid: 0 })],
    { ...FULL, IDR1: FULL.IDR1 & ~0x7c0 },
  ),
  four("refuses any SubstreamID when Config = 0b100: C_BAD_SUBSTREAMID (5.2 S1Fmt, 7.3.9)", { Config: 4 }, [
    access("r", VA, bypass(VA)),
    access("r", VA, bad(0), { ssid: 0 }),
    access("w", VA, bad(3), { ssid: 3 }),
  ]),
  stage2("refuses any SubstreamID when Config = 0b110: C_BAD_SUBSTREAMID (5.2 S1Fmt, 7.3.9)", {
    steps: [
      access("r", VA, pa(PA)),
      access("r", VA, bad(0), { ssid: 0 }),
      access("r", VA, bad(9), { ssid: 9 }),
    ],
  }),
  four("aborts without a record when Config = 0b000, whatever the SubstreamID (5.2 Config)", { Config: 0 }, [
    access("r", VA, ABORT),
    access("r", VA, ABORT, { ssid: 1 }),
    access("r", VA, ABORT, { ssid: 0xfffff }),
  ]),
];

const records: ManualCase[] = [
  four("carries SSV and SubstreamID in C_BAD_CD (7.3.11)", {}, [
    access("r", VA, configError(C_BAD_CD, { SSV: 1, SubstreamID: 2 }), { ssid: 2 }),
    access("r", VA, configError(C_BAD_CD, { SSV: 1, SubstreamID: 3 }), { ssid: 3 }),
  ]),
  four("carries SSV and SubstreamID in a translation fault (7.3.13)", {}, [
    access("r", UNMAPPED, stage1Fault(F_TRANSLATION, "r", UNMAPPED, { SSV: 1, SubstreamID: 1 }), { ssid: 1 }),
    access("pw", UNMAPPED, stage1Fault(F_TRANSLATION, "pw", UNMAPPED, { SSV: 1, SubstreamID: 0 }), {
      ssid: 0,
    }),
  ]),
  four("leaves SSV clear where CD 0 serves a transaction without SubstreamID (7.3 SSV)", { S1DSS: 2 }, [
    access("r", UNMAPPED, stage1Fault(F_TRANSLATION, "r", UNMAPPED)),
  ]),
  four(
    "reports the address of the CD in F_CD_FETCH (7.3.10 FetchAddr)",
    { S1ContextPtr: 0xa000_0000n, S1CDMax: 8 },
    [
      access("r", VA, configError(F_CD_FETCH, { SSV: 1, SubstreamID: 0x85, FetchAddr: 0xa000_2140n }), {
        ssid: 0x85,
      }),
      access("r", VA, configError(F_CD_FETCH, { SSV: 1, SubstreamID: 0, FetchAddr: 0xa000_0000n }), {
        ssid: 0,
      }),
    ],
  ),
  four(
    "refuses an S1ContextPtr above the OAS of 44 bits with stage 1 only: C_BAD_STE (3.4.3 note 1)",
    {
      S1ContextPtr: 0x1000_0000_0000n,
    },
    [access("r", VA, configError(C_BAD_STE, { SSV: 1, SubstreamID: 1 }), { ssid: 1 })],
    withOas(4),
  ),
];

/** A two-level table, 4KB leaves, 2^8 CDs; L1CD n at 0x4400_0000 + 8 n. */
function split(title: string, fields: Fields, l1: string[], steps: Step[], idr: Idr = FULL): ManualCase {
  return bare(title, {
    idr,
    more: [
      [STE_AT, ste({ ...STE1, S1ContextPtr: 0x4400_0000n, S1CDMax: 8, S1Fmt: 1, ...fields })],
      [0x4400_0000n, l1.join("")],
      [0x4018_0000n, cd({ ...CD1, TTB0: 0x4002_0000n })],
      [0x4018_0040n, cd({ ...CD1, TTB0: 0x4002_1000n, ASID: 0x23 })],
      [0x4002_0008n, words(block(0x1_0000_0000n))],
      [0x4002_1008n, words(block(0x2_0000_0000n))],
    ],
    steps,
  });
}

const HERE = l1cd({ V: 1, L2Ptr: 0x4018_0000n });
const ABSENT = l1cd({ V: 0, L2Ptr: 0x4018_0000n });

const l1cds: ManualCase[] = [
  split(
    "gives C_BAD_SUBSTREAMID for an L1CD with V = 0, its L2Ptr ignored (5.3.1)",
    {},
    [HERE, ABSENT],
    [
      access("r", VA, SECOND, { ssid: 1 }),
      access("r", VA, bad(0x40), { ssid: 0x40 }),
      access("r", VA, bad(0x7f), { ssid: 0x7f }),
    ],
  ),
  split(
    "gives C_BAD_CD for CDs of a level 2 table that hold V = 0 (5.4 V)",
    {},
    [HERE],
    [access("r", VA, configError(C_BAD_CD, { SSV: 1, SubstreamID: 2 }), { ssid: 2 })],
  ),
  split(
    "records SubstreamID 0 when S1DSS = 0b10 leads to an L1CD with V = 0 (7.3.9)",
    { S1DSS: 2 },
    [ABSENT, HERE],
    [access("r", VA, bad(0)), access("r", VA, FIRST, { ssid: 0x40 })],
  ),
  split(
    "reads CD 0 through L1CD 0 when S1DSS = 0b10 (5.2 S1DSS)",
    { S1DSS: 2 },
    [HERE],
    [access("r", VA, FIRST), access("r", VA, SECOND, { ssid: 1 })],
  ),
  split(
    "gives C_BAD_SUBSTREAMID for an L2Ptr above the OAS of 44 bits (3.4.3 note 3, 7.3.9)",
    {},
    [l1cd({ V: 1, L2Ptr: 0x1000_4018_0000n })],
    [access("r", VA, bad(1), { ssid: 1 })],
    withOas(4),
  ),
  split(
    "reports the address of the L1CD in F_CD_FETCH when that is out of memory (7.3.10)",
    {
      S1ContextPtr: 0x9000_0000n,
    },
    [],
    [
      access("r", VA, configError(F_CD_FETCH, { SSV: 1, SubstreamID: 0x41, FetchAddr: 0x9000_0008n }), {
        ssid: 0x41,
      }),
    ],
  ),
  split(
    "reports the address of the CD in F_CD_FETCH when the level 2 table is out of memory (7.3.10)",
    {},
    [HERE, l1cd({ V: 1, L2Ptr: 0x9000_0000n })],
    [
      access("r", VA, configError(F_CD_FETCH, { SSV: 1, SubstreamID: 0x43, FetchAddr: 0x9000_00c0n }), {
        ssid: 0x43,
      }),
    ],
  ),
];

const bypassIntoStage2: ManualCase[] = [
  nested("sends an S1DSS = 0b01 transaction without SubstreamID straight to stage 2 (5.2 S1DSS)", {
    ste: { S1CDMax: 1, S1DSS: 1 },
    // The CD page has no translation: it must not be needed.
    cdPage: 0n,
    steps: [
      access("r", DATA_IPA, pa(PA, 12)),
      access("w", VA, stage2Fault(F_TRANSLATION, "w", VA, VA)),
      access("r", 0x80_0000_0000n, stage2Fault(F_TRANSLATION, "r", 0x80_0000_0000n, 0x80_0000_0000n)),
      access("r", 0x10_0000_0000_0000n, stage1Fault(F_ADDR_SIZE, "r", 0x10_0000_0000_0000n)),
      access(
        "r",
        VA,
        stage2Fault(F_TRANSLATION, "r", VA, 0x4000_1000n, { CLASS: 0, SSV: 1, SubstreamID: 0 }),
        {
          ssid: 0,
        },
      ),
    ],
  }),
];

export const substreamRules: ManualCase[] = [
  ...s1dss,
  ...withoutSubstreams,
  ...records,
  ...l1cds,
  ...bypassIntoStage2,
];
