// The registers of a walk in progress: what it found (Leaf) or why it stopped (Fault). One instance
// runs one walk at a time, so these are globals of the instance and cost no memory traffic.

import { CLASS_IN } from "../../src/spec/abi/core";
import { LastField } from "../lib/bits";

/** Reasons a format's walk can give; a vendor maps them to its own records. */
export const REASON_NONE: u32 = 0;
export const REASON_EXTERNAL_ABORT: u32 = 1;
export const REASON_TRANSLATION: u32 = 2;
export const REASON_ADDRESS_SIZE: u32 = 3;
export const REASON_ACCESS: u32 = 4;
export const REASON_PERMISSION: u32 = 5;
/** An external frame is missing: not a fault, the request is repeated once the embedder has filled it. */
export const REASON_MISSING: u32 = 6;
/** A reserved bit of a present descriptor is set (VT-d). */
export const REASON_RESERVED: u32 = 7;
/** A flag of a descriptor would have to be set where that is not possible (VT-d). */
export const REASON_UPDATE_REFUSED: u32 = 8;
/** The tables are closed to privileged requests, or to instruction fetches (VT-d). */
export const REASON_BAR_PRIVILEGED: u32 = 9;
export const REASON_BAR_EXECUTE: u32 = 10;
/** First of the reasons that belong to one vendor alone. */
export const REASON_VENDOR: u32 = 16;

/** Why the request stops. */
export class Fault {
  static reason: u32 = REASON_NONE;
  static stage2: bool = false;
  /** CLASS_CD, CLASS_TT or CLASS_IN: what was being translated. */
  static class: u32 = CLASS_IN;
  static ipa: u64 = 0;
  static fetchAddress: u64 = 0;
  /** Whether the failing access to a table was a read (a fetch) rather than an update. */
  static tableRead: bool = false;
  /** Whether the fetch that failed was of the walk's first table. */
  static root: bool = false;
  /** Of a permission fault: all accesses that the walk forbids. */
  static deny: u32 = 0;

  /** Starts a fault of `reason` with the defaults of a stage-1 fault on data; false, to return it. */
  static raise(reason: u32): bool {
    if (isDefined(NI_TRACE)) LastField.atFault = LastField.bits;
    Fault.reason = reason;
    Fault.stage2 = false;
    Fault.class = CLASS_IN;
    Fault.ipa = 0;
    Fault.fetchAddress = 0;
    Fault.tableRead = false;
    Fault.root = false;
    return false;
  }

  /** A fetch from `address` that the bus refused. */
  static raiseFetch(reason: u32, address: u64): void {
    Fault.raise(reason);
    Fault.fetchAddress = address;
  }
}

/** What the last successful walk or stage-2 lookup found. */
export class Leaf {
  /** Output address of the input address itself. */
  static output: u64 = 0;
  /** Log2 of what one TLB entry may cover (a whole contiguous run). */
  static lg2: u32 = 0;
  /** Log2 of what the one descriptor maps. */
  static descriptorLg2: u32 = 0;
  /** Accesses (bit = access code) that must not be answered from a cache. */
  static deny: u32 = 0;
  static global: bool = false;
  static device: bool = false;
  /** What the format says of the memory type, up to 12 bits; both stages' together. */
  static attributes: u32 = 0;
}

/** Bookkeeping of the request in progress. */
export class Request {
  static fetches: u32 = 0;
  /** A walk cache or the stage-2 TLB helped. */
  static cached: bool = false;
  /** The IOTLB answered. */
  static hit: bool = false;

  /** Notes that `n` plain pages answered (plain.ts); true, to return it. */
  static plain(n: u32): bool {
    Request.fetches += n;
    Request.cached = true;
    return true;
  }

  static begin(): void {
    Request.fetches = 0;
    Request.cached = false;
    Request.hit = false;
  }
}
