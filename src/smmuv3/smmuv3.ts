// The SMMUv3 as a device: its register pages, queues, memory and the translation of requests. A list of
// parts; each does its work in its own file. Non-secure interface, NS-EL1 streams. Absent and reading as
// absent: ATS requests, stall, MSI, Secure and Realm state, EL2 and EL3 StreamWorlds (docs/capabilities.md).

import type { Batch } from "../machine/batch.js";
import { wordsOf } from "../machine/bit-fields.js";
import { Engine } from "../machine/engine.js";
import { FirstError } from "../machine/first-error.js";
import { checkPageRequest, type PageRequest, type PageRequestOutcome } from "../machine/page-request.js";
import type { TranslateRequest } from "../machine/translation.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { RamRange } from "../memory/ranges.js";
import { VENDOR_SMMUV3 } from "../spec/abi/core.js";
import { readCounters, type SmmuCounters } from "./counters.js";
import { encodeEvent, type SmmuFault } from "./events.js";
import { readFault } from "./faults.js";
import { SMMUV3_PRESETS, type SmmuFeatures, validateFeatures } from "./features.js";
import { type Hardware, powerOn } from "./hardware.js";
import type { SmmuV3Options } from "./options.js";
import type { Translation } from "./translation.js";

/**
 * An Arm SMMUv3 (IHI 0070 G.b) over simulated physical memory.
 *
 * @example
 * const smmu = new SmmuV3();
 * smmu.translate({ stream: 8, iova: 0x1000n }).status; // "bypassed": SMMUEN is 0 after reset
 */
export class SmmuV3 {
  /** Simulated physical memory: tables, queues and data. */
  readonly memory: PhysicalMemory;
  /** Columns of requests and answers for `run`. */
  readonly batch: Batch;
  readonly #options: SmmuV3Options;
  readonly #engine: Engine;
  #features: SmmuFeatures;
  #hardware: Hardware;
  /** Of the last batch, in request order. */
  #faults: SmmuFault[] = [];
  #lastEvent: Uint8Array | undefined;

  /**
   * Powers a machine on.
   *
   * @param options see SmmuV3Options; everything has a default
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: SmmuV3Options = {}) {
    this.#options = options;
    this.#features = validateFeatures(options.features ?? SMMUV3_PRESETS.full);
    this.#engine = new Engine(options, VENDOR_SMMUV3);
    this.memory = this.#engine.memory;
    this.batch = this.#engine.batch;
    this.#hardware = powerOn(this.#engine.core, this.memory, this.#features, options);
  }

  /** The ID registers that the machine advertises. */
  get features(): SmmuFeatures {
    return { ...this.#features };
  }

  /**
   * Reads a 32-bit register.
   *
   * @param offset byte offset from page 0 (page 1 from 0x10000), a multiple of 4
   */
  read32(offset: number): number {
    return this.#hardware.registers.read32(offset);
  }

  /**
   * Writes a 32-bit register; what it starts (commands, for one) is done when the call returns.
   *
   * @param offset byte offset from page 0 (page 1 from 0x10000), a multiple of 4
   * @param value 0..2^32-1
   */
  write32(offset: number, value: number): void {
    this.#hardware.registers.write32(offset, value);
  }

  /**
   * Reads a 64-bit register, or two neighbouring 32-bit ones.
   *
   * @param offset byte offset, a multiple of 8
   */
  read64(offset: number): bigint {
    return this.#hardware.registers.read64(offset);
  }

  /**
   * Writes a 64-bit register.
   *
   * @param offset byte offset, a multiple of 8
   * @param value 0..2^64-1
   */
  write64(offset: number, value: bigint): void {
    this.#hardware.registers.write64(offset, value);
  }

  /**
   * Carries one command out at once, without the Command queue.
   *
   * @param command 16 bytes
   * @returns 0, or the CERROR code (1 = CERROR_ILL)
   * @throws RangeError when `command` is not 16 bytes long
   */
  issue(command: Uint8Array): number {
    if (command.byteLength !== 16) {
      throw new RangeError(`"command" expected 16 bytes, got ${command.byteLength}`);
    }
    const { executor } = this.#hardware;
    const code = executor.execute(wordsOf(command));
    executor.complete();
    return code;
  }

  /**
   * Translates the first `count` requests of the batch, in order. Event records are in the queue when
   * it returns.
   *
   * @param count 0..batch.capacity
   * @returns how many requests ended in a fault
   * @throws RangeError when `count` is out of range
   */
  run(count: number): number {
    return this.#engine.run(count, (faults) => this.#record(faults));
  }

  #record(count: number): void {
    this.#lastEvent = undefined;
    if (count === 0 && this.#faults.length === 0) return;
    // Read before any is handed out: a sink or an interrupt handler may translate, which starts a new batch.
    const faults = Array.from({ length: count }, (_, n) => readFault(this.#engine.core, n));
    let lastEvent: Uint8Array | undefined;
    const errors = new FirstError();
    for (const fault of faults) {
      if (!fault.recorded) continue;
      const event = encodeEvent(fault);
      const { eventSink } = this.#options;
      fault.recorded = eventSink !== undefined;
      errors.attempt(() => {
        if (eventSink) eventSink(event);
        else fault.recorded = this.#hardware.events.record(event);
      });
      if (fault.recorded) lastEvent = event;
    }
    this.#faults = faults;
    this.#lastEvent = lastEvent;
    errors.rethrow();
  }

  /** The faults of the last `run` or `translate`, in request order. */
  faults(): SmmuFault[] {
    return this.#faults.map((fault) => ({ ...fault }));
  }

  /**
   * Translates one request: the convenient form, for tests and first steps. Columns of the batch are left
   * alone, `faults` is replaced.
   *
   * @throws TypeError, RangeError that name the field of the request
   */
  translate(request: TranslateRequest): Translation {
    const answer: Translation = this.#engine.translate(request, (faults) => this.#record(faults));
    if (this.#lastEvent) answer.event = this.#lastEvent;
    const [fault] = this.faults();
    if (fault) answer.fault = { ...fault, index: 0 };
    return answer;
  }

  /**
   * Takes a page request message of an endpoint (PCIe PRI).
   *
   * @param request the message; one with a PASID that is the last and wants neither read nor write is a Stop marker
   * @returns whether it was written to the PRI queue, answered at once (through `onPageResponse`) or dropped
   * @throws TypeError, RangeError that name the field of the request
   *
   * Source: IHI 0070 chapter 8.
   */
  requestPage(request: PageRequest): PageRequestOutcome {
    return this.#hardware.pages.take(checkPageRequest(request));
  }

  /** What the machine has counted. */
  counters(): SmmuCounters {
    return readCounters(this.#engine.core, this.#hardware.pages.counts);
  }

  /** Sets every counter to 0. */
  resetCounters(): void {
    this.#engine.core.resetCounters();
    this.#hardware.pages.resetCounts();
  }

  /**
   * Powers the machine off and on: registers, caches, counters and all memory forgotten.
   *
   * @param changes new features or RAM ranges; default as before
   */
  reset(changes: { features?: SmmuFeatures; ram?: readonly RamRange[] } = {}): void {
    if (changes.features) this.#features = validateFeatures(changes.features);
    this.#engine.reset(changes.ram);
    this.#faults = [];
    this.#lastEvent = undefined;
    this.#hardware = powerOn(this.#engine.core, this.memory, this.#features, this.#options);
  }
}
