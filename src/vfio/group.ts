// A group: the door to one device, inside at most one container.
// Source: Linux 5.10, drivers/vfio/vfio.c: vfio_group_fops_unl_ioctl, vfio_group_set_container,
// vfio_group_unset_container, vfio_group_get_device_fd, vfio_group_fops_release, vfio_group_try_dissolve_container.
// Every group of the model has one device and is viable.

import { Refusal } from "../contract/refusal.js";
import { EBADF, EBUSY, EINVAL, ENODEV } from "../uapi/errno.js";
import {
  VFIO_GROUP_FLAGS_CONTAINER_SET,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_GROUP_UNSET_CONTAINER,
  vfio_group_status,
} from "../uapi/index.js";
import type { Argument } from "./argument.js";
import type { AssignedDevice } from "./assigned-device.js";
import { Container } from "./container.js";
import { Device } from "./device.js";
import { type FileTable, VfioFile } from "./file.js";

/** An open group; `ioctl` is its only operation. Made by `Vfio.openGroup`. */
export class Group extends VfioFile {
  readonly #files: FileTable;
  readonly #device: AssignedDevice;
  #container: Container | undefined;

  /** @internal */
  constructor(files: FileTable, device: AssignedDevice) {
    super(files);
    this.#files = files;
    this.#device = device;
  }

  /** @internal Whether it is open, or was and a device still holds it in its container. */
  get isInUse(): boolean {
    return this.isOpen || this.#container !== undefined;
  }

  /** @internal The container that it is in. */
  get container(): Container | undefined {
    return this.#container;
  }

  /** @internal State for `Vfio.inspect`. */
  inspect(): object {
    const container = this.#container?.isOpen ? this.#container.fd : null;
    return { name: this.#device.endpoint.name, fd: this.isOpen ? this.fd : null, container };
  }

  /** @internal */
  protected override request(cmd: number, arg: Argument): number {
    switch (cmd) {
      case VFIO_GROUP_GET_STATUS:
        return this.#getStatus(arg);
      case VFIO_GROUP_SET_CONTAINER:
        return this.#setContainer(arg.int32());
      case VFIO_GROUP_UNSET_CONTAINER:
        return this.#unsetContainer();
      case VFIO_GROUP_GET_DEVICE_FD:
        return this.#getDeviceFd(arg.string());
      default:
        throw this.unknown("group", cmd);
    }
  }

  /** @internal Open devices keep the group in its container; without any it leaves now. */
  protected override released(): void {
    if (!this.#device.isOpen) this.#leave();
  }

  #getStatus(arg: Argument): number {
    const status = arg.copyIn(vfio_group_status);
    const set = this.#container === undefined ? 0 : VFIO_GROUP_FLAGS_CONTAINER_SET;
    const flags = VFIO_GROUP_FLAGS_VIABLE | set;
    arg.copyOut({ at: 0, bytes: vfio_group_status.encode({ ...status, flags }) });
    return 0;
  }

  #setContainer(fd: number): number {
    if (this.#container !== undefined) throw new Refusal(EINVAL, "the group is in a container");
    const file = this.#files.get(fd);
    if (file === undefined) throw new Refusal(EBADF, `"fd" expected an open file, got ${fd}`);
    if (!(file instanceof Container)) throw new Refusal(EINVAL, `"fd" expected a container, got ${fd}`);
    file.join(this.#device);
    this.#container = file;
    return 0;
  }

  #unsetContainer(): number {
    if (this.#container === undefined) throw new Refusal(EINVAL, "the group is in no container");
    if (this.#device.isOpen) throw new Refusal(EBUSY, "the group has an open device");
    this.#leave();
    return 0;
  }

  #getDeviceFd(name: string): number {
    const container = this.#container;
    if (container?.domain === undefined)
      throw new Refusal(EINVAL, "the group is in no container with an IOMMU");
    if (name !== this.#device.endpoint.name) {
      throw new Refusal(
        ENODEV,
        `"name" expected "${this.#device.endpoint.name}", got ${JSON.stringify(name)}`,
      );
    }
    this.#device.open(container.nested);
    return new Device(this.#files, this.#device, container.domain, () => this.#deviceClosed()).fd;
  }

  #deviceClosed(): void {
    if (!this.isOpen && !this.#device.isOpen) this.#leave();
  }

  #leave(): void {
    const container = this.#container;
    this.#container = undefined;
    container?.leave(this.#device);
  }
}
