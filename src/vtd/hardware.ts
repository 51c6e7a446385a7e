// The parts of the unit that hold its registers' state, wired together: a change of features or a reset makes them
// anew. What outlives that (memory, core, batch) is in vtd-iommu.ts.

import type { Core } from "../core/core.js";
import { bytesOf } from "../machine/bit-fields.js";
import { sendAtcInvalidation } from "../machine/translation-request.js";
import type { PhysicalMemory } from "../memory/physical-memory.js";
import type { Saved } from "../snapshot/saved.js";
import * as A from "../spec/abi/core.js";
import * as R from "../spec/vtd/registers.js";
import { DescriptorExecutor } from "./descriptor-executor.js";
import { FaultLog } from "./fault-log.js";
import { decodeVtdFeatures, type VtdFeatures } from "./features.js";
import { GlobalCommand } from "./global-command.js";
import { Invalidations } from "./invalidation.js";
import { InvalidationQueue } from "./invalidation-queue.js";
import { sendMessage, type VtdIrq } from "./msi.js";
import type { VtdOptions } from "./options.js";
import { PageRequestQueue } from "./page-request-queue.js";
import { pageRequestTarget } from "./page-request-target.js";
import { RegisterInvalidation } from "./register-invalidation.js";
import { RegisterFile } from "./registers.js";

/** Registers, queues and the fault log of one unit. */
export interface Hardware {
  readonly registers: RegisterFile;
  readonly command: GlobalCommand;
  readonly executor: DescriptorExecutor;
  readonly queue: InvalidationQueue;
  readonly faults: FaultLog;
  readonly pages: PageRequestQueue;
  /** The parts that have state of their own, by the section of a snapshot that has it; registers come first. */
  readonly saved: Readonly<Record<(typeof SAVED_PARTS)[number], Saved>>;
}

/** Sections of a snapshot. */
export const SAVED_PARTS = ["registers", "command", "faults", "pages"] as const;

/**
 * Makes the parts in their reset state and tells the core.
 *
 * @param core whose caches invalidations drop and whose registers follow
 * @param memory where the queues are
 * @param features checked capabilities
 * @param options who takes interrupts and page responses
 */
export function powerOn(
  core: Core,
  memory: PhysicalMemory,
  features: VtdFeatures,
  { onIrq, onMsi, onAtcInvalidation, onPageResponse, revision = 5 }: VtdOptions,
): Hardware {
  const named = decodeVtdFeatures(features);
  const registers = new RegisterFile(features);
  const messages = { registers, memory, onMsi, onIrq };
  const send = (irq: VtdIrq): void => sendMessage(irq, messages);
  const drop = new Invalidations(core, named.guestBits);
  const faults = new FaultLog(registers, send);
  const applyRegisters = (): void =>
    core.setRegisters([
      [A.REGS_CAP, features.cap],
      [A.REGS_ECAP, features.ecap],
      [A.REGS_RTADDR, command.root],
      [A.REGS_HOST_WIDTH, features.hostWidth],
      [A.REGS_REVISION, revision],
      [A.REGS_GSTS, registers.get(R.REG_GSTS)],
    ]);
  const command = new GlobalCommand(registers, {
    configuration: applyRegisters,
    invalidate: () => drop.everything(),
    disabled: () => faults.rewind(),
    queue: (enabled) => queue.enable(enabled),
  });
  const mode = (): number => command.mode;
  new RegisterInvalidation({ registers, drop, mode });
  const pages = new PageRequestQueue({
    registers,
    memory,
    drop,
    faults,
    target: (stream, pasid) => pageRequestTarget(core, memory, stream, pasid),
    onIrq: send,
    onPageResponse,
  });
  const hostMask = (1n << BigInt(features.hostWidth)) - 1n;
  const executor = new DescriptorExecutor(named, drop, {
    writeStatus(address, data) {
      const at = address & hostMask;
      if (memory.isRam(at)) memory.write(at, bytesOf(Uint32Array.of(data)));
    },
    completed: () => queue.completed(),
    respond: (response) => pages.respond(response),
    invalidateAtc: (invalidation) => sendAtcInvalidation(onAtcInvalidation, invalidation),
  });
  const fail = (bit: number): void => faults.raise(bit);
  const queue = new InvalidationQueue({ registers, memory, executor, mode, fail, onIrq: send });
  applyRegisters();
  return { registers, command, executor, queue, faults, pages, saved: { registers, command, faults, pages } };
}
