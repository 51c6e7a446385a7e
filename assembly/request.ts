// The general path of one request: everything that the probing loops (batch.ts) do not answer themselves.
// Writes all columns of the request and appends its fault record, if it ends in one.

import {
  CNT_CD_FETCHES,
  CNT_CONFIG_MISSES,
  CNT_NOT_LOOKED_UP,
  CNT_SAVED_SIZE,
  CNT_STE_FETCHES,
  SOURCE_CONFIG,
  SOURCE_IOTLB,
  SOURCE_WALK,
  SOURCE_WALK_CACHE,
  STATUS_BYPASSED,
  STATUS_FAULT,
} from "../src/spec/abi/core";
import {
  configure,
  effectiveAccess,
  endWithFault,
  isUntranslated,
  translateDisabled,
  withoutTables,
} from "./dispatch";
import { Trace } from "./lib/trace";
import { Arena, count } from "./mem/arena";
import { NO_TABLES } from "./outcome";
import { Fault, Leaf, REASON_MISSING, Request } from "./pt/state";
import { pasidOf } from "./tlb/contexts";
import { translateWith } from "./translate";

/** Fault records of the batch in progress. */
export class Faults {
  static count: u32 = 0;
}

/**
 * The counters before a request that may have to wait for an external frame: when it begins again, what it
 * counted is taken back. Configuration that it has read stays cached, and so stays counted.
 */
export class Waiting {
  static save(): void {
    if (Arena.hasExternal) memory.copy(Arena.savedCounters, Arena.counters, CNT_SAVED_SIZE);
  }

  static restore(configured: bool): void {
    Waiting.keep(CNT_STE_FETCHES);
    Waiting.keep(CNT_CD_FETCHES);
    if (configured) Waiting.keep(CNT_CONFIG_MISSES);
    memory.copy(Arena.counters, Arena.savedCounters, CNT_SAVED_SIZE);
  }

  static keep(counter: u32): void {
    store<u64>(Arena.savedCounters + counter, load<u64>(Arena.counters + counter));
  }
}

/** The general path of request `i`, whose context is `known` or not cached (0); false when it must wait. */
export function answer(i: u32, enabled: bool, known: usize): bool {
  const iova = load<u64>(Arena.iova + ((<usize>i) << 3));
  const asked = <u32>load<u8>(Arena.access + i) & 7;
  Request.begin();
  Waiting.save();
  if (isDefined(NI_TRACE)) Trace.request = i;

  let status: u32;
  let context = known;
  let access = asked;
  const pasid = load<u32>(Arena.pasid + ((<usize>i) << 2));
  if (enabled && !isUntranslated(pasid, iova)) {
    if (context === 0) context = configure(load<u32>(Arena.stream + ((<usize>i) << 2)), pasidOf(pasid));
    access = effectiveAccess(context, asked);
    status = context !== 0 ? translateWith(context, iova, access) : STATUS_FAULT;
    if (status === NO_TABLES) status = withoutTables(context, iova, access);
  } else {
    status = translateDisabled(iova);
  }
  let pa = Leaf.output;
  let lg2 = Leaf.lg2;
  if (status > <u32>STATUS_BYPASSED) {
    if (status === STATUS_FAULT) {
      if (Fault.reason === REASON_MISSING) {
        Waiting.restore(context !== 0);
        return false;
      }
      status = fault(i, iova, access, context);
    }
    pa = 0;
    lg2 = 0;
  }
  store<u64>(Arena.pa + ((<usize>i) << 3), pa);
  store<u8>(Arena.status + i, <u8>status);
  store<u8>(Arena.leafLg2 + i, <u8>lg2);
  store<u8>(Arena.fetches + i, <u8>min(Request.fetches, 255));
  store<u8>(Arena.source + i, <u8>sourceOf());
  return true;
}

/** Appends the fault record of request `i`; returns its status code. */
function fault(i: u32, iova: u64, access: u32, context: usize): u32 {
  if (context === 0) count(CNT_NOT_LOOKED_UP);
  const stream = load<u32>(Arena.stream + ((<usize>i) << 2));
  const pasid = pasidOf(load<u32>(Arena.pasid + ((<usize>i) << 2)));
  const status = endWithFault(Faults.count, i, stream, pasid, iova, access, context);
  Faults.count += 1;
  return status;
}

/** What answered the request in progress: a SOURCE_* code. */
export function sourceOf(): u32 {
  if (Request.cached) return SOURCE_WALK_CACHE;
  if (Request.hit) return SOURCE_IOTLB;
  return Request.fetches !== 0 ? SOURCE_WALK : SOURCE_CONFIG;
}
