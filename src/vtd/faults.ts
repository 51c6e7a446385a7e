// Faults of requests: their names, and the core's fault records read into faults as users see them.
// Source of the codes: Intel VT-d Rev 5.10, section 7.1.3. Names are those of src/spec/vtd/faults.ts.

import type { FaultRecords } from "../machine/fault-list.js";
import * as A from "../spec/abi/core.js";
import * as F from "../spec/vtd/faults.js";

/** A request that a rule of the architecture stopped, whether or not it was recorded. */
export interface VtdFault {
  /** Index of the request in its batch. */
  index: number;
  /** Fault reason code, 0x1..0x91. */
  reason: number;
  /** Name of the reason, such as "FS_NOT_PRESENT". */
  name: string;
  /** Source-id. */
  stream: number;
  /** PASID, absent when the request had none. */
  pasid?: number;
  /** Input address, 64 bits. */
  iova: bigint;
  /** True for a write. */
  write: boolean;
  /** True for an instruction fetch. */
  execute: boolean;
  /** True for a request with supervisor privilege. */
  privileged: boolean;
  /** Address type (AT) of a request that was not an untranslated one. */
  addressType?: "translation" | "translated";
  /**
   * True when it is in a fault recording register; false when FPD keeps it out, there was no room, or it has only kept a
   * translation request from getting rights.
   */
  recorded: boolean;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(F).map(([constant, code]) => [code, constant.slice("FR_".length)]),
);

/**
 * Names a fault reason.
 *
 * @param reason fault reason code, 0..255
 * @returns the name, or "FAULT_0x…" for a code that the model never gives
 *
 * Source: Rev 5.10, 7.1.3.
 */
export function vtdFaultName(reason: number): string {
  return NAMES.get(reason) ?? `FAULT_0x${reason.toString(16)}`;
}

/** The `n`-th fault of the last batch; `recorded` says whether it is to be recorded. */
export function readFault({ faults, u8, u32, u64 }: FaultRecords, n: number): VtdFault {
  const at = faults + n * A.FAULT_SIZE;
  const reason = u8[at + A.FAULT_TYPE] ?? 0;
  const access = u8[at + A.FAULT_ACCESS] ?? 0;
  const pasid = u32[(at + A.FAULT_PASID) / 4] ?? 0;
  const fault: VtdFault = {
    index: u32[(at + A.FAULT_INDEX) / 4] ?? 0,
    reason,
    name: vtdFaultName(reason),
    stream: u32[(at + A.FAULT_STREAM) / 4] ?? 0,
    iova: u64[(at + A.FAULT_IOVA) / 8] ?? 0n,
    write: (access & A.ACCESS_WRITE) !== 0,
    execute: (access & A.ACCESS_EXECUTE) !== 0,
    privileged: (access & A.ACCESS_PRIVILEGED) !== 0,
    recorded: ((u8[at + A.FAULT_FLAGS] ?? 0) & A.FAULT_FLAG_RECORD) !== 0,
  };
  if (pasid >= A.PASID_VALID) fault.pasid = pasid % 0x100000;
  const flags = u8[at + A.FAULT_FLAGS] ?? 0;
  if ((flags & A.FAULT_FLAG_TRANSLATION) !== 0) fault.addressType = "translation";
  if ((flags & A.FAULT_FLAG_TRANSLATED) !== 0) fault.addressType = "translated";
  return fault;
}
