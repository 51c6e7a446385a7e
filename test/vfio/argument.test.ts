// How an ioctl's argument is copied in and out: what is too short, what argsz says, and that nothing is half written.

import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/contract/refusal.js";
import * as uapi from "../../src/uapi/index.js";
import { Argument } from "../../src/vfio/argument.js";
import { cString, fields, hex, shown } from "./bytes.js";

function errnoOf(work: () => unknown): number | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error.errno;
    throw error;
  }
  return undefined;
}

describe("a struct with argsz", () => {
  const { vfio_device_info } = uapi;

  it("is refused with EFAULT at every length below its fixed part, whatever argsz says (rule 17)", () => {
    for (let length = 0; length < 16; length++) {
      const bytes = new Uint8Array(length).fill(0xff);
      expect(
        errnoOf(() => new Argument(bytes).copyIn(vfio_device_info)),
        `${length} bytes`,
      ).toBe(14);
    }
  });

  it("is refused with EINVAL when argsz is below its fixed part", () => {
    for (const argsz of [0, 8, 15]) {
      expect(errnoOf(() => new Argument(fields(argsz, 0, 0, 0)).copyIn(vfio_device_info))).toBe(22);
    }
  });

  it("is accepted when argsz is above it, and above the bytes there are (rule 17)", () => {
    for (const argsz of [16, 17, 4096, 0xffff_ffff]) {
      expect(new Argument(fields(argsz, 1, 2, 3)).copyIn(vfio_device_info)).toEqual({
        argsz,
        flags: 1,
        num_regions: 2,
        num_irqs: 3,
      });
    }
  });

  it("reads 0 behind the fixed part that the caller gives, also where bytes follow", () => {
    const bytes = fields(16, 1, 2, 3, 0xeeee_eeee);
    expect(new Argument(bytes).copyIn(uapi.vfio_irq_info, 16)).toEqual({
      argsz: 16,
      flags: 1,
      index: 2,
      count: 3,
      cap_offset: 0,
    });
  });

  it("is found in the middle of a larger buffer", () => {
    const bytes = fields(0xeeee_eeee, 16, 1, 2, 3, 0xeeee_eeee).subarray(4, 20);
    expect(new Argument(bytes).copyIn(vfio_device_info).num_irqs).toBe(3);
    expect(errnoOf(() => new Argument(bytes.subarray(1)).copyIn(vfio_device_info))).toBe(14);
  });

  it("names the struct, and what was expected and got", () => {
    expect(() => new Argument(fields(15, 0, 0, 0)).copyIn(vfio_device_info)).toThrow(
      '"vfio_device_info.argsz" expected at least 16, got 15',
    );
    expect(() => new Argument(hex("10000000")).copyIn(vfio_device_info)).toThrow(
      '"vfio_device_info" needs bytes 0..15, got 4',
    );
  });
});

describe("what follows a fixed part", () => {
  it("is copied, not shared", () => {
    const bytes = hex("00112233");
    const copy = new Argument(bytes).copyInAt(1, 2);
    bytes.fill(0xff);
    expect(shown(copy)).toBe("1122");
  });

  it("is refused with EFAULT when it is not all there", () => {
    expect(errnoOf(() => new Argument(hex("00112233")).copyInAt(2, 3))).toBe(14);
    expect(errnoOf(() => new Argument(hex("00112233")).copyInAt(2 ** 40, 1))).toBe(14);
  });
});

describe("copying out", () => {
  it("writes every piece", () => {
    const bytes = new Uint8Array(8);
    new Argument(bytes).copyOut({ at: 0, bytes: hex("1122") }, { at: 6, bytes: hex("7788") });
    expect(shown(bytes)).toBe("1122000000007788");
  });

  it("is refused with EFAULT, and writes no piece, when one does not fit", () => {
    const bytes = new Uint8Array(8);
    const pieces = [
      { at: 0, bytes: hex("1122") },
      { at: 7, bytes: hex("7788") },
    ];
    expect(errnoOf(() => new Argument(bytes).copyOut(...pieces))).toBe(14);
    expect(errnoOf(() => new Argument(bytes).copyOut(...pieces.reverse()))).toBe(14);
    expect(shown(bytes)).toBe("0000000000000000");
  });

  it("stays inside a view of a larger buffer", () => {
    const all = new Uint8Array(8);
    expect(errnoOf(() => new Argument(all.subarray(0, 4)).copyOut({ at: 4, bytes: hex("11") }))).toBe(14);
    expect(shown(all)).toBe("0000000000000000");
  });
});

describe("an int32", () => {
  it("is read with its sign", () => {
    expect(new Argument(hex("ffffffff")).int32()).toBe(-1);
    expect(new Argument(hex("0300000099")).int32()).toBe(3);
  });

  it("is refused with EFAULT when bytes are missing", () => {
    expect(errnoOf(() => new Argument(hex("030000")).int32())).toBe(14);
  });
});

describe("a string", () => {
  it("ends at its first NUL", () => {
    expect(new Argument(cString("dev0")).string()).toBe("dev0");
    expect(new Argument(hex("64 65 76 00 30 00")).string()).toBe("dev");
    expect(new Argument(hex("00")).string()).toBe("");
    expect(new Argument(hex("efbbbf c3a9 00")).string()).toBe("\ufeffé");
  });

  it("is refused with EFAULT when memory ends before a NUL", () => {
    expect(errnoOf(() => new Argument(new Uint8Array(0)).string())).toBe(14);
    expect(errnoOf(() => new Argument(hex("64657630")).string())).toBe(14);
    expect(errnoOf(() => new Argument(new Uint8Array(4095).fill(65)).string())).toBe(14);
  });

  it("is refused with EINVAL when it does not end within a page (strndup_user)", () => {
    expect(new Argument(cString("A".repeat(4095))).string()).toHaveLength(4095);
    expect(errnoOf(() => new Argument(cString("A".repeat(4096))).string())).toBe(22);
  });
});

describe("pointers and integers", () => {
  it("refuses an integer with EFAULT where a pointer is needed", () => {
    for (const value of [0, 1, -1, 2 ** 40]) {
      const argument = new Argument(value);
      expect(errnoOf(() => argument.copyIn(uapi.vfio_device_info))).toBe(14);
      expect(errnoOf(() => argument.int32())).toBe(14);
      expect(errnoOf(() => argument.string())).toBe(14);
      expect(errnoOf(() => argument.copyOut({ at: 0, bytes: hex("00") }))).toBe(14);
    }
  });

  it("throws TypeError for bytes where an integer is needed", () => {
    expect(new Argument(6).integer()).toBe(6);
    expect(() => new Argument(hex("06000000")).integer()).toThrow(
      new TypeError('"arg" expected an integer for this request, got Uint8Array'),
    );
  });

  it("throws for what is neither", () => {
    for (const value of ["6", null, 6n, [1, 2], new ArrayBuffer(8), new DataView(new ArrayBuffer(8))]) {
      expect(() => new Argument(value as never)).toThrow(TypeError);
    }
    for (const value of [0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => new Argument(value)).toThrow(
        new RangeError(`"arg" expected a safe integer, got ${value}`),
      );
    }
  });
});
