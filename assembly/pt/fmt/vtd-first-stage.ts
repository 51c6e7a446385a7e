// VT-d first stage (Rev 5.10, 3.6, 9.7): 4- and 5-level tables of x86-64, U/S and R/W anded over all levels,
// accessed flags in every entry used. Levels are counted as in VMSAv8-64: PML5E -1, PML4E 0, PDPE 1, PDE 2, PTE 3.
// Not modelled: execute rights (Rev 5.10 has none), protection keys.

import {
  FSPTE_A_LSB,
  FSPTE_D_LSB,
  FSPTE_EA_LSB,
  FSPTE_P_LSB,
  FSPTE_PAT_LARGE_LSB,
  FSPTE_PS_LSB,
  FSPTE_PWT_LSB,
  FSPTE_RW_LSB,
  FSPTE_US_LSB,
} from "../../../src/spec/vtd/paging-entry";
import { bit } from "../../lib/bits";
import { LAST_LEVEL, WALK_BAR_PRIVILEGED } from "../config";
import {
  entryAddress,
  entryReserved,
  isInterrupt,
  isLarge,
  WALK_EAFE,
  WALK_NO_PASID,
  WALK_SUPERVISOR,
  WALK_WPE,
  wideAddress,
} from "./vtd";

/* Rights that the tables above take away. */
const NO_USER: u32 = 1;
const NO_WRITE: u32 = 2;
/* Beside them in an index of rights: a page that is not dirty. */
const CLEAN: u32 = 4;

const PRESENT: u64 = (<u64>1) << FSPTE_P_LSB;
const ACCESSED: u64 = (<u64>1) << FSPTE_A_LSB;
const EXTENDED_ACCESSED: u64 = (<u64>1) << FSPTE_EA_LSB;
const DIRTY: u64 = (<u64>1) << FSPTE_D_LSB;
const ANY_WRITE: u32 = 0xaa;
/** Instruction fetches: only requests with PASID can be such, and they are not supported (ERS). */
const FETCHES: u32 = 0x44;

/** Lowest reserved bit of a large leaf: bit 12 is PAT. */
const LEAF_RESERVED_LSB: u32 = 13;

/**
 * Rights (3.6.1): a user request needs U/S for everything and R/W to write; a supervisor request reads all and
 * writes all but, under WPE, what is read-only. Without a PASID the context's RID_PRIV says which it is.
 */
function deniedTo(taken: u32, config: u64): u32 {
  const readOnly = (taken & NO_WRITE) !== 0;
  const user: u32 = (taken & NO_USER) !== 0 ? 0x0f : readOnly ? 0x0a : 0;
  let supervisor: u32 = readOnly && (config & WALK_WPE) !== 0 ? 0x0a : 0;
  if ((config & WALK_NO_PASID) !== 0) {
    const either = (config & WALK_SUPERVISOR) !== 0 ? supervisor : user;
    return either | (either << 4);
  }
  if ((config & WALK_BAR_PRIVILEGED) !== 0) supervisor = 0x0f;
  return user | (supervisor << 4) | FETCHES;
}

export class VtdFirstStage {
  isValid(descriptor: u64, level: i32): bool {
    return (descriptor & PRESENT) !== 0;
  }

  isReserved(descriptor: u64, level: i32, config: u64): bool {
    return entryReserved(descriptor, level, config, LEAF_RESERVED_LSB);
  }

  isTable(descriptor: u64, level: i32): bool {
    return level !== LAST_LEVEL && !isLarge(descriptor);
  }

  /** Where PS is not allowed it is a reserved bit. */
  mayBeLeaf(level: i32, config: u64): bool {
    return true;
  }

  addressOf(descriptor: u64, lowest: u32, config: u64): u64 {
    return entryAddress(descriptor, lowest);
  }

  tableAttributes(descriptor: u64, config: u64): u32 {
    const taken = ~descriptor;
    return (<u32>(taken >> FSPTE_US_LSB) & NO_USER) | (<u32>(taken >> (FSPTE_RW_LSB - 1)) & NO_WRITE);
  }

  /** A in every entry used, EA with it where it is enabled (3.6.2). */
  withTableUsed(descriptor: u64, config: u64): u64 {
    return this.withAccessed(descriptor, config);
  }

  isAccessed(descriptor: u64, config: u64): bool {
    return this.withAccessed(descriptor, config) === descriptor;
  }

  withAccessed(descriptor: u64, config: u64): u64 {
    return descriptor | ACCESSED | ((config & WALK_EAFE) !== 0 ? EXTENDED_ACCESSED : 0);
  }

  /** Accesses that the leaf and the tables above it forbid. */
  denied(descriptor: u64, attributes: u32, config: u64): u32 {
    return deniedTo(attributes | this.tableAttributes(descriptor, config), config);
  }

  /** The same for a plain page; one that is not dirty sends its first write to the walk. */
  deniedPlain(descriptor: u64, attributes: u32, rights: u64): u32 {
    const row =
      attributes | this.tableAttributes(descriptor, 0) | (<u32>(~descriptor >> (FSPTE_D_LSB - 2)) & CLEAN);
    return <u32>(rights >> (row << 3)) & 0xff;
  }

  /** What a plain page denies, one byte for each combination of rights taken away and CLEAN. */
  rightsOf(config: u64): u64 {
    const rows =
      deniedTo(0, config) |
      (deniedTo(NO_USER, config) << 8) |
      (deniedTo(NO_WRITE, config) << 16) |
      (deniedTo(NO_USER | NO_WRITE, config) << 24);
    return rows | ((<u64>(rows | (ANY_WRITE * 0x01010101))) << 32);
  }

  isClean(descriptor: u64, config: u64): bool {
    return (descriptor & DIRTY) === 0;
  }

  withDirty(descriptor: u64): u64 {
    return descriptor | DIRTY;
  }

  writes(): u32 {
    return ANY_WRITE;
  }

  /** G is ignored: there are no global pages (9.7). */
  isGlobal(descriptor: u64): bool {
    return false;
  }

  notGlobal(): u64 {
    return 0;
  }

  isDevice(descriptor: u64): bool {
    return false;
  }

  /** Index into the PASID entry's PAT, in bits 2:0: PAT, PCD, PWT (3.10.2). */
  memoryType(descriptor: u64, level: i32): u32 {
    const pat = level === LAST_LEVEL ? FSPTE_PS_LSB : FSPTE_PAT_LARGE_LSB;
    return (<u32>(descriptor >> FSPTE_PWT_LSB) & 3) | ((<u32>bit(descriptor, pat)) << 2);
  }

  runLg2(descriptor: u64, level: i32, config: u64): u32 {
    return 0;
  }

  /** As of VMSAv8-64; with EAFE none is plain. */
  plainMask(config: u64): u64 {
    return (config & WALK_EAFE) !== 0 ? 0 : PRESENT | ACCESSED | wideAddress(config);
  }

  /** Present and accessed. */
  plainValue(): u64 {
    return PRESENT | ACCESSED;
  }

  isInterrupt(address: u64): bool {
    return isInterrupt(address);
  }

  plainAddress(descriptor: u64, lg2: u32): u64 {
    return entryAddress(descriptor, lg2);
  }

  stage(): u32 {
    return 1;
  }
}
