// The invalidation commands that traces know, of all vendors: their names, and what numbers they take.
import { type TraceEvents, u64At } from "./trace-events.js";

/** A number of a command. */
export interface ArgumentLimit {
  readonly name: string;
  /** Most bits. */
  readonly bits: number;
  /** Those bits in the low word. */
  readonly lowMask: number;
  /** And in the high word. */
  readonly highMask: number;
  /** An ASID or VMID: -1 stands for a stage that is not in use. */
  readonly isTag: boolean;
}

/** One command. */
export interface InvalidationRow {
  /** `code` of its events: index in INVALIDATION_ROWS. */
  readonly code: number;
  /** Name in a trace, one word or two. */
  readonly kind: string;
  readonly limits: readonly ArgumentLimit[];
}

/** Arguments of each invalidation, all hexadecimal numbers; an ASID or VMID may be -1. */
export const INVALIDATIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ["va", ["ASID", "VMID", "IOVA", "PAGES", "TG", "TTL", "LEAF"]],
  ["ipa", ["ASID", "VMID", "IPA", "PAGES", "TG", "TTL", "LEAF"]],
  ["asid", ["ASID"]],
  ["s12", ["VMID"]],
  ["nh", ["VMID"]],
  ["nsnh", []],
  ["ste", ["SID"]],
  ["sterange", ["FIRST", "LAST"]],
  ["cd", ["SID"]],
  ["sync", []],
  ["cc global", ["DID", "SID", "FM"]],
  ["cc domain", ["DID", "SID", "FM"]],
  ["cc device", ["DID", "SID", "FM"]],
  ["iotlb global", []],
  ["iotlb domain", ["DID"]],
  ["iotlb page", ["DID", "ADDR", "AM", "IH"]],
  ["piotlb pasid", ["DID", "PASID"]],
  ["piotlb page", ["DID", "PASID", "ADDR", "AM", "IH"]],
  ["devtlb", ["SID", "ADDR", "S"]],
  ["iec", ["G", "INDEX", "MASK"]],
  ["wait", []],
]);

/** Bits of those arguments that fill a field; others have 64. */
const ARGUMENT_BITS: Readonly<Record<string, number>> = {
  ...{ ASID: 16, VMID: 16, DID: 16, PASID: 20, AM: 6, IH: 1, FM: 2, S: 1, G: 1, INDEX: 16, MASK: 5 },
};

function limitOf(name: string): ArgumentLimit {
  const bits = ARGUMENT_BITS[name] ?? 64;
  const mask = (width: number): number => (width >= 32 ? -1 : (1 << Math.max(0, width)) - 1);
  const isTag = name === "ASID" || name === "VMID";
  return { name, bits, lowMask: mask(bits), highMask: mask(bits - 32), isTag };
}

/** The commands by the `code` of their events. */
export const INVALIDATION_ROWS: readonly InvalidationRow[] = [...INVALIDATIONS].map(
  ([kind, names], code) => ({
    code,
    kind,
    limits: names.map(limitOf),
  }),
);

/** `code` by name. */
export const INVALIDATION_CODES: ReadonlyMap<string, number> = new Map(
  INVALIDATION_ROWS.map(({ kind, code }) => [kind, code]),
);

/**
 * The numbers of an INVALIDATE event.
 * @param events the buffer
 * @param at the event's index
 * @returns one number a name of the command's row; -1 for a tag that is not in use
 */
export function invalidationArgs(events: TraceEvents, at: number): bigint[] {
  const first = events.index[at] as number;
  const limits = INVALIDATION_ROWS[events.code[at] as number]?.limits ?? [];
  return limits.map(({ isTag }, i) => {
    const value = u64At(events.args, first + i);
    return isTag ? BigInt.asIntN(64, value) : value;
  });
}
