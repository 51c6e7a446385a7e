// The core's fault records read into faults as the hardware face and users see them.

import type { ArenaView } from "../core/core.js";
import type { FaultRecords } from "../machine/fault-list.js";
import type { TranslateRequest } from "../machine/translation.js";
import * as A from "../spec/abi/core.js";
import { eventName, FAULT_CLASSES, type SmmuFault } from "./events.js";

/** The `n`-th fault of a batch; `recorded` says whether the core asks for a record. */
export function readFault({ faults, u8, u32, u64 }: FaultRecords, n: number): SmmuFault {
  const at = faults + n * A.FAULT_SIZE;
  const type = u8[at + A.FAULT_TYPE] ?? 0;
  const flags = u8[at + A.FAULT_FLAGS] ?? 0;
  const access = u8[at + A.FAULT_ACCESS] ?? 0;
  const pasid = u32[(at + A.FAULT_PASID) / 4] ?? 0;
  const fault: SmmuFault = {
    index: u32[(at + A.FAULT_INDEX) / 4] ?? 0,
    type,
    name: eventName(type),
    stream: u32[(at + A.FAULT_STREAM) / 4] ?? 0,
    iova: u64[(at + A.FAULT_IOVA) / 8] ?? 0n,
    write: (access & A.ACCESS_WRITE) !== 0,
    execute: (access & A.ACCESS_EXECUTE) !== 0,
    privileged: (access & A.ACCESS_PRIVILEGED) !== 0,
    stage2: (flags & A.FAULT_FLAG_STAGE2) !== 0,
    class: FAULT_CLASSES[u8[at + A.FAULT_CLASS] ?? A.CLASS_IN] ?? "IN",
    tableWrite: (flags & (A.FAULT_FLAG_STAGE2 | A.FAULT_FLAG_TTRNW)) === A.FAULT_FLAG_STAGE2,
    ipa: u64[(at + A.FAULT_IPA) / 8] ?? 0n,
    fetchAddress: u64[(at + A.FAULT_FETCH_ADDRESS) / 8] ?? 0n,
    recorded: (flags & A.FAULT_FLAG_RECORD) !== 0,
  };
  if (pasid >= A.PASID_VALID) fault.pasid = pasid % 0x100000;
  return fault;
}

/** The request behind a fault of the batch just run, with the access that it asked for before the STE's overrides. */
export function requestOf(core: ArenaView, { index, stream, pasid, iova }: SmmuFault): TranslateRequest {
  const access = core.u8[core.part(A.HDR_ACCESS) + index] ?? 0;
  return {
    stream,
    ...(pasid !== undefined && { pasid }),
    iova,
    write: (access & A.ACCESS_WRITE) !== 0,
    execute: (access & A.ACCESS_EXECUTE) !== 0,
    privileged: (access & A.ACCESS_PRIVILEGED) !== 0,
  };
}

/** Ends in an abort what the core answered with a stall: nobody can hold it. */
export function refuseStall(core: ArenaView, { index, type }: SmmuFault): void {
  core.u8[core.part(A.HDR_STATUS) + index] = A.STATUS_FAULT | type;
}
