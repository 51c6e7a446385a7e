// What tags a cached translation and which invalidation reaches it: ASID, VMID, global, ASET, stage (IHI 0070 3.17,
// 3.17.1, 4.4.2, 4.4.3, 5.2 S2VMID). A step's `cached` is what stays in a TLB that drops exactly what it must.
// Stream 1: VMID 0x11, ASID 0x22, VA 0x4020_1000 in a 4KB page. Stream 2 (where used): VA in a 1 GiB block to 0x2_0020_1000.
import { block, cd, type Fields, page, s2block, s2page, ste, words } from "../assemble.js";
import type { Access, ManualCase, Step } from "../format.js";
import { access, cmd, pa, SYNC, store } from "../steps.js";
import { CD1, FULL, nested, PA, S1_L3, S2_L3, STE1, STE2, stage1, stage2, VA } from "../worlds.js";

const OLD = pa(PA, 12);
const NEW_PA = 0x6000_1000n;
const NEW = pa(NEW_PA, 12);
const read = (expect = OLD, more: Partial<Access> = {}): Access => access("r", VA, expect, more);
/** After the change: a cache that kept the entry answers with the old page. */
const kept = read(NEW, { cached: OLD });
/** Over-invalidation is allowed here. */
const maybeKept = read(NEW, { cached: { either: [OLD, NEW] } });
const dropped = read(NEW);

const NH_ALL = 0x10;
const NH_ASID = 0x11;
const NH_VA = 0x12;
const NH_VAA = 0x13;
const S12_VMALL = 0x28;
const S2_IPA = 0x2a;
const NSNH_ALL = 0x30;
const tlbi = (Opcode: number, fields: Fields): Step[] => [cmd({ Opcode, ...fields }), SYNC];

// ---- One stream: command × kind of entry ---------------------------------------------------------------------------

type Row = readonly [what: string, opcode: number, fields: Fields, drops: boolean];
const NON_GLOBAL: readonly Row[] = [
  ["NH_ASID of its ASID and VMID", NH_ASID, { VMID: 0x11, ASID: 0x22 }, true],
  ["NH_ASID of another ASID", NH_ASID, { VMID: 0x11, ASID: 0x23 }, false],
  ["NH_ASID of another VMID", NH_ASID, { VMID: 0x12, ASID: 0x22 }, false],
  ["NH_ALL of its VMID", NH_ALL, { VMID: 0x11 }, true],
  ["NH_ALL of another VMID", NH_ALL, { VMID: 0x12 }, false],
  ["NH_VA of its page", NH_VA, { VMID: 0x11, ASID: 0x22, Address: VA }, true],
  ["NH_VA of its page, Leaf", NH_VA, { VMID: 0x11, ASID: 0x22, Address: VA, Leaf: 1 }, true],
  ["NH_VA of the next page", NH_VA, { VMID: 0x11, ASID: 0x22, Address: VA + 0x1000n, Leaf: 1 }, false],
  ["NH_VA with another ASID", NH_VA, { VMID: 0x11, ASID: 0x23, Address: VA, Leaf: 1 }, false],
  ["NH_VA with another VMID", NH_VA, { VMID: 0x12, ASID: 0x22, Address: VA, Leaf: 1 }, false],
  ["NH_VAA of its page", NH_VAA, { VMID: 0x11, Address: VA, Leaf: 1 }, true],
  ["NH_VAA with another VMID", NH_VAA, { VMID: 0x12, Address: VA, Leaf: 1 }, false],
  ["S12_VMALL of its VMID", S12_VMALL, { VMID: 0x11 }, true],
  ["S12_VMALL of another VMID", S12_VMALL, { VMID: 0x12 }, false],
  ["NSNH_ALL", NSNH_ALL, {}, true],
];
const GLOBAL: readonly Row[] = [
  ["NH_ASID of the ASID that made it", NH_ASID, { VMID: 0x11, ASID: 0x22 }, false],
  ["NH_ALL of its VMID", NH_ALL, { VMID: 0x11 }, true],
  ["NH_VA of its page with another ASID", NH_VA, { VMID: 0x11, ASID: 0x99, Address: VA, Leaf: 1 }, true],
  ["NH_VA of its page with another VMID", NH_VA, { VMID: 0x12, ASID: 0x22, Address: VA, Leaf: 1 }, false],
  ["NH_VAA of its page", NH_VAA, { VMID: 0x11, Address: VA, Leaf: 1 }, true],
  ["S12_VMALL of its VMID", S12_VMALL, { VMID: 0x11 }, true],
  ["NSNH_ALL", NSNH_ALL, {}, true],
];
const one = (kind: string, nG: number, rows: readonly Row[]): ManualCase[] =>
  rows.map(([what, opcode, fields, drops]) =>
    stage1(`a ${kind} page entry ${drops ? "is dropped" : "stays"} on TLBI_${what} (4.4.2, 3.17.1)`, {
      leaf: page(PA, { nG }),
      steps: [
        read(),
        store(S1_L3, words(page(NEW_PA, { nG }))),
        ...tlbi(opcode, fields),
        drops ? dropped : kept,
      ],
    }),
  );

const NO_S2P = { ...FULL, IDR0: FULL.IDR0 & ~1 };
const vmidIgnored: ManualCase[] = [
  stage1(
    "ignores STE.S2VMID when stage 2 is not implemented: TLBI_NH_ASID with VMID 0 drops the entry (5.2 S2VMID)",
    {
      idr: NO_S2P,
      leaf: page(PA, { nG: 1 }),
      steps: [
        read(),
        store(S1_L3, words(page(NEW_PA, { nG: 1 }))),
        ...tlbi(NH_ASID, { ASID: 0x22 }),
        dropped,
      ],
    },
  ),
  stage1("tags with bits 15:8 of ASID and VMID too when both have 16 bits (6.3.1 ASID16, VMID16)", {
    ste: { S2VMID: 0x1211 },
    cd: { ASID: 0x3322 },
    leaf: page(PA, { nG: 1 }),
    steps: [
      read(),
      store(S1_L3, words(page(NEW_PA, { nG: 1 }))),
      ...tlbi(NH_ASID, { VMID: 0x11, ASID: 0x3322 }),
      ...tlbi(NH_ASID, { VMID: 0x1211, ASID: 0x22 }),
      kept,
      ...tlbi(NH_ASID, { VMID: 0x1211, ASID: 0x3322 }),
      dropped,
    ],
  }),
];

const without: ManualCase[] = [
  stage1(
    "needs no invalidation to see a page that was invalid before (3.21.1; D8.2.1: faults are not cached)",
    {
      leaf: 0n,
      steps: [
        access("r", VA, { event: "1000000001000000000000000802000000102040000000000000000000000000" }),
        store(S1_L3, words(page(PA))),
        read(),
      ],
    },
  ),
  stage1("needs none to see AF set by software (D8.5.1.1 R_RXFXTY)", {
    leaf: page(PA, { AF: 0 }),
    steps: [
      access("r", VA, { event: "1200000001000000000000000802000000102040000000000000000000000000" }),
      store(S1_L3, words(page(PA))),
      read(),
    ],
  }),
  stage1(
    "reaches an entry that was made with a tagged address by the address without tag (5.4 TBI0, 4.4.2)",
    {
      cd: { TBI0: 1 },
      leaf: page(PA, { nG: 1 }),
      steps: [
        access("r", 0xab00_0000_4020_1000n, OLD),
        store(S1_L3, words(page(NEW_PA, { nG: 1 }))),
        ...tlbi(NH_VA, { VMID: 0x11, ASID: 0x22, Address: VA, Leaf: 1 }),
        access("r", 0xab00_0000_4020_1000n, NEW),
        dropped,
      ],
    },
  ),
];

// ---- Two streams ---------------------------------------------------------------------------------------------------

const SECOND_PA = 0x2_0020_1000n;
const SECOND = pa(SECOND_PA, 30);
const SECOND_NEW = pa(0x3_0020_1000n, 30);
const second = (expect = SECOND, more: Partial<Access> = {}): Access =>
  access("r", VA, expect, { sid: 2, ...more });
/** Stream 2: STE at 0x4000_0080, CD at 0x4000_1040, one level 1 table at 0x4003_0000 with a block of 1 GiB. */
const other = (steFields: Fields, cdFields: Fields, leaf: Fields = {}) =>
  [
    [0x4000_0080n, ste({ ...STE1, S1ContextPtr: 0x4000_1040n, ...steFields })],
    [0x4000_1040n, cd({ ...CD1, TTB0: 0x4003_0000n, ...cdFields })],
    [0x4003_0008n, words(block(0x2_0000_0000n, leaf))],
  ] as (readonly [bigint, string])[];
const changeSecond = store(0x4003_0008n, words(block(0x3_0000_0000n, { nG: 1 })));

const streams: ManualCase[] = [
  stage1("keeps equal ASIDs of different VMIDs apart, stage 1 only (3.17, 5.2 S2VMID)", {
    leaf: page(PA, { nG: 1 }),
    more: other({ S2VMID: 0x12 }, {}, { nG: 1 }),
    steps: [read(), second(), read(), second()],
  }),
  stage1("keeps global pages of different VMIDs apart (3.17.1)", {
    more: other({ S2VMID: 0x12 }, {}),
    steps: [read(), second(), read(), second()],
  }),
  stage1("keeps different ASIDs of one VMID apart (3.17)", {
    leaf: page(PA, { nG: 1 }),
    more: other({}, { ASID: 0x23 }, { nG: 1 }),
    steps: [read(), second(), read(), second()],
  }),
  stage1("keeps ASIDs apart that differ in bits 15:8 only (6.3.1 ASID16)", {
    leaf: page(PA, { nG: 1 }),
    more: other({}, { ASID: 0x4422 }, { nG: 1 }),
    steps: [read(), second(), read()],
  }),
  stage1("does not match a global entry of ASET = 0 from ASET = 1, nor the reverse (3.17.1)", {
    more: other({}, { ASID: 0x23, ASET: 1 }),
    steps: [read(), second(), read(), second()],
  }),
  stage1("drops entries of both ASETs by VA: commands disregard ASET (3.17, 4.4)", {
    more: other({}, { ASID: 0x23, ASET: 1 }),
    steps: [
      read(),
      second(),
      store(S1_L3, words(page(NEW_PA))),
      store(0x4003_0008n, words(block(0x3_0000_0000n))),
      ...tlbi(NH_VAA, { VMID: 0x11, Address: VA, Leaf: 1 }),
      dropped,
      second(SECOND_NEW),
    ],
  }),
  stage1("invalidates an ASID in one VMID only (4.4.2.2)", {
    leaf: page(PA, { nG: 1 }),
    more: other({ S2VMID: 0x12 }, {}, { nG: 1 }),
    steps: [
      read(),
      second(),
      store(S1_L3, words(page(NEW_PA, { nG: 1 }))),
      changeSecond,
      ...tlbi(NH_ASID, { VMID: 0x12, ASID: 0x22 }),
      kept,
      second(SECOND_NEW),
      ...tlbi(NH_ALL, { VMID: 0x11 }),
      dropped,
      second(SECOND_NEW),
    ],
  }),
  stage1("invalidates one ASID of a VMID, the other stays (4.4.2.2)", {
    leaf: page(PA, { nG: 1 }),
    more: other({}, { ASID: 0x23 }, { nG: 1 }),
    steps: [
      read(),
      second(),
      store(S1_L3, words(page(NEW_PA, { nG: 1 }))),
      changeSecond,
      ...tlbi(NH_ASID, { VMID: 0x11, ASID: 0x23 }),
      kept,
      second(SECOND_NEW),
    ],
  }),
  stage1("keeps VAs of a stage 1 stream and IPAs of a stage 2 stream of one VMID apart (3.17 table)", {
    more: [
      [0x4000_0080n, ste(STE2)],
      [0x4010_0008n, words(s2block(0x2_0000_0000n))],
    ],
    steps: [read(), second(), read(), second()],
  }),
];

// ---- Stage 2 -------------------------------------------------------------------------------------------------------

const STAGE2: readonly Row[] = [
  ["S2_IPA of its page", S2_IPA, { VMID: 0x11, Address: VA, Leaf: 1 }, true],
  ["S2_IPA of its page, Leaf = 0", S2_IPA, { VMID: 0x11, Address: VA }, true],
  ["S2_IPA of the next page", S2_IPA, { VMID: 0x11, Address: VA + 0x1000n, Leaf: 1 }, false],
  ["S2_IPA of another VMID", S2_IPA, { VMID: 0x12, Address: VA, Leaf: 1 }, false],
  ["S12_VMALL of its VMID", S12_VMALL, { VMID: 0x11 }, true],
  ["S12_VMALL of another VMID", S12_VMALL, { VMID: 0x12 }, false],
  ["NSNH_ALL", NSNH_ALL, {}, true],
];
const ipa: ManualCase[] = [
  ...STAGE2.map(([what, opcode, fields, drops]) =>
    stage2(`a stage 2 page entry ${drops ? "is dropped" : "stays"} on TLBI_${what} (4.4.3)`, {
      steps: [read(), store(S2_L3, words(s2page(NEW_PA))), ...tlbi(opcode, fields), drops ? dropped : kept],
    }),
  ),
  stage2("a stage 2 entry need not be dropped on TLBI_NH_ALL of its VMID (4.4.2.1: stage 1 entries)", {
    steps: [read(), store(S2_L3, words(s2page(NEW_PA))), ...tlbi(NH_ALL, { VMID: 0x11 }), maybeKept],
  }),
  nested("a nested entry is gone after TLBI_S2_IPA with TLBI_NH_ALL, and may be after the first (4.4.3.1)", {
    steps: [
      read(),
      store(0x4010_4008n, words(s2page(NEW_PA))),
      ...tlbi(S2_IPA, { VMID: 0x11, Address: 0x8020_1000n, Leaf: 1 }),
      maybeKept,
      ...tlbi(NH_ALL, { VMID: 0x11 }),
      dropped,
    ],
  }),
  nested("a nested entry is gone after TLBI_NH_VA for the VA, where stage 1 changed (4.4.2.4)", {
    leaf: page(0x8020_1000n, { nG: 1 }),
    more: [[0x4010_4010n, words(s2page(NEW_PA))]],
    steps: [
      read(),
      store(0x4021_2008n, words(page(0x8020_2000n, { nG: 1 }))),
      ...tlbi(NH_VA, { VMID: 0x11, ASID: 0x23, Address: VA, Leaf: 1 }),
      kept,
      ...tlbi(NH_VA, { VMID: 0x11, ASID: 0x22, Address: VA, Leaf: 1 }),
      dropped,
    ],
  }),
];

export const tlbTags: ManualCase[] = [
  ...one("non-global", 1, NON_GLOBAL),
  ...one("global", 0, GLOBAL),
  ...vmidIgnored,
  ...without,
  ...streams,
  ...ipa,
];
