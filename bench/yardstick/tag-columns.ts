// What invalidations name, as columns: the model's command and every yardstick take it from here.

/** Address spaces and addresses, one entry an invalidation. */
export interface TagColumns {
  readonly count: number;
  readonly vmid: Uint16Array;
  readonly asid: Uint16Array;
  readonly iova: BigUint64Array;
  /** The bytes of `iova` as pairs lo, hi. */
  readonly iova32: Uint32Array;
}

/**
 * Makes empty columns.
 *
 * @param count number of invalidations, 1..2^26
 * @returns columns of zeros
 */
export function newTagColumns(count: number): TagColumns {
  const iova = new BigUint64Array(count);
  return {
    count,
    vmid: new Uint16Array(count),
    asid: new Uint16Array(count),
    iova,
    iova32: new Uint32Array(iova.buffer),
  };
}
