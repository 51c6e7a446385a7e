// Root, context and PASID entries in memory, found as the hardware does, bit by bit from Intel VT-d Rev 5.10, chapter 9.

import { describe, expect, it } from "vitest";
import { nestedEntry } from "../../src/vtd/driver/structures.js";
import { buildVtdFeatures, VTD_PRESETS } from "../../src/vtd/features.js";
import { bindingOf, boot } from "./guest.js";
import { endpoint, Rig, RW } from "./rig.js";

const HOST = 1n << 47n;
const bit = (n: number): bigint => 1n << BigInt(n);
const ZERO = [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
const withFeatures = (changes: Parameters<typeof buildVtdFeatures>[0]) => ({
  machine: { features: buildVtdFeatures(changes, VTD_PRESETS.host) },
});

/** A PASID entry of the second stage alone, 48 bits. */
const secondStage = (did: bigint, root: bigint) => [
  bit(0) | (2n << 2n) | (2n << 6n) | root, // P, AW, PGTT, SSPTPTR
  did,
  0n,
  ...ZERO.slice(3),
];

describe("root and context tables", () => {
  it("have one root entry a bus, a half of it for 128 device-functions (9.2)", () => {
    const rig = new Rig();
    const root = rig.driver.machine.read64(0x20);
    expect((root >> 10n) & 3n).toBe(1n); // TTM: scalable
    const table = root & ~0xfffn;
    expect(table).toBeGreaterThanOrEqual(HOST);
    rig.probe(0x0008, 0x007f, 0x0080, 0xff7f, 0xffff);
    const halves = rig.words(table, 512);
    expect(halves.flatMap((half, n) => (half === 0n ? [] : [n]))).toEqual([0, 1, 510, 511]);
    for (const half of halves.filter((word) => word !== 0n)) expect(half & 0xfffn).toBe(1n); // LP, UP
    expect(new Set(halves).size).toBe(5);
  });

  it("are silent entries until the endpoint is attached (9.4)", () => {
    const rig = new Rig();
    const [device] = rig.probe(8);
    const [low, ...rest] = rig.context(8);
    // P, FPD, PASIDE, PDTS = 7: 2^14 directory entries; RID_PASID 0
    expect(low! & 0xfffn).toBe(bit(0) | bit(1) | bit(3) | (7n << 9n));
    expect(low! & ~0xfffn).toBeGreaterThanOrEqual(HOST);
    expect(rest).toEqual([0n, 0n, 0n]);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    expect(rig.context(8)).toEqual([low! & ~2n, 0n, 0n, 0n]);
    domain.detach(device!);
    expect(rig.context(8)).toEqual([low, 0n, 0n, 0n]);
  });

  it.each([
    [20, 7n, bit(3)],
    [19, 6n, bit(3)],
    [14, 1n, bit(3)],
    [13, 0n, bit(3)],
    [1, 0n, bit(3)],
    [0, 0n, 0n],
  ])("of %i PASID bits have PDTS %i; PASIDE if there are any", (pasidBits, pdts, paside) => {
    const rig = new Rig();
    rig.driver.probe(endpoint(8, { pasidBits }));
    expect(rig.context(8)[0]! & 0xfffn).toBe(3n | paside | (pdts << 9n));
  });

  it.each([
    [{ ats: false, pri: false }, {}, 0n],
    [{ ats: true, pri: false }, {}, bit(2)],
    [{ ats: true, pri: true }, {}, bit(2) | bit(4)],
    [{ ats: false, pri: true }, {}, bit(2) | bit(4)],
    [{ ats: true, pri: true }, { pageRequests: false, pageRequestDrain: false, stopMarkers: false }, bit(2)],
    [
      { ats: true, pri: true },
      {
        pageRequests: false,
        stopMarkers: false,
        pageRequestDrain: false,
        invalidationThrottle: false,
        deviceTlb: false,
      },
      0n,
    ],
  ])("of an endpoint with %o on a machine with %o have DTE and PRE 0x%s", (device, features, bits) => {
    const rig = new Rig(withFeatures(features));
    rig.driver.probe(endpoint(8, device));
    expect(rig.context(8)[0]! & (bit(2) | bit(4))).toBe(bits);
  });
});

describe("PASID entries", () => {
  it("of DMA without PASID have the domain's second stage (9.6)", () => {
    const rig = new Rig();
    const [first, second] = rig.probe(8, 9);
    expect(rig.entry(8, 0)).toEqual(ZERO);
    const one = rig.driver.createDomain(true);
    const two = rig.driver.createDomain(false);
    one.attach(first!);
    two.attach(second!);
    const root = rig.entry(8, 0)![0]! & ~0xfffn;
    const other = rig.entry(9, 0)![0]! & ~0xfffn;
    expect(rig.entry(8, 0)).toEqual(secondStage(1n, root));
    expect(rig.entry(9, 0)).toEqual(secondStage(2n, other));
    expect(root).toBeGreaterThanOrEqual(HOST);
    expect(root).not.toBe(other);
    one.detach(first!);
    expect(rig.entry(8, 0)).toEqual(ZERO);
  });

  it.each([
    [0n, 0n],
    [1n, bit(0)], // SRE, bit 128
    [2n, bit(7)], // EAFE, bit 135
    [3n, bit(0) | bit(7)],
  ])("of a guest's first stage are nested, with flags 0x%s", (flags, word) => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8);
    const root = rig.entry(8, 0)![0]! & ~0xfffn;
    const table = vm.table();
    domain.bindGpasid(devices[0]!, bindingOf(0x12345, table, { flags, pat: 0x0007_0406, emt: 5 }));
    expect(rig.entry(8, 0x12345)).toEqual([
      bit(0) | (2n << 2n) | (3n << 6n) | root, // P, AW, PGTT
      1n | bit(87 - 64), // DID, PWSNP
      table.root | word, // FSPTPTR 191:140
      ...ZERO.slice(3),
    ]);
    domain.unbindGpasid(devices[0]!, 0x12345);
    expect(rig.entry(8, 0x12345)).toEqual(ZERO);
    expect(rig.entry(8, 0)).toEqual(secondStage(1n, root));
  });

  it("of five levels have FSPM 1 (bits 131:130)", () => {
    const rig = new Rig({ fiveLevel: true });
    const { devices, domain, vm } = boot(rig, 8);
    const table = vm.table(5);
    domain.bindGpasid(devices[0]!, bindingOf(9, table));
    expect(rig.entry(8, 9)![2]).toBe(table.root | (1n << 2n));
  });

  it("do without PWSNP where flags cannot be updated (ECAP.SMPWC)", () => {
    const features = {
      walkCoherency: false,
      extendedAccessed: false,
      secondStageAccessedDirty: false,
    };
    const rig = new Rig(withFeatures(features));
    const { devices, domain, vm } = boot(rig, 8);
    domain.bindGpasid(devices[0]!, bindingOf(9, vm.table()));
    expect(rig.entry(8, 9)![1]).toBe(1n);
  });

  it.each([
    [0n, 5 as const, [0n, 0n]],
    [0x20n, 5 as const, [bit(25), 0x0007_0406n]], // CD, bit 89
    [0x10n, 5 as const, [bit(26), 0x0007_0406n]], // EMTE, bit 90
    [0x10n, 3 as const, [bit(26) | (5n << 27n), 0x0007_0406n]], // EMT, bits 93:91
    [0x08n, 3 as const, [bit(30), 0x0007_0406n]], // PWT, bit 94
    [0x04n, 3 as const, [bit(31), 0x0007_0406n]], // PCD, bit 95
    [0x33n, 5 as const, [bit(25) | bit(26), 0x0007_0406n]],
  ])(
    "with flags 0x%s, revision %i, have memory types as host rule 25 says",
    (flags, revision, [low, pat]) => {
      const stage = { root: 0n, levels: 4, snooped: false } as const;
      const binding = { hpasid: 1, gpgd: 0n, addressWidth: 48, flags, pat: 0x0007_0406, emt: 5 };
      const words = nestedEntry(0, stage, binding, revision);
      expect([BigInt(words[2]!), BigInt(words[3]!)]).toEqual([low, pat]);
    },
  );

  it.each([
    [{ secondStage39: true, secondStage48: false, guestBits: 48 }, 1n, 39],
    [{ secondStage39: false, secondStage48: false, secondStage57: true, guestBits: 57 }, 3n, 57],
    [{ secondStage57: true, guestBits: 57 }, 2n, 48],
    [{ hostBits: 40, guestBits: 40 }, 2n, 40],
  ])("of a machine with %o have AW %i: %i bits", (features, aw, bits) => {
    const hostRange = { base: 0x40_0000_0000n, size: 0x1000_0000n };
    const rig = new Rig({ ...withFeatures(features), hostRange });
    const [device] = rig.probe(8);
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    expect((rig.entry(8, 0)![0]! >> 2n) & 7n).toBe(aw);
    expect(rig.driver.inputBits).toBe(bits);
    const last = (1n << BigInt(bits)) - 4096n;
    domain.map(last, 0x5000n, 0x1000n, RW);
    expect(rig.dma(8, last + 0x123n)).toBe(0x5123n);
    expect(rig.dma(8, 1n << BigInt(bits))).toBe("fault");
  });

  it("lie in tables of 64, made when the first of them is bound (9.5)", () => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8);
    const pasids = [63, 64, 127, 0x8000, 0xfffff];
    const tableOf = (pasid: number) => (rig.entryAddress(8, pasid) ?? 0n) >> 12n;
    expect(pasids.map((pasid) => tableOf(pasid) === 0n)).toEqual([false, true, true, true, true]);
    const table = vm.table();
    for (const pasid of pasids) domain.bindGpasid(devices[0]!, bindingOf(pasid, table));
    expect(pasids.map((pasid) => rig.entry(8, pasid)![2])).toEqual(pasids.map(() => table.root));
    expect(new Set(pasids.map(tableOf)).size).toBe(4);
    expect(tableOf(64)).toBe(tableOf(127));
    expect(rig.entry(8, 65)).toEqual(ZERO);
  });
});
