// VT-d second stage (Rev 5.10, 3.7, 9.8): 3-, 4- and 5-level tables, R and W anded over all levels, no present bit
// (R = W = 0 is not present), accessed and dirty flags with SSADE. Levels as in VMSAv8-64, the last one is 3.
// Not modelled: IR and IW (RTADDR.SSIRWE), zero-length reads.

import {
  SSPTE_A_LSB,
  SSPTE_D_LSB,
  SSPTE_R_LSB,
  SSPTE_SNP_LSB,
  SSPTE_W_LSB,
} from "../../../src/spec/vtd/paging-entry";
import { bit } from "../../lib/bits";
import { LAST_LEVEL, WALK_BAR_EXECUTE, WALK_HA } from "../config";
import { entryAddress, entryReserved, isInterrupt, isLarge, WALK_SNOOP_CONTROL, wideAddress } from "./vtd";

/* Rights that the tables above take away, at the places of R and W. */
const NO_READ: u32 = 1;
const NO_WRITE: u32 = 2;
/* EMT and IPAT; SNP. */
const MEMORY_TYPE: u32 = 0x78;
const SNOOP: u32 = 1 << SSPTE_SNP_LSB;
const WRITES: u32 = 0xaa;
/** Access codes denied by the rights taken away, one byte a combination: none, reads, writes, all. */
const DENIED: u32 = 0xffaad500;
const FETCHES: u32 = 0x44;
/** No request has this access code (a write is data): it stands for reading and writing. */
const READ_AND_WRITE: u32 = 7;

const READ: u64 = (<u64>1) << SSPTE_R_LSB;
const WRITE: u64 = (<u64>1) << SSPTE_W_LSB;
const ACCESSED: u64 = (<u64>1) << SSPTE_A_LSB;
const DIRTY: u64 = (<u64>1) << SSPTE_D_LSB;

/** Lowest reserved bit of a large leaf. */
const LEAF_RESERVED_LSB: u32 = 12;

export class VtdSecondStage {
  isValid(descriptor: u64, level: i32): bool {
    return (descriptor & (READ | WRITE)) !== 0;
  }

  isReserved(descriptor: u64, level: i32, config: u64): bool {
    if (entryReserved(descriptor, level, config, LEAF_RESERVED_LSB)) return true;
    if (!bit(descriptor, SSPTE_SNP_LSB)) return false;
    return this.isTable(descriptor, level) || (config & WALK_SNOOP_CONTROL) === 0;
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
    return <u32>~descriptor & (NO_READ | NO_WRITE);
  }

  /** With SSADE, A in every entry used (3.7.2). */
  withTableUsed(descriptor: u64, config: u64): u64 {
    return (config & WALK_HA) !== 0 ? descriptor | ACCESSED : descriptor;
  }

  isAccessed(descriptor: u64, config: u64): bool {
    return (config & WALK_HA) === 0 || (descriptor & ACCESSED) !== 0;
  }

  withAccessed(descriptor: u64, config: u64): u64 {
    return descriptor | ACCESSED;
  }

  denied(descriptor: u64, attributes: u32, config: u64): u32 {
    return this.deniedPlain(descriptor, attributes, this.rightsOf(config));
  }

  deniedPlain(descriptor: u64, attributes: u32, rights: u64): u32 {
    const taken = attributes | this.tableAttributes(descriptor, 0);
    return (<u32>rights >> (taken << 3)) & 0xff;
  }

  /** What is denied, one byte for each combination of rights taken away. */
  rightsOf(config: u64): u64 {
    return DENIED | ((config & WALK_BAR_EXECUTE) !== 0 ? FETCHES * 0x01010101 : 0);
  }

  isClean(descriptor: u64, config: u64): bool {
    return (config & WALK_HA) !== 0 && (descriptor & DIRTY) === 0;
  }

  withDirty(descriptor: u64): u64 {
    return descriptor | DIRTY;
  }

  writes(): u32 {
    return WRITES;
  }

  isGlobal(descriptor: u64): bool {
    return false;
  }

  notGlobal(): u64 {
    return 0;
  }

  isDevice(descriptor: u64): bool {
    return false;
  }

  /** EMT in bits 5:3, IPAT in bit 6 and SNP in bit 11, where the entry has them (3.10.3, 3.11). */
  memoryType(descriptor: u64, level: i32): u32 {
    return <u32>descriptor & (MEMORY_TYPE | SNOOP);
  }

  runLg2(descriptor: u64, level: i32, config: u64): u32 {
    return 0;
  }

  /** As of VMSAv8-64; with SSADE none is plain: its flags would have to be looked at. */
  plainMask(config: u64): u64 {
    if ((config & WALK_HA) !== 0) return 0;
    return READ | ((config & WALK_SNOOP_CONTROL) !== 0 ? 0 : SNOOP) | wideAddress(config);
  }

  /** Readable; others are rare and take the walk. */
  plainValue(): u64 {
    return READ;
  }

  isInterrupt(address: u64): bool {
    return isInterrupt(address);
  }

  plainAddress(descriptor: u64, lg2: u32): u64 {
    return entryAddress(descriptor, lg2);
  }

  stage(): u32 {
    return 2;
  }

  /** The access code of a first-stage table fetch: with SSADE it needs write permission too (3.8). */
  tableFetch(config: u64): u32 {
    return (config & WALK_HA) !== 0 ? READ_AND_WRITE : 0;
  }
}
