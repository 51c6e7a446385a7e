// What every vendor's machine runs on: one core with its memory and batch, the loop that supplies external frames, and
// the single request. What a fault means, and where it goes, is the vendor's business.

import { Core } from "../core/core.js";
import { PhysicalMemory } from "../memory/physical-memory.js";
import { frameRanges, type RamRange } from "../memory/ranges.js";
import * as A from "../spec/abi/core.js";
import { Batch } from "./batch.js";
import { type MachineOptions, planArena, reservedBytes } from "./options.js";
import {
  encodeRequest,
  sourceName,
  statusName,
  type TranslateAnswer,
  type TranslateRequest,
} from "./translation.js";

/** Takes the number of fault records that a batch left in the core. */
export type Finish = (faults: number) => void;

/** A core with its memory. */
export class Engine {
  readonly core: Core;
  readonly memory: PhysicalMemory;
  readonly batch: Batch;
  readonly #options: MachineOptions;

  /**
   * @param options sizes, memory and caches
   * @param vendor VENDOR_* of src/spec/abi/core.ts
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: MachineOptions, vendor: number) {
    this.#options = options;
    const external = options.external ?? [];
    const ranges = frameRanges(options.ram, external);
    this.core = new Core({ ...planArena(options), vendor }, ranges, options.core);
    // One frame more: the first is the frame of zeros.
    this.core.ensure(this.core.framesBase + reservedBytes(options) + 65536);
    this.memory = new PhysicalMemory(this.core, ranges, external);
    this.batch = new Batch(this.core);
  }

  /**
   * Translates the first `count` requests of the batch, in order.
   *
   * @param count 0..batch.capacity
   * @param finish called once with the number of fault records, also when an embedder's frame could not be had
   * @returns how many requests ended in a fault
   * @throws RangeError when `count` is out of range
   */
  run(count: number, finish: Finish): number {
    if (!Number.isInteger(count) || count < 0 || count > this.batch.capacity) {
      throw new RangeError(`"count" expected 0..${this.batch.capacity}, got ${String(count)}`);
    }
    const faults = this.#execute(0, count, finish);
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
    const { stream, pasid, iova, access } = encodeRequest(request);
    const at = this.batch.capacity;
    const core = this.core;
    core.u32[core.part(A.HDR_STREAM) / 4 + at] = stream;
    core.u32[core.part(A.HDR_PASID) / 4 + at] = pasid;
    core.u64[core.part(A.HDR_IOVA) / 8 + at] = iova;
    core.u8[core.part(A.HDR_ACCESS) + at] = access;
    const faults = this.#execute(at, at + 1, finish);
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

  /** Requests first..last-1, external frames supplied on the way; returns the number of fault records. */
  #execute(first: number, last: number, finish: Finish): number {
    const { exports } = this.core;
    let faults = exports.run(first, last, 0);
    try {
      while (faults < 0) {
        this.memory.supply(BigInt.asUintN(64, exports.missingAddress()));
        faults = exports.run(-1 - faults, last, 1);
      }
      if (this.#options.external) this.memory.storeChanged();
    } catch (error) {
      // When an embedder's fill or store throws, what the requests before it did still counts.
      finish(exports.faultCount());
      throw error;
    }
    return faults;
  }

  /**
   * Power-on: caches, counters and all memory forgotten.
   *
   * @param ram RAM ranges; default as at creation
   */
  reset(ram?: readonly RamRange[]): void {
    const ranges = frameRanges(ram ?? this.#options.ram, this.#options.external ?? []);
    this.core.reset(ranges);
    this.memory.redeclare(ranges);
  }
}
