// The consumer's side of a queue that the SMMU writes: Event queue and PRI queue.
// Source: Arm IHI 0070 G.b, sections 3.5 and 6.3.29 to 6.3.35.
// Overflow is not looked for: entries are taken in the interrupt of the first one, so there is never a second.

import type { TableAllocator } from "../../memory/allocator.js";
import * as R from "../../spec/smmuv3/registers.js";
import { type QueueShape, queueAddress, queueCount, queueNext } from "../queue.js";
import type { SmmuV3 } from "../smmuv3.js";

/** The registers of one such queue and how long its entries are. */
export interface OutputQueuePlace {
  readonly base: number;
  readonly prod: number;
  readonly cons: number;
  readonly entryBytes: number;
}

/** Reads entries in order and gives their places back. */
export class OutputQueue {
  readonly #machine: SmmuV3;
  readonly #place: OutputQueuePlace;
  readonly #shape: QueueShape;

  /**
   * Makes the queue and tells the SMMU where it is; its enable bit stays as it is.
   *
   * @param machine the SMMU, the queue disabled
   * @param allocator where the queue goes
   * @param place its registers
   * @param sizeLg2 log2 of the number of entries
   */
  constructor(machine: SmmuV3, allocator: TableAllocator, place: OutputQueuePlace, sizeLg2: number) {
    this.#machine = machine;
    this.#place = place;
    const bytes = place.entryBytes * 2 ** sizeLg2;
    const base = allocator.allocate(bytes);
    // Backed now: a record must not fail for want of memory.
    machine.memory.fill(base, bytes, 0);
    this.#shape = { base, sizeLg2, entryBytes: place.entryBytes };
    machine.write64(place.base, (1n << BigInt(R.EVENTQ_BASE_WA_LSB)) | base | BigInt(sizeLg2));
    machine.write32(place.prod, 0);
    machine.write32(place.cons, 0);
  }

  /**
   * Takes the oldest entry; its place is free when this returns, so who handles it may cause more.
   *
   * @returns a copy of the entry, or undefined when there is none
   */
  take(): Uint8Array | undefined {
    const prod = this.#machine.read32(this.#place.prod);
    const cons = this.#machine.read32(this.#place.cons);
    if (queueCount(prod, cons, this.#shape.sizeLg2) === 0) return undefined;
    const entry = new Uint8Array(this.#shape.entryBytes);
    this.#machine.memory.readInto(queueAddress(this.#shape, cons), entry);
    this.#machine.write32(this.#place.cons, queueNext(cons, this.#shape.sizeLg2));
    return entry;
  }
}
