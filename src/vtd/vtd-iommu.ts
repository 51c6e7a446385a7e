// A VT-d remapping unit as a device: its registers, queues, memory and the translation of requests. A list of parts; each
// does its work in its own file. Legacy and scalable mode, first and second stage, nested, pass-through, ATS. Absent and
// reading as absent: interrupt remapping, host permission tables, execute requests
// (docs/capabilities-vtd.md).

import type { ArenaView } from "../core/core.js";
import { bytesOf, readWords } from "../machine/bit-fields.js";
import { Callbacks } from "../machine/callbacks.js";
import { readTranslationCounters, type TranslationCounters } from "../machine/counters.js";
import { Engine } from "../machine/engine.js";
import { FaultList, NO_RECORDS } from "../machine/fault-list.js";
import { FirstError } from "../machine/first-error.js";
import { Machine } from "../machine/machine.js";
import { OpenSnapshot, type SnapshotOptions, saveSnapshot } from "../machine/machine-snapshot.js";
import type { TranslateRequest } from "../machine/translation.js";
import type { TranslationCompletion, TranslationRequest } from "../machine/translation-request.js";
import type { RamRange } from "../memory/ranges.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { FAULT_FLAG_RECORD, VENDOR_VTD } from "../spec/abi/core.js";
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
const NO_FAULTS = new FaultList<VtdFault>(NO_RECORDS, 0, readFault);

/**
 * An Intel VT-d remapping unit (Rev 5.10) over simulated physical memory.
 *
 * @example
 * const vtd = new VtdIommu();
 * vtd.translate({ stream: 8, iova: 0x1000n }).status; // "bypassed": GSTS.TES is 0 after reset
 */
export class VtdIommu extends Machine {
  readonly #callbacks: Callbacks;
  readonly #options: VtdOptions;
  #features: VtdFeatures;
  #hardware: Hardware;
  /** Of the last batch, in request order. */
  #faults = NO_FAULTS;
  #lastRecord: Uint8Array | undefined;
  /** The words of a descriptor that came as bytes. */
  readonly #narrow = new Uint32Array(4);
  readonly #wide = new Uint32Array(8);

  /**
   * Powers a unit on.
   *
   * @param options see VtdOptions; everything has a default
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: VtdOptions = {}) {
    const callbacks = new Callbacks();
    const counted = callbacks.count(options);
    const features = validateVtdFeatures(options.features ?? VTD_PRESETS.full);
    super(new Engine(counted, VENDOR_VTD));
    this.#callbacks = callbacks;
    this.#options = counted;
    this.#features = features;
    this.#hardware = powerOn(this.engine.core, this.memory, this.#features, this.#options);
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
    vtd.#faults = new FaultList(NO_RECORDS, saved.unit.faults.length, readFault, [...saved.unit.faults]);
    saved.loadInto(vtd.engine, vtd.#hardware.saved);
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
    const unit = (to: StateWriter): void => saveUnit(to, this.#features, this.#options, this.#faults.all());
    return saveSnapshot(options, VENDOR_VTD, this.engine, unit, this.#hardware.saved);
  }

  /** @internal */
  protected override get registers(): Hardware["registers"] {
    return this.#hardware.registers;
  }

  /** @internal */
  protected override get pages(): Hardware["pages"] {
    return this.#hardware.pages;
  }

  /** The capabilities that the unit reports. */
  get features(): VtdFeatures {
    return { ...this.#features };
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
    const into = byteLength === WIDE_BYTES ? this.#wide : this.#narrow;
    const words = descriptor instanceof Uint32Array ? descriptor : readWords(descriptor, into);
    const code = executor.execute(words, mode);
    if (executor.isDone) return code;
    const errors = new FirstError();
    errors.attempt(() => executor.sendInvalidation());
    errors.attempt(() => queue.expire());
    errors.attempt(() => executor.complete());
    errors.rethrow();
    return code;
  }

  /** @internal Takes the faults that a run left. */
  protected override readonly finish = (faults: number): void => this.#record(faults);

  /** @internal The same of a bound function's request. */
  protected override readonly settle = (faults: number, status: number): number => {
    this.#record(faults);
    return status;
  };

  #record(count: number, arena: ArenaView = this.engine.core): void {
    this.#lastRecord = undefined;
    if (count === 0) {
      this.#faults = NO_FAULTS;
      return;
    }
    // Copied before any is handed out: an interrupt handler may translate, which starts a new batch.
    const faults = new FaultList(arena, count, readFault);
    const { registers, faults: log } = this.#hardware;
    let lastRecord: Uint8Array | undefined;
    const errors = new FirstError();
    for (let n = 0; n < count; n++) {
      if ((faults.flags(n) & FAULT_FLAG_RECORD) === 0) continue;
      try {
        if (log.hasRoom) {
          const fault = faults.at(n);
          const access = fault.write ? "write" : "read";
          const words = encodeFaultWords({ ...fault, address: fault.iova, access }, registers.features.pasid);
          lastRecord = bytesOf(words);
          log.record(words);
        } else {
          faults.lose(n);
          log.overflow();
        }
      } catch (error) {
        errors.keep(error);
      }
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
    return this.#faults.all().map((fault) => ({ ...fault }));
  }

  /**
   * Translates one request: the convenient form, for tests and first steps. Columns of the batch are left
   * alone, `faults` is replaced.
   *
   * @throws TypeError, RangeError that name the field of the request
   */
  translate(request: TranslateRequest): VtdTranslation {
    const answer: VtdTranslation = this.engine.translate(request, this.finish);
    const type = answer.ok && !request.translated ? this.#memoryType(answer.pa) : undefined;
    if (type) answer.memoryType = type;
    if (this.#lastRecord) answer.record = this.#lastRecord;
    const fault = this.#faults.first();
    if (fault) answer.fault = { ...fault, index: 0 };
    return answer;
  }

  /** Of the single request just answered. */
  #memoryType(pa: bigint): MemoryType | undefined {
    const { core, memory, batch } = this.engine;
    const { registers } = this.#hardware;
    if (!registers.features.memoryTypes || !registers.has(R.REG_GSTS, R.GCMD_TE_LSB)) return undefined;
    const facts = memoryTypeFacts(core, memory, batch.capacity);
    return facts && effectiveMemoryType(facts, this.#options.rangeType?.(pa) ?? "WB");
  }

  /**
   * Answers a translation request of an endpoint (PCIe ATS).
   *
   * @param request what the endpoint asks for; without a PASID neither execute nor privileged counts
   * @throws TypeError, RangeError that name the field of the request
   */
  requestTranslation(request: TranslationRequest): TranslationCompletion {
    return this.engine.requestTranslation(request, this.finish);
  }

  /** What the unit has counted. */
  counters(): VtdCounters {
    return readCounters(this.engine.core, this.#hardware.pages.counts);
  }

  /** Sets every counter to 0. */
  resetCounters(): void {
    this.engine.core.resetCounters();
    this.#hardware.pages.resetCounts();
  }

  /**
   * Powers the unit off and on: registers, caches, counters and all memory forgotten.
   *
   * @param changes new features or RAM ranges; default as before
   */
  reset(changes: { features?: VtdFeatures; ram?: readonly RamRange[] } = {}): void {
    if (changes.features) this.#features = validateVtdFeatures(changes.features);
    this.engine.reset(changes.ram);
    this.#faults = NO_FAULTS;
    this.#lastRecord = undefined;
    this.#hardware = powerOn(this.engine.core, this.memory, this.#features, this.#options);
  }
}
