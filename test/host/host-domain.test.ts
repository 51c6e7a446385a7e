// One container's IOMMU state as a whole: devices that come and go, disposal, and what inspect tells.

import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/contract/refusal.js";
import { HostDomain } from "../../src/host/host-domain.js";
import { PROFILES } from "../../src/host/profile.js";
import { iommu_pasid_table_config } from "../../src/uapi/index.js";
import { hex } from "./bytes.js";
import { RecordingDriver, VTD_SUPPORTS } from "./recording-driver.js";
import { deviceOn, EINVAL, ENOMEM, ENOSPC, expectRefused, refusalOf, rig } from "./rig.js";

const TABLE = hex("01000000 01000000 0000004000000000 05 01 000000000000 01000000 00 00 0000");
const OPTIONS = {
  nested: true,
  v2: true,
  profile: PROFILES.header,
  doorbell: 0x802_0000n,
  pin: undefined,
};

describe("a new domain", () => {
  it("is nested or not as the container", () => {
    for (const nested of [true, false]) {
      const { host, domain } = rig({ nested });
      expect([host.nested, domain.nested]).toEqual([nested, nested]);
      expect(host.domain).toBe(domain);
    }
  });

  it.each([
    ["out of tags", new Refusal(ENOSPC, "no VMID left"), ENOSPC],
    ["out of room", new RangeError("no room"), ENOMEM],
  ])("is refused by a driver that is %s", (_, failure, errno) => {
    const driver = new RecordingDriver();
    driver.refusal = failure;
    expect(refusalOf(() => new HostDomain(driver, OPTIONS)).errno).toBe(errno);
  });
});

describe("devices", () => {
  it("come and go", () => {
    const r = rig({ endpoints: [{}, { name: "dev1", stream: 9 }] });
    expect([...r.domain.attached]).toEqual(["dev0", "dev1"]);
    r.host.detach(r.devices[0]!);
    expect([...r.host.devices]).toEqual([r.devices[1]]);
    r.host.detach(r.devices[0]!);
    expect(r.domain.calls).toEqual(["detach dev0"]);
  });

  it("that the driver refuses have not come", () => {
    const r = rig();
    const other = deviceOn(r.driver, "header", { name: "dev1", stream: 9 });
    r.domain.failures.set("attach", new RangeError("no room"));
    expectRefused(r, ENOMEM, () => r.host.attach(other));
    expect(r.host.devices.size).toBe(1);
  });

  it("that join later meet what is bound: -EINVAL with fewer PASIDs than the table", () => {
    const r = rig();
    r.host.setPasidTable(iommu_pasid_table_config.decode(TABLE));
    const small = deviceOn(r.driver, "header", { name: "dev1", stream: 9, pasidBits: 4 });
    const refusal = expectRefused(r, EINVAL, () => r.host.attach(small));
    expect(refusal.message).toBe("dev1 has 4 PASID bits, the table that is bound 5");
    r.host.attach(deviceOn(r.driver, "header", { name: "dev2", stream: 10, pasidBits: 5 }));
  });
});

describe("disposal", () => {
  it("takes off all devices and gives the driver's domain back", () => {
    const r = rig({ endpoints: [{}, { name: "dev1", stream: 9 }], supports: VTD_SUPPORTS });
    r.host.mapDma(0n, 0n, 0x1000n, 3);
    r.devices[1]!.faults.pageRequest({ stream: 9, pasid: 1, group: 2, address: 0n, last: true });
    r.host.dispose();
    expect(r.domain.calls.slice(1)).toEqual(["detach dev0", "detach dev1", "release"]);
    expect(r.driver.responses).toEqual([{ stream: 9, pasid: 1, group: 2, code: "invalid" }]);
  });
});

describe("an endpoint that throws when it is answered", () => {
  const boom = new Error("from the embedder");

  it("is answered all the same, its device is off, and the error passes through", () => {
    const r = rig();
    r.device.faults.pageRequest({ stream: 8, pasid: 1, group: 2, address: 0n, last: true });
    r.device.faults.pageRequest({ stream: 8, pasid: 1, group: 3, address: 0n, last: true });
    r.driver.onResponse = () => {
      throw boom;
    };
    expect(() => r.host.detach(r.device)).toThrow(boom);
    expect(r.driver.responses.map(({ group }) => group)).toEqual([2, 3]);
    expect(r.domain.attached.size).toBe(0);
    r.host.detach(r.device);
    expect(r.driver.responses.length).toBe(2);
  });

  it("does not keep the others from being taken off, nor the domain from being given back", () => {
    const r = rig({ endpoints: [{}, { name: "dev1", stream: 9 }, { name: "dev2", stream: 10 }] });
    for (const { endpoint, faults } of r.devices) {
      faults.pageRequest({ stream: endpoint.stream, group: 2, address: 0n, last: true });
    }
    r.driver.onResponse = () => {
      throw boom;
    };
    expect(() => r.host.dispose()).toThrow(boom);
    expect(r.domain.calls).toEqual(["detach dev0", "detach dev1", "detach dev2", "release"]);
    expect(r.driver.responses.length).toBe(3);
  });
});

describe("inspect", () => {
  it("tells everything as plain JSON", () => {
    const r = rig();
    r.host.mapDma(0x2_0000_0000n, 0x10_0000n, 0x4000n, 1);
    r.host.setPasidTable(iommu_pasid_table_config.decode(TABLE));
    r.host.bindMsi(0x1_0000n, 0x808_0000n, 0x1000n);
    r.device.faults.deliver({ stream: 8, reason: 5, address: 0n, perm: 1, name: "F_TRANSLATION" });
    r.device.faults.pageRequest({ stream: 8, pasid: 1, group: 2, address: 0n, last: true });
    const state = r.host.inspect();
    expect(JSON.parse(JSON.stringify(state))).toStrictEqual(state);
    expect(state).toEqual({
      nested: true,
      mappings: [{ iova: "0x100000", size: "0x4000", vaddr: "0x200000000", flags: 1 }],
      pasidTable: { base: "0x40000000", pasidBits: 5, s1fmt: 0, s1dss: 0 },
      msiBindings: [{ iova: "0x10000", gpa: "0x8080000", size: "0x1000" }],
      devices: [
        {
          name: "dev0",
          gpasids: [],
          faults: {
            head: 2,
            tail: 0,
            pending: [{ group: 2, shownPasid: 1, pasid: 1 }],
            counters: {
              faultsDelivered: 1,
              faultsDropped: 0,
              faultsHostOnly: 0,
              pageRequestsDelivered: 1,
              pageRequestsDropped: 0,
              pageRequestsAnswered: 0,
              pageRequestsCancelled: 0,
            },
          },
        },
      ],
    });
  });

  it("tells of devices without a fault region, and of requests without a PASID", () => {
    const r = rig();
    r.device.faults.pageRequest({ stream: 8, group: 2, address: 0n, last: true });
    expect(JSON.parse(JSON.stringify(r.host.inspect()))).toStrictEqual(r.host.inspect());
    const driver = new RecordingDriver();
    const host = new HostDomain(driver, OPTIONS);
    const { endpoint, gpasids } = deviceOn(driver);
    host.attach({ endpoint, gpasids });
    expect(host.inspect()).toMatchObject({ pasidTable: "bypass", devices: [{ name: "dev0", faults: null }] });
  });
});

describe("the profiles", () => {
  it("are the header's contract without departures, and the series with all of them", () => {
    expect(Object.keys(PROFILES)).toEqual(["header", "linux-v10"]);
    expect(Object.keys(PROFILES.header)).toEqual(Object.keys(PROFILES["linux-v10"]));
    expect(new Set(Object.values(PROFILES.header))).toEqual(new Set([false]));
    expect(new Set(Object.values(PROFILES["linux-v10"]))).toEqual(new Set([true]));
  });
});
