// A container: the groups that share one address space, and from SET_IOMMU on that address space.
// Source: Linux 5.10, drivers/vfio/vfio.c: vfio_fops_unl_ioctl, vfio_ioctl_set_iommu, vfio_group_set_container.
// Closing the descriptor leaves the groups in: the container lives on, out of reach, until the last of them is gone.
// Before SET_IOMMU Linux answers −EINVAL to whatever it hands to the IOMMU; here a request that no type 1 IOMMU has is
// −ENOTTY at any time.

import { Refusal } from "../contract/refusal.js";
import { type HostDevice, HostDomain } from "../host/host-domain.js";
import { EINVAL, ENODEV } from "../uapi/errno.js";
import {
  VFIO_API_VERSION,
  VFIO_CHECK_EXTENSION,
  VFIO_DMA_CC_IOMMU,
  VFIO_GET_API_VERSION,
  VFIO_SET_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1_NESTING_IOMMU,
  VFIO_TYPE1v2_IOMMU,
} from "../uapi/index.js";
import type { Argument } from "./argument.js";
import { type FileTable, VfioFile } from "./file.js";
import type { Settings } from "./options.js";
import { TYPE1_REQUESTS } from "./type1.js";

/** The types of IOMMU, by what they can do. */
const TYPES: ReadonlyMap<number, { nested: boolean; v2: boolean }> = new Map([
  [VFIO_TYPE1_IOMMU, { nested: false, v2: false }],
  [VFIO_TYPE1v2_IOMMU, { nested: false, v2: true }],
  [VFIO_TYPE1_NESTING_IOMMU, { nested: true, v2: true }],
]);

/** An open container; `ioctl` is its only operation. Made by `Vfio.openContainer`. */
export class Container extends VfioFile {
  readonly #settings: Settings;
  readonly #devices = new Set<HostDevice>();
  #type: number | undefined;
  #domain: HostDomain | undefined;

  /** @internal */
  constructor(files: FileTable, settings: Settings) {
    super(files);
    this.#settings = settings;
  }

  /** @internal What SET_IOMMU made, undefined before. */
  get domain(): HostDomain | undefined {
    return this.#domain;
  }

  /** @internal Whether guests may bind a first stage of their own. */
  get nested(): boolean {
    return this.#type === VFIO_TYPE1_NESTING_IOMMU;
  }

  /** @internal A group comes: its device sees what is mapped and bound. @throws Refusal; then it has not come */
  join(device: HostDevice): void {
    this.#domain?.attach(device);
    this.#devices.add(device);
  }

  /** @internal A group leaves; with the last one go the IOMMU's type, mappings and tables. */
  leave(device: HostDevice): void {
    this.#devices.delete(device);
    this.#domain?.detach(device);
    if (this.#devices.size > 0) return;
    this.#domain?.dispose();
    this.#domain = undefined;
    this.#type = undefined;
  }

  /** @internal State for `Vfio.inspect`. */
  inspect(): object {
    return {
      fd: this.isOpen ? this.fd : null,
      type: this.#type ?? null,
      groups: Array.from(this.#devices, ({ endpoint }) => endpoint.name),
      domain: this.#domain?.inspect() ?? null,
    };
  }

  /** @internal */
  protected override request(cmd: number, arg: Argument): number {
    switch (cmd) {
      case VFIO_GET_API_VERSION:
        return VFIO_API_VERSION;
      case VFIO_CHECK_EXTENSION:
        return this.#hasExtension(arg.integer()) ? 1 : 0;
      case VFIO_SET_IOMMU:
        this.#setIommu(arg.integer());
        return 0;
      default:
        return this.#type1(cmd, arg);
    }
  }

  /** @internal */
  protected override released(): void {
    // Groups hold the container from here on.
  }

  /** Coherence is a question of what is behind the IOMMU; all DMA of the model is coherent. */
  #hasExtension(extension: number): boolean {
    return TYPES.has(extension) || (extension === VFIO_DMA_CC_IOMMU && this.#domain !== undefined);
  }

  #setIommu(type: number): void {
    if (this.#devices.size === 0) throw new Refusal(EINVAL, "no group is in the container");
    if (this.#domain !== undefined) throw new Refusal(EINVAL, "the container has an IOMMU");
    const ability = TYPES.get(type);
    if (ability === undefined) throw new Refusal(ENODEV, `"arg" expected 1, 3 or 6, got ${type}`);
    const { driver, profile, doorbell, pin } = this.#settings;
    const domain = new HostDomain(driver, { ...ability, profile, doorbell, pin });
    this.#attachAll(domain);
    this.#domain = domain;
    this.#type = type;
  }

  /** Attaches every device, or none: then the domain is given back. */
  #attachAll(domain: HostDomain): void {
    const attached: HostDevice[] = [];
    try {
      for (const device of this.#devices) {
        domain.attach(device);
        attached.push(device);
      }
    } catch (error) {
      for (const device of attached) domain.detach(device);
      domain.dispose();
      throw error;
    }
  }

  #type1(cmd: number, arg: Argument): number {
    const request = TYPE1_REQUESTS.get(cmd);
    if (request === undefined) throw this.unknown("container", cmd);
    if (this.#domain === undefined) throw new Refusal(EINVAL, "the container has no IOMMU yet");
    request(this.#domain, arg, this.#settings);
    return 0;
  }
}
