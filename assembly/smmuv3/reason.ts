// Reasons to refuse a request that only SMMUv3 has, and the event type of every reason (IHI 0070 7.3).
// One table; test/spec walks every code.

import {
  EVT_C_BAD_CD,
  EVT_C_BAD_STE,
  EVT_C_BAD_STREAMID,
  EVT_C_BAD_SUBSTREAMID,
  EVT_F_ACCESS,
  EVT_F_ADDR_SIZE,
  EVT_F_CD_FETCH,
  EVT_F_PERMISSION,
  EVT_F_STE_FETCH,
  EVT_F_STREAM_DISABLED,
  EVT_F_TRANSLATION,
  EVT_F_WALK_EABT,
} from "../../src/spec/smmuv3/events";
import {
  REASON_ACCESS,
  REASON_ADDRESS_SIZE,
  REASON_EXTERNAL_ABORT,
  REASON_PERMISSION,
  REASON_TRANSLATION,
  REASON_VENDOR,
} from "../pt/state";

export const REASON_BAD_STREAMID: u32 = REASON_VENDOR;
export const REASON_STE_FETCH: u32 = REASON_VENDOR + 1;
export const REASON_BAD_STE: u32 = REASON_VENDOR + 2;
export const REASON_STREAM_DISABLED: u32 = REASON_VENDOR + 3;
export const REASON_BAD_SUBSTREAMID: u32 = REASON_VENDOR + 4;
export const REASON_CD_FETCH: u32 = REASON_VENDOR + 5;
export const REASON_BAD_CD: u32 = REASON_VENDOR + 6;

export function eventOf(reason: u32): u32 {
  switch (reason) {
    case REASON_EXTERNAL_ABORT:
      return EVT_F_WALK_EABT;
    case REASON_TRANSLATION:
      return EVT_F_TRANSLATION;
    case REASON_ADDRESS_SIZE:
      return EVT_F_ADDR_SIZE;
    case REASON_ACCESS:
      return EVT_F_ACCESS;
    case REASON_PERMISSION:
      return EVT_F_PERMISSION;
    case REASON_BAD_STREAMID:
      return EVT_C_BAD_STREAMID;
    case REASON_STE_FETCH:
      return EVT_F_STE_FETCH;
    case REASON_BAD_STE:
      return EVT_C_BAD_STE;
    case REASON_STREAM_DISABLED:
      return EVT_F_STREAM_DISABLED;
    case REASON_BAD_SUBSTREAMID:
      return EVT_C_BAD_SUBSTREAMID;
    case REASON_CD_FETCH:
      return EVT_F_CD_FETCH;
    default:
      return EVT_C_BAD_CD;
  }
}

/** Whether CD.R/A (stage 1) or STE.S2R (stage 2) govern how a fault of this reason ends (IHI 0070 5.5). */
export function isGoverned(reason: u32): bool {
  return reason >= REASON_TRANSLATION && reason <= REASON_PERMISSION;
}
