// Groups: status, joining and leaving containers, device descriptors, and what closing leaves behind.

import { describe, expect, it } from "vitest";
import * as uapi from "../../src/uapi/index.js";
import { cString, fields, hex } from "./bytes.js";
import { answered, expectIoctlRefused, fdBytes, makeRig, mapDma, type Rig } from "./rig.js";

const { VFIO_GROUP_SET_CONTAINER, VFIO_GROUP_GET_DEVICE_FD, VFIO_GROUP_UNSET_CONTAINER } = uapi;

function openGroup(options: Parameters<typeof makeRig>[0] = {}) {
  const rig = makeRig(options);
  return { ...rig, group: rig.vfio.openGroup("dev0") };
}

function joined(type: number | undefined = 6) {
  const rig = openGroup();
  expect(rig.group.ioctl(VFIO_GROUP_SET_CONTAINER, fdBytes(rig.container.fd))).toBe(0);
  if (type !== undefined) expect(rig.container.ioctl(uapi.VFIO_SET_IOMMU, type)).toBe(0);
  return rig;
}

function getDevice({ vfio, group }: ReturnType<typeof joined>) {
  return vfio.device(group.ioctl(VFIO_GROUP_GET_DEVICE_FD, cString("dev0")));
}

const containersOf = ({ vfio }: Rig) => (vfio.inspect() as { containers: { domain: unknown }[] }).containers;
const isTranslated = ({ driver }: Rig, iova: bigint) => driver.machine.translate({ stream: 8, iova }).ok;

describe("GROUP_GET_STATUS", () => {
  it("is viable, and says whether a container is set (bits 0 and 1)", () => {
    const { group, container } = openGroup();
    expect(answered(group, 0x3b67, "08000000 ffffffff")).toEqual({ ret: 0, arg: "0800000001000000" });
    group.ioctl(VFIO_GROUP_SET_CONTAINER, fdBytes(container.fd));
    expect(answered(group, 0x3b67, "08000000 00000000")).toEqual({ ret: 0, arg: "0800000003000000" });
    group.ioctl(VFIO_GROUP_UNSET_CONTAINER);
    expect(answered(group, 0x3b67, "08000000 00000000")).toEqual({ ret: 0, arg: "0800000001000000" });
  });

  it("leaves argsz and what follows as they are", () => {
    const { group } = openGroup();
    expect(answered(group, 0x3b67, "0c000000 00000000 eeeeeeee ee")).toEqual({
      ret: 0,
      arg: "0c00000001000000eeeeeeeeee",
    });
    expect(answered(group, 0x3b67, "ffffffff 00000000").ret).toBe(0);
  });

  it("is refused with argsz below 8, and with bytes missing", () => {
    const rig = openGroup();
    expectIoctlRefused(rig, rig.group, 0x3b67, "07000000 00000000", 22);
    expectIoctlRefused(rig, rig.group, 0x3b67, "08000000 000000", 14);
  });
});

describe("GROUP_SET_CONTAINER", () => {
  it("answers EBADF where no file is open: -1, 99, a descriptor that was closed (rule 12)", () => {
    const rig = openGroup();
    const closed = rig.vfio.openContainer();
    closed.close();
    for (const fd of [-1, 0, 2, 99, closed.fd, 0x7fff_ffff, -0x8000_0000]) {
      expectIoctlRefused(rig, rig.group, 0x3b68, fdBytes(fd), 9);
    }
  });

  it("answers EINVAL for a descriptor of another kind", () => {
    const rig = openGroup();
    expectIoctlRefused(rig, rig.group, 0x3b68, fdBytes(rig.group.fd), 22);
  });

  it("answers EINVAL the second time, also for what is no file", () => {
    const rig = joined();
    expectIoctlRefused(rig, rig.group, 0x3b68, fdBytes(rig.container.fd), 22);
    expectIoctlRefused(rig, rig.group, 0x3b68, fdBytes(-1), 22);
  });

  it("answers EFAULT with fewer than 4 bytes and reads no more than 4", () => {
    const rig = openGroup();
    expectIoctlRefused(rig, rig.group, 0x3b68, "030000", 14);
    expect(rig.group.ioctl(0x3b68, hex("03000000 ffffffff"))).toBe(0);
  });

  it("is refused as the domain refuses: a PASID table with more PASIDs than the device has", () => {
    const devices = [
      { name: "dev0", stream: 8, pasidBits: 4 },
      { name: "dev1", stream: 33 },
    ];
    const rig = openGroup({ devices });
    const { container, group } = rig;
    rig.vfio.openGroup("dev1").ioctl(0x3b68, fdBytes(container.fd));
    container.ioctl(uapi.VFIO_SET_IOMMU, 6);
    const table = hex("2800000001000000 0100000001000000 0000000100000000 0501000000000000 0100000000000000");
    expect(container.ioctl(uapi.VFIO_IOMMU_SET_PASID_TABLE, table)).toBe(0);
    expectIoctlRefused(rig, group, 0x3b68, fdBytes(container.fd), 22);
    expect(answered(group, 0x3b67, "08000000 00000000").arg).toBe("0800000001000000");
  });
});

describe("GROUP_GET_DEVICE_FD", () => {
  it("answers EINVAL before the group is in a container, and before SET_IOMMU, for any name (rule 16)", () => {
    const rig = openGroup();
    for (const name of ["dev0", "dev7"]) expectIoctlRefused(rig, rig.group, 0x3b6a, cString(name), 22);
    rig.group.ioctl(0x3b68, fdBytes(rig.container.fd));
    for (const name of ["dev0", "dev7"]) expectIoctlRefused(rig, rig.group, 0x3b6a, cString(name), 22);
  });

  it("answers ENODEV to a name that its device does not have", () => {
    const rig = joined();
    for (const name of ["dev7", "", "dev", "dev00", "DEV0"]) {
      expectIoctlRefused(rig, rig.group, 0x3b6a, cString(name), 19);
    }
  });

  it("answers EFAULT without NUL, EINVAL for a name longer than a page, before anything else", () => {
    const rig = openGroup();
    expectIoctlRefused(rig, rig.group, 0x3b6a, hex("64657630"), 14);
    expectIoctlRefused(rig, rig.group, 0x3b6a, new Uint8Array(0), 14);
    const ready = joined();
    expectIoctlRefused(ready, ready.group, 0x3b6a, hex("64657630"), 14);
    expectIoctlRefused(ready, ready.group, 0x3b6a, cString("d".repeat(5000)), 22);
  });

  it("reads up to the first NUL", () => {
    const rig = joined();
    expect(rig.group.ioctl(0x3b6a, hex("6465763000 656565"))).toBeGreaterThanOrEqual(3);
  });

  it("gives one more descriptor to the same device each time", () => {
    const rig = joined();
    const [one, two] = [getDevice(rig), getDevice(rig)];
    expect(two.fd).toBe(one.fd + 1);
    rig.vfio.fault({ stream: 8, reason: 5, address: 0x1000n, perm: 1, name: "F_TRANSLATION" });
    one.close();
    const head = new Uint8Array(4);
    expect(two.read(9 * 2 ** 40 + 16, head)).toBe(4);
    expect(head[0]).toBe(1);
  });

  it("counts the names of two groups apart", () => {
    const devices = [
      { name: "dev0", stream: 8 },
      { name: "dev1", stream: 33 },
    ];
    const rig = openGroup({ devices });
    rig.group.ioctl(0x3b68, fdBytes(rig.container.fd));
    rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6);
    expectIoctlRefused(rig, rig.group, 0x3b6a, cString("dev1"), 19);
  });

  it("takes names beyond ASCII", () => {
    const rig = makeRig({ devices: [{ name: "gerät-0", stream: 8 }] });
    const group = rig.vfio.openGroup("gerät-0");
    group.ioctl(0x3b68, fdBytes(rig.container.fd));
    rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6);
    expect(rig.vfio.device(group.ioctl(0x3b6a, hex("676572c3a4742d3000"))).name).toBe("gerät-0");
  });
});

describe("GROUP_UNSET_CONTAINER", () => {
  it("answers EINVAL in no container, EBUSY with an open device (rule 16)", () => {
    const rig = openGroup();
    expectIoctlRefused(rig, rig.group, 0x3b69, 0, 22);
    const busy = joined();
    const [one, two] = [getDevice(busy), getDevice(busy)];
    expectIoctlRefused(busy, busy.group, 0x3b69, 0, 16);
    one.close();
    expectIoctlRefused(busy, busy.group, 0x3b69, 0, 16);
    two.close();
    expect(busy.group.ioctl(0x3b69)).toBe(0);
    expectIoctlRefused(busy, busy.group, 0x3b69, 0, 22);
  });

  it("of the last group frees type, mappings and tables; the container can begin anew", () => {
    const rig = joined(3);
    mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x4000n);
    expect(rig.group.ioctl(0x3b69)).toBe(0);
    expect(containersOf(rig)[0]!.domain).toBeNull();
    expect(mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x4000n)).toBe(-22);
    expect(rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6)).toBe(-22);
    rig.group.ioctl(0x3b68, fdBytes(rig.container.fd));
    expect(rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6)).toBe(0);
    expect(isTranslated(rig, 0x10000n)).toBe(false);
    expect(mapDma(rig.container, 0x2_4000_0000n, 0x10000n, 0x4000n)).toBe(0);
    expect(isTranslated(rig, 0x10000n)).toBe(true);
  });

  it("of one group among two leaves the other's mappings alone", () => {
    const devices = [
      { name: "dev0", stream: 8 },
      { name: "dev1", stream: 33 },
    ];
    const rig = openGroup({ devices });
    const other = rig.vfio.openGroup("dev1");
    for (const group of [rig.group, other]) group.ioctl(0x3b68, fdBytes(rig.container.fd));
    rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6);
    mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x4000n);
    expect(other.ioctl(0x3b69)).toBe(0);
    expect(isTranslated(rig, 0x10000n)).toBe(true);
    expect(rig.driver.machine.translate({ stream: 33, iova: 0x10000n }).ok).toBe(false);
    expect(mapDma(rig.container, 0x3_0000_0000n, 0x20000n, 0x1000n)).toBe(0);
  });

  it("gives tags and tables back: a thousand times over", () => {
    const rig = openGroup();
    for (let round = 0; round < 1000; round++) {
      expect(rig.group.ioctl(0x3b68, fdBytes(rig.container.fd))).toBe(0);
      expect(rig.container.ioctl(uapi.VFIO_SET_IOMMU, 6)).toBe(0);
      expect(mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x1000n)).toBe(0);
      expect(rig.group.ioctl(0x3b69)).toBe(0);
    }
  });
});

describe("closing a group", () => {
  it("leaves its container, and may be opened again", () => {
    const rig = joined();
    mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x4000n);
    rig.group.close();
    expect(isTranslated(rig, 0x10000n)).toBe(false);
    expect(containersOf(rig)[0]!.domain).toBeNull();
    const group = rig.vfio.openGroup("dev0");
    expect(answered(group, 0x3b67, "08000000 00000000").arg).toBe("0800000001000000");
  });

  it("with an open device leaves when that one is closed (vfio_group_try_dissolve_container)", () => {
    const rig = joined();
    const [one, two] = [getDevice(rig), getDevice(rig)];
    mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x4000n);
    rig.group.close();
    expect(isTranslated(rig, 0x10000n)).toBe(true);
    expect(one.ioctl(uapi.VFIO_DEVICE_GET_INFO, fields(16, 0, 0, 0))).toBe(0);
    one.close();
    expect(isTranslated(rig, 0x10000n)).toBe(true);
    expect(() => rig.vfio.openGroup("dev0")).toThrow(RangeError);
    two.close();
    expect(isTranslated(rig, 0x10000n)).toBe(false);
    expect(rig.vfio.inspect()).toMatchObject({ containers: [{ domain: null }], groups: [] });
    rig.vfio.openGroup("dev0");
  });
});
