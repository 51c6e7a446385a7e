// The columns of a batch, in the core's memory. Getters: a column is renewed when memory has grown, so take
// it again after every call that may grow memory: writes to memory, and a `run` that writes the first record
// of an Event queue or needs an external frame. The option `reserve` rules growth out.

import type { ArenaView } from "../core/core.js";
import * as A from "../spec/abi/core.js";

/**
 * Requests in, answers out, one array a column.
 *
 * In: `stream` u32, `pasid` u32 (bit 31 = a PASID is given, bits 19:0 its value), `iova` u64, `access` u8
 * (1 write, 2 execute, 4 privileged). Out: `pa` u64, `status` u8 (0 translated, 1 bypassed, 2 RAZ/WI,
 * 3 aborted, 4 stalled, 0x80 | event type), `leafLg2` u8, `fetches` u8 (descriptor reads), `source` u8 (0
 * configuration, 1 IOTLB, 2 a walk or stage-2 lookup helped by caches, 3 an uncached walk).
 */
export class Batch {
  readonly #core: Pick<ArenaView, "plan" | "buffer" | "part">;
  #buffer: ArrayBufferLike | undefined;
  #stream: Uint32Array = new Uint32Array(0);
  #pasid: Uint32Array = new Uint32Array(0);
  #iova: BigUint64Array = new BigUint64Array(0);
  #iova32: Uint32Array = new Uint32Array(0);
  #access: Uint8Array = new Uint8Array(0);
  #pa: BigUint64Array = new BigUint64Array(0);
  #pa32: Uint32Array = new Uint32Array(0);
  #status: Uint8Array = new Uint8Array(0);
  #leafLg2: Uint8Array = new Uint8Array(0);
  #fetches: Uint8Array = new Uint8Array(0);
  #source: Uint8Array = new Uint8Array(0);

  /** @internal */
  constructor(core: Pick<ArenaView, "plan" | "buffer" | "part">) {
    this.#core = core;
  }

  /** Requests that fit. */
  get capacity(): number {
    return this.#core.plan.batchCapacity;
  }

  /** @internal @throws RangeError unless requests first..first+count-1 are all there */
  check(first: number, count: number): void {
    const { capacity } = this;
    if (first >>> 0 !== first || first > capacity) {
      throw new RangeError(`"first" expected 0..${capacity}, got ${String(first)}`);
    }
    if (count >>> 0 !== count || count > capacity - first) {
      throw new RangeError(`"count" expected 0..${capacity - first}, got ${String(count)}`);
    }
  }

  #renew(): void {
    const buffer = this.#core.buffer;
    if (buffer === this.#buffer) return;
    this.#buffer = buffer;
    const n = this.capacity;
    const at = (header: number): number => this.#core.part(header);
    this.#stream = new Uint32Array(buffer, at(A.HDR_STREAM), n);
    this.#pasid = new Uint32Array(buffer, at(A.HDR_PASID), n);
    this.#iova = new BigUint64Array(buffer, at(A.HDR_IOVA), n);
    this.#iova32 = new Uint32Array(buffer, at(A.HDR_IOVA), n * 2);
    this.#access = new Uint8Array(buffer, at(A.HDR_ACCESS), n);
    this.#pa = new BigUint64Array(buffer, at(A.HDR_PA), n);
    this.#pa32 = new Uint32Array(buffer, at(A.HDR_PA), n * 2);
    this.#status = new Uint8Array(buffer, at(A.HDR_STATUS), n);
    this.#leafLg2 = new Uint8Array(buffer, at(A.HDR_LEAF_LG2), n);
    this.#fetches = new Uint8Array(buffer, at(A.HDR_FETCHES), n);
    this.#source = new Uint8Array(buffer, at(A.HDR_SOURCE), n);
  }

  /** StreamIDs. */
  get stream(): Uint32Array {
    this.#renew();
    return this.#stream;
  }

  /** PASIDs (SubstreamIDs); bit 31 says that there is one. */
  get pasid(): Uint32Array {
    this.#renew();
    return this.#pasid;
  }

  /** Input addresses. */
  get iova(): BigUint64Array {
    this.#renew();
    return this.#iova;
  }

  /** Input addresses as pairs of words, low first: the same bytes as `iova`. */
  get iova32(): Uint32Array {
    this.#renew();
    return this.#iova32;
  }

  /** Kinds of access: 1 write, 2 execute, 4 privileged. */
  get access(): Uint8Array {
    this.#renew();
    return this.#access;
  }

  /** Output addresses; 0 where the request did not succeed. */
  get pa(): BigUint64Array {
    this.#renew();
    return this.#pa;
  }

  /** Output addresses as pairs of words, low first: the same bytes as `pa`. */
  get pa32(): Uint32Array {
    this.#renew();
    return this.#pa32;
  }

  /** Outcomes. */
  get status(): Uint8Array {
    this.#renew();
    return this.#status;
  }

  /** Log2 of the page, block or contiguous run that answered: the smaller of both stages. */
  get leafLg2(): Uint8Array {
    this.#renew();
    return this.#leafLg2;
  }

  /** Table descriptors read for the request, at most 255. */
  get fetches(): Uint8Array {
    this.#renew();
    return this.#fetches;
  }

  /** What answered. */
  get source(): Uint8Array {
    this.#renew();
    return this.#source;
  }
}
