// Finding the CD of a SubstreamID: S1CDMax 1 to 20 and the four values of S1Fmt (IHI 0070 5.2 S1Fmt, S1CDMax; 5.3).
// Every CD that is not under test lies elsewhere: CD 0 maps the VA to 0x1_0020_1000, the CD under test to
// 0x2_0020_1000, each through one 1 GiB block at level 1.
import { block, cd, type Fields, l1cd, ste, words } from "../assemble.js";
import type { Idr, ManualCase, Step } from "../format.js";
import { access, C_BAD_STE, C_BAD_SUBSTREAMID, configError, pa } from "../steps.js";
import { bare, CD1, FULL, STE_AT, STE1, VA } from "../worlds.js";

const FIRST = pa(0x1_0020_1000n);
const WANTED = pa(0x2_0020_1000n);
/** CDs with the tables at 0x4002_0000 and 0x4002_1000. */
const FIRST_CD = cd({ ...CD1, TTB0: 0x4002_0000n });
const WANTED_CD = cd({ ...CD1, TTB0: 0x4002_1000n });

type Memory = readonly (readonly [bigint, string])[];

function substreams(
  title: string,
  fields: Fields,
  memory: Memory,
  steps: Step[],
  idr: Idr = FULL,
): ManualCase {
  const tables: Memory = [
    [STE_AT, ste({ ...STE1, S1ContextPtr: 0x4400_0000n, ...fields })],
    [0x4002_0008n, words(block(0x1_0000_0000n))],
    [0x4002_1008n, words(block(0x2_0000_0000n))],
  ];
  return bare(title, { idr, more: [...tables, ...memory], steps });
}

const wanted = (ssid: number): Step => access("r", VA, WANTED, { ssid });
const outside = (ssid: number): Step =>
  access("r", VA, configError(C_BAD_SUBSTREAMID, { SubstreamID: ssid }), { ssid });

// Linear: CD n at 0x4400_0000 + 64 n, so the last one of 2^S1CDMax ends where the table ends.
const LINEAR: readonly (readonly [s1cdmax: number, last: number, address: bigint])[] = [
  [1, 0x1, 0x4400_0040n],
  [2, 0x3, 0x4400_00c0n],
  [3, 0x7, 0x4400_01c0n],
  [4, 0xf, 0x4400_03c0n],
  [5, 0x1f, 0x4400_07c0n],
  [6, 0x3f, 0x4400_0fc0n],
  [7, 0x7f, 0x4400_1fc0n],
  [8, 0xff, 0x4400_3fc0n],
  [9, 0x1ff, 0x4400_7fc0n],
  [10, 0x3ff, 0x4400_ffc0n],
  [11, 0x7ff, 0x4401_ffc0n],
  [12, 0xfff, 0x4403_ffc0n],
  [13, 0x1fff, 0x4407_ffc0n],
  [14, 0x3fff, 0x440f_ffc0n],
  [15, 0x7fff, 0x441f_ffc0n],
  [16, 0xffff, 0x443f_ffc0n],
  [17, 0x1ffff, 0x447f_ffc0n],
  [18, 0x3ffff, 0x44ff_ffc0n],
  [19, 0x7ffff, 0x45ff_ffc0n],
  [20, 0xfffff, 0x47ff_ffc0n],
];

const linear = LINEAR.map(([s1cdmax, last, address]) =>
  substreams(
    `reads CD ${last} of a linear table with S1CDMax = ${s1cdmax}, and none beyond (IHI 0070 5.2 S1Fmt = 0b00)`,
    { S1CDMax: s1cdmax, S1Fmt: 0 },
    [
      [0x4400_0000n, FIRST_CD],
      [address, WANTED_CD],
    ],
    [
      wanted(last),
      access("r", VA, FIRST, { ssid: 0 }),
      // S1CDMax = 20 is all that a SubstreamID can say.
      ...(s1cdmax < 20 ? [outside(last + 1), outside(0xfffff)] : []),
    ],
  ),
);

// 4KB leaves: 64 CDs each. L1CD at 0x4400_0000 + 8 × SubstreamID[S1CDMax-1:6], CD at + 64 × SubstreamID[5:0].
// 64KB leaves: 1024 CDs each. L1CD index SubstreamID[S1CDMax-1:10], CD index SubstreamID[9:0].
const TWO_LEVEL: readonly (readonly [fmt: number, max: number, ssid: number, l1: bigint, cd: bigint])[] = [
  [1, 1, 0x1, 0x4400_0000n, 0x4018_0040n],
  [1, 6, 0x3f, 0x4400_0000n, 0x4018_0fc0n],
  [1, 7, 0x7f, 0x4400_0008n, 0x4018_0fc0n],
  [1, 7, 0x40, 0x4400_0008n, 0x4018_0000n],
  [1, 10, 0x3ff, 0x4400_0078n, 0x4018_0fc0n],
  [1, 16, 0x1234, 0x4400_0240n, 0x4018_0d00n],
  [1, 20, 0x12345, 0x4400_2468n, 0x4018_0140n],
  [1, 20, 0xfffff, 0x4401_fff8n, 0x4018_0fc0n],
  [2, 1, 0x1, 0x4400_0000n, 0x4019_0040n],
  [2, 10, 0x3ff, 0x4400_0000n, 0x4019_ffc0n],
  [2, 11, 0x7ff, 0x4400_0008n, 0x4019_ffc0n],
  [2, 11, 0x400, 0x4400_0008n, 0x4019_0000n],
  [2, 14, 0x3fff, 0x4400_0078n, 0x4019_ffc0n],
  [2, 20, 0x12345, 0x4400_0240n, 0x4019_d140n],
  [2, 20, 0xfffff, 0x4400_1ff8n, 0x4019_ffc0n],
];

const twoLevel = TWO_LEVEL.map(([fmt, max, ssid, l1, address]) =>
  substreams(
    `walks a two-level CD table to SubstreamID 0x${ssid.toString(16)} with S1Fmt = ${fmt}, S1CDMax = ${max} (5.2, 5.3)`,
    { S1CDMax: max, S1Fmt: fmt },
    [
      [l1, l1cd({ V: 1, L2Ptr: fmt === 1 ? 0x4018_0000n : 0x4019_0000n })],
      [address, WANTED_CD],
    ],
    [wanted(ssid), ...(max < 20 ? [outside(2 ** max)] : [])],
  ),
);

const NO_CD2L: Idr = { ...FULL, IDR0: FULL.IDR0 & ~(1 << 19) };
/** SSIDSIZE is IDR1 bits 10:6. */
const withSsidSize = (size: number): Idr => ({ ...FULL, IDR1: (FULL.IDR1 & ~0x7c0) | (size << 6) });
const BAD_STE = configError(C_BAD_STE);
const oneCd: Memory = [[0x4400_0000n, FIRST_CD]];
const fifteenth: Memory = [
  [0x4400_0000n, FIRST_CD],
  [0x4400_03c0n, WANTED_CD],
];

const rules: ManualCase[] = [
  substreams(
    "takes S1Fmt = 0b11 as a linear table (5.2 S1Fmt: reserved, behaves as 0b00)",
    { S1CDMax: 4, S1Fmt: 3 },
    fifteenth,
    [wanted(15), access("r", VA, FIRST, { ssid: 0 }), outside(16)],
  ),
  substreams(
    "takes S1Fmt = 0b11 as a linear table also without CD2L (5.2.2: 11 behaves as 00)",
    { S1CDMax: 4, S1Fmt: 3 },
    fifteenth,
    [wanted(15)],
    NO_CD2L,
  ),
  substreams(
    "refuses S1Fmt = 0b01 when IDR0.CD2L = 0: C_BAD_STE (5.2 S1Fmt)",
    { S1CDMax: 4, S1Fmt: 1 },
    fifteenth,
    [
      access("r", VA, configError(C_BAD_STE, { SSV: 1, SubstreamID: 15 }), { ssid: 15 }),
      access("r", VA, BAD_STE),
    ],
    NO_CD2L,
  ),
  substreams(
    "refuses S1Fmt = 0b10 when IDR0.CD2L = 0: C_BAD_STE (5.2 S1Fmt)",
    { S1CDMax: 4, S1Fmt: 2 },
    fifteenth,
    [access("r", VA, configError(C_BAD_STE, { SSV: 1, SubstreamID: 15 }), { ssid: 15 })],
    NO_CD2L,
  ),
  substreams(
    "ignores S1Fmt and S1DSS when S1CDMax = 0: one CD at S1ContextPtr, also without CD2L (5.2)",
    { S1CDMax: 0, S1Fmt: 1, S1DSS: 0 },
    oneCd,
    [access("r", VA, FIRST), outside(0), outside(1)],
    NO_CD2L,
  ),
  substreams(
    "allows S1CDMax = SSIDSIZE = 4 (5.2 S1CDMax: 0 to SSIDSIZE)",
    { S1CDMax: 4 },
    fifteenth,
    [wanted(15)],
    withSsidSize(4),
  ),
  substreams(
    "refuses S1CDMax = 5 when SSIDSIZE = 4: C_BAD_STE, for all traffic (5.2 S1CDMax)",
    { S1CDMax: 5 },
    fifteenth,
    [
      access("r", VA, configError(C_BAD_STE, { SSV: 1, SubstreamID: 15 }), { ssid: 15 }),
      access("r", VA, BAD_STE),
    ],
    withSsidSize(4),
  ),
  substreams("refuses S1CDMax = 21 when SSIDSIZE = 20: C_BAD_STE (5.2 S1CDMax)", { S1CDMax: 21 }, oneCd, [
    access("r", VA, BAD_STE),
  ]),
  substreams(
    "ignores S1CDMax, S1Fmt and S1DSS when SSIDSIZE = 0: one CD (5.2 S1CDMax, S1DSS)",
    { S1CDMax: 7, S1Fmt: 1, S1DSS: 0 },
    oneCd,
    [access("r", VA, FIRST)],
    withSsidSize(0),
  ),
  substreams(
    "ignores S1CDMax beyond SSIDSIZE when stage 1 is off: bypass (5.2 S1CDMax: IGNORED for Config = 0b1x0)",
    { Config: 4, S1CDMax: 31, S1Fmt: 1 },
    [],
    [access("r", VA, { bypass: true, pa: VA })],
    withSsidSize(4),
  ),
];

export const substreamTables: ManualCase[] = [...linear, ...twoLevel, ...rules];
