// Why a VT-d request stops: the fault reason code of every reason (Rev 5.10, 7.1.3). Configuration faults carry their
// code from the start; those of a walk get it here, by stage, mode and what was being read.

import { CLASS_TT } from "../../src/spec/abi/core";
import {
  FR_FS_ACCESS,
  FR_FS_NESTED_READ,
  FR_FS_NESTED_ROOT_READ,
  FR_FS_NESTED_TOO_WIDE,
  FR_FS_NESTED_UPDATE,
  FR_FS_NOT_PRESENT,
  FR_FS_RESERVED,
  FR_FS_ROOT_ACCESS,
  FR_FS_UPDATE_NOT_SNOOPED,
  FR_LEGACY_CONTEXT_INVALID,
  FR_LEGACY_PAGING_ACCESS,
  FR_LEGACY_PAGING_RESERVED,
  FR_LEGACY_READ,
  FR_LEGACY_WRITE,
  FR_PASID_NO_EXECUTE,
  FR_PASID_NO_SUPERVISOR,
  FR_READ,
  FR_SS_ACCESS,
  FR_SS_NOT_PRESENT,
  FR_SS_RESERVED,
  FR_SS_ROOT_ACCESS,
  FR_SS_UPDATE_NOT_SNOOPED,
  FR_USER_PRIVILEGE,
  FR_WRITE,
} from "../../src/spec/vtd/faults";
import {
  Fault,
  REASON_ADDRESS_SIZE,
  REASON_BAR_EXECUTE,
  REASON_BAR_PRIVILEGED,
  REASON_EXTERNAL_ABORT,
  REASON_RESERVED,
  REASON_TRANSLATION,
  REASON_UPDATE_REFUSED,
} from "../pt/state";

/** Reasons from here on are a fault reason code and this. */
const CODED: u32 = 256;
/** Every access that writes, every one that does not. */
const WRITES: u32 = 0xaa;

/** Raises the fault with reason code `code`; false, to return it. */
export function raise(code: u32): bool {
  return Fault.raise(CODED + code);
}

/** The fault reason code of the Fault for an access of code `access`. */
export function codeOf(access: u32, legacy: bool): u32 {
  if (Fault.reason >= CODED) return Fault.reason - CODED;
  if (Fault.reason === REASON_BAR_PRIVILEGED) return FR_PASID_NO_SUPERVISOR;
  if (Fault.reason === REASON_BAR_EXECUTE) return FR_PASID_NO_EXECUTE;
  if (legacy) return legacyCode(access);
  return Fault.stage2 ? secondStageCode(access) : firstStageCode(access);
}

function legacyCode(access: u32): u32 {
  switch (Fault.reason) {
    case REASON_EXTERNAL_ABORT:
      return Fault.root ? FR_LEGACY_CONTEXT_INVALID : FR_LEGACY_PAGING_ACCESS;
    case REASON_RESERVED:
      return FR_LEGACY_PAGING_RESERVED;
    default:
      return (access & 1) !== 0 ? FR_LEGACY_WRITE : FR_LEGACY_READ;
  }
}

function firstStageCode(access: u32): u32 {
  switch (Fault.reason) {
    case REASON_EXTERNAL_ABORT:
      return Fault.root ? FR_FS_ROOT_ACCESS : FR_FS_ACCESS;
    case REASON_TRANSLATION:
      return FR_FS_NOT_PRESENT;
    case REASON_ADDRESS_SIZE:
      return FR_FS_NESTED_TOO_WIDE;
    case REASON_RESERVED:
      return FR_FS_RESERVED;
    case REASON_UPDATE_REFUSED:
      return FR_FS_UPDATE_NOT_SNOOPED;
    default:
      // Not even reads: a page of the supervisor's.
      return (Fault.deny & (access < 4 ? 1 : 0x10)) !== 0 ? FR_USER_PRIVILEGE : FR_WRITE;
  }
}

function secondStageCode(access: u32): u32 {
  switch (Fault.reason) {
    case REASON_EXTERNAL_ABORT:
      return Fault.root ? FR_SS_ROOT_ACCESS : FR_SS_ACCESS;
    case REASON_TRANSLATION:
      return FR_SS_NOT_PRESENT;
    case REASON_RESERVED:
      return FR_SS_RESERVED;
    case REASON_UPDATE_REFUSED:
      return FR_SS_UPDATE_NOT_SNOOPED;
    default:
      // No permission remains at all: as if nothing were there.
      if ((Fault.deny & 3) === 3) return FR_SS_NOT_PRESENT;
      if (Fault.class === CLASS_TT) return tableCode();
      return ((WRITES >> access) & 1) !== 0 ? FR_WRITE : FR_READ;
  }
}

/** The second stage lets a first-stage table not be read, or its flags not be set (3.8). */
function tableCode(): u32 {
  if (!Fault.tableRead) return FR_FS_NESTED_UPDATE;
  return Fault.root ? FR_FS_NESTED_ROOT_READ : FR_FS_NESTED_READ;
}
