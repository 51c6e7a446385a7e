// Legacy-mode context entries (Rev 5.10, 9.3): the second stage alone, or pass-through.

import {
  CE_AW_LSB,
  CE_AW_MSB,
  CE_DID_LSB,
  CE_DID_MSB,
  CE_SSPTPTR_LSB,
  CE_TT_ATS,
  CE_TT_LSB,
  CE_TT_MSB,
  CE_TT_PASS_THROUGH,
} from "../../src/spec/vtd/context-entry";
import {
  FR_LEGACY_BLOCKED,
  FR_LEGACY_CONTEXT_INVALID,
  FR_LEGACY_CONTEXT_RESERVED,
} from "../../src/spec/vtd/faults";
import { ECAP_DT_LSB, ECAP_PT_LSB } from "../../src/spec/vtd/registers";
import { below, field } from "../lib/bits";
import { WALK_NO_PASID } from "../pt/fmt/vtd";
import { MODE_BYPASS, MODE_STAGE2 } from "../tlb/contexts";
import { Making, withMode } from "./context";
import { ecap, isBeyondHost } from "./features";
import { raise } from "./reason";
import { acquireSecondStage, attachSecondStage, isWidthSupported } from "./second-stage";
import { legacyContext } from "./structures";

/** Bits 11:4 of the low doubleword; 71 and 127:88 of the high one. */
const RESERVED_LOW: u64 = 0xff0;
const RESERVED_HIGH: u64 = 0xffffffffff000080;

/** The context of `stream` in legacy mode; 0 with the Fault raised. */
export function configureLegacy(stream: u32): usize {
  const entry = legacyContext(stream);
  if (entry === 0) return 0;
  const low = load<u64>(entry);
  if ((low & RESERVED_LOW) !== 0 || (load<u64>(entry, 8) & RESERVED_HIGH) !== 0 || isBeyondHost(low)) {
    return refuse(FR_LEGACY_CONTEXT_RESERVED);
  }
  const type = <u32>field(entry, CE_TT_MSB, CE_TT_LSB);
  const width = <u32>field(entry, CE_AW_MSB, CE_AW_LSB);
  if (!isTypeSupported(type) || !isWidthSupported(width)) return refuse(FR_LEGACY_CONTEXT_INVALID);
  Making.deviceTlb = type === CE_TT_ATS;
  Making.pageSnoop = false;
  if (Making.needsDeviceTlb && !Making.deviceTlb) return refuse(FR_LEGACY_BLOCKED);
  const did = <u32>field(entry, CE_DID_MSB, CE_DID_LSB);
  if (type === CE_TT_PASS_THROUGH) return withMode(stream, 0, MODE_BYPASS, did);
  const root = low & ~below(CE_SSPTPTR_LSB);
  const space = acquireSecondStage(did, root, width, false, false, WALK_NO_PASID);
  const context = withMode(stream, 0, MODE_STAGE2, did);
  attachSecondStage(context, space, width);
  return context;
}

function refuse(code: u32): usize {
  raise(code);
  return 0;
}

function isTypeSupported(type: u32): bool {
  if (type === CE_TT_PASS_THROUGH) return ecap(ECAP_PT_LSB);
  if (type === CE_TT_ATS) return ecap(ECAP_DT_LSB);
  return type === 0;
}
