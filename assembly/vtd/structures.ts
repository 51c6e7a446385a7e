// Finding the structures of a source-id: root entry, context entry, PASID directory entry, PASID table entry (Rev
// 5.10, 3.4, 9.1 to 9.6), each with the faults of being unreadable, not present, reserved. All of them lie in host
// physical memory; none is ever nested. FPD counts from the entry it was read in, present or not.

import { CNT_CD_FETCHES, CNT_STE_FETCHES } from "../../src/spec/abi/core";
import {
  TRACE_CONTEXT_ENTRY,
  TRACE_PASID_DIRECTORY_ENTRY,
  TRACE_PASID_ENTRY,
  TRACE_ROOT_ENTRY,
  TRACE_SCALABLE_CONTEXT_ENTRY,
  TRACE_SCALABLE_ROOT_ENTRY,
} from "../../src/spec/abi/trace";
import {
  CE_FPD_LSB,
  CE_P_LSB,
  SCE_DTE_LSB,
  SCE_FPD_LSB,
  SCE_P_LSB,
  SCE_PASIDDIRPTR_LSB,
  SCE_PASIDE_LSB,
  SCE_PRE_LSB,
  SCE_RID_PASID_MSB,
  SCE_RID_PRIV_LSB,
  SCE_RID_PRIV_MSB,
} from "../../src/spec/vtd/context-entry";
import {
  FR_CONTEXT_ACCESS,
  FR_CONTEXT_NOT_PRESENT,
  FR_CONTEXT_RESERVED,
  FR_DIRECTORY_ACCESS,
  FR_DIRECTORY_NOT_PRESENT,
  FR_DIRECTORY_RESERVED,
  FR_LEGACY_CONTEXT_ACCESS,
  FR_LEGACY_CONTEXT_NOT_PRESENT,
  FR_LEGACY_ROOT_ACCESS,
  FR_LEGACY_ROOT_NOT_PRESENT,
  FR_LEGACY_ROOT_RESERVED,
  FR_PASID_ACCESS,
  FR_ROOT_ACCESS,
  FR_ROOT_NOT_PRESENT,
  FR_ROOT_RESERVED,
} from "../../src/spec/vtd/faults";
import { PDE_FPD_LSB, PDE_P_LSB, PDE_SMPTBLPTR_LSB } from "../../src/spec/vtd/pasid-entry";
import {
  ECAP_DT_LSB,
  ECAP_PASID_LSB,
  ECAP_PRS_LSB,
  ECAP_RPS_LSB,
  ECAP_SRS_LSB,
} from "../../src/spec/vtd/registers";
import { RE_CTP_LSB, RE_P_LSB, SRE_LP_LSB } from "../../src/spec/vtd/root-entry";
import { below, bit, ones } from "../lib/bits";
import { traceStructure } from "../lib/trace";
import { count } from "../mem/arena";
import { Bus, hostOf } from "../mem/physical";
import { Fault, REASON_MISSING } from "../pt/state";
import { ecap, isBeyondHost, rootTable } from "./features";
import { raise } from "./reason";

/** Fault processing disable of the entries read so far. */
export class Disable {
  static fpd: bool = false;

  /** Notes the FPD bit of `entry`. */
  static note(entry: usize, lsb: u32): void {
    if (bit(load<u64>(entry), lsb)) Disable.fpd = true;
  }
}

/** Linear offset of the structure at `address`; 0 with the fault `code` raised, which no FPD keeps from being recorded. */
function fetch(kind: u32, address: u64, code: u32, counter: u32): usize {
  const host = hostOf(address);
  if (host === 0) {
    if (Bus.missing) {
      Fault.raise(REASON_MISSING);
    } else {
      Disable.fpd = false;
      raise(code);
    }
    return 0;
  }
  count(counter);
  traceStructure(kind, address, host);
  return host;
}

function refuse(code: u32): usize {
  raise(code);
  return 0;
}

/** Whether the doubleword of a root or directory entry has reserved bits set: low ones, or address bits too high. */
function hasReserved(word: u64, lowest: u32): bool {
  return (word & below(12) & ~below(lowest)) !== 0 || isBeyondHost(word);
}

/** The legacy context entry of `sid`; 0 with the fault raised. */
export function legacyContext(sid: u32): usize {
  const root = fetch(
    TRACE_ROOT_ENTRY,
    rootTable() + ((<u64>sid >> 8) << 4),
    FR_LEGACY_ROOT_ACCESS,
    CNT_STE_FETCHES,
  );
  if (root === 0) return 0;
  const word = load<u64>(root);
  if (!bit(word, RE_P_LSB)) return refuse(FR_LEGACY_ROOT_NOT_PRESENT);
  if (hasReserved(word, 1) || load<u64>(root, 8) !== 0) return refuse(FR_LEGACY_ROOT_RESERVED);
  const table = word & ~below(RE_CTP_LSB);
  const entry = fetch(
    TRACE_CONTEXT_ENTRY,
    table + ((<u64>sid & 0xff) << 4),
    FR_LEGACY_CONTEXT_ACCESS,
    CNT_STE_FETCHES,
  );
  if (entry === 0) return 0;
  Disable.note(entry, CE_FPD_LSB);
  return bit(load<u64>(entry), CE_P_LSB) ? entry : refuse(FR_LEGACY_CONTEXT_NOT_PRESENT);
}

/** The scalable-mode context entry of `sid`; 0 with the fault raised. */
export function scalableContext(sid: u32): usize {
  const root = fetch(
    TRACE_SCALABLE_ROOT_ENTRY,
    rootTable() + ((<u64>sid >> 8) << 4),
    FR_ROOT_ACCESS,
    CNT_STE_FETCHES,
  );
  if (root === 0) return 0;
  // The half of the entry that serves this device-function: both halves have the same fields.
  const word = load<u64>(root + (<usize>(sid >> 4) & 8));
  if (!bit(word, SRE_LP_LSB)) return refuse(FR_ROOT_NOT_PRESENT);
  if (hasReserved(word, 1)) return refuse(FR_ROOT_RESERVED);
  const table = word & ~below(RE_CTP_LSB);
  const entry = fetch(
    TRACE_SCALABLE_CONTEXT_ENTRY,
    table + ((<u64>sid & 0x7f) << 5),
    FR_CONTEXT_ACCESS,
    CNT_STE_FETCHES,
  );
  if (entry === 0) return 0;
  Disable.note(entry, SCE_FPD_LSB);
  const low = load<u64>(entry);
  if (!bit(low, SCE_P_LSB)) return refuse(FR_CONTEXT_NOT_PRESENT);
  return hasReservedContext(entry) ? refuse(FR_CONTEXT_RESERVED) : entry;
}

/** Reserved bits of a scalable-mode context entry, and fields of what is not there (9.4). */
function hasReservedContext(entry: usize): bool {
  const low = load<u64>(entry);
  const high = load<u64>(entry, 8);
  // Host permission tables are absent, so bits 5 and 6 are reserved as 7 and 8 are.
  if ((low & 0x1e0) !== 0 || isBeyondHost(low) || high >> (SCE_RID_PRIV_MSB - 63) !== 0) return true;
  if ((load<u64>(entry, 16) | load<u64>(entry, 24)) !== 0) return true;
  if (bit(low, SCE_DTE_LSB) && !ecap(ECAP_DT_LSB)) return true;
  if (bit(low, SCE_PASIDE_LSB) && !ecap(ECAP_PASID_LSB)) return true;
  if (bit(low, SCE_PRE_LSB) && !ecap(ECAP_PRS_LSB)) return true;
  if ((high & ones(SCE_RID_PASID_MSB - 63)) !== 0 && !ecap(ECAP_RPS_LSB)) return true;
  return bit(high, SCE_RID_PRIV_LSB - 64) && !ecap(ECAP_SRS_LSB);
}

/** The PASID table entry of `pasid` below the context entry `context`, not yet looked at; 0 with the fault raised. */
export function pasidEntry(context: usize, pasid: u32): usize {
  const directory = load<u64>(context) & ~below(SCE_PASIDDIRPTR_LSB);
  const slot = fetch(
    TRACE_PASID_DIRECTORY_ENTRY,
    directory + ((<u64>pasid >> 6) << 3),
    FR_DIRECTORY_ACCESS,
    CNT_CD_FETCHES,
  );
  if (slot === 0) return 0;
  Disable.note(slot, PDE_FPD_LSB);
  const word = load<u64>(slot);
  if (!bit(word, PDE_P_LSB)) return refuse(FR_DIRECTORY_NOT_PRESENT);
  if (hasReserved(word, 2)) return refuse(FR_DIRECTORY_RESERVED);
  const table = word & ~below(PDE_SMPTBLPTR_LSB);
  return fetch(TRACE_PASID_ENTRY, table + ((<u64>pasid & 0x3f) << 6), FR_PASID_ACCESS, CNT_CD_FETCHES);
}
