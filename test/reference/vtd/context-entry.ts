// Context entries of both modes (VT-d 9.3, 9.4), and the PASID that a request uses.
//
//   legacy, 128 bits     0 P, 1 FPD, 3:2 TT, 11:4 reserved, 63:12 SSPTPTR, 66:64 AW, 70:67 ignored, 71 reserved,
//                        87:72 DID, 127:88 reserved
//   scalable, 256 bits   0 P, 1 FPD, 2 DTE, 3 PASIDE, 4 PRE, 8:5 reserved, 11:9 PDTS, 63:12 PASIDDIRPTR,
//                        83:64 RID_PASID, 84 RID_PRIV, 255:85 reserved
// Fields of what the capabilities do not have are reserved. Not modelled: HPTE and EPTR (reserved here).

import { exceeds, Structure } from "../structure.js";
import type { Capabilities } from "./capabilities.js";
import { type Fault, fault } from "./fault-reason.js";
import type { Purpose } from "./outcome.js";
import type { TableLookup } from "./table-lookup.js";

function fetchContext(lookup: TableLookup, address: bigint, count: number): Structure | Fault {
  const words = lookup.read({ what: "CONTEXT", level: 0, address }, count);
  if (words === undefined) return fault("contextFetch");
  const entry = new Structure(words);
  lookup.faultsDisabled ||= entry.bit(1);
  return entry.bit(0) ? entry : fault("contextAbsent");
}

/** Bits [63:haw] of an address field's doubleword. */
const aboveHost = (entry: Structure, word: number, { haw }: Capabilities): boolean =>
  exceeds(entry.field(64 * word + 63, 64 * word), haw);

export interface LegacyContext {
  kind: "second-stage" | "pass-through";
  aw: number;
  root: bigint;
}

/** 9.3: present, reserved bits, then the translation type; the width is checked by who uses it. */
export function legacyContext(lookup: TableLookup, address: bigint): LegacyContext | Fault {
  const entry = fetchContext(lookup, address, 2);
  if (!(entry instanceof Structure)) return entry;
  const { capabilities } = lookup;
  if (
    entry.field(11, 4) !== 0n ||
    entry.bit(71) ||
    entry.field(127, 88) !== 0n ||
    aboveHost(entry, 0, capabilities)
  ) {
    return fault("contextReserved");
  }
  const tt = entry.number(3, 2);
  const known = [true, capabilities.deviceTlb, capabilities.passThrough, false];
  if (!known[tt]) return fault("contextInvalid");
  return {
    kind: tt === 2 ? "pass-through" : "second-stage",
    aw: entry.number(66, 64),
    root: entry.field(63, 12) << 12n,
  };
}

function scalableReserved(entry: Structure, capabilities: Capabilities): boolean {
  return (
    entry.field(8, 5) !== 0n ||
    aboveHost(entry, 0, capabilities) ||
    entry.field(127, 85) !== 0n ||
    entry.field(191, 128) !== 0n ||
    entry.field(255, 192) !== 0n ||
    (entry.bit(2) && !capabilities.deviceTlb) ||
    (entry.bit(3) && !capabilities.pasid) ||
    (entry.bit(4) && !capabilities.pageRequests) ||
    (entry.field(83, 64) !== 0n && !capabilities.ridPasid) ||
    (entry.bit(84) && !capabilities.supervisorRequests)
  );
}

/** The directory has 2^(PDTS+7) entries for 64 PASIDs each. */
const beyondDirectory = (entry: Structure, pasid: number): boolean =>
  pasid >> (entry.number(11, 9) + 13) !== 0;

/** 9.4: present, reserved bits, then illegal settings. */
export function scalableContext(lookup: TableLookup, address: bigint): Structure | Fault {
  const entry = fetchContext(lookup, address, 4);
  if (!(entry instanceof Structure)) return entry;
  if (scalableReserved(entry, lookup.capabilities)) return fault("contextReserved");
  // Page requests need a device-TLB; RID_PASID must be in the directory.
  if (entry.bit(4) && !entry.bit(2)) return fault("contextInvalid");
  if (beyondDirectory(entry, entry.number(83, 64))) return fault("contextInvalid");
  return entry;
}

/** The PASID that selects the PASID entry: the request's own, or RID_PASID (3.4.3). */
export function selectPasid(
  context: Structure,
  { pasidBits }: Capabilities,
  pasid: number | undefined,
  purpose: Purpose,
): number | Fault {
  if (purpose === "page" && !context.bit(4)) return fault("pageRequestDisabled");
  const ridPasid = context.number(83, 64);
  if (pasid === undefined) return ridPasid;
  if (!context.bit(3)) return fault("pasidDisabled");
  if (pasid >> pasidBits !== 0) return fault("pasidTooWide");
  if (beyondDirectory(context, pasid)) return fault("pasidBeyondDirectory");
  return pasid === ridPasid ? fault("pasidIsRidPasid") : pasid;
}
