// The DMA-fault region: its header, its ring, what may be read, written and mapped (rule 6).

import { describe, expect, it } from "vitest";
import { hex, shown } from "./bytes.js";
import { deliver, entry, indices, setTail } from "./fault-region.js";
import { EINVAL, expectRefused, readAll, refusalOf, rig } from "./rig.js";

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
  it("takes tail 512, which counts as 0, and refuses 513 with -EINVAL", () => {
    const r = rig({ profile: "linux-v10" });
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
