// Stage-1 permissions of VMSAv8-64 (DDI 0487 D8.4) as a table: one byte of denied accesses for each
// combination of leaf bits, table attributes and regime controls. Filled once, at init, by the rules
// below; a walk only looks up. Access codes: 1 write, 2 execute, 4 privileged; a write is data whatever
// its execute bit says.

import { Arena } from "../../mem/arena";

/* Accumulated table attributes: APTable 1:0, UXNTable 2, PXNTable 3. */
const NO_UNPRIVILEGED: u32 = 1;
const NO_WRITE: u32 = 2;
const NO_UNPRIVILEGED_EXECUTE: u32 = 4;
const NO_PRIVILEGED_EXECUTE: u32 = 8;

/* Index: AP 1:0 | PXN 2 | UXN 3 | table attributes 7:4 | writable through DBM 8 | WXN 9 | PAN 10 | EPAN 11. */
const AP_USER: u32 = 1 << 0;
const AP_READ_ONLY: u32 = 1 << 1;
const PXN: u32 = 1 << 2;
const UXN: u32 = 1 << 3;
const ATTRIBUTES_SHIFT: u32 = 4;
const DIRTIABLE: u32 = 1 << 8;
const WXN: u32 = 1 << 9;
const PAN: u32 = 1 << 10;
const EPAN: u32 = 1 << 11;
const COMBINATIONS: u32 = 1 << 12;

const UNPRIVILEGED_READ: u32 = 0x01;
const UNPRIVILEGED_WRITE: u32 = 0x0a;
const UNPRIVILEGED_EXECUTE: u32 = 0x04;
const PRIVILEGED_READ: u32 = 0x10;
const PRIVILEGED_WRITE: u32 = 0xa0;
const PRIVILEGED_EXECUTE: u32 = 0x40;
/** Every access code that is a write. */
export const ANY_WRITE: u32 = UNPRIVILEGED_WRITE | PRIVILEGED_WRITE;

function rule(index: u32): u32 {
  const attributes = (index >> ATTRIBUTES_SHIFT) & 15;
  // With hardware dirty state a DBM leaf counts as writable; what APTable took away stays away (D8.5.3).
  const readOnly =
    ((index & AP_READ_ONLY) !== 0 && (index & DIRTIABLE) === 0) || (attributes & NO_WRITE) !== 0;
  const userData = (index & AP_USER) !== 0 && (attributes & NO_UNPRIVILEGED) === 0;
  const userWrite = userData && !readOnly;
  let userExecute = (index & UXN) === 0 && (attributes & NO_UNPRIVILEGED_EXECUTE) === 0;
  // What user code may write, privileged code never executes (D8.4.3).
  let privilegedExecute = (index & PXN) === 0 && (attributes & NO_PRIVILEGED_EXECUTE) === 0 && !userWrite;
  // PAN: no privileged data access where user code has access; EPAN counts execute as access.
  const pan = (index & PAN) !== 0 && (userData || ((index & EPAN) !== 0 && userExecute));
  if ((index & WXN) !== 0 && userWrite) userExecute = false;
  if ((index & WXN) !== 0 && !readOnly) privilegedExecute = false;

  let denied: u32 = 0;
  if (!userData) denied |= UNPRIVILEGED_READ;
  if (!userWrite) denied |= UNPRIVILEGED_WRITE;
  if (!userExecute) denied |= UNPRIVILEGED_EXECUTE;
  if (pan) denied |= PRIVILEGED_READ;
  if (pan || readOnly) denied |= PRIVILEGED_WRITE;
  if (!privilegedExecute) denied |= PRIVILEGED_EXECUTE;
  return denied;
}

/** Fills the table; part of init. */
export function fillPermissions(): void {
  for (let index: u32 = 0; index < COMBINATIONS; ++index)
    store<u8>(Arena.permissions + index, <u8>rule(index));
}

/** Bits 53 (PXN) and 54 (UXN) of a descriptor come down to 2 and 3; bits 7:6 (AP) to 1:0. */
const XN_SHIFT: u64 = 51;
const XN_MASK: u32 = 12;
const AP_SHIFT: u64 = 6;
const DIRTIABLE_SHIFT: u32 = 8;
/** WXN, PAN and EPAN are neighbours in the walk configuration too (config.ts bits 31:29). */
const REGIME_SHIFT: u64 = 20;
const REGIME_MASK: u32 = WXN | PAN | EPAN;

/** Where the table of a regime begins: for leaves that are writable through DBM (1), or others (0). */
export function regimeOf(config: u64, dirtiable: u32): u32 {
  return (
    <u32>Arena.permissions + ((dirtiable << DIRTIABLE_SHIFT) | (<u32>(config >> REGIME_SHIFT) & REGIME_MASK))
  );
}

/** Accesses that the leaf and the tables above it forbid. */
export function deniedByStage1(descriptor: u64, attributes: u32, regime: u32): u32 {
  const index =
    (<u32>(descriptor >> AP_SHIFT) & 3) |
    (<u32>(descriptor >> XN_SHIFT) & XN_MASK) |
    (attributes << ATTRIBUTES_SHIFT);
  return load<u8>(<usize>regime + index);
}
