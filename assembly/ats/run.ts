// Translation requests and accesses with translated addresses (PCIe ATS), by rows of the batch: beside the loops of
// ordinary requests (../batch.ts), which know nothing of them. A row is answered by the vendor (../dispatch.ts); here its
// columns, its fault record and its counts are written.

import {
  ATS_ABORT,
  ATS_REQUEST,
  ATS_SUCCESS,
  CNT_ABORTED,
  CNT_ATS_ABORTED,
  CNT_ATS_DENIED,
  CNT_ATS_GRANTED,
  CNT_ATS_TRANSLATED,
  CNT_ATS_UNSUPPORTED,
  CNT_NOT_LOOKED_UP,
  CNT_REQUESTS,
  STATUS_BYPASSED,
} from "../../src/spec/abi/core";
import { answerTranslationRequest, passTranslated } from "../dispatch";
import { Trace } from "../lib/trace";
import { Arena, count } from "../mem/arena";
import { recordFault } from "../outcome";
import { Leaf, Request } from "../pt/state";
import { Faults, sourceOf, Waiting } from "../request";
import { dropContexts, pasidOf } from "../tlb/contexts";
import { Completion, FaultRecord, MUST_WAIT } from "./completion";

/** Answers rows first..last-1 as `kind` (ATS_REQUEST, ATS_TRANSLATED) says; returns the row it stopped at. */
export function runAts(kind: u32, first: u32, last: u32): u32 {
  for (let i = first; i < last; ++i) {
    if (!Arena.configCacheOn) dropContexts(0, 0xffffffff, -1);
    const stream = load<u32>(Arena.stream + ((<usize>i) << 2));
    const pasid = pasidOf(load<u32>(Arena.pasid + ((<usize>i) << 2)));
    const given = load<u64>(Arena.iova + ((<usize>i) << 3));
    // A translation request names a page.
    const address = kind === ATS_REQUEST ? given & ~(<u64>0xfff) : given;
    const access = <u32>load<u8>(Arena.access + i) & 7;
    Request.begin();
    Waiting.save();
    Completion.begin();
    FaultRecord.begin(access, pasid);
    if (isDefined(NI_TRACE)) Trace.request = i;
    const answered =
      kind === ATS_REQUEST
        ? complete(i, stream, pasid, address, access)
        : pass(i, stream, pasid, address, access);
    if (!answered) {
      Waiting.restore(Completion.configured);
      return i;
    }
    if (!Completion.lookedUp) count(CNT_NOT_LOOKED_UP);
    if (FaultRecord.wanted) appendRecord(i, stream, address);
    count(CNT_REQUESTS);
  }
  return last;
}

/** One translation request; false when it must wait. */
function complete(i: u32, stream: u32, pasid: u32, iova: u64, access: u32): bool {
  if (!answerTranslationRequest(stream, pasid, iova, access)) return false;
  const usable = Completion.isUsable();
  if (!usable && !FaultRecord.wanted) count(CNT_ABORTED);
  count(counterOf(Completion.result, usable));
  writeColumns(i, Completion.output, Completion.result | Completion.grants, Completion.lg2);
  return true;
}

function counterOf(result: u32, usable: bool): u32 {
  if (result === ATS_SUCCESS) return usable ? CNT_ATS_GRANTED : CNT_ATS_DENIED;
  return result === ATS_ABORT ? CNT_ATS_ABORTED : CNT_ATS_UNSUPPORTED;
}

/** One access with a translated address; false when it must wait. */
function pass(i: u32, stream: u32, pasid: u32, address: u64, access: u32): bool {
  const status = passTranslated(stream, pasid, address, access);
  if (status === MUST_WAIT) return false;
  count(CNT_ATS_TRANSLATED);
  const ok = status <= <u32>STATUS_BYPASSED;
  writeColumns(i, ok ? Leaf.output : 0, status, ok ? Leaf.lg2 : 0);
  return true;
}

function writeColumns(i: u32, pa: u64, status: u32, lg2: u32): void {
  store<u64>(Arena.pa + ((<usize>i) << 3), pa);
  store<u8>(Arena.status + i, <u8>status);
  store<u8>(Arena.leafLg2 + i, <u8>lg2);
  store<u8>(Arena.fetches + i, <u8>min(Request.fetches, 255));
  store<u8>(Arena.source + i, <u8>sourceOf());
}

function appendRecord(i: u32, stream: u32, address: u64): void {
  recordFault(
    Faults.count,
    i,
    FaultRecord.type,
    stream,
    FaultRecord.pasid,
    address,
    FaultRecord.access,
    FaultRecord.recorded,
    FaultRecord.flags,
  );
  Faults.count += 1;
}
