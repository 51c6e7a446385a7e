// What a DMA gets after each operation of the driver, on the machine with its caches.

import { describe, expect, it } from "vitest";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import { Guest } from "./guest.js";
import { READ, Rig, RW, WRITE } from "./rig.js";
import { RAM, RAM_SIZE, VirtualMachine } from "./virtual-machine.js";

describe("a DMA", () => {
  it("goes where the example of SmmuV3Driver says", () => {
    const driver = new SmmuV3Driver();
    const nic = { name: "nic", stream: 8, pasidBits: 20, ats: false, pri: false };
    driver.probe(nic);
    const domain = driver.createDomain(true);
    domain.attach(nic);
    domain.map(0x1000n, 0x8000_0000n, 0x1000n, { read: true, write: false });
    expect(driver.machine.translate({ stream: 8, iova: 0x1234n }).pa).toBe(0x80000234n);
  });

  it("is aborted silently until its endpoint is attached, and again afterwards", () => {
    const { rig, domain, device } = new VirtualMachine();
    expect(rig.dma(8, 0x1234n)).toBe(RAM + 0x1234n);
    domain.detach(device);
    expect(rig.dma(8, 0x1234n)).toBe("abort");
    domain.attach(device);
    expect(rig.dma(8, 0x1234n)).toBe(RAM + 0x1234n);
  });

  it("of a stream that nobody probed is told of without a reason", () => {
    const { rig } = new VirtualMachine();
    expect(rig.dma(9, 0n)).toBe("fault");
    expect(rig.dma(0x1_0000, 0n)).toBe("fault");
    expect(rig.faults).toEqual([
      { stream: 9, name: "C_BAD_STE", perm: 0 },
      { stream: 0x1_0000, name: "C_BAD_STREAMID", perm: 0 },
    ]);
  });

  it("needs the right that the mapping has; execution is not restricted", () => {
    const { rig, domain } = new VirtualMachine();
    domain.map(0x4000_0000n, 0x1000n, 0x1000n, READ);
    domain.map(0x4000_1000n, 0x2000n, 0x1000n, WRITE);
    domain.map(0x4000_2000n, 0x802_0000n, 0x1000n, { read: false, write: true, device: true });
    expect(rig.dma(8, 0x4000_0000n)).toBe(0x1000n);
    expect(rig.dma(8, 0x4000_0000n, { execute: true })).toBe(0x1000n);
    expect(rig.dma(8, 0x4000_0000n, { write: true })).toBe("fault");
    expect(rig.dma(8, 0x4000_1000n)).toBe("fault");
    expect(rig.dma(8, 0x4000_1000n, { write: true })).toBe(0x2000n);
    expect(rig.dma(8, 0x4000_2040n, { write: true })).toBe(0x802_0040n);
    expect(rig.dma(8, 0x4000_2040n)).toBe("fault");
    expect(rig.faults.map(({ name, reason, perm }) => [name, reason, perm])).toEqual([
      ["F_PERMISSION", undefined, 2],
      ["F_PERMISSION", undefined, 1],
      ["F_PERMISSION", undefined, 1],
    ]);
  });

  it("has leaves of 4 KiB, 2 MiB and 1 GiB as they fit", () => {
    const { rig, domain } = new VirtualMachine();
    const { machine } = rig.driver;
    domain.map(0x4000_0000n, 0x1_4000_0000n, 0x4020_1000n, RW);
    const leaf = (iova: bigint) => machine.translate({ stream: 8, iova }).leafLg2;
    expect([leaf(0x4000_0000n), leaf(0x8000_0000n), leaf(0x8020_0000n)]).toEqual([30, 21, 12]);
  });

  it("finds pages that lie anywhere", () => {
    const { rig, domain } = new VirtualMachine();
    const pages = Float64Array.from([0x5000, 0x7fff_ffff_f000, 0x9000, 1, 2]);
    domain.mapPages(0x4000_0000n, pages, 3, RW);
    expect(rig.dma(8, 0x4000_0010n)).toBe(0x5010n);
    expect(rig.dma(8, 0x4000_1010n)).toBe(0x7fff_ffff_f010n);
    expect(rig.dma(8, 0x4000_2fffn)).toBe(0x9fffn);
    expect(rig.dma(8, 0x4000_3000n)).toBe("fault");
    domain.unmap(0x4000_0000n, 0x3000n);
    expect(rig.dma(8, 0x4000_1010n)).toBe("fault");
  });

  it("goes through the guest's table and then through the host's", () => {
    const { rig, domain, guest: vm } = new VirtualMachine();
    const table = vm.table();
    vm.writeCd(0x1000n, table, 5);
    table.map(0xffff_0000n, 0x20_0000n, 0x1000n);
    domain.setPasidTable({ base: 0x1000n, pasidBits: 0, s1fmt: 0, s1dss: 0 });
    expect(rig.dma(8, 0xffff_0123n)).toBe(RAM + 0x20_0123n);
    expect(rig.dma(8, 0x1000n)).toBe("fault");
    expect(rig.dma(8, 0xffff_0123n, { pasid: 1 })).toBe("fault");
    expect(rig.faults.map(({ name, reason, pasid }) => [name, reason, pasid])).toEqual([
      ["F_TRANSLATION", 5, undefined],
      ["C_BAD_SUBSTREAMID", 3, 1],
    ]);
    domain.setPasidTable("bypass");
    expect(rig.dma(8, 0x1000n)).toBe(RAM + 0x1000n);
    expect(rig.dma(8, 0xffff_0123n)).toBe("fault");
    domain.setPasidTable("abort");
    expect(rig.dma(8, 0x1000n)).toBe("abort");
  });

  it.each([
    [0, ["fault", 0x10, 0x11]],
    [1, [0x0, 0x10, 0x11]],
    [2, [0x10, "fault", 0x11]],
  ] as const)("with S1DSS %i without PASID, with PASID 0, with PASID 1", (s1dss, expected) => {
    const { rig, domain, guest: vm } = new VirtualMachine();
    for (const pasid of [0, 1]) {
      const table = vm.table();
      table.map(0n, BigInt(0x10 + pasid) << 20n, 0x1000n);
      vm.writeCd(0x4000n + BigInt(pasid * 64), table, pasid);
    }
    domain.setPasidTable({ base: 0x4000n, pasidBits: 8, s1fmt: 0, s1dss });
    const got = [undefined, 0, 1].map((pasid) => rig.dma(8, 0n, pasid === undefined ? {} : { pasid }));
    expect(got.map((pa) => (typeof pa === "bigint" ? Number((pa - RAM) >> 20n) : pa))).toEqual(expected);
    expect(rig.faults.every(({ reason }) => reason === undefined)).toBe(true);
  });

  it.each([
    [1, 6],
    [2, 10],
  ])("finds its CD in a two-level table, s1fmt %i", (s1fmt, lg2) => {
    const { rig, domain, guest: vm } = new VirtualMachine();
    const table = vm.table();
    table.map(0x7000n, 0x30_0000n, 0x1000n);
    const pasid = 0xfedcb;
    const leaf = 0x40_0000n;
    vm.writeU64(0x80_0000n + BigInt(pasid >> lg2) * 8n, leaf | 1n);
    vm.writeCd(leaf + BigInt(pasid % 2 ** lg2) * 64n, table, 7);
    domain.setPasidTable({ base: 0x80_0000n, pasidBits: 20, s1fmt, s1dss: 0 });
    expect(rig.dma(8, 0x7abcn, { pasid })).toBe(RAM + 0x30_0abcn);
    expect(rig.dma(8, 0x7abcn, { pasid: pasid - 2 ** lg2 })).toBe("fault");
    expect(rig.faults[0]).toEqual({
      stream: 8,
      name: "C_BAD_SUBSTREAMID",
      reason: 3,
      perm: 0,
      pasid: pasid - 2 ** lg2,
    });
  });

  it("whose stage 1 fails carries everything that the record has", () => {
    const { rig, domain, guest: vm } = new VirtualMachine();
    const table = vm.table();
    vm.writeCd(0x4000n, table, 1);
    table.map(0x1000n, 0x20_0000n, 0x1000n, { write: false });
    table.map(0x2000n, 0xf_0000_0000n, 0x1000n);
    domain.setPasidTable({ base: 0x4000n, pasidBits: 8, s1fmt: 0, s1dss: 2 });
    rig.dma(8, 0x1008n, { write: true });
    rig.dma(8, 0x2008n);
    rig.dma(8, 0xabc_0000n, { pasid: 1 });
    rig.dma(8, 0xabc_0000n, { pasid: 256 });
    expect(rig.faults).toEqual([
      { stream: 8, name: "F_PERMISSION", reason: 6, perm: 2, address: 0x1008n },
      { stream: 8, name: "F_TRANSLATION", perm: 1, address: 0x2008n },
      { stream: 8, name: "C_BAD_CD", reason: 2, perm: 0, pasid: 1 },
      { stream: 8, name: "C_BAD_SUBSTREAMID", reason: 3, perm: 0, pasid: 256 },
    ]);
  });

  it("whose CD or table is not memory is told of with the address of the entry (host rule 31)", () => {
    const rig = new Rig({ machine: { ram: [[RAM, RAM_SIZE]] } });
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0n, RAM, RAM_SIZE, RW);
    domain.map(0x10_0000_0000n, 0x10_0000_0000n, 0x1000_0000n, RW);
    const vm = new Guest(rig.driver, RAM);
    domain.setPasidTable({ base: 0x10_0000_4000n, pasidBits: 0, s1fmt: 0, s1dss: 0 });
    rig.dma(8, 0x1000n);
    const table = vm.table();
    vm.writeCd(0x4000n, table, 1);
    vm.writeU64(table.root, 0x10_0000_8003n);
    domain.setPasidTable({ base: 0x4000n, pasidBits: 0, s1fmt: 0, s1dss: 0 });
    rig.dma(8, 0x1000n, { execute: true });
    expect(rig.faults).toEqual([
      { stream: 8, name: "F_CD_FETCH", reason: 1, perm: 0, fetchAddress: 0x10_0000_4000n },
      { stream: 8, name: "F_WALK_EABT", reason: 4, perm: 5, address: 0x1000n, fetchAddress: 0x10_0000_8000n },
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
    expect([8, 9, 10].map((stream) => rig.dma(stream, 0x1000n))).toEqual([
      0x10_0000n,
      0x20_0000n,
      0x10_0000n,
    ]);
    expect([8, 9, 10].map((stream) => rig.dma(stream, 0x5000n))).toEqual([0x50_0000n, "fault", 0x50_0000n]);
    first.unmap(0x1000n, 0x1000n);
    expect([8, 9, 10].map((stream) => rig.dma(stream, 0x1000n))).toEqual(["fault", 0x20_0000n, "fault"]);
    first.setPasidTable("abort");
    expect([8, 9, 10].map((stream) => rig.dma(stream, 0x5000n))).toEqual(["abort", "fault", "abort"]);
    expect(rig.dma(9, 0x1000n)).toBe(0x20_0000n);
    first.detach(three!);
    second.attach(three!);
    expect([8, 9, 10].map((stream) => rig.dma(stream, 0x1000n))).toEqual(["abort", 0x20_0000n, 0x20_0000n]);
  });
});
