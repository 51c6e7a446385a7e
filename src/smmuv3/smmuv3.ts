// The SMMUv3 as a device: its register pages, queues, memory and the translation of requests. A list of
// parts; each does its work in its own file. Non-secure interface, NS-EL1 streams. Absent and reading as
// absent: ATS requests, MSI, Secure and Realm state, EL2 and EL3 StreamWorlds (docs/capabilities.md).

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
import type { SmmuFault } from "./events.js";
import { readFault, refuseStall } from "./faults.js";
import { SMMUV3_PRESETS, type SmmuFeatures, validateFeatures } from "./features.js";
import { type Hardware, powerOn } from "./hardware.js";
import type { SmmuV3Options } from "./options.js";
import type { StalledTransaction } from "./stalled-transaction.js";
import type { Held } from "./stalls.js";
import type { Translation } from "./translation.js";

/** What became of the faults of a run. */
interface Handled {
  readonly faults: SmmuFault[];
  /** The last record that was written. */
  readonly event: Uint8Array | undefined;
}

const NOTHING: Handled = { faults: [], event: undefined };

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
  #transactions = 0;

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
    this.#hardware = this.#powerOn();
  }

  #powerOn(): Hardware {
    return powerOn(this.#engine.core, this.memory, this.#features, this.#options, {
      translate: (held, errors) =>
        this.#engine.translate(held.request, (faults) => this.#handle(faults, errors, held)),
      number: () => ++this.#transactions,
    });
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
   * @returns how many requests ended in a fault or stalled
   * @throws RangeError when `count` is out of range
   */
  run(count: number): number {
    const errors = new FirstError();
    const faults = this.#engine.run(count, (found) => {
      this.#faults = this.#handle(found, errors).faults;
    });
    errors.rethrow();
    return faults;
  }

  /** Gives each fault its record, or its place among the stalled; `again` is the stalled transaction that was retried. */
  #handle(count: number, errors: FirstError, again?: Held): Handled {
    if (count === 0) return NOTHING;
    const { core } = this.#engine;
    // Read before any is handed out: a sink or an interrupt handler may translate, which starts a new batch.
    const all = Array.from({ length: count }, (_, n) => readFault(core, n));
    const held = all.map(({ fault, stalled }) => stalled && this.#hold(fault, stalled, again));
    this.#hardware.recorder.beginRun();
    let event: Uint8Array | undefined;
    for (const [n, { fault, mayMerge }] of all.entries()) {
      const transaction = held[n];
      // Each time anew: whoever took a record may have reset the machine.
      const { recorder, stalls } = this.#hardware;
      if (transaction) event = stalls.record(transaction, fault, errors) ?? event;
      else if (fault.recorded) event = recorder.record(fault, mayMerge, errors) ?? event;
    }
    return { faults: all.map(({ fault }) => fault), event };
  }

  #hold(fault: SmmuFault, request: TranslateRequest, again: Held | undefined): Held | undefined {
    const { stalls } = this.#hardware;
    if (again) stalls.holdAgain(again);
    const held = again ?? stalls.hold(request);
    if (!held) refuseStall(this.#engine.core, fault);
    return held;
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
    const errors = new FirstError();
    let handled = NOTHING;
    const answer: Translation = this.#engine.translate(request, (faults) => {
      handled = this.#handle(faults, errors);
      this.#faults = handled.faults;
    });
    errors.rethrow();
    if (handled.event) answer.event = handled.event;
    const [fault] = handled.faults;
    if (fault) answer.fault = { ...fault, index: 0 };
    if (answer.status === "stalled") Object.assign(answer, stallOf(fault));
    return answer;
  }

  /** The transactions that are stalled, oldest first: with an STAG those whose event software has. */
  stalled(): StalledTransaction[] {
    return this.#hardware.stalls.list();
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
    const { pages, recorder, stalls } = this.#hardware;
    return readCounters(this.#engine.core, pages.counts, recorder.counts, stalls.counts);
  }

  /** Sets every counter to 0. */
  resetCounters(): void {
    this.#engine.core.resetCounters();
    const { pages, recorder, stalls } = this.#hardware;
    for (const part of [pages, recorder, stalls]) part.resetCounts();
  }

  /**
   * Powers the machine off and on: registers, caches, counters and all memory forgotten, stalled transactions aborted.
   *
   * @param changes new features or RAM ranges; default as before
   */
  reset(changes: { features?: SmmuFeatures; ram?: readonly RamRange[] } = {}): void {
    const features = changes.features ? validateFeatures(changes.features) : this.#features;
    const errors = new FirstError();
    errors.attempt(() => this.#hardware.stalls.terminateAll());
    this.#engine.reset(changes.ram);
    this.#features = features;
    this.#faults = [];
    this.#hardware = this.#powerOn();
    errors.rethrow();
  }
}

/** How `translate` says that the request stalled, or that it was aborted for want of a place. */
function stallOf(fault: SmmuFault | undefined): Partial<Translation> {
  if (fault?.transaction === undefined) return { status: "aborted" };
  const { transaction, stag } = fault;
  return stag === undefined ? { transaction } : { transaction, stag };
}
