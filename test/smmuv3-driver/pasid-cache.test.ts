// After an invalidation of the PASID cache no old CD answers, nor the way to it; before it one does.

import { beforeEach, describe, expect, it } from "vitest";
import type { IommuDomain } from "../../src/contract/driver.js";
import type { Guest } from "./guest.js";
import type { Rig } from "./rig.js";
import { RAM, VirtualMachine } from "./virtual-machine.js";

const CDS = 0x4000n;

let machine: VirtualMachine;
let rig: Rig;
let domain: IommuDomain;
let vm: Guest;

beforeEach(() => {
  machine = new VirtualMachine();
  ({ rig, domain, guest: vm } = machine);
});

describe("invalidate of the PASID cache", () => {
  /** PASIDs 0 and 1 by way of a two-level table. */
  function bind(): void {
    vm.writeU64(0x2000n, CDS | 1n);
    for (const pasid of [0, 1]) {
      const table = vm.table();
      table.map(0n, 0x10_0000n * BigInt(2 + pasid), 0x1000n);
      vm.writeCd(CDS + BigInt(64 * pasid), table, 10 + pasid);
    }
    domain.setPasidTable({ base: 0x2000n, pasidBits: 8, s1fmt: 1, s1dss: 2 });
  }
  const dma = (pasid?: number) => rig.dma(8, 0n, pasid === undefined ? {} : { pasid });

  /** New CDs with new ASIDs in the old places. */
  function change(): void {
    expect([dma(), dma(1)]).toEqual([RAM + 0x20_0000n, RAM + 0x30_0000n]);
    for (const pasid of [0, 1]) {
      const table = vm.table();
      table.map(0n, 0x10_0000n * BigInt(6 + pasid), 0x1000n);
      vm.writeCd(CDS + BigInt(64 * pasid), table, 20 + pasid);
    }
    expect([dma(), dma(1)]).toEqual([RAM + 0x20_0000n, RAM + 0x30_0000n]);
  }

  it("of the domain takes all CDs", () => {
    bind();
    change();
    machine.invalidate({ pasidCache: true });
    expect([dma(), dma(1)]).toEqual([RAM + 0x60_0000n, RAM + 0x70_0000n]);
  });

  it("of a PASID takes its CD; PASID 0 is that of DMA without one, too (4.3.3)", () => {
    bind();
    change();
    machine.invalidate({ pasidCache: true, granularity: "pasid", pasid: 1 });
    expect([dma(), dma(1)]).toEqual([RAM + 0x20_0000n, RAM + 0x70_0000n]);
    machine.invalidate({ pasidCache: true, granularity: "pasid", pasid: 0 });
    expect(dma()).toBe(RAM + 0x60_0000n);
  });

  it("of a PASID takes the level 1 descriptor on the way", () => {
    bind();
    expect(dma(1)).toBe(RAM + 0x30_0000n);
    const table = vm.table();
    table.map(0n, 0x90_0000n, 0x1000n);
    vm.writeCd(0x8000n + 64n, table, 30);
    vm.writeU64(0x2000n, 0x8000n | 1n);
    machine.invalidate({ pasidCache: true, granularity: "pasid", pasid: 1 });
    expect(dma(1)).toBe(RAM + 0x90_0000n);
  });

  it("reaches every endpoint of the domain", () => {
    const [second] = rig.probe(9);
    domain.attach(second!);
    bind();
    expect(rig.dma(9, 0n)).toBe(RAM + 0x20_0000n);
    change();
    machine.invalidate({ pasidCache: true, granularity: "pasid", pasid: 0 });
    expect([rig.dma(8, 0n), rig.dma(9, 0n)]).toEqual([RAM + 0x60_0000n, RAM + 0x60_0000n]);
  });
});
