// A host for tests: a real SMMUv3 and its driver, VFIO with one container open, and the usual sequence in one call.

import { expect } from "vitest";
import type { FaultReport, IommuDriver } from "../../src/contract/driver.js";
import type { PageResponse } from "../../src/contract/machine.js";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import * as uapi from "../../src/uapi/index.js";
import type { Container } from "../../src/vfio/container.js";
import type { Device } from "../../src/vfio/device.js";
import type { VfioFile } from "../../src/vfio/file.js";
import type { IrqSignal, VfioOptions } from "../../src/vfio/options.js";
import { Vfio } from "../../src/vfio/vfio.js";
import { cString, fields, hex, shown } from "./bytes.js";

export const NESTING = 6;
const TYPE1V2 = 3;
const DEV0 = { name: "dev0", stream: 8 };

/** A host. */
export interface Rig {
  driver: IommuDriver;
  vfio: Vfio;
  container: Container;
  irqs: IrqSignal[];
  responses: PageResponse[];
}

/** A host with devices, a container open, nothing attached. */
export function makeRig(options: Partial<VfioOptions> = {}): Rig {
  const responses: PageResponse[] = [];
  const irqs: IrqSignal[] = [];
  const driver = new SmmuV3Driver({ machine: { onPageResponse: (response) => responses.push(response) } });
  const vfio = new Vfio(driver, { devices: [DEV0], onIrq: (irq) => irqs.push(irq), ...options });
  return { driver, vfio, container: vfio.openContainer(), irqs, responses };
}

/** The int32 of a descriptor. */
export const fdBytes = (fd: number): Uint8Array => fields(fd);

/** Puts a group into a container, with an IOMMU of a type if it has none, and opens its device. */
export function openDevice(
  { vfio, container }: Rig,
  name = "dev0",
  type: number | "set already" = NESTING,
): Device {
  const group = vfio.openGroup(name);
  expect(group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(container.fd))).toBe(0);
  if (type !== "set already") expect(container.ioctl(uapi.VFIO_SET_IOMMU, type)).toBe(0);
  const fd = group.ioctl(uapi.VFIO_GROUP_GET_DEVICE_FD, cString(name));
  expect(fd).toBeGreaterThanOrEqual(3);
  return vfio.device(fd);
}

/** A rig with its device open in a container of a type, nesting by default. */
export function makeOpenRig(type = NESTING, options: Partial<VfioOptions> = {}): Rig & { device: Device } {
  const rig = makeRig(options);
  return { ...rig, device: openDevice(rig, "dev0", type) };
}

/** A device without DMA-fault region and irq. */
export const makePlainRig = (options: Partial<VfioOptions> = {}) => makeOpenRig(TYPE1V2, options);

/** Does an ioctl and shows what is left in the argument. */
export function answered(
  file: VfioFile,
  cmd: number,
  arg: string | Uint8Array,
): { ret: number; arg: string } {
  const bytes = typeof arg === "string" ? hex(arg) : arg;
  const ret = file.ioctl(cmd, bytes);
  return { ret, arg: shown(bytes) };
}

/** A call that must be refused with an errno, a reason, and no change anywhere. */
export function expectRefused(rig: Rig, file: VfioFile, call: () => number, errno: number): void {
  const before = JSON.stringify(rig.vfio.inspect());
  expect(call()).toBe(-errno);
  expect(file.reason).not.toBe("");
  expect(JSON.stringify(rig.vfio.inspect())).toBe(before);
}

/** An ioctl that must be refused, its argument left alone too. */
export function expectIoctlRefused(
  rig: Rig,
  file: VfioFile,
  cmd: number,
  arg: string | Uint8Array | number,
  errno: number,
): void {
  const given = typeof arg === "string" ? hex(arg) : arg;
  const kept = typeof given === "number" ? "" : shown(given);
  expectRefused(rig, file, () => file.ioctl(cmd, given), errno);
  if (typeof given !== "number") expect(shown(given)).toBe(kept);
}

/** MAP_DMA of struct vfio_iommu_type1_dma_map, read and write unless said otherwise. */
export function mapDma(container: Container, vaddr: bigint, iova: bigint, size: bigint, flags = 3): number {
  return container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, fields(32, flags, vaddr, iova, size));
}

/** A translation fault of stage 1, as a driver reports it. */
export function translationFault(stream = 8, address = 0x1000n): FaultReport {
  return { stream, reason: 5, address, perm: 1, name: "F_TRANSLATION" };
}
