// What the context and PASID caches keep, and which invalidation reaches it (VT-d 4.6, 6.5.2, Table 21).
import { words } from "../../assemble.js";
import { contextEntry, directoryEntry, FS_OPEN, pasidEntry, rootEntry, SS_OPEN } from "../assemble.js";
import type { Access, VtdCase } from "../format.js";
import {
  access,
  bypass,
  contextDevice,
  contextGlobal,
  fault,
  iotlbDomain,
  iotlbGlobal,
  PASID,
  pa,
  pasidCacheDomain,
  pasidCacheGlobal,
  pasidCachePasid,
  piotlbPasid,
  plain,
  plainFault,
  RID_PASID,
  SID,
  storeBytes,
} from "../steps.js";
import {
  bare,
  CONTEXT,
  DIRECTORY_AT,
  ENTRY_AT,
  FIRST,
  first,
  IOVA,
  PA,
  PASSES,
  RID_ENTRY_AT,
  SECOND,
  second,
} from "../worlds.js";

const OLD = pa(PA, 12);
const NEW_PA = 0x6000_1000n;
const NEW = pa(NEW_PA, 12);
const read = (expect = OLD, more: Partial<Access> = {}): Access => access("r", IOVA, expect, more);
const at = (address: bigint, ...values: bigint[]): readonly [bigint, string] => [address, words(...values)];

const I = 0x1234_5000n;
const passes = bypass(I);
const gone = fault(0x59, "r", I);
const one = (expect = passes, more: Partial<Access> = {}) => access("r", I, expect, more);
/** PASID 0x41 not present any more. */
const remove = storeBytes(ENTRY_AT, pasidEntry({}));
const pasidRow = (what: string, step: ReturnType<typeof pasidCacheGlobal>, drops: boolean): VtdCase =>
  bare(`a cached PASID entry ${drops ? "is dropped" : "stays"} on ${what} (4.6, 6.5.2.2)`, {
    entry: PASSES,
    steps: [one(), remove, step, drops ? one(gone) : one(gone, { cached: passes })],
  });
const pasidCache: VtdCase[] = [
  pasidRow("PASID-cache invalidation of its DID and PASID", pasidCachePasid(0x22, PASID), true),
  pasidRow("PASID-cache invalidation of another PASID", pasidCachePasid(0x22, 0x42), false),
  pasidRow("PASID-cache invalidation of another DID", pasidCachePasid(0x23, PASID), false),
  pasidRow("PASID-cache invalidation of its DID", pasidCacheDomain(0x22), true),
  pasidRow("PASID-cache invalidation of another DID alone", pasidCacheDomain(0x23), false),
  pasidRow("global PASID-cache invalidation", pasidCacheGlobal(), true),
  pasidRow("IOTLB invalidation of its domain", iotlbDomain(0x22), false),
  pasidRow("global IOTLB invalidation", iotlbGlobal(), false),
  pasidRow("PASID-selective IOTLB invalidation", piotlbPasid(0x22, PASID), false),
  bare("a cached RID_PASID entry is dropped by PASID-cache invalidation of RID_PASID (4.6)", {
    entry: PASSES,
    steps: [
      plain("r", I, passes),
      storeBytes(RID_ENTRY_AT, pasidEntry({})),
      pasidCachePasid(0x22, RID_PASID),
      plain("r", I, plainFault(0x59, "r", I)),
    ],
  }),
  first(
    "a PASID entry that changes its tables is seen after PASID-cache and PASID-selective invalidation (6.5.2)",
    {
      more: [
        at(0x4001_4008n, 0x4001_5000n | FS_OPEN),
        at(0x4001_5008n, 0x4001_6000n | FS_OPEN),
        at(0x4001_6008n, 0x4001_7000n | FS_OPEN),
        at(0x4001_7008n, NEW_PA | FS_OPEN),
      ],
      steps: [
        read(),
        storeBytes(ENTRY_AT, pasidEntry({ ...FIRST, FSPTPTR: 0x4001_4000n })),
        read(NEW, { cached: OLD }),
        pasidCachePasid(0x22, PASID),
        piotlbPasid(0x22, PASID),
        read(NEW),
      ],
    },
  ),
  second(
    "a PASID entry that leaves its domain is seen after PASID-cache and PASID-selective invalidation (6.5.2)",
    {
      // The last entry of another second stage, of another domain.
      more: [
        at(0x4012_0008n, 0x4012_1000n | SS_OPEN),
        at(0x4012_1008n, 0x4012_2000n | SS_OPEN),
        at(0x4012_2008n, 0x4012_3000n | SS_OPEN),
        at(0x4012_3008n, NEW_PA | SS_OPEN),
      ],
      steps: [
        read(),
        plain("r", IOVA, OLD),
        storeBytes(ENTRY_AT, pasidEntry({ ...SECOND, DID: 0x12, SSPTPTR: 0x4012_0000n })),
        pasidCachePasid(0x11, PASID),
        piotlbPasid(0x11, PASID),
        read(NEW),
        plain("r", IOVA, OLD),
      ],
    },
  ),
];

/** Device 09 and 0C: other functions of device 1, with context entries like device 08's. */
const fellow = (sid: number): readonly [bigint, string] => [
  0x4000_1000n + 32n * BigInt(sid),
  contextEntry(CONTEXT),
];
const removeContext = (sid: number) =>
  storeBytes(0x4000_1000n + 32n * BigInt(sid), contextEntry({ ...CONTEXT, P: 0 }));
const absent = (sid: number) => plainFault(0x41, "r", I, sid);
const from = (sid: number, expect: Access["expect"], cached?: Access["expect"]) =>
  plain("r", I, expect, { sid, ...(cached === undefined ? {} : { cached }) });

/** [FM, source-id named, which of 08, 09, 0C, 0F go]. */
const MASKS: readonly (readonly [FM: number, sid: number, goes: readonly number[]])[] = [
  [0, 0x08, [0x08]],
  [1, 0x0c, [0x08, 0x0c]],
  [2, 0x0a, [0x08, 0x0c]],
  [2, 0x0b, [0x09, 0x0f]],
  [3, 0x0d, [0x08, 0x09, 0x0c, 0x0f]],
];
const FUNCTIONS = [0x08, 0x09, 0x0c, 0x0f];
const contexts: VtdCase[] = [
  ...MASKS.map(([FM, sid, goes]) =>
    bare(
      `context-cache invalidation of ${sid.toString(16)} with FM ${FM} reaches ${goes.map((s) => s.toString(16)).join(", ")} (Table 21)`,
      {
        entry: PASSES,
        more: FUNCTIONS.slice(1).map(fellow),
        steps: [
          ...FUNCTIONS.map((s) => from(s, passes)),
          ...FUNCTIONS.map(removeContext),
          contextDevice(sid, FM),
          ...FUNCTIONS.map((s) => (goes.includes(s) ? from(s, absent(s)) : from(s, absent(s), passes))),
        ],
      },
    ),
  ),
  bare("a changed context entry is seen after context-cache and PASID-cache invalidation (4.6, 6.5.2)", {
    entry: PASSES,
    steps: [
      one(),
      plain("r", I, passes),
      removeContext(SID),
      contextDevice(SID),
      pasidCacheDomain(0x22),
      one(fault(0x41, "r", I)),
      plain("r", I, plainFault(0x41, "r", I)),
    ],
  }),
  bare("a changed directory entry is seen after global PASID-cache invalidation (9.5, 6.5.2.2)", {
    entry: PASSES,
    steps: [
      one(),
      storeBytes(DIRECTORY_AT + 8n, words(0x4000_3000n)),
      one(fault(0x51, "r", I), { cached: passes }),
      pasidCacheGlobal(),
      one(fault(0x51, "r", I)),
      storeBytes(DIRECTORY_AT + 8n, directoryEntry(0x4000_3000n)),
      one(),
    ],
  }),
  bare("a changed root entry is seen after global context-cache invalidation (9.2, 6.5.2.1)", {
    entry: PASSES,
    steps: [
      one(),
      storeBytes(0x4000_0000n, words(0x4000_1000n)),
      one(fault(0x39, "r", I), { cached: passes }),
      contextGlobal(),
      pasidCacheGlobal(),
      one(fault(0x39, "r", I)),
      storeBytes(0x4000_0000n, rootEntry(0x4000_1000n)),
      one(),
    ],
  }),
  bare("FPD that software sets is seen after the invalidation of its cache (9.6, 6.5.2.2)", {
    entry: SECOND,
    steps: [
      access("r", I, fault(0x79, "r", I)),
      storeBytes(ENTRY_AT, pasidEntry({ ...SECOND, FPD: 1 })),
      pasidCachePasid(0x11, PASID),
      access("r", I, { fault: 0x79 }),
    ],
  }),
];

export const structureCacheCases: readonly VtdCase[] = [...pasidCache, ...contexts];
