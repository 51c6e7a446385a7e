// The device behind a group, open or not: its endpoint, the guest PASIDs bound on it, and while it is open the
// DMA-fault region and irq. Several descriptors may be open on one device: they share it, the last one closes it.
// Source: Linux 5.10, vfio_pci_open and vfio_pci_release (reference count); kernel series "SMMUv3 Nested Stage Setup
// (VFIO part)" v10, 4 to 8/11: region and irq are made when the device is opened, before its descriptor is given out.

import type { Endpoint, FaultReport } from "../contract/driver.js";
import type { PageRequest } from "../contract/machine.js";
import { Gpasids } from "../host/bind/gpasids.js";
import { DeviceFaults, type FaultCounters } from "../host/fault/device-faults.js";
import type { HostDevice, HostDomain } from "../host/host-domain.js";
import { addCounts, noCounts } from "./counters.js";
import { FAULT_IRQ_INDEX, FaultIrq } from "./irqs.js";
import type { Settings } from "./options.js";

/** A device that can be assigned. */
export class AssignedDevice implements HostDevice {
  readonly endpoint: Endpoint;
  readonly gpasids: Gpasids;
  readonly faultIrq: FaultIrq;
  readonly #settings: Settings;
  /** Counts of the regions that it had, and of what came while it had none. */
  readonly #counts = noCounts();
  #faults: DeviceFaults | undefined;
  #descriptors = 0;

  constructor(settings: Settings, endpoint: Endpoint) {
    this.#settings = settings;
    this.endpoint = endpoint;
    this.gpasids = new Gpasids(settings.driver, endpoint, settings.profile);
    const source = { device: endpoint.name, index: FAULT_IRQ_INDEX, subindex: 0 };
    this.faultIrq = new FaultIrq((eventfd) => settings.onIrq?.({ ...source, eventfd }));
  }

  /** The DMA-fault region, undefined while the device is closed or when it has none. */
  get faults(): DeviceFaults | undefined {
    return this.#faults;
  }

  /** Whether a descriptor is open on it. */
  get isOpen(): boolean {
    return this.#descriptors > 0;
  }

  /** Opens a descriptor; the first one makes region and irq, in a container where the device has them. */
  open(nested: boolean): void {
    this.#descriptors += 1;
    const { profile, driver } = this.#settings;
    if (this.#descriptors > 1 || !(nested || profile.faultRegionEverywhere)) return;
    const signal = () => this.faultIrq.signal();
    const { endpoint, gpasids } = this;
    this.#faults = new DeviceFaults({ profile, driver, endpoint, gpasids, signal });
  }

  /**
   * Closes a descriptor; with the last one go region, irq and guest PASIDs, and pending page requests are answered.
   *
   * @throws what the endpoint's side of a page response throws; the device is closed by then
   */
  close({ domain }: HostDomain): void {
    this.#descriptors -= 1;
    if (this.isOpen) return;
    const faults = this.#faults;
    this.#faults = undefined;
    this.faultIrq.clear();
    this.gpasids.release(domain);
    if (faults === undefined) return;
    try {
      faults.cancelPending();
    } finally {
      addCounts(this.#counts, faults.counters);
    }
  }

  /** A DMA of the device failed; without a region it is the host's own matter. */
  fault(report: FaultReport): void {
    if (this.#faults === undefined) this.#counts.faultsHostOnly++;
    else this.#faults.deliver(report);
  }

  /** A page request of the device came; without a region nobody can take it. */
  pageRequest(request: PageRequest): boolean {
    if (this.#faults !== undefined) return this.#faults.pageRequest(request);
    this.#counts.pageRequestsDropped++;
    return false;
  }

  /** Adds what has become of its faults and page requests. */
  addCounts(to: FaultCounters): void {
    addCounts(to, this.#counts);
    if (this.#faults !== undefined) addCounts(to, this.#faults.counters);
  }

  /** State for `Vfio.inspect`; the rest is in its container's. */
  inspect(): object {
    const { name, stream } = this.endpoint;
    return { name, stream, descriptors: this.#descriptors, eventfd: this.faultIrq.eventfd ?? null };
  }
}
