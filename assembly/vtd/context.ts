// A context as VT-d makes it: mode, FPD of the entries it came from, the domain-id, and what translation requests of
// its endpoint need to know.

import { CONTEXT_SIZE } from "../../src/spec/abi/core";
import { Arena } from "../mem/arena";
import { CTX_FLAGS, CTX_PASID, dropContext, isInUse, newContext, VENDOR_FLAGS_SHIFT } from "../tlb/contexts";
import { Disable } from "./structures";

/** Flag of a context: its faults are not recorded. */
const FLAG_FPD: u32 = 1 << 3;
/** Its endpoint may use a device-TLB: DTE, or TT = 01. */
const FLAG_DEVICE_TLB: u32 = 1 << 4;
/** PGSNP: accesses to its translations are snooped whatever the endpoint asks for. */
const FLAG_PAGE_SNOOP: u32 = 1 << 5;
/** No access override (../tlb/contexts.ts). */
const NO_OVERRIDE: u32 = 0x0700;

/** The context that is being decoded. */
export class Making {
  /** It is for a translation request or translated access, which DTE = 0 or TT other than 01 blocks. */
  static needsDeviceTlb: bool = false;
  static deviceTlb: bool = false;
  static pageSnoop: bool = false;
}

/** A new context of this mode and domain for (source-id, PASID word). */
export function withMode(stream: u32, pasid: u32, mode: u32, did: u32): usize {
  const context = newContext(stream, pasid);
  const fpd: u32 = Disable.fpd ? FLAG_FPD : 0;
  const deviceTlb: u32 = Making.deviceTlb ? FLAG_DEVICE_TLB : 0;
  const snoop: u32 = Making.pageSnoop ? FLAG_PAGE_SNOOP : 0;
  store<u32>(context + CTX_FLAGS, mode | fpd | deviceTlb | snoop | NO_OVERRIDE | (did << VENDOR_FLAGS_SHIFT));
  return context;
}

/** Whether the endpoint may use a device-TLB. */
export function hasDeviceTlb(context: usize): bool {
  return (load<u32>(context + CTX_FLAGS) & FLAG_DEVICE_TLB) !== 0;
}

/** PGSNP of its PASID entry. */
export function hasPageSnoop(context: usize): bool {
  return (load<u32>(context + CTX_FLAGS) & FLAG_PAGE_SNOOP) !== 0;
}

/** Whether faults of this context are recorded. */
export function isRecorded(context: usize): bool {
  return (load<u32>(context + CTX_FLAGS) & FLAG_FPD) === 0;
}

/**
 * Forgets the contexts of domain `did`, with `pasid` or, for -1, with any; -1 in place of `did` is any domain. Those
 * without PASID go with every PASID: which one they use is not kept.
 */
export function dropDomain(did: i32, pasid: i32): void {
  for (let n: u32 = 0; n < Arena.contextCount; ++n) {
    const context = Arena.contexts + <usize>n * CONTEXT_SIZE;
    if (!isInUse(context)) continue;
    if (did >= 0 && load<u32>(context + CTX_FLAGS) >> VENDOR_FLAGS_SHIFT !== <u32>did) continue;
    const word = load<u32>(context + CTX_PASID);
    if (pasid >= 0 && word !== 0 && (word & 0xfffff) !== <u32>pasid) continue;
    dropContext(context);
  }
}
