// What happens when there is no room: the call fails as a whole, and everything that was goes on.

import { describe, expect, it } from "vitest";
import type { IommuDomain } from "../../src/contract/driver.js";
import { MemoryLimitError } from "../../src/core/frames.js";
import { endpoint, Rig, RW } from "./rig.js";

const small = (stream: number) => endpoint(stream, { pasidBits: 13 });

describe("a host range without room", () => {
  // Queues 32 + 4 KiB, status, root table: little is left of 192 KiB.
  const rigOf = (size: bigint) => new Rig({ hostRange: { base: 1n << 47n, size } });

  it("lets no domain be made, and takes no domain-id for it", () => {
    const rig = rigOf(0x3_0000n);
    const device = small(8);
    rig.driver.probe(device);
    const domains: IommuDomain[] = [];
    const make = () => rig.driver.createDomain(true);
    expect(() => {
      for (;;) domains.push(make());
    }).toThrow("no room for 4096 bytes");
    for (let round = 0; round < 300; round++) expect(make).toThrow("no room");
    domains.pop()!.release();
    const again = make();
    again.attach(device);
    expect(rig.did(8)).toBe(domains.length + 1);
  });

  it("refuses a mapping that needs more tables, with nothing of it mapped and no table lost", () => {
    const rig = rigOf(0x3_0000n);
    const device = small(8);
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
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
  });

  it("refuses an endpoint, and takes nothing for it", () => {
    const rig = rigOf(0x3_0000n);
    rig.driver.probe(small(8));
    // The directory of 20 bits alone takes 128 KiB.
    for (let round = 0; round < 100; round++) expect(() => rig.driver.probe(endpoint(9))).toThrow("no room");
    expect(rig.dma(9, 0n)).toBe("fault");
    let more = 0;
    try {
      for (; ; more++) rig.driver.probe(small(0x100 * (more + 1)));
    } catch {}
    expect(more).toBeGreaterThan(5);
    for (let round = 0; round < 100; round++)
      expect(() => rig.driver.probe(small(0x100 * (more + 1)))).toThrow("no room");
    expect(rig.dma(0x100, 0n)).toBe("abort");
  });

  it("refuses a binding whose PASID table has no room, and takes one that has its table", () => {
    const rig = rigOf(0x3_0000n);
    const device = small(8);
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    const bind = (hpasid: number) =>
      domain.bindGpasid(device, { hpasid, gpgd: 0x1000n, addressWidth: 48, flags: 0n, pat: 0, emt: 0 });
    let tables = 0;
    try {
      for (; ; tables++) bind(64 * (tables + 1));
    } catch {}
    expect(tables).toBeGreaterThan(5);
    const next = 64 * (tables + 1);
    for (let round = 0; round < 100; round++) expect(() => bind(next)).toThrow("no room for 4096 bytes");
    expect(rig.entryAddress(8, next)).toBeUndefined();
    domain.unbindGpasid(device, next);
    bind(65);
    expect(rig.did(8, 65)).toBe(1);
    // tables stay with the endpoint
    for (let n = 1; n <= tables; n++) domain.unbindGpasid(device, 64 * n);
    bind(64 * tables + 1);
    expect(() => bind(next)).toThrow("no room");
  });

  it("comes back whole when domains are released", () => {
    const rig = rigOf(0x3_0000n);
    const device = small(8);
    rig.driver.probe(device);
    for (let round = 0; round < 200; round++) {
      const domain = rig.driver.createDomain(true);
      domain.attach(device);
      for (let n = 0n; n < 8n; n++) domain.map(n << 21n, 0x1000n * (n + 1n), 0x1000n, RW);
      expect(rig.dma(8, 3n << 21n)).toBe(0x4000n);
      expect(rig.dma(8, 9n << 21n)).toBe("fault");
      domain.detach(device);
      domain.release();
    }
  });
});

describe("memory that may not be backed", () => {
  it("refuses mappings, bindings and endpoints, leaves everything as it was, and entries still change", () => {
    const rig = new Rig({
      machine: { memoryLimit: 5 * 65536 },
      hostRange: { base: 1n << 47n, size: 0x80_0000n },
    });
    const device = endpoint(8);
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.map(0x1000n, 0x5000n, 0x1000n, RW);
    const binding = { gpgd: 0x1000n, addressWidth: 48, flags: 0n, pat: 0, emt: 0 };
    domain.bindGpasid(device, { ...binding, hpasid: 1 });
    let failure: unknown;
    let mapped = 0n;
    try {
      for (; ; mapped++) domain.map(0x4000_0000n + (mapped << 21n), 0x6000n, 0x1000n, RW);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(MemoryLimitError);
    for (let round = 0; round < 50; round++) {
      expect(() => rig.driver.probe(endpoint(0x100))).toThrow(MemoryLimitError);
      expect(() => domain.bindGpasid(device, { ...binding, hpasid: 0x8_0000 })).toThrow(MemoryLimitError);
    }
    expect(rig.dma(8, 0x1000n)).toBe(0x5000n);
    expect(rig.dma(8, 0x4000_0000n + ((mapped - 1n) << 21n))).toBe(0x6000n);
    for (let n = 0; n < 300; n++) expect(rig.dma(8, 0x9000_0000n)).toBe("fault");
    domain.bindGpasid(device, { ...binding, hpasid: 2 });
    domain.unbindGpasid(device, 1);
    domain.detach(device);
    expect(rig.dma(8, 0x1000n)).toBe("abort");
    domain.release();
    rig.driver.createDomain(true).attach(device);
    expect(rig.dma(8, 0x1000n)).toBe("fault");
  });
});

describe("PASID directories and tables", () => {
  it("read 0 wherever they come to lie", () => {
    const rig = new Rig();
    rig.driver.memory.fill((1n << 47n) + 0x10_0000n, 4 << 20, 0xff);
    const device = endpoint(0xffff);
    for (let n = 0; n < 8; n++) rig.driver.probe(endpoint(n));
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.bindGpasid(device, { hpasid: 0x12345, gpgd: 0n, addressWidth: 48, flags: 0n, pat: 0, emt: 0 });
    const zero = [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
    expect([rig.entry(0xffff, 1), rig.entry(0xffff, 0x12346)]).toEqual([zero, zero]);
    expect(rig.entryAddress(0xffff, 0x12380)).toBeUndefined();
    expect(rig.context(0xfffe)).toEqual([0n, 0n, 0n, 0n]);
  });
});
