// Tables in physical memory: where a walk finds descriptors that nothing below translates (walk.ts).

import { Bus, hostOf, markDirty } from "../mem/physical";
import { Fault, REASON_EXTERNAL_ABORT, REASON_MISSING } from "./state";

/** Tables in physical memory: the next stage of stage 2, and of stage 1 alone. */
export class PhysicalTables {
  /** Linear offset of the descriptor at `address`, or 0 with the fault raised. */
  locate(space: usize, address: u64): usize {
    const host = hostOf(address);
    if (host === 0) {
      Fault.raiseFetch(Bus.missing ? REASON_MISSING : REASON_EXTERNAL_ABORT, address);
    }
    return host;
  }

  /** As locate, for an update of the descriptor. */
  locateForUpdate(space: usize, address: u64): usize {
    const host = this.locate(space, address);
    if (host !== 0) markDirty(address);
    return host;
  }
}
