// The regions of a device file: pread, pwrite and mmap by position.

import { describe, expect, it } from "vitest";
import { fields, hex, shown } from "./bytes.js";
import { expectRefused, makeOpenRig, makePlainRig, translationFault } from "./rig.js";

/** Position of an offset in a region. */
const at = (region: number, offset = 0): number => region * 2 ** 40 + offset;

function read(
  device: { read(position: number, into: Uint8Array): number },
  position: number,
  length: number,
) {
  const into = new Uint8Array(length).fill(0xee);
  const ret = device.read(position, into);
  return { ret, hex: shown(into) };
}

describe("read", () => {
  it("gives the header: tail, entry size 64, 512 entries, ring at 4096, head (rule 6)", () => {
    const { device, vfio } = makeOpenRig();
    expect(read(device, at(9), 20)).toEqual({ ret: 20, hex: shown(fields(0, 64, 512, 4096, 0)) });
    vfio.fault(translationFault());
    expect(read(device, at(9, 16), 4)).toEqual({ ret: 4, hex: "01000000" });
  });

  it("gives entries: type 1, reason, flags, perm, address (rules 6 and 29)", () => {
    const { device, vfio } = makeOpenRig();
    vfio.fault({ ...translationFault(), pasid: 3, address: 0x1234_5678n });
    expect(read(device, at(9, 4096), 64)).toEqual({
      ret: 64,
      hex: shown(
        hex(`01000000 00000000 05000000 03000000 03000000 01000000 7856341200000000 ${"00".repeat(32)}`),
      ),
    });
  });

  it("ends with the region, what is behind stays as it was", () => {
    const { device } = makeOpenRig();
    expect(read(device, at(9, 36860), 8)).toEqual({ ret: 4, hex: "00000000eeeeeeee" });
  });

  it("is refused behind the region, and where there is none", () => {
    const rig = makeOpenRig();
    const { device } = rig;
    for (const position of [at(9, 36864), at(9, 2 ** 40 - 1), at(0), at(7), at(8), at(10), at(8191)]) {
      expectRefused(rig, device, () => device.read(position, new Uint8Array(4)), 22);
    }
    const plain = makePlainRig();
    expectRefused(plain, plain.device, () => plain.device.read(at(9), new Uint8Array(4)), 22);
  });

  it("of no bytes is 0 anywhere", () => {
    const { device } = makeOpenRig();
    for (const position of [at(9), at(9, 36864), at(0), at(77)]) {
      expect(device.read(position, new Uint8Array(0))).toBe(0);
    }
  });
});

describe("write", () => {
  it("takes the tail: 4 bytes at 0, a value up to 511 (rule 6)", () => {
    const { device } = makeOpenRig();
    expect(device.write(at(9), hex("ff010000"))).toBe(4);
    expect(read(device, at(9), 4).hex).toBe("ff010000");
    expect(device.write(at(9), hex("00000000"))).toBe(4);
  });

  it("by linux-v10 takes 512, not 513, without nesting too", () => {
    const { device } = makePlainRig({ profile: "linux-v10" });
    expect(device.write(at(9), hex("00020000"))).toBe(4);
    expect(device.write(at(9), hex("01020000"))).toBe(-22);
  });

  it("is refused otherwise", () => {
    const rig = makeOpenRig();
    const { device } = rig;
    const cases: [number, string][] = [
      [at(9), "00020000"],
      [at(9), "ffffffff"],
      [at(9), "0000"],
      [at(9), "0000000000000000"],
      [at(9, 4), "00000000"],
      [at(9, 16), "00000000"],
      [at(9, 4096), "00000000"],
      [at(9, 36864), "00000000"],
      [at(0), "00000000"],
      [at(7), "00000000"],
      [at(10), "00000000"],
    ];
    for (const [position, bytes] of cases) {
      expectRefused(rig, device, () => device.write(position, hex(bytes)), 22);
    }
  });

  it("of no bytes is 0", () => {
    expect(makeOpenRig().device.write(at(9), new Uint8Array(0))).toBe(0);
  });
});

describe("mmap", () => {
  it("gives the live ring", () => {
    const { device, vfio } = makeOpenRig();
    const ring = device.mmap(at(9, 4096), 32768);
    expect(ring).toHaveLength(32768);
    vfio.fault(translationFault());
    expect(shown(ring.subarray(0, 12))).toBe("010000000000000005000000");
    const page = device.mmap(at(9, 8192), 4096);
    for (let count = 0; count < 64; count++) vfio.fault(translationFault());
    expect(page[0]).toBe(1);
  });

  it("throws RangeError where mmap fails", () => {
    const { device } = makeOpenRig();
    const cases: [number, number][] = [
      [at(9), 4096],
      [at(9), 36864],
      [at(9, 4096), 36864],
      [at(9, 4096), 32769],
      [at(9, 36864), 4096],
      [at(9, 4097), 64],
      [at(9, 4096), 0],
      [at(9, 4096), -1],
      [at(9, 4096), 1.5],
      [at(0), 4096],
      [at(7), 4096],
      [at(8), 4096],
      [at(10), 4096],
    ];
    for (const [position, length] of cases) {
      expect(() => device.mmap(position, length), `${position} ${length}`).toThrow(RangeError);
    }
    const plain = makePlainRig();
    expect(() => plain.device.mmap(at(9, 4096), 4096)).toThrow(RangeError);
  });
});

describe("positions and bytes that no program can pass", () => {
  it("throw RangeError for numbers, TypeError for anything else", () => {
    const { device } = makeOpenRig();
    for (const position of [-1, 0.5, Number.NaN, 2 ** 53, Infinity]) {
      expect(() => device.read(position, new Uint8Array(4))).toThrow(RangeError);
      expect(() => device.write(position, new Uint8Array(4))).toThrow(RangeError);
      expect(() => device.mmap(position, 4096)).toThrow(RangeError);
    }
    for (const position of [undefined, "9", 9n << 40n, null]) {
      expect(() => device.read(position as never, new Uint8Array(4))).toThrow(TypeError);
      expect(() => device.write(position as never, new Uint8Array(4))).toThrow(TypeError);
      expect(() => device.mmap(position as never, 4096)).toThrow(TypeError);
    }
    expect(() => device.mmap(at(9, 4096), "4096" as never)).toThrow(TypeError);
    for (const bytes of [undefined, "00", [0, 0, 0, 0], new ArrayBuffer(4), 4]) {
      expect(() => device.read(at(9), bytes as never)).toThrow(TypeError);
      expect(() => device.write(at(9), bytes as never)).toThrow(TypeError);
      expect(() => device.bindGpasid(bytes as never)).toThrow(TypeError);
      expect(() => device.unbindGpasid(bytes as never)).toThrow(TypeError);
      expect(() => device.pageResponse(bytes as never)).toThrow(TypeError);
    }
  });
});
