// A device TLB over an IOMMU that grants what the test says, and invalidations for it.
import { type AtcInvalidation, DeviceTlb, type DeviceTlbOptions } from "../../src/index.js";
import { FakeIommu, granted } from "./fake-iommu.js";

export const IOVA = 0x5123n;
export const PA = 0x9_0123n;

export function rig(options: Partial<DeviceTlbOptions> = {}): { iommu: FakeIommu; tlb: DeviceTlb } {
  const iommu = new FakeIommu();
  iommu.complete = ({ iova }) => granted("rw", (iova & ~0xfffn) + 0x8_b000n);
  return { iommu, tlb: new DeviceTlb(iommu, { stream: 8, ...options }) };
}

export const all: AtcInvalidation = { stream: 8, global: false, iova: 0n, sizeLg2: 64 };
export const page = (iova: bigint, more: Partial<AtcInvalidation> = {}): AtcInvalidation => ({
  ...all,
  iova,
  sizeLg2: 12,
  ...more,
});
