// A small VMM, as far as DMA goes: guest RAM, the guest's SMMU, its assigned devices; and between them the translation of
// one into the other. The guest's StreamIDs are the VMM's invention, the host's are behind VFIO.

import { uapi } from "nested-iommu";
import { eventOf } from "./guest-events.mjs";
import { GuestMemory } from "./guest-memory.mjs";
import { guestFeatures } from "./guest-registers.mjs";
import { GuestSmmu } from "./guest-smmu.mjs";
import { readStream } from "./stream-table.mjs";
import { VfioBackend } from "./vfio-backend.mjs";

/**
 * A device for the guest: its StreamID there, its name at VFIO, the StreamID of its DMA at the host's SMMU.
 *
 * @typedef {{ stream: number, name: string, hostStream: number }} GuestDevice
 */

/** One virtual machine; the SmmuTarget of its guest's SMMU. */
export class Vmm {
  /** Events that the guest was told of, in order. @type {Uint8Array[]} */
  events = [];
  /** Interrupts of the guest's SMMU. @type {Map<string, number>} */
  interrupts = new Map();
  /** How often streams were set to translate, bypass or abort. @type {Map<string, number>} */
  configurations = new Map();
  #host;
  #devices = new Map();

  /**
   * Builds the machine; its SMMU is off and lets DMA pass to guest-physical addresses.
   *
   * @param {import("./host.mjs").Host} host
   * @param {{ ram: readonly import("./guest-memory.mjs").RamPiece[], devices: readonly GuestDevice[],
   *   doorbell: bigint, pasidBits?: number }} machine `doorbell`: where devices write MSIs, guest-physical, a whole page
   */
  constructor(host, { ram, devices, doorbell, pasidBits = 0 }) {
    this.#host = host;
    this.doorbell = doorbell;
    this.memory = new GuestMemory(host.driver.memory, ram);
    const features = guestFeatures(host.driver.machine.features, pasidBits);
    this.smmu = new GuestSmmu({ features, memory: this.memory, target: this });
    for (const { stream, name, hostStream } of devices) {
      const backend = new VfioBackend(host.vfio, name);
      for (const piece of ram) backend.mapRam(piece);
      backend.listenForFaults(host.eventfd(() => this.#takeFaults(stream, backend)));
      this.#devices.set(stream, { backend, hostStream, messages: new Set() });
    }
  }

  /** VFIO calls so far, by name, all devices. @returns {Map<string, number>} */
  get calls() {
    const sum = new Map();
    for (const { backend } of this.#devices.values()) {
      for (const [name, count] of backend.calls) sum.set(name, (sum.get(name) ?? 0) + count);
    }
    return sum;
  }

  // what the guest's SMMU wants

  configure(first, count) {
    for (const [stream, { backend }] of this.#devices) {
      if (stream < first || stream >= first + count) continue;
      const wanted = readStream(this.memory, this.smmu.registers, stream);
      backend.setPasidTable(wanted);
      this.configurations.set(wanted.config, (this.configurations.get(wanted.config) ?? 0) + 1);
    }
  }

  context(stream, pasid) {
    this.#devices.get(stream)?.backend.invalidateContexts(pasid);
  }

  /** Every container: an ASID is the guest's own, and any of its devices may use it. */
  tlbi(request) {
    for (const { backend } of this.#devices.values()) backend.invalidateTranslations(request);
  }

  interrupt(irq) {
    this.interrupts.set(irq, (this.interrupts.get(irq) ?? 0) + 1);
  }

  #takeFaults(stream, backend) {
    for (const entry of backend.takeFaults()) {
      const record = eventOf(entry, stream, this.memory);
      if (record !== undefined && this.smmu.record(record)) this.events.push(record);
    }
  }

  // what happens around it

  /**
   * The guest programs an MSI of a device: `iova` is what the device will write to; the guest's stage 1 makes the guest's
   * doorbell of it, and the host puts its own doorbell behind that page.
   *
   * @param {number} stream
   * @param {bigint} iova
   */
  programMsi(stream, iova) {
    const device = this.#devices.get(stream);
    const page = iova & -4096n;
    if (device === undefined || device.messages.has(page)) return;
    device.backend.setMsiBinding(uapi.VFIO_IOMMU_BIND_MSI, page, this.doorbell);
    device.messages.add(page);
  }

  /** Where DMA must arrive that the guest sends to `gpa`; undefined: nowhere. @param {bigint} gpa */
  destination(gpa) {
    const isDoorbell = (gpa & -4096n) === this.doorbell;
    return isDoorbell ? this.#host.doorbell | (gpa & 4095n) : this.memory.toPhysical(gpa);
  }

  /**
   * A device of the guest does one DMA, at the host's SMMU.
   *
   * @param {number} stream the guest's StreamID
   * @param {bigint} iova
   * @param {boolean} write
   */
  dma(stream, iova, write) {
    const { hostStream } = this.#devices.get(stream);
    return this.#host.driver.machine.translate({ stream: hostStream, iova, write });
  }

  /** Switches the machine off: all that the host holds for it goes. */
  close() {
    for (const { backend, messages } of this.#devices.values()) {
      for (const page of messages) backend.setMsiBinding(uapi.VFIO_IOMMU_UNBIND_MSI, page, this.doorbell);
      for (const piece of this.memory.pieces) backend.unmapRam(piece);
      backend.close();
    }
    this.#devices.clear();
  }
}
