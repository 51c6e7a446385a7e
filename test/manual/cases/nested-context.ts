// The CD and L1CD pass stage 2: its faults have S2 = 1, CLASS = CD, IPA = address of the structure; what they find
// in memory is F_CD_FETCH (IHI 0070 5.2 S2PTW, 7.3.10, 7.3.12, 7.3.13, 7.3.16, 7.3.22 items 7 to 9).
import { cd, l1cd, s2page, table, words } from "../assemble.js";
import type { ManualCase } from "../format.js";
import {
  ABORT,
  access,
  C_BAD_CD,
  C_BAD_STE,
  C_BAD_SUBSTREAMID,
  CLASS_CD,
  configError,
  F_ACCESS,
  F_ADDR_SIZE,
  F_CD_FETCH,
  F_PERMISSION,
  F_TRANSLATION,
  F_WALK_EABT,
  type Kind,
  pa,
  stage2Fault,
} from "../steps.js";
import { CD_AT, CD1, nested, PA, VA, withOas } from "../worlds.js";

const MAPPED = pa(PA, 12);
const fault = (type: number, kind: Kind = "r", ipa = CD_AT) =>
  access(kind, VA, stage2Fault(type, kind, VA, ipa, { CLASS: CLASS_CD }));
/** Where the CD page is in memory. */
const HOME = 0x4020_1000n;

const one: ManualCase[] = [
  nested("reads the CD through stage 2 (5.2 S1ContextPtr is an IPA)", { steps: [access("r", VA, MAPPED)] }),
  nested(
    "gives F_TRANSLATION, CLASS = CD when the CD's IPA has no descriptor; RnW is the transaction's (7.3.13)",
    {
      cdPage: 0n,
      steps: [fault(F_TRANSLATION, "r"), fault(F_TRANSLATION, "pw"), fault(F_TRANSLATION, "px")],
    },
  ),
  nested("gives F_TRANSLATION, CLASS = CD when the CD's IPA is above the stage 2 input range (7.3.13)", {
    ste: { S1ContextPtr: 0x80_0000_0000n },
    steps: [fault(F_TRANSLATION, "r", 0x80_0000_0000n)],
  }),
  nested("gives F_ADDR_SIZE, CLASS = CD when the CD's PA is above the effective S2PS (7.3.14)", {
    ste: { S2PS: 1 },
    cdPage: s2page(0x10_0000_0000n),
    steps: [fault(F_ADDR_SIZE)],
  }),
  nested("gives F_ACCESS, CLASS = CD for a CD page with AF = 0, and none with S2AFFD (7.3.15, 5.2 S2AFFD)", {
    cdPage: s2page(HOME, { AF: 0 }),
    steps: [fault(F_ACCESS)],
  }),
  nested("takes AF of the CD page as 1 when S2AFFD = 1 (5.2 S2AFFD)", {
    ste: { S2AFFD: 1 },
    cdPage: s2page(HOME, { AF: 0 }),
    steps: [access("r", VA, MAPPED)],
  }),
  nested("gives F_PERMISSION, CLASS = CD, without TTRnW for a CD page that is not readable (7.3.16)", {
    cdPage: s2page(HOME, { S2AP: 2 }),
    steps: [fault(F_PERMISSION, "r"), fault(F_PERMISSION, "w")],
  }),
  nested(
    "reads the CD as Data: a read-only, execute-never CD page is enough, even for an instruction read (7.3.16)",
    {
      cdPage: s2page(HOME, { S2AP: 1, XN: 2 }),
      steps: [access("w", VA, MAPPED), access("x", VA, MAPPED)],
    },
  ),
  nested("records nothing for a stage 2 fault on the CD when S2R = 0 (5.5)", {
    ste: { S2R: 0 },
    cdPage: 0n,
    steps: [access("r", VA, ABORT)],
  }),
  nested("records C_BAD_CD whatever S2R says (5.5)", {
    ste: { S2R: 0 },
    cd: { V: 0 },
    steps: [access("r", VA, configError(C_BAD_CD))],
  }),
  nested("gives F_PERMISSION, CLASS = CD for a CD page of Device memory when S2PTW = 1 (5.2 S2PTW)", {
    ste: { S2PTW: 1 },
    cdPage: s2page(HOME, { MemAttr: 1 }),
    steps: [fault(F_PERMISSION)],
  }),
  nested("reads a CD from Device memory when S2PTW = 0 (5.2 S2PTW)", {
    ste: { S2PTW: 0 },
    cdPage: s2page(HOME, { MemAttr: 0 }),
    steps: [access("r", VA, MAPPED)],
  }),
  nested("does not apply S2PTW to the data page (5.2 S2PTW)", {
    ste: { S2PTW: 1 },
    dataPage: s2page(PA, { MemAttr: 0 }),
    steps: [access("r", VA, MAPPED)],
  }),
  nested("gives F_CD_FETCH with the physical address when the CD's page is out of memory (7.3.10)", {
    cdPage: s2page(0x9000_0000n),
    steps: [access("r", VA, configError(F_CD_FETCH, { FetchAddr: 0x9000_0000n }))],
  }),
  nested("gives F_WALK_EABT, S2 = 1, CLASS = CD with the address of the stage 2 descriptor (7.3.12)", {
    // Stage 2 level 1 entry 1 leads out of memory: the level 2 descriptor of IPA 0x4000_1000 is entry 0 there.
    more: [[0x4010_0008n, words(table(0x9000_3000n))]],
    steps: [
      access("w", VA, stage2Fault(F_WALK_EABT, "w", VA, 0n, { CLASS: CLASS_CD, FetchAddr: 0x9000_3000n })),
    ],
  }),
];

// Two levels, 4KB leaves: the L1CDs at IPA 0x4000_1000, level 2 at IPA 0x4000_2000 (stage 2 level 3 entry 2, at
// 0x4010_6010), which lies at 0x4020_2000. SubstreamID 0x41 is L1CD 1, CD 1.
const LEAF_S2 = 0x4010_6010n;
const TWO = { S1CDMax: 8, S1Fmt: 1 };
const SS = { SSV: 1, SubstreamID: 0x41 };
const withLeaf = (leafPage: bigint, l1 = l1cd({ V: 1, L2Ptr: 0x4000_2000n })) =>
  [
    [0x4020_1000n, "00".repeat(64)],
    [0x4020_1008n, l1],
    [LEAF_S2, words(leafPage)],
    [0x4020_2040n, cd(CD1)],
  ] as const;
const ssFault = (type: number, ipa: bigint) =>
  access("r", VA, stage2Fault(type, "r", VA, ipa, { CLASS: CLASS_CD, ...SS }), { ssid: 0x41 });

const two: ManualCase[] = [
  nested("translates the L1CD's and the CD's IPA each (5.2 S1Fmt note: both pointers are IPAs)", {
    ste: TWO,
    more: [...withLeaf(s2page(0x4020_2000n))],
    steps: [access("r", VA, MAPPED, { ssid: 0x41 })],
  }),
  nested("reports the L1CD's IPA when the L1CD's page is not mapped, CLASS = CD (7.3.13)", {
    ste: TWO,
    cdPage: 0n,
    more: [...withLeaf(s2page(0x4020_2000n))],
    steps: [ssFault(F_TRANSLATION, 0x4000_1000n)],
  }),
  nested("reports the CD's IPA when the level 2 table's page is not mapped, CLASS = CD (7.3.13)", {
    ste: TWO,
    more: [...withLeaf(0n)],
    steps: [ssFault(F_TRANSLATION, 0x4000_2000n)],
  }),
  nested("reports the CD's IPA when the level 2 table's page is not readable, CLASS = CD (7.3.16)", {
    ste: TWO,
    more: [...withLeaf(s2page(0x4020_2000n, { S2AP: 0 }))],
    steps: [ssFault(F_PERMISSION, 0x4000_2000n)],
  }),
  nested("gives C_BAD_SUBSTREAMID for an L1CD with V = 0 that stage 2 delivered (7.3.9)", {
    ste: TWO,
    more: [...withLeaf(s2page(0x4020_2000n), l1cd({ V: 0, L2Ptr: 0x4000_2000n }))],
    steps: [access("r", VA, configError(C_BAD_SUBSTREAMID, { SubstreamID: 0x41 }), { ssid: 0x41 })],
  }),
  nested("gives F_CD_FETCH with the L1CD's physical address when its page is out of memory (7.3.10)", {
    ste: TWO,
    cdPage: s2page(0x9000_0000n),
    steps: [access("r", VA, configError(F_CD_FETCH, { ...SS, FetchAddr: 0x9000_0008n }), { ssid: 0x41 })],
  }),
  nested("gives F_CD_FETCH with the CD's physical address when the level 2 page is out of memory (7.3.10)", {
    ste: TWO,
    more: [...withLeaf(s2page(0x9000_5000n))],
    steps: [access("r", VA, configError(F_CD_FETCH, { ...SS, FetchAddr: 0x9000_5040n }), { ssid: 0x41 })],
  }),
  nested(
    "treats an L2Ptr beyond the IAS of 44 bits as C_BAD_SUBSTREAMID or as a stage 2 fault (3.4.3 note 4)",
    {
      idr: withOas(4),
      ste: TWO,
      more: [...withLeaf(s2page(0x4020_2000n), l1cd({ V: 1, L2Ptr: 0x1000_0000_2000n }))],
      steps: [
        access(
          "r",
          VA,
          {
            either: [
              configError(C_BAD_SUBSTREAMID, { SubstreamID: 0x41 }),
              stage2Fault(F_TRANSLATION, "r", VA, 0x1000_0000_2000n, { CLASS: CLASS_CD, ...SS }),
            ],
          },
          { ssid: 0x41 },
        ),
      ],
    },
  ),
  nested(
    "treats an S1ContextPtr beyond the IAS of 44 bits as C_BAD_STE or as a stage 2 fault (3.4.3 note 2)",
    {
      idr: withOas(4),
      ste: { S1ContextPtr: 0x1000_0000_1000n },
      steps: [
        access("r", VA, {
          either: [
            configError(C_BAD_STE),
            stage2Fault(F_TRANSLATION, "r", VA, 0x1000_0000_1000n, { CLASS: CLASS_CD }),
          ],
        }),
      ],
    },
  ),
];

export const nestedContext: ManualCase[] = [...one, ...two];
