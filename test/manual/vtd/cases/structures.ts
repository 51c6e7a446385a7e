// From the request to the PASID entry (VT-d 3.4.3, 9.2 to 9.6): which PASID is used, what each structure must be, and
// which faults FPD keeps out of the log (7.1.3).
import { words } from "../../assemble.js";
import { contextEntry, directoryEntry, pasidEntry, rootEntry } from "../assemble.js";
import type { Features, VtdCase } from "../format.js";
import {
  access,
  bypass,
  contextDevice,
  contextGlobal,
  fault,
  PASID,
  pa,
  pasidCacheGlobal,
  plain,
  plainFault,
  SID,
  silent,
  storeBytes,
} from "../steps.js";
import {
  type Body,
  bare,
  CONTEXT,
  CONTEXT_AT,
  DIRECTORY_AT,
  ECAP,
  ENTRY_AT,
  FULL,
  first,
  IOVA,
  PA,
  PASSES,
  RID_ENTRY_AT,
  SECOND,
  second,
  withHostWidth,
  without,
} from "../worlds.js";

const I = 0x1234_5678n;
const passing = (
  title: string,
  body: Omit<Body, "entry"> & { rid?: Parameters<typeof bare>[1]["rid"] },
): VtdCase => bare(title, { entry: PASSES, ...body });
const blocked = (reason: number, pasid = PASID) =>
  access("r", I, fault(reason, "r", I, { pasid }), { pasid });
const plainBlocked = (reason: number) => plain("r", I, plainFault(reason, "r", I));
const ok = (pasid = PASID) => access("r", I, bypass(I), { pasid });
const plainOk = plain("r", I, bypass(I));
const pss = (field: bigint): Features => ({ ...FULL, ecap: (FULL.ecap & ~(31n << 35n)) | (field << 35n) });

// ---- Which PASID ---------------------------------------------------------------------------------------------------

const pasids: VtdCase[] = [
  first("uses RID_PASID for requests without PASID, not 0 (3.4.3, 9.4)", {
    rid: { ...PASSES },
    steps: [access("r", IOVA, pa(PA, 12)), plain("r", IOVA, bypass(IOVA))],
  }),
  passing("uses PASID 0 when a request says so, though RID_PASID is 2 (3.4.3)", {
    more: [[0x4000_4000n, pasidEntry(SECOND)]],
    steps: [blocked(0x79, 0), plainOk],
  }),
  passing("follows RID_PASID when software changes it (9.4, 6.5.2.1, 6.5.2.2)", {
    more: [[0x4000_40c0n, pasidEntry({ ...PASSES, PGTT: 2, AW: 2, SSPTPTR: 0x4010_0000n })]],
    steps: [
      plainOk,
      storeBytes(CONTEXT_AT, contextEntry({ ...CONTEXT, RID_PASID: 3 })),
      contextDevice(SID),
      pasidCacheGlobal(),
      plainBlocked(0x79),
      ok(2),
    ],
  }),
  passing("refuses the PASID that RID_PASID is: 0x48 (Table 30)", {
    steps: [blocked(0x48, 2), plainOk, ok()],
  }),
  passing("refuses PASIDs where PASIDE is 0, not requests without: 0x45 (9.4, Table 30)", {
    context: { PASIDE: 0 },
    steps: [blocked(0x45), plainOk],
  }),
  passing("refuses PASIDs beyond ECAP.PSS: 0x89 from 2^9 on with PSS 8 (Table 30)", {
    features: pss(8n),
    steps: [blocked(0x51, 0x1ff), blocked(0x89, 0x200), ok()],
  }),
  passing("refuses PASIDs beyond the directory: 0x46 from 2^13 on with PDTS 0 (9.4, Table 30)", {
    steps: [blocked(0x51, 0x1fff), blocked(0x46, 0x2000), blocked(0x46, 0xf_ffff)],
  }),
  passing("refuses PASIDs beyond the directory: 0x46 from 2^16 on with PDTS 3 (9.4, Table 30)", {
    context: { PDTS: 3 },
    steps: [blocked(0x51, 0xffff), blocked(0x46, 0x1_0000)],
  }),
  passing("takes all 20 bits of a PASID with PDTS 7 (9.4, 9.5)", {
    // PASID 0xFFFFF: directory entry 0x3FFF at 0x1_FFF8, PASID entry 0x3F.
    context: { PDTS: 7 },
    more: [
      [DIRECTORY_AT + 0x1_fff8n, directoryEntry(0x4003_0000n)],
      [0x4003_0fc0n, pasidEntry(PASSES)],
    ],
    steps: [ok(0xf_ffff), blocked(0x51, 0xf_ffbf)],
  }),
  passing("refuses execute requests with PASID before it lets them pass: 0x5C (Table 30)", {
    steps: [ok(), access("x", I, fault(0x5c, "x", I)), plain("x", I, bypass(I)), ok()],
  }),
  passing("lets addresses below 2^HAW pass, 0x83 above (3.9, Table 30)", {
    features: withHostWidth(46),
    steps: [
      access("w", 0x3fff_ffff_ffffn, bypass(0x3fff_ffff_ffffn)),
      access("w", 1n << 46n, fault(0x83, "w", 1n << 46n)),
      plain("r", 1n << 63n, plainFault(0x83, "r", 1n << 63n)),
    ],
  }),
];

// ---- Entries that are absent, reserved, invalid --------------------------------------------------------------------

type Row = readonly [what: string, reason: number, pa: bigint, hex: string, features?: Features];
const AWAY = 0x9000_0000n;
const ROWS: readonly Row[] = [
  ["a root entry without LP", 0x39, 0x4000_0000n, words(0x4000_1000n)],
  ["a reserved bit of the root entry", 0x3a, 0x4000_0000n, words(0x4000_1801n)],
  ["a context table beyond HAW 46", 0x3a, 0x4000_0000n, words(0x4000_1001n | (1n << 46n)), withHostWidth(46)],
  ["a context table outside RAM", 0x40, 0x4000_0000n, rootEntry(AWAY)],
  ["a context entry without P", 0x41, CONTEXT_AT, contextEntry({ ...CONTEXT, P: 0 })],
  ["bit 7 of the context entry", 0x42, CONTEXT_AT, words(0x4000_2089n)],
  ["bit 85 of the context entry", 0x42, CONTEXT_AT + 8n, words((1n << 21n) | 2n)],
  ["bit 255 of the context entry", 0x42, CONTEXT_AT + 24n, words(1n << 63n)],
  ["a directory beyond HAW 46", 0x42, CONTEXT_AT, words(0x4000_2009n | (1n << 46n)), withHostWidth(46)],
  ["DTE without ECAP.DT", 0x42, CONTEXT_AT, contextEntry({ ...CONTEXT, DTE: 1 }), without(ECAP.DT, ECAP.PRS)],
  ["PASIDE without ECAP.PASID", 0x42, CONTEXT_AT, contextEntry(CONTEXT), without(ECAP.PASID)],
  ["PRE without ECAP.PRS", 0x42, CONTEXT_AT, contextEntry({ ...CONTEXT, DTE: 1, PRE: 1 }), without(ECAP.PRS)],
  ["RID_PASID without ECAP.RPS", 0x42, CONTEXT_AT, contextEntry(CONTEXT), without(ECAP.RPS)],
  ["PRE without DTE", 0x43, CONTEXT_AT, contextEntry({ ...CONTEXT, PRE: 1 })],
  ["RID_PASID beyond the directory", 0x43, CONTEXT_AT, contextEntry({ ...CONTEXT, RID_PASID: 0x2000 })],
  ["a directory outside RAM", 0x50, CONTEXT_AT, contextEntry({ ...CONTEXT, PASIDDIRPTR: AWAY })],
];
/** Of the entries that PASID 0x41 alone uses. */
const PASID_ROWS: readonly Row[] = [
  ["a directory entry without P", 0x51, DIRECTORY_AT + 8n, words(0x4000_3000n)],
  ["bit 2 of the directory entry", 0x52, DIRECTORY_AT + 8n, words(0x4000_3005n)],
  [
    "a PASID table beyond HAW 46",
    0x52,
    DIRECTORY_AT + 8n,
    words(0x4000_3001n | (1n << 46n)),
    withHostWidth(46),
  ],
  ["a PASID table outside RAM", 0x58, DIRECTORY_AT + 8n, directoryEntry(AWAY)],
  ["a PASID entry without P", 0x59, ENTRY_AT, pasidEntry({ ...PASSES, P: 0 })],
  ["bit 5 of the PASID entry", 0x5a, ENTRY_AT, words(0x121n)],
  ["bit 80 of the PASID entry", 0x5a, ENTRY_AT + 8n, words(0x1_0022n)],
  ["bit 91 of the PASID entry", 0x5a, ENTRY_AT + 8n, words(0x0800_0022n)],
  ["bit 129 of the PASID entry", 0x5a, ENTRY_AT + 16n, words(2n)],
  ["bit 139 of the PASID entry", 0x5a, ENTRY_AT + 16n, words(0x800n)],
  ["bit 192 of the PASID entry", 0x5a, ENTRY_AT + 24n, words(1n)],
  ["bit 511 of the PASID entry", 0x5a, ENTRY_AT + 56n, words(1n << 63n)],
  ["SSPTPTR beyond HAW 46, unused as it is", 0x5a, ENTRY_AT, words(0x101n | (1n << 46n)), withHostWidth(46)],
  ["FSPTPTR beyond HAW 46, unused as it is", 0x5a, ENTRY_AT + 16n, words(1n << 46n), withHostWidth(46)],
  ["PGSNP without ECAP.SC", 0x5a, ENTRY_AT, pasidEntry({ ...PASSES, PGSNP: 1 }), without(ECAP.SC)],
  ["PGTT 0", 0x5b, ENTRY_AT, pasidEntry({ ...PASSES, PGTT: 0 })],
  ["PGTT 5", 0x5b, ENTRY_AT, pasidEntry({ ...PASSES, PGTT: 5 })],
  ["pass-through without ECAP.PT", 0x5b, ENTRY_AT, pasidEntry(PASSES), without(ECAP.PT)],
  ["nested without ECAP.NEST", 0x5b, ENTRY_AT, pasidEntry({ ...SECOND, PGTT: 3 }), without(ECAP.NEST)],
];

const wrong = [
  ...ROWS.map(([what, reason, address, hex, features]) =>
    passing(`finds ${what}: 0x${reason.toString(16)} (9.2 to 9.4, Table 30)`, {
      features,
      more: [[address, hex]],
      steps:
        reason === 0x42 && what.includes("PASIDE")
          ? [plainBlocked(reason)]
          : [blocked(reason), plainBlocked(reason)],
    }),
  ),
  ...PASID_ROWS.map(([what, reason, address, hex, features]) =>
    passing(`finds ${what}: 0x${reason.toString(16)} (9.5, 9.6, Table 30)`, {
      features,
      rid: features === undefined ? PASSES : SECOND,
      more: [[address, hex]],
      steps: features === undefined ? [blocked(reason), plainOk] : [blocked(reason)],
    }),
  ),
  passing("looks at the half of the root entry that serves the device: 0 to 15 or 16 to 31 (9.2)", {
    // Device 10 (0x80): upper half, entry 0 of its own context table.
    more: [
      [0x4000_0008n, words(0x4000_5001n)],
      [0x4000_5000n, contextEntry(CONTEXT)],
    ],
    steps: [
      plainOk,
      plain("r", I, bypass(I), { sid: 0x80 }),
      plain("r", I, plainFault(0x41, "r", I, 0x88), { sid: 0x88 }),
    ],
  }),
  passing("minds no reserved bit in the half of the root entry that serves others (9.2)", {
    more: [[0x4000_0008n, words(0xffen)]],
    steps: [plainOk, plain("r", I, plainFault(0x39, "r", I, 0x80), { sid: 0x80 })],
  }),
];

// ---- Fault processing disable --------------------------------------------------------------------------------------

const disabled: VtdCase[] = [
  second("FPD of the context entry keeps every fault behind it out of the log (7.1.3, 9.4)", {
    context: { FPD: 1 },
    path: { l1: 0n },
    steps: [
      access("r", IOVA, silent(0x79)),
      plain("w", IOVA, silent(0x79)),
      access("r", I, silent(0x51), { pasid: 0x80 }),
    ],
  }),
  second("FPD of the directory entry counts for its PASIDs alone (7.1.3, 9.5)", {
    more: [[DIRECTORY_AT + 8n, directoryEntry(0x4000_3000n, 1)]],
    path: { l1: 0n },
    steps: [access("r", IOVA, silent(0x79)), plain("r", IOVA, plainFault(0x79, "r", IOVA))],
  }),
  second("FPD of the PASID entry counts for this PASID alone (7.1.3, 9.6)", {
    entry: { FPD: 1 },
    rid: { FPD: 0 },
    path: { l1: 0n },
    steps: [access("r", IOVA, silent(0x79)), plain("r", IOVA, plainFault(0x79, "r", IOVA))],
  }),
  passing("FPD counts in entries that are not present (9.4, 9.6)", {
    more: [[ENTRY_AT, pasidEntry({ FPD: 1 })]],
    steps: [access("r", I, silent(0x59)), plainOk],
  }),
  passing("FPD counts in a context entry that is not present (9.4)", {
    more: [[CONTEXT_AT, contextEntry({ ...CONTEXT, P: 0, FPD: 1 })]],
    steps: [plain("r", I, silent(0x41))],
  }),
  passing("FPD counts in a context entry with reserved bits and in an invalid PASID entry (9.4, 9.6)", {
    more: [
      [ENTRY_AT, pasidEntry({ FPD: 1, P: 1, PGTT: 7 })],
      [RID_ENTRY_AT, words(0x123n)],
    ],
    steps: [access("r", I, silent(0x5b)), plain("r", I, silent(0x5a))],
  }),
  ...(
    [
      [0x45, { PASIDE: 0 }, PASID],
      [0x46, {}, 0x2000],
      [0x48, {}, 2],
    ] as const
  ).map(([reason, context, pasid]) =>
    passing(`FPD keeps 0x${reason.toString(16)} out of the log (7.1.3)`, {
      context: { ...context, FPD: 1 },
      steps: [access("r", I, silent(reason), { pasid })],
    }),
  ),
  passing("FPD keeps no failing fetch of a directory or a PASID table out of the log: 0x50, 0x58 (7.1.3)", {
    context: { FPD: 1 },
    more: [[DIRECTORY_AT + 8n, directoryEntry(AWAY, 1)]],
    steps: [
      blocked(0x58),
      storeBytes(CONTEXT_AT, contextEntry({ ...CONTEXT, FPD: 1, PASIDDIRPTR: AWAY })),
      contextGlobal(),
      pasidCacheGlobal(),
      plainBlocked(0x50),
    ],
  }),
];

export const structureCases: readonly VtdCase[] = [...pasids, ...wrong, ...disabled];
