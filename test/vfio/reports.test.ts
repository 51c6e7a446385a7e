// Where the hardware's reports go: by stream to the open device that has a fault region, else nowhere; what closing a
// device answers; counters and inspect.

import { describe, expect, it } from "vitest";
import * as uapi from "../../src/uapi/index.js";
import { cString, fields, hex } from "./bytes.js";
import {
  expectRefused,
  fdBytes,
  makeOpenRig,
  makePlainRig,
  makeRig,
  openDevice,
  translationFault,
} from "./rig.js";

const TWO = [
  { name: "dev0", stream: 8, ats: true, pri: true },
  { name: "dev1", stream: 33, ats: true, pri: true },
];
const EVENTFD = hex("18000000 24000000 05000000 00000000 01000000 0a000000");

const request = (group: number, last = true, stream = 8) => ({
  stream,
  group,
  address: 0x5000n,
  read: true,
  last,
});
const head = (device: { read(position: number, into: Uint8Array): number }): number => {
  const into = new Uint8Array(4);
  expect(device.read(9 * 2 ** 40 + 16, into)).toBe(4);
  return into[0]!;
};

describe("a fault", () => {
  it("goes to the device of its stream", () => {
    const rig = makeRig({ devices: TWO });
    const dev0 = openDevice(rig, "dev0");
    const dev1 = openDevice(rig, "dev1", "set already");
    dev1.ioctl(uapi.VFIO_DEVICE_SET_IRQS, EVENTFD);
    rig.vfio.fault(translationFault(33));
    expect([head(dev0), head(dev1)]).toEqual([0, 1]);
    expect(rig.irqs).toEqual([{ device: "dev1", index: 5, subindex: 0, eventfd: 10 }]);
  });

  it("goes to the devices of two containers apart", () => {
    const rig = makeRig({ devices: TWO });
    const dev0 = openDevice(rig, "dev0");
    const dev1 = openDevice({ ...rig, container: rig.vfio.openContainer() }, "dev1");
    rig.vfio.fault(translationFault(8));
    expect([head(dev0), head(dev1)]).toEqual([1, 0]);
  });

  it("of the second stage is the host's: counted, not delivered (rule 6)", () => {
    const { vfio, device } = makeOpenRig();
    vfio.fault({ stream: 8, perm: 1, name: "F_TRANSLATION" });
    expect(head(device)).toBe(0);
    expect(vfio.counters()).toMatchObject({ faultsDelivered: 0, faultsHostOnly: 1 });
  });

  it("without an open device, without a region, or of no device's stream is the host's", () => {
    const closed = makeRig();
    closed.vfio.fault(translationFault());
    expect(closed.vfio.counters()).toMatchObject({ faultsDelivered: 0, faultsHostOnly: 1 });
    const plain = makePlainRig();
    plain.vfio.fault(translationFault());
    plain.vfio.fault(translationFault(9));
    expect(plain.vfio.counters()).toMatchObject({ faultsDelivered: 0, faultsHostOnly: 2 });
  });

  it("by linux-v10 is delivered without nesting too (rule 34)", () => {
    const { vfio, device } = makePlainRig({ profile: "linux-v10" });
    vfio.fault(translationFault());
    expect(head(device)).toBe(1);
  });

  it("that meets a full ring, 511 entries, is dropped and counted (rule 6)", () => {
    const { vfio } = makeOpenRig();
    for (let count = 0; count < 513; count++) vfio.fault(translationFault());
    expect(vfio.counters()).toMatchObject({ faultsDelivered: 511, faultsDropped: 2 });
  });

  it("reaches the ring from a real DMA", () => {
    const { driver, vfio, container, device, irqs } = makeOpenRig();
    device.ioctl(uapi.VFIO_DEVICE_SET_IRQS, EVENTFD);
    container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, fields(32, 3, 0x1_0000_0000n, 0n, 0x10000n));
    const table = hex("2800000001000000 0100000001000000 0000000000000000 0001000000000000 0100000000000000");
    expect(container.ioctl(uapi.VFIO_IOMMU_SET_PASID_TABLE, table)).toBe(0);
    expect(driver.machine.translate({ stream: 8, iova: 0x1000n }).ok).toBe(false);
    expect(head(device)).toBe(1);
    expect(irqs).toHaveLength(1);
    const reason = new Uint8Array(4);
    device.read(9 * 2 ** 40 + 4096 + 8, reason);
    expect(reason[0]).toBe(2);
    expect(vfio.counters().faultsDelivered).toBe(1);
  });
});

describe("a page request", () => {
  it("is taken by the open device of its stream, and answered by pageResponse (rule 8)", () => {
    const { vfio, device, responses } = makeOpenRig(6, { devices: TWO });
    expect(vfio.pageRequest(request(3))).toBe(true);
    expect(device.pageResponse(fields(1, 0, 0, 3, 0))).toBe(0);
    expect(responses).toEqual([{ stream: 8, group: 3, code: "success" }]);
    expect(vfio.counters()).toMatchObject({ pageRequestsDelivered: 1, pageRequestsAnswered: 1 });
  });

  it("is not taken without an open device, without a region, or of no device's stream", () => {
    const closed = makeRig({ devices: TWO });
    expect(closed.vfio.pageRequest(request(3))).toBe(false);
    const plain = makePlainRig({ devices: TWO });
    expect(plain.vfio.pageRequest(request(3))).toBe(false);
    expect(plain.vfio.pageRequest(request(3, true, 77))).toBe(false);
    expect(plain.vfio.counters()).toMatchObject({ pageRequestsDelivered: 0, pageRequestsDropped: 2 });
  });

  it("cannot be answered through a device without a region", () => {
    const rig = makePlainRig({ devices: TWO });
    expectRefused(rig, rig.device, () => rig.device.pageResponse(fields(1, 0, 0, 3, 0)), 22);
  });

  it("stays pending when its answer is refused: version, flags, code, group, bytes missing (rule 8)", () => {
    const rig = makeOpenRig(6, { devices: TWO });
    const { device, vfio, responses } = rig;
    vfio.pageRequest(request(3));
    const refused: [Uint8Array, number][] = [
      [fields(0, 0, 0, 3, 0), 22],
      [fields(2, 0, 0, 3, 0), 22],
      [fields(1, 2, 0, 3, 0), 22],
      [fields(1, 0, 0, 3, 3), 22],
      [fields(1, 0, 0, 4, 0), 22],
      [fields(1, 1, 0, 3, 0), 22],
      [fields(1, 0, 0, 3), 14],
      [new Uint8Array(0), 14],
    ];
    for (const [bytes, errno] of refused) expectRefused(rig, device, () => device.pageResponse(bytes), errno);
    expect(responses).toEqual([]);
    expect(device.pageResponse(fields(1, 0, 0, 3, 2))).toBe(0);
    expect(responses).toEqual([{ stream: 8, group: 3, code: "failure" }]);
    expectRefused(rig, device, () => device.pageResponse(fields(1, 0, 0, 3, 2)), 22);
  });
});

describe("closing a device", () => {
  it("answers what is pending with invalid, once", () => {
    const { vfio, device, responses } = makeOpenRig(6, { devices: TWO });
    vfio.pageRequest(request(3));
    vfio.pageRequest(request(4, false));
    vfio.pageRequest(request(5));
    device.close();
    expect(responses).toEqual([
      { stream: 8, group: 3, code: "invalid" },
      { stream: 8, group: 5, code: "invalid" },
    ]);
    expect(vfio.counters()).toMatchObject({ pageRequestsDelivered: 3, pageRequestsCancelled: 2 });
    expect(vfio.pageRequest(request(6))).toBe(false);
  });

  it("happens with the last descriptor", () => {
    const rig = makeRig({ devices: TWO });
    const group = rig.vfio.openGroup("dev0");
    group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(rig.container.fd));
    rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6);
    const open = () => rig.vfio.device(group.ioctl(uapi.VFIO_GROUP_GET_DEVICE_FD, cString("dev0")));
    const [one, two] = [open(), open()];
    rig.vfio.pageRequest(request(3));
    one.close();
    expect(rig.responses).toEqual([]);
    expect(two.pageResponse(fields(1, 0, 0, 3, 0))).toBe(0);
    rig.vfio.fault(translationFault());
    two.close();
    expect(head(open())).toBe(0);
  });

  it("leaves its counts", () => {
    const { vfio, device } = makeOpenRig();
    vfio.fault(translationFault());
    device.close();
    vfio.fault(translationFault());
    expect(vfio.counters()).toEqual({
      faultsDelivered: 1,
      faultsDropped: 0,
      faultsHostOnly: 1,
      pageRequestsDelivered: 0,
      pageRequestsDropped: 0,
      pageRequestsAnswered: 0,
      pageRequestsCancelled: 0,
    });
  });

  it("is done when the endpoint's side of an answer throws", () => {
    const rig = makeRig({ devices: TWO });
    const device = openDevice(rig);
    rig.driver.respond = () => {
      throw new Error("endpoint");
    };
    rig.vfio.pageRequest(request(3));
    expect(() => device.close()).toThrow("endpoint");
    expect(device.isOpen).toBe(false);
    expect(rig.vfio.inspect()).toMatchObject({
      devices: [{ name: "dev0", descriptors: 0 }, { name: "dev1" }],
    });
    device.close();
  });
});

describe("guest PASIDs", () => {
  it("are not for SMMUv3: ENODEV (rule 3)", () => {
    const rig = makeOpenRig();
    expectRefused(rig, rig.device, () => rig.device.bindGpasid(new Uint8Array(72)), 19);
    expectRefused(rig, rig.device, () => rig.device.unbindGpasid(new Uint8Array(72)), 19);
  });
});

describe("inspect", () => {
  it("is plain JSON: containers, groups, devices, counters", () => {
    const rig = makeOpenRig();
    rig.container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, fields(32, 3, 0x1_0000_0000n, 0x10000n, 0x4000n));
    const state = rig.vfio.inspect();
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    expect(state).toMatchObject({
      containers: [{ fd: 3, type: 6, groups: ["dev0"], domain: { nested: true } }],
      groups: [{ name: "dev0", fd: 4, container: 3 }],
      devices: [{ name: "dev0", stream: 8, descriptors: 1, eventfd: null }],
      counters: { faultsDelivered: 0 },
    });
  });

  it("of a fresh Vfio has nothing but devices", () => {
    const { vfio, container } = makeRig();
    container.close();
    expect(vfio.inspect()).toMatchObject({ containers: [], groups: [], devices: [{ descriptors: 0 }] });
  });
});
