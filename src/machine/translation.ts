// The convenience form of one request and its answer.

import * as A from "../spec/abi/core.js";

/** One DMA request. */
export interface TranslateRequest {
  /** StreamID, 0..2^32-1. */
  stream: number;
  /** PASID (SubstreamID), 0..2^20-1; absent = the request has none. */
  pasid?: number;
  /** Input address, 0..2^64-1. */
  iova: bigint;
  /** A write; default a read. */
  write?: boolean;
  /** An instruction fetch; a write is data whatever this says. */
  execute?: boolean;
  /** A privileged access. */
  privileged?: boolean;
}

/** The answer to one request. */
export interface TranslateAnswer {
  /** Whether the access may go on, to `pa`. */
  ok: boolean;
  /** How it ended; "stalled": it has not, the SMMU holds it (SMMUv3 alone). */
  status: "translated" | "bypassed" | "aborted" | "raz-wi" | "stalled";
  /** Physical address; 0 unless `ok`. */
  pa: bigint;
  /** Log2 of the page, block or run that answered (the smaller of both stages); 0 unless translated. */
  leafLg2: number;
  /** Table descriptors read, at most 255. */
  fetches: number;
  /** What answered: decoded configuration alone, the IOTLB, a walk with the help of caches, an uncached walk. */
  source: "config" | "iotlb" | "walk-cache" | "walk";
}

const SOURCES = ["config", "iotlb", "walk-cache", "walk"] as const;

/** Name of a source code of the batch's `source` column. */
export function sourceName(code: number): TranslateAnswer["source"] {
  return SOURCES[code] ?? "walk";
}

/** Name of a status code of the batch's `status` column. */
export function statusName(code: number): TranslateAnswer["status"] {
  if (code === A.STATUS_TRANSLATED) return "translated";
  if (code === A.STATUS_BYPASSED) return "bypassed";
  if (code === A.STATUS_STALLED) return "stalled";
  return code === A.STATUS_RAZ_WI ? "raz-wi" : "aborted";
}

function unsigned(name: string, value: number, limit: number): number {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < 0 || value >= limit) {
    throw new RangeError(`"${name}" expected an integer in 0..${limit - 1}, got ${value}`);
  }
  return value;
}

/** The request as the columns hold it. @throws TypeError, RangeError that name the field */
export function encodeRequest(request: TranslateRequest): {
  stream: number;
  pasid: number;
  iova: bigint;
  access: number;
} {
  const { iova } = request;
  if (typeof iova !== "bigint")
    throw new TypeError(`"iova" expected bigint in 0..2^64-1, got ${typeof iova}`);
  if (iova < 0n || iova >> 64n !== 0n) throw new RangeError(`"iova" expected 0..2^64-1, got ${iova}`);
  return {
    stream: unsigned("stream", request.stream, 2 ** 32),
    pasid: request.pasid === undefined ? 0 : unsigned("pasid", request.pasid, 2 ** 20) + A.PASID_VALID,
    iova,
    access:
      (request.write ? A.ACCESS_WRITE : 0) |
      (request.execute ? A.ACCESS_EXECUTE : 0) |
      (request.privileged ? A.ACCESS_PRIVILEGED : 0),
  };
}
