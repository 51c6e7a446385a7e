// What the driver asks of its machine, what it refuses, and what the machine is told at the start.

import { describe, expect, it } from "vitest";
import { readCapabilities } from "../../src/vtd/driver/capabilities.js";
import { VtdDriver } from "../../src/vtd/driver/vtd-driver.js";
import { buildVtdFeatures, decodeVtdFeatures, VTD_PRESETS } from "../../src/vtd/features.js";
import { bindingOf, boot, invalidation } from "./guest.js";
import { endpoint, Rig, RW } from "./rig.js";

const host = (changes: Parameters<typeof buildVtdFeatures>[0]) => buildVtdFeatures(changes, VTD_PRESETS.host);
const NO_NESTING = { nested: false };

describe("the host preset (host rule 14)", () => {
  it("has two stages of 48 bits with large pages, 20-bit PASIDs, SRS, EAFS, SMPWC, no caching mode", () => {
    expect(decodeVtdFeatures(VTD_PRESETS.host)).toMatchObject({
      cachingMode: false,
      secondStage48: true,
      guestBits: 48,
      secondStage2M: true,
      secondStage1G: true,
      firstStage1G: true,
      firstStage5Level: false,
      nested: true,
      supervisorRequests: true,
      extendedAccessed: true,
      walkCoherency: true,
      pasid: true,
      pasidBits: 20,
      pageRequests: true,
      scalable: true,
    });
  });
});

describe("a driver", () => {
  it("offers what a VT-d unit has", () => {
    const driver = new VtdDriver();
    expect(driver.supports).toEqual({
      pasidTable: false,
      gpasid: true,
      msiBinding: false,
      fiveLevel: false,
      archid: false,
      gpasidFlags: 3n, // SRE, EAFE
    });
    expect([driver.pageSizes, driver.inputBits, driver.outputBits]).toEqual([0x40201000n, 48, 48]);
    expect(driver.hostRange).toEqual({ base: 1n << 47n, size: 1n << 36n });
    expect(driver.memory).toBe(driver.machine.memory);
    expect(driver.machine.features).toEqual(VTD_PRESETS.host);
  });

  it("has five levels when asked to, on any machine with first stages", () => {
    const driver = new VtdDriver({ fiveLevel: true });
    expect(driver.supports.fiveLevel).toBe(true);
    expect(driver.machine.features).toEqual(host({ firstStage5Level: true }));
    const features = host({ secondStage1G: false });
    expect(new VtdDriver({ fiveLevel: true, machine: { features } }).machine.features.cap).toBe(
      features.cap | (1n << 60n),
    );
    expect(new VtdDriver({ machine: { features: VTD_PRESETS.full } }).supports.fiveLevel).toBe(true);
  });

  it.each([
    [{ supervisorRequests: false, ridPriv: false }, 2n],
    [{ extendedAccessed: false }, 1n],
  ])("offers with %o the binding flags 0x%s", (features, flags) => {
    expect(new VtdDriver({ machine: { features: host(features) } }).supports.gpasidFlags).toBe(flags);
  });

  it.each([
    [5 as const, 0x33n], // EMTE and CD besides
    [3 as const, 0x3fn], // PCD and PWT, too
  ])(
    "would offer memory types on a unit with ECAP.MTS: revision %i, flags 0x%s (host rule 25)",
    (revision, flags) => {
      const { cap, ecap } = VTD_PRESETS.host;
      const unit = {
        features: VTD_PRESETS.host,
        read64: (offset: number) => (offset === 8 ? cap : offset === 16 ? ecap | (1n << 25n) : 0n),
      };
      expect(readCapabilities(unit, revision).gpasidFlags).toBe(flags);
      expect(
        readCapabilities({ ...unit, read64: (offset) => (offset === 8 ? cap : ecap) }, revision).gpasidFlags,
      ).toBe(3n);
    },
  );

  it.each([
    [{ secondStage1G: false }, 0x201000n, 21],
    [{ secondStage1G: false, secondStage2M: false }, 0x1000n, 12],
  ])("maps with the page sizes that there are: %o → 0x%s", (features, pageSizes, leafLg2) => {
    const rig = new Rig({ machine: { features: host(features) } });
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(false);
    domain.attach(device!);
    domain.map(0x4000_0000n, 0x4000_0000n, 0x4000_0000n, RW);
    expect(rig.driver.pageSizes).toBe(pageSizes);
    expect(rig.driver.machine.translate({ stream: 8, iova: 0x7fff_ffffn })).toMatchObject({
      pa: 0x7fff_ffffn,
      leafLg2,
    });
  });

  it("enables scalable mode with its queues and interrupts (11.4.4, 7.3, 7.5)", () => {
    const { machine } = new VtdDriver();
    expect(machine.read32(0x1c)).toBe(0xc400_0000 >>> 0); // TES, RTPS, QIES
    expect(machine.read64(0x20) & 0xc00n).toBe(1n << 10n); // TTM
    expect(machine.read64(0x90) & 0xfffn).toBe(0x800n | 3n); // DW: 32 bytes; 8 pages
    expect(machine.read64(0xd0) & 0xfffn).toBe(0n); // one page of page requests
    for (const control of [0x38, 0xe0]) expect(machine.read32(control)).toBe(0); // FECTL, PECTL: not masked
    const places = [0x20, 0x90, 0xd0].map((at) => machine.read64(at) & ~0xfffn);
    for (const place of places) expect(place >> 36n).toBe((1n << 47n) >> 36n);
    expect(new Set(places).size).toBe(3);
  });

  it("drops whatever was cached before it enables translation (6.5.2.12)", () => {
    const { machine, memory } = new VtdDriver();
    const queue = machine.read64(0x90) & ~0xfffn;
    const low = [0n, 32n, 64n, 96n].map((at) => memory.readU64(queue + at));
    expect(low.slice(0, 3)).toEqual([0x11n, 0x37n, 0xd2n]); // all contexts, PASID entries, translations (drained)
    expect(low[3]! & 0xffn).toBe(0x25n); // a wait that writes its status
  });

  it("leaves out what the machine does not have", () => {
    const features = host({ pageRequests: false, pageRequestDrain: false, stopMarkers: false });
    const driver = new VtdDriver({ machine: { features } });
    expect(driver.machine.read64(0xd0)).toBe(0n);
    expect(() => driver.respond({ stream: 8, group: 0, code: "success" })).toThrow(
      '"response" expected a machine with page requests',
    );
  });

  it("works without nested translation, and says so", () => {
    const rig = new Rig({ machine: { features: host(NO_NESTING) } });
    expect(rig.driver.supports).toMatchObject({ gpasid: false, fiveLevel: false });
    const { devices, domain, vm } = boot(rig, 8);
    const refused = expect.objectContaining({ name: "Refusal", errno: 19 });
    expect(() => domain.bindGpasid(devices[0]!, bindingOf(1, vm.table()))).toThrow(refused);
    domain.unbindGpasid(devices[0]!, 1);
    domain.invalidate(invalidation({ iotlb: true, deviceTlb: true, pasidCache: true }));
    domain.unmap(0n, 0x1000n);
    expect(rig.dma(8, 0n)).toBe("fault");
  });

  it("works on QEMU's second stage", () => {
    const rig = new Rig({ machine: { features: VTD_PRESETS.qemuSecondStage } });
    expect(rig.driver.supports.gpasid).toBe(false);
    const device = endpoint(8, { pasidBits: 0 });
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.map(0n, 0x1000n, 0x1000n, RW);
    expect(rig.dma(8, 0n)).toBe(0x1000n);
    domain.unmap(0n, 0x1000n);
    expect(rig.dma(8, 0n)).toBe("fault");
  });

  it("keeps its structures in the host range, RAM whatever `ram` says (host rule 10)", () => {
    const hostRange = { base: 0x40_0000_0000n, size: 0x1000_0000n };
    const rig = new Rig({ machine: { ram: [[0x8000_0000n, 0x10_0000n]] }, hostRange });
    const { memory, machine } = rig.driver;
    const at = [
      0x7fff_ffffn,
      0x8000_0000n,
      0x8010_0000n,
      hostRange.base - 1n,
      hostRange.base,
      0x40_1000_0000n,
    ];
    expect(at.map((pa) => memory.isRam(pa))).toEqual([false, true, false, false, true, false]);
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0n, 0x8000_0000n, 0x1000n, RW);
    expect(rig.dma(8, 0n)).toBe(0x8000_0000n);
    expect(machine.read64(0x20)).toBeGreaterThanOrEqual(hostRange.base);
  });

  it("handles an interrupt before the embedder hears of it", () => {
    const seen: string[] = [];
    const driver = new VtdDriver({ machine: { onIrq: (irq) => seen.push(irq) } });
    driver.listen({ fault: (report) => void seen.push(report.name), pageRequest: () => false });
    driver.machine.translate({ stream: 7, iova: 0n });
    expect(seen).toEqual(["ROOT_NOT_PRESENT", "fault"]);
  });

  it.each([
    [VTD_PRESETS.qemuLegacy, '"machine.features" expected scalable mode (ECAP.SMTS)'],
    [VTD_PRESETS.qemuFirstStage, '"machine.features" expected second stages in PASID entries (ECAP.SSTS)'],
    [host({ cachingMode: true }), '"machine.features" expected no caching mode (CAP.CM)'],
    [
      host({ secondStage39: false, secondStage48: false }),
      '"machine.features" expected a second stage (CAP.SAGAW)',
    ],
  ])("refuses a machine without what it needs", (features, message) => {
    expect(() => new VtdDriver({ machine: { features } })).toThrow(new RangeError(message));
  });

  it("refuses five levels on a machine without first stages, and a revision that is not 3 or 5", () => {
    const features = VTD_PRESETS.qemuSecondStage;
    expect(() => new VtdDriver({ fiveLevel: true, machine: { features } })).toThrow(RangeError);
    expect(() => new VtdDriver({ revision: 4 as 3 })).toThrow('"revision" expected 3 or 5, got 4');
  });

  it.each([
    [{ base: 0x1000n, size: 0x1_0000n }, '"hostRange.base" expected a multiple of 65536'],
    [{ base: 0n, size: 0x1_8000n }, '"hostRange.size" expected a multiple of 65536'],
    [{ base: 0n, size: 0n }, '"hostRange.size" expected a multiple of 65536 from 65536 on, got 0'],
    [{ base: (1n << 48n) - 65536n, size: 131072n }, '"hostRange" expected addresses below 2^48'],
    [{ base: 0x8000_0000n, size: 64n << 20n }, '"hostRange" expected no external memory in it'],
  ])("refuses the host range %o", (hostRange, message) => {
    const external = [{ base: 0x8000_0000n, size: 65536n, fill: () => {} }];
    expect(() => new VtdDriver({ hostRange, machine: { external } })).toThrow(message);
  });

  it.each([
    [endpoint(8, { pasidBits: 21 }), '"pasidBits" expected integer in 0..20, got 21'],
    [endpoint(8, { pasidBits: 1.5 }), '"pasidBits" expected integer in 0..20, got 1.5'],
    [endpoint(-1), '"stream" expected integer in 0..2^16-1, got -1'],
    [endpoint(2 ** 16), '"stream" expected integer in 0..2^16-1, got 65536'],
    [endpoint("8" as unknown as number), '"stream" expected number, got string'],
    [endpoint(7), '"stream" expected one that no endpoint has, got 7'],
  ])("refuses the endpoint %o", (bad, message) => {
    const { driver } = new Rig();
    driver.probe(endpoint(7));
    expect(() => driver.probe(bad)).toThrow(message);
    driver.probe(endpoint(8));
  });

  it("takes no PASIDs from endpoints of a machine without", () => {
    const features = host({ pasid: false });
    const { driver } = new Rig({ machine: { features } });
    expect(driver.supports.gpasid).toBe(false);
    expect(() => driver.probe(endpoint(8))).toThrow('"pasidBits" expected integer in 0..0, got 20');
    driver.probe(endpoint(8, { pasidBits: 0 }));
  });
});
