// Walk records for explain and debugging. Only the trace build keeps them (asc --use NI_TRACE=1): a ring of records
// in linear memory, oldest overwritten (src/spec/abi/trace.ts). In every other build the calls vanish.

import {
  TRACE_ADDRESS,
  TRACE_ATTRIBUTES,
  TRACE_CACHED,
  TRACE_CLASS,
  TRACE_CONFIG,
  TRACE_DENIED,
  TRACE_DESCRIPTOR,
  TRACE_HOST,
  TRACE_INPUT,
  TRACE_JUDGED,
  TRACE_KIND,
  TRACE_LEVEL,
  TRACE_LG2,
  TRACE_PA,
  TRACE_REQUEST,
  TRACE_SHIFT,
} from "../../src/spec/abi/trace";
import { Arena } from "../mem/arena";
import { Bus } from "../mem/physical";

export class Trace {
  /** Records written since creation; the ring holds the newest. */
  static written: u32 = 0;
  static request: u32 = 0;
}

/** Where the next record goes; 0 without a ring. */
function nextRecord(): usize {
  if (Arena.traceRing === 0) return 0;
  const at = Arena.traceRing + ((<usize>(Trace.written & Arena.traceMask)) << TRACE_LG2);
  Trace.written += 1;
  memory.fill(at, 0, 1 << TRACE_LG2);
  return at;
}

/** Notes one descriptor read on the way of `input`; `attributes` is what the tables above take away. */
export function traceFetch(
  stage: u32,
  level: i32,
  cached: bool,
  class_: u32,
  address: u64,
  descriptor: u64,
  host: usize,
  input: u64,
  shift: u32,
  attributes: u32,
  config: u64,
): void {
  if (isDefined(NI_TRACE)) {
    const at = nextRecord();
    if (at === 0) return;
    store<u8>(at, <u8>stage, TRACE_KIND);
    store<i8>(at, <i8>level, TRACE_LEVEL);
    store<u8>(at, <u8>cached, TRACE_CACHED);
    store<u8>(at, <u8>class_, TRACE_CLASS);
    store<u32>(at, Trace.request, TRACE_REQUEST);
    store<u64>(at, address, TRACE_ADDRESS);
    store<u64>(at, descriptor, TRACE_DESCRIPTOR);
    store<u32>(at, <u32>host, TRACE_HOST);
    store<u64>(at, Bus.lastPa, TRACE_PA);
    store<u32>(at, attributes, TRACE_ATTRIBUTES);
    store<u64>(at, input, TRACE_INPUT);
    store<u64>(at, config, TRACE_CONFIG);
    store<u32>(at, shift, TRACE_SHIFT);
  }
}

/** Notes what the leaf read last, with the tables above it, forbids. */
export function traceDenied(denied: u32): void {
  if (isDefined(NI_TRACE)) {
    if (Arena.traceRing === 0) return;
    const at = Arena.traceRing + ((<usize>((Trace.written - 1) & Arena.traceMask)) << TRACE_LG2);
    store<u8>(at, <u8>denied, TRACE_DENIED);
    store<u8>(at, 1, TRACE_JUDGED);
  }
}

/** Notes that the configuration structure of `kind` at `address` is read. */
export function traceStructure(kind: u32, address: u64, host: usize): void {
  if (isDefined(NI_TRACE)) {
    const at = nextRecord();
    if (at === 0) return;
    store<u8>(at, <u8>kind, TRACE_KIND);
    store<u32>(at, Trace.request, TRACE_REQUEST);
    store<u64>(at, address, TRACE_ADDRESS);
    store<u64>(at, load<u64>(host), TRACE_DESCRIPTOR);
    store<u32>(at, <u32>host, TRACE_HOST);
    store<u64>(at, Bus.lastPa, TRACE_PA);
  }
}
