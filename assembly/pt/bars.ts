// Accesses to which tables are closed whatever they say: unprivileged ones with E0PD (IHI 0070 5.4), supervisor
// requests without SRE and instruction fetches (VT-d Rev 5.10, 3.6.1). Known from the walk configuration alone.

import { WALK_BAR_EXECUTE, WALK_BAR_PRIVILEGED, WALK_E0PD } from "./config";
import { Fault, REASON_BAR_EXECUTE, REASON_BAR_PRIVILEGED, REASON_TRANSLATION } from "./state";

/* Access codes: every unprivileged one, every privileged one, every instruction fetch (a write is data). */
const UNPRIVILEGED: u32 = 0x0f;
const PRIVILEGED: u32 = 0xf0;
const FETCHES: u32 = 0x44;
const BARS: u64 = WALK_E0PD | WALK_BAR_PRIVILEGED | WALK_BAR_EXECUTE;

/** Accesses to which tables with this walk configuration are closed. */
export function neverOf(config: u64): u32 {
  if ((config & BARS) === 0) return 0;
  return (
    ((config & WALK_E0PD) !== 0 ? UNPRIVILEGED : 0) |
    ((config & WALK_BAR_PRIVILEGED) !== 0 ? PRIVILEGED : 0) |
    ((config & WALK_BAR_EXECUTE) !== 0 ? FETCHES : 0)
  );
}

/** Whether the tables are closed to `access`; then with the Fault raised. */
export function isBarred(config: u64, access: u32): bool {
  if (((neverOf(config) >> access) & 1) === 0) return false;
  // E0PD looks like an address that is not mapped (IHI 0070 5.4).
  if ((config & WALK_E0PD) !== 0) Fault.raise(REASON_TRANSLATION);
  else if ((config & WALK_BAR_EXECUTE) !== 0 && ((FETCHES >> access) & 1) !== 0)
    Fault.raise(REASON_BAR_EXECUTE);
  else Fault.raise(REASON_BAR_PRIVILEGED);
  return true;
}
