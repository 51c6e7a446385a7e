// Which invalidation descriptors each operation of the driver sends.

import { describe, expect, it } from "vitest";
import type { Endpoint, Invalidation, IommuDomain } from "../../src/contract/driver.js";
import type { PageResponse } from "../../src/contract/machine.js";
import { buildVtdFeatures, VTD_PRESETS } from "../../src/vtd/features.js";
import {
  anyPasidDeviceTlb,
  contextCache,
  deviceTlb,
  iotlbOfDomain,
  iotlbPages,
  pasidCache,
  pasidCacheOfDomain,
  pasidIotlb,
} from "./descriptor-words.js";
import { bindingOf, boot, type Guest, invalidation } from "./guest.js";
import { endpoint, Rig, RW } from "./rig.js";

let rig: Rig;
let devices: Endpoint[];
let domain: IommuDomain;
let vm: Guest;

function start(...streams: number[]): void {
  rig = new Rig();
  ({ devices, domain, vm } = boot(rig, ...streams));
}

describe("a change of the tables sends", () => {
  it("nothing for a map", () => {
    start(8);
    expect(rig.sent(() => domain.map(0x4000_0000n, 0x1000n, 0x1000n, RW))).toEqual([]);
  });

  it("context-cache for probe and attach, context-cache, PASID-cache and IOTLB for detach (6.5.2.12)", () => {
    rig = new Rig();
    const device = endpoint(0xabcd);
    const made = rig.driver.createDomain(true);
    expect(rig.sent(() => rig.driver.probe(device))).toEqual([contextCache(0xabcd)]);
    expect(rig.sent(() => made.attach(device))).toEqual([contextCache(0xabcd)]);
    expect(rig.sent(() => made.detach(device))).toEqual([
      contextCache(0xabcd),
      pasidCache(1, 0),
      iotlbOfDomain(1),
    ]);
    expect(rig.sent(() => made.release())).toEqual([pasidCacheOfDomain(1), iotlbOfDomain(1)]);
    expect(rig.sent(() => made.release())).toEqual([]);
  });

  it("page-selective IOTLB for an unmap, in aligned blocks, nothing where nothing was mapped (6.5.2.3)", () => {
    start(8);
    const unmap = (iova: bigint, size: bigint) => rig.sent(() => domain.unmap(iova, size));
    expect(unmap(0x5000n, 0x1000n)).toEqual([iotlbPages(1, 0x5000n, 0)]);
    expect(unmap(0x5000n, 0x1000n)).toEqual([]);
    expect(unmap(0x6000n, 0x6000n)).toEqual([iotlbPages(1, 0x6000n, 1), iotlbPages(1, 0x8000n, 2)]);
    expect(unmap(0x20_0000n, 0x20_0000n)).toEqual([iotlbPages(1, 0x20_0000n, 9)]);
    // CAP.MAMV is 18
    domain.map(0x40_0000_0000n, 0x40_0000_0000n, 0x8000_0000n, RW);
    expect(unmap(0x40_0000_0000n, 0x8000_0000n)).toEqual([
      iotlbPages(1, 0x40_0000_0000n, 18),
      iotlbPages(1, 0x40_4000_0000n, 18),
    ]);
    expect(unmap(0n, 1n << 48n)).toEqual([iotlbOfDomain(1)]);
  });

  it("domain-selective IOTLB where there is no page-selective one (CAP.PSI)", () => {
    rig = new Rig({ machine: { features: buildVtdFeatures({ pageSelective: false }, VTD_PRESETS.host) } });
    ({ domain } = boot(rig, 8));
    expect(rig.sent(() => domain.unmap(0n, 0x1000n))).toEqual([iotlbOfDomain(1)]);
  });

  it("nothing for a binding, PASID-cache and PASID-based IOTLB for its end", () => {
    start(8);
    expect(rig.sent(() => domain.bindGpasid(devices[0]!, bindingOf(0xfffff, vm.table())))).toEqual([]);
    expect(rig.sent(() => domain.unbindGpasid(devices[0]!, 0xfffff))).toEqual([
      pasidCache(1, 0xfffff),
      pasidIotlb(1, 0xfffff),
    ]);
    expect(rig.sent(() => domain.unbindGpasid(devices[0]!, 0xfffff))).toEqual([]);
  });

  it("the same for each PASID that is still bound at a detach", () => {
    start(8);
    for (const pasid of [5, 6]) domain.bindGpasid(devices[0]!, bindingOf(pasid, vm.table()));
    expect(rig.sent(() => domain.detach(devices[0]!))).toEqual([
      pasidCache(1, 5),
      pasidIotlb(1, 5),
      pasidCache(1, 6),
      pasidIotlb(1, 6),
      contextCache(8),
      pasidCache(1, 0),
      iotlbOfDomain(1),
    ]);
    expect(rig.entry(8, 5)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
  });
});

describe("an endpoint with ATS is sent", () => {
  function startAts(): Endpoint {
    rig = new Rig();
    const device = endpoint(8, { ats: true });
    rig.driver.probe(device);
    rig.driver.probe(endpoint(9));
    domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.map(0n, 0x8000_0000n, 0x1000_0000n, RW);
    ({ vm } = boot(rig, 10));
    return device;
  }

  it("everything when the second stage or a binding goes, after the unit's own (6.5.2.5, 6.5.2.6)", () => {
    const device = startAts();
    const all = [deviceTlb(8), anyPasidDeviceTlb(8)];
    expect(rig.sent(() => domain.unmap(0x5000n, 0x1000n))).toEqual([iotlbPages(1, 0x5000n, 0), ...all]);
    domain.bindGpasid(device, bindingOf(5, vm.table()));
    expect(rig.sent(() => domain.unbindGpasid(device, 5))).toEqual([
      pasidCache(1, 5),
      pasidIotlb(1, 5),
      ...all,
    ]);
    expect(rig.sent(() => domain.detach(device))).toEqual([
      contextCache(8),
      pasidCache(1, 0),
      iotlbOfDomain(1),
      ...all,
    ]);
  });

  it("what the guest asks for: a PASID or all, the block around a range", () => {
    const device = startAts();
    domain.bindGpasid(device, bindingOf(5, vm.table()));
    const asked = (request: Partial<Invalidation>) =>
      rig.sent(() => domain.invalidate(invalidation({ deviceTlb: true, ...request })));
    const pasid5 = 0x8n | (8n << 16n) | (5n << 32n);
    const everything = 0x7fff_ffff_ffff_f800n;
    expect(asked({ granularity: "pasid", pasid: 5 })).toEqual([[pasid5, everything]]);
    expect(asked({ granularity: "address", pasid: 5, address: 0x5000n, size: 0x1000n })).toEqual([
      [pasid5, 0x5000n],
    ]);
    // 32 KiB at 0x10000: S; bits 13:12 are 1, bit 14 is 0
    expect(asked({ granularity: "address", pasid: 5, address: 0x1_1000n, size: 0x5000n })).toEqual([
      [pasid5, 0x1_3800n],
    ]);
    expect(asked({ granularity: "address", address: 0x5000n, size: 0x2000n })).toEqual([
      [0x8n | (8n << 16n), 0x5801n],
    ]);
    expect(asked({ iotlb: true, granularity: "pasid", pasid: 5 })).toEqual([
      pasidIotlb(1, 5),
      [pasid5, everything],
    ]);
  });

  it("nothing about PASIDs when it has none", () => {
    rig = new Rig();
    const device = endpoint(8, { ats: true, pasidBits: 0 });
    rig.driver.probe(device);
    domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.map(0n, 0n, 0x2000n, RW);
    expect(rig.sent(() => domain.unmap(0n, 0x1000n))).toEqual([iotlbPages(1, 0n, 0), deviceTlb(8)]);
    expect(rig.sent(() => domain.invalidate(invalidation({ deviceTlb: true })))).toEqual([]);
  });
});

describe("a page response sends", () => {
  it.each([
    [{ stream: 0xabcd, pasid: 0xfedcb, group: 511, code: "success" }, 0x19n, 0x0n],
    [{ stream: 0xabcd, pasid: 0xfedcb, group: 511, code: "invalid" }, 0x19n, 0x1000n],
    [{ stream: 0xabcd, pasid: 0xfedcb, group: 511, code: "failure" }, 0x19n, 0xf000n],
    [{ stream: 0xabcd, group: 3, code: "success" }, 0x9n, 0x0n],
  ] as [PageResponse, bigint, bigint][])("%o as a group response (7.6.1)", (response, type, code) => {
    const answered: PageResponse[] = [];
    rig = new Rig({ machine: { onPageResponse: (each) => answered.push(each) } });
    const pasid = BigInt(response.pasid ?? 0) << 32n;
    expect(rig.sent(() => rig.driver.respond(response))).toEqual([
      [type | code | (0xabcdn << 16n) | pasid, BigInt(response.group) << 3n],
    ]);
    expect(answered).toEqual([response]);
  });
});
