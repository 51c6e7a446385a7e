// Why a VT-d unit ended a request in a fault: each group of fault reasons of Rev 5.10, 7.1.3 with the rule that finds its
// bits.

import type { WalkRecord } from "../machine/walk-records.js";
import { decodeFaultRecord } from "../vtd/fault-record.js";
import type { VtdFault } from "../vtd/faults.js";
import { type Blame, blameInput, blameReserved, blameVtdRights } from "./causes.js";
import type { ExplainedRecord } from "./explanation.js";
import { strayBits } from "./fields.js";
import { STRUCTURES } from "./structures.js";

/** What a rule has to go by. */
interface Evidence {
  readonly fault: VtdFault;
  readonly last: WalkRecord | undefined;
  /** The reads of the last walk of the stage that was read last. */
  readonly walk: readonly WalkRecord[];
  readonly hostWidth: number;
  readonly wordsOf: (record: WalkRecord) => readonly bigint[];
}

type Rule = (evidence: Evidence) => Blame;

const present: Rule = ({ last }) => ({
  text: last ? `the ${last.kind} is not present` : "the entry is not present",
  ...(last && { record: last, bits: [[0, 0]] as const }),
});

const unreadable: Rule = ({ last }) => ({
  text: last
    ? `what this ${last.kind} points to is not in memory`
    : "the root table is not in memory (RTADDR)",
  ...(last && { record: last }),
});

const reservedStructure: Rule = ({ last, wordsOf }) => {
  const structure = last && STRUCTURES[last.kind];
  if (!last || !structure) return { text: "a reserved field is set" };
  const bits = strayBits(structure.fields, wordsOf(last));
  return bits.length > 0
    ? { text: `reserved bits of the ${last.kind} are set`, record: last, bits }
    : {
        text: `a field of the ${last.kind} is set whose feature is absent, or an address is too wide`,
        record: last,
      };
};

const reservedEntry: Rule = ({ last, hostWidth }) =>
  last ? blameReserved(last, hostWidth) : { text: "a reserved bit is set" };

const refused: Rule = ({ last }) => ({
  text: last ? `the ${last.kind} does not allow or support this request` : "the request is not supported",
  ...(last && { record: last }),
});

const tooWide: Rule = ({ fault, last }) => blameInput(fault.iova, last);

const rights: Rule = ({ fault, walk }) =>
  blameVtdRights(walk, (fault.write ? 1 : fault.execute ? 2 : 0) | (fault.privileged ? 4 : 0));

const notPresent: Rule = (evidence) => {
  const { last, walk } = evidence;
  if (!last) return tooWide(evidence);
  const bits = last.kind === "stage 1" ? [[0, 0] as const] : [[1, 0] as const];
  const absent = last.kind === "stage 1" ? (last.descriptor & 1n) === 0n : (last.descriptor & 3n) === 0n;
  if (absent) return { text: last.kind === "stage 1" ? "P = 0" : "R = W = 0", record: last, bits };
  return last.level === 3 || walk.some(({ denied }) => denied !== undefined)
    ? rights(evidence)
    : tooWide(evidence);
};

const tableOfFirstStage: Rule = ({ walk, last }) => ({
  text: "the second stage does not let this first-stage table be read, or its flags be set",
  ...((walk.at(-1) ?? last) ? { record: walk.at(-1) ?? (last as WalkRecord) } : {}),
});

const notSnooped: Rule = ({ last }) => ({
  text: "a flag has to be set, but the walk is not coherent (PASIDE.PWSNP, ECAP.SMPWC)",
  ...(last && { record: last }),
});

const RULES: readonly (readonly [pattern: RegExp, rule: Rule])[] = [
  [/INTERRUPT_RANGE$/, () => ({ text: "the address is in the interrupt range 0xFEEx_xxxx" })],
  [/^(LEGACY_TOO_WIDE|TOO_WIDE|SS_TOO_WIDE|NOT_CANONICAL|FS_NESTED_TOO_WIDE)$/, tooWide],
  [/^(FS|SS)_NOT_PRESENT$/, notPresent],
  [/^(FS_RESERVED|SS_RESERVED|LEGACY_PAGING_RESERVED)$/, reservedEntry],
  [/^FS_NESTED_/, tableOfFirstStage],
  [/NOT_SNOOPED$/, notSnooped],
  [/^(LEGACY_)?(READ|WRITE)$|^USER_PRIVILEGE$/, notPresent],
  [/_NOT_PRESENT$/, present],
  [/_RESERVED$/, reservedStructure],
  [/_ACCESS$/, unreadable],
];

/** What made `fault`. */
export function blameVtd(
  fault: VtdFault,
  records: readonly WalkRecord[],
  hostWidth: number,
  wordsOf: (record: WalkRecord) => readonly bigint[],
): Blame {
  const last = records.at(-1);
  const walk = records.filter(({ kind, input }) => kind === last?.kind && input === last.input);
  const rule = RULES.find(([pattern]) => pattern.test(fault.name))?.[1] ?? refused;
  return rule({ fault, last, walk, hostWidth, wordsOf });
}

/** The fault recording register of a fault. */
export function explainFaultRecord(bytes: Uint8Array): ExplainedRecord {
  const { access, ...rest } = decodeFaultRecord(bytes);
  return { bytes, says: { ...rest, access } };
}
