// What the driver asks of its machine, what it refuses, and what the machine is told at the start.

import { describe, expect, it } from "vitest";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import { buildFeatures, decodeFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { endpoint, Rig, RW } from "./rig.js";

describe("the host preset (host rule 14)", () => {
  it("has 48-bit addresses, all granules, two-level tables, 20-bit substreams, no HTTU, no small tables", () => {
    expect(decodeFeatures(SMMUV3_PRESETS.host)).toMatchObject({
      stage1: true,
      stage2: true,
      outputBits: 48,
      virtualBits: 48,
      ds: false,
      granule4k: true,
      granule16k: true,
      granule64k: true,
      twoLevelCd: true,
      twoLevelStreamTable: true,
      substreamIdBits: 20,
      asid16: true,
      vmid16: true,
      accessFlagUpdate: false,
      dirtyStateUpdate: false,
      smallTables: false,
      rangeInvalidation: true,
      terminateAborts: decodeFeatures(SMMUV3_PRESETS.full).terminateAborts,
      ats: true,
      pri: true,
    });
    // STALL_MODEL: faults terminate
    expect((SMMUV3_PRESETS.host.idr0 >>> 24) & 3).toBe(1);
  });
});

describe("a driver", () => {
  it("offers what an SMMUv3 has", () => {
    const driver = new SmmuV3Driver();
    expect(driver.supports).toEqual({
      pasidTable: true,
      gpasid: false,
      msiBinding: true,
      fiveLevel: false,
      archid: true,
      gpasidFlags: 0n,
    });
    expect([driver.pageSizes, driver.inputBits, driver.outputBits]).toEqual([0x40201000n, 48, 48]);
    expect(driver.hostRange).toEqual({ base: 1n << 47n, size: 1n << 36n });
    expect(driver.memory).toBe(driver.machine.memory);
    expect(driver.machine.features).toEqual(SMMUV3_PRESETS.host);
  });

  it("enables the machine with its queues and interrupts, everything cacheable (6.3.9 to 6.3.16)", () => {
    const { machine } = new SmmuV3Driver();
    expect(machine.read32(0x24)).toBe(0b11111); // ATSCHK, CMDQEN, EVENTQEN, PRIQEN, SMMUEN
    expect(machine.read32(0x28)).toBe(0b11_01_01_11_01_01);
    expect(machine.read32(0x2c) & 2).toBe(2); // RECINVSID
    expect(machine.read32(0x54)).toBe(0b111);
    const places = [0x80, 0x90, 0xa0, 0xc0].map((at) => machine.read64(at) & 0x00ff_ffff_ffff_ffe0n);
    for (const place of places) expect(place >> 36n).toBe((1n << 47n) >> 36n);
    expect(new Set(places).size).toBe(4);
  });

  it("leaves out what the machine does not have", () => {
    const features = buildFeatures({ ats: false, pri: false, broadcastTlbi: true }, SMMUV3_PRESETS.host);
    const { machine } = new SmmuV3Driver({ machine: { features } });
    expect(machine.read32(0x24)).toBe(0b01101);
    expect(machine.read32(0x2c) & 6).toBe(6); // PTM, too
    expect(machine.read32(0x54)).toBe(0b101);
  });

  it("works without stage 1, and says so", () => {
    const features = buildFeatures({ stage1: false }, SMMUV3_PRESETS.host);
    const rig = new Rig({ machine: { features } });
    expect(rig.driver.supports.pasidTable).toBe(false);
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0n, 0x1000n, 0x1000n, RW);
    expect(rig.dma(8, 0n)).toBe(0x1000n);
    const table = { base: 0n, pasidBits: 0, s1fmt: 0, s1dss: 0 };
    expect(() => domain.setPasidTable(table)).toThrow("the SMMU has no stage 1");
    domain.invalidate({
      iotlb: true,
      deviceTlb: true,
      pasidCache: true,
      granularity: "domain",
      leaf: false,
      address: 0n,
      size: 0n,
    });
    domain.unmap(0n, 0x1000n);
    expect(rig.dma(8, 0n)).toBe("fault");
  });

  it("keeps its structures in the host range, RAM whatever `ram` says (host rule 10)", () => {
    const hostRange = { base: 0x40_0000_0000n, size: 0x1000_0000n };
    const rig = new Rig({ machine: { ram: [[0x8000_0000n, 0x10_0000n]] }, hostRange });
    const { memory, machine } = rig.driver;
    expect([0x7fff_ffffn, 0x8000_0000n, 0x800f_ffffn, 0x8010_0000n].map((pa) => memory.isRam(pa))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(
      [hostRange.base - 1n, hostRange.base, 0x40_0fff_ffffn, 0x40_1000_0000n].map((pa) => memory.isRam(pa)),
    ).toEqual([false, true, true, false]);
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0n, 0x8000_0000n, 0x1000n, RW);
    expect(rig.dma(8, 0n)).toBe(0x8000_0000n);
    expect(machine.read64(0x80) & 0x00ff_ffff_ffff_ffc0n).toBeGreaterThanOrEqual(hostRange.base);
  });

  it("handles an interrupt before the embedder hears of it", () => {
    const seen: string[] = [];
    const driver = new SmmuV3Driver({ machine: { onIrq: (irq) => seen.push(irq) } });
    driver.listen({ fault: (report) => void seen.push(report.name), pageRequest: () => false });
    driver.machine.translate({ stream: 7, iova: 0n });
    expect(seen).toEqual(["C_BAD_STREAMID", "eventq"]);
  });

  it("refuses an event sink: it would not see the events", () => {
    expect(() => new SmmuV3Driver({ machine: { eventSink: () => {} } })).toThrow(TypeError);
    expect(() => new SmmuV3Driver({ machine: { eventSink: () => {} } })).toThrow('"machine.eventSink"');
  });

  it.each([
    [{ stage2: false }, '"machine.features" expected stage 2'],
    [{ granule4k: false }, '"machine.features" expected 4 KiB pages'],
  ])("refuses a machine without what it needs: %o", (changes, message) => {
    const features = buildFeatures(changes, SMMUV3_PRESETS.host);
    expect(() => new SmmuV3Driver({ machine: { features } })).toThrow(message);
  });

  it.each([
    [{ base: 0x1000n, size: 0x1_0000n }, '"hostRange.base" expected a multiple of 65536'],
    [{ base: 0n, size: 0x1_8000n }, '"hostRange.size" expected a multiple of 65536'],
    [{ base: 0n, size: 0n }, '"hostRange.size" expected a multiple of 65536 from 65536 on, got 0'],
    [{ base: -65536n, size: 65536n }, '"hostRange.base" expected'],
    [{ base: (1n << 48n) - 65536n, size: 131072n }, '"hostRange" expected addresses below 2^48'],
    [{ base: 0n, size: 16n << 20n }, "no room for 33554432 bytes"],
    [{ base: 0x8000_0000n, size: 64n << 20n }, '"hostRange" expected no external memory in it'],
  ])("refuses the host range %o", (hostRange, message) => {
    const external = [{ base: 0x8000_0000n, size: 65536n, fill: () => {} }];
    expect(() => new SmmuV3Driver({ hostRange, machine: { external } })).toThrow(message);
    expect(() => new SmmuV3Driver({ hostRange, machine: { external } })).toThrow(RangeError);
  });

  it("refuses a host range of numbers", () => {
    const hostRange = { base: 0 as unknown as bigint, size: 65536n };
    expect(() => new SmmuV3Driver({ hostRange })).toThrow(TypeError);
  });

  it.each([
    [endpoint(8, { pasidBits: 21 }), '"pasidBits" expected integer in 0..20, got 21'],
    [endpoint(8, { pasidBits: 1.5 }), '"pasidBits" expected integer in 0..20, got 1.5'],
    [endpoint(-1), '"stream" expected integer in 0..2^32-1, got -1'],
    [endpoint(2 ** 32), '"stream" expected integer in 0..2^32-1'],
    [endpoint(7), '"stream" expected one that no endpoint has, got 7'],
  ])("refuses the endpoint %o", (bad, message) => {
    const { driver } = new Rig();
    driver.probe(endpoint(7));
    expect(() => driver.probe(bad)).toThrow(message);
    driver.probe(endpoint(8));
  });
});

describe("a domain", () => {
  it("takes endpoints that were probed and are nobody's, and gives back its own", () => {
    const { driver } = new Rig();
    const [one, two] = [endpoint(1), endpoint(2)];
    driver.probe(one);
    const [first, second] = [driver.createDomain(true), driver.createDomain(true)];
    expect(() => first.attach(two)).toThrow('"endpoint" expected one that was probed, got dev2');
    first.attach(one);
    expect(() => first.attach(one)).toThrow('"endpoint" expected one without a domain, got dev1');
    expect(() => second.attach(one)).toThrow('"endpoint" expected one without a domain, got dev1');
    expect(() => second.detach(one)).toThrow('"endpoint" expected one of this domain, got dev1');
    expect(() => first.release()).toThrow('"release" expected no attached endpoint, got 1');
    first.detach(one);
    second.attach(one);
    first.release();
  });

  it("gives its VMID back once, and takes nobody afterwards", () => {
    const rig = new Rig();
    const [one, two] = rig.probe(8, 9);
    const domain = rig.driver.createDomain(true);
    domain.release();
    domain.release();
    expect(() => domain.attach(one!)).toThrow('"attach" expected a domain in use');
    const [first, second] = [rig.driver.createDomain(true), rig.driver.createDomain(true)];
    first.attach(one!);
    second.attach(two!);
    expect(rig.ste(8)[2]).not.toBe(rig.ste(9)[2]);
  });

  it("has no gpasid bindings: ENODEV", () => {
    const { driver } = new Rig();
    const domain = driver.createDomain(true);
    const binding = { hpasid: 1, gpgd: 0n, addressWidth: 48, flags: 0n, pat: 0, emt: 0 };
    const refused = expect.objectContaining({ name: "Refusal", errno: 19 });
    expect(() => domain.bindGpasid(endpoint(1), binding)).toThrow(refused);
    expect(() => domain.unbindGpasid(endpoint(1), 1)).toThrow(refused);
  });

  it("refuses a PASID table that would make the entry illegal, and keeps what is bound (5.2)", () => {
    const features = buildFeatures({ twoLevelCd: false, substreamIdBits: 8 }, SMMUV3_PRESETS.host);
    const rig = new Rig({ machine: { features } });
    const device = endpoint(8, { pasidBits: 8 });
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.setPasidTable({ base: 0x4000n, pasidBits: 8, s1fmt: 0, s1dss: 0 });
    const before = rig.ste(8);
    const refused = expect.objectContaining({ name: "Refusal", errno: 22 });
    expect(() => domain.setPasidTable({ base: 0n, pasidBits: 9, s1fmt: 0, s1dss: 0 })).toThrow(refused);
    expect(() => domain.setPasidTable({ base: 0n, pasidBits: 8, s1fmt: 1, s1dss: 0 })).toThrow(refused);
    expect(() => domain.setPasidTable({ base: 1n << 48n, pasidBits: 8, s1fmt: 0, s1dss: 0 })).toThrow(
      refused,
    );
    expect(rig.ste(8)).toEqual(before);
    domain.setPasidTable({ base: 0n, pasidBits: 0, s1fmt: 1, s1dss: 0 });
  });
});
