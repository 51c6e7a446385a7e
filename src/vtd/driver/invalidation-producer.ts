// The producer's side of the invalidation queue: descriptors into memory, IQT, and the status that a wait descriptor
// writes when everything before it is done.
// Source: Intel VT-d Rev 5.10, sections 6.5.2, 6.5.2.8 and 11.4.9.
// The unit consumes inside the write of IQT. A queue error is a bug of the driver: it throws. An endpoint that does not answer
// is given up, and the rest is submitted again: what came behind it may not have been carried out (6.5.2.11).

import { bytesOf, getField } from "../../machine/bit-fields.js";
import type { TableAllocator } from "../../memory/allocator.js";
import * as I from "../../spec/vtd/invalidation.js";
import * as R from "../../spec/vtd/registers.js";
import { descriptorType } from "../descriptors.js";
import type { VtdIommu } from "../vtd-iommu.js";
import { type Descriptor, wait } from "./descriptor.js";

/** IQA.QS: 2^3 pages of 4 KiB, 128 descriptors each. */
const SIZE = 3;
const ENTRY_BYTES = 32;
const ENTRIES = 128 * 2 ** SIZE;
const STATUS_BYTES = 64;
const ERRORS = (1 << R.FSTS_IQE_LSB) | (1 << R.FSTS_ICE_LSB);
const TIME_OUT = 1 << R.FSTS_ITE_LSB;

/** Source-id of the endpoint that a descriptor asks for something, if any. */
function endpointOf(descriptor: Descriptor): number | undefined {
  const type = descriptorType(descriptor);
  if (type === I.INV_DEVICE_TLB) return getField(descriptor, I.DTLB_SID_MSB, I.DTLB_SID_LSB);
  return type === I.INV_PASID_DEVICE_TLB ? getField(descriptor, I.PDTLB_SID_MSB, I.PDTLB_SID_LSB) : undefined;
}

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
      let rest = descriptors;
      for (let silent = this.#submitOnce(rest); silent !== undefined; silent = this.#submitOnce(rest)) {
        const endpoint = silent;
        rest = rest.filter((each) => endpointOf(each) !== endpoint);
      }
    } finally {
      this.#depth--;
    }
  }

  /** Submits descriptors and a wait; returns the endpoint that kept it from completing, if one did. */
  #submitOnce(descriptors: readonly Descriptor[]): number | undefined {
    const { memory } = this.#machine;
    this.#sequence = (this.#sequence + 1) >>> 0;
    const own = this.#sequence;
    let silent: number | undefined;
    for (const each of [...descriptors, wait(this.#status, own)]) {
      if (this.#isFull()) silent = this.#kick() ?? silent;
      if (this.#isFull()) throw this.#stopped();
      memory.write(this.#base + BigInt(this.#tail * ENTRY_BYTES), bytesOf(each));
      this.#tail = (this.#tail + 1) % ENTRIES;
    }
    silent = this.#kick() ?? silent;
    // A submission from inside a descriptor (an endpoint that is answered) is carried out by the outer one.
    if (silent === undefined && this.#depth === 1 && this.#isBefore(own)) throw this.#stopped();
    return silent;
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

  /** Has the unit carry out what is in the queue; returns an endpoint that has not answered. */
  #kick(): number | undefined {
    const machine = this.#machine;
    machine.write64(R.REG_IQT, BigInt(this.#tail * ENTRY_BYTES));
    let silent: number | undefined;
    while ((machine.read32(R.REG_FSTS) & TIME_OUT) !== 0) {
      silent = machine.read32(R.REG_IQERCD + 4) & 0xffff;
      // The unit goes on behind the wait that it gave up.
      machine.write32(R.REG_FSTS, TIME_OUT);
    }
    if ((machine.read32(R.REG_FSTS) & ERRORS) !== 0) throw this.#stopped();
    return silent;
  }

  #stopped(): Error {
    const code = Number(this.#machine.read64(R.REG_IQERCD)) & 15;
    return new Error(`the IOMMU stopped at invalidation descriptor ${this.#head}, error code ${code}`);
  }
}
