// What the CFGI commands must reach: STEs, CDs of SubstreamIDs, L1CDs (IHI 0070 4.3.1 to 4.3.6, 5.2.1, 5.3.1, 5.4.1).
// A step's `cached` is what a configuration cache may still hold; a wider invalidation is allowed throughout.
// CDs differ in ASID, so that no TLB entry of one can answer for another.
import { block, cd, type Fields, l1cd, page, ste, words } from "../assemble.js";
import type { Access, Expect, ManualCase, Step } from "../format.js";
import {
  access,
  bypass,
  C_BAD_CD,
  C_BAD_STE,
  C_BAD_SUBSTREAMID,
  cmd,
  configError,
  pa,
  SYNC,
  store,
} from "../steps.js";
import { bare, CD_AT, CD1, NESTED_CD, nested, STE_AT, STE1, stage1, VA } from "../worlds.js";

const CFGI_STE = 3;
const CFGI_STE_RANGE = 4;
const CFGI_CD = 5;
const CFGI_CD_ALL = 6;
const cfgi = (Opcode: number, fields: Fields): Step[] => [cmd({ Opcode, ...fields }), SYNC];

const A = pa(0x1_0020_1000n);
const B = pa(0x2_0020_1000n);
const C = pa(0x3_0020_1000n);
const read = (expect: Expect, ssid?: number, more: Partial<Access> = {}): Access =>
  access("r", VA, expect, ssid === undefined ? more : { ssid, ...more });
const maybe = (now: Expect, before: Expect, ssid?: number): Access =>
  read(now, ssid, { cached: { either: [before, now] } });

/** CDs that map VA by a 1 GiB block each: tables at 0x4002_0000 (A), 0x4002_1000 (B), 0x4002_2000 (C). */
const CD_A = cd({ ...CD1, TTB0: 0x4002_0000n, ASID: 0xa });
const CD_B = cd({ ...CD1, TTB0: 0x4002_1000n, ASID: 0xb });
const CD_C = cd({ ...CD1, TTB0: 0x4002_2000n, ASID: 0xc });
const TABLES = [
  [0x4002_0008n, words(block(0x1_0000_0000n, { nG: 1 }))],
  [0x4002_1008n, words(block(0x2_0000_0000n, { nG: 1 }))],
  [0x4002_2008n, words(block(0x3_0000_0000n, { nG: 1 }))],
] as const;

function linear(title: string, fields: Fields, steps: Step[]): ManualCase {
  return bare(title, {
    more: [
      [STE_AT, ste({ ...STE1, S1ContextPtr: 0x4400_0000n, S1CDMax: 4, ...fields })],
      [0x4400_0000n, CD_A],
      [0x4400_00c0n, CD_B],
      ...TABLES,
    ],
    steps,
  });
}

/** SubstreamIDs 0 (A) and 3 (B) of a linear table; CD 3 is replaced by C. */
const change3 = store(0x4400_00c0n, CD_C);
const change0 = store(0x4400_0000n, CD_C);

const context: ManualCase[] = [
  linear("CFGI_CD of the StreamID and SubstreamID makes the new CD visible (4.3.3)", {}, [
    read(A, 0),
    read(B, 3),
    change3,
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 3, Leaf: 1 }),
    read(C, 3),
    read(A, 0),
  ]),
  linear("CFGI_CD of another SubstreamID need not (4.3.3)", {}, [
    read(B, 3),
    change3,
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 2, Leaf: 1 }),
    maybe(C, B, 3),
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 3, Leaf: 1 }),
    read(C, 3),
  ]),
  linear("CFGI_CD of another StreamID need not (4.3.3, 5.4.1)", {}, [
    read(B, 3),
    change3,
    ...cfgi(CFGI_CD, { StreamID: 2, SubstreamID: 3, Leaf: 1 }),
    maybe(C, B, 3),
  ]),
  linear(
    "CFGI_CD of SubstreamID 0 reaches the CD that S1DSS = 0b10 gives to traffic without one (4.3.3)",
    { S1DSS: 2 },
    [read(A), change0, ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0, Leaf: 1 }), read(C)],
  ),
  linear(
    "CFGI_CD of SubstreamID 0 reaches the only CD of a stream without substreams (4.3.3)",
    { S1CDMax: 0 },
    [read(A), change0, ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0, Leaf: 1 }), read(C)],
  ),
  linear("CFGI_CD_ALL reaches every CD of the StreamID (4.3.4)", {}, [
    read(A, 0),
    read(B, 3),
    change3,
    change0,
    ...cfgi(CFGI_CD_ALL, { StreamID: 1 }),
    read(C, 3),
    read(C, 0),
  ]),
  linear("CFGI_STE reaches every CD of the StreamID (4.3.1)", {}, [
    read(A, 0),
    read(B, 3),
    change3,
    change0,
    ...cfgi(CFGI_STE, { StreamID: 1, Leaf: 1 }),
    read(C, 3),
    read(C, 0),
  ]),
  linear("CFGI_STE_RANGE reaches the CDs of the StreamIDs in its aligned range (4.3.2)", {}, [
    read(B, 3),
    change3,
    // Range = 0: the two StreamIDs 0 and 1; the bottom bit of StreamID 0 is IGNORED.
    ...cfgi(CFGI_STE_RANGE, { StreamID: 0, Range: 0 }),
    read(C, 3),
  ]),
  linear("CFGI_ALL reaches everything, its StreamID is IGNORED (4.3.6)", {}, [
    read(B, 3),
    change3,
    ...cfgi(CFGI_STE_RANGE, { StreamID: 0x1234, Range: 31 }),
    read(C, 3),
  ]),
  linear("a TLBI does not stand in for CFGI_CD (4.3 head note, 3.17 note)", {}, [
    read(B, 3),
    change3,
    cmd({ Opcode: 0x30 }),
    SYNC,
    maybe(C, B, 3),
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 3, Leaf: 1 }),
    read(C, 3),
  ]),
  linear("a CD that was invalid may be cached as such: CFGI_CD makes it valid (5.4.1)", {}, [
    read(configError(C_BAD_CD, { SSV: 1, SubstreamID: 5 }), 5),
    store(0x4400_0140n, CD_C),
    maybe(C, configError(C_BAD_CD, { SSV: 1, SubstreamID: 5 }), 5),
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 5, Leaf: 1 }),
    read(C, 5),
  ]),
  linear(
    "a failed fetch is not cached: no command is needed after F_CD_FETCH (5.4.1)",
    { S1ContextPtr: 0x9000_0000n },
    [
      read(configError(0x09, { SSV: 1, SubstreamID: 3, FetchAddr: 0x9000_00c0n }), 3),
      store(STE_AT, ste({ ...STE1, S1ContextPtr: 0x4400_0000n, S1CDMax: 4 })),
      ...cfgi(CFGI_STE, { StreamID: 1, Leaf: 1 }),
      read(B, 3),
    ],
  ),
];

/** L1CD 1 leads to 0x4018_0000, where CD 0 (SubstreamID 0x40) is A; 0x4018_1000 holds B. */
function split(title: string, first: string, steps: Step[]): ManualCase {
  return bare(title, {
    more: [
      [STE_AT, ste({ ...STE1, S1ContextPtr: 0x4400_0000n, S1CDMax: 8, S1Fmt: 1 })],
      [0x4400_0008n, first],
      [0x4018_0000n, CD_A],
      [0x4018_1000n, CD_B],
      [0x4018_1040n, CD_C],
      ...TABLES,
    ],
    steps,
  });
}
const TO_A = l1cd({ V: 1, L2Ptr: 0x4018_0000n });
const moveL1 = store(0x4400_0008n, l1cd({ V: 1, L2Ptr: 0x4018_1000n }));
const NONE = configError(C_BAD_SUBSTREAMID, { SubstreamID: 0x40 });

const twoLevel: ManualCase[] = [
  split("CFGI_CD with Leaf = 0 reaches the L1CD that locates the CD (4.3.3)", TO_A, [
    read(A, 0x40),
    moveL1,
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0x40, Leaf: 0 }),
    read(B, 0x40),
  ]),
  split("CFGI_CD with Leaf = 1 need not reach the L1CD (4.3.3)", TO_A, [
    read(A, 0x40),
    moveL1,
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0x40, Leaf: 1 }),
    maybe(B, A, 0x40),
    ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0x40, Leaf: 0 }),
    read(B, 0x40),
  ]),
  split(
    "CFGI_CD with Leaf = 0 of any SubstreamID under the L1CD makes a new level 2 table visible (5.3.1)",
    l1cd({ V: 0 }),
    [
      read(NONE, 0x40),
      store(0x4400_0008n, TO_A),
      ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0x7f, Leaf: 0 }),
      read(A, 0x40),
    ],
  ),
  split("CFGI_CD_ALL reaches the L1CDs of the StreamID (4.3.4)", TO_A, [
    read(A, 0x40),
    moveL1,
    ...cfgi(CFGI_CD_ALL, { StreamID: 1 }),
    read(B, 0x40),
    read(C, 0x41),
  ]),
  split("CFGI_STE with Leaf = 1 reaches the L1CDs of the StreamID (4.3.1)", TO_A, [
    read(A, 0x40),
    moveL1,
    ...cfgi(CFGI_STE, { StreamID: 1, Leaf: 1 }),
    read(B, 0x40),
  ]),
  split("an L1CD taken away is gone after CFGI_CD_ALL (5.3.1)", TO_A, [
    read(A, 0x40),
    store(0x4400_0008n, l1cd({ V: 0 })),
    ...cfgi(CFGI_CD_ALL, { StreamID: 1 }),
    read(NONE, 0x40),
  ]),
];

const streams: ManualCase[] = [
  stage1("CFGI_STE makes a new STE visible: from stage 1 to bypass and to invalid (4.3.1)", {
    steps: [
      access("r", VA, pa(0x5000_1000n)),
      store(STE_AT, ste({ ...STE1, Config: 4 })),
      ...cfgi(CFGI_STE, { StreamID: 1, Leaf: 1 }),
      access("r", VA, bypass(VA)),
      store(STE_AT, ste({ ...STE1, V: 0 })),
      ...cfgi(CFGI_STE, { StreamID: 1, Leaf: 1 }),
      access("r", VA, configError(C_BAD_STE)),
    ],
  }),
  stage1("CFGI_STE of another StreamID need not (4.3.1)", {
    steps: [
      access("r", VA, pa(0x5000_1000n)),
      store(STE_AT, ste({ ...STE1, Config: 4 })),
      ...cfgi(CFGI_STE, { StreamID: 2, Leaf: 1 }),
      access("r", VA, bypass(VA), { cached: { either: [pa(0x5000_1000n), bypass(VA)] } }),
    ],
  }),
  stage1("changes PRIVCFG by CFGI_STE alone: it is no part of a TLB entry (5.2.1)", {
    leaf: page(0x5000_1000n, { AP: 0 }),
    steps: [
      access("pr", VA, pa(0x5000_1000n)),
      store(STE_AT, ste({ ...STE1, PRIVCFG: 3 })),
      ...cfgi(CFGI_STE, { StreamID: 1, Leaf: 1 }),
      access("r", VA, pa(0x5000_1000n)),
    ],
  }),
  stage1("changes CD.R and CD.A by CFGI_CD alone: they are no part of a TLB entry (5.4.1)", {
    leaf: page(0x5000_1000n, { AP: 3 }),
    steps: [
      access("r", VA, pa(0x5000_1000n)),
      access("w", VA, { event: "1300000001000000000000000002000000102040000000000000000000000000" }),
      store(CD_AT, cd({ ...CD1, R: 0 })),
      ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0, Leaf: 1 }),
      access("w", VA, { abort: true }),
      access("r", VA, pa(0x5000_1000n)),
    ],
  }),
  nested("CFGI_CD makes a new CD visible that is fetched through stage 2 (4.3.3)", {
    steps: [
      access("r", VA, pa(0x5000_1000n)),
      // The new CD starts at level 2: T0SZ = 34, its root IPA 0x4001_1000; another ASID, so another tag.
      store(NESTED_CD, cd({ ...CD1, T0SZ: 34, TTB0: 0x4001_1000n, ASID: 0x77 })),
      ...cfgi(CFGI_CD, { StreamID: 1, SubstreamID: 0, Leaf: 1 }),
      access("r", 0x20_1000n, pa(0x5000_1000n)),
    ],
  }),
];

export const configCaches: ManualCase[] = [...context, ...twoLevel, ...streams];
