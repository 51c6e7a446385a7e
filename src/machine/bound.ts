// Bound single calls: the requests of one endpoint as a function from address to address, for embedders that translate
// one access at a time. No objects, no columns; the core looks for the context anew each time, at a place that is the
// source's for good, so a bound function stays good across configuration changes, memory growth and reset.

import type { Core } from "../core/core.js";
import * as A from "../spec/abi/core.js";

/** Whose requests a bound function makes, and of which kind. */
export interface BoundSource {
  /** StreamID, 0..2^32-1. */
  stream: number;
  /** PASID (SubstreamID), 0..2^20-1; absent = the requests have none. */
  pasid?: number;
  /** Writes; default reads. */
  write?: boolean;
  /** Instruction fetches; a write is data whatever this says. */
  execute?: boolean;
  /** Privileged accesses. */
  privileged?: boolean;
}

/**
 * Translates one request: input address, an integer in 0..2^52-1, to PA; or negative: minus the status code that the batch
 * would have (-3 aborted, -2 RAZ/WI, -4 stalled, -(0x80 | event type), …), its fault being recorded then.
 * Throws RangeError for anything but such an address.
 */
export type BoundTranslate = (iova: number) => number;

/** The same for every address, 0..2^64-1. */
export type BoundTranslate64 = (iova: bigint) => bigint;

/**
 * Records the faults of one request. Takes their number and the status code that the core gave, and returns the one that
 * the request ends with.
 */
export type Settle = (faults: number, status: number) => number;

/* What the core's `single` answers in place of a PA (assembly/single.ts). */
export const WAITS = -2;
export const NO_ADDRESS = -3;

function unsigned(name: string, value: number, limit: number): number {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < 0 || value >= limit) {
    throw new RangeError(`"${name}" expected an integer in 0..${limit - 1}, got ${value}`);
  }
  return value;
}

interface EncodedSource {
  readonly stream: number;
  readonly pasid: number;
  readonly access: number;
}

/** The source as the columns hold it, as 32-bit integers. @throws TypeError, RangeError that name the field */
export function encodeSource(source: BoundSource): EncodedSource {
  const { pasid } = source;
  return {
    stream: unsigned("stream", source.stream, 2 ** 32) | 0,
    pasid: pasid === undefined ? 0 : unsigned("pasid", pasid, 2 ** 20) | A.PASID_VALID,
    access:
      (source.write ? A.ACCESS_WRITE : 0) |
      (source.execute ? A.ACCESS_EXECUTE : 0) |
      (source.privileged ? A.ACCESS_PRIVILEGED : 0),
  };
}

/**
 * The requests of a source by the core's exports for hits alone, which call nothing and need few arguments (12.3 to 8.5 ns
 * a call); `other` answers the rest.
 */
export function hitsFirst(
  { exports, plan }: Pick<Core, "exports" | "plan">,
  { stream, pasid, access }: EncodedSource,
  other: BoundTranslate,
): BoundTranslate {
  const { hit, hitHashed } = exports;
  const slot = exports.sourceSlot(stream, pasid);
  const denied = 1 << access;
  if (pasid === 0 && stream >>> 0 < plan.directStreams) {
    return (iova) => {
      const pa = hit(slot, denied, iova);
      return pa >= 0 ? pa : other(iova);
    };
  }
  return (iova) => {
    const pa = hitHashed(slot, denied, iova, stream, pasid);
    return pa >= 0 ? pa : other(iova);
  };
}
