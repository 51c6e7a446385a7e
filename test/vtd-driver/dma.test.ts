// What a DMA gets after each operation of the driver, on the machine with its caches.

import { describe, expect, it } from "vitest";
import { bindingOf, boot, Guest, RAM } from "./guest.js";
import { READ, Rig, RW, WRITE } from "./rig.js";

describe("a DMA without PASID", () => {
  it("is aborted silently until its endpoint is attached, and again afterwards", () => {
    const rig = new Rig();
    const [device] = rig.probe(8);
    expect([rig.dma(8, 0x1234n), rig.dma(8, 0x1234n, { pasid: 5 })]).toEqual(["abort", "abort"]);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0x1000n, RAM, 0x1000n, RW);
    expect(rig.dma(8, 0x1234n)).toBe(RAM + 0x234n);
    expect(rig.dma(8, 0x1234n, { pasid: 5 })).toBe("fault");
    domain.detach(device!);
    expect([rig.dma(8, 0x1234n), rig.dma(8, 0x1234n, { pasid: 5 })]).toEqual(["abort", "abort"]);
    domain.attach(device!);
    expect(rig.dma(8, 0x1234n)).toBe(RAM + 0x234n);
  });

  it("of a source-id that nobody probed is told of without a reason", () => {
    const rig = new Rig();
    boot(rig, 8);
    expect([rig.dma(9, 0n), rig.dma(0x100, 0n)]).toEqual(["fault", "fault"]);
    expect(rig.faults).toEqual([
      { stream: 9, name: "CONTEXT_NOT_PRESENT", perm: 1, address: 0n },
      { stream: 0x100, name: "ROOT_NOT_PRESENT", perm: 1, address: 0n },
    ]);
  });

  it("needs the right that the mapping has; the host is told", () => {
    const rig = new Rig();
    const { domain } = boot(rig, 8);
    domain.map(0x4000_0000n, 0x1000n, 0x1000n, READ);
    domain.map(0x4000_1000n, 0x2000n, 0x1000n, WRITE);
    domain.map(0x4000_2000n, 0x802_0000n, 0x1000n, { read: false, write: true, device: true });
    expect(rig.dma(8, 0x4000_0000n)).toBe(0x1000n);
    expect(rig.dma(8, 0x4000_0000n, { write: true })).toBe("fault");
    expect(rig.dma(8, 0x4000_1000n)).toBe("fault");
    expect(rig.dma(8, 0x4000_1000n, { write: true })).toBe(0x2000n);
    expect(rig.dma(8, 0x4000_2040n, { write: true })).toBe(0x802_0040n);
    expect(rig.dma(8, 1n << 48n)).toBe("fault");
    expect(rig.faults).toEqual([
      { stream: 8, name: "WRITE", perm: 2, address: 0x4000_0000n },
      { stream: 8, name: "READ", perm: 1, address: 0x4000_1000n },
      { stream: 8, name: "SS_TOO_WIDE", perm: 1, address: 1n << 48n },
    ]);
  });

  it("has leaves of 4 KiB, 2 MiB and 1 GiB as they fit", () => {
    const rig = new Rig();
    const { domain } = boot(rig, 8);
    domain.map(0x4000_0000n, 0x1_4000_0000n, 0x4020_1000n, RW);
    const leaf = (iova: bigint) => rig.driver.machine.translate({ stream: 8, iova }).leafLg2;
    expect([leaf(0x4000_0000n), leaf(0x8000_0000n), leaf(0x8020_0000n)]).toEqual([30, 21, 12]);
  });

  it("finds pages that lie anywhere", () => {
    const rig = new Rig();
    const { domain } = boot(rig, 8);
    const pages = Float64Array.from([0x5000, 0x7fff_ffff_f000, 0x9000, 1, 2]);
    domain.mapPages(0x4000_0000n, pages, 3, RW);
    expect(rig.dma(8, 0x4000_0010n)).toBe(0x5010n);
    expect(rig.dma(8, 0x4000_1010n)).toBe(0x7fff_ffff_f010n);
    expect(rig.dma(8, 0x4000_2fffn)).toBe(0x9fffn);
    expect(rig.dma(8, 0x4000_3000n)).toBe("fault");
    domain.unmap(0x4000_0000n, 0x3000n);
    expect(rig.dma(8, 0x4000_1010n)).toBe("fault");
  });

  it("passes the second stage alone, whatever is bound", () => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8);
    const table = vm.table();
    table.map(0x7000n, 0x20_0000n, 0x1000n);
    domain.bindGpasid(devices[0]!, bindingOf(5, table));
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x7000n);
    expect(rig.dma(8, 0x7000n, { pasid: 5 })).toBe(RAM + 0x20_0000n);
    expect(rig.dma(8, 0x7000n, { pasid: 0 })).toBe("fault");
    expect(rig.faults).toEqual([
      { stream: 8, name: "PASID_IS_RID_PASID", perm: 1, pasid: 0, address: 0x7000n },
    ]);
  });
});

describe("two domains", () => {
  it("see nothing of each other", () => {
    const rig = new Rig();
    const [one, two, three] = rig.probe(8, 9, 10);
    const [first, second] = [rig.driver.createDomain(true), rig.driver.createDomain(false)];
    first.attach(one!);
    first.attach(three!);
    second.attach(two!);
    first.map(0x1000n, 0x10_0000n, 0x1000n, RW);
    second.map(0x1000n, 0x20_0000n, 0x1000n, READ);
    first.map(0x5000n, 0x50_0000n, 0x1000n, RW);
    const all = (iova: bigint) => [8, 9, 10].map((stream) => rig.dma(stream, iova));
    expect(all(0x1000n)).toEqual([0x10_0000n, 0x20_0000n, 0x10_0000n]);
    expect(all(0x5000n)).toEqual([0x50_0000n, "fault", 0x50_0000n]);
    first.unmap(0x1000n, 0x1000n);
    expect(all(0x1000n)).toEqual(["fault", 0x20_0000n, "fault"]);
    first.detach(three!);
    second.attach(three!);
    expect(all(0x1000n)).toEqual(["fault", 0x20_0000n, 0x20_0000n]);
    expect(all(0x5000n)).toEqual([0x50_0000n, "fault", "fault"]);
  });

  it("may bind the same PASID to the same guest-physical address, each in its own RAM", () => {
    const rig = new Rig();
    const bases = [RAM, RAM + 0x1000_0000n];
    const domains = bases.map((base, n) => {
      const [device] = rig.probe(8 + n);
      const domain = rig.driver.createDomain(true);
      domain.attach(device!);
      domain.map(0n, base, 0x1000_0000n, RW);
      const vm = new Guest(rig.driver, base);
      const table = vm.table();
      table.map(0x7000n, 0x20_0000n + BigInt(n << 20), 0x1000n);
      domain.bindGpasid(device!, bindingOf(5, table));
      return { device: device!, domain };
    });
    const all = () => [8, 9].map((stream) => rig.dma(stream, 0x7000n, { pasid: 5 }));
    expect(rig.entry(8, 5)![2]).toBe(rig.entry(9, 5)![2]);
    expect(all()).toEqual([RAM + 0x20_0000n, RAM + 0x1030_0000n]);
    domains[0]!.domain.unbindGpasid(domains[0]!.device, 5);
    expect(all()).toEqual(["fault", RAM + 0x1030_0000n]);
  });
});
