// Circular queues in memory as arithmetic: base, size, wrap bits. Shared by Command, Event and PRI queue.
// Source: Arm IHI 0070 G.b, sections 3.5.1 (mirrored ring, wrap bit above the index) and 6.3.26.
// Pointers in an inconsistent state (further apart than the queue is long): an input queue is not consumed,
// an output queue counts as full, both as the manual permits.

import { u64Of } from "../machine/bit-fields.js";

/** Where a queue is and how long. */
export interface QueueShape {
  /** Physical address of entry 0, aligned to the larger of the queue's size and 32 bytes. */
  readonly base: bigint;
  /** log2 of the number of entries, 0..19. */
  readonly sizeLg2: number;
  /** Bytes an entry: 16 or 32. */
  readonly entryBytes: number;
}

/**
 * Reads a queue base register.
 *
 * @param register CMDQ_BASE, EVENTQ_BASE or PRIQ_BASE, 64 bits: LOG2SIZE 4:0, ADDR 55:5
 * @param mostLg2 the limit of LOG2SIZE from IDR1
 * @param entryBytes bytes an entry
 * @returns the queue's place and size, stray low address bits dropped
 *
 * Source: IHI 0070 6.3.26, 6.3.29, 6.3.33.
 */
export function queueShape(register: bigint, mostLg2: number, entryBytes: number): QueueShape {
  const sizeLg2 = Math.min(Number(register & 0x1fn), mostLg2);
  const bytes = Math.max(32, entryBytes * 2 ** sizeLg2);
  const address = register & 0x00ff_ffff_ffff_ffe0n;
  return { base: address & ~BigInt(bytes - 1), sizeLg2, entryBytes };
}

/** The shape that a queue base register stands for, found once for each value that it has. */
export class KnownShape {
  readonly #mostLg2: number;
  readonly #entryBytes: number;
  #low = 0;
  #high = 0;
  #shape: QueueShape;

  /** As for queueShape. */
  constructor(mostLg2: number, entryBytes: number) {
    this.#mostLg2 = mostLg2;
    this.#entryBytes = entryBytes;
    this.#shape = queueShape(0n, mostLg2, entryBytes);
  }

  /**
   * As queueShape.
   *
   * @param low bits 31:0 of the register
   * @param high bits 63:32
   */
  of(low: number, high: number): QueueShape {
    if (low !== this.#low || high !== this.#high) {
      this.#low = low;
      this.#high = high;
      this.#shape = queueShape(u64Of(low, high), this.#mostLg2, this.#entryBytes);
    }
    return this.#shape;
  }
}

/**
 * Entries between the pointers.
 *
 * @param prod producer pointer with wrap bit
 * @param cons consumer pointer with wrap bit
 * @param sizeLg2 log2 of the number of entries
 * @returns entries in the queue; more than 2^sizeLg2 when the pointers are inconsistent
 */
export function queueCount(prod: number, cons: number, sizeLg2: number): number {
  return (prod - cons) & ((2 << sizeLg2) - 1);
}

/**
 * The pointer after this one, wrap bit included.
 *
 * @param pointer index with wrap bit
 * @param sizeLg2 log2 of the number of entries
 * @returns the next pointer
 */
export function queueNext(pointer: number, sizeLg2: number): number {
  return (pointer + 1) & ((2 << sizeLg2) - 1);
}

/**
 * Physical address of the entry that a pointer names.
 *
 * @param shape the queue
 * @param pointer index with wrap bit
 * @returns byte address
 */
export function queueAddress(shape: QueueShape, pointer: number): bigint {
  const index = pointer & ((1 << shape.sizeLg2) - 1);
  return shape.base + BigInt(index * shape.entryBytes);
}

/** What queues need of memory. */
export interface QueueMemory {
  /** True where reads and writes are answered, false where they end in a bus error. */
  isRam(address: bigint): boolean;
  /** Reads as many bytes as `into` has. */
  readInto(address: bigint, into: Uint8Array): void;
  /** Writes all bytes. */
  write(address: bigint, bytes: Uint8Array): void;
}
