// The three calls of nesting as bytes: flags of their wrappers by profile, fields handed over where they lie.

import { describe, expect, it } from "vitest";
import { hex } from "./bytes.js";
import { BIND, INVALIDATE, TABLE, UNBIND, withHead } from "./nesting-structs.js";
import { expectIoctlRefused, makeOpenRig, makePlainRig, type Rig } from "./rig.js";

const SET_PASID_TABLE = 0x3b7a;
const CACHE_INVALIDATE = 0x3b7b;
const SET_MSI_BINDING = 0x3b7c;

interface Inspected {
  containers: { domain: { pasidTable: unknown } }[];
}

const dma = ({ driver }: Rig, iova: bigint, write = false) =>
  driver.machine.translate({ stream: 8, iova, write });

describe("SET_PASID_TABLE", () => {
  it("takes exactly one of SET and UNSET (rule 1)", () => {
    const rig = makeOpenRig();
    for (const flags of [0, 3, 4, 5, 6, 7, 0x8000_0001, 0x8000_0002]) {
      expectIoctlRefused(rig, rig.container, SET_PASID_TABLE, withHead(TABLE, 40, flags), 22);
    }
    expect(rig.container.ioctl(SET_PASID_TABLE, withHead(TABLE, 40, 1))).toBe(0);
    expect(rig.container.ioctl(SET_PASID_TABLE, withHead(TABLE, 40, 2))).toBe(0);
  });

  it("by linux-v10 tests its flags bit by bit: SET wins, others are ignored, none is refused", () => {
    const rig = makeOpenRig(6, { profile: "linux-v10" });
    for (const flags of [0, 4, 0x8000_0000]) {
      expectIoctlRefused(rig, rig.container, SET_PASID_TABLE, withHead(TABLE, 40, flags), 22);
    }
    const bound = () => (rig.vfio.inspect() as Inspected).containers[0]!.domain.pasidTable;
    expect(rig.container.ioctl(SET_PASID_TABLE, withHead(TABLE, 40, 3))).toBe(0);
    expect(bound()).toMatchObject({ base: "0x10000" });
    expect(rig.container.ioctl(SET_PASID_TABLE, withHead(TABLE, 40, 0x12))).toBe(0);
    expect(bound()).toBe("abort");
    expect(rig.container.ioctl(SET_PASID_TABLE, withHead(TABLE, 40, 0xffff_fffd))).toBe(0);
    expect(bound()).toMatchObject({ base: "0x10000" });
  });

  it("does not look at the table on UNSET (rule 22)", () => {
    const { container } = makeOpenRig();
    expect(container.ioctl(SET_PASID_TABLE, hex(`28000000 02000000 ${"ff".repeat(32)}`))).toBe(0);
  });

  it.each([
    ["version 2", 8, 2],
    ["format 2", 12, 2],
    ["base_ptr not a multiple of 64", 16, 0x20],
    ["base_ptr beyond 2^48", 22, 1],
    ["pasid_bits 21", 24, 21],
    ["config 4", 25, 4],
    ["padding[0]", 26, 1],
    ["padding[5]", 31, 0x80],
    ["smmuv3.version 2", 32, 2],
    ["s1fmt 3", 36, 3],
    ["s1dss 3", 37, 3],
    ["smmuv3.padding[0]", 38, 1],
    ["smmuv3.padding[1]", 39, 0x80],
  ] as const)(
    "hands fields over where they lie: %s is refused, what was bound stays (rule 1)",
    (_title, at, byte) => {
      const rig = makeOpenRig();
      expect(rig.container.ioctl(SET_PASID_TABLE, hex(TABLE))).toBe(0);
      const bytes = hex(TABLE);
      bytes[at] = byte;
      expectIoctlRefused(rig, rig.container, SET_PASID_TABLE, bytes, 22);
    },
  );

  it("needs nesting: EINVAL (rule 1)", () => {
    const rig = makePlainRig();
    for (const flags of [1, 2]) {
      expectIoctlRefused(rig, rig.container, SET_PASID_TABLE, withHead(TABLE, 40, flags), 22);
    }
  });
});

describe("CACHE_INVALIDATE", () => {
  it("has no flags: EINVAL to any (rule 2)", () => {
    const rig = makeOpenRig();
    for (const flags of [1, 2, 0x8000_0000, 0xffff_ffff]) {
      expectIoctlRefused(rig, rig.container, CACHE_INVALIDATE, withHead(INVALIDATE, 56, flags), 22);
    }
  });

  it("hands the struct over: an illegal combination is EINVAL, nothing bound is 0 (rules 2 and 26)", () => {
    const rig = makeOpenRig();
    expect(rig.container.ioctl(CACHE_INVALIDATE, hex(INVALIDATE))).toBe(0);
    const bytes = hex(INVALIDATE);
    bytes[12] = 2;
    expectIoctlRefused(rig, rig.container, CACHE_INVALIDATE, bytes, 22);
  });

  it("needs nesting: EINVAL (rule 26)", () => {
    const rig = makePlainRig();
    expectIoctlRefused(rig, rig.container, CACHE_INVALIDATE, INVALIDATE, 22);
  });
});

describe("SET_MSI_BINDING", () => {
  it("takes exactly BIND or UNBIND (rule 5)", () => {
    const rig = makeOpenRig();
    for (const flags of [0, 3, 4, 5, 6, 0x8000_0001]) {
      expectIoctlRefused(rig, rig.container, SET_MSI_BINDING, withHead(BIND, 32, flags), 22);
    }
  });

  it("binds iova to gpa, the doorbell behind it, and unbinds by iova (rules 5 and 28)", () => {
    const rig = makeOpenRig();
    expect(rig.container.ioctl(SET_MSI_BINDING, hex(BIND))).toBe(0);
    expect(dma(rig, 0x808_0010n, true)).toMatchObject({ ok: true, pa: 0x802_0010n });
    expect(rig.container.ioctl(SET_MSI_BINDING, hex(UNBIND))).toBe(0);
    expect(dma(rig, 0x808_0010n, true).ok).toBe(false);
    expectIoctlRefused(rig, rig.container, SET_MSI_BINDING, UNBIND, 2);
  });

  it("goes to the doorbell that the embedder names", () => {
    const rig = makeOpenRig(6, { doorbell: 0xfee0_1000n });
    expect(rig.container.ioctl(SET_MSI_BINDING, hex(BIND))).toBe(0);
    expect(dma(rig, 0x808_0010n, true)).toMatchObject({ ok: true, pa: 0xfee0_1010n });
  });

  it("by linux-v10 unbinds and answers ENOTTY all the same", () => {
    const rig = makeOpenRig(6, { profile: "linux-v10" });
    expect(rig.container.ioctl(SET_MSI_BINDING, hex(BIND))).toBe(0);
    expect(rig.container.ioctl(SET_MSI_BINDING, hex(UNBIND))).toBe(-25);
    expect(rig.container.reason).not.toBe("");
    expect(dma(rig, 0x808_0010n, true).ok).toBe(false);
  });

  it("needs nesting: EINVAL (rule 28)", () => {
    const rig = makePlainRig();
    expectIoctlRefused(rig, rig.container, SET_MSI_BINDING, BIND, 22);
  });
});
