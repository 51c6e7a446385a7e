// How far an IOTLB invalidation reaches: tables and the invalidation hint, large pages, both halves of the address space,
// five levels (VT-d 4.6, 6.5.2, Tables 23 and 24).
import { words } from "../../assemble.js";
import { FS_OPEN, PS, SS_OPEN } from "../assemble.js";
import type { Access, VtdCase } from "../format.js";
import {
  access,
  either,
  fault,
  iotlbDomain,
  iotlbPages,
  PASID,
  pa,
  piotlbPages,
  piotlbPasid,
  store,
} from "../steps.js";
import { FIVE, FS, first, IOVA, IOVA5, PA, SS, second } from "../worlds.js";

const OLD = pa(PA, 12);
const NEW_PA = 0x6000_1000n;
const NEW = pa(NEW_PA, 12);
const read = (expect = OLD, more: Partial<Access> = {}): Access => access("r", IOVA, expect, more);
const at = (address: bigint, ...values: bigint[]): readonly [bigint, string] => [address, words(...values)];

// ---- Tables and large pages ----------------------------------------------------------------------------------------

/** Another last table at 0x4001_4000, another table of level 2 at 0x4001_5000. */
const firstTables = [at(0x4001_4008n, NEW_PA | FS_OPEN), at(0x4001_5008n, 0x4001_4000n | FS_OPEN)];
const tables: VtdCase[] = [
  first("a moved last table is seen after page-in-PASID without the hint (Table 24)", {
    more: firstTables,
    steps: [
      read(),
      store(FS.l2, 0x4001_4000n | FS_OPEN),
      piotlbPages(0x22, PASID, { ADDR: IOVA, AM: 9 }),
      read(NEW),
    ],
  }),
  first("a moved last table need not be seen after page-in-PASID with the hint (Table 24)", {
    more: firstTables,
    steps: [
      read(),
      store(FS.l2, 0x4001_4000n | FS_OPEN),
      piotlbPages(0x22, PASID, { ADDR: IOVA, AM: 9, IH: 1 }),
      read(NEW, { cached: either(OLD, NEW) }),
      piotlbPasid(0x22, PASID),
      read(NEW),
    ],
  }),
  first("a moved table of level 2 is seen after page-in-PASID of its 1 GiB (Table 24)", {
    more: firstTables,
    steps: [
      read(),
      store(FS.l3, 0x4001_5000n | FS_OPEN),
      piotlbPages(0x22, PASID, { ADDR: IOVA, AM: 18 }),
      read(NEW),
    ],
  }),
  second("a moved last table is seen after page-in-domain without the hint (Table 23)", {
    more: [at(0x4010_4008n, NEW_PA | SS_OPEN)],
    steps: [read(), store(SS.l2, 0x4010_4000n | SS_OPEN), iotlbPages(0x11, { ADDR: IOVA, AM: 9 }), read(NEW)],
  }),
  second("a moved last table need not be seen after page-in-domain with the hint (Table 23)", {
    more: [at(0x4010_4008n, NEW_PA | SS_OPEN)],
    steps: [
      read(),
      store(SS.l2, 0x4010_4000n | SS_OPEN),
      iotlbPages(0x11, { ADDR: IOVA, AM: 9, IH: 1 }),
      read(NEW, { cached: either(OLD, NEW) }),
      iotlbDomain(0x11),
      read(NEW),
    ],
  }),
  first(
    "a large page goes whole when its 2 MiB are named, also where it lies around FEEx_xxxx (Table 24, 3.14)",
    {
      path: { l2: 0xfee0_0000n | PS | FS_OPEN },
      steps: [
        access("r", 0x80_4030_0000n, pa(0xfef0_0000n)),
        access("r", 0x80_403f_f000n, pa(0xfeff_f000n)),
        store(FS.l2, 0x6000_0000n | PS | FS_OPEN),
        piotlbPages(0x22, PASID, { ADDR: 0x80_4020_0000n, AM: 9, IH: 1 }),
        access("r", 0x80_4030_0000n, pa(0x6010_0000n, 21)),
        access("r", 0x80_403f_f000n, pa(0x601f_f000n, 21)),
        access("r", 0x80_4020_0000n, pa(0x6000_0000n, 21)),
      ],
    },
  ),
  first("what was not present needs no invalidation: a leaf, a table (6.1, CM = 0)", {
    path: { l1: 0n },
    steps: [access("r", IOVA, fault(0x71, "r", IOVA)), store(FS.l1, PA | FS_OPEN), read()],
  }),
  first("what was reserved needs no invalidation (6.1, CM = 0)", {
    path: { l2: 0x4001_3000n | PS | (1n << 13n) | FS_OPEN },
    steps: [access("r", IOVA, fault(0x72, "r", IOVA)), store(FS.l2, 0x4001_3000n | FS_OPEN), read()],
  }),
];

// ---- Halves of the address space -----------------------------------------------------------------------------------

/** Bit 47: index 257 at level 4. */
const UPPER = 0xffff_8080_4020_1000n;
const upper4 = [
  at(0x4001_0808n, 0x4001_4000n | FS_OPEN),
  at(0x4001_4008n, 0x4001_5000n | FS_OPEN),
  at(0x4001_5008n, 0x4001_6000n | FS_OPEN),
  at(0x4001_6008n, NEW_PA | FS_OPEN),
] as const;
/** Bit 56: index 257 at level 5; and bit 52 of the lower half: index 0x11. */
const UPPER5 = 0xff01_0080_4020_1000n;
const WINDOW5 = 0x11_0080_4020_1000n;
const upper5 = [
  at(0x4001_8808n, 0x4001_9000n | FS_OPEN),
  at(0x4001_9008n, 0x4001_4000n | FS_OPEN),
  at(0x4001_8088n, 0x4001_a000n | FS_OPEN),
  at(0x4001_a008n, 0x4001_b000n | FS_OPEN),
  at(0x4001_b008n, 0x4001_c000n | FS_OPEN),
  at(0x4001_c008n, 0x4001_d000n | FS_OPEN),
  at(0x4001_d008n, 0x7000_1000n | FS_OPEN),
  ...upper4.slice(1),
] as const;
const THIRD = pa(0x7000_1000n, 12);
const ask = (iova: bigint, expect: Access["expect"], more: Partial<Access> = {}) =>
  access("r", iova, expect, more);

const halves: VtdCase[] = [
  first(
    "pages of both halves with the same low 47 bits are told apart, and dropped one by one (3.6, Table 24)",
    {
      more: [...upper4],
      steps: [
        ask(IOVA, OLD),
        ask(UPPER, NEW),
        ask(IOVA, OLD, { hit: true }),
        ask(UPPER, NEW, { hit: true }),
        piotlbPages(0x22, PASID, { ADDR: UPPER, IH: 1 }, 1),
        ask(IOVA, OLD, { hit: true }),
        ask(UPPER, NEW),
        piotlbPages(0x22, PASID, { ADDR: IOVA, IH: 1 }, 1),
        ask(UPPER, NEW, { hit: true }),
        ask(IOVA, OLD),
        piotlbPasid(0x22, PASID, 2),
      ],
    },
  ),
  first("pages of five levels with the same low 52 bits are told apart (3.6)", {
    entry: FIVE,
    more: [...upper5],
    steps: [
      ask(IOVA5, OLD),
      ask(UPPER5, NEW),
      ask(WINDOW5, THIRD),
      ask(IOVA5, OLD),
      ask(UPPER5, NEW),
      ask(WINDOW5, THIRD),
      store(0x4001_6008n, 0x5000_2000n | FS_OPEN),
      piotlbPages(0x22, PASID, { ADDR: UPPER5, IH: 1 }),
      ask(UPPER5, pa(0x5000_2000n, 12)),
      ask(IOVA5, OLD),
      ask(WINDOW5, THIRD),
      store(0x4001_d008n, 0x5000_3000n | FS_OPEN),
      piotlbPages(0x22, PASID, { ADDR: WINDOW5, IH: 1 }),
      ask(WINDOW5, pa(0x5000_3000n, 12)),
      ask(IOVA5, OLD),
    ],
  }),
  first("a moved table above 2^52 is seen after page-in-PASID without the hint (3.6, Table 24)", {
    entry: FIVE,
    more: [...upper5, at(0x4001_e008n, 0x5000_3000n | FS_OPEN)],
    steps: [
      ask(WINDOW5, THIRD),
      store(0x4001_c008n, 0x4001_e000n | FS_OPEN),
      piotlbPages(0x22, PASID, { ADDR: WINDOW5, AM: 9 }),
      ask(WINDOW5, pa(0x5000_3000n, 12)),
    ],
  }),
  second("addresses above 2^52 are told apart from those below with the same low bits (3.7)", {
    entry: { AW: 3, SSPTPTR: 0x4011_0000n },
    more: [
      at(0x4011_0088n, 0x4011_1000n | SS_OPEN),
      at(0x4011_1008n, 0x4011_2000n | SS_OPEN),
      at(0x4011_2008n, 0x4011_3000n | SS_OPEN),
      at(0x4011_3008n, 0x4011_4000n | SS_OPEN),
      at(0x4011_4008n, NEW_PA | SS_OPEN),
    ],
    steps: [
      ask(IOVA5, OLD),
      ask(WINDOW5, NEW),
      ask(IOVA5, OLD),
      store(0x4011_4008n, 0x5000_2000n | SS_OPEN),
      iotlbPages(0x11, { ADDR: WINDOW5, IH: 1 }),
      ask(WINDOW5, pa(0x5000_2000n, 12)),
      ask(IOVA5, OLD),
    ],
  }),
];

export const invalidationReachCases: readonly VtdCase[] = [...tables, ...halves];
