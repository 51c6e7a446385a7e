// What every vendor's machine runs on: one core with its memory and batch, the loop that supplies external frames, and
// the single request. What a fault means, and where it goes, is the vendor's business.

import { Core } from "../core/core.js";
import {
  loadCaches,
  loadColumns,
  loadCounters,
  saveCaches,
  saveColumns,
  saveCounters,
} from "../core/core-state.js";
import { PhysicalMemory } from "../memory/physical-memory.js";
import { frameRanges, type RamRange } from "../memory/ranges.js";
import type { SnapshotReader, SnapshotWriter } from "../snapshot/snapshot-file.js";
import * as A from "../spec/abi/core.js";
import { Batch } from "./batch.js";
import {
  type BoundSource,
  type BoundTranslate,
  type BoundTranslate64,
  encodeSource,
  hitsFirst,
  NO_ADDRESS,
  type Settle,
  WAITS,
} from "./bound.js";
import { FirstError } from "./first-error.js";
import { type MachineOptions, planArena, reservedBytes } from "./options.js";
import { type SavedMachine, saveMachine } from "./saved-options.js";
import {
  encodeRequest,
  sourceName,
  statusName,
  type TranslateAnswer,
  type TranslateRequest,
} from "./translation.js";
import {
  readCompletion,
  type TranslationCompletion,
  type TranslationRequest,
} from "./translation-request.js";
import { readWalkRecords, type WalkRecord } from "./walk-records.js";

/** Takes the number of fault records that a batch left in the core. */
export type Finish = (faults: number) => void;

/** A core with its memory. */
export class Engine {
  readonly core: Core;
  readonly memory: PhysicalMemory;
  readonly batch: Batch;
  readonly #options: MachineOptions;
  /** RAM as of the last reset. */
  #ram: readonly RamRange[] | undefined;
  /** Walk records before the last run. */
  #traced = 0;

  /**
   * @param options sizes, memory and caches
   * @param vendor VENDOR_* of src/spec/abi/core.ts
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: MachineOptions, vendor: number) {
    this.#options = options;
    const external = options.external ?? [];
    const ranges = frameRanges(options.ram, external);
    this.#ram = options.ram;
    const plan = { ...planArena(options), vendor };
    this.core = options.makeCore?.(plan, ranges) ?? new Core(plan, ranges, options.trace ?? options.core);
    if (options.trace && this.core.exports.traceCount() < 0) {
      throw new TypeError(`"trace" expected the bytes of the trace build of the core, got another build`);
    }
    this.core.onInvalidation = options.onInvalidation;
    // One frame more: the first is the frame of zeros.
    this.core.ensure(this.core.framesBase + reservedBytes(options) + 65536);
    this.memory = new PhysicalMemory(this.core, ranges, external);
    this.batch = new Batch(this.core);
  }

  /**
   * Translates requests first..first+count-1 of the batch, in order.
   *
   * @param finish called once with the number of fault records, also when an embedder's frame could not be had
   * @returns how many requests ended in a fault
   * @throws RangeError when the requests are not all in the batch
   */
  run(first: number, count: number, finish: Finish): number {
    this.batch.check(first, count);
    const last = first + count;
    if (this.#options.trace) this.#traced = this.core.exports.traceCount();
    const faults = this.#complete(this.core.exports.run(first, last, 0), last, finish);
    finish(faults);
    return faults;
  }

  /** As run, for accesses with translated addresses (PCIe ATS). */
  runTranslated(first: number, count: number, finish: Finish): number {
    this.batch.check(first, count);
    const last = first + count;
    const stopped = this.core.exports.runAts(A.ATS_TRANSLATED, first, last, 0);
    const faults = this.#complete(stopped, last, finish, A.ATS_TRANSLATED);
    finish(faults);
    return faults;
  }

  /**
   * Translates one request beside the batch, whose columns are left alone.
   *
   * @param finish as for run
   * @throws TypeError, RangeError that name the field of the request
   */
  translate(request: TranslateRequest, finish: Finish): TranslateAnswer {
    const at = this.batch.capacity;
    const core = this.core;
    const { translated } = this.#putSingle(request);
    const faults = this.#runSingle(finish, translated ? A.ATS_TRANSLATED : undefined);
    // Read before the faults go out: whoever takes them may translate, too.
    const code = core.u8[core.part(A.HDR_STATUS) + at] ?? 0;
    const answer: TranslateAnswer = {
      ok: code <= A.STATUS_BYPASSED,
      status: statusName(code),
      pa: core.u64[core.part(A.HDR_PA) / 8 + at] ?? 0n,
      leafLg2: core.u8[core.part(A.HDR_LEAF_LG2) + at] ?? 0,
      fetches: core.u8[core.part(A.HDR_FETCHES) + at] ?? 0,
      source: sourceName(core.u8[core.part(A.HDR_SOURCE) + at] ?? 0),
    };
    finish(faults);
    return answer;
  }

  /**
   * Answers a translation request of an endpoint (PCIe ATS).
   *
   * @param finish as for run
   * @throws TypeError, RangeError that name the field of the request
   */
  requestTranslation(request: TranslationRequest, finish: Finish): TranslationCompletion {
    const at = this.batch.capacity;
    const core = this.core;
    this.#putSingle(request);
    const faults = this.#runSingle(finish, A.ATS_REQUEST);
    const completion = readCompletion(
      core.u8[core.part(A.HDR_STATUS) + at] ?? 0,
      core.u64[core.part(A.HDR_PA) / 8 + at] ?? 0n,
      core.u8[core.part(A.HDR_LEAF_LG2) + at] ?? 0,
    );
    finish(faults);
    return completion;
  }

  /** Puts a request in the row beside the batch. */
  #putSingle(request: TranslateRequest): ReturnType<typeof encodeRequest> {
    const encoded = encodeRequest(request);
    const at = this.batch.capacity;
    const core = this.core;
    core.u32[core.part(A.HDR_STREAM) / 4 + at] = encoded.stream;
    core.u32[core.part(A.HDR_PASID) / 4 + at] = encoded.pasid;
    core.u64[core.part(A.HDR_IOVA) / 8 + at] = encoded.iova;
    core.u8[core.part(A.HDR_ACCESS) + at] = encoded.access;
    return encoded;
  }

  /** The request beside the batch: an ordinary one, or what `ats` (ATS_*) says. Returns the number of fault records. */
  #runSingle(finish: Finish, ats?: number): number {
    const { exports } = this.core;
    const at = this.batch.capacity;
    if (this.#options.trace) this.#traced = exports.traceCount();
    const stopped = ats === undefined ? exports.run(at, at + 1, 0) : exports.runAts(ats, at, at + 1, 0);
    return this.#complete(stopped, at + 1, finish, ats);
  }

  /**
   * Ends what the core has begun: supplies external frames as long as it stops for one, writes changed ones back.
   *
   * @param stopped what the core's `run` or `runAts` returned
   * @param last row of the batch at which it is done
   * @returns the number of fault records
   */
  #complete(stopped: number, last: number, finish: Finish, ats?: number): number {
    if (!this.#options.external) return stopped;
    const { exports } = this.core;
    let faults = stopped;
    try {
      while (faults < 0) {
        this.memory.supply(BigInt.asUintN(64, exports.missingAddress()));
        const next = -1 - faults;
        faults = ats === undefined ? exports.run(next, last, 1) : exports.runAts(ats, next, last, 1);
      }
      this.memory.storeChanged();
    } catch (error) {
      // When an embedder's fill or store throws, what the requests before it did still counts.
      const errors = new FirstError();
      errors.keep(error);
      errors.attempt(() => finish(exports.faultCount()));
      errors.rethrow();
    }
    return faults;
  }

  /**
   * The requests of one source as a function.
   *
   * @param settle called where a request does not simply get a PA
   * @throws TypeError, RangeError that name the field of the source
   */
  bind(source: BoundSource, settle: Settle): BoundTranslate {
    const { stream, pasid, access } = encodeSource(source);
    const { single } = this.core.exports;
    return hitsFirst(this.core, { stream, pasid, access }, (iova) => {
      const pa = single(stream, pasid, access, iova);
      return pa >= 0 ? pa : Number(this.#settle(pa, settle, iova));
    });
  }

  /** As `bind`, for every address. */
  bind64(source: BoundSource, settle: Settle): BoundTranslate64 {
    const { stream, pasid, access } = encodeSource(source);
    const { single64 } = this.core.exports;
    return (iova) => {
      if (BigInt.asUintN(64, iova) !== iova) throw new RangeError(`"iova" expected 0..2^64-1, got ${iova}`);
      const pa = single64(stream, pasid, access, iova);
      return pa >= 0n ? pa : this.#settle(Number(pa), settle, iova);
    };
  }

  /** Ends a single call that the core has not answered by itself; returns a PA or minus a status code. */
  #settle(outcome: number, settle: Settle, iova: unknown): bigint {
    if (outcome === NO_ADDRESS) {
      throw new RangeError(`"iova" expected an integer in 0..2^52-1, got ${String(iova)}`);
    }
    const { core } = this;
    const at = this.batch.capacity;
    const stopped = outcome === WAITS ? -1 - at : core.exports.faultCount();
    const faults = this.#complete(stopped, at + 1, (found) => settle(found, A.STATUS_FAULT));
    // Read before the faults go out: whoever takes them may translate, too.
    const pa = core.u64[core.part(A.HDR_PA) / 8 + at] ?? 0n;
    const status = settle(faults, core.u8[core.part(A.HDR_STATUS) + at] ?? 0);
    return status <= A.STATUS_BYPASSED ? pa : -BigInt(status);
  }

  /** What the walks of the last run read; undefined unless the machine keeps records (option `trace`). */
  walkRecords(): WalkRecord[] | undefined {
    return this.#options.trace && readWalkRecords(this.core, this.#traced);
  }

  /** The field that configuration was refused for, if the last fault was of that kind; see traceField of the core. */
  refusedField(): readonly [msb: number, lsb: number] {
    const bits = this.core.exports.traceField();
    return [bits >>> 16, bits & 0xffff];
  }

  /**
   * Power-on: caches, counters and all memory forgotten.
   *
   * @param ram RAM ranges; default as at creation
   */
  reset(ram?: readonly RamRange[]): void {
    const now = ram ?? this.#options.ram;
    const ranges = frameRanges(now, this.#options.external ?? []);
    this.#ram = now;
    this.core.reset(ranges);
    this.memory.redeclare(ranges);
  }

  /**
   * Writes sizes, memory, columns and counters.
   *
   * @param caches whether the caches come with them; those of a pool's machine never do: its units have their own
   */
  save(to: SnapshotWriter, caches: boolean): void {
    const { core } = this;
    core.checkQuiet();
    saveMachine(to.section("machine"), core.plan, this.#options, this.#ram);
    if (caches && core.isAlone) saveCaches(core, to.section("caches"));
    saveColumns(core, to.section("columns"));
    saveCounters(core, to.section("counters"));
    core.frames.save(to.section("memory"));
  }

  /**
   * Takes all that over; the engine is new, and made with the options of `machine`.
   *
   * @throws SnapshotError when a section does not hold what it should
   */
  load(from: SnapshotReader, { ram }: SavedMachine, caches: boolean | "if-possible"): void {
    const { core } = this;
    this.reset(ram);
    if (caches !== false && from.has("caches")) {
      from.read("caches", (section) => loadCaches(core, section, caches === "if-possible"));
    }
    from.read("columns", (section) => loadColumns(core, section));
    from.read("counters", (section) => loadCounters(core, section));
    from.read("memory", (section) => this.memory.load(section));
  }
}
