// The fault records of a batch: what the core tells TypeScript about a request that ended in a fault. The
// layout is src/spec/abi/core.ts's; which type a reason has, and whether it is recorded, is a vendor's business.

import {
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
} from "../src/spec/abi/core";
import { Arena, count } from "./mem/arena";
import { Fault } from "./pt/state";

/** Writes the Fault as the `at`-th record of the batch and counts it. */
export function recordFault(
  at: u32,
  index: u32,
  type: u32,
  stream: u32,
  pasid: u32,
  iova: u64,
  access: u32,
  recorded: bool,
): void {
  const fault = Arena.faults + <usize>at * FAULT_SIZE;
  store<u32>(fault + FAULT_INDEX, index);
  store<u8>(fault + FAULT_TYPE, <u8>type);
  store<u8>(
    fault + FAULT_FLAGS,
    <u8>(
      ((Fault.stage2 ? FAULT_FLAG_STAGE2 : 0) |
        (Fault.tableRead ? FAULT_FLAG_TTRNW : 0) |
        (recorded ? FAULT_FLAG_RECORD : 0))
    ),
  );
  store<u8>(fault + FAULT_CLASS, <u8>Fault.class);
  store<u8>(fault + FAULT_ACCESS, <u8>access);
  store<u32>(fault + FAULT_STREAM, stream);
  store<u32>(fault + FAULT_PASID, pasid);
  store<u64>(fault + FAULT_IOVA, iova);
  store<u64>(fault + FAULT_IPA, Fault.ipa);
  store<u64>(fault + FAULT_FETCH_ADDRESS, Fault.fetchAddress);
  count(CNT_FAULTED);
  count(CNT_FAULT_TYPES + (type << 3));
}
