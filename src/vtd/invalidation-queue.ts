// The invalidation queue in memory: consumes what the tail announces, stops at an error until software clears it.
// Source: Intel VT-d Rev 5.10, sections 6.5.2, 6.5.2.9 to 6.5.2.11, 11.4.9.
// Everything is consumed inside the register write that allows it: at most one queue length of descriptors. Choices: width, table
// mode and tail are looked at while the queue is not empty; a head that no longer fits after a change of size or width
// is taken modulo the size and aligned down; a status write to where no memory is goes nowhere; the time of a device-TLB
// invalidation is out at the next wait, which is consumed and never completes, or else when the queue is empty.

import { fieldMask, u64Of } from "../machine/bit-fields.js";
import { FirstError } from "../machine/first-error.js";
import { QueueEntries } from "../machine/queue-entries.js";
import { IQE_FETCH, IQE_TAIL, IQE_TAIL_ALIGNMENT } from "../spec/vtd/invalidation.js";
import * as R from "../spec/vtd/registers.js";
import type { DescriptorExecutor } from "./descriptor-executor.js";
import { EventInterrupt } from "./interrupts.js";
import type { VtdIrq } from "./msi.js";
import type { RegisterFile } from "./registers.js";

const NARROW_BYTES = 16;
const WIDE_BYTES = 32;
const PAGE_BYTES = 4096;
const IWC = 1 << R.ICS_IWC_LSB;
const ITESID_MASK = fieldMask(R.IQERCD_ITESID_MSB - 32, R.IQERCD_ITESID_LSB - 32);

/** What queues need of memory. */
export interface QueueMemory {
  /** True where reads and writes are answered. */
  isRam(address: bigint): boolean;
  /** Reads as many bytes as `into` has. */
  readInto(address: bigint, into: Uint8Array): void;
  /** Writes all bytes. */
  write(address: bigint, bytes: Uint8Array): void;
}

/** What the queue is connected to. */
export interface InvalidationQueueParts {
  readonly registers: RegisterFile;
  /** Where descriptors are. */
  readonly memory: QueueMemory;
  /** What carries them out. */
  readonly executor: DescriptorExecutor;
  /** Table mode in force. */
  readonly mode: () => number;
  /** Takes error bits of FSTS, by number. */
  readonly fail: (bit: number) => void;
  readonly onIrq: ((irq: VtdIrq) => void) | undefined;
}

interface Shape {
  readonly base: bigint;
  readonly bytes: number;
  readonly stride: number;
}

/** The consumer's side of the invalidation queue. */
export class InvalidationQueue {
  readonly #parts: InvalidationQueueParts;
  readonly #event: EventInterrupt;
  readonly #entries: QueueEntries;
  /** What IQA stands for, and the words that it had then. */
  #shape: Shape = { base: 0n, bytes: PAGE_BYTES, stride: NARROW_BYTES };
  #low = 0;
  #high = 0;
  #running = false;

  /** @param parts what it is connected to */
  constructor(parts: InvalidationQueueParts) {
    const { registers, onIrq } = parts;
    this.#parts = parts;
    this.#entries = new QueueEntries(parts.memory);
    this.#event = new EventInterrupt(
      registers,
      "invalidation",
      { offset: R.REG_ICS, conditions: IWC },
      onIrq,
    );
    registers.onWrite(R.REG_ICS, () => this.#event.served());
    registers.onWrite(R.REG_IQT, () => this.run());
    registers.onWrite(R.REG_FSTS, () => this.run());
  }

  /** The queue is switched on or off; off puts the head back to 0 (11.4.9.1). */
  enable(on: boolean): void {
    if (on) this.run();
    else this.#parts.registers.set(R.REG_IQH, 0);
  }

  /** A wait descriptor that asks for the interrupt is complete. */
  completed(): void {
    this.#event.raise(IWC);
  }

  /**
   * Consumes descriptors until the queue is empty, off or stopped by an error.
   *
   * A call from inside a callback (an interrupt handler or an endpoint that writes IQT) consumes too: when it returns,
   * its descriptors have been carried out, as for any other call. What callbacks throw goes on when the queue is empty.
   *
   * Source: Rev 5.10, 6.5.2.
   */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#entries.forget();
    const errors = new FirstError();
    try {
      do {
        while (this.#mayFetch()) this.#consume(errors);
        this.#expire(errors);
      } while (this.#mayFetch());
    } finally {
      this.#running = false;
    }
    errors.rethrow();
  }

  #mayFetch(): boolean {
    const { registers } = this.#parts;
    if (!registers.has(R.REG_GSTS, R.GCMD_QIE_LSB)) return false;
    if (registers.has(R.REG_FSTS, R.FSTS_IQE_LSB) || registers.has(R.REG_FSTS, R.FSTS_ITE_LSB)) return false;
    return registers.get(R.REG_IQH) !== registers.get(R.REG_IQT);
  }

  #findShape(): Shape {
    const { registers } = this.#parts;
    const low = registers.get(R.REG_IQA);
    const high = registers.get(R.REG_IQA + 4);
    if (low !== this.#low || high !== this.#high) {
      this.#low = low;
      this.#high = high;
      this.#shape = {
        base: u64Of(low, high) & ~0xfffn,
        bytes: PAGE_BYTES << (low & 7),
        stride: ((low >>> R.IQA_DW_LSB) & 1) === 1 ? WIDE_BYTES : NARROW_BYTES,
      };
    }
    return this.#shape;
  }

  #consume(errors: FirstError): void {
    const { registers, executor } = this.#parts;
    const shape = this.#findShape();
    const head = registers.get(R.REG_IQH) & (shape.bytes - 1) & ~(shape.stride - 1);
    const error = this.#registersError(shape) || this.#execute(shape, head);
    if (error !== 0) {
      this.#stop(error);
      return;
    }
    // The head moves first: who sees status or interrupt of a wait must see it consumed.
    registers.set(R.REG_IQH, (head + shape.stride) & (shape.bytes - 1));
    if (executor.isDone) return;
    errors.attempt(() => executor.sendInvalidation());
    const { isAborted } = executor;
    this.#running = false;
    errors.attempt(() => executor.complete());
    this.#running = true;
    this.#entries.forget();
    if (isAborted) this.#expire(errors);
  }

  /** As `expire`, inside a run; who takes the fault event may submit descriptors and wait for them. */
  #expire(errors: FirstError): void {
    this.#running = false;
    errors.attempt(() => this.expire());
    this.#running = true;
    this.#entries.forget();
  }

  /** Sets ITE if an endpoint has not answered an invalidation: nothing is fetched until software clears it (6.5.2.11). */
  expire(): void {
    const { registers, executor, fail } = this.#parts;
    const silent = executor.expire();
    if (silent === undefined) return;
    const high = registers.get(R.REG_IQERCD + 4) & ~ITESID_MASK;
    registers.set(R.REG_IQERCD + 4, high | (silent << (R.IQERCD_ITESID_LSB - 32)));
    fail(R.FSTS_ITE_LSB);
  }

  /** What is wrong before anything is fetched (11.4.9.9). */
  #registersError({ bytes, stride }: Shape): number {
    const { registers, executor, mode } = this.#parts;
    const width = executor.widthError(mode(), stride === WIDE_BYTES);
    if (width !== 0) return width;
    const tail = registers.get(R.REG_IQT);
    if (tail >= bytes) return IQE_TAIL;
    return tail % stride === 0 ? 0 : IQE_TAIL_ALIGNMENT;
  }

  #execute({ base, bytes, stride }: Shape, head: number): number {
    const { registers, executor, mode } = this.#parts;
    const tail = registers.get(R.REG_IQT);
    const words = this.#entries.at(base, head, tail > head ? tail : bytes, stride);
    return words === undefined ? IQE_FETCH : executor.execute(words, mode());
  }

  // The reason is there before the error is.
  #stop(error: number): void {
    this.#entries.forget();
    this.#parts.registers.set(R.REG_IQERCD, error);
    this.#parts.fail(R.FSTS_IQE_LSB);
  }
}
