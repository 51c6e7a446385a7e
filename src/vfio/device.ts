// An open device: info and irqs by ioctl, regions by read, write and mmap, and the operations of linux/iommu.h for which
// the header has no ioctl.
// Source: Linux 5.10, drivers/vfio/pci/vfio_pci.c: vfio_pci_ioctl, vfio_pci_rw, vfio_pci_mmap; kernel series "SMMUv3
// Nested Stage Setup (VFIO part)" v10, 4 to 10/11.
// Not modelled: reset (no flag for it, −EINVAL), configuration space, BARs.

import { Refusal } from "../contract/refusal.js";
import type { HostDomain } from "../host/host-domain.js";
import { EINVAL } from "../uapi/errno.js";
import * as uapi from "../uapi/index.js";
import type { Argument } from "./argument.js";
import type { AssignedDevice } from "./assigned-device.js";
import { answerInfo } from "./capability-chain.js";
import { type FileTable, VfioFile } from "./file.js";
import { irqCount, irqInfo } from "./irqs.js";
import { FAULT_REGION_INDEX, regionAt, regionCount, regionInfo, regionOffset } from "./regions.js";

function checkBytes(name: string, value: unknown): void {
  if (value instanceof Uint8Array) return;
  throw new TypeError(`"${name}" expected Uint8Array, got ${value === null ? "null" : typeof value}`);
}

/** An open device. Its descriptor comes from VFIO_GROUP_GET_DEVICE_FD, the object from `Vfio.device`. */
export class Device extends VfioFile {
  readonly #device: AssignedDevice;
  readonly #domain: HostDomain;
  readonly #closed: () => void;

  /** @internal `device` is open, this descriptor counted; `closed` is called when it has been given back. */
  constructor(files: FileTable, device: AssignedDevice, domain: HostDomain, closed: () => void) {
    super(files);
    this.#device = device;
    this.#domain = domain;
    this.#closed = closed;
  }

  /** Name of the device. */
  get name(): string {
    return this.#device.endpoint.name;
  }

  /**
   * Reads from a region, as pread(2).
   *
   * @param position byte position in the file, 0..2^53-1: index of the region × 2^40 + offset in it
   * @param into takes the bytes
   * @returns bytes read, fewer at the end of the region; −EINVAL for a region or an offset that is not there
   * @throws TypeError or RangeError for a position that is no integer in 0..2^53-1, TypeError for other bytes
   */
  read(position: number, into: Uint8Array): number {
    checkBytes("into", into);
    const { index, offset } = regionAt(position);
    return this.attempt(() => (into.length === 0 ? 0 : this.#region(index).read(offset, into)));
  }

  /**
   * Writes to a region, as pwrite(2).
   *
   * @param position byte position in the file, 0..2^53-1: index of the region × 2^40 + offset in it
   * @param bytes what to write
   * @returns bytes written; −EINVAL for anything but the 4 bytes of the fault region's tail with a value in range
   * @throws TypeError or RangeError for a position that is no integer in 0..2^53-1, TypeError for other bytes
   */
  write(position: number, bytes: Uint8Array): number {
    checkBytes("bytes", bytes);
    const { index, offset } = regionAt(position);
    return this.attempt(() => (bytes.length === 0 ? 0 : this.#region(index).write(offset, bytes)));
  }

  /**
   * Maps a part of a region, as mmap(2).
   *
   * @param position byte position in the file, a multiple of 4096: index of the region × 2^40 + offset in it
   * @param length bytes, at least 1
   * @returns the live bytes: what the host writes there later is seen
   * @throws TypeError for a parameter that is no number; RangeError where mmap fails: not page-aligned, not mappable
   *   (only the ring of the fault region is), the file closed
   */
  mmap(position: number, length: number): Uint8Array {
    const { index, offset } = regionAt(position);
    if (typeof length !== "number") throw new TypeError(`"length" expected number, got ${typeof length}`);
    const mapped = this.refusable(() => this.#region(index).mmap(offset, length));
    if (mapped instanceof Refusal) throw new RangeError(`"position" cannot be mapped: ${mapped.message}`);
    return mapped;
  }

  /**
   * Binds a guest's first stage to a PASID of the device (VT-d).
   *
   * @param bytes struct iommu_gpasid_bind_data, 72 bytes
   * @returns 0; −EINVAL for a bad field, −EBUSY when `hpasid` is bound, −ENODEV on SMMUv3, −EFAULT when bytes are missing
   * @throws TypeError for other bytes
   */
  bindGpasid(bytes: Uint8Array): number {
    return this.#operate(bytes, () => {
      const { domain, nested } = this.#domain;
      this.#device.gpasids.bind(bytes, domain, nested);
    });
  }

  /**
   * Undoes bindGpasid.
   *
   * @param bytes struct iommu_gpasid_bind_data, 72 bytes, of which `hpasid` counts
   * @returns 0, also when nothing is bound; −EINVAL, −ENODEV and −EFAULT as bindGpasid
   * @throws TypeError for other bytes
   */
  unbindGpasid(bytes: Uint8Array): number {
    return this.#operate(bytes, () => this.#device.gpasids.unbind(bytes, this.#domain.domain));
  }

  /**
   * Answers a group of page requests.
   *
   * @param bytes struct iommu_page_response, 20 bytes
   * @returns 0; −EINVAL for a bad field or when no such group is pending, −EFAULT when bytes are missing
   * @throws TypeError for other bytes
   */
  pageResponse(bytes: Uint8Array): number {
    return this.#operate(bytes, () => {
      const { faults } = this.#device;
      if (faults === undefined) throw new Refusal(EINVAL, "the device has no DMA-fault region");
      faults.respond(bytes);
    });
  }

  /** @internal */
  protected override request(cmd: number, arg: Argument): number {
    switch (cmd) {
      case uapi.VFIO_DEVICE_GET_INFO:
        this.#getInfo(arg);
        return 0;
      case uapi.VFIO_DEVICE_GET_REGION_INFO:
        this.#getRegionInfo(arg);
        return 0;
      case uapi.VFIO_DEVICE_GET_IRQ_INFO:
        this.#getIrqInfo(arg);
        return 0;
      case uapi.VFIO_DEVICE_SET_IRQS:
        this.#device.faultIrq.set(arg, this.#hasFaults);
        return 0;
      case uapi.VFIO_DEVICE_RESET:
        throw new Refusal(EINVAL, "the device cannot be reset");
      default:
        throw this.unknown("device", cmd);
    }
  }

  /** @internal */
  protected override released(): void {
    try {
      this.#device.close(this.#domain);
    } finally {
      this.#closed();
    }
  }

  get #hasFaults(): boolean {
    return this.#device.faults !== undefined;
  }

  #operate(bytes: Uint8Array, operation: () => void): number {
    checkBytes("bytes", bytes);
    return this.attempt(() => {
      operation();
      return 0;
    });
  }

  #getInfo(arg: Argument): void {
    const struct = uapi.vfio_device_info;
    const info = {
      ...arg.copyIn(struct),
      flags: uapi.VFIO_DEVICE_FLAGS_PCI,
      num_regions: regionCount(this.#hasFaults),
      num_irqs: irqCount(this.#hasFaults),
    };
    arg.copyOut({ at: 0, bytes: struct.encode(info) });
  }

  #getRegionInfo(arg: Argument): void {
    const struct = uapi.vfio_region_info;
    const asked = arg.copyIn(struct);
    const { flags, size, capabilities } = regionInfo(asked.index, this.#hasFaults);
    const info = { ...asked, flags, size, offset: regionOffset(asked.index) };
    answerInfo(arg, struct, struct.size, info, uapi.VFIO_REGION_INFO_FLAG_CAPS, capabilities);
  }

  #getIrqInfo(arg: Argument): void {
    const struct = uapi.vfio_irq_info;
    const minsz = struct.endOf("count");
    const asked = arg.copyIn(struct, minsz);
    const { flags, count, capabilities } = irqInfo(asked.index, this.#hasFaults);
    answerInfo(arg, struct, minsz, { ...asked, flags, count }, uapi.VFIO_IRQ_INFO_FLAG_CAPS, capabilities);
  }

  /** The only region with contents. @throws Refusal EINVAL for another one */
  #region(index: number): NonNullable<AssignedDevice["faults"]> {
    const { faults } = this.#device;
    if (index === FAULT_REGION_INDEX && faults !== undefined) return faults;
    throw new Refusal(EINVAL, `region ${index} has no contents`);
  }
}
