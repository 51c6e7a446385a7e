// The host below the VMM: one SMMUv3 with Linux' part of nesting over it, VFIO, and eventfds.

import { SmmuV3Driver, Vfio } from "nested-iommu";

const FIRST_EVENTFD = 1000;

/** The machine that VMs share. */
export class Host {
  /** Page to which devices write MSIs, host-physical. */
  doorbell = 0x0802_0000n;
  #handlers = new Map();

  /** @param {readonly { name: string, stream: number, pasidBits?: number }[]} devices that may be assigned */
  constructor(devices) {
    this.driver = new SmmuV3Driver();
    const onIrq = ({ eventfd }) => this.#handlers.get(eventfd)?.();
    this.vfio = new Vfio(this.driver, { devices, doorbell: this.doorbell, onIrq });
  }

  /**
   * A new eventfd.
   *
   * @param {() => void} handler called when it is signalled
   * @returns {number} its descriptor
   */
  eventfd(handler) {
    const fd = FIRST_EVENTFD + this.#handlers.size;
    this.#handlers.set(fd, handler);
    return fd;
  }
}
