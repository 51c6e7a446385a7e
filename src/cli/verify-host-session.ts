// What a case of arch "host" runs on: a driver and its machine, VFIO with the container open, what was opened since,
// and who holds the eventfds.
import { type Container, type Device, type Group, Vfio } from "../index.js";
import type { HostCase } from "./verify-host-case.js";
import type { HostDriver } from "./verify-host-driver.js";
import type { Endpoints } from "./verify-host-endpoints.js";

/** A host, and its descriptors by the names that steps use. */
export class HostSession {
  readonly driver: HostDriver;
  readonly endpoints: Endpoints;
  readonly container: Container;
  readonly #vfio: Vfio;
  readonly #names: readonly string[];
  readonly #groups = new Map<string, Group>();
  readonly #devices = new Map<string, Device>();
  readonly #irqs = new Map<string, number>();

  /** @throws RangeError for devices that the machine cannot have */
  constructor(driver: HostDriver, endpoints: Endpoints, vector: HostCase) {
    const { devices, profile, doorbell } = vector;
    this.driver = driver;
    this.endpoints = endpoints;
    this.#names = devices.map(({ name }) => name);
    this.#vfio = new Vfio(driver, {
      devices,
      profile,
      doorbell,
      onIrq: ({ device, index }) => this.#signalled(`${device} ${index}`),
    });
    this.container = this.#vfio.openContainer();
  }

  /** Whether a device of this name is behind the IOMMU. */
  knows(name: string): boolean {
    return this.#names.includes(name);
  }

  /** The group of a device, opened at its first use. */
  group(name: string): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = this.#vfio.openGroup(name);
      this.#groups.set(name, group);
    }
    return group;
  }

  /** The device that GROUP_GET_DEVICE_FD gave last, if it did. */
  device(name: string): Device | undefined {
    return this.#devices.get(name);
  }

  /** Notes what GROUP_GET_DEVICE_FD gave. */
  opened(fd: number): void {
    const device = this.#vfio.device(fd);
    this.#devices.set(device.name, device);
  }

  /** How often an irq was signalled since this was last asked. */
  takeIrqs(name: string, index: number): number {
    const key = `${name} ${index}`;
    const signals = this.#irqs.get(key) ?? 0;
    this.#irqs.delete(key);
    return signals;
  }

  #signalled(key: string): void {
    this.#irqs.set(key, (this.#irqs.get(key) ?? 0) + 1);
  }
}
