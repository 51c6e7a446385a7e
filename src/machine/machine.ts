// What the machines of all vendors offer alike: memory, batches, single requests, registers, page requests, and a look at
// their caches. What differs is a vendor's: how faults are recorded, and everything behind the registers.

import type { ArenaView } from "../core/core.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { Batch } from "./batch.js";
import type { BoundSource, BoundTranslate, BoundTranslate64 } from "./bound.js";
import type { Engine } from "./engine.js";
import { type CacheContents, inspectCaches } from "./inspect.js";
import { checkPageRequest, type PageRequest, type PageRequestOutcome } from "./page-request.js";
import type { WalkRecord } from "./walk-records.js";

/** Registers by their byte offset. */
interface RegisterFile {
  read32(offset: number): number;
  write32(offset: number, value: number): void;
  read64(offset: number): bigint;
  write64(offset: number, value: bigint): void;
}

/** A machine over simulated physical memory, whatever its vendor. */
export abstract class Machine {
  /** Simulated physical memory: tables, queues and data. */
  readonly memory: PhysicalMemory;
  /** Columns of requests and answers for `run`. */
  readonly batch: Batch;
  /** @internal */
  protected readonly engine: Engine;

  /** @internal */
  protected constructor(engine: Engine) {
    this.engine = engine;
    this.memory = engine.memory;
    this.batch = engine.batch;
  }

  /** @internal Takes the faults that a run left. Made once: a run without faults allocates nothing. */
  protected abstract readonly finish: (found: number, arena?: ArenaView) => void;
  /** @internal The same of a bound function's request; returns its status. */
  protected abstract readonly settle: (found: number, status: number) => number;
  /** @internal */
  protected abstract get registers(): RegisterFile;
  /** @internal */
  protected abstract get pages(): { take(request: PageRequest): PageRequestOutcome };

  /**
   * Reads a 32-bit register.
   *
   * @param offset byte offset in the register pages, a multiple of 4
   * @throws RangeError for another offset
   */
  read32(offset: number): number {
    return this.registers.read32(offset);
  }

  /**
   * Writes a 32-bit register; what it starts (commands, for one) is done when the call returns.
   *
   * @param offset byte offset in the register pages, a multiple of 4
   * @param value 0..2^32-1
   * @throws RangeError for another offset
   */
  write32(offset: number, value: number): void {
    this.registers.write32(offset, value);
  }

  /**
   * Reads a 64-bit register, or two neighbouring 32-bit ones.
   *
   * @param offset byte offset in the register pages, a multiple of 8
   * @throws RangeError for another offset
   */
  read64(offset: number): bigint {
    return this.registers.read64(offset);
  }

  /**
   * Writes a 64-bit register, low half first.
   *
   * @param offset byte offset in the register pages, a multiple of 8
   * @param value 0..2^64-1
   * @throws RangeError for another offset
   */
  write64(offset: number, value: bigint): void {
    this.registers.write64(offset, value);
  }

  /**
   * Translates `count` requests of the batch, in order. Faults are recorded when it returns.
   *
   * @param count 0..batch.capacity - first
   * @param first index of the first one, 0..batch.capacity; default 0
   * @returns how many requests ended in a fault, or stalled
   * @throws RangeError when the requests are not all in the batch
   */
  run(count: number, first = 0): number {
    return this.engine.run(first, count, this.finish);
  }

  /**
   * Carries `count` requests of the batch out, in order, as accesses with translated addresses (PCIe ATS): `iova` is an
   * address that a translation completion gave.
   *
   * @param count 0..batch.capacity - first
   * @param first index of the first one, 0..batch.capacity; default 0
   * @returns how many requests ended in a fault
   * @throws RangeError when the requests are not all in the batch
   *
   * Source: IHI 0070 3.9.1.3; VT-d Rev 5.10, 4.2.
   */
  runTranslated(count: number, first = 0): number {
    return this.engine.runTranslated(first, count, this.finish);
  }

  /**
   * The requests of one source as a function from address to PA, the fastest single call.
   *
   * @param source whose requests, and of which kind
   * @returns the function; where it returns a negative number, `faults` has the fault
   * @throws TypeError, RangeError that name the field of the source
   */
  bind(source: BoundSource): BoundTranslate {
    return this.engine.bind(source, this.settle);
  }

  /**
   * As `bind`, for every address.
   *
   * @param source whose requests, and of which kind
   * @returns the function
   * @throws TypeError, RangeError that name the field of the source
   */
  bind64(source: BoundSource): BoundTranslate64 {
    return this.engine.bind64(source, this.settle);
  }

  /**
   * Takes a page request message of an endpoint (PCIe PRI).
   *
   * @param request the message; one with a PASID that is the last and wants neither read nor write is a Stop marker
   * @returns whether it was written to the queue, answered at once (through `onPageResponse`) or dropped
   * @throws TypeError, RangeError that name the field of the request
   *
   * Source: IHI 0070 chapter 8; VT-d Rev 5.10, 7.4.
   */
  requestPage(request: PageRequest): PageRequestOutcome {
    return this.pages.take(checkPageRequest(request));
  }

  /** What the caches hold now, entry by entry; a copy. */
  inspect(): CacheContents {
    return inspectCaches(this.engine.core);
  }

  /**
   * What the walks of the last `run` or `translate` read: structures and descriptors, in order.
   *
   * @returns undefined unless the machine was made with the option `trace`
   */
  walkRecords(): WalkRecord[] | undefined {
    return this.engine.walkRecords();
  }

  /**
   * The field of a configuration structure that was looked at last before the last fault: of C_BAD_STE and C_BAD_CD the
   * one that made it. Means nothing without the option `trace`.
   *
   * @returns its most and least significant bit in the structure
   */
  refusedField(): readonly [msb: number, lsb: number] {
    return this.engine.refusedField();
  }
}
