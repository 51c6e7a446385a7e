// A driver of the SMMUv3: brings it up, gives endpoints their stream table entries, makes domains, reads its queues.
// What Linux' arm-smmu-v3 does for a nested host, through registers, queues and tables in memory alone.
// Source: Arm IHI 0070 G.b, sections 3.11, 3.18, 6.3 and chapters 7 and 8.
// Not there: stage-1 domains of the host's own, MSIs of the SMMU, a restart after `machine.reset`.

import type { DriverListener, Endpoint, IommuDomain, IommuDriver } from "../../contract/driver.js";
import type { PageResponse } from "../../contract/machine.js";
import { Refusal } from "../../contract/refusal.js";
import { checkHostRange, DEFAULT_HOST_RANGE, type HostRange } from "../../driver/host-range.js";
import { TagPool } from "../../driver/tag-pool.js";
import { FirstError } from "../../machine/first-error.js";
import { TableAllocator } from "../../memory/allocator.js";
import type { PhysicalMemory } from "../../memory/physical-memory.js";
import * as R from "../../spec/smmuv3/registers.js";
import { ENOSPC } from "../../uapi/errno.js";
import { decodeFeatures, SMMUV3_PRESETS, validateFeatures } from "../features.js";
import type { SmmuIrq } from "../msi.js";
import type { SmmuV3Options } from "../options.js";
import { decodePageEntry, isStopMarker } from "../page-entry.js";
import { SmmuV3 } from "../smmuv3.js";
import { bringUp } from "./bring-up.js";
import { type Capabilities, readCapabilities } from "./capabilities.js";
import { priResp } from "./command.js";
import { CommandProducer } from "./command-producer.js";
import { type DomainParts, SmmuV3Domain } from "./domain.js";
import { faultReport } from "./fault-report.js";
import { OutputQueue, type OutputQueuePlace } from "./output-queue.js";
import { StreamTable } from "./stream-table.js";

/** Options of SmmuV3Driver. */
export interface SmmuV3DriverOptions {
  /** Options of its machine; `features` default to `SMMUV3_PRESETS.host`, `eventSink` is refused. */
  machine?: SmmuV3Options;
  /**
   * Where stream table, queues and stage-2 tables go; default 64 GiB from 2^47 on. It is RAM whatever `machine.ram`
   * says. The stream table takes 8 bytes of it for 1,024 StreamIDs, 32 MiB for all of them.
   */
  hostRange?: HostRange;
}

const EVENT_QUEUE: OutputQueuePlace = {
  base: R.REG_EVENTQ_BASE,
  prod: R.REG_EVENTQ_PROD,
  cons: R.REG_EVENTQ_CONS,
  entryBytes: 32,
};
const PRI_QUEUE: OutputQueuePlace = {
  base: R.REG_PRIQ_BASE,
  prod: R.REG_PRIQ_PROD,
  cons: R.REG_PRIQ_CONS,
  entryBytes: 16,
};
/** Few suffice: entries are taken as they come. */
const OUTPUT_QUEUE_LG2 = 7;
const CMDQ_ERR = 1 << R.GERROR_CMDQ_ERR_LSB;

/**
 * A driver with its own SMMUv3.
 *
 * @example
 * const driver = new SmmuV3Driver();
 * const nic = { name: "nic", stream: 8, pasidBits: 20, ats: false, pri: false };
 * driver.probe(nic);
 * const domain = driver.createDomain(true);
 * domain.attach(nic);
 * domain.map(0x1000n, 0x8000_0000n, 0x1000n, { read: true, write: false });
 * driver.machine.translate({ stream: 8, iova: 0x1234n }).pa; // 0x80000234n
 */
export class SmmuV3Driver implements IommuDriver {
  readonly machine: SmmuV3;
  readonly memory: PhysicalMemory;
  readonly pageSizes = 0x40201000n;
  readonly inputBits: number;
  readonly outputBits: number;
  readonly hostRange: HostRange;
  readonly supports: IommuDriver["supports"];
  readonly #capabilities: Capabilities;
  readonly #parts: DomainParts;
  readonly #events: OutputQueue;
  readonly #pageRequests: OutputQueue | undefined;
  #listener: DriverListener | undefined;

  /**
   * Powers a machine on and brings it up; every stream aborts until it is probed and attached.
   *
   * @param options see SmmuV3DriverOptions
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: SmmuV3DriverOptions = {}) {
    const given = options.machine ?? {};
    const { features = SMMUV3_PRESETS.host, eventSink } = given;
    if (eventSink) throw new TypeError('"machine.eventSink" expected undefined: the driver reads the queue');
    const { outputBits } = decodeFeatures(validateFeatures(features));
    const range = checkHostRange(options.hostRange ?? DEFAULT_HOST_RANGE, outputBits, given.external);
    this.hostRange = range;
    this.machine = new SmmuV3({
      ...given,
      features,
      ...(given.ram && { ram: [...given.ram, [range.base, range.size] as const] }),
      onIrq: (irq) => {
        const errors = new FirstError();
        errors.attempt(() => this.#interrupt(irq));
        errors.attempt(() => given.onIrq?.(irq));
        errors.rethrow();
      },
    });
    this.memory = this.machine.memory;
    const capabilities = readCapabilities(this.machine);
    this.#capabilities = capabilities;
    this.outputBits = capabilities.outputBits;
    this.inputBits = capabilities.outputBits;
    this.supports = {
      pasidTable: capabilities.stage1,
      gpasid: false,
      msiBinding: true,
      fiveLevel: false,
      archid: true,
      gpasidFlags: 0n,
    };
    const allocator = new TableAllocator(range.base, range.size);
    const commands = new CommandProducer(this.machine, allocator, capabilities.commandQueueLg2);
    const streams = new StreamTable(this.machine, allocator, commands, capabilities.streamBits);
    const queue = (place: OutputQueuePlace, mostLg2: number): OutputQueue =>
      new OutputQueue(this.machine, allocator, place, Math.min(OUTPUT_QUEUE_LG2, mostLg2));
    this.#events = queue(EVENT_QUEUE, capabilities.eventQueueLg2);
    this.#pageRequests = capabilities.pri ? queue(PRI_QUEUE, capabilities.priQueueLg2) : undefined;
    const vmids = new TagPool(capabilities.lastVmid);
    const { memory } = this;
    this.#parts = { memory, allocator, capabilities, commands, streams, vmids, owners: new Map() };
    bringUp(this.machine, capabilities, commands);
  }

  #interrupt(irq: SmmuIrq): void {
    if (irq === "eventq") this.#takeEvents();
    else if (irq === "priq") this.#takePageRequests();
    else if (irq === "gerror") this.#acknowledge();
  }

  #takeEvents(): void {
    const errors = new FirstError();
    for (let record = this.#events.take(); record; record = this.#events.take()) {
      const report = faultReport(record);
      errors.attempt(() => this.#listener?.fault(report));
    }
    errors.rethrow();
  }

  #takePageRequests(): void {
    const errors = new FirstError();
    for (let entry = this.#pageRequests?.take(); entry; entry = this.#pageRequests?.take()) {
      const request = decodePageEntry(entry);
      // An endpoint that is done with a PASID; nobody waits for an answer.
      if (isStopMarker(request)) continue;
      errors.attempt(() => {
        if (this.#listener?.pageRequest(request) || !request.last) return;
        this.respond({ ...request, code: "invalid" });
      });
    }
    errors.rethrow();
  }

  /** Errors of the queues that the SMMU writes; one of the Command queue is the producer's. */
  #acknowledge(): void {
    const kept = this.machine.read32(R.REG_GERRORN) & CMDQ_ERR;
    const seen = this.machine.read32(R.REG_GERROR) & ~CMDQ_ERR;
    this.machine.write32(R.REG_GERRORN, (seen | kept) >>> 0);
  }

  probe(endpoint: Endpoint): void {
    const { pasidBits, stream } = endpoint;
    const most = this.#capabilities.substreamBits;
    if (!Number.isInteger(pasidBits) || pasidBits < 0 || pasidBits > most) {
      throw new RangeError(`"pasidBits" expected integer in 0..${most}, got ${pasidBits}`);
    }
    this.#parts.streams.install(stream);
  }

  createDomain(nested: boolean): IommuDomain {
    const { vmids } = this.#parts;
    const vmid = vmids.take();
    if (vmid === undefined) {
      throw new Refusal(ENOSPC, `all ${this.#capabilities.lastVmid} VMIDs are in use`);
    }
    try {
      return new SmmuV3Domain(this.#parts, vmid, nested);
    } catch (error) {
      vmids.give(vmid);
      throw error;
    }
  }

  listen(listener: DriverListener): void {
    this.#listener = listener;
  }

  respond(response: PageResponse): void {
    if (!this.#capabilities.pri) throw new RangeError('"response" expected a machine with page requests');
    this.#parts.commands.submit([priResp(response)]);
  }
}
