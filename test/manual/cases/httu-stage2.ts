// Hardware update at stage 2 alone: Access flag, dirty state, S2AFFD, and which STEs are illegal (IHI 0070 3.13.2,
// 3.13.3.1, 5.2 S2HA, S2HD, S2AFFD, 5.2.2).
import { s2block, s2page, words } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import {
  access,
  C_BAD_STE,
  configError,
  F_ACCESS,
  F_ADDR_SIZE,
  F_PERMISSION,
  holds,
  type Kind,
  pa,
  stage2Fault,
} from "../steps.js";
import { PA, S2_L1, S2_L3, stage1, stage2, VA, withHttu } from "../worlds.js";

const HA = { S2HA: 1 };
const HAHD = { S2HA: 1, S2HD: 1 };
const ok = (kind: Kind): Step => access(kind, VA, pa(PA, 12));
const refused = (kind: Kind, type = F_PERMISSION): Step => access(kind, VA, stage2Fault(type, kind, VA, VA));
const leafIs = (descriptor: bigint): Step => holds(S2_L3, words(descriptor));
/** Writable-clean: read-only with DBM = 1. */
const CLEAN = s2page(PA, { S2AP: 0b01, DBM: 1 });
const DIRTY = s2page(PA, { S2AP: 0b11, DBM: 1 });

const alone: ManualCase[] = [
  stage2("sets AF when S2HA = 1, and nothing else in the descriptor (3.13.2)", {
    ste: HA,
    // 0x5000_10FF: AF = 0, S2AP = 0b11, MemAttr = 0b1111, page.
    leaf: s2page(PA, { AF: 0 }),
    steps: [holds(S2_L3, "ff10005000000000"), ok("r"), holds(S2_L3, "ff14005000000000"), ok("w")],
  }),
  stage2("gives F_ACCESS when S2HA = 0, S2AFFD = 0 (7.3.15)", {
    leaf: s2page(PA, { AF: 0 }),
    steps: [refused("r", F_ACCESS), refused("pw", F_ACCESS), leafIs(s2page(PA, { AF: 0 }))],
  }),
  stage2("translates without an update when S2AFFD = 1, S2HA = 0 (5.2 S2AFFD)", {
    ste: { S2AFFD: 1 },
    leaf: s2page(PA, { AF: 0 }),
    steps: [ok("r"), ok("w"), leafIs(s2page(PA, { AF: 0 }))],
  }),
  stage2("ignores S2AFFD when S2HA = 1 (5.2 S2AFFD)", {
    ste: { ...HA, S2AFFD: 1 },
    leaf: s2page(PA, { AF: 0 }),
    steps: [ok("r"), leafIs(s2page(PA))],
  }),
  stage2("behaves as HTTU off with S2HD = 1, S2HA = 0 (5.2 S2HA)", {
    ste: { S2HD: 1 },
    leaf: CLEAN,
    steps: [refused("w"), ok("r"), leafIs(CLEAN)],
  }),
  stage2("and gives F_ACCESS with S2HD = 1, S2HA = 0 for AF = 0 (5.2 S2HA)", {
    ste: { S2HD: 1 },
    leaf: s2page(PA, { AF: 0 }),
    steps: [refused("r", F_ACCESS), leafIs(s2page(PA, { AF: 0 }))],
  }),
  stage2("sets S2AP[1] of a writable-clean page on a write when S2HA = S2HD = 1 (3.13.3.1)", {
    ste: HAHD,
    // 0x0008_0000_5000_147F: DBM, AF, S2AP = 0b01, MemAttr = 0b1111, page.
    leaf: CLEAN,
    steps: [holds(S2_L3, "7f14005000000800"), ok("w"), holds(S2_L3, "ff14005000000800"), ok("w"), ok("r")],
  }),
  stage2("sets S2AP[1] also after a read has brought the clean page into the TLB (D8.5.2.1)", {
    ste: HAHD,
    leaf: CLEAN,
    steps: [ok("r"), ok("x"), leafIs(CLEAN), ok("w"), leafIs(DIRTY), ok("r")],
  }),
  stage2("sets AF and S2AP[1] together on a write to a clean page with AF = 0 (3.13.2)", {
    ste: HAHD,
    leaf: s2page(PA, { AF: 0, S2AP: 0b01, DBM: 1 }),
    steps: [ok("w"), leafIs(DIRTY)],
  }),
  stage2("makes S2AP = 0b00 with DBM = 1 write-only on a write; reads stay refused (3.13.3.1: S2AP = 0b0x)", {
    ste: HAHD,
    leaf: s2page(PA, { S2AP: 0b00, DBM: 1 }),
    steps: [refused("r"), ok("w"), leafIs(s2page(PA, { S2AP: 0b10, DBM: 1 })), refused("r"), ok("w")],
  }),
  stage2("gives F_PERMISSION for a write to a read-only page, DBM = 0 (3.13.3.1)", {
    ste: HAHD,
    leaf: s2page(PA, { S2AP: 0b01 }),
    steps: [refused("w"), leafIs(s2page(PA, { S2AP: 0b01 }))],
  }),
  stage2("gives F_PERMISSION for a write to a clean page when S2HD = 0 (5.2 S2HA)", {
    ste: HA,
    leaf: CLEAN,
    steps: [refused("w"), leafIs(CLEAN)],
  }),
  stage2("gives F_ADDR_SIZE before any update (7.3.22)", {
    ste: { ...HAHD, S2PS: 1 },
    leaf: s2page(0x10_0000_0000n, { AF: 0, S2AP: 0b01, DBM: 1 }),
    steps: [refused("w", F_ADDR_SIZE), leafIs(s2page(0x10_0000_0000n, { AF: 0, S2AP: 0b01, DBM: 1 }))],
  }),
  stage2("updates a 1 GiB block (3.13.2: Block and Page descriptors)", {
    ste: HAHD,
    more: [[S2_L1, words(s2block(0x8000_0000n, { AF: 0, S2AP: 0b01, DBM: 1, XN: 0b10 }))]],
    steps: [
      access("w", VA, pa(0x8020_1000n, 30)),
      holds(S2_L1, words(s2block(0x8000_0000n, { AF: 1, S2AP: 0b11, DBM: 1, XN: 0b10 }))),
    ],
  }),
];

const BAD = configError(C_BAD_STE);
const legality: ManualCase[] = [
  ...(
    [
      [0, { S2HA: 1 }],
      [0, { S2HD: 1 }],
      [0, HAHD],
      [1, { S2HD: 1 }],
      [1, HAHD],
    ] as const
  ).map(([httu, ste]) =>
    stage2(`refuses ${Object.keys(ste).join(" and ")} = 1 when IDR0.HTTU = ${httu}: C_BAD_STE (5.2 S2HA)`, {
      idr: withHttu(httu),
      ste,
      steps: [access("r", VA, BAD)],
    }),
  ),
  stage2("allows S2HA = 1 when IDR0.HTTU = 1 (5.2 S2HA)", {
    idr: withHttu(1),
    ste: HA,
    leaf: s2page(PA, { AF: 0 }),
    steps: [ok("r"), leafIs(s2page(PA))],
  }),
  stage1("ignores S2HA and S2HD while stage 2 is off (5.2)", {
    idr: withHttu(0),
    ste: HAHD,
    steps: [ok("r")],
  }),
];

export const httuStage2: ManualCase[] = [...alone, ...legality];
