// SET_MSI_BINDING behind argsz and flags: rules 5 and 28, and the kernel series (VFIO part v10 3/11, IOMMU part 8/13).

import { describe, expect, it } from "vitest";
import { VTD_SUPPORTS } from "./recording-driver.js";
import {
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOTTY,
  expectRefused,
  type Rig,
  refusalOf,
  rig,
} from "./rig.js";

const IOVA = 0x800_0000n;
const GPA = 0x808_0000n;
const PAGE = 0x1000n;

describe("BIND", () => {
  it("maps the doorbell's page at gpa, for writes, as a device", () => {
    const { host, domain } = rig();
    host.bindMsi(IOVA, GPA, PAGE);
    expect(domain.calls).toEqual(["map 0x8080000 0x8020000 0x1000 -wd"]);
  });

  it("aligns iova, gpa and the doorbell down to size (rule 28)", () => {
    const { host, domain } = rig({ doorbell: 0x802_3040n });
    host.bindMsi(0x801_2344n, 0x80a_5678n, 0x1_0000n);
    expect(domain.calls).toEqual(["map 0x80a0000 0x8020000 0x10000 -wd"]);
    expect(host.inspect()).toMatchObject({
      msiBindings: [{ iova: "0x8010000", gpa: "0x80a0000", size: "0x10000" }],
    });
  });

  it("of a bound iova: 0 for the same gpa, -EEXIST for another (rule 5)", () => {
    const r = rig();
    r.host.bindMsi(IOVA, GPA, PAGE);
    r.host.bindMsi(IOVA + 0xffcn, GPA + 0x10n, PAGE);
    expect(r.domain.calls.length).toBe(1);
    expectRefused(r, EEXIST, () => r.host.bindMsi(IOVA, GPA + 0x1_0000n, PAGE));
  });

  it("of part of a bound iova, or of more than it, is refused with -EEXIST", () => {
    const r = rig();
    r.host.bindMsi(IOVA, GPA, 0x4000n);
    r.host.bindMsi(IOVA, GPA, PAGE);
    expectRefused(r, EEXIST, () => r.host.bindMsi(IOVA + PAGE, GPA, PAGE));
    expectRefused(r, EEXIST, () => r.host.bindMsi(IOVA, GPA, 0x1_0000n));
  });

  it("of several iovas to one gpa maps once and unmaps with the last", () => {
    const r = rig();
    r.host.bindMsi(IOVA, GPA, PAGE);
    r.host.bindMsi(IOVA + PAGE, GPA, PAGE);
    r.host.unbindMsi(IOVA, PAGE);
    expect(r.domain.pages.get(GPA)).toEqual([0x802_0000n, "-wd"]);
    r.host.unbindMsi(IOVA + PAGE, PAGE);
    expect(r.domain.calls).toEqual(["map 0x8080000 0x8020000 0x1000 -wd", "unmap 0x8080000 0x1000"]);
  });

  it.each<[string, bigint, bigint]>([
    ["size 0", GPA, 0n],
    ["size 0x800", GPA, 0x800n],
    ["size 0x3000", GPA, 0x3000n],
    ["gpa 2^48", 1n << 48n, PAGE],
    ["a range that ends above 2^48", 0n, 1n << 49n],
    ["a gpa that DMA is mapped at", 0x10_0000n, PAGE],
    ["a range around a DMA mapping", 0n, 1n << 30n],
    ["a gpa inside another binding's", 0x900_1000n, PAGE],
    ["a range around another binding's", 0x900_0000n, 0x10_0000n],
  ])("refuses %s with -EINVAL", (_, gpa, size) => {
    const r = rig();
    r.host.mapDma(0n, 0x10_0000n, 0x4000n, 3);
    r.host.bindMsi(0n, 0x900_0000n, 0x4000n);
    expectRefused(r, EINVAL, () => r.host.bindMsi(1n << 50n, gpa, size));
  });

  it("refuses with -EINVAL a size that would show the host's own structures, or what is no memory", () => {
    const doorbell = (1n << 47n) - 0x1000n;
    const r = rig({ doorbell });
    r.host.bindMsi(IOVA, 0n, PAGE);
    const above = rig({ doorbell: (1n << 47n) + (1n << 36n) });
    above.domain.keepsPages = false;
    above.host.bindMsi(IOVA, 0n, 1n << 36n);
    expectRefused(above, EINVAL, () => above.host.bindMsi(1n << 60n, 0n, 1n << 37n));
    expectRefused(above, EINVAL, () => above.host.bindMsi(1n << 60n, 0n, 1n << 48n));
    const beyond = rig({ doorbell: 1n << 48n });
    expectRefused(beyond, EINVAL, () => beyond.host.bindMsi(IOVA, 0n, PAGE));
  });

  it("refuses a container without nesting with -EINVAL, UNBIND too", () => {
    const r = rig({ nested: false });
    expectRefused(r, EINVAL, () => r.host.bindMsi(IOVA, GPA, PAGE));
    expectRefused(r, EINVAL, () => r.host.unbindMsi(IOVA, PAGE));
  });

  it("checks arguments, then refuses with -ENODEV on VT-d (rules 24, 28), UNBIND too", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    expectRefused(r, EINVAL, () => r.host.bindMsi(IOVA, GPA, 0x800n));
    expectRefused(r, ENODEV, () => r.host.bindMsi(IOVA, GPA, PAGE));
    expectRefused(r, ENODEV, () => r.host.unbindMsi(IOVA, PAGE));
  });

  it("ends in -ENOMEM without room for tables, and after 4096 bindings", () => {
    const r = rig();
    r.domain.mapsLeft = 0;
    expectRefused(r, ENOMEM, () => r.host.bindMsi(IOVA, GPA, PAGE));
    r.domain.mapsLeft = 1;
    for (let i = 0n; i < 4096n; i++) r.host.bindMsi(IOVA + i * PAGE, GPA, PAGE);
    expectRefused(r, ENOMEM, () => r.host.bindMsi(IOVA + 4096n * PAGE, GPA, PAGE));
  });
});

describe("UNBIND", () => {
  it("finds the binding that an iova lies in (rule 28)", () => {
    const r = rig();
    r.host.bindMsi(IOVA, GPA, 0x4000n);
    r.host.unbindMsi(IOVA + 0x3040n, PAGE);
    expect(r.domain.pages.size).toBe(0);
  });

  it("of an unknown iova is refused with -ENOENT (rule 5)", () => {
    const r = rig();
    expectRefused(r, ENOENT, () => r.host.unbindMsi(IOVA, PAGE));
    r.host.bindMsi(IOVA, GPA, PAGE);
    expectRefused(r, ENOENT, () => r.host.unbindMsi(IOVA + PAGE, PAGE));
    expectRefused(r, ENOENT, () => r.host.unbindMsi(IOVA - 1n, PAGE));
    r.host.unbindMsi(IOVA, PAGE);
    expectRefused(r, ENOENT, () => r.host.unbindMsi(IOVA, PAGE));
  });

  it.each([0n, 0x800n, 0x3000n])("of size %i is refused with -EINVAL", (size) => {
    const r = rig();
    r.host.bindMsi(IOVA, GPA, PAGE);
    expectRefused(r, EINVAL, () => r.host.unbindMsi(IOVA, size));
  });

  it("leaves the other bindings", () => {
    const r = rig();
    for (let i = 0n; i < 4n; i++) r.host.bindMsi(IOVA + i * PAGE, GPA + i * 0x3000n, PAGE);
    r.host.unbindMsi(IOVA, PAGE);
    expect([...r.domain.pages.keys()]).toEqual([GPA + 0x3000n, GPA + 0x6000n, GPA + 0x9000n]);
  });
});

describe("linux-v10", () => {
  const errnoOfUnbind = (r: Rig): number => refusalOf(() => r.host.unbindMsi(IOVA, PAGE)).errno;

  it("keeps the first gpa of a bound iova and answers 0", () => {
    const r = rig({ profile: "linux-v10" });
    r.host.bindMsi(IOVA, GPA, PAGE);
    r.host.bindMsi(IOVA, GPA + 0x1_0000n, PAGE);
    expect([...r.domain.pages.keys()]).toEqual([GPA]);
  });

  it("unbinds and answers -ENOTTY, also when there is nothing to unbind", () => {
    const r = rig({ profile: "linux-v10" });
    r.host.bindMsi(IOVA, GPA, PAGE);
    expect(errnoOfUnbind(r)).toBe(ENOTTY);
    expect(r.domain.pages.size).toBe(0);
    expect(errnoOfUnbind(r)).toBe(ENOTTY);
  });

  it("answers -ENODEV to BIND on VT-d whatever its argument, -ENOTTY to UNBIND (rule 34)", () => {
    const r = rig({ profile: "linux-v10", supports: VTD_SUPPORTS });
    expectRefused(r, ENODEV, () => r.host.bindMsi(IOVA, GPA, 0x800n));
    expect(errnoOfUnbind(r)).toBe(ENOTTY);
  });
});
