// After an unmap, an invalidation or a rebinding nothing old answers, whatever was cached; and before it something
// old does, so that the test would notice.

import { beforeEach, describe, expect, it } from "vitest";
import type { Endpoint, IommuDomain } from "../../src/contract/driver.js";
import type { PageTable } from "../../src/memory/page-table.js";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import type { Granule, Guest } from "./guest.js";
import { type Rig, RW } from "./rig.js";
import { RAM, RAM_SIZE, VirtualMachine } from "./virtual-machine.js";

const CDS = 0x4000n;

let machine: VirtualMachine;
let rig: Rig;
let device: Endpoint;
let domain: IommuDomain;
let vm: Guest;

function start(features = SMMUV3_PRESETS.host): void {
  machine = new VirtualMachine(features);
  ({ rig, device, domain, guest: vm } = machine);
}

beforeEach(() => start());

describe("unmap", () => {
  it("takes leaves of every size, and the way to them", () => {
    const iova = 0x40_0000_0000n;
    for (const size of [0x1000n, 0x20_0000n, 0x4000_0000n, 0x4020_1000n]) {
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
    for (const pasid of [0, 1]) {
      const table = vm.table();
      table.map(0x7000n, 0x4000_0000n, 0x1000n);
      vm.writeCd(CDS + BigInt(pasid * 64), table, pasid);
    }
    domain.setPasidTable({ base: CDS, pasidBits: 8, s1fmt: 0, s1dss: 2 });
    domain.map(0x4000_0000n, 0x1_0000_0000n, 0x1000n, RW);
    expect([rig.dma(8, 0x7000n), rig.dma(8, 0x7000n, { pasid: 1 })]).toEqual([
      0x1_0000_0000n,
      0x1_0000_0000n,
    ]);
    domain.unmap(0x4000_0000n, 0x1000n);
    expect([rig.dma(8, 0x7000n), rig.dma(8, 0x7000n, { pasid: 1 })]).toEqual(["fault", "fault"]);
    expect(rig.faults.every(({ reason }) => reason === undefined)).toBe(true);
    domain.map(0x4000_0000n, 0x2_0000_0000n, 0x1000n, RW);
    expect(rig.dma(8, 0x7000n, { pasid: 1 })).toBe(0x2_0000_0000n);
  });

  it("takes the tables of the guest away, too", () => {
    // The guest's level 1 table lies on a page of its own in stage 2.
    domain.map(0x4000_0000n, RAM + 0x800_0000n, 0x1000n, RW);
    const table = vm.table();
    vm.writeCd(CDS, table, 1);
    table.map(0x7000n, 0x20_0000n, 0x1000n);
    const lent = 0x4000_0000n;
    for (let index = 0n; index < 512n; index++) {
      const entry = rig.driver.memory.readU64(RAM + table.root + 8n * index);
      if (entry === 0n) continue;
      const below = entry & 0xffff_ffff_f000n;
      for (let word = 0n; word < 4096n; word += 8n) {
        rig.driver.memory.writeU64(RAM + 0x800_0000n + word, rig.driver.memory.readU64(RAM + below + word));
      }
      rig.driver.memory.writeU64(RAM + table.root + 8n * index, lent | 3n);
    }
    domain.setPasidTable({ base: CDS, pasidBits: 0, s1fmt: 0, s1dss: 0 });
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x20_0000n);
    domain.unmap(lent, 0x1000n);
    expect(rig.dma(8, 0x7000n)).toBe("fault");
    expect(rig.dma(8, 0x7008n)).toBe("fault");
  });

  it("of what is not mapped leaves all that is", () => {
    domain.unmap(RAM_SIZE, 0x4000_0000n);
    expect(rig.dma(8, RAM_SIZE - 8n)).toBe(RAM + RAM_SIZE - 8n);
  });
});

describe("a rebinding", () => {
  /** One CD with one page at 0x7000. */
  function oneCd(at: bigint, asid: number, target: bigint): void {
    const table = vm.table();
    table.map(0x7000n, target, 0x1000n);
    vm.writeCd(at, table, asid);
  }

  it("to another table makes the old one forgotten, with the same ASID and the same place", () => {
    oneCd(CDS, 1, 0x20_0000n);
    oneCd(CDS + 64n, 1, 0x30_0000n);
    const bind = (base: bigint) => domain.setPasidTable({ base, pasidBits: 0, s1fmt: 0, s1dss: 0 });
    bind(CDS);
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x20_0000n);
    bind(CDS + 64n);
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x30_0000n);
    oneCd(CDS + 64n, 1, 0x40_0000n);
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x30_0000n);
    bind(CDS + 64n);
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x40_0000n);
  });

  it.each(["bypass", "abort"] as const)("to %s and back makes it forgotten, too", (between) => {
    oneCd(CDS, 1, 0x20_0000n);
    const table = { base: CDS, pasidBits: 0, s1fmt: 0, s1dss: 0 };
    domain.setPasidTable(table);
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x20_0000n);
    domain.setPasidTable(between);
    expect(rig.dma(8, 0x7000n)).toBe(between === "abort" ? "abort" : RAM + 0x7000n);
    oneCd(CDS, 1, 0x30_0000n);
    domain.setPasidTable(table);
    expect(rig.dma(8, 0x7000n)).toBe(RAM + 0x30_0000n);
  });

  it("of a domain whose VMID another one had finds nothing of it", () => {
    domain.detach(device);
    domain.release();
    const next = rig.driver.createDomain(true);
    next.attach(device);
    expect(rig.ste(8)[2]! & 0xffffn).toBe(1n);
    expect(rig.dma(8, 0x7000n)).toBe("fault");
    next.map(0x7000n, 0x9000n, 0x1000n, RW);
    expect(rig.dma(8, 0x7000n)).toBe(0x9000n);
  });
});

describe.each([
  ["with range commands", SMMUV3_PRESETS.host],
  ["without", buildFeatures({ rangeInvalidation: false }, SMMUV3_PRESETS.host)],
])("invalidate %s", (_name, features) => {
  let tables: PageTable[];
  const IOVA = 0x4000_0000n;
  const SIZE = 0x10_0000n;

  /** CDs of PASID 0 and 1 with ASIDs 10 and 11, 1 MiB each. */
  function bind(granule: Granule, attributes = {}): void {
    start(features);
    tables = [0, 1].map((pasid) => {
      const table = vm.table(granule);
      vm.writeCd(CDS + BigInt(pasid * 64), table, 10 + pasid);
      table.map(IOVA, 0x100_0000n * BigInt(4 + pasid), SIZE, attributes);
      return table;
    });
    domain.setPasidTable({ base: CDS, pasidBits: 8, s1fmt: 0, s1dss: 0 });
  }

  const dma = (pasid: number, offset = 0n) => rig.dma(8, IOVA + offset, { pasid });

  /** Both are cached; both tables are empty now, and the caches answer all the same. */
  function makeStale(): void {
    const offsets = Array.from({ length: Number(SIZE / 4096n) }, (_, n) => BigInt(n) * 4096n);
    for (const pasid of [0, 1])
      for (const offset of offsets) expect(typeof dma(pasid, offset)).toBe("bigint");
    for (const table of tables) table.unmap(IOVA, SIZE);
    expect([typeof dma(0), typeof dma(1, SIZE - 8n)]).toEqual(["bigint", "bigint"]);
  }

  it("of the domain takes all of stage 1", () => {
    bind(4096);
    makeStale();
    machine.invalidate({ iotlb: true });
    expect([dma(0), dma(1)]).toEqual(["fault", "fault"]);
  });

  it("of an ASID takes what is its own", () => {
    bind(4096);
    makeStale();
    machine.invalidate({ iotlb: true, granularity: "pasid", archid: 11 });
    expect([typeof dma(0), dma(1)]).toEqual(["bigint", "fault"]);
    machine.invalidate({ iotlb: true, granularity: "pasid", pasid: 0 });
    expect(dma(0)).toBe("fault");
  });

  it.each([4096, 16384, 65536] as const)(
    "of a range reaches every page of it, whatever the guest's granule says (%i here)",
    (granule) => {
      for (const archid of [10, undefined]) {
        bind(granule);
        makeStale();
        const asid = archid === undefined ? {} : { archid };
        // Not on page boundaries of the larger granules; the last page in part.
        machine.invalidate({
          iotlb: true,
          granularity: "address",
          ...asid,
          address: IOVA + 0x5000n,
          size: 0x8_1800n,
        });
        const size = BigInt(granule);
        const first = 0x5000n & -size;
        const end = (0x8_6800n + size - 1n) & -size;
        for (let offset = first; offset < end; offset += 4096n) expect(dma(0, offset)).toBe("fault");
        expect(dma(1, 0x6000n)).toBe(archid === undefined ? "fault" : RAM + 0x500_6000n);
      }
    },
  );

  it.each([4096, 16384, 65536] as const)("of one page reaches the page of %i bytes around it", (granule) => {
    bind(granule);
    makeStale();
    const address = IOVA + 0x4_3000n;
    machine.invalidate({
      iotlb: true,
      granularity: "address",
      archid: 10,
      address,
      size: 0x1000n,
      leaf: true,
    });
    const size = BigInt(granule);
    expect(dma(0, 0x4_3000n & -size)).toBe("fault");
    expect(dma(0, (0x4_3000n & -size) + size - 8n)).toBe("fault");
    expect(typeof dma(0, 0x5_0000n)).toBe("bigint");
  });

  it("of all addresses takes global entries of every ASID with it", () => {
    bind(4096, { global: true });
    makeStale();
    machine.invalidate({ iotlb: true, granularity: "address", archid: 10, address: 0n, size: 1n << 64n });
    expect(dma(0)).toBe("fault");
    bind(4096, { global: true });
    makeStale();
    machine.invalidate({ iotlb: true, granularity: "address", archid: 10, address: IOVA, size: SIZE });
    expect(dma(0, 0x7000n)).toBe("fault");
  });

  it("of table pointers follows a table that was moved", () => {
    bind(4096);
    expect(dma(0)).toBe(RAM + 0x400_0000n);
    tables[0]!.unmap(IOVA, SIZE);
    // Another table in the place of the level 1 entry's.
    const other = vm.table();
    other.map(IOVA, 0x700_0000n, 0x1000n);
    const slot = (table: PageTable) => RAM + table.root;
    rig.driver.memory.writeU64(slot(tables[0]!), rig.driver.memory.readU64(slot(other)));
    machine.invalidate({ iotlb: true, granularity: "address", archid: 10, address: IOVA, size: 0x1000n });
    expect(dma(0)).toBe(RAM + 0x700_0000n);
  });
});
