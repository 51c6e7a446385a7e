// The DMA-fault region of one device: a header page and a ring of 512 struct iommu_fault. The kernel writes at head, the
// user reads at tail and moves it; empty when both are equal, so at most 511 entries wait.
//
//      0        4            8            12       16     20      4096                        36864
//      │ tail   │ entry_size │ nb_entries │ offset │ head │   0   │ entry 0, 64 bytes │ … │ 511 │
//        user's   64           512          4096     ours           may be mapped
//
// Source: linux/vfio.h struct vfio_region_dma_fault; "SMMUv3 Nested Stage Setup" VFIO part v10 4/11 and 6/11.

import { Refusal } from "../../contract/refusal.js";
import { EINVAL } from "../../uapi/errno.js";
import { vfio_region_dma_fault } from "../../uapi/index.js";
import type { Profile } from "../profile.js";

const HEADER_SIZE = 4096;
const ENTRY_SIZE = 64;
const ENTRIES = 512;
const REGION_SIZE = HEADER_SIZE + ENTRIES * ENTRY_SIZE;
const TAIL_SIZE = 4;

/** The DMA-fault region of one device. */
export class FaultRing {
  readonly #bytes = new Uint8Array(REGION_SIZE);
  readonly #lastTail: number;
  #head = 0;
  #tail = 0;

  constructor(profile: Profile) {
    this.#lastTail = profile.faultTailOneBeyond ? ENTRIES : ENTRIES - 1;
    this.#writeHeader();
  }

  /** Index of the next entry to be written, 0..511. */
  get head(): number {
    return this.#head;
  }

  /** What the user wrote last. */
  get tail(): number {
    return this.#tail;
  }

  /** Whether the next entry has no place. A tail of 512 counts as 0. */
  get isFull(): boolean {
    return (this.#head + 1) % ENTRIES === this.#tail % ENTRIES;
  }

  /**
   * Writes one entry, then head. The ring is not full.
   *
   * @param encode writes the entry's fields into the region at a byte offset; bytes there are 0
   */
  push(encode: (region: Uint8Array, at: number) => void): void {
    const at = HEADER_SIZE + this.#head * ENTRY_SIZE;
    this.#bytes.fill(0, at, at + ENTRY_SIZE);
    encode(this.#bytes, at);
    this.#head = (this.#head + 1) % ENTRIES;
    this.#writeHeader();
  }

  /** pread. @returns bytes read @throws Refusal EINVAL behind the region */
  read(offset: number, into: Uint8Array): number {
    if (!(offset >= 0 && offset < REGION_SIZE)) {
      throw new Refusal(EINVAL, `offset expected below ${REGION_SIZE}, got ${offset}`);
    }
    const count = Math.min(into.length, REGION_SIZE - offset);
    into.set(this.#bytes.subarray(offset, offset + count));
    return count;
  }

  /** pwrite of the tail, the only thing that may be written. @returns 4 @throws Refusal EINVAL otherwise */
  write(offset: number, bytes: Uint8Array): number {
    if (offset !== 0 || bytes.length !== TAIL_SIZE) {
      throw new Refusal(
        EINVAL,
        `expected ${TAIL_SIZE} bytes at offset 0, the tail; got ${bytes.length} at ${offset}`,
      );
    }
    const tail = new DataView(bytes.buffer, bytes.byteOffset, TAIL_SIZE).getUint32(0, true);
    if (tail > this.#lastTail) throw new Refusal(EINVAL, `tail expected 0..${this.#lastTail}, got ${tail}`);
    this.#tail = tail;
    this.#writeHeader();
    return TAIL_SIZE;
  }

  /**
   * mmap of the ring.
   *
   * @param offset byte offset in the region, a multiple of 4096, from the second page on
   * @param length bytes, inside the region
   * @returns the live bytes
   * @throws RangeError where mmap fails
   */
  mmap(offset: number, length: number): Uint8Array {
    if (!(offset >= HEADER_SIZE && offset < REGION_SIZE && offset % HEADER_SIZE === 0)) {
      throw new RangeError(
        `"offset" expected a multiple of ${HEADER_SIZE} in ${HEADER_SIZE}..${REGION_SIZE - 1}, got ${offset}`,
      );
    }
    if (!(Number.isInteger(length) && length > 0 && length <= REGION_SIZE - offset)) {
      throw new RangeError(`"length" expected integer in 1..${REGION_SIZE - offset}, got ${length}`);
    }
    return this.#bytes.subarray(offset, offset + length);
  }

  #writeHeader(): void {
    vfio_region_dma_fault.encodeInto(this.#bytes, 0, {
      tail: this.#tail,
      entry_size: ENTRY_SIZE,
      nb_entries: ENTRIES,
      offset: HEADER_SIZE,
      head: this.#head,
    });
  }
}
