// The convenience form of one request and its answer.

import * as A from "../spec/abi/core.js";
import { type BoundSource, encodeSource } from "./bound.js";

/** One DMA request. */
export interface TranslateRequest extends BoundSource {
  /** Input address, 0..2^64-1. */
  iova: bigint;
  /** The address is one that a translation completion gave (PCIe ATS, address type "translated"). */
  translated?: boolean;
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

/** The request as the columns hold it. @throws TypeError, RangeError that name the field */
export function encodeRequest(request: TranslateRequest): {
  stream: number;
  pasid: number;
  iova: bigint;
  access: number;
  translated: boolean;
} {
  const { iova } = request;
  if (typeof iova !== "bigint")
    throw new TypeError(`"iova" expected bigint in 0..2^64-1, got ${typeof iova}`);
  if (iova < 0n || iova >> 64n !== 0n) throw new RangeError(`"iova" expected 0..2^64-1, got ${iova}`);
  const { stream, pasid, access } = encodeSource(request);
  return { stream, pasid, iova, access, translated: request.translated === true };
}
