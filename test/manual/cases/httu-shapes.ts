// Hardware update of stage 1 descriptors of every shape, and which values of IDR0.HTTU, CD.HA and CD.HD are legal
// (IHI 0070 3.13.2, 5.4 HA, HD, 5.4.2, 7.3.15; DDI 0487 D8.3.1, D8.5).
import { block, cd, type Fields, oa64k, oaDs, page, ste, table, words } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import {
  access,
  C_BAD_CD,
  configError,
  F_ACCESS,
  F_PERMISSION,
  holds,
  type Kind,
  pa,
  stage1Fault,
} from "../steps.js";
import { bare, CD_AT, CD1, FULL, PA, S1_L3, STE_AT, STE1, stage1, VA, withHttu } from "../worlds.js";

const HA = { HA: 1 };
const HAHD = { HA: 1, HD: 1 };
const ok = (kind: Kind): Step => access(kind, VA, pa(PA, 12));
const refused = (kind: Kind, type = F_PERMISSION): Step => access(kind, VA, stage1Fault(type, kind, VA));
const leafIs = (descriptor: bigint): Step => holds(S1_L3, words(descriptor));

/** Writable-clean for both privileges: DBM = 1, AP = 0b11. */
const CLEAN = page(PA, { AP: 0b11, DBM: 1 });

// Other shapes of descriptor: the whole 64 bits but AF and AP[2] stay.
const at = (address: bigint, descriptor: bigint) => [address, words(descriptor)] as const;
const shape = (
  title: string,
  fields: Fields,
  tables: (readonly [bigint, string])[],
  steps: Step[],
): ManualCase =>
  bare(title, { more: [[STE_AT, ste(STE1)], [CD_AT, cd({ ...CD1, ...HAHD, ...fields })], ...tables], steps });
const CLEAN_NEW: Fields = { AF: 0, AP: 0b11, DBM: 1, PXN: 1 };
const DIRTY: Fields = { AF: 1, AP: 0b01, DBM: 1, PXN: 1 };

const shapes: ManualCase[] = [
  shape(
    "updates a 2 MiB block (3.13.2: Block and Page descriptors)",
    {},
    [at(0x4001_0008n, table(0x4001_1000n)), at(0x4001_1008n, block(0x5020_0000n, CLEAN_NEW))],
    [access("w", 0x403f_fff0n, pa(0x503f_fff0n, 21)), holds(0x4001_1008n, words(block(0x5020_0000n, DIRTY)))],
  ),
  shape(
    "updates a 64KB page with its address bits 51:48 in bits 15:12",
    { TG0: 1, T0SZ: 22, IPS: 6 },
    [at(0x4001_0008n, table(0x4002_0000n)), at(0x4002_0008n, page(oa64k(0xf_0000_5001_0000n), CLEAN_NEW))],
    [
      access("w", 0x2001_1234n, pa(0xf_0000_5001_1234n, 16)),
      holds(0x4002_0008n, words(page(oa64k(0xf_0000_5001_0000n), DIRTY))),
    ],
  ),
  shape(
    "updates a 4KB page with DS = 1, address bits 51:50 in bits 9:8",
    { DS: 1, IPS: 6 },
    [
      at(0x4001_0008n, table(0x4001_1000n)),
      at(0x4001_1008n, table(0x4001_2000n)),
      at(0x4001_2008n, page(oaDs(0xe_0000_5000_1000n), CLEAN_NEW)),
    ],
    [
      access("w", VA, pa(0xe_0000_5000_1000n, 12)),
      holds(0x4001_2008n, words(page(oaDs(0xe_0000_5000_1000n), DIRTY))),
    ],
  ),
  shape(
    "updates descriptors reached through TTB1, at a 52-bit address",
    {
      EPD0: 1,
      EPD1: 0,
      TG1: 3,
      T1SZ: 22,
      IPS: 6,
      TTB1: 0xf_0000_4001_0000n,
    },
    [at(0xf_0000_4001_0008n, block(oa64k(0x5_0000_2000_0000n), CLEAN_NEW))],
    [
      access("w", 0xffff_fc00_2001_1234n, pa(0x5_0000_2001_1234n, 29)),
      holds(0xf_0000_4001_0008n, words(block(oa64k(0x5_0000_2000_0000n), DIRTY))),
    ],
  ),
];

// IDR0.HTTU: 0b00 nothing, 0b01 Access flag, 0b10 both (5.4 HA).
const BAD = configError(C_BAD_CD);
const legality: ManualCase[] = [
  stage1("refuses HA = 1 when IDR0.HTTU = 0b00: C_BAD_CD (5.4 HA)", {
    idr: withHttu(0),
    cd: HA,
    steps: [access("r", VA, BAD)],
  }),
  stage1("refuses HD = 1 when IDR0.HTTU = 0b00: C_BAD_CD (5.4 HD)", {
    idr: withHttu(0),
    cd: { HD: 1 },
    steps: [access("r", VA, BAD)],
  }),
  stage1("refuses HD = 1 when IDR0.HTTU = 0b01: C_BAD_CD, with and without HA (5.4 HD)", {
    idr: withHttu(1),
    cd: HAHD,
    steps: [access("r", VA, BAD)],
  }),
  stage1("refuses HD = 1, HA = 0 when IDR0.HTTU = 0b01: C_BAD_CD (5.4.2)", {
    idr: withHttu(1),
    cd: { HD: 1 },
    steps: [access("r", VA, BAD)],
  }),
  stage1("allows HA = 1 when IDR0.HTTU = 0b01: AF is set (5.4 HA)", {
    idr: withHttu(1),
    cd: HA,
    leaf: page(PA, { AF: 0 }),
    steps: [ok("r"), leafIs(page(PA))],
  }),
  stage1("refuses HA = 1 with both EPD set when IDR0.HTTU = 0b00: the check does not look at EPD (5.4.2)", {
    idr: withHttu(0),
    cd: { ...HA, EPD0: 1 },
    steps: [access("r", VA, BAD)],
  }),
  stage1("keeps DBM without effect when IDR0.HTTU = 0b00 (3.13.3.1)", {
    idr: withHttu(0),
    leaf: CLEAN,
    steps: [refused("w"), ok("r"), ok("px"), leafIs(CLEAN)],
  }),
  stage1("leaves the other fields of the record as usual in F_ACCESS: SSV, PnU, InD, RnW (7.3.15)", {
    idr: FULL,
    ste: { S1CDMax: 1, S1DSS: 2, S1ContextPtr: 0x4400_0000n },
    leaf: page(PA, { AF: 0 }),
    more: [
      [0x4400_0000n, cd(CD1)],
      [0x4400_0040n, cd(CD1)],
    ],
    steps: [
      refused("px", F_ACCESS),
      access("pw", VA, stage1Fault(F_ACCESS, "pw", VA, { SSV: 1, SubstreamID: 1 }), { ssid: 1 }),
    ],
  }),
];

export const httuShapes: ManualCase[] = [...shapes, ...legality];
