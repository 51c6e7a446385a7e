// A VT-d remapping unit as a device: its registers, queues, memory and the translation of requests. A list of parts; each
// does its work in its own file. Legacy and scalable mode, first and second stage, nested, pass-through, ATS. Absent and
// reading as absent: interrupt remapping, host permission tables, execute requests
// (docs/capabilities-vtd.md).

import type { ArenaView } from "../core/core.js";
import type { Batch } from "../machine/batch.js";
import { bytesOf, wordsOf } from "../machine/bit-fields.js";
import type { BoundSource, BoundTranslate, BoundTranslate64 } from "../machine/bound.js";
import { Callbacks } from "../machine/callbacks.js";
import { readTranslationCounters, type TranslationCounters } from "../machine/counters.js";
import { Engine } from "../machine/engine.js";
import { FirstError } from "../machine/first-error.js";
import { type CacheContents, inspectCaches } from "../machine/inspect.js";
import { OpenSnapshot, type SnapshotOptions, saveSnapshot } from "../machine/machine-snapshot.js";
import { checkPageRequest, type PageRequest, type PageRequestOutcome } from "../machine/page-request.js";
import type { TranslateRequest } from "../machine/translation.js";
import type { TranslationCompletion, TranslationRequest } from "../machine/translation-request.js";
import type { WalkRecord } from "../machine/walk-records.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { RamRange } from "../memory/ranges.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { VENDOR_VTD } from "../spec/abi/core.js";
import * as R from "../spec/vtd/registers.js";
import { readCounters, type VtdCounters } from "./counters.js";
import { encodeFaultWords } from "./fault-record.js";
import { readFault, type VtdFault, vtdFaultName } from "./faults.js";
import { VTD_PRESETS, type VtdFeatures, validateVtdFeatures } from "./features.js";
import { type Hardware, powerOn, SAVED_PARTS } from "./hardware.js";
import { effectiveMemoryType, type MemoryType, memoryTypeFacts } from "./memory-type.js";
import type { VtdOptions } from "./options.js";
import { loadUnit, saveUnit, type VtdRestoreOptions } from "./saved-unit.js";
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
  readonly #callbacks = new Callbacks();
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
    this.#options = this.#callbacks.count(options);
    this.#features = validateVtdFeatures(options.features ?? VTD_PRESETS.full);
    this.#engine = new Engine(this.#options, VENDOR_VTD);
    this.memory = this.#engine.memory;
    this.batch = this.#engine.batch;
    this.#hardware = powerOn(this.#engine.core, this.memory, this.#features, this.#options);
  }

  /**
   * Makes the machine of a snapshot: sizes, geometry, capabilities and memory are the snapshot's. Between the calls of
   * both machines there is no difference, caches included.
   *
   * @param bytes what `snapshot` returned
   * @param options callbacks and what else a snapshot does not have; external ranges must be those of the snapshot
   * @throws SnapshotError for bytes that are no snapshot of a VT-d unit, or not an undamaged one
   * @throws TypeError, RangeError that name the option and what was expected
   */
  static restore(bytes: Uint8Array, options: VtdRestoreOptions = {}): VtdIommu {
    const saved = new OpenSnapshot(bytes, options, VENDOR_VTD, SAVED_PARTS, loadUnit);
    const vtd = new VtdIommu({ ...options, ...saved.machine.options, ...saved.unit.options });
    vtd.#faults = [...saved.unit.faults];
    saved.loadInto(vtd.#engine, vtd.#hardware.saved);
    return vtd;
  }

  /**
   * The unit as bytes: registers, memory, queues, counters, and the caches unless they are left out. Endpoints and their
   * device TLBs, drivers and the host face are no part of it.
   *
   * @param options see SnapshotOptions
   * @throws RangeError from inside a callback, when the unit is in the middle of something
   */
  snapshot(options: SnapshotOptions = {}): Uint8Array {
    this.#callbacks.expectNone("snapshot");
    const unit = (to: StateWriter): void => saveUnit(to, this.#features, this.#options, this.#faults);
    return saveSnapshot(options, VENDOR_VTD, this.#engine, unit, this.#hardware.saved);
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
   * @param descriptor 16 or 32 bytes, or the same as little-endian words
   * @returns 0, or what IQERCD would say (3 = invalid type, 4 = reserved field, 5 = wrong width, 7 = table mode)
   * @throws RangeError when `descriptor` has another length
   */
  issue(descriptor: Uint8Array | Uint32Array): number {
    const { byteLength } = descriptor;
    if (byteLength !== NARROW_BYTES && byteLength !== WIDE_BYTES) {
      throw new RangeError(`"descriptor" expected ${NARROW_BYTES} or ${WIDE_BYTES} bytes, got ${byteLength}`);
    }
    const { executor, command, queue } = this.#hardware;
    const { mode } = command;
    const error = executor.widthError(mode, byteLength === WIDE_BYTES);
    if (error !== 0) return error;
    const words = descriptor instanceof Uint32Array ? descriptor : wordsOf(descriptor);
    const code = executor.execute(words, mode);
    const errors = new FirstError();
    errors.attempt(() => executor.sendInvalidation());
    errors.attempt(() => queue.expire());
    errors.attempt(() => executor.complete());
    errors.rethrow();
    return code;
  }

  /**
   * Translates `count` requests of the batch, in order. Faults are in the recording registers when it returns, as far as
   * there was room.
   *
   * @param count 0..batch.capacity - first
   * @param first index of the first one, 0..batch.capacity; default 0
   * @returns how many requests ended in a fault
   * @throws RangeError when the requests are not all in the batch
   */
  run(count: number, first = 0): number {
    return this.#engine.run(first, count, this.#finish);
  }

  /**
   * Carries `count` requests of the batch out, in order, as accesses with translated addresses (PCIe ATS): `iova` is an
   * address that a translation completion gave.
   *
   * @param count 0..batch.capacity - first
   * @param first index of the first one, 0..batch.capacity; default 0
   * @returns how many requests ended in a fault
   * @throws RangeError when the requests are not all in the batch
   */
  runTranslated(count: number, first = 0): number {
    return this.#engine.runTranslated(first, count, this.#finish);
  }

  /** Made once: a run without faults allocates nothing. */
  readonly #finish = (faults: number): void => this.#record(faults);

  /** The same of a bound function's request. */
  readonly #settle = (faults: number, status: number): number => {
    this.#record(faults);
    return status;
  };

  #record(count: number, arena: ArenaView = this.#engine.core): void {
    this.#lastRecord = undefined;
    if (count === 0 && this.#faults.length === 0) return;
    // Read before any is handed out: an interrupt handler may translate, which starts a new batch.
    const faults = Array.from({ length: count }, (_, n) => readFault(arena, n));
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

  /** @internal Records what a unit of a pool left in its arena after a run, as `run` does; returns the faults. */
  collect(arena: ArenaView, count: number): VtdFault[] {
    this.#record(count, arena);
    return this.faults();
  }

  /** @internal What one unit of a pool has counted. */
  countersOf(arena: ArenaView): TranslationCounters {
    return readTranslationCounters(arena, vtdFaultName);
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
    const answer: VtdTranslation = this.#engine.translate(request, this.#finish);
    const type = answer.ok && !request.translated ? this.#memoryType(answer.pa) : undefined;
    if (type) answer.memoryType = type;
    if (this.#lastRecord) answer.record = this.#lastRecord;
    const [fault] = this.faults();
    if (fault) answer.fault = { ...fault, index: 0 };
    return answer;
  }

  /**
   * The requests of one source as a function from address to PA, the fastest single call.
   *
   * @param source whose requests, and of which kind
   * @returns the function; where it returns a negative number, `faults` has the fault
   * @throws TypeError, RangeError that name the field of the source
   */
  bind(source: BoundSource): BoundTranslate {
    return this.#engine.bind(source, this.#settle);
  }

  /**
   * As `bind`, for every address.
   *
   * @param source whose requests, and of which kind
   * @returns the function
   * @throws TypeError, RangeError that name the field of the source
   */
  bind64(source: BoundSource): BoundTranslate64 {
    return this.#engine.bind64(source, this.#settle);
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

  /**
   * Answers a translation request of an endpoint (PCIe ATS).
   *
   * @param request what the endpoint asks for; without a PASID neither execute nor privileged counts
   * @throws TypeError, RangeError that name the field of the request
   */
  requestTranslation(request: TranslationRequest): TranslationCompletion {
    return this.#engine.requestTranslation(request, this.#finish);
  }

  /** What the caches hold now, entry by entry; a copy. */
  inspect(): CacheContents {
    return inspectCaches(this.#engine.core);
  }

  /**
   * What the walks of the last `run` or `translate` read: structures and entries, in order.
   *
   * @returns undefined unless the machine was made with the option `trace`
   */
  walkRecords(): WalkRecord[] | undefined {
    return this.#engine.walkRecords();
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
