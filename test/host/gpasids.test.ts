// Guest PASIDs: struct iommu_gpasid_bind_data against rules 3 and 25, and which PASID faults and requests show.

import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/contract/refusal.js";
import { hex, patched } from "./bytes.js";
import { SMMUV3_SUPPORTS, VTD_SUPPORTS } from "./recording-driver.js";
import {
  EBUSY,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOMEM,
  expectRefused,
  type Rig,
  type RigOptions,
  rig,
} from "./rig.js";

// 0 version, 4 format, 8 flags, 16 gpgd, 24 hpasid, 32 gpasid, 40 addr_width, 44 padding, 56 vtd.flags, 64 pat, 68 emt
const DATA = hex(
  "01000000 01000000 0000000000000000 0010000001000000 0900000000000000 0000000000000000" +
    "30000000 000000000000000000000000 0000000000000000 00000000 00000000",
);
const hpasid = (text: string): Uint8Array => patched(DATA, 24, text);

const vtd = (options: RigOptions = {}): Rig => rig({ supports: VTD_SUPPORTS, ...options });
const bind = ({ device, host }: Rig, bytes: Uint8Array): void =>
  device.gpasids.bind(bytes, host.domain, host.nested);
const unbind = ({ device, host }: Rig, bytes: Uint8Array): void => device.gpasids.unbind(bytes, host.domain);

/** What bind and unbind look at (rule 25). */
const BOTH: [title: string, at: number, bytes: string][] = [
  ["version 0", 0, "00"],
  ["version 2", 0, "02"],
  ["format 0", 4, "00"],
  ["format 2", 4, "02"],
  ["an unknown flag", 8, "02"],
  ["flag bit 63", 8, "0000000000000080"],
  ["padding[0]", 44, "01"],
  ["padding[11]", 55, "01"],
  ["hpasid 2^20", 24, "000010"],
  ["hpasid bit 40", 24, "0500000000010000"],
];

const BIND_ONLY: [title: string, at: number, bytes: string][] = [
  ["hpasid 0", 24, "00"],
  ["addr_width 0", 40, "00"],
  ["addr_width 39", 40, "27"],
  ["addr_width 47", 40, "2f"],
  ["addr_width 57 without five levels", 40, "39"],
  ["addr_width 64", 40, "40"],
  ["gpgd 2^48, beyond the guest's addresses", 16, "0000000000000100"],
  ["gpgd bit 52", 16, "0010000001001000"],
  ["gpgd not at a page", 16, "0008"],
  ["gpgd bit 3", 16, "0810"],
  ["vtd.flags bit 6", 56, "40"],
  ["vtd.flags bit 32", 56, "0000000001000000"],
  ["vtd.flags PCD on a machine without memory types", 56, "04"],
  ["vtd.flags PWT on a machine without memory types", 56, "08"],
  ["vtd.flags EMTE on a machine without memory types", 56, "10"],
  ["vtd.flags CD on a machine without memory types", 56, "20"],
];

describe("bind gpasid refuses with -EINVAL", () => {
  it.each([...BOTH, ...BIND_ONLY])("%s (rule 3)", (_, at, bytes) => {
    const r = vtd();
    expectRefused(r, EINVAL, () => bind(r, patched(DATA, at, bytes)));
    bind(r, DATA);
  });

  it("a device in a container without nesting", () => {
    const r = vtd({ nested: false });
    expectRefused(r, EINVAL, () => bind(r, DATA));
    unbind(r, DATA);
  });
});

describe("unbind gpasid", () => {
  it.each(BOTH)("refuses %s with -EINVAL (rule 25)", (_, at, bytes) => {
    const r = vtd();
    bind(r, DATA);
    expectRefused(r, EINVAL, () => unbind(r, patched(DATA, at, bytes)));
  });

  it.each(BIND_ONLY)("does not look at the rest: %s (rule 25)", (_, at, bytes) => {
    const r = vtd();
    bind(r, DATA);
    unbind(r, patched(DATA, at, bytes));
    expect(r.domain.calls.length).toBe(at === 24 ? 1 : 2);
  });

  it("answers 0 for what is not bound, also twice (rule 3)", () => {
    const r = vtd();
    unbind(r, DATA);
    bind(r, DATA);
    unbind(r, DATA);
    unbind(r, DATA);
    expect(r.domain.calls).toEqual(["bindGpasid dev0 9", "unbindGpasid dev0 9"]);
  });
});

describe("bind gpasid", () => {
  it("hands table, width and flags to the driver", () => {
    const r = vtd({ supports: { ...VTD_SUPPORTS, fiveLevel: true, gpasidFlags: 0x3fn } });
    bind(r, patched(patched(hpasid("ffff0f"), 40, "39"), 56, "1300000000000000 06040703 05000000"));
    expect(r.domain.bindings).toEqual([
      { hpasid: 0xfffff, gpgd: 0x1_0000_1000n, addressWidth: 57, flags: 0x13n, pat: 0x03070406, emt: 5 },
    ]);
  });

  it("of a bound hpasid is refused with -EBUSY until it is unbound (rule 3)", () => {
    const r = vtd();
    bind(r, DATA);
    expectRefused(r, EBUSY, () => bind(r, DATA));
    expectRefused(r, EBUSY, () => bind(r, patched(DATA, 16, "00b0")));
    unbind(r, DATA);
    bind(r, DATA);
  });

  it("belongs to the device that it is made on (rule 25)", () => {
    const r = vtd({ endpoints: [{}, { name: "dev1", stream: 24 }] });
    const other: Rig = { ...r, device: r.devices[1]! };
    bind(r, DATA);
    bind(other, DATA);
    unbind(other, DATA);
    expectRefused(r, EBUSY, () => bind(r, DATA));
    expect(r.domain.calls).toEqual(["bindGpasid dev0 9", "bindGpasid dev1 9", "unbindGpasid dev1 9"]);
  });

  it.each([
    ["a refusal of the driver", new Refusal(EBUSY, "entry present"), EBUSY],
    ["a driver without room", new RangeError("no room"), ENOMEM],
  ])("changes nothing after %s", (_, failure, errno) => {
    const r = vtd();
    r.domain.failures.set("bindGpasid", failure);
    expectRefused(r, errno, () => bind(r, DATA));
    r.domain.failures.clear();
    bind(r, DATA);
  });

  it("is refused with -ENODEV on SMMUv3, whatever the argument (rule 3)", () => {
    const r = rig({ supports: SMMUV3_SUPPORTS });
    for (const bytes of [DATA, hpasid("00"), new Uint8Array(0)]) {
      expectRefused(r, ENODEV, () => bind(r, bytes));
      expectRefused(r, ENODEV, () => unbind(r, bytes));
    }
  });

  it("is refused with -EFAULT when the structure is cut short (rule 17)", () => {
    const r = vtd();
    expectRefused(r, EFAULT, () => bind(r, DATA.subarray(0, 71)));
    expectRefused(r, EFAULT, () => unbind(r, DATA.subarray(0, 71)));
    bind(r, Uint8Array.from([...DATA, 0xee]));
  });
});

describe("the guest's PASID", () => {
  const GUEST = patched(patched(hpasid("2000"), 8, "01"), 32, "0500000000000000");

  it("is shown for the host's when the binding gives it (rule 25)", () => {
    const { device, ...r } = vtd();
    bind({ device, ...r }, GUEST);
    bind({ device, ...r }, patched(DATA, 32, "06"));
    expect(device.gpasids.guestOf(0x20)).toBe(5);
    expect(device.gpasids.guestOf(9)).toBeUndefined();
    expect(device.gpasids.guestOf(5)).toBeUndefined();
    expect([5, 9, 6, 0x20].map((pasid) => device.gpasids.hostOf(pasid))).toEqual([
      0x20,
      9,
      undefined,
      undefined,
    ]);
    expect(device.gpasids.inspect()).toEqual([{ hpasid: 0x20, gpasid: 5 }, { hpasid: 9 }]);
  });

  it("is forgotten with the binding", () => {
    const r = vtd();
    bind(r, GUEST);
    unbind(r, GUEST);
    expect(r.device.gpasids.guestOf(0x20)).toBeUndefined();
    expect(r.device.gpasids.hostOf(5)).toBeUndefined();
  });

  it("has the 32 bits that the ring has room for", () => {
    const r = vtd();
    bind(r, patched(GUEST, 32, "07000000ffffffff"));
    expect(r.device.gpasids.guestOf(0x20)).toBe(7);
  });
});

it("a device that leaves its container loses its bindings", () => {
  const r = vtd();
  bind(r, DATA);
  bind(r, hpasid("0a"));
  r.host.detach(r.device);
  expect(r.domain.calls.slice(2)).toEqual(["unbindGpasid dev0 9", "unbindGpasid dev0 10", "detach dev0"]);
  expect(r.device.gpasids.inspect()).toEqual([]);
});

describe("linux-v10 (Linux 5.10 intel_svm_bind_gpasid)", () => {
  it("refuses memory types on any machine, and devices without all PASIDs, with -EINVAL", () => {
    const supports = { ...VTD_SUPPORTS, gpasidFlags: 0x3fn };
    const r = vtd({ profile: "linux-v10", supports });
    for (const flags of ["04", "08", "10", "20"]) {
      expectRefused(r, EINVAL, () => bind(r, patched(DATA, 56, flags)));
    }
    bind(r, patched(DATA, 56, "03"));
    const small = vtd({ profile: "linux-v10", endpoints: [{ pasidBits: 16 }] });
    expectRefused(small, EINVAL, () => bind(small, DATA));
    const header = vtd({ endpoints: [{ pasidBits: 16 }] });
    bind(header, DATA);
  });
});
