// TLBI by address: blocks and their pieces, table descriptors and Leaf, the TTL hint, the upper half (IHI 0070 4.4,
// 4.4.1.1 TTL, 4.4.2; DDI 0487 D8.16 scope of ASIDE1 and VAE1).
// A step's `cached` is what a TLB may still hold; `either` where a wider invalidation is allowed.
import { block, cd, type Fields, page, s2page, ste, table, words } from "../assemble.js";
import type { Access, Expect, ManualCase, Step } from "../format.js";
import { access, cmd, pa, SYNC, store } from "../steps.js";
import { bare, CD_AT, CD1, nested, PA, S1_L2, S1_L3, STE_AT, STE1, stage1, stage2, VA } from "../worlds.js";

const NH_VA = 0x12;
const NH_VAA = 0x13;
const tlbi = (Opcode: number, fields: Fields): Step[] => [cmd({ Opcode, VMID: 0x11, ...fields }), SYNC];
const at = (address: bigint, ...descriptors: bigint[]) => [address, words(...descriptors)] as const;
const read = (va: bigint, expect: Expect, more: Partial<Access> = {}) => access("r", va, expect, more);
/** Dropped; kept; or either. `from` and `to` are what the structures said before and say now. */
const dropped = (va: bigint, to: bigint) => read(va, pa(to));
const kept = (va: bigint, from: bigint, to: bigint) => read(va, pa(to), { cached: pa(from) });
const maybe = (va: bigint, from: bigint, to: bigint) =>
  read(va, pa(to), { cached: { either: [pa(from), pa(to)] } });

// ---- Blocks and tables ---------------------------------------------------------------------------------------------

const blocks: ManualCase[] = [
  stage1("drops a 2 MiB block entry for any address inside it (4.4 note: low address bits are ignored)", {
    more: [at(S1_L2, block(0x5020_0000n))],
    steps: [
      read(VA, pa(0x5020_1000n, 21)),
      store(S1_L2, words(block(0x6020_0000n))),
      ...tlbi(NH_VAA, { Address: 0x403f_f000n, Leaf: 1 }),
      dropped(VA, 0x6020_1000n),
    ],
  }),
  stage1("keeps a 2 MiB block entry for an address in the next block (4.4.2.3)", {
    more: [at(S1_L2, block(0x5020_0000n))],
    steps: [
      read(VA, pa(0x5020_1000n, 21)),
      store(S1_L2, words(block(0x6020_0000n))),
      ...tlbi(NH_VAA, { Address: 0x4040_0000n, Leaf: 1 }),
      kept(VA, 0x5020_1000n, 0x6020_1000n),
    ],
  }),
  nested(
    "drops all pieces of a stage 1 block that stage 2 maps by pages, for any address in the block (4.4.2.4)",
    {
      more: [
        // Stage 1 level 2: a 2 MiB block to IPA 0x8020_0000; stage 2 pages 1 and 2 there.
        at(0x4021_1008n, block(0x8020_0000n, { nG: 1 })),
        at(0x4010_4008n, s2page(0x5000_1000n), s2page(0x7777_2000n)),
        // A second block at IPA 0xC020_0000: stage 2 level 1 entry 3.
        at(0x4010_0018n, table(0x4010_7000n)),
        at(0x4010_7008n, table(0x4010_8000n)),
        at(0x4010_8008n, s2page(0x6666_1000n), s2page(0x6666_2000n)),
      ],
      steps: [
        read(VA, pa(0x5000_1000n, 12)),
        read(VA + 0x1000n, pa(0x7777_2000n, 12)),
        store(0x4021_1008n, words(block(0xc020_0000n, { nG: 1 }))),
        ...tlbi(NH_VA, { ASID: 0x22, Address: 0x403f_0000n, Leaf: 1 }),
        dropped(VA, 0x6666_1000n),
        dropped(VA + 0x1000n, 0x6666_2000n),
      ],
    },
  ),
];

/** A second level 3 table at 0x4001_3000: pages 1 and 2 lead to 0x6000_1000 and 0x6000_2000. */
const SECOND_L3 = at(0x4001_3008n, page(0x6000_1000n), page(0x6000_2000n));
const moveTable = store(S1_L2, words(table(0x4001_3000n)));

const tables: ManualCase[] = [
  stage1("drops cached table descriptors with Leaf = 0 (4.4.2.4)", {
    leaf: page(PA, { nG: 1 }),
    more: [SECOND_L3],
    steps: [
      read(VA, pa(PA)),
      moveTable,
      ...tlbi(NH_VA, { ASID: 0x22, Address: VA }),
      dropped(VA, 0x6000_1000n),
      dropped(VA + 0x1000n, 0x6000_2000n),
    ],
  }),
  stage1("need not drop cached table descriptors with Leaf = 1 (4.4.2.4)", {
    leaf: page(PA, { nG: 1 }),
    more: [SECOND_L3, at(0x4001_2010n, page(0x5000_2000n))],
    steps: [
      read(VA, pa(PA)),
      moveTable,
      ...tlbi(NH_VA, { ASID: 0x22, Address: VA, Leaf: 1 }),
      maybe(VA, PA, 0x6000_1000n),
      ...tlbi(NH_VA, { ASID: 0x22, Address: VA }),
      dropped(VA, 0x6000_1000n),
    ],
  }),
  stage1(
    "drops cached table descriptors with NH_ASID even where the pages are global (ASIDE1: entries above the leaf)",
    {
      more: [SECOND_L3],
      steps: [
        read(VA, pa(PA)),
        moveTable,
        ...tlbi(0x11, { ASID: 0x22 }),
        // A page not seen before: the walk must use the new table. The global page itself stays.
        dropped(VA + 0x1000n, 0x6000_2000n),
        kept(VA, PA, 0x6000_1000n),
      ],
    },
  ),
  stage2("drops cached table descriptors of stage 2 with TLBI_S2_IPA, Leaf = 0 (4.4.3.1)", {
    more: [at(0x4010_3008n, s2page(0x6000_1000n), s2page(0x6000_2000n))],
    steps: [
      read(VA, pa(PA)),
      store(0x4010_1008n, words(table(0x4010_3000n))),
      ...tlbi(0x2a, { Address: VA }),
      dropped(VA, 0x6000_1000n),
      dropped(VA + 0x1000n, 0x6000_2000n),
    ],
  }),
];

/** A 2 MiB block, or a 1 GiB block, and a hint. */
const hint = (
  title: string,
  fields: Fields,
  level: 1 | 2,
  verdict: typeof maybe | typeof kept | "dropped",
): ManualCase =>
  stage1(title, {
    more: level === 2 ? [at(S1_L2, block(0x5020_0000n))] : [at(0x4001_0008n, block(0x4000_0000n))],
    steps: [
      read(VA, level === 2 ? pa(0x5020_1000n, 21) : pa(0x4020_1000n, 30)),
      level === 2
        ? store(S1_L2, words(block(0x6020_0000n)))
        : store(0x4001_0008n, words(block(0x8000_0000n))),
      ...tlbi(NH_VAA, { Leaf: 1, TG: 1, ...fields }),
      verdict === "dropped"
        ? dropped(VA, level === 2 ? 0x6020_1000n : 0x8020_1000n)
        : level === 2
          ? verdict(VA, 0x5020_1000n, 0x6020_1000n)
          : verdict(VA, 0x4020_1000n, 0x8020_1000n),
    ],
  });

const hints: ManualCase[] = [
  hint("drops a 2 MiB block with TTL = 2 (4.4.1.1 TTL)", { TTL: 2, Address: 0x4020_0000n }, 2, "dropped"),
  hint("drops a 1 GiB block with TTL = 1 (4.4.1.1 TTL)", { TTL: 1, Address: 0x4000_0000n }, 1, "dropped"),
  hint(
    "drops a 2 MiB block with TTL = 0 by a range that touches it (4.4.1.1)",
    { NUM: 1, Address: 0x4020_0000n },
    2,
    "dropped",
  ),
  hint(
    "drops a 2 MiB block with TTL = 0 by a range that begins inside it (4.4 note)",
    { NUM: 1, Address: 0x4030_0000n },
    2,
    "dropped",
  ),
  hint("need not drop a 2 MiB block with TTL = 3 (4.4.1.1 TTL)", { TTL: 3, Address: 0x4020_1000n }, 2, maybe),
  hint("need not drop a 1 GiB block with TTL = 2 (4.4.1.1 TTL)", { TTL: 2, Address: 0x4020_0000n }, 1, maybe),
  hint(
    "need not drop a 4KB-granule entry with TG = 64KB (4.4.1.1 TG)",
    { TG: 3, TTL: 3, Address: 0x4020_0000n },
    2,
    maybe,
  ),
  hint("drops a leaf of any size when TG = 0 (4.4.1.1)", { TG: 0, Address: 0x403f_f000n }, 2, "dropped"),
  bare("drops a 64 GiB block with TG = 16KB, TTL = 1 when IDR5.DS = 1 (4.4.1.1 TTL)", {
    more: [
      [STE_AT, ste(STE1)],
      [CD_AT, cd({ ...CD1, TG0: 2, T0SZ: 17, DS: 1, IPS: 6 })],
      at(0x4001_0008n, block(0x30_0000_0000n)),
    ],
    steps: [
      read(0x10_0000_4000n, pa(0x30_0000_4000n, 36)),
      store(0x4001_0008n, words(block(0x50_0000_0000n))),
      ...tlbi(NH_VAA, { Leaf: 1, TG: 2, TTL: 1, Address: 0x10_0000_0000n }),
      dropped(0x10_0000_4000n, 0x50_0000_4000n),
    ],
  }),
  stage1("drops table descriptors above the hinted level with Leaf = 0 (4.4.1.1 note)", {
    more: [SECOND_L3],
    steps: [
      read(VA, pa(PA)),
      moveTable,
      ...tlbi(NH_VAA, { Leaf: 0, TG: 1, TTL: 3, Address: VA }),
      dropped(VA, 0x6000_1000n),
      dropped(VA + 0x1000n, 0x6000_2000n),
    ],
  }),
  stage2("drops a range of IPAs (4.4.1.1, 4.4.3.1)", {
    more: [at(0x4010_2000n, s2page(0x5000_0000n), s2page(PA), s2page(0x5000_2000n), s2page(0x5000_3000n))],
    steps: [
      read(0x4020_0000n, pa(0x5000_0000n)),
      read(VA, pa(PA)),
      read(0x4020_2000n, pa(0x5000_2000n)),
      read(0x4020_3000n, pa(0x5000_3000n)),
      store(
        0x4010_2000n,
        words(s2page(0x6000_0000n), s2page(0x6000_1000n), s2page(0x6000_2000n), s2page(0x6000_3000n)),
      ),
      ...tlbi(0x2a, { Leaf: 1, TG: 1, NUM: 1, Address: VA }),
      kept(0x4020_0000n, 0x5000_0000n, 0x6000_0000n),
      dropped(VA, 0x6000_1000n),
      dropped(0x4020_2000n, 0x6000_2000n),
      kept(0x4020_3000n, 0x5000_3000n, 0x6000_3000n),
    ],
  }),
];

// The upper half: addresses of all 64 bits.
const HIGH = 0xffff_ff80_4020_1000n;
const upper: ManualCase[] = [
  bare("drops a TTB1 page by its address, and not by the same low bits in the lower half (4.4.2.4)", {
    more: [
      [STE_AT, ste(STE1)],
      [CD_AT, cd({ ...CD1, EPD0: 1, EPD1: 0, TG1: 2, T1SZ: 25, TTB1: 0x4001_0000n })],
      at(0x4001_0008n, table(0x4001_1000n)),
      at(S1_L2, table(0x4001_2000n)),
      at(S1_L3, page(PA)),
    ],
    steps: [
      read(HIGH, pa(PA)),
      store(S1_L3, words(page(0x6000_1000n))),
      ...tlbi(NH_VAA, { Address: VA, Leaf: 1 }),
      kept(HIGH, PA, 0x6000_1000n),
      ...tlbi(NH_VAA, { Address: HIGH, Leaf: 1 }),
      dropped(HIGH, 0x6000_1000n),
    ],
  }),
];

export const tlbLeaves: ManualCase[] = [...blocks, ...tables, ...hints, ...upper];
