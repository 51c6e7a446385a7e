// The first stage alone (VT-d 3.6, 9.7): levels, canonical addresses, large pages, reserved and ignored bits.
import { words } from "../../assemble.js";
import { FS_OPEN, PS } from "../assemble.js";
import type { VtdCase } from "../format.js";
import { access, fault, PASID, pa, piotlbPasid, plain, store } from "../steps.js";
import { FIVE, FS, first, IOVA, IOVA5, PA, type Path, withHostWidth, withoutCap } from "../worlds.js";

const at = (address: bigint, ...values: bigint[]): readonly [bigint, string] => [address, words(...values)];
const OPEN = pa(PA + 0x678n, 12);
const read = (expect = OPEN, iova = IOVA) => access("r", iova + 0x678n, expect);
const denied = (reason: number, iova = IOVA) => access("r", iova, fault(reason, "r", iova));

const levels: VtdCase[] = [
  first("walks 4 levels (3.6)", {
    steps: [
      access("r", IOVA + 0x678n, OPEN, { fetches: 4 }),
      plain("r", IOVA + 0x678n, OPEN, { fetches: 4 }),
    ],
  }),
  first("walks 5 levels with FSPM 1 (3.6, 9.6)", {
    entry: FIVE,
    steps: [access("r", IOVA5 + 0x678n, OPEN, { fetches: 5 })],
  }),
  first("has no 5 levels without CAP.FS5LP: 0x5B (9.6, 11.4.2)", {
    features: withoutCap(1n << 60n),
    entry: FIVE,
    steps: [denied(0x5b, IOVA5)],
  }),
  ...[2, 3].map((FSPM) =>
    first(`has no FSPM ${FSPM}: 0x5B (9.6)`, { entry: { ...FIVE, FSPM }, steps: [denied(0x5b)] }),
  ),
  ...(["l4", "l3", "l2", "l1"] as const).map((level) =>
    first(`finds no entry ${level}: 0x71, whatever its other bits (9.7, Table 30)`, {
      path: { [level]: 0xffff_ffff_ffff_fffen },
      steps: [denied(0x71)],
    }),
  ),
  first("cannot read a root outside RAM: 0x73 (Table 30)", {
    entry: { FSPTPTR: 0x9000_0000n },
    steps: [denied(0x73)],
  }),
  ...(["l4", "l3", "l2"] as const).map((level) =>
    first(`cannot read the table behind ${level} outside RAM: 0x70 (Table 30)`, {
      path: { [level]: 0x9000_0000n | FS_OPEN },
      steps: [denied(0x70)],
    }),
  ),
];

// ---- Canonical addresses -------------------------------------------------------------------------------------------

/** The last page of the lower half: index 255 at level 4, 511 below. The first page of the upper half: 256, then 0. */
const BORDER4 = [
  at(0x4001_07f8n, 0x4001_1000n | FS_OPEN, 0x4001_1000n | FS_OPEN),
  at(0x4001_1000n, 0x4001_2000n | FS_OPEN),
  at(0x4001_1ff8n, 0x4001_2000n | FS_OPEN),
  at(0x4001_2000n, 0x4001_3000n | FS_OPEN),
  at(0x4001_2ff8n, 0x4001_3000n | FS_OPEN),
  at(0x4001_3000n, 0x6000_0000n | FS_OPEN),
  at(0x4001_3ff8n, 0x7000_0000n | FS_OPEN),
] as const;
/** The same one level up: index 255 and 256 at level 5, 511 and 0 below. */
const BORDER5 = [
  at(0x4001_87f8n, 0x4001_0000n | FS_OPEN, 0x4001_0000n | FS_OPEN),
  at(0x4001_0000n, 0x4001_1000n | FS_OPEN),
  at(0x4001_0ff8n, 0x4001_1000n | FS_OPEN),
  ...BORDER4.slice(1),
] as const;

const canonical: VtdCase[] = [
  first("takes 48-bit canonical addresses: the pages on both sides of the gap, 0x80 between (3.6)", {
    more: [...BORDER4],
    steps: [
      read(pa(0x7000_0678n, 12), 0x7fff_ffff_f000n),
      read(pa(0x6000_0678n, 12), 0xffff_8000_0000_0000n),
      denied(0x80, 0x8000_0000_0000n),
      denied(0x80, 0xffff_7fff_ffff_f000n),
      denied(0x80, 0x1_0000_0000_0000n),
      denied(0x80, 0x8000_7fff_ffff_f000n),
      // Again, with both pages in the caches.
      access("r", 0x7fff_ffff_ffffn, pa(0x7000_0fffn, 12), { hit: true }),
      access("r", 0xffff_8000_0000_0000n, pa(0x6000_0000n, 12), { hit: true }),
      denied(0x80, 0x8000_0000_0000n),
    ],
  }),
  first("takes 57-bit canonical addresses with five levels (3.6)", {
    entry: FIVE,
    more: [...BORDER5],
    steps: [
      read(pa(0x7000_0678n, 12), 0xff_ffff_ffff_f000n),
      read(pa(0x6000_0678n, 12), 0xff00_0000_0000_0000n),
      denied(0x80, 0x100_0000_0000_0000n),
      denied(0x80, 0xfeff_ffff_ffff_f000n),
      denied(0x80, 0x7fff_ffff_ffff_f000n),
      // The gap of 48 bits is none: nothing is mapped there.
      denied(0x71, 0x8000_0000_0000n),
      denied(0x71, 0xffff_7fff_ffff_f000n),
    ],
  }),
];

// ---- Large pages, reserved bits, ignored bits ----------------------------------------------------------------------

const large: VtdCase[] = [
  first("has pages of 2 MiB (9.7)", {
    path: { l2: 0x6000_0000n | PS | FS_OPEN },
    steps: [access("r", IOVA + 0x678n, pa(0x6000_1678n, 21), { fetches: 3 })],
  }),
  first("has pages of 1 GiB with CAP.FS1GP (9.7)", {
    path: { l3: 0x1_0000_0000n | PS | FS_OPEN },
    steps: [access("r", IOVA + 0x678n, pa(0x1_0020_1678n, 30), { fetches: 2 })],
  }),
  first("has no pages of 1 GiB without CAP.FS1GP: 0x72 (9.7, 11.4.2)", {
    features: withoutCap(1n << 56n),
    path: { l3: 0x1_0000_0000n | PS | FS_OPEN },
    steps: [denied(0x72)],
  }),
  first("has no larger pages: PS at level 4 is reserved, 0x72 (9.7)", {
    path: { l4: 0x4001_1000n | PS | FS_OPEN },
    steps: [denied(0x72)],
  }),
  first("has no larger pages: PS at level 5 is reserved, 0x72 (9.7)", {
    entry: FIVE,
    path: { l5: 0x4001_0000n | PS | FS_OPEN },
    steps: [denied(0x72, IOVA5)],
  }),
  first("takes bit 12 of a 2 MiB page for PAT, not for address (9.7)", {
    path: { l2: 0x6000_0000n | 0x1000n | PS | FS_OPEN },
    steps: [read(pa(0x6000_1678n, 21))],
  }),
  first("takes bit 12 of a 1 GiB page for PAT, not for address (9.7)", {
    path: { l3: 0x1_0000_0000n | 0x1000n | PS | FS_OPEN },
    steps: [read(pa(0x1_0020_1678n, 30))],
  }),
  first("takes bit 7 of a 4 KiB page for PAT (9.7)", { path: { l1: PA | PS | FS_OPEN }, steps: [read()] }),
];

const RESERVED: readonly (readonly [what: string, path: Path])[] = [
  ["bit 13 of a 2 MiB page", { l2: 0x6000_0000n | (1n << 13n) | PS | FS_OPEN }],
  ["bit 20 of a 2 MiB page", { l2: 0x6000_0000n | (1n << 20n) | PS | FS_OPEN }],
  ["bit 13 of a 1 GiB page", { l3: 0x1_0000_0000n | (1n << 13n) | PS | FS_OPEN }],
  ["bit 29 of a 1 GiB page", { l3: 0x1_0000_0000n | (1n << 29n) | PS | FS_OPEN }],
  ["bit 46 of a page beyond HAW 46", { l1: PA | (1n << 46n) | FS_OPEN }],
  ["bit 51 of a table beyond HAW 46", { l3: 0x4001_2000n | (1n << 51n) | FS_OPEN }],
];
const reserved = RESERVED.map(([what, path]) =>
  first(`refuses ${what} with 0x72 (9.7, Table 30)`, {
    features: withHostWidth(46),
    path,
    steps: [denied(0x72)],
  }),
);

/** G (8), bits 9, 11, 52 to 63 with the XD of older revisions; D of tables; PWT and PCD. */
const IGNORED = (0xfffn << 52n) | (1n << 11n) | (1n << 9n) | (1n << 8n) | 0x18n;
const ignored: VtdCase[] = [
  first("ignores G, PWT, PCD and bits 9, 11, 63:52 at every level (9.7)", {
    path: {
      l4: 0x4001_1000n | FS_OPEN | IGNORED,
      l3: 0x4001_2000n | FS_OPEN | IGNORED,
      l2: 0x4001_3000n | FS_OPEN | IGNORED,
      l1: PA | FS_OPEN | IGNORED,
    },
    steps: [read(), access("w", IOVA, pa(PA))],
  }),
  first("caches a page with G like any other: its PASID's invalidation drops it (9.7: no global pages)", {
    path: { l1: PA | FS_OPEN | (1n << 8n) },
    steps: [
      read(),
      store(FS.l1, 0x6000_1000n | FS_OPEN),
      piotlbPasid(0x22, PASID, 1),
      read(pa(0x6000_1678n, 12)),
    ],
  }),
];

export const firstStageCases: readonly VtdCase[] = [
  ...levels,
  ...canonical,
  ...large,
  ...reserved,
  ...ignored,
];
