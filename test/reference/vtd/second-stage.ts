// Second-stage translation (VT-d 3.7, 9.8): 3, 4 or 5 levels, leaves of 4 KiB, 2 MiB, 1 GiB.
//
//   entry   0 R, 1 W, 5:3 EMT and 6 IPAT (leaf, ignored), 7 PS, 8 A, 9 D (leaf), 11 SNP (leaf, needs ECAP.SC),
//           51:12 ADDR (51:HAW reserved), others ignored; no present bit: R = W = 0 is not present
// Fixed choice where the architecture leaves one: flags are set only when the walk and the permissions are fine, or,
// with eagerFlags, accessed flags at once.
// Not modelled: IR and IW (RTADDR.SSIRWE), memory types.

import { bitOf, bitsOf, exceeds } from "../structure.js";
import type { Capabilities } from "./capabilities.js";
import { type Cause, type Fault, fault, isFault } from "./fault-reason.js";
import type { Access } from "./outcome.js";
import { levelLsb, type PagingEntry, type PagingPath, type PagingStage, walkPaging } from "./paging-walk.js";
import type { TableLookup } from "./table-lookup.js";

const READ = 0;
const WRITE = 1;
const PAGE_SIZE = 7;
const ACCESSED = 1n << 8n;
const DIRTY = 1n << 9n;
const SNOOP = 11;

export interface SecondStage {
  root: bigint;
  levels: number;
  /** Input addresses have at most this many bits. */
  inputBits: number;
  /** SSADE: flags are set by hardware. */
  accessedDirty: boolean;
  /** Flags can be set coherently: PWSNP and ECAP.SMPWC. */
  snooped: boolean;
  legacy: boolean;
}

export interface StageResult {
  output: bigint;
  leafLg2: number;
}

function checkEntry(entry: bigint, level: number, capabilities: Capabilities): Cause | undefined {
  if (bitsOf(entry, WRITE, READ) === 0n) return "ssAbsent";
  const sizes = [true, capabilities.secondStage2M, capabilities.secondStage1G, false, false];
  const leaf = level === 1 || bitOf(entry, PAGE_SIZE);
  const reserved =
    exceeds(bitsOf(entry, 51, 0), capabilities.haw) ||
    (leaf && !sizes[level - 1]) ||
    (leaf && level > 1 && bitsOf(entry, levelLsb(level) - 1, 12) !== 0n) ||
    (bitOf(entry, SNOOP) && !(leaf && capabilities.snoopControl));
  return reserved ? "ssReserved" : undefined;
}

/** 3.7.1: permissions are those that all levels have. */
function denied({ entries }: PagingPath, access: Access, capabilities: Capabilities): Cause | undefined {
  const all = (bit: number) => entries.every(({ value }) => bitOf(value, bit));
  const writable = all(WRITE);
  const readable = all(READ);
  if (!writable && !readable) return "ssAbsent";
  if (access.write && !writable) return "writeDenied";
  const zeroLength = access.zeroLength && capabilities.zeroLengthReads && writable;
  return access.read && !readable && !zeroLength ? "readDenied" : undefined;
}

/** 3.7.2: A in every entry, D in the leaf of a write. */
function updateFlags(
  lookup: TableLookup,
  stage: SecondStage,
  { entries }: Pick<PagingPath, "entries">,
  write: boolean,
): Fault | undefined {
  for (const [i, { value, at }] of entries.entries()) {
    const flags = i === entries.length - 1 && write ? ACCESSED | DIRTY : ACCESSED;
    if ((value & flags) === flags) continue;
    if (!stage.snooped) return fault("ssUpdateUnsnooped");
    if (!lookup.setFlags(at, flags)) return fault("ssUpdateFailed");
  }
  return undefined;
}

export function translateSecondStage(
  lookup: TableLookup,
  stage: SecondStage,
  input: bigint,
  access: Access,
): StageResult | Fault {
  const { capabilities } = lookup;
  // 1. The input fits.
  if (exceeds(input, stage.inputBits)) return fault("beyondGuestWidth");
  // 2. The walk.
  const paging: PagingStage = {
    root: stage.root,
    levels: stage.levels,
    check: (entry, level) => checkEntry(entry, level, capabilities),
    isLeaf: (entry) => bitOf(entry, PAGE_SIZE),
    use: (entry) =>
      lookup.eagerFlags && stage.accessedDirty
        ? updateFlags(lookup, stage, { entries: [entry] }, false)
        : undefined,
  };
  const path = walkPaging(paging, input, (address, level): PagingEntry | Fault => {
    const [value] = lookup.read({ what: "SS", level, address }, 1) ?? [];
    if (value === undefined) return fault(level === stage.levels ? "ssRootFetch" : "ssFetch");
    return { value, at: address, address };
  });
  // 3. Permission. Legacy mode has no code for "none at all".
  const cause = isFault(path) ? path.cause : denied(path, access, capabilities);
  if (cause === "ssAbsent" && stage.legacy) return fault(access.write ? "writeDenied" : "readDenied");
  if (cause !== undefined) return fault(cause);
  const { output, leafLg2 } = path as PagingPath;
  // 4. Flags.
  const failed = stage.accessedDirty
    ? updateFlags(lookup, stage, path as PagingPath, access.write)
    : undefined;
  return failed ?? { output, leafLg2 };
}
