// VMSAv8-64 stage 1 (DDI 0487 D8.3, D8.4; IHI 0070 5.4): hierarchical and leaf permissions, nG, DBM.
// A format answers questions about one descriptor; the walk (../walk.ts) asks.

import {
  CNT_S1_FETCHES, CNT_WC1_HITS, CNT_WC1_MISSES,
} from "../../../src/spec/abi/core";
import {
  PTE_APTABLE_LSB, PTE_APTABLE_MSB, PTE_AP_LSB, PTE_AP_MSB, PTE_NG_LSB, PTE_PXNTABLE_LSB, PTE_PXN_LSB,
  PTE_UXNTABLE_LSB, PTE_UXN_LSB,
} from "../../../src/spec/vmsa/descriptor";
import { bit, bits } from "../../lib/bits";
import { Arena } from "../../mem/arena";
import { WALK_EPAN, WALK_HAD, WALK_HD, WALK_PAN, WALK_WXN } from "../config";
import { addressOf, isAccessed, isTable, isValid, mayBeDirtied, mayBeLeaf, runLg2, withAccessed } from "./vmsa";

/* Accumulated table attributes, the bits of APTable, UXNTable and PXNTable seen so far. */
const NO_UNPRIVILEGED: u32 = 1;
const NO_WRITE: u32 = 2;
const NO_UNPRIVILEGED_EXECUTE: u32 = 4;
const NO_PRIVILEGED_EXECUTE: u32 = 8;

/* Access codes: 1 write, 2 execute, 4 privileged; a write is data whatever its execute bit says. */
const UNPRIVILEGED_READ: u32 = 0x01;
const UNPRIVILEGED_WRITE: u32 = 0x0a;
const UNPRIVILEGED_EXECUTE: u32 = 0x04;
const PRIVILEGED_READ: u32 = 0x10;
const PRIVILEGED_WRITE: u32 = 0xa0;
const PRIVILEGED_EXECUTE: u32 = 0x40;
const ANY_WRITE: u32 = UNPRIVILEGED_WRITE | PRIVILEGED_WRITE;

const AP_READ_ONLY: u64 = 1 << 7;

export class VmsaStage1 {
  isValid(descriptor: u64, level: i32): bool {
    return isValid(descriptor, level);
  }

  isAccessed(descriptor: u64): bool {
    return isAccessed(descriptor);
  }

  withAccessed(descriptor: u64): u64 {
    return withAccessed(descriptor);
  }

  isTable(descriptor: u64, level: i32): bool {
    return isTable(descriptor, level);
  }

  mayBeLeaf(level: i32, config: u64): bool {
    return mayBeLeaf(level, config);
  }

  addressOf(descriptor: u64, lowest: u32, config: u64): u64 {
    return addressOf(descriptor, lowest, config);
  }

  runLg2(descriptor: u64, level: i32, config: u64): u32 {
    return runLg2(descriptor, level, config);
  }

  /** APTable, UXNTable and PXNTable only ever take rights away on the way down (D8.4.2). */
  tableAttributes(descriptor: u64, config: u64): u32 {
    if ((config & WALK_HAD) !== 0) return 0;
    return (
      <u32>bits(descriptor, PTE_APTABLE_MSB, PTE_APTABLE_LSB) |
      (<u32>bit(descriptor, PTE_UXNTABLE_LSB) << 2) |
      (<u32>bit(descriptor, PTE_PXNTABLE_LSB) << 3)
    );
  }

  /** Accesses that the leaf and the tables above it forbid. With HD a DBM leaf counts as writable. */
  denied(descriptor: u64, attributes: u32, config: u64): u32 {
    const ap = <u32>bits(descriptor, PTE_AP_MSB, PTE_AP_LSB);
    const dirtiable = (config & WALK_HD) !== 0 && mayBeDirtied(descriptor);
    const readOnly = ((ap & 2) !== 0 && !dirtiable) || (attributes & NO_WRITE) !== 0;
    const userData = (ap & 1) !== 0 && (attributes & NO_UNPRIVILEGED) === 0;
    const userWrite = userData && !readOnly;
    const wxn = (config & WALK_WXN) !== 0;
    let userExecute = !bit(descriptor, PTE_UXN_LSB) && (attributes & NO_UNPRIVILEGED_EXECUTE) === 0;
    // What user code may write, privileged code never executes (D8.4.3).
    let privilegedExecute =
      !bit(descriptor, PTE_PXN_LSB) && (attributes & NO_PRIVILEGED_EXECUTE) === 0 && !userWrite;
    const pan =
      (config & WALK_PAN) !== 0 && (userData || ((config & WALK_EPAN) !== 0 && userExecute));
    if (wxn && userWrite) userExecute = false;
    if (wxn && !readOnly) privilegedExecute = false;

    let denied: u32 = 0;
    if (!userData) denied |= UNPRIVILEGED_READ;
    if (!userWrite) denied |= UNPRIVILEGED_WRITE;
    if (!userExecute) denied |= UNPRIVILEGED_EXECUTE;
    if (pan) denied |= PRIVILEGED_READ;
    if (pan || readOnly) denied |= PRIVILEGED_WRITE;
    if (!privilegedExecute) denied |= PRIVILEGED_EXECUTE;
    return denied;
  }

  /** Whether a write must first make the leaf dirty: DBM = 1 and AP[2] still 1 (D8.5.3). */
  isClean(descriptor: u64, config: u64): bool {
    return (config & WALK_HD) !== 0 && mayBeDirtied(descriptor) && (descriptor & AP_READ_ONLY) !== 0;
  }

  withDirty(descriptor: u64): u64 {
    return descriptor & ~AP_READ_ONLY;
  }

  /** Accesses that a clean leaf must send to the walk. */
  writes(): u32 {
    return ANY_WRITE;
  }

  isGlobal(descriptor: u64): bool {
    return !bit(descriptor, PTE_NG_LSB);
  }

  isDevice(descriptor: u64): bool {
    return false;
  }

  cache(): usize {
    return Arena.walkCache1;
  }

  cacheMask(): u32 {
    return Arena.walkCache1Mask;
  }

  hitCounter(): u32 {
    return CNT_WC1_HITS;
  }

  missCounter(): u32 {
    return CNT_WC1_MISSES;
  }

  fetchCounter(): u32 {
    return CNT_S1_FETCHES;
  }

  stage(): u32 {
    return 1;
  }
}
