// TLBI by range with 4KB, 16KB and 64KB granules (IHI 0070 4.4.1.1): exactly the pages from Address on,
// (NUM + 1) × 2^SCALE of them. A step's `cached` is what a TLB still holds.
import { cd, type Fields, page, ste, table, words } from "../assemble.js";
import type { Access, Expect, ManualCase, Step } from "../format.js";
import { access, cmd, pa, SYNC, store } from "../steps.js";
import { bare, CD_AT, CD1, S1_L2, STE_AT, STE1 } from "../worlds.js";

const NH_VA = 0x12;
const tlbi = (Opcode: number, fields: Fields): Step[] => [cmd({ Opcode, VMID: 0x11, ...fields }), SYNC];
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;
const read = (va: bigint, expect: Expect, more: Partial<Access> = {}) => access("r", va, expect, more);
/** Dropped; kept; or either. `from` and `to` are what the structures said before and say now. */
const dropped = (va: bigint, to: bigint) => read(va, pa(to));
const kept = (va: bigint, from: bigint, to: bigint) => read(va, pa(to), { cached: pa(from) });

/** TG (4.4.1.1): 1 = 4KB, 2 = 16KB, 3 = 64KB. Eight pages from VA `base`, moved from 0x5… to 0x6…. */
interface Space {
  readonly cd: Fields;
  readonly tables: readonly (readonly [bigint, string])[];
  /** Level 3 table entry of page 0. */
  readonly entry: bigint;
  readonly base: bigint;
  readonly size: bigint;
}

const SPACES: Readonly<Record<number, Space>> = {
  1: {
    cd: {},
    tables: [at(0x4001_0008n, table(0x4001_1000n)), at(S1_L2, table(0x4001_2000n))],
    entry: 0x4001_2000n,
    base: 0x4020_0000n,
    size: 0x1000n,
  },
  // 16KB, T0SZ = 28: level 2 index VA[35:25] = 1, level 3 index VA[24:14].
  2: {
    cd: { TG0: 2, T0SZ: 28 },
    tables: [at(0x4001_0008n, table(0x4002_0000n))],
    entry: 0x4002_0000n,
    base: 0x200_0000n,
    size: 0x4000n,
  },
  // 64KB, T0SZ = 22: level 2 index VA[41:29] = 1, level 3 index VA[28:16].
  3: {
    cd: { TG0: 1, T0SZ: 22 },
    tables: [at(0x4001_0008n, table(0x4002_0000n))],
    entry: 0x4002_0000n,
    base: 0x2000_0000n,
    size: 0x1_0000n,
  },
};

const FROM = 0x5000_0000n;
const TO = 0x6000_0000n;

function range(title: string, tg: number, fields: Fields, first: number, last: number, nG = 1): ManualCase {
  const { cd: cdFields, tables: upper, entry, base, size } = SPACES[tg]!;
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  const leaves = (to: bigint) => words(...eight.map((n) => page(to + BigInt(n) * size, { nG })));
  const va = (n: number) => base + BigInt(n) * size + 0x10n;
  const offset = (n: number) => BigInt(n) * size + 0x10n;
  return bare(title, {
    more: [[STE_AT, ste(STE1)], [CD_AT, cd({ ...CD1, ...cdFields })], ...upper, [entry, leaves(FROM)]],
    steps: [
      ...eight.map((n) => read(va(n), pa(FROM + offset(n)))),
      store(entry, leaves(TO)),
      ...tlbi(NH_VA, { ASID: 0x22, TG: tg, Leaf: 1, ...fields }),
      ...eight.map((n) =>
        n >= first && n <= last
          ? dropped(va(n), TO + offset(n))
          : kept(va(n), FROM + offset(n), TO + offset(n)),
      ),
    ],
  });
}

const ranges: ManualCase[] = [
  range(
    "drops NUM + 1 = 3 pages of 4KB from the address on, no others (4.4.1.1)",
    1,
    { NUM: 2, SCALE: 0, Address: 0x4020_2000n },
    2,
    4,
  ),
  range(
    "drops (NUM + 1) × 2^SCALE = 2 × 2 pages of 4KB (4.4.1.1)",
    1,
    { NUM: 1, SCALE: 1, Address: 0x4020_1000n },
    1,
    4,
  ),
  range(
    "drops all pages of a range of 2^SCALE = 8 (4.4.1.1)",
    1,
    { NUM: 0, SCALE: 3, Address: 0x4020_0000n },
    0,
    7,
  ),
  range(
    "drops one page with NUM = SCALE = 0 and TTL = 3 (4.4.1.1)",
    1,
    { NUM: 0, SCALE: 0, TTL: 3, Address: 0x4020_5000n },
    5,
    5,
  ),
  range(
    "drops 3 pages of 4KB with TTL = 3 (4.4.1.1)",
    1,
    { NUM: 2, SCALE: 0, TTL: 3, Address: 0x4020_0000n },
    0,
    2,
  ),
  range("drops 3 pages of 16KB (4.4.1.1 TG = 0b10)", 2, { NUM: 2, SCALE: 0, Address: 0x200_8000n }, 2, 4),
  range(
    "drops 4 pages of 16KB with SCALE = 2 (4.4.1.1 TG = 0b10)",
    2,
    { NUM: 0, SCALE: 2, Address: 0x201_0000n },
    4,
    7,
  ),
  range(
    "drops one page of 16KB with TTL = 3 (4.4.1.1 TG = 0b10)",
    2,
    { NUM: 0, SCALE: 0, TTL: 3, Address: 0x200_4000n },
    1,
    1,
  ),
  range("drops 3 pages of 64KB (4.4.1.1 TG = 0b11)", 3, { NUM: 2, SCALE: 0, Address: 0x2002_0000n }, 2, 4),
  range(
    "drops 6 pages of 64KB: (2 + 1) × 2^1 (4.4.1.1 TG = 0b11)",
    3,
    { NUM: 2, SCALE: 1, Address: 0x2001_0000n },
    1,
    6,
  ),
  range(
    "drops one page of 64KB with TTL = 3 (4.4.1.1 TG = 0b11)",
    3,
    { NUM: 0, SCALE: 0, TTL: 3, Address: 0x2007_0000n },
    7,
    7,
  ),
  range(
    "drops global pages of the range too (4.4.2.4)",
    1,
    { NUM: 1, SCALE: 0, ASID: 0x99, Address: 0x4020_3000n },
    3,
    4,
    0,
  ),
  range(
    "drops nothing of another ASID (4.4.2.4)",
    1,
    { NUM: 7, SCALE: 0, ASID: 0x99, Address: 0x4020_0000n },
    9,
    9,
  ),
  range(
    "uses SCALE[5], bit 25, when IDR5.DS = 1: 2^36 granules from 0 (4.4.1.1 SCALE)",
    1,
    { NUM: 0, SCALE: 36, Address: 0n },
    0,
    7,
  ),
  range(
    "drops (15 + 1) × 2^2 = 64 pages of 4KB from an address below (4.4.1.1)",
    1,
    { NUM: 15, SCALE: 2, Address: 0x401f_c000n },
    0,
    7,
  ),
];

export const tlbRanges: ManualCase[] = ranges;
