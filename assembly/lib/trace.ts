// Walk records for explain and debugging. Only the trace build keeps them (asc --use NI_TRACE=1): a
// ring of 32-byte records in linear memory, oldest overwritten. In every other build the call vanishes.
//
//  0 stage u8 | 1 level i8 | 2 source u8 (0 memory, 1 walk cache) | 3 class u8 | 4 request u32
//  8 address u64 (as the stage sees it) | 16 descriptor u64 | 24 host u32 | 28 reserved

import { Arena } from "../mem/arena";

export class Trace {
  /** Records written since creation; the ring holds the newest. */
  static written: u32 = 0;
  static request: u32 = 0;
}

/** Notes one descriptor read. */
export function traceFetch(
  stage: u32,
  level: i32,
  cached: bool,
  class_: u32,
  address: u64,
  descriptor: u64,
  host: usize,
): void {
  if (isDefined(NI_TRACE)) {
    if (Arena.traceRing === 0) return;
    const at = Arena.traceRing + ((<usize>(Trace.written & Arena.traceMask)) << 5);
    Trace.written += 1;
    store<u8>(at, <u8>stage);
    store<i8>(at, <i8>level, 1);
    store<u8>(at, <u8>cached, 2);
    store<u8>(at, <u8>class_, 3);
    store<u32>(at, Trace.request, 4);
    store<u64>(at, address, 8);
    store<u64>(at, descriptor, 16);
    store<u32>(at, <u32>host, 24);
  }
}
