// SET_IRQS: what installs, removes and triggers the DMA-fault irq, and every way to be refused.

import { describe, expect, it } from "vitest";
import { fields, followedBy, hex } from "./bytes.js";
import { expectIoctlRefused, makeOpenRig, makePlainRig, translationFault } from "./rig.js";

const SET_IRQS = 0x3b6e;
const NONE = 0x21;
const BOOL = 0x22;
const EVENTFD = 0x24;

/** struct vfio_irq_set of the fault irq. */
const set = (flags: number, count: number, data = "", { argsz = 0, index = 5, start = 0 } = {}) =>
  followedBy(fields(argsz || 20 + data.length / 2, flags, index, start, count), hex(data));

function installed(eventfd = "0a000000") {
  const rig = makeOpenRig();
  expect(rig.device.ioctl(SET_IRQS, set(EVENTFD, 1, eventfd))).toBe(0);
  return rig;
}

/** Whether a trigger by hand still comes through. */
function expectInstalled({ device, irqs }: ReturnType<typeof installed>): void {
  const before = irqs.length;
  expect(device.ioctl(SET_IRQS, set(BOOL, 1, "01"))).toBe(0);
  expect(irqs.length).toBe(before + 1);
}

describe("the fault irq", () => {
  it("signals the eventfd that was installed last, with device, index and subindex", () => {
    const { device, irqs, vfio } = installed();
    vfio.fault(translationFault());
    expect(irqs).toEqual([{ device: "dev0", index: 5, subindex: 0, eventfd: 10 }]);
    device.ioctl(SET_IRQS, set(EVENTFD, 1, "00000000"));
    vfio.fault(translationFault());
    expect(irqs[1]).toEqual({ device: "dev0", index: 5, subindex: 0, eventfd: 0 });
  });

  it("is signalled by DATA_NONE with count 1 and by DATA_BOOL with a byte other than 0 (rule 20)", () => {
    const { device, irqs } = installed();
    expect(device.ioctl(SET_IRQS, set(NONE, 1))).toBe(0);
    expect(irqs).toHaveLength(1);
    for (const byte of ["01", "80", "ff"]) expect(device.ioctl(SET_IRQS, set(BOOL, 1, byte))).toBe(0);
    expect(irqs).toHaveLength(4);
    expect(device.ioctl(SET_IRQS, set(BOOL, 1, "00"))).toBe(0);
    expect(irqs).toHaveLength(4);
  });

  it("is taken away by eventfd -1 and by DATA_NONE with count 0", () => {
    for (const removal of [set(EVENTFD, 1, "ffffffff"), set(NONE, 0)]) {
      const { device, irqs, vfio } = installed();
      expect(device.ioctl(SET_IRQS, removal)).toBe(0);
      expect(device.ioctl(SET_IRQS, set(BOOL, 1, "01"))).toBe(0);
      vfio.fault(translationFault());
      expect(irqs).toEqual([]);
    }
  });

  it("without an eventfd signals and remembers nothing, the ring fills all the same (rule 20)", () => {
    const { device, irqs, vfio } = makeOpenRig();
    vfio.fault(translationFault());
    expect(device.ioctl(SET_IRQS, set(BOOL, 1, "01"))).toBe(0);
    expect(device.ioctl(SET_IRQS, set(EVENTFD, 1, "0a000000"))).toBe(0);
    expect(irqs).toEqual([]);
    expect(vfio.counters().faultsDelivered).toBe(1);
  });

  it("may be removed when it is not there, by -1", () => {
    const { device } = makeOpenRig();
    expect(device.ioctl(SET_IRQS, set(EVENTFD, 1, "ffffffff"))).toBe(0);
  });

  it("cannot be triggered or disabled by DATA_NONE when it is not there (vfio_pci_set_ctx_trigger_single)", () => {
    const rig = makeOpenRig();
    for (const count of [0, 1]) expectIoctlRefused(rig, rig.device, SET_IRQS, set(NONE, count), 22);
  });

  it("goes when the device is closed", () => {
    const { device, irqs, vfio } = installed();
    device.close();
    vfio.fault(translationFault());
    expect(irqs).toEqual([]);
    expect(vfio.inspect()).toMatchObject({ devices: [{ eventfd: null }] });
  });

  it("passes on what the embedder's onIrq throws, the fault written by then", () => {
    const onIrq = () => {
      throw new Error("embedder");
    };
    const { device, vfio } = makeOpenRig(6, { onIrq });
    device.ioctl(SET_IRQS, set(EVENTFD, 1, "0a000000"));
    expect(() => device.ioctl(SET_IRQS, set(NONE, 1))).toThrow("embedder");
    expect(() => vfio.fault(translationFault())).toThrow("embedder");
    expect(vfio.counters().faultsDelivered).toBe(1);
    expect(device.ioctl(SET_IRQS, set(EVENTFD, 1, "ffffffff"))).toBe(0);
  });
});

describe("SET_IRQS is refused with EINVAL", () => {
  const cases: [string, Uint8Array][] = [
    ["argsz below 20", set(EVENTFD, 1, "0a000000", { argsz: 19 })],
    ["index 6", set(EVENTFD, 1, "0a000000", { index: 6 })],
    ["index 2^32-1", set(EVENTFD, 1, "0a000000", { index: 0xffff_ffff })],
    ["no data type", set(0x20, 1, "0a000000")],
    ["two data types", set(0x25, 1, "0a000000")],
    ["three data types", set(0x27, 1, "0a000000")],
    ["flag bit 6", set(0x64, 1, "0a000000")],
    ["flag bit 31", set(0x8000_0024, 1, "0a000000")],
    ["start 1", set(EVENTFD, 1, "0a000000", { start: 1 })],
    ["start 1, count 0", set(NONE, 0, "", { start: 1 })],
    ["start 2^32-1", set(EVENTFD, 1, "0a000000", { start: 0xffff_ffff })],
    ["start + count = 2^32-1", set(NONE, 0xffff_fffe, "", { start: 1 })],
    ["start + count wraps", set(NONE, 0xffff_ffff, "", { start: 1 })],
    ["count 2", set(EVENTFD, 2, "0a0000000b000000")],
    ["count 2^32-1", set(EVENTFD, 0xffff_ffff, "0a000000")],
    ["eventfd data missing", set(EVENTFD, 1)],
    ["eventfd data of 3 bytes", set(EVENTFD, 1, "0a0000")],
    ["bool data missing", set(BOOL, 1)],
    ["eventfd count 0", set(EVENTFD, 0)],
    ["bool count 0", set(BOOL, 0)],
    ["eventfd -2", set(EVENTFD, 1, "feffffff")],
    ["eventfd -2^31", set(EVENTFD, 1, "00000080")],
  ];

  it.each(cases)("%s", (_title, bytes) => {
    const rig = installed();
    expectIoctlRefused(rig, rig.device, SET_IRQS, bytes, 22);
    expectInstalled(rig);
  });

  it("on irqs that the device has not: all of PCI's, DATA_NONE with count 0 too", () => {
    const rig = installed();
    for (const index of [0, 1, 2, 3, 4]) {
      expectIoctlRefused(rig, rig.device, SET_IRQS, set(EVENTFD, 1, "0a000000", { index }), 22);
      expectIoctlRefused(rig, rig.device, SET_IRQS, set(NONE, 0, "", { index }), 22);
    }
  });

  it("on the fault irq without nesting (rule 18)", () => {
    const rig = makePlainRig();
    expectIoctlRefused(rig, rig.device, SET_IRQS, set(EVENTFD, 1, "0a000000"), 22);
  });
});

describe("SET_IRQS is refused otherwise", () => {
  it("with ENOTTY for MASK, UNMASK, no or several actions (rule 20)", () => {
    const rig = installed();
    for (const action of [0, 0x08, 0x10, 0x18, 0x28, 0x30, 0x38]) {
      expectIoctlRefused(rig, rig.device, SET_IRQS, set(action | 1, 1), 25);
      expectIoctlRefused(rig, rig.device, SET_IRQS, set(action | 1, 0), 25);
      expectIoctlRefused(rig, rig.device, SET_IRQS, set(action | 4, 1, "0b000000"), 25);
    }
    expectInstalled(rig);
  });

  it("with EFAULT where memory ends before argsz's data do, or before the struct does", () => {
    const rig = installed();
    expectIoctlRefused(rig, rig.device, SET_IRQS, set(EVENTFD, 1, "0b0000", { argsz: 24 }), 14);
    expectIoctlRefused(rig, rig.device, SET_IRQS, set(EVENTFD, 1, "", { argsz: 24 }), 14);
    expectIoctlRefused(rig, rig.device, SET_IRQS, set(BOOL, 1, "", { argsz: 4096 }), 14);
    for (let length = 0; length < 20; length++) {
      expectIoctlRefused(rig, rig.device, SET_IRQS, set(EVENTFD, 1, "0b000000").slice(0, length), 14);
    }
    expectInstalled(rig);
  });

  it("not for data behind what count needs: they are not looked at (rule 17)", () => {
    const { device, irqs } = installed();
    expect(device.ioctl(SET_IRQS, set(EVENTFD, 1, "0c000000ffffffff"))).toBe(0);
    expect(device.ioctl(SET_IRQS, set(EVENTFD, 1, "0c000000", { argsz: 0xffff_ffff }))).toBe(0);
    expect(device.ioctl(SET_IRQS, set(NONE, 1, "ffff"))).toBe(0);
    expect(irqs).toHaveLength(1);
    expect(irqs[0]!.eventfd).toBe(12);
  });
});
