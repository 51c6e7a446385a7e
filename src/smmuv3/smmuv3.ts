// The SMMUv3 as a device: its register pages, queues, memory and the translation of requests. A list of
// parts; each does its work in its own file. Non-secure interface, NS-EL1 streams. Absent and reading as
// absent: Secure and Realm state, EL2 and EL3 StreamWorlds (docs/capabilities.md).

import type { ArenaView } from "../core/core.js";
import { readWords } from "../machine/bit-fields.js";
import { Callbacks } from "../machine/callbacks.js";
import { readTranslationCounters, type TranslationCounters } from "../machine/counters.js";
import { Engine } from "../machine/engine.js";
import { FaultList, NO_RECORDS } from "../machine/fault-list.js";
import { FirstError } from "../machine/first-error.js";
import { Machine } from "../machine/machine.js";
import { OpenSnapshot, type SnapshotOptions, saveSnapshot } from "../machine/machine-snapshot.js";
import type { TranslateRequest } from "../machine/translation.js";
import type { TranslationRequest } from "../machine/translation-request.js";
import type { RamRange } from "../memory/ranges.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import {
  FAULT_FLAG_RECORD,
  FAULT_FLAG_STALL,
  STATUS_FAULT,
  STATUS_STALLED,
  VENDOR_SMMUV3,
} from "../spec/abi/core.js";
import { readCounters, type SmmuCounters } from "./counters.js";
import { eventName, type SmmuFault } from "./events.js";
import { readFault, refuseStall, requestOf } from "./faults.js";
import { SMMUV3_PRESETS, type SmmuFeatures, validateFeatures } from "./features.js";
import { type Hardware, powerOn, SAVED_PARTS } from "./hardware.js";
import type { SmmuV3Options } from "./options.js";
import { loadUnit, type SmmuV3RestoreOptions, saveUnit } from "./saved-unit.js";
import type { StalledTransaction } from "./stalled-transaction.js";
import type { Held } from "./stalls.js";
import type { SmmuTranslationCompletion, Translation } from "./translation.js";

/** What became of the faults of a run. */
interface Handled {
  readonly faults: FaultList<SmmuFault>;
  /** The last record that was written. */
  readonly event: Uint8Array | undefined;
}

const NOTHING: Handled = { faults: new FaultList(NO_RECORDS, 0, readFault), event: undefined };

/**
 * An Arm SMMUv3 (IHI 0070 G.b) over simulated physical memory.
 *
 * @example
 * const smmu = new SmmuV3();
 * smmu.translate({ stream: 8, iova: 0x1000n }).status; // "bypassed": SMMUEN is 0 after reset
 */
export class SmmuV3 extends Machine {
  readonly #callbacks: Callbacks;
  readonly #options: SmmuV3Options;
  #features: SmmuFeatures;
  #hardware: Hardware;
  /** Of the last batch. */
  #last = NOTHING;
  #transactions = 0;
  /** The words of a command that came as bytes. */
  readonly #command = new Uint32Array(4);

  /**
   * Powers a machine on.
   *
   * @param options see SmmuV3Options; everything has a default
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: SmmuV3Options = {}) {
    const callbacks = new Callbacks();
    const counted = callbacks.count(options);
    const features = validateFeatures(options.features ?? SMMUV3_PRESETS.full);
    super(new Engine(counted, VENDOR_SMMUV3));
    this.#callbacks = callbacks;
    this.#options = counted;
    this.#features = features;
    this.#hardware = this.#powerOn();
  }

  /**
   * Makes the machine of a snapshot: sizes, geometry, features and memory are the snapshot's. Between the calls of both
   * machines there is no difference, caches included.
   *
   * @param bytes what `snapshot` returned
   * @param options callbacks and what else a snapshot does not have; external ranges must be those of the snapshot
   * @throws SnapshotError for bytes that are no snapshot of an SMMUv3, or not an undamaged one
   * @throws TypeError, RangeError that name the option and what was expected
   */
  static restore(bytes: Uint8Array, options: SmmuV3RestoreOptions = {}): SmmuV3 {
    const saved = new OpenSnapshot(bytes, options, VENDOR_SMMUV3, SAVED_PARTS, loadUnit);
    const { transactions, faults, options: unit } = saved.unit;
    const smmu = new SmmuV3({ ...options, ...saved.machine.options, ...unit });
    smmu.#transactions = transactions;
    smmu.#last = { ...NOTHING, faults: new FaultList(NO_RECORDS, faults.length, readFault, [...faults]) };
    saved.loadInto(smmu.engine, smmu.#hardware.saved);
    return smmu;
  }

  /**
   * The machine as bytes: registers, memory, queues, counters, stalled transactions, and the caches unless they are left
   * out. Endpoints and their device TLBs, drivers and the host face are no part of it.
   *
   * @param options see SnapshotOptions
   * @throws RangeError from inside a callback, when the machine is in the middle of something
   */
  snapshot(options: SnapshotOptions = {}): Uint8Array {
    this.#callbacks.expectNone("snapshot");
    const state = { transactions: this.#transactions, faults: this.#last.faults.all() };
    const unit = (to: StateWriter): void => saveUnit(to, this.#features, this.#options, state);
    return saveSnapshot(options, VENDOR_SMMUV3, this.engine, unit, this.#hardware.saved);
  }

  #powerOn(): Hardware {
    return powerOn(this.engine.core, this.memory, this.#features, this.#options, {
      translate: (held, errors) =>
        this.engine.translate(held.request, (faults) => this.#handle(faults, errors, held)),
      number: () => ++this.#transactions,
    });
  }

  /** @internal */
  protected override get registers(): Hardware["registers"] {
    return this.#hardware.registers;
  }

  /** @internal */
  protected override get pages(): Hardware["pages"] {
    return this.#hardware.pages;
  }

  /** The ID registers that the machine advertises. */
  get features(): SmmuFeatures {
    return { ...this.#features };
  }

  /**
   * Carries one command out at once, without the Command queue.
   *
   * @param command 16 bytes, or the same as four little-endian words
   * @returns 0, or the CERROR code (1 = CERROR_ILL)
   * @throws RangeError when `command` is not 16 bytes long
   */
  issue(command: Uint8Array | Uint32Array): number {
    if (command.byteLength !== 16) {
      throw new RangeError(`"command" expected 16 bytes, got ${command.byteLength}`);
    }
    const { executor, commands } = this.#hardware;
    const code = executor.execute(
      command instanceof Uint32Array ? command : readWords(command, this.#command),
    );
    if (executor.isDone) return code;
    const errors = new FirstError();
    errors.attempt(() => executor.complete());
    // A CMD_SYNC there may have waited for it.
    errors.attempt(() => commands.run());
    errors.rethrow();
    return code;
  }

  /** @internal Takes the faults that a run left in `arena`. */
  protected override readonly finish = (found: number, arena?: ArenaView): void => {
    this.#last = NOTHING;
    if (found === 0) return;
    const errors = new FirstError();
    this.#last = this.#handle(found, errors, undefined, arena);
    errors.rethrow();
  };

  /** @internal The same of a bound function's request: a stall for which there is no place ends in an abort. */
  protected override readonly settle = (found: number, status: number): number => {
    this.finish(found);
    const fault = this.#last.faults.first();
    const isRefused = status === STATUS_STALLED && fault?.transaction === undefined;
    return isRefused ? STATUS_FAULT | (fault?.type ?? 0) : status;
  };

  /** Gives each fault its record, or its place among the stalled; `again` is the stalled transaction that was retried. */
  #handle(count: number, errors: FirstError, again?: Held, arena: ArenaView = this.engine.core): Handled {
    if (count === 0) return NOTHING;
    // Read before any is handed out: a sink or an interrupt handler may translate, which starts a new batch.
    const faults = new FaultList(arena, count, readFault);
    const held = new Map<number, Held | undefined>();
    for (let n = 0; n < count; n++) {
      if ((faults.flags(n) & FAULT_FLAG_STALL) !== 0) held.set(n, this.#hold(arena, faults.at(n), again));
    }
    this.#hardware.recorder.beginRun();
    let event: Uint8Array | undefined;
    for (let n = 0; n < count; n++) {
      const transaction = held.get(n);
      // Each time anew: whoever took a record may have reset the machine.
      const { recorder, stalls } = this.#hardware;
      if (transaction) event = stalls.record(transaction, faults.at(n), errors) ?? event;
      else if ((faults.flags(n) & FAULT_FLAG_RECORD) !== 0)
        event = recorder.record(faults, n, errors) ?? event;
    }
    return { faults, event };
  }

  #hold(arena: ArenaView, fault: SmmuFault, again: Held | undefined): Held | undefined {
    const { stalls } = this.#hardware;
    const request = requestOf(arena, fault);
    if (again) stalls.holdAgain(again);
    const held = again ?? stalls.hold(request);
    if (!held) refuseStall(arena, fault);
    return held;
  }

  /** @internal Records what a unit of a pool left in its arena after a run, as `run` does; returns the faults. */
  collect(arena: ArenaView, count: number): SmmuFault[] {
    this.finish(count, arena);
    return this.faults();
  }

  /** @internal What one unit of a pool has counted. */
  countersOf(arena: ArenaView): TranslationCounters {
    return readTranslationCounters(arena, eventName);
  }

  /** The faults of the last `run` or `translate`, in request order. */
  faults(): SmmuFault[] {
    return this.#last.faults.all().map((fault) => ({ ...fault }));
  }

  /**
   * Translates one request: the convenient form, for tests and first steps. Columns of the batch are left
   * alone, `faults` is replaced.
   *
   * @throws TypeError, RangeError that name the field of the request
   */
  translate(request: TranslateRequest): Translation {
    const answer: Translation = this.engine.translate(request, this.finish);
    const { event, faults } = this.#last;
    if (event) answer.event = event;
    const fault = faults.first();
    if (fault) answer.fault = { ...fault, index: 0 };
    if (answer.status === "stalled") Object.assign(answer, stallOf(fault));
    return answer;
  }

  /**
   * Answers a translation request of an endpoint (PCIe ATS). It never stalls; `faults` is replaced.
   *
   * @param request what the endpoint asks for; without a PASID neither execute nor privileged counts
   * @returns the translation completion, with the size of the answer
   * @throws TypeError, RangeError that name the field of the request
   *
   * Source: IHI 0070 3.9.1.2, 13.6, 13.7.
   */
  requestTranslation(request: TranslationRequest): SmmuTranslationCompletion {
    const completion: SmmuTranslationCompletion = this.engine.requestTranslation(request, this.finish);
    const { event, faults } = this.#last;
    if (event) completion.event = event;
    const fault = faults.first();
    if (fault) completion.fault = { ...fault, index: 0 };
    return completion;
  }

  /** The transactions that are stalled, oldest first: with an STAG those whose event software has. */
  stalled(): StalledTransaction[] {
    return this.#hardware.stalls.list();
  }

  /** What the machine has counted. */
  counters(): SmmuCounters {
    const { pages, recorder, stalls } = this.#hardware;
    return readCounters(this.engine.core, pages.counts, recorder.counts, stalls.counts);
  }

  /** Sets every counter to 0. */
  resetCounters(): void {
    this.engine.core.resetCounters();
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
    this.engine.reset(changes.ram);
    this.#features = features;
    this.#last = NOTHING;
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
