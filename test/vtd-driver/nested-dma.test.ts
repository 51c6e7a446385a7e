// What a DMA with a PASID gets: through the guest's first stage, then through the host's second; and what the guest is told
// of it. Codes and rights from Intel VT-d Rev 5.10, 3.6 to 3.8 and 7.1.3.

import { describe, expect, it } from "vitest";
import { buildVtdFeatures, VTD_PRESETS } from "../../src/vtd/features.js";
import { bindingOf, boot, Guest, RAM } from "./guest.js";
import { endpoint, READ, Rig, RW, WRITE } from "./rig.js";

const SRE = 1n;

describe("a DMA with a PASID", () => {
  /** A guest with one first stage at PASID 5: pages at 0x1000 … */
  function bound(flags = 0n) {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8);
    const table = vm.table();
    domain.bindGpasid(devices[0]!, bindingOf(5, table, { flags }));
    const dma = (iova: bigint, how = {}) => rig.dma(8, iova, { pasid: 5, ...how });
    const told = () => rig.faults.map(({ name, reason }) => [name, reason]);
    return { rig, domain, vm, table, dma, told };
  }

  it("goes through the guest's table and then through the host's", () => {
    const { table, dma, rig } = bound();
    table.map(0x7fff_ffff_f000n, 0x20_0000n, 0x1000n);
    table.map(0xffff_8000_0000_0000n, 0x40_0000n, 0x20_0000n);
    table.map(0x40_0000_0000n, 0n, 0x4000_0000n);
    expect(dma(0x7fff_ffff_f123n)).toBe(RAM + 0x20_0123n);
    expect(dma(0xffff_8000_001f_fff8n)).toBe(RAM + 0x5f_fff8n);
    expect(dma(0x40_0fff_fff8n)).toBe(RAM + 0xfff_fff8n);
    expect(dma(0x40_1000_0000n)).toBe("fault");
    expect(dma(0x123_4567_8abcn)).toBe("fault");
    expect(dma(0x8000_0000_0000n)).toBe("fault");
    const report = { stream: 8, perm: 1, pasid: 5 };
    expect(rig.faults).toEqual([
      { ...report, name: "SS_NOT_PRESENT", address: 0x40_1000_0000n },
      { ...report, name: "FS_NOT_PRESENT", reason: 5, address: 0x123_4567_8000n },
      { ...report, name: "NOT_CANONICAL", reason: 5, address: 0x8000_0000_0000n },
    ]);
  });

  it("of five levels reaches 57 bits", () => {
    const rig = new Rig({ fiveLevel: true });
    const { devices, domain, vm } = boot(rig, 8);
    const table = vm.table(5);
    table.map(0xff_ffff_ffff_f000n, 0x20_0000n, 0x1000n);
    table.map(0xff00_0000_0000_0000n, 0x30_0000n, 0x1000n);
    table.map(0x1000n, 0x40_0000n, 0x1000n);
    domain.bindGpasid(devices[0]!, bindingOf(5, table));
    const dma = (iova: bigint) => rig.dma(8, iova, { pasid: 5 });
    expect(dma(0xff_ffff_ffff_f008n)).toBe(RAM + 0x20_0008n);
    expect(dma(0xff00_0000_0000_0008n)).toBe(RAM + 0x30_0008n);
    expect(dma(0x1008n)).toBe(RAM + 0x40_0008n);
    expect(dma(1n << 56n)).toBe("fault");
    expect(rig.faults[0]).toMatchObject({ name: "NOT_CANONICAL", reason: 5 });
  });

  it("that was never bound, or no longer is, is the host's matter", () => {
    const { rig, domain, told } = bound();
    expect([rig.dma(8, 0n, { pasid: 6 }), rig.dma(8, 0n, { pasid: 0x12345 })]).toEqual(["fault", "fault"]);
    domain.unbindGpasid(endpoint(8), 5);
    expect(rig.dma(8, 0n, { pasid: 5 })).toBe("fault");
    expect(told()).toEqual([
      ["PASID_NOT_PRESENT", undefined],
      ["DIRECTORY_NOT_PRESENT", undefined],
      ["PASID_NOT_PRESENT", undefined],
    ]);
  });

  it("of an endpoint without PASIDs is, too", () => {
    const rig = new Rig();
    const device = endpoint(8, { pasidBits: 0 });
    rig.driver.probe(device);
    rig.driver.createDomain(true).attach(device);
    expect(rig.dma(8, 0n, { pasid: 1 })).toBe("fault");
    expect(rig.faults).toEqual([{ stream: 8, name: "CONTEXT_NO_PASID", perm: 1, pasid: 1, address: 0n }]);
  });

  it("needs the rights of the first stage: PERMISSION", () => {
    const { table, dma, told } = bound();
    table.map(0x1000n, 0x20_0000n, 0x1000n, { write: false });
    table.map(0x2000n, 0x20_0000n, 0x1000n, { user: false });
    expect(dma(0x1000n)).toBe(RAM + 0x20_0000n);
    expect(dma(0x1000n, { write: true })).toBe("fault");
    expect(dma(0x2000n)).toBe("fault");
    expect(dma(0x2000n, { write: true })).toBe("fault");
    expect(dma(0x1000n, { privileged: true })).toBe("fault");
    expect(told()).toEqual([
      ["WRITE", 6],
      ["USER_PRIVILEGE", 6],
      ["USER_PRIVILEGE", 6],
      ["PASID_NO_SUPERVISOR", 6],
    ]);
  });

  it("may be a supervisor's with SRE: U/S and R/W don't count, WPE being 0 (3.6.1)", () => {
    const { table, dma } = bound(SRE);
    table.map(0x1000n, 0x20_0000n, 0x1000n, { user: false, write: false });
    expect(dma(0x1000n, { privileged: true })).toBe(RAM + 0x20_0000n);
    expect(dma(0x1000n, { privileged: true, write: true })).toBe(RAM + 0x20_0000n);
    expect(dma(0x1000n)).toBe("fault");
  });

  it("that executes has no right to: PERMISSION", () => {
    const { table, dma, rig } = bound();
    table.map(0x1000n, 0x20_0000n, 0x1000n);
    expect(dma(0x1000n, { execute: true })).toBe("fault");
    expect(rig.faults).toEqual([
      { stream: 8, name: "PASID_NO_EXECUTE", reason: 6, perm: 5, pasid: 5, address: 0x1000n },
    ]);
  });

  it.each([
    ["the second stage's page", {}, READ, undefined],
    ["the first stage's, both being read-only", { write: false }, READ, 6],
    ["the first stage's", { write: false }, RW, 6],
  ] as const)(
    "that may not write is denied by %s: the code says WRITE in any case",
    (_by, leaf, rights, reason) => {
      const { table, dma, domain, told } = bound();
      for (const [at, gpa, size] of [
        [0x1000n, 0x4000_0000n, 0x1000n],
        [0x20_0000n, 0x4020_0000n, 0x20_0000n],
        [0x4000_0000n, 0x8000_0000n, 0x4000_0000n],
      ] as const) {
        domain.map(gpa, gpa, size, rights);
        table.map(at, gpa, size, leaf);
        expect(dma(at + size - 8n)).toBe(gpa + size - 8n);
        expect(dma(at + size - 8n, { write: true })).toBe("fault");
      }
      expect(told()).toEqual([
        ["WRITE", reason],
        ["WRITE", reason],
        ["WRITE", reason],
      ]);
    },
  );

  it("of a supervisor can be kept from writing by the second stage alone", () => {
    const { table, dma, domain, told } = bound(SRE);
    domain.map(0x4000_0000n, 0x4000_0000n, 0x1000n, READ);
    table.map(0x1000n, 0x4000_0000n, 0x1000n, { write: false, user: false });
    expect(dma(0x1000n, { privileged: true, write: true })).toBe("fault");
    expect(told()).toEqual([["WRITE", undefined]]);
  });

  it("is the first stage's matter when rights were lost above the leaf", () => {
    const { table, dma, domain, vm, told } = bound();
    domain.map(0x4000_0000n, 0x4000_0000n, 0x1000n, READ);
    table.map(0x1000n, 0x4000_0000n, 0x1000n);
    vm.writeU64(table.root, vm.readU64(table.root) & ~2n);
    expect(dma(0x1000n, { write: true })).toBe("fault");
    expect(told()).toEqual([["WRITE", 6]]);
  });

  it("that meets what cannot be an entry or an address is told of as such", () => {
    const { table, dma, vm, told } = bound();
    table.map(0x1000n, 0x20_0000n, 0x1000n);
    const { address, descriptor } = table.lookup(0x1000n)!;
    vm.writeU64(address + 8n, descriptor | (1n << 50n)); // above the host address width: reserved
    vm.writeU64(table.root + 8n, 0x87n); // PS in a PML4E
    expect(dma(0x2000n)).toBe("fault");
    expect(dma(1n << 39n)).toBe("fault");
    expect(told()).toEqual([
      ["FS_RESERVED", 5],
      ["FS_RESERVED", 5],
    ]);
  });

  it("whose table or page the host has not mapped is the host's matter", () => {
    const { table, dma, vm, told } = bound();
    table.map(0x1000n, 0x7000_0000n, 0x1000n);
    vm.writeU64(table.root + 8n, 0x7000_0067n);
    expect([dma(0x1000n), dma(1n << 39n)]).toEqual(["fault", "fault"]);
    expect(told()).toEqual([
      ["SS_NOT_PRESENT", undefined],
      ["SS_NOT_PRESENT", undefined],
    ]);
  });

  it("whose table may not be read, or not be written for its flags, is, too", () => {
    const { dma, domain, rig, vm, table, told } = bound();
    domain.map(0x4000_0000n, 0x4000_0000n, 0x1000n, WRITE);
    domain.map(0x4000_1000n, 0x4000_1000n, 0x1000n, READ);
    rig.driver.memory.writeU64(0x4000_1000n, 0x20_0007n);
    vm.writeU64(table.root, 0x4000_0067n);
    vm.writeU64(table.root + 8n, 0x4000_1067n);
    expect([dma(0n), dma(1n << 39n)]).toEqual(["fault", "fault"]);
    expect(told()).toEqual([
      ["FS_NESTED_READ", undefined],
      ["FS_NESTED_UPDATE", undefined],
    ]);
  });

  it("whose first stage leads beyond the guest's width: OOR_ADDRESS", () => {
    const features = buildVtdFeatures({ hostBits: 52, guestBits: 52 }, VTD_PRESETS.host);
    const rig = new Rig({ machine: { features } });
    const { devices, domain, vm } = boot(rig, 8);
    const table = vm.table();
    domain.bindGpasid(devices[0]!, bindingOf(5, table));
    table.map(0x1000n, 1n << 48n, 0x1000n);
    vm.writeU64(table.root + 8n, (1n << 48n) | 0x67n);
    const dma = (iova: bigint) => rig.dma(8, iova, { pasid: 5 });
    expect([dma(0x1000n), dma(1n << 39n)]).toEqual(["fault", "fault"]);
    expect(rig.faults.map(({ name, reason }) => [name, reason])).toEqual([
      ["FS_NESTED_TOO_WIDE", 8],
      ["FS_NESTED_TOO_WIDE", 8],
    ]);
  });

  it("whose table is not memory: WALK_EABT without a fetch address (host rule 30)", () => {
    const rig = new Rig({ machine: { ram: [[RAM, 0x1000_0000n]] } });
    const { devices, domain } = boot(rig, 8);
    const vm = new Guest(rig.driver);
    domain.map(0x4000_0000n, 0x4000_0000n, 0x1000_0000n, RW);
    const table = vm.table();
    domain.bindGpasid(devices[0]!, bindingOf(5, table));
    vm.writeU64(table.root, 0x4000_0067n);
    expect(rig.dma(8, 0x1000n, { pasid: 5 })).toBe("fault");
    domain.bindGpasid(devices[0]!, { ...bindingOf(6, table), gpgd: 0x4000_1000n });
    expect(rig.dma(8, 0x1000n, { pasid: 6, write: true })).toBe("fault");
    expect(rig.faults).toEqual([
      { stream: 8, name: "FS_ACCESS", reason: 4, perm: 1, pasid: 5, address: 0x1000n },
      { stream: 8, name: "FS_ROOT_ACCESS", reason: 4, perm: 2, pasid: 6, address: 0x1000n },
    ]);
  });

  it("sets accessed and dirty flags in the guest's tables, EA with EAFE (3.6.2)", () => {
    for (const [flags, ea] of [
      [0n, 0n],
      [2n, 0x400n],
    ] as const) {
      const { table, dma, vm } = bound(flags);
      table.map(0x1000n, 0x20_0000n, 0x1000n, { accessed: false, dirty: false });
      const { address } = table.lookup(0x1000n)!;
      expect(vm.readU64(address)).toBe(0x20_0007n);
      dma(0x1000n);
      expect(vm.readU64(address)).toBe(0x20_0027n | ea);
      dma(0x1000n, { write: true });
      expect(vm.readU64(address)).toBe(0x20_0067n | ea);
      expect(vm.readU64(table.root) & 0x420n).toBe(0x20n | ea);
    }
  });
});
