// Address translation services (PCIe ATS) between an endpoint and a machine, vendor-neutral: translation requests and
// their completions, and the invalidations that a machine sends to the endpoint's cache (ATC).
// Source: Arm IHI 0070 G.b, sections 3.9.1, 4.5.1 and 13.7; Intel VT-d Rev 5.10, sections 4.2 and 6.5.2.5.
// Not modelled: requests for several translations at once, the TE and XT bits, CXL.io.

import * as A from "../spec/abi/core.js";

/** A translation request of an endpoint: for reads, and for more where it says so. */
export interface TranslationRequest {
  /** StreamID, or source-id of VT-d, 0..2^32-1. */
  stream: number;
  /** PASID (SubstreamID), 0..2^20-1; absent = the request has none. */
  pasid?: number;
  /** Untranslated address, 0..2^64-1; any byte of the page. */
  iova: bigint;
  /** The endpoint means to write (No-Write flag clear); default read-only. */
  write?: boolean;
  /** Execute permission wanted; counts with a PASID only. */
  execute?: boolean;
  /** Asked for in privileged mode; counts with a PASID only. */
  privileged?: boolean;
}

/** The translation completion that the endpoint gets. */
export interface TranslationCompletion {
  /** Completion status: Success (with or without rights), Unsupported Request (UR) or Completer Abort (CA). */
  result: "success" | "unsupported" | "abort";
  /** First byte of the translated range; 0 unless `read` or `write`. */
  pa: bigint;
  /** Log2 of the range that the completion is for, both sides aligned to it, at least 12; 0 unless "success". */
  sizeLg2: number;
  /** The endpoint may read. */
  read: boolean;
  /** It may write. */
  write: boolean;
  /** It may execute. */
  execute: boolean;
  /** The rights are those of privileged mode, as asked. */
  privileged: boolean;
  /** U: the range may be accessed with untranslated requests only. */
  untranslatedOnly: boolean;
  /** N: accesses to the range must not be snooped. */
  noSnoop: boolean;
}

/** An invalidation request to an endpoint's ATC. */
export interface AtcInvalidation {
  /** StreamID, or source-id of VT-d, of the endpoint. */
  stream: number;
  /** PASID of the translations that go; absent = those without. */
  pasid?: number;
  /** With a PASID: those of every PASID go. */
  global: boolean;
  /** First untranslated address, aligned to the size. */
  iova: bigint;
  /** Log2 of the range, 12..64; 64 = every address. */
  sizeLg2: number;
}

/**
 * What an endpoint does with an invalidation: carries it out, refuses it (Unsupported Request), or says nothing until the
 * time is out.
 */
export type AtcResponse = "completed" | "unsupported" | "timed-out";

/** Takes invalidations for the endpoints behind a machine. */
export type AtcHandler = (invalidation: AtcInvalidation) => AtcResponse;

const RESULTS = ["success", "unsupported", "abort"] as const;

/**
 * Reads a completion out of the columns of `runAts`.
 *
 * @param status its status column
 * @param pa its pa column
 * @param sizeLg2 its leafLg2 column
 */
export function readCompletion(status: number, pa: bigint, sizeLg2: number): TranslationCompletion {
  const has = (bit: number): boolean => (status & bit) !== 0;
  return {
    result: RESULTS[status & A.ATS_RESULT_MASK] ?? "abort",
    pa,
    sizeLg2,
    read: has(A.ATS_READ),
    write: has(A.ATS_WRITE),
    execute: has(A.ATS_EXECUTE),
    privileged: has(A.ATS_PRIVILEGED),
    untranslatedOnly: has(A.ATS_UNTRANSLATED_ONLY),
    noSnoop: has(A.ATS_NO_SNOOP),
  };
}

/**
 * Hands an invalidation to whoever takes them.
 *
 * @param handler the embedding program's; without one no endpoint has an ATC
 * @throws TypeError when it answers none of the three
 */
export function sendAtcInvalidation(
  handler: AtcHandler | undefined,
  invalidation: AtcInvalidation,
): AtcResponse {
  const response = handler ? handler(invalidation) : "completed";
  if (response !== "completed" && response !== "unsupported" && response !== "timed-out") {
    const expected = `"completed", "unsupported" or "timed-out"`;
    throw new TypeError(`"onAtcInvalidation" expected to return ${expected}, got ${String(response)}`);
  }
  return response;
}
