// Descriptors and dispatch: numbers, what a request means on which kind of file, and what no program can pass.

import { describe, expect, it } from "vitest";
import * as uapi from "../../src/uapi/index.js";
import type { VfioFile } from "../../src/vfio/file.js";
import { cString, fields } from "./bytes.js";
import { expectIoctlRefused, fdBytes, makeOpenRig, makeRig, NESTING, openDevice } from "./rig.js";

const CONTAINER = [0x3b64, 0x3b65, 0x3b66, 0x3b70, 0x3b71, 0x3b72, 0x3b7a, 0x3b7b, 0x3b7c];
const GROUP = [0x3b67, 0x3b68, 0x3b69, 0x3b6a];
const DEVICE = [0x3b6b, 0x3b6c, 0x3b6d, 0x3b6e, 0x3b6f];
const ALL = [...CONTAINER, ...GROUP, ...DEVICE];

/** Requests whose argument is an integer, or nothing. */
const INTEGERS = [uapi.VFIO_GET_API_VERSION, uapi.VFIO_CHECK_EXTENSION, uapi.VFIO_SET_IOMMU, 0x3b69, 0x3b6f];

function openAll() {
  const rig = makeRig();
  const group = rig.vfio.openGroup("dev0");
  group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(rig.container.fd));
  rig.container.ioctl(uapi.VFIO_SET_IOMMU, NESTING);
  const device = rig.vfio.device(group.ioctl(uapi.VFIO_GROUP_GET_DEVICE_FD, cString("dev0")));
  return { ...rig, group, device };
}

describe("descriptors", () => {
  it("begin at 3 and take the lowest free number", () => {
    const { vfio, container, group, device } = openAll();
    expect([container.fd, group.fd, device.fd]).toEqual([3, 4, 5]);
    const other = vfio.openContainer();
    expect(other.fd).toBe(6);
    device.close();
    other.close();
    expect(vfio.openContainer().fd).toBe(5);
    expect(vfio.openContainer().fd).toBe(6);
    expect(vfio.openContainer().fd).toBe(7);
  });

  it("answer EBADF once closed, also when another file has the number", () => {
    const { vfio, container, device } = openAll();
    device.close();
    vfio.openContainer();
    expect(device.ioctl(uapi.VFIO_DEVICE_GET_INFO, fields(16, 0, 0, 0))).toBe(-9);
    expect(device.read(9 * 2 ** 40, new Uint8Array(4))).toBe(-9);
    expect(device.write(9 * 2 ** 40, new Uint8Array(4))).toBe(-9);
    expect(device.bindGpasid(new Uint8Array(72))).toBe(-9);
    expect(device.unbindGpasid(new Uint8Array(72))).toBe(-9);
    expect(device.pageResponse(new Uint8Array(20))).toBe(-9);
    expect(device.reason).toBe("the file is closed");
    expect(() => device.mmap(9 * 2 ** 40 + 4096, 4096)).toThrow(RangeError);
    container.close();
    expect(container.ioctl(uapi.VFIO_GET_API_VERSION)).toBe(-9);
  });

  it("may be closed twice", () => {
    const { vfio, device } = openAll();
    device.close();
    const container = vfio.openContainer();
    device.close();
    expect(container.ioctl(uapi.VFIO_GET_API_VERSION)).toBe(0);
    expect(container.isOpen).toBe(true);
  });

  it("are devices only where GET_DEVICE_FD made one", () => {
    const { vfio, container, group, device } = openAll();
    expect(vfio.device(device.fd)).toBe(device);
    for (const fd of [container.fd, group.fd, 99, 0, -1, 5.5]) {
      expect(() => vfio.device(fd)).toThrow(
        new RangeError(`"fd" expected the descriptor of a device, got ${fd}`),
      );
    }
    device.close();
    expect(() => vfio.device(device.fd)).toThrow(RangeError);
  });
});

describe("a request", () => {
  it("is known to one kind of file, ENOTTY on the others (rule 16)", () => {
    const rig = openAll();
    const kinds: [VfioFile, number[]][] = [
      [rig.container, CONTAINER],
      [rig.group, GROUP],
      [rig.device, DEVICE],
    ];
    for (const [file, known] of kinds) {
      for (const cmd of ALL.filter((cmd) => !known.includes(cmd))) {
        expectIoctlRefused(rig, file, cmd, new Uint8Array(64), 25);
        expectIoctlRefused(rig, file, cmd, 0, 25);
      }
    }
  });

  it("is ENOTTY on every file when nobody knows it, SPAPR's 15 and 16 too", () => {
    const rig = openAll();
    const known = new Set(ALL);
    for (const file of [rig.container, rig.group, rig.device]) {
      for (let cmd = 0x3b00; cmd < 0x3c00; cmd++) {
        if (!known.has(cmd)) expect(file.ioctl(cmd, new Uint8Array(64)), cmd.toString(16)).toBe(-25);
      }
      for (const cmd of [0, 0x71, 0x3b71_0000, 0xffff_ffff, 0xc018_3b71]) expect(file.ioctl(cmd)).toBe(-25);
    }
  });

  it("of a container is ENOTTY before SET_IOMMU when nobody knows it", () => {
    const rig = makeRig();
    for (const cmd of [0x3b73, 0x3b74, 0x3b7f, uapi.VFIO_DEVICE_GET_INFO]) {
      expectIoctlRefused(rig, rig.container, cmd, new Uint8Array(64), 25);
    }
  });

  it("that needs bytes answers EFAULT for an integer", () => {
    const rig = openAll();
    const kinds: [VfioFile, number[]][] = [
      [rig.container, CONTAINER],
      [rig.group, GROUP],
      [rig.device, DEVICE],
    ];
    for (const [file, known] of kinds) {
      for (const cmd of known.filter((cmd) => !INTEGERS.includes(cmd))) {
        for (const value of [0, 1, -1, 2 ** 47]) expectIoctlRefused(rig, file, cmd, value, 14);
        expect(file.ioctl(cmd)).toBe(-14);
        expectIoctlRefused(rig, file, cmd, new Uint8Array(0), 14);
      }
    }
  });

  it("that takes an integer throws TypeError for bytes", () => {
    const { container } = openAll();
    for (const cmd of [uapi.VFIO_CHECK_EXTENSION, uapi.VFIO_SET_IOMMU]) {
      expect(() => container.ioctl(cmd, fields(6))).toThrow(TypeError);
    }
  });

  it("that takes nothing does not look at its argument", () => {
    const { container, device } = openAll();
    for (const arg of [undefined, 7, fields(7)]) {
      expect(container.ioctl(uapi.VFIO_GET_API_VERSION, arg)).toBe(0);
      expect(device.ioctl(uapi.VFIO_DEVICE_RESET, arg)).toBe(-22);
    }
  });

  it("throws for numbers and arguments that no program can pass, on an unknown request too", () => {
    const { container } = makeRig();
    for (const cmd of [-1, 2 ** 32, 0.5, Number.NaN]) {
      expect(() => container.ioctl(cmd)).toThrow(
        new RangeError(`"cmd" expected integer in 0..2^32-1, got ${cmd}`),
      );
    }
    expect(() => container.ioctl("0x3b64" as never)).toThrow(TypeError);
    expect(() => container.ioctl(0x3b64n as never)).toThrow(TypeError);
    expect(() => container.ioctl(0, "arg" as never)).toThrow(TypeError);
    expect(() => container.ioctl(0, null as never)).toThrow(TypeError);
    expect(() => container.ioctl(0, 1.5)).toThrow(RangeError);
  });
});

describe("the reason", () => {
  it("says in words why the last call was refused, and is empty after a success", () => {
    const { container } = makeRig();
    expect(container.reason).toBe("");
    expect(container.ioctl(uapi.VFIO_SET_IOMMU, NESTING)).toBe(-22);
    expect(container.reason).toBe("no group is in the container");
    expect(container.ioctl(0x3b7f)).toBe(-25);
    expect(container.reason).toBe('"cmd" expected a request of a container, got 0x3b7f');
    expect(container.ioctl(uapi.VFIO_GET_API_VERSION)).toBe(0);
    expect(container.reason).toBe("");
  });

  it("belongs to one file", () => {
    const { vfio, container } = makeRig();
    const other = vfio.openContainer();
    container.ioctl(0);
    expect(other.reason).toBe("");
  });

  it("tells what a struct expected and got", () => {
    const { container } = makeOpenRig();
    container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, fields(31, 3, 0n, 0n, 4096n));
    expect(container.reason).toBe('"vfio_iommu_type1_dma_map.argsz" expected at least 32, got 31');
    container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, fields(32, 3, 0n, 0n));
    expect(container.reason).toBe('"vfio_iommu_type1_dma_map" needs bytes 0..31, got 24');
  });
});

describe("a second open", () => {
  it("of a group is refused while it is open or its device holds it (EBUSY of open)", () => {
    const rig = makeRig();
    const group = rig.vfio.openGroup("dev0");
    expect(() => rig.vfio.openGroup("dev0")).toThrow(RangeError);
    group.close();
    const device = openDevice(rig);
    expect(() => rig.vfio.openGroup("dev0")).toThrow('"name" expected a group not in use, got dev0 (EBUSY)');
    device.close();
  });

  it("of a name that no device has is refused", () => {
    const { vfio } = makeRig();
    for (const name of ["dev1", "", "DEV0", undefined, 0]) {
      expect(() => vfio.openGroup(name as never)).toThrow(RangeError);
    }
  });
});
