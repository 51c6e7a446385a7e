// Nested translation (VT-d 3.8): what is fetched through what, the sizes and rights that come out, and whose fault it is.
import { words } from "../../assemble.js";
import { FS_OPEN, PS, RW, SS_OPEN, SS_R, SS_W, US } from "../assemble.js";
import type { VtdCase } from "../format.js";
import { access, fault, type Kind, pa, plain, plainFault } from "../steps.js";
import { FIVE, GPA, IOVA, IOVA5, nested, PA, type Path } from "../worlds.js";

const _at = (address: bigint, ...values: bigint[]): readonly [bigint, string] => [address, words(...values)];
const AW39 = { AW: 1, SSPTPTR: 0x4010_4000n };
const AW57 = { AW: 3, SSPTPTR: 0x4011_0000n };
const OPEN = pa(PA + 0x678n, 12);
const read = (expect = OPEN, iova = IOVA) => access("r", iova + 0x678n, expect);
const denied = (reason: number, kind: Kind = "r", iova = IOVA + 0x678n) =>
  access(kind, iova, fault(reason, kind, iova));

// ---- Fetches -------------------------------------------------------------------------------------------------------

const fetches = (
  title: string,
  iova: bigint,
  entry: Parameters<typeof nested>[1]["entry"],
  count: number,
): VtdCase =>
  nested(title, {
    entry,
    steps: [
      access("r", iova + 0x678n, OPEN, { fetches: count }),
      plain("r", iova + 0x678n, OPEN, { fetches: count }),
    ],
  });

const walks: VtdCase[] = [
  fetches("reads 24 entries for 4 levels over 4, by PASID and without (3.8)", IOVA, {}, 24),
  fetches("reads 19 entries for 4 levels over 3: 4 * (3 + 1) + 3 (3.8)", IOVA, AW39, 19),
  fetches("reads 29 entries for 4 levels over 5: 4 * (5 + 1) + 5 (3.8)", IOVA, AW57, 29),
  fetches("reads 29 entries for 5 levels over 4: 5 * (4 + 1) + 4 (3.8)", IOVA5, FIVE, 29),
  fetches("reads 23 entries for 5 levels over 3: 5 * (3 + 1) + 3 (3.8)", IOVA5, { ...FIVE, ...AW39 }, 23),
  fetches("reads 35 entries for 5 levels over 5: 5 * (5 + 1) + 5 (3.8)", IOVA5, { ...FIVE, ...AW57 }, 35),
];

const sizes: readonly (readonly [
  what: string,
  path: Path,
  more: [bigint, string][],
  leaf: number,
  to: bigint,
  count: number,
])[] = [
  ["2 MiB over 4 KiB: 4 KiB", { l2: 0x8020_0000n | PS | FS_OPEN }, [], 12, PA, 19],
  ["1 GiB over 4 KiB: 4 KiB", { l3: 0x8000_0000n | PS | FS_OPEN }, [], 12, PA, 14],
  ["4 KiB over 2 MiB: 4 KiB", {}, [[0x4010_7008n, words(0x6000_0000n | PS | SS_OPEN)]], 12, 0x6000_1000n, 23],
  [
    "2 MiB over 2 MiB",
    { l2: 0x8020_0000n | PS | FS_OPEN },
    [[0x4010_7008n, words(0x6000_0000n | PS | SS_OPEN)]],
    21,
    0x6000_1000n,
    18,
  ],
  [
    "1 GiB over 2 MiB: 2 MiB",
    { l3: 0x8000_0000n | PS | FS_OPEN },
    [[0x4010_7008n, words(0x6000_0000n | PS | SS_OPEN)]],
    21,
    0x6000_1000n,
    13,
  ],
  [
    "2 MiB over 1 GiB: 2 MiB",
    { l2: 0x8020_0000n | PS | FS_OPEN },
    [[0x4010_4010n, words(0x1_0000_0000n | PS | SS_OPEN)]],
    21,
    0x1_0020_1000n,
    17,
  ],
  [
    "1 GiB over 1 GiB",
    { l3: 0x8000_0000n | PS | FS_OPEN },
    [[0x4010_4010n, words(0x1_0000_0000n | PS | SS_OPEN)]],
    30,
    0x1_0020_1000n,
    12,
  ],
];
const leafSizes = sizes.map(([what, path, more, leaf, to, count]) =>
  nested(`takes the smaller of both leaves, ${what} (3.8)`, {
    path,
    more,
    steps: [access("r", IOVA + 0x678n, pa(to + 0x678n, leaf), { fetches: count })],
  }),
);

// ---- Guest-physical addresses that the second stage does not take --------------------------------------------------

const TOO_WIDE = 1n << 39n;
const wide: VtdCase[] = [
  nested("refuses FSPTPTR beyond 39 bits with 0x5B (9.6, Table 30)", {
    entry: { ...AW39, FSPTPTR: 0x80_0001_0000n },
    steps: [denied(0x5b), plain("r", IOVA, plainFault(0x5b, "r", IOVA))],
  }),
  nested("refuses FSPTPTR beyond 48 bits with 0x5B (9.6, Table 30)", {
    entry: { FSPTPTR: 0x1_0000_4001_0000n },
    steps: [denied(0x5b)],
  }),
  nested("asks the second stage for the highest FSPTPTR of 39 bits (9.6)", {
    entry: { ...AW39, FSPTPTR: 0x7f_ffff_f000n },
    steps: [denied(0x79)],
  }),
  ...(["l4", "l3", "l2", "l1"] as const).map((level) =>
    nested(`refuses an address beyond 39 bits in the first-stage entry ${level} with 0x74 (3.8, Table 30)`, {
      entry: AW39,
      path: { [level]: TOO_WIDE | 0x4001_1000n | FS_OPEN },
      steps: [denied(0x74), denied(0x74, "w")],
    }),
  ),
  nested("finds a reserved bit before a wide address: 0x72 (Table 30)", {
    entry: AW39,
    path: { l4: TOO_WIDE | 0x4001_1000n | PS | FS_OPEN },
    steps: [denied(0x72)],
  }),
  nested("finds an absent entry before a wide address: 0x71 (Table 30)", {
    entry: AW39,
    path: { l4: TOO_WIDE | 0x4001_1000n },
    steps: [denied(0x71)],
  }),
];

// ---- Rights of both stages -----------------------------------------------------------------------------------------

/** [first-stage leaf, second-stage leaf, read, write]: undefined = translated. */
const RIGHTS: readonly (readonly [what: string, fs: bigint, ss: bigint, read?: number, write?: number])[] = [
  ["all and all", FS_OPEN, SS_OPEN],
  ["all and reading", FS_OPEN, SS_R, undefined, 0x85],
  ["all and writing", FS_OPEN, SS_W, 0x86, undefined],
  ["all and nothing", FS_OPEN, 0n, 0x79, 0x79],
  ["reading and all", FS_OPEN & ~RW, SS_OPEN, undefined, 0x85],
  ["reading and reading", FS_OPEN & ~RW, SS_R, undefined, 0x85],
  ["reading and writing", FS_OPEN & ~RW, SS_W, 0x86, 0x85],
  ["nothing for users and all", FS_OPEN & ~US, SS_OPEN, 0x81, 0x81],
];
const rights = RIGHTS.map(([what, fs, ss, forRead, forWrite]) =>
  nested(`gives the rights that both stages give: ${what} (3.8)`, {
    path: { l1: GPA | fs },
    leaves: { data: PA | ss },
    steps: [
      forRead === undefined ? read() : denied(forRead),
      forWrite === undefined ? access("w", IOVA, pa(PA)) : denied(forWrite, "w"),
    ],
  }),
);

export const nestedCases: readonly VtdCase[] = [...walks, ...leafSizes, ...wide, ...rights];
