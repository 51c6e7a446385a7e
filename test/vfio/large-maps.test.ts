// Mappings as large as hosts have: 64 GiB in 4 KiB pages that lie anywhere, 1 TiB in 1 GiB blocks. The tables are really
// in memory, so the whole answer is looked up by DMA; how long it takes is `bench`'s business, not asserted here.

import { describe, expect, it } from "vitest";
import { SmmuV3Driver, uapi, Vfio } from "../../src/index.js";

const GIB = 2n ** 30n;
const PAGES = 2 ** 24;
/** Page n of the 2^24 lies at SCATTERED + (n x ODD mod 2^24) pages: no two neighbours touch. */
const ODD = 0x9e3779;
const SCATTERED = 2 ** 40;

const placeOf = (page: number): number => SCATTERED + (Math.imul(page, ODD) & (PAGES - 1)) * 4096;

function nestingContainer(pin?: (vaddr: bigint, count: number, into: Float64Array) => number) {
  const driver = new SmmuV3Driver();
  const vfio = new Vfio(driver, { devices: [{ name: "dev0", stream: 8 }], ...(pin && { pin }) });
  const container = vfio.openContainer();
  const group = vfio.openGroup("dev0");
  const fd = new Uint8Array(4);
  new DataView(fd.buffer).setInt32(0, container.fd, true);
  expect(group.ioctl(uapi.VFIO_GROUP_SET_CONTAINER, fd)).toBeGreaterThanOrEqual(0);
  expect(container.ioctl(uapi.VFIO_SET_IOMMU, uapi.VFIO_TYPE1_NESTING_IOMMU)).toBe(0);
  return { machine: driver.machine, container };
}

const mapOf = (vaddr: bigint, iova: bigint, size: bigint): Uint8Array =>
  uapi.vfio_iommu_type1_dma_map.encode({ argsz: 32, flags: 3, vaddr, iova, size });
const unmapOf = (iova: bigint, size: bigint): Uint8Array =>
  uapi.vfio_iommu_type1_dma_unmap.encode({ argsz: 24, flags: 0, iova, size });

describe("large mappings", () => {
  it("64 GiB in scattered 4 KiB pages: one MAP_DMA, every page where pin said, one UNMAP_DMA takes all", () => {
    const { machine, container } = nestingContainer((vaddr, count, into) => {
      const first = Number(vaddr / 4096n);
      for (let n = 0; n < count; ++n) into[n] = placeOf(first + n);
      return count;
    });
    expect(container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, mapOf(0n, 0n, 64n * GIB))).toBe(0);
    let wrong = 0;
    for (let page = 5; page < PAGES; page += 4093) {
      const { pa, leafLg2 } = machine.translate({ stream: 8, iova: BigInt(page) * 4096n + 0x123n });
      if (pa !== BigInt(placeOf(page)) + 0x123n || leafLg2 !== 12) ++wrong;
    }
    expect(wrong).toBe(0);
    const argument = unmapOf(0n, 64n * GIB);
    expect(container.ioctl(uapi.VFIO_IOMMU_UNMAP_DMA, argument)).toBe(0);
    expect(new DataView(argument.buffer).getBigUint64(16, true)).toBe(64n * GIB);
    for (const page of [5, 4098, PAGES - 1]) {
      expect(machine.translate({ stream: 8, iova: BigInt(page) * 4096n }).ok).toBe(false);
    }
  });

  it("1 TiB in 1 GiB blocks: 1,024 calls, one descriptor each", () => {
    const { machine, container } = nestingContainer();
    for (let n = 0n; n < 1024n; ++n) {
      expect(container.ioctl(uapi.VFIO_IOMMU_MAP_DMA, mapOf(2n ** 41n + n * GIB, n * GIB, GIB))).toBe(0);
    }
    for (const iova of [0n, 17n * GIB + 0x1234_5678n, 1023n * GIB + 0x3fff_ffffn]) {
      expect(machine.translate({ stream: 8, iova })).toMatchObject({ pa: 2n ** 41n + iova, leafLg2: 30 });
    }
    expect(container.ioctl(uapi.VFIO_IOMMU_UNMAP_DMA, unmapOf(0n, 1024n * GIB))).toBe(0);
    expect(machine.translate({ stream: 8, iova: 17n * GIB }).ok).toBe(false);
  });
});
