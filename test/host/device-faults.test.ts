// The DMA-fault region: its header, its ring, and faults as entries. Golden bytes are those of the host-face vectors.

import { describe, expect, it } from "vitest";
import type { FaultReport } from "../../src/contract/driver.js";
import { hex, shown } from "./bytes.js";
import { VTD_SUPPORTS } from "./recording-driver.js";
import { EINVAL, expectRefused, type Rig, readAll, refusalOf, rig } from "./rig.js";

const FAULT: FaultReport = {
  stream: 8,
  reason: 5,
  address: 0x1_4c6c_3c00_0n,
  perm: 1,
  name: "F_TRANSLATION",
};

const deliver = ({ device }: Rig, report: Partial<FaultReport> = {}): void =>
  device.faults.deliver({ ...FAULT, ...report });

/** tail, head as the header page says. */
function indices({ device }: Rig): [tail: number, head: number] {
  const bytes = new Uint8Array(20);
  device.faults.read(0, bytes);
  const view = new DataView(bytes.buffer);
  expect([view.getUint32(4, true), view.getUint32(8, true), view.getUint32(12, true)]).toEqual([
    64, 512, 4096,
  ]);
  return [view.getUint32(0, true), view.getUint32(16, true)];
}

function entry({ device }: Rig, index: number): string {
  const bytes = new Uint8Array(64);
  device.faults.read(4096 + 64 * index, bytes);
  return shown(bytes);
}

const setTail = ({ device }: Rig, tail: number): number => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, tail, true);
  return device.faults.write(0, bytes);
};

const REASONS: [name: string, report: Partial<FaultReport>, entry: string][] = [
  [
    "F_TRANSLATION",
    { reason: 5, address: 0x14c6c3c000n },
    "0100000000000000 05000000 02000000 00000000 01000000 00c0c3c614000000 0000000000000000",
  ],
  [
    "F_PERMISSION of a write",
    { reason: 6, address: 0x644a1000n, perm: 2 },
    "0100000000000000 06000000 02000000 00000000 02000000 00104a6400000000 0000000000000000",
  ],
  [
    "F_ACCESS",
    { reason: 7, address: 0xf57bead1e000n },
    "0100000000000000 07000000 02000000 00000000 01000000 00e0d1ea7bf50000 0000000000000000",
  ],
  [
    "F_ADDR_SIZE with a PASID",
    { reason: 8, pasid: 3, address: 0x6ec75bed4000n },
    "0100000000000000 08000000 03000000 03000000 01000000 0040ed5bc76e0000 0000000000000000",
  ],
  [
    "C_BAD_CD",
    { reason: 2, address: undefined, perm: 0 },
    "0100000000000000 02000000 00000000 00000000 00000000 0000000000000000 0000000000000000",
  ],
  [
    "C_BAD_CD with a PASID",
    { reason: 2, pasid: 3, address: undefined, perm: 0 },
    "0100000000000000 02000000 01000000 03000000 00000000 0000000000000000 0000000000000000",
  ],
  [
    "C_BAD_SUBSTREAMID",
    { reason: 3, pasid: 1, address: undefined, perm: 0 },
    "0100000000000000 03000000 01000000 01000000 00000000 0000000000000000 0000000000000000",
  ],
  [
    "F_WALK_EABT",
    { reason: 4, address: 0x12345000n, fetchAddress: 0x60001488n },
    "0100000000000000 04000000 06000000 00000000 01000000 0050341200000000 8814006000000000",
  ],
  [
    "F_CD_FETCH with a PASID",
    { reason: 1, pasid: 70, address: undefined, fetchAddress: 0x60000008n, perm: 0 },
    "0100000000000000 01000000 05000000 46000000 00000000 0000000000000000 0800006000000000",
  ],
  [
    "a privileged fetch of an instruction",
    { reason: 6, pasid: 0, address: 0xffff_8000_1234_5678n, perm: 13 },
    "0100000000000000 06000000 03000000 00000000 0d000000 785634120080ffff 0000000000000000",
  ],
];

describe("a fault in the ring", () => {
  it.each(REASONS)("%s (rules 29 to 31)", (_, report, bytes) => {
    const r = rig();
    deliver(r, report);
    expect(entry(r, 0)).toBe(shown(hex(bytes + "00".repeat(24))));
    expect(indices(r)).toEqual([0, 1]);
    expect(r.device.signals).toBe(1);
  });

  it("shows the guest's PASID (rule 25)", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    const data = hex(
      "01000000 01000000 0100000000000000 0010000001000000 2000000000000000 0500000000000000" +
        `30000000 ${"00".repeat(28)}`,
    );
    r.device.gpasids.bind(data, r.host.domain, true);
    deliver(r, { pasid: 0x20, address: 0x5dea765d1000n });
    deliver(r, { pasid: 0x21, address: 0x5dea765d1000n });
    const shownWith = (pasid: string): string =>
      shown(
        hex(`0100000000000000 05000000 03000000 ${pasid}000000 01000000 00105d76ea5d0000 ${"00".repeat(32)}`),
      );
    expect([entry(r, 0), entry(r, 1)]).toEqual([shownWith("05"), shownWith("21")]);
  });

  it("leaves nothing of the entry that was there before", () => {
    const r = rig();
    deliver(r, { pasid: 0xfffff, address: (1n << 64n) - 1n, fetchAddress: (1n << 52n) - 8n, perm: 15 });
    r.device.faults.mmap(4096, 64).fill(0xff, 40);
    for (let i = 1; i < 512; i++) {
      setTail(r, i);
      deliver(r);
    }
    setTail(r, 0);
    setTail(r, 5);
    deliver(r, { reason: 2, address: undefined, perm: 0 });
    expect(entry(r, 0)).toBe(shown(hex(`0100000000000000 02000000 ${"00".repeat(52)}`)));
  });

  it("that is the host's own matter is counted and stays out (rule 6)", () => {
    const r = rig();
    const before = readAll(r.device.faults);
    deliver(r, { reason: undefined });
    expect(readAll(r.device.faults)).toEqual(before);
    expect(r.device.faults.counters).toMatchObject({ faultsHostOnly: 1, faultsDelivered: 0 });
    expect(r.device.signals).toBe(0);
  });
});

describe("the ring", () => {
  it("is written entry first, then head, then the signal", () => {
    const r = rig();
    const seen: [number, number][] = [];
    r.device.onSignal = () => {
      seen.push(indices(r));
      expect(entry(r, seen.length - 1)).not.toBe("00".repeat(64));
    };
    deliver(r);
    deliver(r);
    expect(seen).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it("takes 511, drops and counts the next without a signal, and goes on after one is consumed (rule 6)", () => {
    const r = rig();
    for (let i = 0; i < 514; i++) deliver(r, { address: BigInt(i) << 12n });
    expect(indices(r)).toEqual([0, 511]);
    expect(r.device.signals).toBe(511);
    expect(r.device.faults.counters).toMatchObject({ faultsDelivered: 511, faultsDropped: 3 });
    setTail(r, 1);
    deliver(r, { address: 0xabc_d000n });
    expect(indices(r)).toEqual([1, 0]);
    expect(entry(r, 511)).toContain("00d0bc0a00000000");
    deliver(r);
    expect(r.device.signals).toBe(512);
    setTail(r, 511);
    deliver(r);
    expect(indices(r)).toEqual([511, 1]);
  });

  it("is consistent when the signal throws, and the error passes through", () => {
    const r = rig();
    const boom = new Error("from the embedder");
    r.device.onSignal = () => {
      throw boom;
    };
    expect(() => deliver(r)).toThrow(boom);
    expect(indices(r)).toEqual([0, 1]);
    expect(r.device.faults.counters.faultsDelivered).toBe(1);
  });
});

describe("reading and writing the region", () => {
  it("shows the header of struct vfio_region_dma_fault, and zeros up to the ring", () => {
    const bytes = readAll(rig().device.faults);
    expect(shown(bytes.subarray(0, 20))).toBe(shown(hex("00000000 40000000 00020000 00100000 00000000")));
    expect(bytes.subarray(20).every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    [4, 8, 8],
    [0, 0, 0],
    [36860, 16, 4],
    [4090, 64, 64],
  ])("reads at %i %i bytes: %i", (offset, length, count) => {
    expect(rig().device.faults.read(offset, new Uint8Array(length))).toBe(count);
  });

  it.each([36864, 36865, 2 ** 40 - 1, -1, Number.NaN])("refuses to read at %i with -EINVAL", (offset) => {
    const r = rig();
    expectRefused(r, EINVAL, () => r.device.faults.read(offset, new Uint8Array(4)));
  });

  it.each([
    ["tail 512", 0, "00020000"],
    ["tail 2^32-1", 0, "ffffffff"],
    ["8 bytes", 0, "0000000000000000"],
    ["2 bytes", 0, "0000"],
    ["no bytes", 0, ""],
    ["entry_size", 4, "00000000"],
    ["head", 16, "00000000"],
    ["the ring", 4096, "00000000"],
    ["behind the region", 36864, "00000000"],
  ])("refuses to write %s with -EINVAL (rule 6)", (_, offset, bytes) => {
    const r = rig();
    deliver(r);
    setTail(r, 1);
    expectRefused(r, EINVAL, () => r.device.faults.write(offset, hex(bytes)));
  });

  it("takes any tail of 0..511, ahead of head too", () => {
    const r = rig();
    for (const tail of [511, 0, 77]) {
      expect(setTail(r, tail)).toBe(4);
      expect(indices(r)).toEqual([tail, 0]);
    }
  });
});

describe("mmap of the region", () => {
  it("shows the ring live", () => {
    const r = rig();
    const ring = r.device.faults.mmap(4096, 32768);
    deliver(r);
    expect(shown(ring.subarray(0, 64))).toBe(entry(r, 0));
    expect(r.device.faults.mmap(8192, 4096).length).toBe(4096);
  });

  it.each([
    [0, 4096],
    [0, 36864],
    [2048, 4096],
    [4097, 64],
    [4096, 32769],
    [36864, 4096],
    [4096, 0],
    [4096, -1],
    [4096, 1.5],
    [-4096, 4096],
    [Number.NaN, 4096],
  ])("throws RangeError at %i of %i bytes", (offset, length) => {
    expect(() => rig().device.faults.mmap(offset, length)).toThrow(RangeError);
  });

  it("lets nobody spoil head or tail by scribbling", () => {
    const r = rig();
    r.device.faults.mmap(4096, 32768).fill(0xff);
    deliver(r);
    expect(indices(r)).toEqual([0, 1]);
  });
});

describe("linux-v10", () => {
  const v10 = (): Rig => rig({ profile: "linux-v10" });

  it("shows fetch_addr shifted right by 3, of bits 51:3", () => {
    const r = v10();
    deliver(r, { reason: 4, address: 0x12345000n, fetchAddress: 0x60001488n });
    expect(entry(r, 0)).toBe(
      shown(
        hex(
          `0100000000000000 04000000 06000000 00000000 01000000 0050341200000000 9102000c00000000 ${"00".repeat(24)}`,
        ),
      ),
    );
    deliver(r, { reason: 1, address: undefined, fetchAddress: (1n << 56n) | 8n });
    expect(entry(r, 1).slice(64, 80)).toBe("0100000000000000");
  });

  it.each([
    [1, true],
    [2, true],
    [3, true],
    [4, false],
    [5, false],
    [6, false],
    [7, false],
    [8, false],
  ])("reason %i shows the PASID: %s (rule 29)", (reason, isShown) => {
    const r = v10();
    deliver(r, { reason, pasid: 7 });
    const flags = isShown ? "03000000" : "02000000";
    expect(entry(r, 0).slice(24, 40)).toBe(flags + (isShown ? "07000000" : "00000000"));
  });

  it("shows the PASID of every VT-d fault (rule 30)", () => {
    const r = rig({ profile: "linux-v10", supports: VTD_SUPPORTS });
    deliver(r, { reason: 5, pasid: 7 });
    expect(entry(r, 0).slice(24, 40)).toBe("0300000007000000");
  });

  it("takes tail 512, which counts as 0, and refuses 513 with -EINVAL", () => {
    const r = v10();
    expect(setTail(r, 512)).toBe(4);
    expect(indices(r)).toEqual([512, 0]);
    expect(refusalOf(() => setTail(r, 513)).errno).toBe(EINVAL);
    for (let i = 0; i < 600; i++) deliver(r);
    expect(indices(r)).toEqual([512, 511]);
    expect(r.device.faults.counters.faultsDropped).toBe(89);
    setTail(r, 0);
    expect(indices(r)).toEqual([0, 511]);
  });
});

it("keeps the counters of inspect apart from its own", () => {
  const r = rig();
  const state = r.device.faults.inspect() as { counters: { faultsDelivered: number } };
  deliver(r);
  expect(state.counters.faultsDelivered).toBe(0);
  expect(JSON.parse(JSON.stringify(r.device.faults.inspect()))).toMatchObject({
    head: 1,
    tail: 0,
    pending: [],
  });
});
