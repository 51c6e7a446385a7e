// Commands as they land in the queue, as [low, high] doublewords from Arm IHI 0070 G.b, 4.3 to 4.7.

import { describe, expect, it } from "vitest";
import type { Invalidation } from "../../src/contract/driver.js";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { endpoint, Rig, RW } from "./rig.js";

const SYNC = [0x46n, 0n];
const cfgiSte = (stream: bigint) => [0x03n | (stream << 32n), 0n];
const nhAll = (vmid: bigint) => [0x10n | (vmid << 32n), 0n];
const vmAll = (vmid: bigint) => [0x28n | (vmid << 32n), 0n];
const TABLE = { base: 0x4000n, pasidBits: 8, s1fmt: 0, s1dss: 0 } as const;

const NOTHING: Invalidation = {
  iotlb: false,
  deviceTlb: false,
  pasidCache: false,
  granularity: "domain",
  leaf: false,
  address: 0n,
  size: 0n,
};

/** A domain with two endpoints, VMID 1. */
function pair(features = SMMUV3_PRESETS.host, options: { table?: boolean } = {}) {
  const rig = new Rig({ machine: { features } });
  const [first, second] = rig.probe(8, 0x12345);
  const domain = rig.driver.createDomain(true);
  domain.attach(first!);
  domain.attach(second!);
  if (options.table ?? true) domain.setPasidTable(TABLE);
  rig.commands();
  return { rig, domain, first: first!, second: second! };
}

describe("configuration", () => {
  it("is invalidated once when a stream is probed", () => {
    const rig = new Rig();
    rig.probe(0x12345);
    expect(rig.commands()).toEqual([cfgiSte(0x12345n), SYNC]);
  });

  it("is invalidated after V = 0 and again after the new entry, each time waited for (3.21.3)", () => {
    const rig = new Rig();
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    rig.commands();
    const change = [cfgiSte(8n), SYNC, cfgiSte(8n), SYNC];
    domain.attach(device!);
    expect(rig.commands()).toEqual(change);
    domain.setPasidTable(TABLE);
    expect(rig.commands()).toEqual(change);
    domain.setPasidTable({ ...TABLE, base: 0x8000n });
    expect(rig.commands()).toEqual([...change, nhAll(1n), SYNC]);
    domain.setPasidTable("bypass");
    expect(rig.commands()).toEqual([...change, nhAll(1n), SYNC]);
    domain.setPasidTable("abort");
    expect(rig.commands()).toEqual(change);
    domain.detach(device!);
    expect(rig.commands()).toEqual(change);
  });
});

describe("unmap", () => {
  const ipa = (address: bigint, num = 0n, scale = 0n) => [
    0x2an | (1n << 32n) | (num << 12n) | (scale << 20n),
    address | (num + scale === 0n ? 0n : 1n << 10n),
  ];

  it("of one page is TLBI_S2_IPA for its address, table pointers included", () => {
    const { rig, domain } = pair(SMMUV3_PRESETS.host, { table: false });
    domain.map(0x7000n, 0x1000n, 0x1000n, RW);
    expect(rig.commands()).toEqual([]);
    domain.unmap(0x7000n, 0x1000n);
    expect(rig.commands()).toEqual([ipa(0x7000n), SYNC]);
  });

  it("of a range is range commands of 4 KiB pages", () => {
    const { rig, domain } = pair(SMMUV3_PRESETS.host, { table: false });
    domain.map(0x4000_0000n, 0x8000_0000n, 0x4000_0000n, RW);
    domain.unmap(0x4000_0000n, 0x4000_0000n);
    // 2^18 pages
    expect(rig.commands()).toEqual([ipa(0x4000_0000n, 0n, 18n), SYNC]);
    domain.map(0x7000n, 0x9000n, 67n * 4096n, RW);
    domain.unmap(0x7000n, 67n * 4096n);
    // 3 + 64 pages
    expect(rig.commands()).toEqual([ipa(0x7000n, 2n, 0n), ipa(0xa000n, 0n, 6n), SYNC]);
  });

  it("with a PASID table bound takes nested entries with it (4.4.3.1)", () => {
    const { rig, domain } = pair();
    domain.map(0x7000n, 0x1000n, 0x1000n, RW);
    domain.unmap(0x7000n, 0x1000n);
    expect(rig.commands()).toEqual([ipa(0x7000n), nhAll(1n), SYNC]);
  });

  it("without range commands is one a page up to 512 pages, and beyond the whole VMID", () => {
    const features = buildFeatures({ rangeInvalidation: false }, SMMUV3_PRESETS.host);
    const { rig, domain } = pair(features);
    domain.map(0n, 0x10_0000n, 0x3000n, RW);
    domain.unmap(0n, 0x3000n);
    expect(rig.commands()).toEqual([ipa(0n), ipa(0x1000n), ipa(0x2000n), nhAll(1n), SYNC]);
    domain.map(0n, 0n, 0x20_0000n, RW);
    domain.unmap(0n, 0x20_0000n);
    expect(rig.commands()).toHaveLength(514);
    domain.map(0n, 0n, 0x20_1000n, RW);
    domain.unmap(0n, 0x20_1000n);
    expect(rig.commands()).toEqual([vmAll(1n), SYNC]);
  });
});

describe("release", () => {
  it("drops everything of the VMID before somebody else gets it", () => {
    const { rig, domain, first, second } = pair();
    domain.detach(first);
    domain.detach(second);
    rig.commands();
    domain.release();
    expect(rig.commands()).toEqual([vmAll(1n), SYNC]);
  });
});

describe("invalidate of the IOTLB", () => {
  const va = (opcode: bigint, address: bigint, asid = 0n, leaf = 0n) => [
    opcode | (1n << 32n) | (asid << 48n),
    address | leaf,
  ];

  it("by domain, or by PASID without ASID, is TLBI_NH_ALL (host rule 26)", () => {
    const { rig, domain } = pair();
    domain.invalidate({ ...NOTHING, iotlb: true });
    domain.invalidate({ ...NOTHING, iotlb: true, granularity: "pasid", pasid: 3 });
    expect(rig.commands()).toEqual([nhAll(1n), SYNC, nhAll(1n), SYNC]);
  });

  it("by ASID is TLBI_NH_ASID", () => {
    const { rig, domain } = pair();
    domain.invalidate({ ...NOTHING, iotlb: true, granularity: "pasid", archid: 0xabcd });
    domain.invalidate({ ...NOTHING, iotlb: true, granularity: "pasid", pasid: 3, archid: 5 });
    expect(rig.commands()).toEqual([
      [0x11n | (1n << 32n) | (0xabcdn << 48n), 0n],
      SYNC,
      [0x11n | (1n << 32n) | (5n << 48n), 0n],
      SYNC,
    ]);
  });

  it("by address is TLBI_NH_VA with an ASID, TLBI_NH_VAA without, with the leaf hint", () => {
    const { rig, domain } = pair();
    const request = { ...NOTHING, iotlb: true, granularity: "address", size: 0x1000n } as const;
    domain.invalidate({ ...request, address: 0xffff_8000_0000_7000n, archid: 9, leaf: true });
    domain.invalidate({ ...request, address: 0x7000n, pasid: 4 });
    expect(rig.commands()).toEqual([
      va(0x12n, 0xffff_8000_0000_7000n, 9n, 1n),
      SYNC,
      va(0x13n, 0x7000n),
      SYNC,
    ]);
  });

  it("by a range is range commands of each granule that the machine has", () => {
    const request = { ...NOTHING, iotlb: true, granularity: "address", archid: 9 } as const;
    const range = { address: 0x20_0000n, size: 0x20_0000n };
    const run = (tg: bigint, scale: bigint) => [
      0x12n | (1n << 32n) | (9n << 48n) | (scale << 20n),
      0x20_0000n | (tg << 10n),
    ];
    const { rig, domain } = pair();
    domain.invalidate({ ...request, ...range });
    expect(rig.commands()).toEqual([run(1n, 9n), run(2n, 7n), run(3n, 5n), SYNC]);
    const few = pair(buildFeatures({ granule16k: false }, SMMUV3_PRESETS.host));
    few.domain.invalidate({ ...request, ...range });
    expect(few.rig.commands()).toEqual([run(1n, 9n), run(3n, 5n), SYNC]);
  });

  it("by a range too long for commands is TLBI_NH_ALL: by ASID would leave global entries", () => {
    const { rig, domain } = pair();
    const request = { ...NOTHING, iotlb: true, granularity: "address", archid: 9 } as const;
    domain.invalidate({ ...request, address: 0n, size: 1n << 64n });
    expect(rig.commands()).toEqual([nhAll(1n), SYNC]);
    const old = pair(buildFeatures({ rangeInvalidation: false }, SMMUV3_PRESETS.host));
    old.domain.invalidate({ ...request, address: 0n, size: 0x20_1000n });
    expect(old.rig.commands()).toEqual([nhAll(1n), SYNC]);
    old.domain.invalidate({ ...request, address: 0x5000n, size: 0x2000n });
    expect(old.rig.commands()).toEqual([va(0x12n, 0x5000n, 9n), va(0x12n, 0x6000n, 9n), SYNC]);
  });
});

describe("invalidate of the PASID cache", () => {
  it("is CFGI_CD_ALL for each endpoint, by PASID CFGI_CD with the way to it (4.3.3)", () => {
    const { rig, domain } = pair();
    domain.invalidate({ ...NOTHING, pasidCache: true });
    domain.invalidate({ ...NOTHING, pasidCache: true, granularity: "pasid", archid: 7 });
    domain.invalidate({ ...NOTHING, pasidCache: true, granularity: "pasid", pasid: 0xabcde });
    const all = [[0x06n | (8n << 32n), 0n], [0x06n | (0x12345n << 32n), 0n], SYNC];
    expect(rig.commands()).toEqual([
      ...all,
      ...all,
      [0x05n | (0xabcden << 12n) | (8n << 32n), 0n],
      [0x05n | (0xabcden << 12n) | (0x12345n << 32n), 0n],
      SYNC,
    ]);
  });

  it("of a PASID that no table has is nothing", () => {
    const { rig, domain } = pair();
    const request = { ...NOTHING, pasidCache: true, granularity: "pasid" } as const;
    domain.invalidate({ ...request, pasid: 2 ** 20 });
    domain.invalidate({ ...request, pasid: 2 ** 64 });
    expect(rig.commands()).toEqual([]);
  });

  it("goes before the IOTLB", () => {
    const { rig, domain, second } = pair();
    domain.detach(second);
    rig.commands();
    domain.invalidate({ ...NOTHING, pasidCache: true, iotlb: true });
    expect(rig.commands()).toEqual([[0x06n | (8n << 32n), 0n], nhAll(1n), SYNC]);
  });
});

describe("invalidate with nothing bound", () => {
  it("is nothing (host rule 26)", () => {
    const { rig, domain } = pair(SMMUV3_PRESETS.host, { table: false });
    const request = { ...NOTHING, iotlb: true, deviceTlb: true, pasidCache: true };
    domain.invalidate(request);
    domain.setPasidTable("abort");
    rig.commands();
    domain.invalidate(request);
    expect(rig.commands()).toEqual([]);
  });
});

describe("the queue", () => {
  it.each([0, 1, 19])("may have IDR1.CMDQS, EVENTQS and PRIQS of %i (6.3.2)", (lg2) => {
    const sizes = { commandQueueLg2: lg2, eventQueueLg2: lg2, priQueueLg2: lg2 };
    const { rig, domain } = pair(buildFeatures(sizes, SMMUV3_PRESETS.host));
    domain.setPasidTable("bypass");
    domain.map(0n, 0x8000n, 0x3000n, RW);
    for (let n = 0; n < 5; n++) {
      expect(rig.dma(8, 0x2000n)).toBe(0xa000n);
      expect(rig.dma(8, 0x3000n)).toBe("fault");
      rig.driver.machine.requestPage({ stream: 8, group: n, address: 0n, read: true, last: true });
    }
    expect(rig.requests).toHaveLength(5);
    domain.unmap(0n, 0x3000n);
    expect(rig.dma(8, 0x2000n)).toBe("fault");
  });

  it("takes more commands than it has places for, in order", () => {
    const features = buildFeatures({ rangeInvalidation: false, commandQueueLg2: 3 }, SMMUV3_PRESETS.host);
    const { rig, domain } = pair(features, { table: false });
    domain.map(0n, 0n, 0x20_0000n, RW);
    expect(rig.dma(8, 0x1f_f000n)).toBe(0x1f_f000n);
    domain.unmap(0n, 0x20_0000n);
    expect(rig.dma(8, 0x1f_f000n)).toBe("fault");
    const { machine } = rig.driver;
    expect(machine.read32(0x98)).toBe(machine.read32(0x9c));
  });

  it("stops with an error when the SMMU refuses a command, or takes none: a bug, never silence", () => {
    const rig = new Rig({ machine: { ram: [[0x8000_0000n, 0x1000n]] } });
    const { machine } = rig.driver;
    machine.write32(0x20, 0);
    expect(() => rig.driver.probe(endpoint(8))).toThrow("the SMMU stopped");
    // A queue where there is no memory: CERROR_ABT.
    machine.write64(0x90, 0xan);
    machine.write32(0x20, 1 << 3);
    expect(machine.read32(0x9c) >>> 24).toBe(2);
    expect(() => rig.driver.probe(endpoint(9))).toThrow("the SMMU stopped");
  });
});
