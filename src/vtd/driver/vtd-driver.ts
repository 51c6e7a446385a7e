// A driver of VT-d: brings a unit up in scalable mode, gives endpoints their context entries and PASID tables, makes
// domains, reads fault records and page requests. What Linux' intel-iommu does for a nested host, through registers, queues
// and tables in memory alone.
// Source: Intel VT-d Rev 5.10, sections 3.4, 6.2, 6.5, 7 and 11.4.
// Not there: first stages of the host's own, interrupt remapping, legacy mode, a restart after `machine.reset`.

import type { DriverListener, Endpoint, IommuDomain, IommuDriver } from "../../contract/driver.js";
import type { PageRequest, PageResponse } from "../../contract/machine.js";
import { checkHostRange, DEFAULT_HOST_RANGE, type HostRange } from "../../driver/host-range.js";
import { TagPool } from "../../driver/tag-pool.js";
import { FirstError } from "../../machine/first-error.js";
import { TableAllocator } from "../../memory/allocator.js";
import type { PhysicalMemory } from "../../memory/physical-memory.js";
import { buildVtdFeatures, VTD_PRESETS, validateVtdFeatures } from "../features.js";
import type { VtdIrq } from "../msi.js";
import type { VtdOptions } from "../options.js";
import { isStopMarker } from "../page-descriptor.js";
import { VtdIommu } from "../vtd-iommu.js";
import { bringUp } from "./bring-up.js";
import { type Capabilities, LAST_DOMAIN_ID, readCapabilities } from "./capabilities.js";
import { ContextTables } from "./context-tables.js";
import { contextCacheOf, pageGroupResponse } from "./descriptor.js";
import { type DomainParts, VtdDomain } from "./domain.js";
import type { EndpointState } from "./endpoint-state.js";
import { FaultRecordReader } from "./fault-record-reader.js";
import { faultReport } from "./fault-report.js";
import { InvalidationProducer } from "./invalidation-producer.js";
import { PageRequestReader } from "./page-request-reader.js";
import { PasidTables } from "./pasid-tables.js";
import { contextEntry } from "./structures.js";

/** Options of VtdDriver. */
export interface VtdDriverOptions {
  /** Options of its machine; `features` default to `VTD_PRESETS.host`. */
  machine?: VtdOptions;
  /**
   * Where root table, context and PASID tables, queues and second stages go; default 64 GiB from 2^47 on. It is RAM
   * whatever `machine.ram` says. PASID tables of an endpoint take at most 64 MiB of it.
   */
  hostRange?: HostRange;
  /** First stages of five levels, on top of what `machine.features` have; default false. */
  fiveLevel?: boolean;
  /** Revision of the manual that PASID entries follow: 3 has more memory types (with ECAP.MTS); default 5. */
  revision?: 3 | 5;
}

/**
 * A driver with its own VT-d unit.
 *
 * @example
 * const driver = new VtdDriver();
 * const nic = { name: "nic", stream: 8, pasidBits: 20, ats: false, pri: false };
 * driver.probe(nic);
 * const domain = driver.createDomain(true);
 * domain.attach(nic);
 * domain.map(0x1000n, 0x8000_0000n, 0x1000n, { read: true, write: false });
 * driver.machine.translate({ stream: 8, iova: 0x1234n }).pa; // 0x80000234n
 */
export class VtdDriver implements IommuDriver {
  readonly machine: VtdIommu;
  readonly memory: PhysicalMemory;
  readonly pageSizes: bigint;
  readonly inputBits: number;
  readonly outputBits: number;
  readonly hostRange: HostRange;
  readonly supports: IommuDriver["supports"];
  readonly #capabilities: Capabilities;
  readonly #parts: DomainParts;
  readonly #endpoints = new Map<number, EndpointState>();
  readonly #faults: FaultRecordReader;
  readonly #pageRequests: PageRequestReader | undefined;
  #listener: DriverListener | undefined;

  /**
   * Powers a machine on and brings it up; DMA of every endpoint is aborted until it is probed and attached.
   *
   * @param options see VtdDriverOptions
   * @throws TypeError, RangeError that name the option and what was expected
   */
  constructor(options: VtdDriverOptions = {}) {
    const { machine: given = {}, fiveLevel = false, revision = 5 } = options;
    if (revision !== 3 && revision !== 5) {
      throw new RangeError(`"revision" expected 3 or 5, got ${String(revision)}`);
    }
    const base = validateVtdFeatures(given.features ?? VTD_PRESETS.host);
    const features = fiveLevel ? buildVtdFeatures({ firstStage5Level: true }, base) : base;
    const range = checkHostRange(options.hostRange ?? DEFAULT_HOST_RANGE, features.hostWidth, given.external);
    this.hostRange = range;
    this.machine = new VtdIommu({
      ...given,
      features,
      revision,
      ...(given.ram && { ram: [...given.ram, [range.base, range.size] as const] }),
      onIrq: (irq) => {
        const errors = new FirstError();
        errors.attempt(() => this.#interrupt(irq));
        errors.attempt(() => given.onIrq?.(irq));
        errors.rethrow();
      },
    });
    this.memory = this.machine.memory;
    const capabilities = readCapabilities(this.machine, revision);
    this.#capabilities = capabilities;
    this.inputBits = capabilities.inputBits;
    this.outputBits = capabilities.outputBits;
    this.pageSizes = [12, 21, 30].reduce(
      (sizes, lg2) => (lg2 <= capabilities.largestLeafLg2 ? sizes | (1n << BigInt(lg2)) : sizes),
      0n,
    );
    this.supports = {
      pasidTable: false,
      gpasid: capabilities.nested,
      msiBinding: false,
      fiveLevel: capabilities.fiveLevel,
      archid: false,
      gpasidFlags: capabilities.gpasidFlags,
    };
    const { memory } = this;
    const allocator = new TableAllocator(range.base, range.size);
    const queue = new InvalidationProducer(this.machine, allocator);
    const contexts = new ContextTables(memory, allocator);
    this.#faults = new FaultRecordReader(this.machine, capabilities);
    this.#pageRequests = capabilities.pageRequests
      ? new PageRequestReader(this.machine, allocator)
      : undefined;
    const domainIds = new TagPool(LAST_DOMAIN_ID);
    const endpoints = this.#endpoints;
    this.#parts = { memory, allocator, capabilities, revision, queue, contexts, domainIds, endpoints };
    bringUp(this.machine, capabilities, contexts.root, queue);
  }

  #interrupt(irq: VtdIrq): void {
    if (irq === "fault") this.#takeFaults();
    else if (irq === "page-request") this.#takePageRequests();
  }

  #takeFaults(): void {
    const errors = new FirstError();
    for (let record = this.#faults.take(); record; record = this.#faults.take()) {
      const report = faultReport(record, (fault) => {
        return this.#endpoints.get(fault.stream)?.domain?.isSecondStage(fault) ?? true;
      });
      errors.attempt(() => this.#listener?.fault(report));
    }
    errors.rethrow();
  }

  #takePageRequests(): void {
    const reader = this.#pageRequests!;
    const errors = new FirstError();
    reader.acknowledge();
    for (let request = reader.take(); request; request = reader.take()) {
      const taken = request;
      errors.attempt(() => this.#take(taken));
    }
    errors.rethrow();
  }

  #take(request: PageRequest): void {
    // An endpoint that is done with a PASID; nobody waits for an answer.
    if (isStopMarker(request)) return;
    if (this.#isBound(request) && this.#listener?.pageRequest(request)) return;
    if (!request.last) return;
    const { stream, group, pasid } = request;
    this.respond({ stream, group, ...(pasid !== undefined && { pasid }), code: "invalid" });
  }

  /** Only where a guest has a first stage there is somebody who can do anything about a missing page. */
  #isBound({ stream, pasid }: PageRequest): boolean {
    return pasid !== undefined && this.#endpoints.get(stream)?.bound.has(pasid) === true;
  }

  probe(endpoint: Endpoint): void {
    const { pasidBits, stream } = endpoint;
    const { contexts, allocator, queue } = this.#parts;
    const { pasidBits: most, deviceTlb, pageRequests } = this.#capabilities;
    if (!Number.isInteger(pasidBits) || pasidBits < 0 || pasidBits > most) {
      throw new RangeError(`"pasidBits" expected integer in 0..${most}, got ${pasidBits}`);
    }
    ContextTables.check(stream);
    if (this.#endpoints.has(stream)) {
      throw new RangeError(`"stream" expected one that no endpoint has, got ${stream}`);
    }
    const tables = new PasidTables(this.memory, allocator, pasidBits);
    const hasPasids = pasidBits > 0;
    // Page requests come from endpoints with ATS: PRE without DTE is illegal (9.4).
    const hasDeviceTlb = deviceTlb && (endpoint.ats || endpoint.pri);
    try {
      contexts.install(
        stream,
        contextEntry({
          directory: tables.directory,
          directoryBits: tables.bits,
          pasids: hasPasids,
          ats: hasDeviceTlb,
          pri: pageRequests && hasDeviceTlb && endpoint.pri,
        }),
      );
    } catch (error) {
      tables.release();
      throw error;
    }
    const bound = new Map();
    this.#endpoints.set(stream, {
      endpoint,
      stream,
      tables,
      hasPasids,
      hasDeviceTlb,
      domain: undefined,
      bound,
    });
    queue.submit([contextCacheOf(stream)]);
  }

  createDomain(nested: boolean): IommuDomain {
    return new VtdDomain(this.#parts, nested);
  }

  listen(listener: DriverListener): void {
    this.#listener = listener;
  }

  respond(response: PageResponse): void {
    if (!this.#pageRequests) throw new RangeError('"response" expected a machine with page requests');
    this.#parts.queue.submit([pageGroupResponse(response)]);
  }
}
