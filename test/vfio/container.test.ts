// Containers: versions and extensions, SET_IOMMU and its order, several containers over one IOMMU.

import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/contract/refusal.js";
import * as uapi from "../../src/uapi/index.js";
import { cString, fields } from "./bytes.js";
import { expectIoctlRefused, fdBytes, makeOpenRig, makeRig, mapDma, openDevice } from "./rig.js";

const TYPE1_REQUESTS = [0x3b70, 0x3b71, 0x3b72, 0x3b7a, 0x3b7b, 0x3b7c];
const TWO = [
  { name: "dev0", stream: 8 },
  { name: "dev1", stream: 33 },
];

function withGroup() {
  const rig = makeRig();
  const group = rig.vfio.openGroup("dev0");
  expect(group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(rig.container.fd))).toBe(0);
  return { ...rig, group };
}

describe("a fresh container", () => {
  it("has API version 0", () => {
    expect(makeRig().container.ioctl(0x3b64)).toBe(0);
  });

  it("has types 1, 3 and 6 and no other extension (rule 16)", () => {
    const { container } = makeRig();
    const extensions = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 99, 2 ** 40].filter(
      (extension) => container.ioctl(0x3b65, extension) === 1,
    );
    expect(extensions).toEqual([1, 3, 6]);
  });

  it("answers EINVAL to every type 1 request, before it looks at the argument (rule 16)", () => {
    const rig = makeRig();
    for (const cmd of TYPE1_REQUESTS) {
      expectIoctlRefused(rig, rig.container, cmd, new Uint8Array(64), 22);
      expectIoctlRefused(rig, rig.container, cmd, new Uint8Array(0), 22);
      expectIoctlRefused(rig, rig.container, cmd, 0, 22);
    }
  });

  it("answers EINVAL to type 1 requests with a group and no IOMMU, too", () => {
    const rig = withGroup();
    for (const cmd of TYPE1_REQUESTS) expectIoctlRefused(rig, rig.container, cmd, new Uint8Array(64), 22);
  });
});

describe("SET_IOMMU", () => {
  it("needs a group: EINVAL, for unknown types too", () => {
    const rig = makeRig();
    for (const type of [1, 3, 6, 50]) expectIoctlRefused(rig, rig.container, 0x3b66, type, 22);
  });

  it("answers ENODEV to a type it does not have, and can be tried again", () => {
    const rig = withGroup();
    for (const type of [0, 2, 4, 5, 7, 8, 50, -1]) expectIoctlRefused(rig, rig.container, 0x3b66, type, 19);
    expect(rig.container.ioctl(0x3b66, 6)).toBe(0);
  });

  it("answers EINVAL the second time, whatever the type", () => {
    const rig = withGroup();
    expect(rig.container.ioctl(0x3b66, 3)).toBe(0);
    for (const type of [1, 3, 6, 50]) expectIoctlRefused(rig, rig.container, 0x3b66, type, 22);
  });

  it("makes extension 4, coherent DMA, true", () => {
    const { container } = withGroup();
    container.ioctl(0x3b66, 6);
    expect(container.ioctl(0x3b65, 4)).toBe(1);
    expect([1, 3, 6].map((extension) => container.ioctl(0x3b65, extension))).toEqual([1, 1, 1]);
    expect([2, 5, 7, 8].map((extension) => container.ioctl(0x3b65, extension))).toEqual([0, 0, 0, 0]);
  });

  it("takes all groups under the IOMMU", () => {
    const rig = makeRig({ devices: TWO });
    for (const { name } of TWO) {
      rig.vfio.openGroup(name).ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(rig.container.fd));
    }
    expect(rig.container.ioctl(0x3b66, 6)).toBe(0);
    expect(mapDma(rig.container, 0x2_0000_0000n, 0x10000n, 0x1000n)).toBe(0);
    for (const { stream } of TWO) {
      expect(rig.driver.machine.translate({ stream, iova: 0x10040n })).toMatchObject({ pa: 0x2_0000_0040n });
    }
  });
});

describe("SET_IOMMU that the driver refuses", () => {
  it("passes the errno on, and can be tried again", () => {
    const rig = withGroup();
    const { driver } = rig;
    const createDomain = driver.createDomain.bind(driver);
    driver.createDomain = () => {
      throw new Refusal(28, "no VMID is left");
    };
    expectIoctlRefused(rig, rig.container, 0x3b66, 6, 28);
    expect(rig.container.reason).toBe("no VMID is left");
    driver.createDomain = createDomain;
    expect(rig.container.ioctl(0x3b66, 6)).toBe(0);
  });

  it("at the second device takes the first off again and gives the domain back", () => {
    const rig = makeRig({ devices: TWO });
    const { driver } = rig;
    for (const { name } of TWO) {
      rig.vfio.openGroup(name).ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(rig.container.fd));
    }
    const calls: string[] = [];
    const createDomain = driver.createDomain.bind(driver);
    driver.createDomain = (nested) => {
      const domain = createDomain(nested);
      const [attach, detach, release] = [domain.attach, domain.detach, domain.release];
      domain.attach = (endpoint) => {
        if (endpoint.stream === 33) throw new RangeError("no room for a stream table");
        attach.call(domain, endpoint);
        calls.push(`attach ${endpoint.name}`);
      };
      domain.detach = (endpoint) => {
        detach.call(domain, endpoint);
        calls.push(`detach ${endpoint.name}`);
      };
      domain.release = () => {
        release.call(domain);
        calls.push("release");
      };
      return domain;
    };
    expectIoctlRefused(rig, rig.container, 0x3b66, 6, 12);
    expect(calls).toEqual(["attach dev0", "detach dev0", "release"]);
    driver.createDomain = createDomain;
    expect(rig.container.ioctl(0x3b66, 6)).toBe(0);
  });
});

describe("a group that joins later", () => {
  it("sees what is mapped, and a device of it can be opened at once (rule 16)", () => {
    const rig = makeRig({ devices: TWO });
    openDevice(rig, "dev0");
    expect(mapDma(rig.container, 0x2_0000_0000n, 0x200000n, 0x200000n)).toBe(0);
    expect(rig.driver.machine.translate({ stream: 33, iova: 0x201000n }).ok).toBe(false);
    openDevice(rig, "dev1", "set already");
    expect(rig.driver.machine.translate({ stream: 33, iova: 0x202000n })).toMatchObject({
      pa: 0x2_0000_2000n,
    });
  });
});

describe("several containers over one IOMMU", () => {
  it("have mappings, types and lives of their own", () => {
    const rig = makeRig({ devices: TWO });
    const other = { ...rig, container: rig.vfio.openContainer() };
    openDevice(rig, "dev0", 6);
    const device = openDevice(other, "dev1", 3);
    expect(mapDma(rig.container, 0x1000_0000n, 0x10000n, 0x1000n)).toBe(0);
    expect(mapDma(other.container, 0x2000_0000n, 0x10000n, 0x1000n)).toBe(0);
    const dma = (stream: number) => rig.driver.machine.translate({ stream, iova: 0x10008n });
    expect(dma(8)).toMatchObject({ ok: true, pa: 0x1000_0008n });
    expect(dma(33)).toMatchObject({ ok: true, pa: 0x2000_0008n });

    const unmap = fields(24, 0, 0x10000n, 0x1000n);
    expect(rig.container.ioctl(uapi.VFIO_IOMMU_UNMAP_DMA, unmap)).toBe(0);
    expect(dma(8).ok).toBe(false);
    expect(dma(33)).toMatchObject({ ok: true, pa: 0x2000_0008n });

    device.close();
    expect(dma(33).ok).toBe(true);
  });

  it("cannot share a group", () => {
    const rig = withGroup();
    const other = rig.vfio.openContainer();
    expectIoctlRefused(rig, rig.group, uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(other.fd), 22);
  });
});

describe("closing a container", () => {
  it("leaves its groups in: mappings serve their DMA until the last group leaves", () => {
    const rig = makeRig();
    const { vfio, container, driver } = rig;
    const group = vfio.openGroup("dev0");
    group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fdBytes(container.fd));
    container.ioctl(0x3b66, 6);
    mapDma(container, 0x2_0000_0000n, 0x10000n, 0x1000n);
    container.close();
    expect(driver.machine.translate({ stream: 8, iova: 0x10000n })).toMatchObject({ pa: 0x2_0000_0000n });
    expect(JSON.stringify(vfio.inspect())).toContain('"containers":[{"fd":null,"type":6,"groups":["dev0"]');
    const device = vfio.device(group.ioctl(uapi.VFIO_GROUP_GET_DEVICE_FD, cString("dev0")));
    expect(device.fd).toBe(3);
    device.close();
    expect(group.ioctl(uapi.VFIO_GROUP_UNSET_CONTAINER)).toBe(0);
    expect(driver.machine.translate({ stream: 8, iova: 0x10000n }).ok).toBe(false);
    expect(vfio.inspect()).toMatchObject({ containers: [] });
  });

  it("leaves others' numbers for what is opened next", () => {
    const { vfio, container } = makeOpenRig();
    container.close();
    const other = vfio.openContainer();
    expect(other.fd).toBe(3);
    expect(other.ioctl(uapi.VFIO_IOMMU_GET_INFO, new Uint8Array(64))).toBe(-22);
  });
});
