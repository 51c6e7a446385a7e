// The parts of the device that hold its registers' state, wired together: a change of features or a reset makes them
// anew. What outlives that (memory, core, batch) is in smmuv3.ts.

import type { Core } from "../core/core.js";
import type { FirstError } from "../machine/first-error.js";
import { sendAtcInvalidation } from "../machine/translation-request.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { Saved } from "../snapshot/saved.js";
import * as A from "../spec/abi/core.js";
import * as R from "../spec/smmuv3/registers.js";
import { CommandExecutor } from "./command-executor.js";
import { CommandQueue } from "./command-queue.js";
import { EventQueue } from "./event-queue.js";
import { EventRecorder } from "./event-recorder.js";
import { decodeFeatures, type SmmuFeatures } from "./features.js";
import { GlobalErrors } from "./global-errors.js";
import { Interrupts } from "./interrupts.js";
import { MsiWriter } from "./msi.js";
import { mostHeld, type SmmuV3Options } from "./options.js";
import { readPpar } from "./pri-ppar.js";
import { PriQueue } from "./pri-queue.js";
import { RegisterFile } from "./registers.js";
import { type StallParts, Stalls } from "./stalls.js";

/** Registers, queues and commands of one device. */
export interface Hardware {
  readonly registers: RegisterFile;
  readonly executor: CommandExecutor;
  readonly commands: CommandQueue;
  readonly recorder: EventRecorder;
  readonly pages: PriQueue;
  readonly stalls: Stalls;
  /** The parts that have state of their own, by the section of a snapshot that has it; registers come first. */
  readonly saved: Readonly<Record<(typeof SAVED_PARTS)[number], Saved>>;
}

/** Sections of a snapshot. */
export const SAVED_PARTS = ["registers", "commands", "events", "recorder", "pages", "stalls"] as const;

/** What the parts need of the machine that they are in. */
export type MachineSide = Pick<StallParts, "translate" | "number">;

function applyRegisters(core: Core, registers: RegisterFile): void {
  const { idr0, idr1, idr3, idr5 } = registers.features;
  core.setRegisters([
    [A.REGS_IDR0, idr0],
    [A.REGS_IDR1, idr1],
    [A.REGS_IDR3, idr3],
    [A.REGS_IDR5, idr5],
    [A.REGS_CR0, registers.get(R.REG_CR0ACK)],
    [A.REGS_CR2, registers.get(R.REG_CR2)],
    [A.REGS_GBPA, registers.get(R.REG_GBPA)],
    [A.REGS_STRTAB_BASE, registers.get64(R.REG_STRTAB_BASE)],
    [A.REGS_STRTAB_BASE_CFG, registers.get(R.REG_STRTAB_BASE_CFG)],
  ]);
}

/**
 * Makes the parts in their reset state and tells the core.
 *
 * @param core whose caches commands drop and whose registers follow
 * @param memory where the queues are
 * @param features checked ID registers
 * @param options who takes interrupts, records, page responses and outcomes of stalled transactions
 * @param machine how a stalled transaction is translated again, and numbered
 */
export function powerOn(
  core: Core,
  memory: PhysicalMemory,
  features: SmmuFeatures,
  options: SmmuV3Options,
  machine: MachineSide,
): Hardware {
  const { onIrq, onMsi, onWakeEvent, onPageResponse, onResume, eventSink, mergeEvents = false } = options;
  const { onAtcInvalidation } = options;
  const registers = new RegisterFile(features, {
    configuration: () => {
      applyRegisters(core, registers);
      if (!registers.enabled(R.CR0_SMMUEN_LSB)) stalls.terminateAll();
    },
    commands: () => commands.run(),
    events: () => stalls.retryWaiting(),
  });
  const messages = new MsiWriter({ registers, memory, onMsi, aborted: (bit) => errors.raise(bit) });
  const interrupts = new Interrupts(registers, onIrq, messages);
  const errors = new GlobalErrors(registers, interrupts);
  const events = new EventQueue(registers, memory, errors, interrupts);
  const recorder = new EventRecorder(events, eventSink, mergeEvents);
  const ppar = (stream: number, pasid: number, failures: FirstError): boolean | undefined =>
    readPpar(core, memory, stream, pasid, (faults) => {
      recorder.record(faults, 0, failures);
    });
  const named = decodeFeatures(features);
  const pages = new PriQueue(
    { registers, memory, errors, interrupts, ppar, onPageResponse },
    named.substreamIdBits > 0,
  );
  const stalls = new Stalls({
    ...machine,
    recorder,
    mostTags: named.mostStalls,
    mostHeld: mostHeld(options),
    onResume,
  });
  const executor = new CommandExecutor(named, core, {
    store: (message) => messages.store(message),
    synced: (message) => interrupts.raise("cmd-sync", message),
    woken: () => onWakeEvent?.(),
    // Without SMMUEN there is no interface to endpoints (4.5.1).
    invalidateAtc: (invalidation) =>
      registers.enabled(R.CR0_SMMUEN_LSB)
        ? sendAtcInvalidation(onAtcInvalidation, invalidation)
        : "completed",
    respond: (response) => pages.respond(response),
    resume: (stream, stag, action) => stalls.resume(stream, stag, action),
    terminateStalled: (stream) => stalls.terminateStream(stream),
  });
  const commands = new CommandQueue(registers, memory, executor, errors);
  applyRegisters(core, registers);
  const saved = { registers, commands: executor, events, recorder, pages, stalls };
  return { registers, executor, commands, recorder, pages, stalls, saved };
}
