// After an unmap, an invalidation or a rebinding nothing old answers, whatever was cached; and before it something
// old does, so that the test would notice.

import { beforeEach, describe, expect, it } from "vitest";
import type { Endpoint, Invalidation, IommuDomain } from "../../src/contract/driver.js";
import type { VtdFirstStageTable } from "../../src/memory/vtd-first-stage.js";
import { bindingOf, boot, type Guest, invalidation, RAM, RAM_SIZE } from "./guest.js";
import { Rig, RW } from "./rig.js";

let rig: Rig;
let device: Endpoint;
let domain: IommuDomain;
let vm: Guest;

beforeEach(() => {
  rig = new Rig();
  const guest = boot(rig, 8);
  ({ domain, vm } = guest);
  device = guest.devices[0]!;
});

const invalidate = (request: Partial<Invalidation>) => domain.invalidate(invalidation(request));

/** A first stage with one page at 0x7000. */
function onePage(target: bigint): VtdFirstStageTable {
  const table = vm.table();
  table.map(0x7000n, target, 0x1000n);
  return table;
}

const dma = (pasid: number) => rig.dma(8, 0x7000n, { pasid });

describe("unmap", () => {
  it("takes leaves of every size, and the way to them", () => {
    const iova = 0x40_0000_0000n;
    for (const size of [0x1000n, 0x20_0000n, 0x4000_0000n, 0x4020_1000n, 0x80_0000_0000n]) {
      domain.map(iova, 0x1_0000_0000n, size, RW);
      expect(rig.dma(8, iova + size - 8n)).toBe(0x1_0000_0000n + size - 8n);
      expect(rig.dma(8, iova)).toBe(0x1_0000_0000n);
      domain.unmap(iova, size);
      expect([rig.dma(8, iova), rig.dma(8, iova + size - 8n)]).toEqual(["fault", "fault"]);
      // Other tables, perhaps in the same places.
      domain.map(iova, 0x2_0000_0000n, 0x1000n, RW);
      expect(rig.dma(8, iova)).toBe(0x2_0000_0000n);
      domain.unmap(iova, 0x1000n);
    }
  });

  it("takes nested translations, of all PASIDs", () => {
    for (const pasid of [1, 2]) domain.bindGpasid(device, bindingOf(pasid, onePage(0x4000_0000n)));
    domain.map(0x4000_0000n, 0x1_0000_0000n, 0x1000n, RW);
    expect([dma(1), dma(2)]).toEqual([0x1_0000_0000n, 0x1_0000_0000n]);
    domain.unmap(0x4000_0000n, 0x1000n);
    expect([dma(1), dma(2)]).toEqual(["fault", "fault"]);
    expect(rig.faults.every(({ reason }) => reason === undefined)).toBe(true);
    domain.map(0x4000_0000n, 0x2_0000_0000n, 0x1000n, RW);
    expect(dma(2)).toBe(0x2_0000_0000n);
  });

  it("takes the tables of the guest away, too", () => {
    const table = onePage(0x20_0000n);
    const lent = 0x4000_0000n;
    const elsewhere = RAM + 0x800_0000n;
    domain.map(lent, elsewhere, 0x1000n, RW);
    const below = vm.readU64(table.root) & 0xf_ffff_ffff_f000n;
    for (let at = 0n; at < 4096n; at += 8n)
      rig.driver.memory.writeU64(elsewhere + at, vm.readU64(below + at));
    vm.writeU64(table.root, lent | 0x27n);
    domain.bindGpasid(device, bindingOf(1, table));
    expect(dma(1)).toBe(RAM + 0x20_0000n);
    domain.unmap(lent, 0x1000n);
    expect(dma(1)).toBe("fault");
  });

  it("of what is not mapped leaves all that is", () => {
    domain.unmap(RAM_SIZE, 0x4000_0000n);
    expect(rig.dma(8, RAM_SIZE - 8n)).toBe(RAM + RAM_SIZE - 8n);
  });
});

describe("a rebinding", () => {
  it("to another table makes the old one forgotten, with the same PASID", () => {
    domain.bindGpasid(device, bindingOf(5, onePage(0x20_0000n)));
    expect(dma(5)).toBe(RAM + 0x20_0000n);
    domain.unbindGpasid(device, 5);
    expect(dma(5)).toBe("fault");
    domain.bindGpasid(device, bindingOf(5, onePage(0x30_0000n)));
    expect(dma(5)).toBe(RAM + 0x30_0000n);
  });

  it("to the same table finds what is in it now", () => {
    const table = onePage(0x20_0000n);
    domain.bindGpasid(device, bindingOf(5, table));
    expect(dma(5)).toBe(RAM + 0x20_0000n);
    table.unmap(0x7000n, 0x1000n);
    expect(dma(5)).toBe(RAM + 0x20_0000n);
    domain.unbindGpasid(device, 5);
    domain.bindGpasid(device, bindingOf(5, table));
    expect(dma(5)).toBe("fault");
  });

  it("leaves other PASIDs and other endpoints alone", () => {
    const [other] = rig.probe(9);
    domain.attach(other!);
    const table = onePage(0x20_0000n);
    for (const pasid of [5, 6]) domain.bindGpasid(device, bindingOf(pasid, table));
    domain.bindGpasid(other!, bindingOf(5, table));
    expect([dma(5), dma(6), rig.dma(9, 0x7000n, { pasid: 5 })]).toEqual(Array(3).fill(RAM + 0x20_0000n));
    domain.unbindGpasid(device, 5);
    expect([dma(5), dma(6), rig.dma(9, 0x7000n, { pasid: 5 })]).toEqual([
      "fault",
      RAM + 0x20_0000n,
      RAM + 0x20_0000n,
    ]);
  });

  it("does not survive a detach", () => {
    domain.bindGpasid(device, bindingOf(5, onePage(0x20_0000n)));
    expect(dma(5)).toBe(RAM + 0x20_0000n);
    domain.detach(device);
    expect([dma(5), rig.dma(8, 0x7000n)]).toEqual(["abort", "abort"]);
    domain.attach(device);
    expect([dma(5), rig.dma(8, 0x7000n)]).toEqual(["fault", RAM + 0x7000n]);
    domain.bindGpasid(device, bindingOf(5, onePage(0x30_0000n)));
    expect(dma(5)).toBe(RAM + 0x30_0000n);
  });

  it("of a domain whose domain-id another one had finds nothing of it", () => {
    domain.bindGpasid(device, bindingOf(5, onePage(0x20_0000n)));
    expect([rig.dma(8, 0x7000n), dma(5)]).toEqual([RAM + 0x7000n, RAM + 0x20_0000n]);
    domain.detach(device);
    domain.release();
    const next = rig.driver.createDomain(true);
    next.attach(device);
    expect(rig.did(8)).toBe(1);
    expect([rig.dma(8, 0x7000n), dma(5)]).toEqual(["fault", "fault"]);
    next.map(0x7000n, 0x9000n, 0x1000n, RW);
    expect(rig.dma(8, 0x7000n)).toBe(0x9000n);
  });
});

describe("invalidate", () => {
  const IOVA = 0x4000_0000n;
  const SIZE = 0x10_0000n;
  let tables: VtdFirstStageTable[];

  const at = (pasid: number, offset = 0n) => rig.dma(8, IOVA + offset, { pasid });

  /** Two PASIDs with 1 MiB each are cached; both tables are empty now, and the caches answer all the same. */
  function makeStale(): void {
    tables = [1, 2].map((pasid) => {
      const table = vm.table();
      table.map(IOVA, 0x100_0000n * BigInt(4 + pasid), SIZE);
      domain.bindGpasid(device, bindingOf(pasid, table));
      return table;
    });
    for (const pasid of [1, 2]) {
      for (let offset = 0n; offset < SIZE; offset += 4096n) expect(typeof at(pasid, offset)).toBe("bigint");
    }
    for (const table of tables) table.unmap(IOVA, SIZE);
    expect([typeof at(1), typeof at(2, SIZE - 8n)]).toEqual(["bigint", "bigint"]);
  }

  it("of the domain takes all of every first stage", () => {
    makeStale();
    invalidate({ iotlb: true });
    expect([at(1), at(2)]).toEqual(["fault", "fault"]);
  });

  it("of a PASID takes what is its own", () => {
    makeStale();
    invalidate({ iotlb: true, granularity: "pasid", pasid: 2 });
    expect([typeof at(1), at(2)]).toEqual(["bigint", "fault"]);
    invalidate({ iotlb: true, granularity: "pasid", pasid: 1 });
    expect(at(1)).toBe("fault");
  });

  it.each([
    [{ pasid: 1 }, ["fault", "bigint"]],
    [{}, ["fault", "fault"]],
  ])("of a range with %o takes every page of it and no other", (pasid, outcome) => {
    makeStale();
    const range = { granularity: "address", address: IOVA + 0x5000n, size: 0x8_1800n } as const;
    invalidate({ iotlb: true, ...range, ...pasid });
    const kindOf = (answer: unknown) => (answer === "fault" ? "fault" : typeof answer);
    for (let offset = 0x5000n; offset < 0x8_7000n; offset += 4096n) {
      expect([kindOf(at(1, offset)), kindOf(at(2, offset))]).toEqual(outcome);
    }
    for (const offset of [0x4000n, 0x8_7000n]) {
      expect([kindOf(at(1, offset)), kindOf(at(2, offset))]).toEqual(["bigint", "bigint"]);
    }
  });

  it("of a leaf leaves the way to it, without LEAF that goes, too", () => {
    const table = vm.table();
    table.map(IOVA, 0x500_0000n, 0x2000n);
    domain.bindGpasid(device, bindingOf(1, table));
    expect(at(1)).toBe(RAM + 0x500_0000n);
    const other = vm.table();
    other.map(IOVA, 0x600_0000n, 0x2000n);
    vm.writeU64(table.root, vm.readU64(other.root));
    const page = { iotlb: true, granularity: "address", pasid: 1, address: IOVA, size: 0x1000n } as const;
    invalidate({ ...page, leaf: true });
    expect(at(1)).toBe(RAM + 0x500_0000n);
    invalidate(page);
    expect(at(1)).toBe(RAM + 0x600_0000n);
  });

  it("of the upper half of the addresses, and of all of them, reaches both halves", () => {
    const table = vm.table();
    const upper = 0xffff_8000_0000_0000n;
    const lower = 0x1000n;
    const both = () => [upper, lower].map((iova) => rig.dma(8, iova, { pasid: 1 }));
    const range = { iotlb: true, granularity: "address", pasid: 1 } as const;
    domain.bindGpasid(device, bindingOf(1, table));
    for (const [request, outcome] of [
      [{ ...range, address: upper, size: 0x1000n }, ["fault", RAM + 0x500_0000n]],
      [{ ...range, address: 0n, size: 1n << 64n }, ["fault", "fault"]],
    ] as const) {
      for (const iova of [upper, lower]) table.map(iova, 0x500_0000n, 0x1000n);
      expect(both()).toEqual([RAM + 0x500_0000n, RAM + 0x500_0000n]);
      for (const iova of [upper, lower]) table.unmap(iova, 0x1000n);
      expect(both()).toEqual([RAM + 0x500_0000n, RAM + 0x500_0000n]);
      invalidate(request);
      expect(both()).toEqual(outcome);
      invalidate({ iotlb: true });
    }
  });

  it("leaves the second stage alone: DMA without PASID goes on from the caches", () => {
    makeStale();
    rig.dma(8, 0x7000n);
    invalidate({ iotlb: true, granularity: "address", address: 0n, size: 1n << 48n });
    expect(rig.driver.machine.translate({ stream: 8, iova: 0x7000n }).source).toBe("iotlb");
  });
});
