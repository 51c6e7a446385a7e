// How requests end without a table: passed as they are, or in a fault record, which tells TypeScript about it. The
// record's layout is src/spec/abi/core.ts's; which type a reason has, and whether it is recorded, is a vendor's business.

import {
  CNT_BYPASSED,
  CNT_FAULT_TYPES,
  CNT_FAULTED,
  FAULT_ACCESS,
  FAULT_CLASS,
  FAULT_FETCH_ADDRESS,
  FAULT_FLAG_RECORD,
  FAULT_FLAG_STAGE2,
  FAULT_FLAG_TTRNW,
  FAULT_FLAGS,
  FAULT_INDEX,
  FAULT_IOVA,
  FAULT_IPA,
  FAULT_PASID,
  FAULT_SIZE,
  FAULT_STREAM,
  FAULT_TYPE,
  STATUS_BYPASSED,
} from "../src/spec/abi/core";
import { Arena, count } from "./mem/arena";
import { Fault, Leaf } from "./pt/state";

/** In place of a status: no table covers the address. */
export const NO_TABLES: u32 = 255;

/** Lets `iova` pass as it is; returns the status. */
export function bypass(iova: u64): u32 {
  count(CNT_BYPASSED);
  Leaf.output = iova;
  Leaf.lg2 = 0;
  return STATUS_BYPASSED;
}

/** Writes the Fault as the `at`-th record of the batch and counts it; `more` = flags that only one vendor has. */
export function recordFault(
  at: u32,
  index: u32,
  type: u32,
  stream: u32,
  pasid: u32,
  iova: u64,
  access: u32,
  recorded: bool,
  more: u32 = 0,
): void {
  writeFault(at, index, type, stream, pasid, iova, access, recorded, more);
  count(CNT_FAULTED);
  count(CNT_FAULT_TYPES + (type << 3));
}

/** The same for a fault that is no request's: nothing is counted. */
export function writeFault(
  at: u32,
  index: u32,
  type: u32,
  stream: u32,
  pasid: u32,
  iova: u64,
  access: u32,
  recorded: bool,
  more: u32,
): void {
  const fault = Arena.faults + <usize>at * FAULT_SIZE;
  store<u32>(fault + FAULT_INDEX, index);
  store<u8>(fault + FAULT_TYPE, <u8>type);
  store<u8>(
    fault + FAULT_FLAGS,
    <u8>(
      ((Fault.stage2 ? FAULT_FLAG_STAGE2 : 0) |
        (Fault.tableRead ? FAULT_FLAG_TTRNW : 0) |
        (recorded ? FAULT_FLAG_RECORD : 0) |
        more)
    ),
  );
  store<u8>(fault + FAULT_CLASS, <u8>Fault.class);
  store<u8>(fault + FAULT_ACCESS, <u8>access);
  store<u32>(fault + FAULT_STREAM, stream);
  store<u32>(fault + FAULT_PASID, pasid);
  store<u64>(fault + FAULT_IOVA, iova);
  store<u64>(fault + FAULT_IPA, Fault.ipa);
  store<u64>(fault + FAULT_FETCH_ADDRESS, Fault.fetchAddress);
}
