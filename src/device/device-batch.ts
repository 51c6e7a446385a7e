// The columns of a device TLB's batch: typed arrays of its own, so that the machine's batch is left alone.

import { PASID_VALID } from "../spec/abi/core.js";

/** How an access of the endpoint ended, as numbers of the `status` column: their order is the encoding. */
export const DEVICE_STATUSES = ["ok", "denied", "aborted", "failed"] as const;
/** How an access went out, as numbers of the `source` column. */
export const DEVICE_SOURCES = ["device-tlb", "translation-request", "untranslated"] as const;

/**
 * Accesses in, answers out, one array a column.
 *
 * In: `iova` u64, `access` u8 (1 write, 2 execute, 4 privileged), `pasid` u32 (bit 31 = a PASID is given, bits 19:0 its
 * value). Out: `pa` u64, `status` u8 (0 ok, 1 denied, 2 aborted, 3 failed), `source` u8 (0 device TLB, 1 translation
 * request, 2 untranslated).
 */
export class DeviceBatch {
  /** Untranslated addresses. */
  readonly iova: BigUint64Array;
  /** The same bytes as pairs of words, low first. */
  readonly iova32: Uint32Array;
  /** Kinds of access: 1 write, 2 execute, 4 privileged. */
  readonly access: Uint8Array;
  /** PASIDs; bit 31 says that there is one. */
  readonly pasid: Uint32Array;
  /** Physical addresses; 0 unless the access may go on. */
  readonly pa: BigUint64Array;
  /** How accesses ended. */
  readonly status: Uint8Array;
  /** How they went out. */
  readonly source: Uint8Array;

  /** @internal */
  constructor(capacity: number) {
    this.iova = new BigUint64Array(capacity);
    this.iova32 = new Uint32Array(this.iova.buffer);
    this.access = new Uint8Array(capacity);
    this.pasid = new Uint32Array(capacity);
    this.pa = new BigUint64Array(capacity);
    this.status = new Uint8Array(capacity);
    this.source = new Uint8Array(capacity);
  }

  /** Accesses that fit. */
  get capacity(): number {
    return this.iova.length;
  }

  /** PASID of an access, or undefined. */
  pasidAt(n: number): number | undefined {
    const word = this.pasid[n]!;
    return word >= PASID_VALID ? word & 0xfffff : undefined;
  }
}
