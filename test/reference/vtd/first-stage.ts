// First-stage translation (VT-d 3.6, 9.7): 4 or 5 levels, leaves of 4 KiB, 2 MiB, 1 GiB.
//
//   entry   0 P, 1 R/W, 2 U/S, 3 PWT, 4 PCD, 5 A, 6 D (leaf), 7 PS (PAT in a 4 KiB leaf), 8 G (ignored),
//           10 EA, 12 PAT (large leaf), 51:12 ADDR (51:HAW reserved), others ignored (63, once XD, too)
// Where addresses lead is the address space's: physical, or guest-physical under nesting.
// Fixed choice where the architecture leaves one: flags are set only when the walk and the permissions are fine, or,
// with eagerFlags, accessed flags at once.
// Not modelled: execute permission, memory types.

import { bitOf, bitsOf, exceeds } from "../structure.js";
import type { Capabilities } from "./capabilities.js";
import { type Cause, type Fault, fault, isFault } from "./fault-reason.js";
import type { Access } from "./outcome.js";
import {
  entryAddress,
  levelLsb,
  type PagingEntry,
  type PagingPath,
  type PagingStage,
  walkPaging,
} from "./paging-walk.js";
import type { StageResult } from "./second-stage.js";
import type { TableLookup } from "./table-lookup.js";

const PRESENT = 0;
const WRITABLE = 1;
const USER = 2;
const ACCESSED = 1n << 5n;
const DIRTY = 1n << 6n;
const PAGE_SIZE = 7;
const EXTENDED_ACCESSED = 1n << 10n;

export interface FirstStage {
  root: bigint;
  levels: number;
  /** WPE: supervisor writes need R/W too. */
  writeProtect: boolean;
  /** EAFE: the extended accessed flag is set too. */
  extendedAccessed: boolean;
  /** Flags can be set coherently: PWSNP and ECAP.SMPWC. */
  snooped: boolean;
}

/** What the addresses in first-stage structures are. */
export interface AddressSpace {
  /** Addresses have at most this many bits; undefined = no limit of its own. */
  bits: number | undefined;
  /** The physical address to read an entry from; `root`: of the top-level table. */
  forRead(address: bigint, root: boolean): bigint | Fault;
  /** The physical address to set flags of an entry at. */
  forUpdate(address: bigint): bigint | Fault;
}

export const HOST_PHYSICAL: AddressSpace = {
  bits: undefined,
  forRead: (address) => address,
  forUpdate: (address) => address,
};

/** 3.6: bits from the top of the table's reach up to 63 are equal. */
function isCanonical(input: bigint, levels: number): boolean {
  const signBit = levelLsb(levels + 1) - 1;
  const high = bitsOf(input, 63, signBit);
  return high === 0n || high === (1n << BigInt(64 - signBit)) - 1n;
}

function checkEntry(
  entry: bigint,
  level: number,
  capabilities: Capabilities,
  space: AddressSpace,
): Cause | undefined {
  if (!bitOf(entry, PRESENT)) return "fsAbsent";
  const large = level > 1 && bitOf(entry, PAGE_SIZE);
  const sizes = [true, true, capabilities.firstStage1G, false, false];
  const reserved =
    exceeds(bitsOf(entry, 51, 0), capabilities.haw) ||
    (large && !sizes[level - 1]) ||
    (large && bitsOf(entry, levelLsb(level) - 1, 13) !== 0n);
  if (reserved) return "fsReserved";
  return space.bits !== undefined && exceeds(entryAddress(entry), space.bits)
    ? "fsAddressTooWide"
    : undefined;
}

/** 3.6.1: rights are those that all levels give. */
function denied({ entries }: PagingPath, access: Access, writeProtect: boolean): Cause | undefined {
  const all = (bit: number) => entries.every(({ value }) => bitOf(value, bit));
  if (!access.supervisor && !all(USER)) return "userOnSupervisorPage";
  const needsWritable = access.write && (!access.supervisor || writeProtect);
  return needsWritable && !all(WRITABLE) ? "writeDenied" : undefined;
}

/** 3.6.2: A (and EA) in every entry, D in the leaf of a write. */
function updateFlags(
  lookup: TableLookup,
  stage: FirstStage,
  space: AddressSpace,
  { entries }: Pick<PagingPath, "entries">,
  write: boolean,
): Fault | undefined {
  for (const [i, { value, address }] of entries.entries()) {
    let flags = stage.extendedAccessed ? ACCESSED | EXTENDED_ACCESSED : ACCESSED;
    if (i === entries.length - 1 && write) flags |= DIRTY;
    if ((value & flags) === flags) continue;
    if (!stage.snooped) return fault("fsUpdateUnsnooped");
    const at = space.forUpdate(address);
    if (isFault(at)) return at;
    if (!lookup.setFlags(at, flags)) return fault("fsUpdateFailed");
  }
  return undefined;
}

export function translateFirstStage(
  lookup: TableLookup,
  stage: FirstStage,
  space: AddressSpace,
  input: bigint,
  access: Access,
): StageResult | Fault {
  const { capabilities } = lookup;
  // 1. The input is canonical.
  if (!isCanonical(input, stage.levels)) return fault("notCanonical");
  // 2. The walk; under nesting each entry's address is a GPA.
  const paging: PagingStage = {
    root: stage.root,
    levels: stage.levels,
    check: (entry, level) => checkEntry(entry, level, capabilities, space),
    isLeaf: (entry) => bitOf(entry, PAGE_SIZE),
    use: (entry) =>
      lookup.eagerFlags ? updateFlags(lookup, stage, space, { entries: [entry] }, false) : undefined,
  };
  const path = walkPaging(paging, input, (address, level): PagingEntry | Fault => {
    const root = level === stage.levels;
    const at = space.forRead(address, root);
    if (isFault(at)) return at;
    const gpa = space === HOST_PHYSICAL ? undefined : address;
    const [value] = lookup.read({ what: "FS", level, address: at, gpa }, 1) ?? [];
    if (value === undefined) return fault(root ? "fsRootFetch" : "fsFetch");
    return { value, at, address };
  });
  if (isFault(path)) return path;
  // 3. Permission.
  const cause = denied(path, access, stage.writeProtect);
  if (cause !== undefined) return fault(cause);
  // 4. Flags.
  const failed = updateFlags(lookup, stage, space, path, access.write);
  return failed ?? { output: path.output, leafLg2: path.leafLg2 };
}
