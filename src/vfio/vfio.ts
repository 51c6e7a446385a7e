// Vfio: the top of the host face. Parts: the driver and its machine, a table of open files, one assignable device a
// group, and the routes by which the hardware's reports reach the device that they are about.
// Source: linux/vfio.h; Linux 5.10, drivers/vfio/vfio.c.
// Not modelled: processes (one program has all files), no-IOMMU groups, groups of several devices, mediated devices.

import type { DriverListener, FaultReport, IommuDriver } from "../contract/driver.js";
import type { PageRequest } from "../contract/machine.js";
import type { FaultCounters } from "../host/fault/device-faults.js";
import { AssignedDevice } from "./assigned-device.js";
import { Container } from "./container.js";
import { addCounts, noCounts } from "./counters.js";
import { Device } from "./device.js";
import { FileTable } from "./file.js";
import { Group } from "./group.js";
import { resolveEndpoints, resolveSettings, type Settings, type VfioOptions } from "./options.js";

/** The VFIO of one program over one IOMMU. */
export class Vfio implements DriverListener {
  readonly #settings: Settings;
  readonly #files = new FileTable();
  readonly #devices = new Map<string, AssignedDevice>();
  readonly #streams = new Map<number, AssignedDevice>();
  /** The group last opened of each name; released ones are replaced by the next open. */
  readonly #groups = new Map<string, Group>();
  /** What came of streams that no device has. */
  readonly #strays = noCounts();

  /**
   * Puts devices behind an IOMMU; their DMA is aborted until their group is in a container with an IOMMU.
   *
   * @param driver the IOMMU, for this Vfio alone: it takes all reports of the hardware
   * @param options devices and what the embedding program brings along
   * @throws TypeError or RangeError that names the option, also for a stream or PASID bits that the machine does not have
   */
  constructor(driver: IommuDriver, options: VfioOptions) {
    this.#settings = resolveSettings(driver, options);
    for (const endpoint of resolveEndpoints(options)) {
      driver.probe(endpoint);
      const device = new AssignedDevice(this.#settings, endpoint);
      this.#devices.set(endpoint.name, device);
      this.#streams.set(endpoint.stream, device);
    }
    driver.listen(this);
  }

  /**
   * Opens a new container, as open("/dev/vfio/vfio").
   *
   * @returns the container, without groups
   */
  openContainer(): Container {
    return new Container(this.#files, this.#settings);
  }

  /**
   * Opens the group of a device, as open("/dev/vfio/<group>").
   *
   * @param name name of the device
   * @returns the group, in no container
   * @throws RangeError for a name that no device has; also, where Linux says EBUSY, for a group that is open or that an
   *   open device still holds
   */
  openGroup(name: string): Group {
    const device = this.#devices.get(name);
    if (device === undefined) throw new RangeError(`"name" expected a device's name, got ${String(name)}`);
    if (this.#groups.get(name)?.isInUse)
      throw new RangeError(`"name" expected a group not in use, got ${name} (EBUSY)`);
    const group = new Group(this.#files, device);
    this.#groups.set(name, group);
    return group;
  }

  /**
   * The open device of a descriptor.
   *
   * @param fd what VFIO_GROUP_GET_DEVICE_FD gave
   * @returns the device
   * @throws RangeError when no device is open there
   */
  device(fd: number): Device {
    const file = this.#files.get(fd);
    if (file instanceof Device) return file;
    throw new RangeError(`"fd" expected the descriptor of a device, got ${fd}`);
  }

  /**
   * Counts what became of the faults and page requests of all devices.
   *
   * @returns plain numbers, since the beginning
   */
  counters(): FaultCounters {
    const counts = noCounts();
    addCounts(counts, this.#strays);
    for (const device of this.#devices.values()) device.addCounts(counts);
    return counts;
  }

  /**
   * Shows the whole state of the host, for people and tests.
   *
   * @returns plain JSON, addresses as hexadecimal strings: containers with mappings and bindings, groups, devices, counters
   */
  inspect(): object {
    const groups = [...this.#groups.values()].filter((group) => group.isInUse);
    const files = this.#files.list().filter((file) => file instanceof Container);
    const held = groups.flatMap(({ container }) => container ?? []);
    return {
      containers: Array.from(new Set([...files, ...held]), (container) => container.inspect()),
      groups: groups.map((group) => group.inspect()),
      devices: Array.from(this.#devices.values(), (device) => device.inspect()),
      counters: this.counters(),
    };
  }

  /** For the driver: a DMA failed. It goes to the device that it is of. */
  fault(report: FaultReport): void {
    const device = this.#streams.get(report.stream);
    if (device === undefined) this.#strays.faultsHostOnly++;
    else device.fault(report);
  }

  /** For the driver: a page request came. @returns whether it will be answered, if it is the last of its group */
  pageRequest(request: PageRequest): boolean {
    const device = this.#streams.get(request.stream);
    if (device !== undefined) return device.pageRequest(request);
    this.#strays.pageRequestsDropped++;
    return false;
  }
}
