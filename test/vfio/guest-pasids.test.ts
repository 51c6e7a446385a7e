// bindGpasid and unbindGpasid of a device: bytes over to the driver's domain, and what closing the device undoes.
// The driver is SMMUv3's with the operation added: a record of calls stands for the PASID entries of VT-d.

import { describe, expect, it } from "vitest";
import type { Endpoint, GpasidBinding, IommuDomain, IommuDriver } from "../../src/contract/driver.js";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import { Vfio } from "../../src/vfio/vfio.js";
import { fields, followedBy } from "./bytes.js";
import { expectRefused, openDevice, type Rig } from "./rig.js";

interface BindingRig extends Rig {
  /** Calls that reached the domain. */
  calls: string[];
}

function recording(domain: IommuDomain, calls: string[]): IommuDomain {
  return {
    nested: domain.nested,
    attach: (endpoint) => domain.attach(endpoint),
    detach: (endpoint) => {
      calls.push(`detach ${endpoint.name}`);
      domain.detach(endpoint);
    },
    map: (iova, pa, size, rights) => domain.map(iova, pa, size, rights),
    mapPages: (iova, pages, count, rights) => domain.mapPages(iova, pages, count, rights),
    unmap: (iova, size) => domain.unmap(iova, size),
    setPasidTable: (table) => domain.setPasidTable(table),
    invalidate: (request) => domain.invalidate(request),
    release: () => domain.release(),
    bindGpasid: ({ name }: Endpoint, { hpasid, gpgd }: GpasidBinding) =>
      calls.push(`bind ${name} ${hpasid} ${gpgd.toString(16)}`),
    unbindGpasid: ({ name }: Endpoint, hpasid: number) => calls.push(`unbind ${name} ${hpasid}`),
  };
}

function makeBindingRig(): BindingRig {
  const calls: string[] = [];
  const smmu = new SmmuV3Driver();
  const driver: IommuDriver = {
    machine: smmu.machine,
    memory: smmu.memory,
    pageSizes: smmu.pageSizes,
    inputBits: smmu.inputBits,
    outputBits: smmu.outputBits,
    hostRange: smmu.hostRange,
    supports: { ...smmu.supports, gpasid: true, gpasidFlags: 3n },
    probe: (endpoint) => smmu.probe(endpoint),
    createDomain: (nested) => recording(smmu.createDomain(nested), calls),
    listen: (listener) => smmu.listen(listener),
    respond: (response) => smmu.respond(response),
  };
  const devices = [
    { name: "dev0", stream: 8 },
    { name: "dev1", stream: 33 },
  ];
  const vfio = new Vfio(driver, { devices });
  return { driver, vfio, container: vfio.openContainer(), irqs: [], responses: [], calls };
}

/** struct iommu_gpasid_bind_data: version 1, format 1, the page directory at 0x10000, 48 bits. */
const binding = (hpasid: bigint, { version = 1, flags = 0n, gpasid = 0n } = {}) =>
  followedBy(fields(version, 1, flags, 0x10000n, hpasid, gpasid, 48), new Uint8Array(28));

describe("guest PASIDs", () => {
  it("are bound on one device, once (rules 3 and 25)", () => {
    const rig = makeBindingRig();
    const dev0 = openDevice(rig, "dev0");
    const dev1 = openDevice(rig, "dev1", "set already");
    expect(dev0.bindGpasid(binding(5n))).toBe(0);
    expect(dev1.bindGpasid(binding(5n))).toBe(0);
    expectRefused(rig, dev0, () => dev0.bindGpasid(binding(5n)), 16);
    expect(rig.calls).toEqual(["bind dev0 5 10000", "bind dev1 5 10000"]);
  });

  it("are unbound by hpasid; what is not bound is 0 (rule 3)", () => {
    const rig = makeBindingRig();
    const device = openDevice(rig);
    device.bindGpasid(binding(5n));
    expect(device.unbindGpasid(binding(6n))).toBe(0);
    expect(device.unbindGpasid(binding(5n))).toBe(0);
    expect(device.unbindGpasid(binding(5n))).toBe(0);
    expect(rig.calls).toEqual(["bind dev0 5 10000", "unbind dev0 5"]);
  });

  it("are refused with bytes missing, bad fields, and without nesting", () => {
    const rig = makeBindingRig();
    const device = openDevice(rig);
    for (const length of [0, 71]) {
      expectRefused(rig, device, () => device.bindGpasid(binding(5n).slice(0, length)), 14);
      expectRefused(rig, device, () => device.unbindGpasid(binding(5n).slice(0, length)), 14);
    }
    for (const bytes of [
      binding(0n),
      binding(1n << 20n),
      binding(5n, { version: 2 }),
      binding(5n, { flags: 2n }),
    ]) {
      expectRefused(rig, device, () => device.bindGpasid(bytes), 22);
    }
    const plain = makeBindingRig();
    const other = openDevice(plain, "dev0", 3);
    expectRefused(plain, other, () => other.bindGpasid(binding(5n)), 22);
    expect([...rig.calls, ...plain.calls]).toEqual([]);
  });

  it("name faults by the guest's PASID if it gave one (rule 25)", () => {
    const rig = makeBindingRig();
    const device = openDevice(rig);
    device.bindGpasid(binding(5n, { flags: 1n, gpasid: 0x77n }));
    rig.vfio.fault({ stream: 8, reason: 5, pasid: 5, address: 0x1000n, perm: 1, name: "" });
    const pasid = new Uint8Array(4);
    expect(device.read(9 * 2 ** 40 + 4096 + 16, pasid)).toBe(4);
    expect(pasid[0]).toBe(0x77);
  });

  it("go when their device is closed, before the device leaves its container", () => {
    const rig = makeBindingRig();
    const device = openDevice(rig);
    device.bindGpasid(binding(5n));
    device.bindGpasid(binding(7n));
    rig.calls.length = 0;
    device.close();
    expect(rig.calls).toEqual(["unbind dev0 5", "unbind dev0 7"]);
  });
});
