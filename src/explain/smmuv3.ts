// Why an SMMUv3 ended a request in a fault: each event of IHI 0070 7.3 with the rule that finds its bits.

import type { WalkRecord } from "../machine/walk-records.js";
import { decodeEvent } from "../smmuv3/event-record.js";
import type { SmmuFault } from "../smmuv3/events.js";
import { STE_S1CDMAX_LSB, STE_S1CDMAX_MSB, STE_S1DSS_LSB, STE_S1DSS_MSB } from "../spec/smmuv3/ste.js";
import {
  type Blame,
  blameAccessFlag,
  blameAddressSize,
  blameInput,
  blameVmsaPermission,
  blameVmsaTranslation,
} from "./causes.js";
import { viewDescriptor } from "./descriptors.js";
import type { ExplainedRecord } from "./explanation.js";
import { STRUCTURES } from "./structures.js";

/** What a rule has to go by. */
interface Evidence {
  readonly fault: SmmuFault;
  readonly records: readonly WalkRecord[];
  /** The reads of the stage that faulted, of its last walk. */
  readonly walk: readonly WalkRecord[];
  /** The field that was looked at last before a structure was refused. */
  readonly field: readonly [msb: number, lsb: number];
}

type Rule = (evidence: Evidence) => Blame;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const unreadable: Rule = ({ fault }) => ({ text: `there is no memory at ${hex(fault.fetchAddress)}` });

function illegal(kind: "STE" | "CD"): Rule {
  return ({ records, field }) => {
    const record = records.findLast((one) => one.kind === kind);
    const name = STRUCTURES[kind]?.fields.find(({ msb, lsb }) => msb === field[0] && lsb === field[1])?.name;
    const value = name === "V" ? `${kind}.V = 0` : `${kind}.${name ?? "a field"} is ILLEGAL as it stands`;
    return { text: value, ...(record && { record }), bits: [field] };
  };
}

const RULES: Readonly<Record<string, Rule>> = {
  C_BAD_STREAMID: ({ records, fault }) => {
    const record = records.at(-1);
    return record?.kind === "L1STD"
      ? { text: `L1STD.Span has no STE for StreamID ${hex(BigInt(fault.stream))}`, record, bits: [[4, 0]] }
      : { text: "the StreamID is beyond STRTAB_BASE_CFG.LOG2SIZE, or IDR1.SIDSIZE" };
  },
  F_STE_FETCH: unreadable,
  F_CD_FETCH: unreadable,
  F_WALK_EABT: unreadable,
  C_BAD_STE: illegal("STE"),
  C_BAD_CD: illegal("CD"),
  C_BAD_SUBSTREAMID: ({ records }) => {
    const record = records.at(-1);
    if (record?.kind === "L1CD") {
      const valid = (record.descriptor & 1n) !== 0n;
      return valid
        ? { text: "L1CD.L2Ptr is beyond the output address size", record, bits: [[55, 12]] }
        : { text: "L1CD.V = 0", record, bits: [[0, 0]] };
    }
    const ste = records.findLast((one) => one.kind === "STE");
    return {
      text: "STE.S1CDMax has no CD for this SubstreamID, or the stream takes none",
      ...(ste && { record: ste }),
      bits: [[STE_S1CDMAX_MSB, STE_S1CDMAX_LSB]],
    };
  },
  F_STREAM_DISABLED: ({ records }) => {
    const ste = records.findLast((one) => one.kind === "STE");
    return {
      text: "STE.S1DSS does not let this stream's transactions without a SubstreamID, or with 0, through",
      ...(ste && { record: ste }),
      bits: [[STE_S1DSS_MSB, STE_S1DSS_LSB]],
    };
  },
  F_TRANSLATION: ({ fault, walk }) => {
    const last = walk.at(-1);
    return (last && blameVmsaTranslation(last)) ?? blameInput(fault.stage2 ? fault.ipa : fault.iova, last);
  },
  F_ADDR_SIZE: ({ walk, fault }) => {
    const last = walk.at(-1);
    const output = last && viewDescriptor("smmuv3", last).output;
    if (last && output !== undefined) return blameAddressSize(last, output);
    return { text: `the address ${hex(fault.iova)} is beyond the address size of the system` };
  },
  F_ACCESS: ({ walk, fault }) => {
    const last = walk.at(-1);
    return last ? blameAccessFlag(last) : blameInput(fault.iova, last);
  },
  F_PERMISSION: ({ fault, walk }) => blameVmsaPermission(walk, fault.stage2, accessOf(fault)),
};

/** The access that the stage refused: of a table, a read or an update; else the request's own. */
function accessOf(fault: SmmuFault): number {
  if (fault.class !== "IN") return fault.tableWrite ? 1 : 0;
  return (fault.write ? 1 : fault.execute ? 2 : 0) | (fault.privileged ? 4 : 0);
}

/** What made `fault`. */
export function blameSmmu(
  fault: SmmuFault,
  records: readonly WalkRecord[],
  field: readonly [msb: number, lsb: number],
): Blame {
  const rule = RULES[fault.name];
  return rule ? rule({ fault, records, walk: walkOf(fault, records), field }) : { text: fault.name };
}

/** The reads of the last walk of the stage that faulted. */
function walkOf(fault: SmmuFault, records: readonly WalkRecord[]): WalkRecord[] {
  const kind = fault.stage2 ? "stage 2" : "stage 1";
  const all = records.filter((record) => record.kind === kind);
  const input = all.at(-1)?.input;
  // A stage-2 fault of an address that no walk was begun for has no reads.
  if (fault.stage2 && input !== undefined && input >> 12n !== fault.ipa >> 12n) return [];
  return all.filter((record) => record.input === input);
}

/** The event record of a fault. */
export function explainEvent(bytes: Uint8Array): ExplainedRecord {
  return { bytes, says: { ...decodeEvent(bytes) } };
}
