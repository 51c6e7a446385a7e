// What a fault means to a translation request: the columns "translation request" of Table 30 (Rev 5.10, 7.1.3), by fault
// reason code. Untranslated and translated requests always end in Unsupported Request.

import { ATS_ABORT, ATS_SUCCESS, ATS_UNSUPPORTED } from "../../src/spec/abi/core";
import {
  FR_ABORT_MODE,
  FR_CONTEXT_ACCESS,
  FR_CONTEXT_INVALID,
  FR_CONTEXT_NO_ATS,
  FR_CONTEXT_NO_PASID,
  FR_CONTEXT_NOT_PRESENT,
  FR_CONTEXT_RESERVED,
  FR_DIRECTORY_ACCESS,
  FR_DIRECTORY_RESERVED,
  FR_INTERRUPT_RANGE,
  FR_LEGACY_BLOCKED,
  FR_LEGACY_CONTEXT_ACCESS,
  FR_LEGACY_CONTEXT_INVALID,
  FR_LEGACY_CONTEXT_NOT_PRESENT,
  FR_LEGACY_CONTEXT_RESERVED,
  FR_LEGACY_INTERRUPT_RANGE,
  FR_LEGACY_PAGING_ACCESS,
  FR_LEGACY_PAGING_RESERVED,
  FR_LEGACY_ROOT_ACCESS,
  FR_LEGACY_ROOT_NOT_PRESENT,
  FR_LEGACY_ROOT_RESERVED,
  FR_PASID_ACCESS,
  FR_PASID_BEYOND_PSS,
  FR_PASID_IN_LEGACY,
  FR_PASID_INVALID,
  FR_PASID_IS_RID_PASID,
  FR_PASID_RESERVED,
  FR_PASID_TOO_LARGE,
  FR_ROOT_ACCESS,
  FR_ROOT_NOT_PRESENT,
  FR_ROOT_RESERVED,
  FR_SS_ACCESS,
  FR_SS_RESERVED,
  FR_SS_ROOT_ACCESS,
  FR_SS_UPDATE_FAILED,
  FR_SS_UPDATE_NOT_SNOOPED,
  FR_TTM,
} from "../../src/spec/vtd/faults";

/** The completion status (ATS_*) of a translation request that meets the fault `code`; success is one without rights. */
export function resultOf(code: u32): u32 {
  switch (code) {
    // What software has not opened to the endpoint.
    case FR_LEGACY_ROOT_NOT_PRESENT:
    case FR_LEGACY_CONTEXT_NOT_PRESENT:
    case FR_LEGACY_BLOCKED:
    case FR_PASID_IN_LEGACY:
    case FR_ABORT_MODE:
    case FR_ROOT_NOT_PRESENT:
    case FR_CONTEXT_NOT_PRESENT:
    case FR_CONTEXT_NO_ATS:
    case FR_CONTEXT_NO_PASID:
    case FR_PASID_TOO_LARGE:
    case FR_PASID_IS_RID_PASID:
    case FR_PASID_BEYOND_PSS:
      return ATS_UNSUPPORTED;
    // What cannot be read, or is programmed wrongly, but for first-stage tables; outputs that mean interrupts.
    case FR_LEGACY_ROOT_ACCESS:
    case FR_LEGACY_ROOT_RESERVED:
    case FR_LEGACY_CONTEXT_ACCESS:
    case FR_LEGACY_CONTEXT_RESERVED:
    case FR_LEGACY_CONTEXT_INVALID:
    case FR_LEGACY_PAGING_ACCESS:
    case FR_LEGACY_PAGING_RESERVED:
    case FR_LEGACY_INTERRUPT_RANGE:
    case FR_TTM:
    case FR_ROOT_ACCESS:
    case FR_ROOT_RESERVED:
    case FR_CONTEXT_ACCESS:
    case FR_CONTEXT_RESERVED:
    case FR_CONTEXT_INVALID:
    case FR_DIRECTORY_ACCESS:
    case FR_DIRECTORY_RESERVED:
    case FR_PASID_ACCESS:
    case FR_PASID_RESERVED:
    case FR_PASID_INVALID:
    case FR_SS_ACCESS:
    case FR_SS_RESERVED:
    case FR_SS_ROOT_ACCESS:
    case FR_SS_UPDATE_NOT_SNOOPED:
    case FR_SS_UPDATE_FAILED:
    case FR_INTERRUPT_RANGE:
      return ATS_ABORT;
    // What the endpoint may ask for again once software has put it right.
    default:
      return ATS_SUCCESS;
  }
}
