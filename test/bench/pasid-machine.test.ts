// The PASID tables of the growth runs, for few and many PASIDs: addresses by the layout alone.
import { SmmuV3 } from "nested-iommu";
import { expect, it } from "vitest";
import { enableSmmuV3, writeImage } from "../../bench/machines.js";
import { PASID_STREAM, writePasidTables } from "../../bench/pasid-machine.js";
import { DATA_IOVA, expectedPa, makeImage, storageIn } from "../../bench/space.js";

it.each([
  [1, 600], // one PASID is still a PASID: S1CDMax 1 (IHI 0070 5.2)
  [16, 3],
])("maps %i PASIDs x %i pages, and nothing behind them", (pasids, pages) => {
  const smmu = new SmmuV3();
  writeImage(
    smmu.memory,
    makeImage((memory) => writePasidTables(storageIn(memory), pasids, pages)),
  );
  enableSmmuV3(smmu);
  for (const pasid of [0, pasids - 1]) {
    const iova = DATA_IOVA + BigInt(pages * 4096 - 1);
    expect(smmu.translate({ stream: PASID_STREAM, pasid, iova })).toMatchObject({
      ok: true,
      pa: expectedPa(PASID_STREAM, iova, pasid),
    });
    expect(smmu.translate({ stream: PASID_STREAM, pasid, iova: iova + 1n }).ok).toBe(false);
  }
  expect(smmu.translate({ stream: PASID_STREAM, iova: DATA_IOVA }).ok).toBe(false);
});
