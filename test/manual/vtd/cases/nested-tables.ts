// First-stage tables behind the second stage (VT-d 3.8): the rights to read and to flag their entries, with and without
// SSADE, what cannot be read, and the flags of both stages.
import { words } from "../../assemble.js";
import { A, D, EA, FS_OPEN, P, RW, SNP, SS_A, SS_D, SS_OPEN, SS_R, SS_SET, SS_W, US } from "../assemble.js";
import type { VtdCase } from "../format.js";
import { access, either, fault, holds, type Kind, pa } from "../steps.js";
import { GPA, GUEST, IOVA, LEAF, type Leaves, nested, PA } from "../worlds.js";

const at = (address: bigint, ...values: bigint[]): readonly [bigint, string] => [address, words(...values)];
const read = () => access("r", IOVA + 0x678n, pa(PA + 0x678n, 12));
const denied = (reason: number, kind: Kind = "r", iova = IOVA + 0x678n) =>
  access(kind, iova, fault(reason, kind, iova));

const LEVELS = ["l4", "l3", "l2", "l1"] as const;
/** Physical addresses of the pages that hold first-stage tables. */
const PAGES = { l4: 0x4021_0000n, l3: 0x4021_1000n, l2: 0x4021_2000n, l1: 0x4021_3000n } as const;
const leafOf = (level: (typeof LEVELS)[number], flags: bigint): Leaves => ({ [level]: PAGES[level] | flags });
const readCode = (level: (typeof LEVELS)[number]): number => (level === "l4" ? 0x75 : 0x76);

const tables: VtdCase[] = [
  ...LEVELS.map((level) =>
    nested(
      `must be allowed to read the page of table ${level}: 0x${readCode(level).toString(16)} (3.8, Table 30)`,
      {
        leaves: leafOf(level, SS_W),
        steps: [denied(readCode(level)), denied(readCode(level), "w")],
      },
    ),
  ),
  ...LEVELS.map((level) =>
    nested(
      `need not be allowed to write the page of table ${level} without SSADE when no flag is missing (3.8)`,
      {
        leaves: leafOf(level, SS_R),
        steps: [read(), access("w", IOVA, pa(PA))],
      },
    ),
  ),
  ...LEVELS.flatMap((level) =>
    [SS_R, SS_W].map((right) =>
      nested(
        `must with SSADE be allowed to read and write the page of table ${level}, has ${right === SS_R ? "R" : "W"}: ` +
          `0x${readCode(level).toString(16)} (3.8, Table 30)`,
        {
          entry: { SSADE: 1 },
          ss: SS_SET,
          leaves: leafOf(level, right | SS_A | SS_D),
          steps: [denied(readCode(level))],
        },
      ),
    ),
  ),
  ...LEVELS.map((level) =>
    nested(`finds no page behind table ${level}: 0x79, not 0x75 or 0x76 (3.8, Table 30)`, {
      leaves: leafOf(level, 0n),
      steps: [denied(0x79)],
    }),
  ),
  nested("reports 0x79 where reading is left to one level and writing to another (3.7, 3.8)", {
    more: [at(0x4010_4008n, 0x4010_5000n | SS_R)],
    leaves: leafOf("l4", SS_W),
    steps: [denied(0x79)],
  }),
  nested("reports a reserved bit of the second stage on the way to a table as 0x7A (3.8, Table 30)", {
    more: [at(0x4010_5000n, 0x4010_6000n | SS_OPEN | SNP)],
    steps: [denied(0x7a)],
  }),
];

const outside: VtdCase[] = [
  nested("cannot read a first-stage root whose page lies outside RAM: 0x73 (Table 30)", {
    leaves: { l4: 0x9000_0000n | SS_OPEN },
    steps: [denied(0x73)],
  }),
  ...(["l3", "l2", "l1"] as const).map((level) =>
    nested(`cannot read table ${level} whose page lies outside RAM: 0x70 (Table 30)`, {
      leaves: { [level]: 0x9000_0000n | SS_OPEN },
      steps: [denied(0x70)],
    }),
  ),
  nested("cannot read the second stage's root: 0x7B (Table 30)", {
    entry: { SSPTPTR: 0x9000_0000n },
    steps: [denied(0x7b)],
  }),
  nested("cannot read a deeper second-stage table on the way to the first-stage root: 0x78 (Table 30)", {
    more: [at(0x4010_4008n, 0x9000_0000n | SS_OPEN)],
    steps: [denied(0x78)],
  }),
  nested("cannot read a deeper second-stage table on the way to the page: 0x78 (Table 30)", {
    more: [at(0x4010_4010n, 0x9000_0000n | SS_OPEN)],
    steps: [denied(0x78)],
  }),
];

// ---- Flags ---------------------------------------------------------------------------------------------------------

const CLEAR = P | RW | US;
const flags: VtdCase[] = [
  nested(
    "sets A in every first-stage entry and D in the leaf of a write, where the second stage has put them (3.6.2)",
    {
      fs: CLEAR,
      steps: [
        read(),
        holds(GUEST.l4, 0x4001_1000n | CLEAR | A),
        holds(GUEST.l2, 0x4001_3000n | CLEAR | A),
        holds(GUEST.l1, GPA | CLEAR | A),
        access("w", IOVA, pa(PA)),
        holds(GUEST.l1, GPA | CLEAR | A | D),
        holds(GUEST.l2, 0x4001_3000n | CLEAR | A),
        holds(LEAF.l1, 0x4021_3000n | SS_OPEN),
      ],
    },
  ),
  nested(
    "sets with SSADE A on the way, A and D for pages of tables, A for the page of a read, D of a write (3.7.2)",
    {
      entry: { SSADE: 1 },
      steps: [
        read(),
        holds(0x4010_0000n, 0x4010_4000n | SS_OPEN | SS_A),
        holds(0x4010_4008n, 0x4010_5000n | SS_OPEN | SS_A),
        holds(LEAF.l4, 0x4021_0000n | SS_SET),
        holds(LEAF.l1, 0x4021_3000n | SS_SET),
        holds(LEAF.data, PA | SS_OPEN | SS_A),
        access("w", IOVA, pa(PA)),
        holds(LEAF.data, PA | SS_SET),
      ],
    },
  ),
  ...LEVELS.map((level) =>
    nested(`must be allowed to write the page of table ${level} to set A: 0x77 (3.8, Table 30)`, {
      path: {
        [level]: ({ l4: 0x4001_1000n, l3: 0x4001_2000n, l2: 0x4001_3000n, l1: GPA } as const)[level] | CLEAR,
      },
      leaves: leafOf(level, SS_R),
      steps: [denied(0x77)],
    }),
  ),
  nested("must be allowed to write the last table's page to set D: 0x77 for a write, not for a read (3.8)", {
    path: { l1: GPA | CLEAR | A },
    leaves: leafOf("l1", SS_R),
    steps: [read(), denied(0x77, "w")],
  }),
  nested("must be allowed to write a table's page to set EA: 0x77 (3.6.2, 3.8)", {
    entry: { EAFE: 1 },
    fs: FS_OPEN | EA,
    path: { l2: 0x4001_3000n | FS_OPEN },
    leaves: leafOf("l2", SS_R),
    steps: [denied(0x77)],
  }),
  nested("may find a flag that cannot be set before or after an absent entry below: 0x77 or 0x71 (3.6.2)", {
    path: { l4: 0x4001_1000n | CLEAR, l3: 0n },
    leaves: leafOf("l4", SS_R),
    steps: [access("r", IOVA, either(fault(0x77, "r", IOVA), fault(0x71, "r", IOVA)))],
  }),
  nested("cannot set A without PWSNP: 0x90 (Table 30)", {
    entry: { PWSNP: 0 },
    path: { l3: 0x4001_2000n | CLEAR },
    steps: [denied(0x90)],
  }),
  nested("cannot set second-stage flags without PWSNP: 0x7C (Table 30)", {
    entry: { PWSNP: 0, SSADE: 1 },
    steps: [denied(0x7c)],
  }),
  nested("needs no PWSNP when all flags are set (3.6.2, 3.7.2)", {
    entry: { PWSNP: 0, SSADE: 1 },
    ss: SS_SET,
    steps: [read(), access("w", IOVA, pa(PA))],
  }),
  nested("cannot set D of the page of a write without PWSNP: 0x7C, a read passes (3.7.2)", {
    entry: { PWSNP: 0, SSADE: 1 },
    ss: SS_SET,
    leaves: { data: PA | SS_OPEN | SS_A },
    steps: [read(), denied(0x7c, "w")],
  }),
];

export const nestedTableCases: readonly VtdCase[] = [...tables, ...outside, ...flags];
