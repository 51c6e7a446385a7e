// What tags a cached translation and which invalidation reaches it (VT-d 4.6, 6.5.2, Tables 17, 23, 24). A step's `cached`
// is what stays in a cache that drops exactly what it must. Nested and first stage: PASID 0x41; nested DID 0x11, first
// stage DID 0x22.
import { words } from "../../assemble.js";
import { FS_OPEN, pasidEntry, SS_OPEN } from "../assemble.js";
import type { Access, Step, VtdCase } from "../format.js";
import {
  access,
  either,
  iotlbDomain,
  iotlbGlobal,
  iotlbPages,
  PASID,
  pa,
  pasidCacheDomain,
  pasidCachePasid,
  piotlbPages,
  piotlbPasid,
  plain,
  RID_PASID,
  store,
} from "../steps.js";
import { BOTH, FIRST, FS, first, GPA, GUEST, IOVA, LEAF, nested, PA, SECOND, SS, second } from "../worlds.js";

const OLD = pa(PA, 12);
const NEW_PA = 0x6000_1000n;
const NEW = pa(NEW_PA, 12);
const read = (expect = OLD, more: Partial<Access> = {}): Access => access("r", IOVA, expect, more);
const kept = read(NEW, { cached: OLD });
/** Over-invalidation is allowed. */
const maybeKept = read(NEW, { cached: either(OLD, NEW) });
const dropped = read(NEW);

type Fate = "drops" | "keeps" | "may drop";
type Row = readonly [what: string, step: Step, fate: Fate];
const after = (fate: Fate): Access => ({ drops: dropped, keeps: kept, "may drop": maybeKept })[fate];
const PAGE = { ADDR: IOVA, IH: 1 };
const NEXT = { ADDR: IOVA + 0x1000n, IH: 1 };
const FAR = { ADDR: 0x7f_0000_0000n, IH: 1 };

const byFirstStageTag = (DID: number): readonly Row[] => [
  ["page-in-PASID of its page", piotlbPages(DID, PASID, PAGE), "drops"],
  ["page-in-PASID of the 2 MiB around it", piotlbPages(DID, PASID, { ADDR: IOVA, AM: 9, IH: 1 }), "drops"],
  ["page-in-PASID of everything", piotlbPages(DID, PASID, { ADDR: 0n, AM: 52, IH: 1 }), "drops"],
  ["page-in-PASID of the next page", piotlbPages(DID, PASID, NEXT), "keeps"],
  ["page-in-PASID with another PASID", piotlbPages(DID, 0x42, PAGE), "keeps"],
  ["page-in-PASID with RID_PASID", piotlbPages(DID, RID_PASID, PAGE), "keeps"],
  ["page-in-PASID with another DID", piotlbPages(DID + 1, PASID, PAGE), "keeps"],
  ["PASID-selective", piotlbPasid(DID, PASID), "drops"],
  ["PASID-selective with another PASID", piotlbPasid(DID, 0x42), "keeps"],
  ["PASID-selective with another DID", piotlbPasid(DID + 1, PASID), "keeps"],
  ["page-in-domain of its page", iotlbPages(DID, PAGE), "drops"],
  ["page-in-domain of any other page: all of the domain go", iotlbPages(DID, FAR), "drops"],
  ["page-in-domain with another DID", iotlbPages(DID + 1, PAGE), "keeps"],
  ["domain-selective", iotlbDomain(DID), "drops"],
  ["domain-selective with another DID", iotlbDomain(DID + 1), "keeps"],
  ["global", iotlbGlobal(), "drops"],
  ["PASID-cache invalidation of its PASID: not the IOTLB's business", pasidCachePasid(DID, PASID), "keeps"],
  ["PASID-cache invalidation of its domain", pasidCacheDomain(DID), "keeps"],
];

const verb = { drops: "is dropped by", keeps: "stays on", "may drop": "may be dropped by" } as const;

const firstStage = byFirstStageTag(0x22).map(([what, step, fate]) =>
  first(`a first-stage page ${verb[fate]} ${what} (Tables 23, 24)`, {
    steps: [read(), store(FS.l1, NEW_PA | FS_OPEN), step, after(fate)],
  }),
);

/** A second page of the guest at GPA 0x8020_2000 → NEW_PA. */
const OTHER_GPA = 0x8020_2000n;
const other: readonly [bigint, string] = [LEAF.data + 8n, words(NEW_PA | SS_OPEN)];
const nestedRows = byFirstStageTag(0x11).map(([what, step, fate]) =>
  nested(`a nested page ${verb[fate]} ${what} (Tables 23, 24)`, {
    more: [other],
    steps: [read(), store(GUEST.l1, OTHER_GPA | FS_OPEN), step, after(fate)],
  }),
);

const SECOND_ROWS: readonly Row[] = [
  ["page-in-domain of its page", iotlbPages(0x11, PAGE), "drops"],
  ["page-in-domain of the 2 MiB around it", iotlbPages(0x11, { ADDR: IOVA, AM: 9, IH: 1 }), "drops"],
  ["page-in-domain of the next page", iotlbPages(0x11, NEXT), "keeps"],
  ["page-in-domain of another 2 MiB", iotlbPages(0x11, { ADDR: IOVA + 0x20_0000n, AM: 9, IH: 1 }), "keeps"],
  ["page-in-domain with another DID", iotlbPages(0x12, PAGE), "keeps"],
  ["domain-selective", iotlbDomain(0x11), "drops"],
  ["domain-selective with another DID", iotlbDomain(0x12), "keeps"],
  ["global", iotlbGlobal(), "drops"],
  [
    "PASID-selective of its PASID: entries of the second stage alone have one, too",
    piotlbPasid(0x11, PASID),
    "drops",
  ],
  ["PASID-selective with another PASID", piotlbPasid(0x11, 0x42), "may drop"],
  ["PASID-selective with another DID", piotlbPasid(0x12, PASID), "keeps"],
  ["page-in-PASID of its page", piotlbPages(0x11, PASID, PAGE), "keeps"],
  ["PASID-cache invalidation of its PASID", pasidCachePasid(0x11, PASID), "keeps"],
];
const secondStage = SECOND_ROWS.map(([what, step, fate]) =>
  second(`a second-stage page ${verb[fate]} ${what} (Tables 23, 24)`, {
    steps: [read(), store(SS.l1, NEW_PA | SS_OPEN), step, after(fate)],
  }),
);

const secondUnderNested: VtdCase[] = [
  nested(
    "a change of the second stage is seen after page-in-domain of the GPA, nested entries and all (Table 23)",
    {
      steps: [read(), store(LEAF.data, NEW_PA | SS_OPEN), iotlbPages(0x11, { ADDR: GPA, IH: 1 }), dropped],
    },
  ),
  nested(
    "a change of the second stage need not be seen after the PIOTLB of the PASID: it leaves its tables (Table 24)",
    {
      steps: [read(), store(LEAF.data, NEW_PA | SS_OPEN), piotlbPasid(0x11, PASID), maybeKept],
    },
  ),
  nested("a table's page that moves is seen after page-in-domain of its GPA (Table 23)", {
    // The last first-stage table goes to 0x4022_0000, where it leads to the other page.
    more: [other, [0x4022_0008n, words(OTHER_GPA | FS_OPEN)]],
    steps: [
      read(),
      store(LEAF.l1, 0x4022_0000n | SS_OPEN),
      iotlbPages(0x11, { ADDR: 0x4001_3000n, IH: 1 }),
      dropped,
    ],
  }),
];

// ---- One PASID among others ----------------------------------------------------------------------------------------

/** PASIDs 0x42 and 0x43, the next entries of the table. */
const second42: readonly [bigint, string] = [0x4000_3080n, pasidEntry(BOTH)];
const ask = (pasid: number, more: Partial<Access> = {}): Access => read(OLD, { pasid, ...more });

const others: VtdCase[] = [
  nested("PASID-selective leaves the entries of other PASIDs of the domain: counted (Table 24)", {
    more: [second42],
    steps: [
      ask(PASID),
      ask(0x42),
      plain("r", IOVA, OLD),
      piotlbPasid(0x11, PASID, 1),
      ask(0x42, { hit: true }),
      plain("r", IOVA, OLD, { hit: true }),
      ask(PASID),
      piotlbPasid(0x11, RID_PASID, 1),
      ask(PASID, { hit: true }),
      ask(0x42, { hit: true }),
      piotlbPasid(0x11, 0x43, 0),
      iotlbDomain(0x11, 2),
    ],
  }),
  first("PASID-selective leaves the entries of other PASIDs, first stage alone: counted (Table 24)", {
    more: [[0x4000_3080n, pasidEntry(FIRST)]],
    steps: [
      ask(PASID),
      ask(0x42),
      plain("r", IOVA, OLD),
      piotlbPasid(0x22, 0x42, 1),
      ask(PASID, { hit: true }),
      plain("r", IOVA, OLD, { hit: true }),
      ask(0x42),
      iotlbDomain(0x22, 3),
    ],
  }),
  nested(
    "page-in-domain drops the nested entries of all PASIDs of the domain, whatever the page: counted (Table 23)",
    {
      more: [second42, [0x4000_30c0n, pasidEntry({ ...BOTH, DID: 0x12 })]],
      steps: [
        ask(PASID),
        ask(0x42),
        ask(0x43),
        plain("r", IOVA, OLD),
        iotlbPages(0x11, FAR, 3),
        ask(0x43, { hit: true }),
        ask(PASID),
        ask(0x42),
      ],
    },
  ),
  second("page-in-domain drops the page for every PASID of the domain, and no other page (Table 23)", {
    more: [
      [0x4000_3080n, pasidEntry(SECOND)],
      [SS.l1 + 8n, words(NEW_PA | SS_OPEN)],
    ],
    steps: [
      ask(PASID),
      plain("r", IOVA, OLD),
      read(pa(NEW_PA), { iova: IOVA + 0x1000n }),
      store(SS.l1, 0x7000_0000n | SS_OPEN),
      iotlbPages(0x11, PAGE),
      read(pa(0x7000_0000n, 12)),
      plain("r", IOVA, pa(0x7000_0000n, 12)),
      ask(0x42, { expect: pa(0x7000_0000n, 12) }),
      read(pa(NEW_PA), { iova: IOVA + 0x1000n, hit: true }),
    ],
  }),
];

export const invalidationTagCases: readonly VtdCase[] = [
  ...firstStage,
  ...nestedRows,
  ...secondStage,
  ...secondUnderNested,
  ...others,
];
