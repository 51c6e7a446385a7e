// Why a walk stopped: the bit of the descriptor, or the field of the structure, that made the fault. The core has decided
// that there is a fault and which; this only finds in what was read last the bits that the manual's rule for it names
// (IHI 0070 7.3, DDI 0487 D8.3 to D8.5; VT-d Rev 5.10, 7.1.3). One table of rules for each cause.

import type { WalkRecord } from "../machine/walk-records.js";
import { granuleOf, inputBitsOf, outputBitsOf } from "./descriptors.js";
import type { ExplainedCause } from "./explanation.js";

/** Bits of a read that are to blame. */
export interface Blame {
  readonly text: string;
  readonly record?: WalkRecord;
  readonly bits?: ExplainedCause["bits"];
}

/** An access code of the core: 1 write, 2 execute, 4 privileged. */
export type AccessCode = number;

const isSet = ({ descriptor }: WalkRecord, bit: number): boolean => ((descriptor >> BigInt(bit)) & 1n) !== 0n;
const isWrite = (access: AccessCode): boolean => (access & 1) !== 0;
const isFetch = (access: AccessCode): boolean => (access & 3) === 2;
const isPrivileged = (access: AccessCode): boolean => (access & 4) !== 0;

/** A rule that a bit of a leaf, or of a table above it, can break. */
interface RightsRule {
  readonly where: "leaf" | "table";
  readonly bit: number;
  readonly is: 0 | 1;
  readonly applies: (access: AccessCode) => boolean;
  readonly text: string;
}

const STAGE1_RIGHTS: readonly RightsRule[] = [
  { where: "leaf", bit: 7, is: 1, applies: isWrite, text: "AP[2] = 1: read-only" },
  { where: "table", bit: 62, is: 1, applies: isWrite, text: "APTable[1] = 1: no write below this table" },
  {
    where: "leaf",
    bit: 6,
    is: 0,
    applies: (a) => !isPrivileged(a) && !isFetch(a),
    text: "AP[1] = 0: no unprivileged access",
  },
  {
    where: "table",
    bit: 61,
    is: 1,
    applies: (a) => !isPrivileged(a) && !isFetch(a),
    text: "APTable[0] = 1: no unprivileged access below this table",
  },
  {
    where: "leaf",
    bit: 54,
    is: 1,
    applies: (a) => isFetch(a) && !isPrivileged(a),
    text: "UXN = 1: no unprivileged execution",
  },
  {
    where: "table",
    bit: 60,
    is: 1,
    applies: (a) => isFetch(a) && !isPrivileged(a),
    text: "UXNTable = 1: no unprivileged execution below this table",
  },
  {
    where: "leaf",
    bit: 53,
    is: 1,
    applies: (a) => isFetch(a) && isPrivileged(a),
    text: "PXN = 1: no privileged execution",
  },
  {
    where: "table",
    bit: 59,
    is: 1,
    applies: (a) => isFetch(a) && isPrivileged(a),
    text: "PXNTable = 1: no privileged execution below this table",
  },
  {
    where: "leaf",
    bit: 7,
    is: 0,
    applies: isFetch,
    text: "AP[2] = 0: writable, which WXN or the unprivileged write right closes to execution",
  },
  {
    where: "leaf",
    bit: 6,
    is: 1,
    applies: isPrivileged,
    text: "AP[1] = 1: unprivileged code has access, which PAN closes to privileged code",
  },
];

const STAGE2_RIGHTS: readonly RightsRule[] = [
  { where: "leaf", bit: 7, is: 0, applies: isWrite, text: "S2AP[1] = 0: no write" },
  { where: "leaf", bit: 6, is: 0, applies: (a) => !isWrite(a) && !isFetch(a), text: "S2AP[0] = 0: no read" },
  { where: "leaf", bit: 54, is: 1, applies: isFetch, text: "XN[1] = 1: no execution" },
  { where: "leaf", bit: 53, is: 1, applies: isFetch, text: "XN[0] = 1: no execution at this privilege" },
  { where: "leaf", bit: 6, is: 0, applies: () => true, text: "S2AP[0] = 0: no read" },
];

const FIRST_STAGE_RIGHTS: readonly RightsRule[] = [
  { where: "leaf", bit: 2, is: 0, applies: (a) => !isPrivileged(a), text: "U/S = 0: a supervisor page" },
  { where: "table", bit: 2, is: 0, applies: (a) => !isPrivileged(a), text: "U/S = 0 in a table entry above" },
  { where: "leaf", bit: 1, is: 0, applies: isWrite, text: "R/W = 0: read-only" },
  { where: "table", bit: 1, is: 0, applies: isWrite, text: "R/W = 0 in a table entry above" },
];

const SECOND_STAGE_RIGHTS: readonly RightsRule[] = [
  { where: "leaf", bit: 1, is: 0, applies: isWrite, text: "W = 0" },
  { where: "table", bit: 1, is: 0, applies: isWrite, text: "W = 0 in a table entry above" },
  { where: "leaf", bit: 0, is: 0, applies: () => true, text: "R = 0" },
  { where: "table", bit: 0, is: 0, applies: () => true, text: "R = 0 in a table entry above" },
];

/** Which rights rule the walk `records` of one stage, leaf last, breaks for `access`. */
function blameRights(
  rules: readonly RightsRule[],
  records: readonly WalkRecord[],
  access: AccessCode,
): Blame | undefined {
  const leaf = records.at(-1);
  for (const { where, bit, is, applies, text } of rules) {
    if (!applies(access)) continue;
    const candidates = where === "leaf" ? (leaf ? [leaf] : []) : records.slice(0, -1);
    const found = candidates.find((record) => isSet(record, bit) === (is === 1));
    if (found) return { text, record: found, bits: [[bit, bit]] };
  }
  return undefined;
}

/** F_PERMISSION at `stage`, by the walk of that stage. */
export function blameVmsaPermission(
  records: readonly WalkRecord[],
  stage2: boolean,
  access: AccessCode,
): Blame {
  const leaf = records.at(-1);
  const refused = leaf?.denied === undefined || ((leaf.denied >> access) & 1) !== 0;
  if (stage2 && leaf && !refused) {
    return {
      text: "MemAttr says Device memory, which STE.S2PTW closes to table walks",
      record: leaf,
      bits: [[5, 2]],
    };
  }
  return (
    blameRights(stage2 ? STAGE2_RIGHTS : STAGE1_RIGHTS, records, access) ?? {
      text: "the leaf and the tables above it do not allow the access",
      ...(leaf && { record: leaf }),
    }
  );
}

/** F_TRANSLATION by the last descriptor of the stage: undefined when that one is a valid table. */
export function blameVmsaTranslation(record: WalkRecord): Blame | undefined {
  if (!isSet(record, 0)) return { text: "VALID = 0", record, bits: [[0, 0]] };
  if (record.level === 3)
    return isSet(record, 1) ? undefined : { text: "TYPE = 0 is reserved at level 3", record, bits: [[1, 1]] };
  if (isSet(record, 1)) return undefined;
  return {
    text: `TYPE = 0: no blocks at level ${record.level} with a granule of ${2 ** (granuleOf(record) - 10)} KiB`,
    record,
    bits: [[1, 1]],
  };
}

/** F_ADDR_SIZE: address bits beyond the output size. */
export function blameAddressSize(record: WalkRecord, output: bigint): Blame {
  const limit = outputBitsOf(record);
  return {
    text: `the address 0x${output.toString(16)} has bits above ${limit} bits of output`,
    record,
    bits: [[Math.max(limit, 47), limit]],
  };
}

/** The input address is outside what the tables cover. */
export function blameInput(input: bigint, record: WalkRecord | undefined): Blame {
  const reach = record ? `2^${inputBitsOf(record)} bytes` : "their reach";
  return { text: `no table covers 0x${input.toString(16)}: it is beyond ${reach}, or that half is disabled` };
}

/** F_ACCESS. */
export function blameAccessFlag(record: WalkRecord): Blame {
  return { text: "AF = 0, and hardware does not set it", record, bits: [[10, 10]] };
}

/** Reserved bits of a VT-d paging entry: address bits from the host width on, PS where it is not, SNP, low bits. */
export function blameReserved(record: WalkRecord, hostWidth: number): Blame {
  const { descriptor, level } = record;
  const address = descriptor & 0xf_ffff_ffff_f000n;
  if (address >> BigInt(hostWidth) !== 0n) {
    return { text: `address bits above the host width of ${hostWidth}`, record, bits: [[51, hostWidth]] };
  }
  const large = level < 3 && isSet(record, 7);
  if (large && level < 1) return { text: "PS = 1: no pages of this size", record, bits: [[7, 7]] };
  const low = record.kind === "stage 1" ? 13 : 12;
  const within = large ? (descriptor & ((1n << BigInt(record.shift)) - 1n)) >> BigInt(low) : 0n;
  if (within !== 0n) {
    return { text: "address bits within the large page", record, bits: [[record.shift - 1, low]] };
  }
  if (record.kind === "stage 2" && isSet(record, 11)) {
    return { text: "SNP = 1 where it is reserved", record, bits: [[11, 11]] };
  }
  return { text: "PS = 1: the unit has no pages of this size", record, bits: [[7, 7]] };
}

/** A permission fault of VT-d. */
export function blameVtdRights(records: readonly WalkRecord[], access: AccessCode): Blame {
  const leaf = records.at(-1);
  const rules = leaf?.kind === "stage 1" ? FIRST_STAGE_RIGHTS : SECOND_STAGE_RIGHTS;
  return (
    blameRights(rules, records, access) ?? {
      text: "the entry and those above it do not allow the access",
      ...(leaf && { record: leaf }),
    }
  );
}
