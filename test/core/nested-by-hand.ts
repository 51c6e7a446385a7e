// A nested walk of 24 fetches worked out by hand (DDI 0487 D8.2, IHI 0070 3.4): 4 KiB granule, both stages 48 bits
// from level 0. Every table has one entry in use, each at an index of its own.
//
//   VA 0x80_80_60_4000: indices 1, 2, 3, 4    IPA of everything: page 16 to 20 and 32, below 2 MiB
//   stage 1 tables, levels 0 to 3: IPA 0x1_0000, 0x1_1000, 0x1_2000, 0x1_3000    CD: IPA 0x1_4000
//   data: IPA 0x2_0000    PA of an IPA: 0x6000_0000 higher
//   stage 2 tables, levels 0 to 3: PA 0x5000_0000, 0x5000_1000, 0x5000_2000, 0x5000_3000

import { CD_WORD, STAGE2_WORD, STREAM_TABLE } from "./rig.js";

export const VA = (1n << 39n) | (2n << 30n) | (3n << 21n) | (4n << 12n);
export const PA = 0x6002_0000n;
const STAGE2 = 0x5000_0000n;
const TO_PA = 0x6000_0000n;
/** Valid, page, MemAttr 1111, S2AP 11, SH 11, AF. */
const PAGE2 = 0x7ffn;
/** Valid, page, AP 01, AF, nG. */
const PAGE1 = 0xc43n;

/** Everything that is written, as [address, doubleword]; StreamID 0, ASID 1, VMID 1. */
export function nestedByHand(): [address: bigint, value: bigint][] {
  return [
    [STREAM_TABLE, 0x1_4000n | 0xfn],
    [STREAM_TABLE + 16n, STAGE2_WORD | 1n],
    [STREAM_TABLE + 24n, STAGE2],
    [0x1_4000n + TO_PA, CD_WORD | (1n << 48n)],
    [0x1_4008n + TO_PA, 0x1_0000n],
    [0x1_0008n + TO_PA, 0x1_1003n],
    [0x1_1010n + TO_PA, 0x1_2003n],
    [0x1_2018n + TO_PA, 0x1_3003n],
    [0x1_3020n + TO_PA, 0x2_0000n | PAGE1],
    [0x1_3028n + TO_PA, 0x2_1000n | PAGE1],
    [STAGE2, (STAGE2 + 0x1000n) | 3n],
    [STAGE2 + 0x1000n, (STAGE2 + 0x2000n) | 3n],
    [STAGE2 + 0x2000n, (STAGE2 + 0x3000n) | 3n],
    ...[16n, 17n, 18n, 19n, 20n, 32n, 33n].map((page): [bigint, bigint] => [
      STAGE2 + 0x3000n + page * 8n,
      ((page << 12n) + TO_PA) | PAGE2,
    ]),
  ];
}

/** One descriptor read. */
export interface Fetch {
  stage: number;
  level: number;
  address: bigint;
  descriptor: bigint;
}

/** Stage 2 of `ipa`: four descriptors. */
function stage2(ipa: bigint): Fetch[] {
  const leaf = ((ipa & ~0xfffn) + TO_PA) | PAGE2;
  return [
    { stage: 2, level: 0, address: STAGE2, descriptor: 0x5000_1003n },
    { stage: 2, level: 1, address: STAGE2 + 0x1000n, descriptor: 0x5000_2003n },
    { stage: 2, level: 2, address: STAGE2 + 0x2000n, descriptor: 0x5000_3003n },
    { stage: 2, level: 3, address: STAGE2 + 0x3000n + (ipa >> 12n) * 8n, descriptor: leaf },
  ];
}

/** The CD's translation: what comes before the first walk of a stream. */
export const CD_FETCHES: readonly Fetch[] = stage2(0x1_4000n);

/** The walk of VA, in order; stage-1 addresses are IPAs. */
export const WALK_FETCHES: readonly Fetch[] = [
  ...stage2(0x1_0008n),
  { stage: 1, level: 0, address: 0x1_0008n, descriptor: 0x1_1003n },
  ...stage2(0x1_1010n),
  { stage: 1, level: 1, address: 0x1_1010n, descriptor: 0x1_2003n },
  ...stage2(0x1_2018n),
  { stage: 1, level: 2, address: 0x1_2018n, descriptor: 0x1_3003n },
  ...stage2(0x1_3020n),
  { stage: 1, level: 3, address: 0x1_3020n, descriptor: 0x2_0c43n },
  ...stage2(0x2_0000n),
];
