// Which domain-ids PASID entries get: one a domain, and more where one PASID has several first stages (Intel VT-d Rev
// 5.10, 6.2.3.1: entries with the same domain-id and PASID have the same first stage).

import { describe, expect, it } from "vitest";
import { TagPool } from "../../src/driver/tag-pool.js";
import { DomainIds } from "../../src/vtd/driver/domain-ids.js";
import { iotlbOfDomain, iotlbPages, pasidCacheOfDomain, pasidIotlb } from "./descriptor-words.js";
import { bindingOf, boot, invalidation, RAM } from "./guest.js";
import { Rig } from "./rig.js";

const noTag = expect.objectContaining({ name: "Refusal", errno: 28 });

describe("domain-ids", () => {
  it("are one a domain, never 0", () => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8, 9);
    const other = boot(rig, 10);
    const table = vm.table();
    for (const device of devices) domain.bindGpasid(device, bindingOf(5, table));
    domain.bindGpasid(devices[0]!, bindingOf(6, vm.table()));
    expect([rig.did(8), rig.did(9), rig.did(8, 5), rig.did(9, 5), rig.did(8, 6), rig.did(10)]).toEqual([
      1, 1, 1, 1, 1, 2,
    ]);
    other.domain.bindGpasid(other.devices[0]!, bindingOf(5, table));
    expect(rig.did(10, 5)).toBe(2);
  });

  it("are more where two endpoints bind one PASID to different first stages, or with different flags", () => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8, 9, 10, 11);
    const tables = [vm.table(), vm.table()];
    const bindings = [
      bindingOf(5, tables[0]!),
      bindingOf(5, tables[1]!),
      bindingOf(5, tables[1]!),
      bindingOf(5, tables[0]!, { flags: 1n }),
    ];
    for (const [n, device] of devices.entries()) domain.bindGpasid(device, bindings[n]!);
    expect([8, 9, 10, 11].map((stream) => rig.did(stream, 5))).toEqual([1, 2, 2, 3]);
    expect([8, 9, 10, 11].map((stream) => rig.did(stream))).toEqual([1, 1, 1, 1]);
    // another PASID fits the first again
    domain.bindGpasid(devices[3]!, bindingOf(6, tables[1]!));
    expect(rig.did(11, 6)).toBe(1);
  });

  it("all follow changes of the second stage, those of a PASID what its guest asks for", () => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8, 9);
    const tables = [vm.table(), vm.table()];
    const dma = () => [8, 9].map((stream) => rig.dma(stream, 0x7000n, { pasid: 5 }));
    for (const [n, device] of devices.entries()) {
      tables[n]!.map(0x7000n, BigInt(2 + n) << 20n, 0x1000n);
      domain.bindGpasid(device, bindingOf(5, tables[n]!));
    }
    expect(dma()).toEqual([RAM + 0x20_0000n, RAM + 0x30_0000n]);
    for (const table of tables) table.unmap(0x7000n, 0x1000n);
    const request = invalidation({ iotlb: true, granularity: "pasid", pasid: 5 });
    expect(rig.sent(() => domain.invalidate(request))).toEqual([pasidIotlb(1, 5), pasidIotlb(2, 5)]);
    expect(dma()).toEqual(["fault", "fault"]);
    expect(rig.sent(() => domain.unmap(0x20_0000n, 0x1000n))).toEqual([
      iotlbPages(1, 0x20_0000n, 0),
      iotlbPages(2, 0x20_0000n, 0),
    ]);
    expect(rig.sent(() => domain.unmap(0n, 1n << 48n))).toEqual([iotlbOfDomain(1), iotlbOfDomain(2)]);
    for (const device of devices) domain.detach(device);
    expect(rig.sent(() => domain.release())).toEqual([
      pasidCacheOfDomain(1),
      pasidCacheOfDomain(2),
      iotlbOfDomain(1),
      iotlbOfDomain(2),
    ]);
    const next = [
      rig.driver.createDomain(true),
      rig.driver.createDomain(true),
      rig.driver.createDomain(true),
    ];
    const dids = next.map((made) => {
      made.attach(devices[0]!);
      const did = rig.did(8);
      made.detach(devices[0]!);
      return did;
    });
    expect(dids.toSorted()).toEqual([1, 2, 3]);
  });

  it("free a PASID for another first stage when the last endpoint unbinds it", () => {
    const ids = new DomainIds(new TagPool(3));
    expect([ids.bind(5, "a"), ids.bind(5, "a"), ids.bind(5, "b")]).toEqual([1, 1, 2]);
    ids.unbind({ did: 1, pasid: 5 });
    expect(ids.bind(5, "c")).toBe(3);
    ids.unbind({ did: 1, pasid: 5 });
    expect(ids.bound(5)).toEqual([
      { did: 2, pasid: 5 },
      { did: 3, pasid: 5 },
    ]);
    expect(ids.bind(5, "d")).toBe(1);
    expect(() => ids.bind(5, "e")).toThrow(noTag);
    expect(ids.bind(5, "b")).toBe(2);
    expect(ids.bound()).toHaveLength(3);
    expect(ids.all).toEqual([1, 2, 3]);
  });

  it("are 65,535 (CAP.ND = 6), come back, and a domain more is ENOSPC", () => {
    const pool = new TagPool(65535);
    const all = Array.from({ length: 65535 }, () => new DomainIds(pool));
    expect([all[0]!.first, all.at(-1)!.first]).toEqual([1, 65535]);
    expect(() => new DomainIds(pool)).toThrow(noTag);
    all[4710]!.release();
    expect(new DomainIds(pool).first).toBe(4711);
    expect(() => new DomainIds(pool)).toThrow(noTag);
  });

  it("that run out refuse a binding, which leaves nothing behind", () => {
    const rig = new Rig({ hostRange: { base: 1n << 47n, size: 1n << 30n } });
    const { devices, domain, vm } = boot(rig, 8, 9);
    const tables = [vm.table(), vm.table()];
    domain.bindGpasid(devices[0]!, bindingOf(5, tables[0]!));
    const domains = Array.from({ length: 65534 }, () => rig.driver.createDomain(false));
    expect(() => rig.driver.createDomain(false)).toThrow(noTag);
    expect(() => domain.bindGpasid(devices[1]!, bindingOf(5, tables[1]!))).toThrow(noTag);
    expect(rig.entry(9, 5)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
    domain.bindGpasid(devices[1]!, bindingOf(6, tables[1]!));
    domains[0]!.release();
    domain.bindGpasid(devices[1]!, bindingOf(5, tables[1]!));
    expect(rig.did(9, 5)).toBe(2);
  });
});
