// A device TLB behind the drivers: what they unmap, or take from an endpoint with ATS, is gone from it when the call returns;
// an endpoint that does not answer stops nobody.

import { describe, expect, it } from "vitest";
import {
  type AtcInvalidation,
  DeviceTlb,
  type Endpoint,
  type IommuDriver,
  type MachineOptions,
  SmmuV3Driver,
  VtdDriver,
} from "../../src/index.js";

const STREAM = 8;
const NIC: Endpoint = { name: "nic", stream: STREAM, pasidBits: 8, ats: true, pri: false };
const RW = { read: true, write: true };
const IOVA = 0x10_0000n;
const PA = 0x8000_0000n;

const DRIVERS: readonly (readonly [string, (machine: MachineOptions) => IommuDriver])[] = [
  ["SMMUv3", (machine) => new SmmuV3Driver({ machine })],
  ["VT-d", (machine) => new VtdDriver({ machine })],
];

function rig(makeDriver: (machine: MachineOptions) => IommuDriver) {
  const requests: AtcInvalidation[] = [];
  const driver = makeDriver({
    memoryLimit: 2 ** 26,
    onAtcInvalidation: (request) => {
      requests.push(request);
      return tlb.invalidate(request);
    },
  });
  const tlb = new DeviceTlb(driver.machine, { stream: STREAM });
  driver.probe(NIC);
  const domain = driver.createDomain(true);
  domain.attach(NIC);
  domain.map(IOVA, PA, 0x20_0000n, RW);
  requests.length = 0;
  return { tlb, domain, requests };
}

describe.each(DRIVERS)("%s", (_, makeDriver) => {
  it("a page that was unmapped is gone from the device TLB, and one that takes its place is seen", () => {
    const { tlb, domain, requests } = rig(makeDriver);
    for (const source of ["translation-request", "device-tlb"]) {
      expect(tlb.translate({ iova: IOVA + 5n, write: true })).toMatchObject({
        ok: true,
        source,
        pa: PA + 5n,
      });
    }
    domain.unmap(IOVA, 0x20_0000n);
    expect(requests.length).toBeGreaterThan(0);
    expect(tlb.translate({ iova: IOVA, write: true })).toMatchObject({ ok: false, status: "denied" });
    domain.map(IOVA, 2n * PA, 0x1000n, RW);
    expect(tlb.translate({ iova: IOVA + 5n, write: true })).toMatchObject({ ok: true, pa: 2n * PA + 5n });
  });

  it("an endpoint that is detached has nothing left, and gets nothing", () => {
    const { tlb, domain } = rig(makeDriver);
    tlb.translate({ iova: IOVA });
    domain.detach(NIC);
    expect(tlb.counters().invalidatedEntries).toBe(1);
    expect(tlb.translate({ iova: IOVA }).ok).toBe(false);
  });
});

// CERROR_ATC_INV_SYNC is acknowledged; FSTS.ITE is cleared, and the rest submitted again.
it.each(DRIVERS)("an endpoint that does not answer does not stop the driver of %s", (_, makeDriver) => {
  const { tlb, domain, requests } = rig(makeDriver);
  tlb.translate({ iova: IOVA });
  tlb.connected = false;
  domain.unmap(IOVA, 0x20_0000n);
  expect(requests.length).toBeGreaterThan(0);
  // What it keeps it may still use: nobody can take it away (IHI 0070 3.9.1.4: the Root Complex isolates it).
  expect(tlb.translate({ iova: IOVA })).toMatchObject({ ok: true, source: "device-tlb", pa: PA });
  tlb.connected = true;
  domain.map(IOVA, 2n * PA, 0x1000n, RW);
  domain.unmap(IOVA, 0x1000n);
  expect(tlb.translate({ iova: IOVA }).ok).toBe(false);
});
