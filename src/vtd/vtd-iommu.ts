// A VT-d remapping unit as a device: its registers, queues, memory and the translation of requests. A list of parts; each
// does its work in its own file. Legacy and scalable mode, first and second stage, nested, pass-through. Absent and
// reading as absent: translation requests (ATS), interrupt remapping, host permission tables, execute requests
// (docs/capabilities-vtd.md).

import type { Batch } from "../machine/batch.js";
import { bytesOf, wordsOf } from "../machine/bit-fields.js";
import { Engine } from "../machine/engine.js";
import { FirstError } from "../machine/first-error.js";
import { checkPageRequest, type PageRequest, type PageRequestOutcome } from "../machine/page-request.js";
import type { TranslateRequest } from "../machine/translation.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { RamRange } from "../memory/ranges.js";
import { VENDOR_VTD } from "../spec/abi/core.js";
import * as R from "../spec/vtd/registers.js";
import { readCounters, type VtdCounters } from "./counters.js";
import { encodeFaultWords } from "./fault-record.js";
import { readFault, type VtdFault } from "./faults.js";
import { VTD_PRESETS, type VtdFeatures, validateVtdFeatures } from "./features.js";
import { type Hardware, powerOn } from "./hardware.js";
import { effectiveMemoryType, type MemoryType, memoryTypeFacts } from "./memory-type.js";
import type { VtdOptions } from "./options.js";
import type { VtdTranslation } from "./translation.js";

const NARROW_BYTES = 16;
const WIDE_BYTES = 32;

/**
 * An Intel VT-d remapping unit (Rev 5.10) over simulated physical memory.
 *
 * @example
 * const vtd = new VtdIommu();
 * vtd.translate({ stream: 8, iova: 0x1000n }).status; // "bypassed": GSTS.TES is 0 after reset
 */
export class VtdIommu {
  /** Simulated physical memory: tables, queues and data. */
  readonly memory: PhysicalMemory;
  /** Columns of requests and answers for `run`. */
  readonly batch: Batch;
  readonly #options: VtdOptions;
  readonly #engine: Engine;
  #features: VtdFeatures;
  #hardware: Hardware;
  /** Of the last batch, in request order. */
  #faults: VtdFault[] = [];
  #lastRecord: Uint8Array | undefined;

  /**
   * Powers a unit on.
   *
   * @param options see VtdOptions; everything has a default
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: VtdOptions = {}) {
    this.#options = options;
    this.#features = validateVtdFeatures(options.features ?? VTD_PRESETS.full);
    this.#engine = new Engine(options, VENDOR_VTD);
    this.memory = this.#engine.memory;
    this.batch = this.#engine.batch;
    this.#hardware = powerOn(this.#engine.core, this.memory, this.#features, options);
  }

  /** The capabilities that the unit reports. */
  get features(): VtdFeatures {
    return { ...this.#features };
  }

  /**
   * Reads a 32-bit register.
   *
   * @param offset byte offset, a multiple of 4, 0..0x7ffc
   */
  read32(offset: number): number {
    return this.#hardware.registers.read32(offset);
  }

  /**
   * Writes a 32-bit register; what it starts (invalidations, for one) is done when the call returns.
   *
   * @param offset byte offset, a multiple of 4, 0..0x7ffc
   * @param value 0..2^32-1
   */
  write32(offset: number, value: number): void {
    this.#hardware.registers.write32(offset, value);
  }

  /**
   * Reads a 64-bit register, or two neighbouring 32-bit ones.
   *
   * @param offset byte offset, a multiple of 8, 0..0x7ff8
   */
  read64(offset: number): bigint {
    return this.#hardware.registers.read64(offset);
  }

  /**
   * Writes a 64-bit register, low half first.
   *
   * @param offset byte offset, a multiple of 8, 0..0x7ff8
   * @param value 0..2^64-1
   */
  write64(offset: number, value: bigint): void {
    this.#hardware.registers.write64(offset, value);
  }

  /**
   * Carries one invalidation descriptor out at once, without the invalidation queue.
   *
   * @param descriptor 16 or 32 bytes
   * @returns 0, or what IQERCD would say (3 = invalid type, 4 = reserved field, 5 = wrong width, 7 = table mode)
   * @throws RangeError when `descriptor` has another length
   */
  issue(descriptor: Uint8Array): number {
    const { byteLength } = descriptor;
    if (byteLength !== NARROW_BYTES && byteLength !== WIDE_BYTES) {
      throw new RangeError(`"descriptor" expected ${NARROW_BYTES} or ${WIDE_BYTES} bytes, got ${byteLength}`);
    }
    const { executor, command } = this.#hardware;
    const { mode } = command;
    const error = executor.widthError(mode, byteLength === WIDE_BYTES);
    if (error !== 0) return error;
    const code = executor.execute(wordsOf(descriptor), mode);
    executor.complete();
    return code;
  }

  /**
   * Translates the first `count` requests of the batch, in order. Faults are in the recording registers when it
   * returns, as far as there was room.
   *
   * @param count 0..batch.capacity
   * @returns how many requests ended in a fault
   * @throws RangeError when `count` is out of range
   */
  run(count: number): number {
    return this.#engine.run(count, (faults) => this.#record(faults));
  }

  #record(count: number): void {
    this.#lastRecord = undefined;
    if (count === 0 && this.#faults.length === 0) return;
    // Read before any is handed out: an interrupt handler may translate, which starts a new batch.
    const faults = Array.from({ length: count }, (_, n) => readFault(this.#engine.core, n));
    const { registers, faults: log } = this.#hardware;
    let lastRecord: Uint8Array | undefined;
    const errors = new FirstError();
    for (const fault of faults) {
      if (!fault.recorded) continue;
      const access = fault.write ? "write" : "read";
      const words = encodeFaultWords({ ...fault, address: fault.iova, access }, registers.features.pasid);
      fault.recorded = log.hasRoom;
      errors.attempt(() => log.record(words));
      if (fault.recorded) lastRecord = bytesOf(words);
    }
    this.#faults = faults;
    this.#lastRecord = lastRecord;
    errors.rethrow();
  }

  /** The faults of the last `run` or `translate`, in request order. */
  faults(): VtdFault[] {
    return this.#faults.map((fault) => ({ ...fault }));
  }

  /**
   * Translates one request: the convenient form, for tests and first steps. Columns of the batch are left
   * alone, `faults` is replaced.
   *
   * @throws TypeError, RangeError that name the field of the request
   */
  translate(request: TranslateRequest): VtdTranslation {
    const answer: VtdTranslation = this.#engine.translate(request, (faults) => this.#record(faults));
    const type = answer.ok ? this.#memoryType(answer.pa) : undefined;
    if (type) answer.memoryType = type;
    if (this.#lastRecord) answer.record = this.#lastRecord;
    const [fault] = this.faults();
    if (fault) answer.fault = { ...fault, index: 0 };
    return answer;
  }

  /** Of the single request just answered. */
  #memoryType(pa: bigint): MemoryType | undefined {
    const { core, memory, batch } = this.#engine;
    const { registers } = this.#hardware;
    if (!registers.features.memoryTypes || !registers.has(R.REG_GSTS, R.GCMD_TE_LSB)) return undefined;
    const facts = memoryTypeFacts(core, memory, batch.capacity);
    return facts && effectiveMemoryType(facts, this.#options.rangeType?.(pa) ?? "WB");
  }

  /**
   * Takes a page request message of an endpoint (PCIe PRI).
   *
   * @param request the message; one with a PASID that is the last and wants neither read nor write is a Stop marker
   * @returns whether it was written to the page request queue, answered at once (through `onPageResponse`) or dropped
   * @throws TypeError, RangeError that name the field of the request
   *
   * Source: Rev 5.10, 7.4.
   */
  requestPage(request: PageRequest): PageRequestOutcome {
    return this.#hardware.pages.take(checkPageRequest(request));
  }

  /** What the unit has counted. */
  counters(): VtdCounters {
    return readCounters(this.#engine.core, this.#hardware.pages.counts);
  }

  /** Sets every counter to 0. */
  resetCounters(): void {
    this.#engine.core.resetCounters();
    this.#hardware.pages.resetCounts();
  }

  /**
   * Powers the unit off and on: registers, caches, counters and all memory forgotten.
   *
   * @param changes new features or RAM ranges; default as before
   */
  reset(changes: { features?: VtdFeatures; ram?: readonly RamRange[] } = {}): void {
    if (changes.features) this.#features = validateVtdFeatures(changes.features);
    this.#engine.reset(changes.ram);
    this.#faults = [];
    this.#lastRecord = undefined;
    this.#hardware = powerOn(this.#engine.core, this.memory, this.#features, this.#options);
  }
}
