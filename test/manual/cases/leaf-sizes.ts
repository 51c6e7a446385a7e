// The size of the leaf that a translation answers with: for both stages the smaller of the two, since nothing larger
// maps uniformly (DDI 0487 D8.2.1: a nested translation is one of stage 1 and one of stage 2).
// Stage 1 maps a region at VA 0x40_0000_0000 by one leaf; stage 2 maps its IPA, 0x80_0000_0000 and up, by one leaf.
import { block, cd, type Fields, page, s2block, s2page, ste, table, words } from "../assemble.js";
import type { ManualCase } from "../format.js";
import { access, pa } from "../steps.js";
import { bare, CD_AT, CD1, STE_AT, STE1, STE2 } from "../worlds.js";

type Memory = (readonly [bigint, string])[];
const at = (address: bigint, descriptor: bigint) => [address, words(descriptor)] as const;

/** Stage 1 forms: CD fields, and tables for VA 0x40_0000_0000, whose index is 0 below level 1. */
const STAGE1: Readonly<Record<string, readonly [lg2: number, cd: Fields, tables: Memory]>> = {
  // 4KB, T0SZ = 25 starts at level 1: VA[38:30] = 0x100.
  "4 KiB": [
    12,
    {},
    [
      at(0x4001_0800n, table(0x4001_1000n)),
      at(0x4001_1000n, table(0x4001_2000n)),
      at(0x4001_2000n, page(0x80_0000_0000n)),
    ],
  ],
  "2 MiB": [21, {}, [at(0x4001_0800n, table(0x4001_1000n)), at(0x4001_1000n, block(0x80_0000_0000n))]],
  "1 GiB": [30, {}, [at(0x4001_0800n, block(0x80_0000_0000n))]],
  // 16KB, T0SZ = 25 starts at level 1: VA[38:36] = 4.
  "16 KiB": [
    14,
    { TG0: 2 },
    [
      at(0x4001_0020n, table(0x4002_0000n)),
      at(0x4002_0000n, table(0x4003_0000n)),
      at(0x4003_0000n, page(0x80_0000_0000n)),
    ],
  ],
  "32 MiB": [
    25,
    { TG0: 2 },
    [at(0x4001_0020n, table(0x4002_0000n)), at(0x4002_0000n, block(0x80_0000_0000n))],
  ],
  // 64KB, T0SZ = 25 starts at level 2: VA[38:29] = 0x200.
  "64 KiB": [
    16,
    { TG0: 1 },
    [at(0x4001_1000n, table(0x4002_0000n)), at(0x4002_0000n, page(0x80_0000_0000n))],
  ],
  "512 MiB": [29, { TG0: 1 }, [at(0x4001_1000n, block(0x80_0000_0000n))]],
};

/** Stage 2 forms, 40-bit input: STE fields, and tables for IPA 0x80_0000_0000 (bit 39) and IPA 0x4000_0000 (identity). */
const STAGE2: Readonly<Record<string, readonly [lg2: number, ste: Fields, tables: Memory]>> = {
  // 4KB, S2T0SZ = 24 from level 1: two tables in a row, IPA[39:30] = 0x200 and 1.
  "4 KiB": [
    12,
    { S2T0SZ: 24 },
    [
      at(0x4010_0008n, s2block(0x4000_0000n)),
      at(0x4010_1000n, table(0x4010_2000n)),
      at(0x4010_2000n, table(0x4010_3000n)),
      at(0x4010_3000n, s2page(0x90_0000_0000n)),
    ],
  ],
  "2 MiB": [
    21,
    { S2T0SZ: 24 },
    [
      at(0x4010_0008n, s2block(0x4000_0000n)),
      at(0x4010_1000n, table(0x4010_2000n)),
      at(0x4010_2000n, s2block(0x90_0000_0000n)),
    ],
  ],
  "1 GiB": [
    30,
    { S2T0SZ: 24 },
    [at(0x4010_0008n, s2block(0x4000_0000n)), at(0x4010_1000n, s2block(0x90_0000_0000n))],
  ],
  // 16KB, S2T0SZ = 24 from level 1: IPA[39:36] = 8; IPA 0x4000_0000 is level 2 index 32 of table 0.
  "16 KiB": [
    14,
    { S2TG: 2, S2SL0: 2, S2T0SZ: 24 },
    [
      at(0x4010_0000n, table(0x4010_4000n)),
      at(0x4010_4100n, s2block(0x4000_0000n)),
      at(0x4010_0040n, table(0x4010_8000n)),
      at(0x4010_8000n, table(0x4010_c000n)),
      at(0x4010_c000n, s2page(0x90_0000_0000n)),
    ],
  ],
  // 64KB, S2T0SZ = 24 from level 2: IPA[39:29] = 0x400; IPA 0x4000_0000 is index 2.
  "64 KiB": [
    16,
    { S2TG: 1, S2SL0: 1, S2T0SZ: 24 },
    [
      at(0x4010_0010n, s2block(0x4000_0000n)),
      at(0x4010_2000n, table(0x4011_0000n)),
      at(0x4011_0000n, s2page(0x90_0000_0000n)),
    ],
  ],
  "512 MiB": [
    29,
    { S2TG: 1, S2SL0: 1, S2T0SZ: 24 },
    [at(0x4010_0010n, s2block(0x4000_0000n)), at(0x4010_2000n, s2block(0x90_0000_0000n))],
  ],
};

const VA = 0x40_0000_0abcn;

const alone = Object.entries(STAGE1).map(([size, [lg2, fields, tables]]) =>
  bare(`answers with the leaf of ${size} of stage 1 alone`, {
    more: [[STE_AT, ste(STE1)], [CD_AT, cd({ ...CD1, ...fields })], ...tables],
    steps: [access("r", VA, pa(0x80_0000_0abcn, lg2)), access("w", VA, pa(0x80_0000_0abcn, lg2))],
  }),
);

const stage2Alone = Object.entries(STAGE2).map(([size, [lg2, fields, tables]]) =>
  bare(`answers with the leaf of ${size} of stage 2 alone`, {
    more: [[STE_AT, ste({ ...STE2, ...fields })], ...tables],
    steps: [
      access("r", 0x80_0000_0abcn, pa(0x90_0000_0abcn, lg2)),
      access("w", 0x80_0000_0abcn, pa(0x90_0000_0abcn, lg2)),
    ],
  }),
);

const both = Object.entries(STAGE1).flatMap(([size1, [lg1, cdFields, tables1]]) =>
  Object.entries(STAGE2).map(([size2, [lg2, steFields, tables2]]) =>
    bare(`answers with 2^${Math.min(lg1, lg2)} for ${size1} of stage 1 over ${size2} of stage 2`, {
      more: [
        [STE_AT, ste({ ...STE2, Config: 7, S1ContextPtr: CD_AT, ...steFields })],
        [CD_AT, cd({ ...CD1, ...cdFields })],
        ...tables1,
        ...tables2,
      ],
      // The second access is a hit.
      steps: [
        access("r", VA, pa(0x90_0000_0abcn, Math.min(lg1, lg2))),
        access("w", VA, pa(0x90_0000_0abcn, Math.min(lg1, lg2))),
      ],
    }),
  ),
);

export const leafSizes: ManualCase[] = [...alone, ...stage2Alone, ...both];
