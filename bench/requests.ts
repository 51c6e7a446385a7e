// Request columns: the structure of arrays that both sides of the benchmark read, filled before any timing.
// The layout is that of the batch columns of the model (u64 columns with a second view as lo, hi pairs).

/** A list of DMA requests as columns. */
export interface Requests {
  readonly count: number;
  readonly stream: Uint32Array;
  /** SubstreamID with bit 31 = valid; 0 = no SubstreamID. */
  readonly pasid: Uint32Array;
  readonly iova: BigUint64Array;
  /** The bytes of `iova` as pairs lo, hi. */
  readonly iova32: Uint32Array;
  /** 1 write, 2 execute, 4 privileged. */
  readonly access: Uint8Array;
}

/** The answers of a yardstick as columns; the small fields share a word, so that an answer is three stores. */
export interface Answers {
  readonly pa: BigUint64Array;
  /** The bytes of `pa` as pairs lo, hi. */
  readonly pa32: Uint32Array;
  /** Status (as in the model's column), leafLg2 << 8, descriptor reads << 16. */
  readonly info: Int32Array;
}

/**
 * Makes empty request columns.
 *
 * @param count number of requests, 1..2^26
 * @returns columns of zeros
 */
export function newRequests(count: number): Requests {
  const iova = new BigUint64Array(count);
  return {
    count,
    stream: new Uint32Array(count),
    pasid: new Uint32Array(count),
    iova,
    iova32: new Uint32Array(iova.buffer),
    access: new Uint8Array(count),
  };
}

/**
 * Makes empty answer columns.
 *
 * @param count number of requests, 1..2^26
 * @returns columns of zeros
 */
export function newAnswers(count: number): Answers {
  const pa = new BigUint64Array(count);
  return { pa, pa32: new Uint32Array(pa.buffer), info: new Int32Array(count) };
}
