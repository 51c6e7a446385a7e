// The producer's side of the invalidation queue: descriptors into memory, IQT, and the status that a wait descriptor
// writes when everything before it is done.
// Source: Intel VT-d Rev 5.10, sections 6.5.2, 6.5.2.8 and 11.4.9.
// The unit consumes inside the write of IQT. A queue error is a bug of the driver: it throws.

import { bytesOf } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import * as R from "../../spec/vtd/registers.js";
import type { VtdIommu } from "../vtd-iommu.js";
import { type Descriptor, wait } from "./descriptor.js";

/** IQA.QS: 2^3 pages of 4 KiB, 128 descriptors each. */
const SIZE = 3;
const ENTRY_BYTES = 32;
const ENTRIES = 128 * 2 ** SIZE;
const STATUS_BYTES = 64;
const ERRORS = (1 << R.FSTS_IQE_LSB) | (1 << R.FSTS_ICE_LSB) | (1 << R.FSTS_ITE_LSB);

/** Writes descriptors and has them carried out. */
export class InvalidationProducer {
  readonly #machine: VtdIommu;
  readonly #base: bigint;
  /** Where wait descriptors write. */
  readonly #status: bigint;
  #tail = 0;
  /** What the last wait descriptor writes. */
  #sequence = 0;
  #depth = 0;

  /**
   * Makes the queue and tells the unit where it is; QIE stays as it is.
   *
   * @param machine the unit, QIES = 0
   * @param allocator where the queue goes
   */
  constructor(machine: VtdIommu, allocator: TableAllocator) {
    this.#machine = machine;
    const bytes = ENTRY_BYTES * ENTRIES;
    this.#base = allocator.allocate(bytes);
    this.#status = allocator.allocate(STATUS_BYTES);
    machine.memory.fill(this.#base, bytes, 0);
    machine.memory.fill(this.#status, STATUS_BYTES, 0);
    machine.write64(R.REG_IQT, 0n);
    machine.write64(R.REG_IQA, this.#base | (1n << BigInt(R.IQA_DW_LSB)) | BigInt(SIZE));
  }

  /**
   * Has descriptors carried out, and waits for their effects.
   *
   * @param descriptors in order; a wait descriptor follows them
   * @throws Error when the unit stops at one of them
   */
  submit(descriptors: readonly Descriptor[]): void {
    this.#depth++;
    try {
      const { memory } = this.#machine;
      this.#sequence = (this.#sequence + 1) >>> 0;
      const own = this.#sequence;
      for (const each of [...descriptors, wait(this.#status, own)]) {
        if (this.#isFull()) this.#kick();
        if (this.#isFull()) throw this.#stopped();
        memory.write(this.#base + BigInt(this.#tail * ENTRY_BYTES), bytesOf(each));
        this.#tail = (this.#tail + 1) % ENTRIES;
      }
      this.#kick();
      // A submission from inside a descriptor (an endpoint that is answered) is carried out by the outer one.
      if (this.#depth === 1 && this.#isBefore(own)) throw this.#stopped();
    } finally {
      this.#depth--;
    }
  }

  /** Whether the status is that of an earlier wait. */
  #isBefore(sequence: number): boolean {
    const status = Number(this.#machine.memory.readU64(this.#status) & 0xffff_ffffn);
    return ((status - sequence) | 0) < 0;
  }

  #isFull(): boolean {
    return (this.#tail + 1) % ENTRIES === this.#head;
  }

  get #head(): number {
    return Number(this.#machine.read64(R.REG_IQH)) / ENTRY_BYTES;
  }

  #kick(): void {
    this.#machine.write64(R.REG_IQT, BigInt(this.#tail * ENTRY_BYTES));
    if ((this.#machine.read32(R.REG_FSTS) & ERRORS) !== 0) throw this.#stopped();
  }

  #stopped(): Error {
    const code = Number(this.#machine.read64(R.REG_IQERCD)) & 15;
    return new Error(`the IOMMU stopped at invalidation descriptor ${this.#head}, error code ${code}`);
  }
}
