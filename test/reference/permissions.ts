// What a leaf permits (DDI 0487 D8.4.1.2 stage 1 direct permissions, D8.4.2.1 stage 2 direct permissions,
// D8.5.2 dirty state). UWXN is ignored for VMSAv8-64 (IHI 0070 5.4). StreamWorld EL1: two privilege levels.

import type { Features } from "./features.js";
import type { Access } from "./outcome.js";
import { bitOf, bitsOf, type Structure } from "./structure.js";

/** What Table descriptors above a leaf took away (Tables D8-64 and XNTable rules). */
export interface Hierarchy {
  noUnprivileged: boolean;
  noWrite: boolean;
  uxn: boolean;
  pxn: boolean;
}

export const NO_HIERARCHY: Hierarchy = { noUnprivileged: false, noWrite: false, uxn: false, pxn: false };

export function addTable(above: Hierarchy, descriptor: bigint): Hierarchy {
  return {
    noUnprivileged: above.noUnprivileged || bitOf(descriptor, 61),
    noWrite: above.noWrite || bitOf(descriptor, 62),
    uxn: above.uxn || bitOf(descriptor, 60),
    pxn: above.pxn || bitOf(descriptor, 59),
  };
}

export interface Verdict {
  allowed: boolean;
  /** The access is a permitted write through a writable-clean descriptor: hardware makes it writable-dirty. */
  dirties: boolean;
}

/** CD.{HD,HA} and STE.{S2HD,S2HA}: dirty state needs both (HD alone behaves as neither). */
export const dirtyManaged = (ha: boolean, hd: boolean): boolean => ha && hd;

export function stage1Verdict(
  cd: Structure,
  features: Features,
  descriptor: bigint,
  above: Hierarchy,
  access: Access,
): Verdict {
  const clean = bitOf(descriptor, 7) && bitOf(descriptor, 51) && dirtyManaged(cd.bit(43), cd.bit(42));
  // Table D8-63 with AP[2] of a writable-clean descriptor taken as 0, then Table D8-64.
  const writable = (!bitOf(descriptor, 7) || clean) && !above.noWrite;
  const unprivileged = bitOf(descriptor, 6) && !above.noUnprivileged;
  const privRead = true;
  const privWrite = writable;
  const unprivRead = unprivileged;
  const unprivWrite = unprivileged && writable;
  // Execution: PXN/UXN, unprivileged-writable is never privileged-executable (VWLLR), WXN (FYMXJ, SYMMB).
  const wxn = cd.bit(36);
  const unprivExecute = !bitOf(descriptor, 54) && !above.uxn && !(wxn && unprivWrite);
  const privExecute = !bitOf(descriptor, 53) && !above.pxn && !unprivWrite && !(wxn && privWrite);
  if (access.execute) return { allowed: access.privileged ? privExecute : unprivExecute, dirties: false };
  let allowed: boolean;
  if (access.privileged) {
    allowed = access.write ? privWrite : privRead;
    // PAN: no privileged data access where unprivileged access is permitted; EPAN: nor where it may execute.
    const epan = features.epan && cd.bit(123);
    if (cd.bit(40) && (unprivRead || unprivWrite || (epan && unprivExecute))) allowed = false;
  } else {
    allowed = access.write ? unprivWrite : unprivRead;
  }
  return { allowed, dirties: allowed && access.write && clean };
}

/** Device memory at stage 2 (DDI 0487 D8.6; with FWB the encoding is MemAttr[2:0] and bit 2 clear is Device). */
function isDevice(ste: Structure, features: Features, descriptor: bigint): boolean {
  if (features.fwb && ste.bit(89)) return !bitOf(descriptor, 4);
  return bitsOf(descriptor, 5, 4) === 0n;
}

/** `table`: the access is a fetch or update of a stage 1 descriptor or a fetch of a CD, subject to S2PTW. */
export function stage2Verdict(
  ste: Structure,
  features: Features,
  descriptor: bigint,
  access: Access,
  table: boolean,
): Verdict {
  if (table && ste.bit(182) && isDevice(ste, features, descriptor)) return { allowed: false, dirties: false };
  if (access.execute) {
    // Tables D8-77 and D8-78.
    const xn = bitsOf(descriptor, 54, 53);
    const never = bitOf(descriptor, 54);
    const allowed = features.xnx ? xn === 0n || xn === (access.privileged ? 3n : 1n) : !never;
    return { allowed, dirties: false };
  }
  if (!access.write) return { allowed: bitOf(descriptor, 6), dirties: false };
  const clean = !bitOf(descriptor, 7) && bitOf(descriptor, 51) && dirtyManaged(ste.bit(184), ste.bit(183));
  return { allowed: bitOf(descriptor, 7) || clean, dirties: clean };
}
