// The two halves of the address space: selection by VA[55], EPD, Top Byte Ignore, E0PD (IHI 0070 3.4.1, 5.4 EPD0,
// TBI0, E0PD0, 5.4.1.1; DDI 0487 D8.2.4).
// Lower half: 0x4020_1000 → 0x5000_1000 as in worlds.ts. Upper half, T1SZ = 25: 0xFFFF_FF80_4020_1000 → 0x6000_1000.
import { cd, type Fields, page, ste, table, words } from "../assemble.js";
import type { Idr, ManualCase, Step } from "../format.js";
import {
  ABORT,
  access,
  C_BAD_CD,
  configError,
  F_PERMISSION,
  F_TRANSLATION,
  type Kind,
  pa,
  stage1Fault,
} from "../steps.js";
import { bare, CD_AT, CD1, FULL, PA, S1_L1, S1_L2, S1_L3, STE_AT, STE1, VA } from "../worlds.js";

const HIGH = 0xffff_ff80_4020_1000n;
const HIGH_PA = 0x6000_1000n;

/** Both halves on, 4KB, 39 bits each; the pages are read and write for both privileges. */
function halves(
  title: string,
  fields: Fields,
  steps: Step[],
  more: { idr?: Idr; ste?: Fields; low?: Fields; high?: Fields } = {},
): ManualCase {
  return bare(title, {
    idr: more.idr ?? FULL,
    more: [
      [STE_AT, ste({ ...STE1, ...more.ste })],
      [CD_AT, cd({ ...CD1, EPD1: 0, TG1: 2, T1SZ: 25, TTB1: 0x4002_0000n, ...fields })],
      [S1_L1, words(table(0x4001_1000n))],
      [S1_L2, words(table(0x4001_2000n))],
      [S1_L3, words(page(PA, more.low))],
      [0x4002_0008n, words(table(0x4002_1000n))],
      [0x4002_1008n, words(table(0x4002_2000n))],
      [0x4002_2008n, words(page(HIGH_PA, more.high))],
    ],
    steps,
  });
}

const low = (kind: Kind = "r", va = VA) => access(kind, va, pa(PA, 12));
const high = (kind: Kind = "r", va = HIGH) => access(kind, va, pa(HIGH_PA, 12));
const fault = (va: bigint, kind: Kind = "r") => access(kind, va, stage1Fault(F_TRANSLATION, kind, va));
const BAD = configError(C_BAD_CD);

const selection: ManualCase[] = [
  halves("translates the lower half by TTB0 and the upper by TTB1 (D8.2.4)", {}, [low(), high()]),
  halves("faults between the halves (3.4 check 1)", {}, [
    fault(0x80_4020_1000n),
    fault(0xffff_ff00_4020_1000n),
    fault(0x8000_0000_4020_1000n),
    fault(0x7fff_ff80_4020_1000n),
  ]),
];

const epd: ManualCase[] = [
  halves("faults in the lower half when EPD0 = 1, the upper works (5.4 EPD0)", { EPD0: 1 }, [
    fault(VA),
    high(),
  ]),
  halves("faults in the upper half when EPD1 = 1, the lower works (5.4 EPD1)", { EPD1: 1 }, [
    low(),
    fault(HIGH),
  ]),
  halves(
    "is legal with both EPD set: every access faults, ENDI is ignored (5.4 ENDI, 5.4.2)",
    {
      EPD0: 1,
      EPD1: 1,
      ENDI: 1,
    },
    [fault(VA), fault(HIGH)],
  ),
  halves(
    "refuses ENDI = 1 while one half is on and only little-endian is there: C_BAD_CD (5.4 ENDI)",
    {
      EPD1: 1,
      ENDI: 1,
    },
    [access("r", VA, BAD), access("r", HIGH, BAD)],
  ),
  halves(
    "ignores T0SZ, TG0 and TTB0 when EPD0 = 1 (5.4.1.1)",
    {
      EPD0: 1,
      T0SZ: 63,
      TG0: 3,
      TTB0: 0xff_ffff_ffff_fff0n,
    },
    [fault(VA), high()],
  ),
  halves(
    "ignores T1SZ, TG1 and TTB1 when EPD1 = 1 (5.4.1.1)",
    {
      EPD1: 1,
      T1SZ: 63,
      TG1: 0,
      TTB1: 0xff_ffff_ffff_fff0n,
    },
    [low(), fault(HIGH)],
  ),
  halves("refuses an illegal T1SZ for accesses to either half: C_BAD_CD (5.4.1.1)", { T1SZ: 15 }, [
    access("r", VA, BAD),
    access("r", HIGH, BAD),
  ]),
  halves(
    "refuses a TTB1 above the effective IPS for accesses to either half: C_BAD_CD (5.4 TTB1)",
    {
      IPS: 1,
      TTB1: 0x10_0000_0000n,
    },
    [access("r", VA, BAD), access("w", HIGH, BAD)],
  ),
];

// Top Byte Ignore: VA[63:56] do not count, VA[55] selects the half, InputAddr keeps all 64 bits.
const tbi: ManualCase[] = [
  halves(
    "ignores the top byte of the lower half when TBI0 = 1, of the upper half when TBI1 = 1 (5.4 TBI0)",
    {
      TBI0: 1,
      TBI1: 1,
    },
    [
      low("r", 0xab00_0000_4020_1000n),
      low("r", 0xff00_0000_4020_1000n),
      high("r", 0x12ff_ff80_4020_1000n),
      high("r", 0x00ff_ff80_4020_1000n),
    ],
  ),
  halves("checks the top byte of the upper half when only TBI0 = 1 (5.4 TBI0)", { TBI0: 1 }, [
    low("r", 0xab00_0000_4020_1000n),
    fault(0x12ff_ff80_4020_1000n),
    high(),
  ]),
  halves("checks the top byte of the lower half when only TBI1 = 1 (5.4 TBI1)", { TBI1: 1 }, [
    fault(0xab00_0000_4020_1000n),
    high("r", 0x12ff_ff80_4020_1000n),
    low(),
  ]),
  halves(
    "checks VA[55:39] with TBI, and records the whole address (3.4.1, 7.3 InputAddr)",
    { TBI0: 1, TBI1: 1 },
    [
      fault(0xab00_0080_4020_1000n),
      fault(0xab80_0000_4020_1000n),
      fault(0xabff_ff00_4020_1000n),
      fault(0xab00_0000_4020_2000n),
    ],
  ),
  halves(
    "checks VA[55:52] with TBI and a 52-bit half (3.4.1)",
    { TBI0: 1, DS: 1, T0SZ: 12, TTB0: 0x4003_0000n },
    [
      { op: "write", pa: 0x4003_0000n, hex: words(table(0x4003_1000n)) },
      { op: "write", pa: 0x4003_1000n, hex: words(table(0x4001_0000n)) },
      low("r", 0xab00_0000_4020_1000n),
      fault(0xab10_0000_4020_1000n),
      fault(0xab70_0000_4020_1000n),
    ],
  ),
];

// E0PD: unprivileged access to a half is a Translation fault, whatever the tables say.
const e0pd: ManualCase[] = [
  halves(
    "faults unprivileged accesses to the lower half when E0PD0 = 1: F_TRANSLATION (5.4 E0PD0)",
    { E0PD0: 1 },
    [fault(VA, "r"), fault(VA, "w"), fault(VA, "x"), low("pr"), low("pw"), high("r"), high("pr")],
  ),
  halves(
    "faults unprivileged accesses to the upper half when E0PD1 = 1: F_TRANSLATION (5.4 E0PD1)",
    { E0PD1: 1 },
    [fault(HIGH, "r"), fault(HIGH, "w"), fault(HIGH, "x"), high("pr"), high("pw"), low("r"), low("pr")],
  ),
  halves(
    "keeps E0PD faults after a privileged access has filled the TLB (5.4 E0PD0)",
    { E0PD0: 1, E0PD1: 1 },
    [low("pr"), high("pr"), fault(VA, "r"), fault(HIGH, "r"), low("pr"), high("pr")],
  ),
  halves(
    "gives F_TRANSLATION, not F_PERMISSION, for a page that is privileged only under E0PD0 (7.3.22)",
    { E0PD0: 1 },
    [fault(VA, "r"), low("pr")],
    { low: { AP: 0 } },
  ),
  halves(
    "gives F_PERMISSION for the same page without E0PD0",
    {},
    [access("r", VA, stage1Fault(F_PERMISSION, "r", VA)), low("pr")],
    { low: { AP: 0 } },
  ),
  halves("records no E0PD fault when CD.R = 0 (5.5)", { E0PD0: 1, R: 0 }, [
    access("r", VA, ABORT),
    low("pr"),
  ]),
  halves(
    "applies PRIVCFG before E0PD: Privileged passes, Unprivileged faults (5.2 PRIVCFG)",
    { E0PD0: 1 },
    [access("r", VA, pa(PA)), access("w", VA, pa(PA))],
    { ste: { PRIVCFG: 3 } },
  ),
  halves(
    "records PnU = 0 where PRIVCFG = Unprivileged leads to the E0PD fault (5.2 PRIVCFG, 7.3 PnU)",
    { E0PD0: 1 },
    [access("pr", VA, stage1Fault(F_TRANSLATION, "pr", VA, { PnU: 0 })), high("pr")],
    { ste: { PRIVCFG: 2 } },
  ),
  halves("applies E0PD0 to tagged addresses of the lower half (5.4 E0PD0, TBI0)", { E0PD0: 1, TBI0: 1 }, [
    fault(0xab00_0000_4020_1000n),
    low("pr", 0xab00_0000_4020_1000n),
  ]),
];

export const addressHalves: ManualCase[] = [...selection, ...epd, ...tbi, ...e0pd];
