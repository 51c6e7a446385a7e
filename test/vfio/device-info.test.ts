// GET_INFO, GET_REGION_INFO, GET_IRQ_INFO and RESET of a device, byte by byte.

import { describe, expect, it } from "vitest";
import { fields, followedBy, hex, shown } from "./bytes.js";
import { answered, expectIoctlRefused, makeOpenRig, makePlainRig } from "./rig.js";

const GET_INFO = 0x3b6b;
const GET_REGION_INFO = 0x3b6c;
const GET_IRQ_INFO = 0x3b6d;
const RESET = 0x3b6f;

const nesting = () => makeOpenRig();
const linuxV10 = () => makeOpenRig(3, { profile: "linux-v10" });

describe("GET_INFO", () => {
  it("has 10 regions and 6 irqs in a nesting container, 9 and 5 otherwise (rule 18)", () => {
    const ask = "10000000 00000000 00000000 00000000";
    expect(answered(nesting().device, GET_INFO, ask)).toEqual({
      ret: 0,
      arg: "10000000020000000a00000006000000",
    });
    expect(answered(makePlainRig().device, GET_INFO, ask)).toEqual({
      ret: 0,
      arg: "10000000020000000900000005000000",
    });
    expect(answered(linuxV10().device, GET_INFO, ask).arg).toBe("10000000020000000a00000006000000");
  });

  it("is a PCI device without reset: flags 2, RESET answers EINVAL", () => {
    const rig = nesting();
    expect(answered(rig.device, GET_INFO, fields(16, 0xffff_ffff, 0, 0)).arg.slice(8, 16)).toBe("02000000");
    expectIoctlRefused(rig, rig.device, RESET, 0, 22);
  });

  it("leaves argsz and what follows as they are", () => {
    expect(answered(nesting().device, GET_INFO, `14000000 ${"00".repeat(12)} eeeeeeee`).arg).toBe(
      "14000000020000000a00000006000000eeeeeeee",
    );
  });

  it("is refused with argsz below 16, and with bytes missing", () => {
    const rig = nesting();
    for (const argsz of [0, 15]) expectIoctlRefused(rig, rig.device, GET_INFO, fields(argsz, 0, 0, 0), 22);
    expectIoctlRefused(rig, rig.device, GET_INFO, fields(16, 0, 0), 14);
  });
});

/** struct vfio_region_info without capabilities asked. */
const askRegion = (index: number, argsz = 32) => fields(argsz, 0, index, 0, 0n, 0n);

describe("GET_REGION_INFO of the fault region", () => {
  const FIXED = "0090000000000000 0000000000090000";
  const CHAIN =
    "0200 0100 30000000 02000000 01000000" +
    "0100 0100 50000000 01000000 00000000 0010000000000000 0080000000000000" +
    "0600 0100 00000000 01000000";

  it("says READ, WRITE, MMAP and CAPS, 36864 bytes at 9 << 40, and that 92 bytes would do (rule 19)", () => {
    const { device } = nesting();
    expect(answered(device, GET_REGION_INFO, askRegion(9))).toEqual({
      ret: 0,
      arg: shown(hex(`5c000000 0f000000 09000000 00000000 ${FIXED}`)),
    });
    const rest = "ee".repeat(60);
    const given = followedBy(fields(91, 0, 9, 0xffff_ffff, 0n, 0n), hex(rest));
    expect(answered(device, GET_REGION_INFO, given)).toEqual({
      ret: 0,
      arg: shown(hex(`5c000000 0f000000 09000000 00000000 ${FIXED} ${rest}`)),
    });
  });

  it("appends type, sparse mmap and DMA fault, packed, from argsz 92 on (rule 19)", () => {
    const { device } = nesting();
    for (const argsz of [92, 93, 100, 4096]) {
      const given = followedBy(askRegion(9, argsz), new Uint8Array(68).fill(0xee));
      expect(answered(device, GET_REGION_INFO, given)).toEqual({
        ret: 0,
        arg:
          shown(fields(argsz)) + shown(hex(`0f000000 09000000 20000000 ${FIXED} ${CHAIN} ${"ee".repeat(8)}`)),
      });
    }
  });

  it("answers EFAULT, nothing written, where memory ends before argsz does", () => {
    const rig = nesting();
    const whole = followedBy(askRegion(9, 92), new Uint8Array(60).fill(0xee));
    for (let length = 0; length < 92; length++) {
      expectIoctlRefused(rig, rig.device, GET_REGION_INFO, whole.slice(0, length), 14);
    }
    expectIoctlRefused(rig, rig.device, GET_REGION_INFO, askRegion(9, 0xffff_ffff), 14);
  });

  it("is EINVAL without nesting, but there by linux-v10 (rules 18 and 34)", () => {
    const plain = makePlainRig();
    expectIoctlRefused(plain, plain.device, GET_REGION_INFO, askRegion(9), 22);
    expect(answered(linuxV10().device, GET_REGION_INFO, askRegion(9)).ret).toBe(0);
  });
});

describe("GET_REGION_INFO of other regions", () => {
  it("says of BARs, ROM and configuration space that they are absent: size 0, no flags", () => {
    const { device } = nesting();
    for (let index = 0; index < 8; index++) {
      expect(answered(device, GET_REGION_INFO, askRegion(index))).toEqual({
        ret: 0,
        arg: shown(fields(32, 0, index, 0, 0n, BigInt(index) << 40n)),
      });
    }
  });

  it("keeps argsz when there is no chain", () => {
    expect(answered(nesting().device, GET_REGION_INFO, askRegion(7, 200)).arg.slice(0, 8)).toBe("c8000000");
  });

  it("answers EINVAL for VGA, which the device has not, and beyond the last", () => {
    const rig = nesting();
    for (const index of [8, 10, 0x7fff_ffff, 0xffff_ffff]) {
      expectIoctlRefused(rig, rig.device, GET_REGION_INFO, askRegion(index), 22);
    }
  });

  it("is refused with argsz below 32", () => {
    const rig = nesting();
    for (const argsz of [0, 16, 31]) {
      expectIoctlRefused(rig, rig.device, GET_REGION_INFO, askRegion(9, argsz), 22);
    }
  });
});

describe("GET_IRQ_INFO of the fault irq", () => {
  it("answers a caller of the old 16 bytes, byte 16 on left alone (rule 19)", () => {
    const { device } = nesting();
    for (const argsz of [16, 19]) {
      expect(answered(device, GET_IRQ_INFO, followedBy(fields(argsz, 0, 5, 0), hex("5a5a5a5a")))).toEqual({
        ret: 0,
        arg: shown(hex("24000000 19000000 05000000 01000000 5a5a5a5a")),
      });
    }
  });

  it("writes cap_offset 0 from argsz 20 on while the chain does not fit", () => {
    const { device } = nesting();
    for (const argsz of [20, 35]) {
      const given = followedBy(fields(argsz, 0, 5, 0, 9), new Uint8Array(16).fill(0x5a));
      expect(answered(device, GET_IRQ_INFO, given)).toEqual({
        ret: 0,
        arg: shown(hex(`24000000 19000000 05000000 01000000 00000000 ${"5a".repeat(16)}`)),
      });
    }
  });

  it("appends the type capability at 20 from argsz 36 on", () => {
    const { device } = nesting();
    for (const argsz of [36, 64]) {
      const given = followedBy(fields(argsz, 0, 5, 0, 9), new Uint8Array(20).fill(0x5a));
      expect(answered(device, GET_IRQ_INFO, given)).toEqual({
        ret: 0,
        arg:
          shown(fields(argsz)) +
          shown(hex("19000000 05000000 01000000 14000000 0300 0100 00000000 01000000 01000000 5a5a5a5a")),
      });
    }
  });

  it("answers EFAULT, nothing written, where memory ends before argsz does", () => {
    const rig = nesting();
    const whole = followedBy(fields(36, 0, 5, 0, 0), new Uint8Array(16));
    for (let length = 0; length < 36; length++) {
      expectIoctlRefused(rig, rig.device, GET_IRQ_INFO, whole.slice(0, length), 14);
    }
    expectIoctlRefused(rig, rig.device, GET_IRQ_INFO, fields(20, 0, 5, 0), 14);
  });

  it("is EINVAL without nesting, but there by linux-v10 (rules 18 and 34)", () => {
    const plain = makePlainRig();
    expectIoctlRefused(plain, plain.device, GET_IRQ_INFO, fields(16, 0, 5, 0), 22);
    expect(answered(linuxV10().device, GET_IRQ_INFO, fields(16, 0, 5, 0)).ret).toBe(0);
  });
});

describe("GET_IRQ_INFO of PCI's irqs", () => {
  it("says of all five that there are none, INTx maskable, the others not to be resized", () => {
    const { device } = nesting();
    for (const [index, flags] of [7, 9, 9, 9, 9].entries()) {
      expect(answered(device, GET_IRQ_INFO, fields(16, 0, index, 7))).toEqual({
        ret: 0,
        arg: shown(fields(16, flags, index, 0)),
      });
      expect(answered(device, GET_IRQ_INFO, fields(64, 0, index, 7, 9)).arg).toBe(
        shown(fields(64, flags, index, 0, 0)),
      );
    }
  });

  it("ends at 5: index 6 and above answer EINVAL, argsz below 16 too", () => {
    const rig = nesting();
    for (const index of [6, 0xffff_ffff]) {
      expectIoctlRefused(rig, rig.device, GET_IRQ_INFO, fields(20, 0, index, 0, 0), 22);
    }
    for (const argsz of [0, 8, 15]) {
      expectIoctlRefused(rig, rig.device, GET_IRQ_INFO, fields(argsz, 0, 5, 0, 0), 22);
    }
  });
});
