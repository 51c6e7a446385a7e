// When VMIDs, the host range or backed memory run out: an error, everything as it was, and everything comes back.

import { describe, expect, it } from "vitest";
import type { IommuDomain } from "../../src/contract/driver.js";
import { MemoryLimitError } from "../../src/core/frames.js";
import { TagPool } from "../../src/driver/tag-pool.js";
import { buildFeatures, decodeFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { endpoint, Rig, RW } from "./rig.js";

const few = (changes = {}) => buildFeatures({ streamIdBits: 16, ...changes }, SMMUV3_PRESETS.host);
const noTag = expect.objectContaining({ name: "Refusal", errno: 28 });

describe("VMIDs", () => {
  it("are 255 without VMID16, all different, and come back", () => {
    const rig = new Rig({ machine: { features: few({ vmid16: false }) } });
    const [device] = rig.probe(8);
    const domains = Array.from({ length: 255 }, () => rig.driver.createDomain(true));
    const vmids = domains.map((domain) => {
      domain.attach(device!);
      const vmid = Number(rig.ste(8)[2]! & 0xffffn);
      domain.detach(device!);
      return vmid;
    });
    expect(vmids).toEqual(Array.from({ length: 255 }, (_, n) => n + 1));
    expect(() => rig.driver.createDomain(true)).toThrow(noTag);
    domains[99]!.release();
    const again = rig.driver.createDomain(true);
    again.attach(device!);
    expect(rig.ste(8)[2]! & 0xffffn).toBe(100n);
    expect(() => rig.driver.createDomain(false)).toThrow(noTag);
  });

  it("are 65,535 with it, never 0", () => {
    const pool = new TagPool(65535);
    const taken = new Set(Array.from({ length: 65535 }, () => pool.take()));
    expect([taken.size, taken.has(0), taken.has(undefined), taken.has(65535)]).toEqual([
      65535,
      false,
      false,
      true,
    ]);
    expect(pool.take()).toBeUndefined();
    pool.give(4711);
    expect([pool.take(), pool.take()]).toEqual([4711, undefined]);
    const features = decodeFeatures(SMMUV3_PRESETS.host);
    expect(features.vmid16).toBe(true);
  });
});

describe("a host range without room", () => {
  // L1STDs 512 B, queues 16 + 4 + 2 KiB, one second level of 64 KiB: little is left of 192 KiB.
  const rigOf = (size: bigint) =>
    new Rig({ machine: { features: few() }, hostRange: { base: 1n << 47n, size } });

  it("lets no domain be made, and takes no VMID for it", () => {
    const hostRange = { base: 1n << 47n, size: 0x3_0000n };
    const rig = new Rig({ machine: { features: few({ vmid16: false }) }, hostRange });
    const [device] = rig.probe(8);
    const domains: IommuDomain[] = [];
    const make = () => rig.driver.createDomain(true);
    expect(() => {
      for (;;) domains.push(make());
    }).toThrow("no room for 4096 bytes");
    for (let round = 0; round < 300; round++) expect(make).toThrow("no room");
    const last = domains.pop()!;
    last.release();
    const again = make();
    again.attach(device!);
    expect(rig.ste(8)[2]! & 0xffffn).toBe(BigInt(domains.length + 1));
  });

  it("refuses a mapping that needs more tables, with nothing of it mapped and no table lost", () => {
    const rig = rigOf(0x3_0000n);
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0x1000n, 0x5000n, 0x1000n, RW);
    const tooMuch = () => domain.map(0x2000n, 0x1000n, 0x2000_0000n, RW);
    for (let round = 0; round < 100; round++) expect(tooMuch).toThrow("no room");
    const pages = Float64Array.from({ length: 20000 }, (_, n) => n * 8192);
    for (let round = 0; round < 20; round++) {
      expect(() => domain.mapPages(0x2000n, pages, pages.length, RW)).toThrow("no room");
    }
    expect(rig.dma(8, 0x1000n)).toBe(0x5000n);
    for (const iova of [0x2000n, 0x1f_f000n, 0x20_0000n, 0x1000_0000n])
      expect(rig.dma(8, iova)).toBe("fault");
    domain.map(0x2000n, 0x7000n, 0x1000n, RW);
    expect(rig.dma(8, 0x2000n)).toBe(0x7000n);
    // Room for as many tables as before.
    const count = () => {
      let tables = 0n;
      try {
        for (; ; tables++) domain.map(0x4000_0000n + (tables << 21n), 0x1000n, 0x1000n, RW);
      } catch {}
      for (let n = 0n; n < tables; n++) domain.unmap(0x4000_0000n + (n << 21n), 0x1000n);
      return tables;
    };
    const room = count();
    expect(room).toBeGreaterThan(3n);
    expect(count()).toBe(room);
  });

  it("refuses an endpoint whose second-level table has no room, and takes one that has its table", () => {
    const rig = rigOf(0x4_0000n);
    rig.probe(8);
    const domain = rig.driver.createDomain(true);
    const free = () => rig.driver.probe(endpoint(1024));
    let n = 0n;
    try {
      for (; ; n++) domain.map(n << 30n, 0x1000n, 0x1000n, RW);
    } catch {}
    expect(free).toThrow("no room for 65536 bytes");
    expect(free).toThrow("no room for 65536 bytes");
    expect(rig.dma(1024, 0n)).toBe("fault");
    rig.probe(9);
    expect(rig.dma(9, 0n)).toBe("abort");
  });

  it("comes back whole when domains are released", () => {
    const rig = rigOf(0x3_0000n);
    const [device] = rig.probe(8);
    for (let round = 0; round < 200; round++) {
      const domain = rig.driver.createDomain(true);
      domain.attach(device!);
      for (let n = 0n; n < 8n; n++) domain.map(n << 21n, 0x1000n * (n + 1n), 0x1000n, RW);
      expect(rig.dma(8, 3n << 21n)).toBe(0x4000n);
      expect(rig.dma(8, 9n << 21n)).toBe("fault");
      domain.detach(device!);
      domain.release();
    }
  });
});

describe("memory that may not be backed", () => {
  it("refuses a mapping, leaves everything as it was, and entries still change", () => {
    const rig = new Rig({
      machine: { features: few(), memoryLimit: 5 * 65536 },
      hostRange: { base: 1n << 47n, size: 0x10_0000n },
    });
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0x1000n, 0x5000n, 0x1000n, RW);
    let failure: unknown;
    let mapped = 0n;
    try {
      for (; ; mapped++) domain.map(0x4000_0000n + (mapped << 21n), 0x6000n, 0x1000n, RW);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(MemoryLimitError);
    expect(rig.dma(8, 0x1000n)).toBe(0x5000n);
    expect(rig.dma(8, 0x4000_0000n + ((mapped - 1n) << 21n))).toBe(0x6000n);
    expect(rig.dma(8, 0x4000_0000n + (mapped << 21n))).toBe("fault");
    const probe = () => rig.driver.probe(endpoint(1024));
    for (let round = 0; round < 50; round++) expect(probe).toThrow(MemoryLimitError);
    for (let n = 0; n < 300; n++) expect(rig.dma(8, 0x9000_0000n)).toBe("fault");
    domain.setPasidTable("abort");
    expect(rig.dma(8, 0x1000n)).toBe("abort");
    domain.detach(device!);
    domain.release();
    rig.driver.createDomain(true).attach(device!);
  });
});
