// The public API as a driver: registers over MMIO (offsets of VT-d 11.4), memory over PhysicalMemory, descriptors one by
// one, and one translation a step.
import { type CacheOptions, VtdIommu } from "../../../src/index.js";
import type { Driver, Outcome } from "./run.js";

const GCMD = 0x18;
const RTADDR = 0x20;
const FSTS = 0x34;
/** Upper words of the recording registers, at CAP.FRO * 16. */
const RECORD_FLAGS = 12;
const FAULT = 0x8000_0000;
const SRTP = 0x4000_0000;
const TE = 0x8000_0000;

export function coreDriver(name: string, cacheOptions: CacheOptions, caches: Driver["caches"]): Driver {
  const iommu = new VtdIommu({ ...cacheOptions });
  let records = 0;
  let recordsAt = 0;
  /** So that each access finds room for its record. */
  const emptyLog = (): void => {
    for (let n = 0; n < records; n++) iommu.write32(recordsAt + 16 * n + RECORD_FLAGS, FAULT);
    iommu.write32(FSTS, 1);
  };
  return {
    name,
    caches,
    reset: (features, ram, rtaddr) => {
      iommu.reset({ features, ram });
      records = Number((features.cap >> 40n) & 0xffn) + 1;
      recordsAt = 16 * Number((features.cap >> 24n) & 0x3ffn);
      iommu.write64(RTADDR, rtaddr);
      iommu.write32(GCMD, SRTP);
      iommu.write32(GCMD, TE);
    },
    write: (pa, bytes) => iommu.memory.write(pa, bytes),
    read: (pa, length) => iommu.memory.read(pa, length),
    invalidate: (descriptor) => {
      const before = iommu.counters().invalidatedEntries;
      const code = iommu.issue(descriptor);
      if (code !== 0)
        throw new Error(`descriptor ${Buffer.from(descriptor).toString("hex")}: IQE code ${code}`);
      return iommu.counters().invalidatedEntries - before;
    },
    access: ({ sid, pasid, iova, write, exec, priv }) => {
      emptyLog();
      const answer = iommu.translate({ stream: sid, pasid, iova, write, execute: exec, privileged: priv });
      let outcome: Outcome;
      if (answer.fault !== undefined) {
        outcome = { kind: "blocked", reason: answer.fault.reason, record: answer.record };
      } else if (answer.status === "translated") {
        outcome = { kind: "translated", pa: answer.pa, leaf: answer.leafLg2 };
      } else outcome = { kind: "bypassed", pa: answer.pa };
      return { outcome, fetches: answer.fetches, hit: answer.source === "iotlb" };
    },
  };
}
