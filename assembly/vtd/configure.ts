// Source-id and PASID to a context (Rev 5.10, 3.4): legacy mode through root and context entry, scalable mode through
// root, context, PASID directory and PASID entry. Requests without PASID use RID_PASID and RID_PRIV.
// Tags: domain-id in the place of VMID, PASID in the place of ASID.

import { CNT_CONFIG_MISSES, PASID_VALID } from "../../src/spec/abi/core";
import {
  SCE_DTE_LSB,
  SCE_PASIDE_LSB,
  SCE_PDTS_LSB,
  SCE_PDTS_MSB,
  SCE_PRE_LSB,
  SCE_RID_PASID_LSB,
  SCE_RID_PASID_MSB,
  SCE_RID_PRIV_LSB,
} from "../../src/spec/vtd/context-entry";
import {
  FR_ABORT_MODE,
  FR_CONTEXT_INVALID,
  FR_CONTEXT_NO_ATS,
  FR_CONTEXT_NO_PASID,
  FR_LEGACY_ROOT_NOT_PRESENT,
  FR_PASID_BEYOND_PSS,
  FR_PASID_IN_LEGACY,
  FR_PASID_IS_RID_PASID,
  FR_PASID_TOO_LARGE,
  FR_ROOT_NOT_PRESENT,
  FR_TTM,
} from "../../src/spec/vtd/faults";
import {
  ECAP_ADMS_LSB,
  ECAP_RPS_LSB,
  ECAP_SMTS_LSB,
  TTM_ABORT,
  TTM_LEGACY,
  TTM_SCALABLE,
} from "../../src/spec/vtd/registers";
import { bit, field } from "../lib/bits";
import { count } from "../mem/arena";
import { Making } from "./context";
import { ecap, pasidBits, tableMode } from "./features";
import { configureLegacy } from "./legacy";
import { configurePasid } from "./pasid";
import { raise } from "./reason";
import { Disable, pasidEntry, scalableContext } from "./structures";

function refuse(code: u32): usize {
  raise(code);
  return 0;
}

/** Decodes the configuration of (source-id, PASID word) into a new context; 0 with the Fault raised. */
export function configure(stream: u32, pasid: u32): usize {
  count(CNT_CONFIG_MISSES);
  Disable.fpd = false;
  const mode = tableMode();
  const hasPasid = (pasid & PASID_VALID) !== 0;
  // A source-id has 16 bits: others have no root entry.
  if (stream >> 16 !== 0) {
    return refuse(mode === TTM_LEGACY ? FR_LEGACY_ROOT_NOT_PRESENT : FR_ROOT_NOT_PRESENT);
  }
  if (mode === TTM_LEGACY) {
    return hasPasid ? refuse(FR_PASID_IN_LEGACY) : configureLegacy(stream);
  }
  return isScalable() ? configureScalable(stream, pasid, hasPasid) : 0;
}

/** Whether tables are those of scalable mode; with the Fault raised for a mode that has none. */
export function isScalable(): bool {
  const mode = tableMode();
  if (mode === TTM_SCALABLE && ecap(ECAP_SMTS_LSB)) return true;
  return raise(mode === TTM_ABORT && ecap(ECAP_ADMS_LSB) ? FR_ABORT_MODE : FR_TTM);
}

/** RID_PASID of a context entry: what requests without PASID use. */
export function ridPasidOf(context: usize): u32 {
  return ecap(ECAP_RPS_LSB) ? <u32>field(context, SCE_RID_PASID_MSB, SCE_RID_PASID_LSB) : 0;
}

/** Whether a PASID is beyond the directory of a context entry. */
export function isBeyondDirectory(context: usize, pasid: u32): bool {
  return pasid >> (<u32>field(context, SCE_PDTS_MSB, SCE_PDTS_LSB) + 13) !== 0;
}

/** Whether the fields of a context entry go together; the Fault raised if not. */
export function isConsistent(context: usize): bool {
  const low = load<u64>(context);
  const contradicts = bit(low, SCE_PRE_LSB) && !bit(low, SCE_DTE_LSB);
  if (!contradicts && !isBeyondDirectory(context, ridPasidOf(context))) return true;
  return raise(FR_CONTEXT_INVALID);
}

/** Whether a context entry may be used by the request that it was fetched for; the Fault raised if not (0x43, 0x44). */
export function isServed(context: usize): bool {
  if (!isConsistent(context)) return false;
  Making.deviceTlb = bit(load<u64>(context), SCE_DTE_LSB);
  return Making.deviceTlb || !Making.needsDeviceTlb ? true : raise(FR_CONTEXT_NO_ATS);
}

function configureScalable(stream: u32, word: u32, hasPasid: bool): usize {
  const context = scalableContext(stream);
  if (context === 0 || !isServed(context)) return 0;
  const ridPasid = ridPasidOf(context);
  let pasid = ridPasid;
  if (hasPasid) {
    pasid = word & 0xfffff;
    if (!bit(load<u64>(context), SCE_PASIDE_LSB)) return refuse(FR_CONTEXT_NO_PASID);
    if (pasid >> pasidBits() !== 0) return refuse(FR_PASID_BEYOND_PSS);
    if (isBeyondDirectory(context, pasid)) return refuse(FR_PASID_TOO_LARGE);
    if (pasid === ridPasid) return refuse(FR_PASID_IS_RID_PASID);
  }
  const entry = pasidEntry(context, pasid);
  if (entry === 0) return 0;
  const supervisor = !hasPasid && bit(load<u64>(context, 8), SCE_RID_PRIV_LSB - 64);
  return configurePasid(stream, word, pasid, entry, hasPasid, supervisor);
}
