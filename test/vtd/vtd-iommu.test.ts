// The unit as an object: batches, counters, reset, external memory, independence of units.

import { describe, expect, it } from "vitest";
import { VTD_PRESETS, VtdIommu } from "../../src/index.js";
import { FIRST_STAGE, FS, PASS_THROUGH, REG, Rig, SECOND_STAGE, SID, SS, TE } from "./rig.js";

const PASID_GIVEN = 0x8000_0000;

function rigWithPage(options = {}): Rig {
  const rig = new Rig(options);
  rig.structures();
  const first = rig.table();
  rig.map({ root: first, input: 0x5000n, output: 0x77000n, flags: FS });
  rig.pasid(1, FIRST_STAGE, 1, { first });
  rig.pasid(2, PASS_THROUGH, 2);
  rig.enable();
  return rig;
}

describe("VtdIommu", () => {
  it("translates a batch in order, columns in and out, faults beside", () => {
    const rig = rigWithPage({ batchCapacity: 8 });
    const { batch } = rig.vtd;
    const requests = [
      [1, 0x5123n, 0],
      [2, 0x9999n, 1],
      [1, 0x6000n, 1],
      [9, 0x5000n, 0],
    ] as const;
    for (const [n, [pasid, iova, access]] of requests.entries()) {
      batch.stream[n] = SID;
      batch.pasid[n] = PASID_GIVEN + pasid;
      batch.iova[n] = iova;
      batch.access[n] = access;
    }
    expect(rig.vtd.run(4)).toBe(2);
    expect([...batch.status.subarray(0, 4)]).toEqual([0, 1, 0x80 | 0x71, 0x80 | 0x59]);
    expect([...batch.pa.subarray(0, 4)]).toEqual([0x77123n, 0x9999n, 0n, 0n]);
    expect(rig.vtd.faults()).toMatchObject([
      { index: 2, name: "FS_NOT_PRESENT", pasid: 1, iova: 0x6000n, write: true, recorded: true },
      { index: 3, name: "PASID_NOT_PRESENT", pasid: 9, write: false, recorded: true },
    ]);
    expect(rig.vtd.counters()).toMatchObject({
      requests: 4,
      translated: 1,
      bypassed: 1,
      faulted: 2,
      faults: { FS_NOT_PRESENT: 1, PASID_NOT_PRESENT: 1 },
    });
  });

  it("has codes from 0x80 on as 0x40 and their low six bits in the status column", () => {
    const rig = rigWithPage();
    const { batch } = rig.vtd;
    batch.stream[0] = SID;
    batch.pasid[0] = PASID_GIVEN + 1;
    batch.iova[0] = 1n << 60n;
    rig.vtd.run(1);
    expect(batch.status[0]).toBe(0x40);
    expect(rig.vtd.faults()).toMatchObject([{ reason: 0x80, name: "NOT_CANONICAL" }]);
  });

  it("refuses a count outside the batch", () => {
    const vtd = new VtdIommu({ batchCapacity: 8 });
    expect(() => vtd.run(9)).toThrow(RangeError);
    expect(() => vtd.run(-1)).toThrow(RangeError);
  });

  it.each([
    [{ iova: 1 }, TypeError],
    [{ iova: -1n }, RangeError],
    [{ stream: -1 }, RangeError],
    [{ pasid: 2 ** 20 }, RangeError],
  ])("refuses a malformed request: case %#", (changes, error) => {
    const request = { stream: 8, iova: 0n, ...changes };
    expect(() => new VtdIommu().translate(request as never)).toThrow(error);
  });

  it("forgets registers, caches, memory and counters at a reset, and takes new features and RAM", () => {
    const rig = rigWithPage();
    const { vtd } = rig;
    vtd.translate({ stream: SID, pasid: 1, iova: 0x6000n });
    vtd.requestPage({ stream: SID, pasid: 1, group: 1, address: 0n, last: true, read: true });
    vtd.reset({ features: VTD_PRESETS.qemuLegacy, ram: [[0n, 0x10000n]] });
    expect(vtd.features).toEqual(VTD_PRESETS.qemuLegacy);
    expect([vtd.read32(REG.GSTS), vtd.read32(REG.FSTS), vtd.read64(REG.RTADDR)]).toEqual([0, 0, 0n]);
    expect(vtd.faults()).toEqual([]);
    expect(vtd.counters()).toMatchObject({ requests: 0, pageRequests: 0, faulted: 0 });
    expect(vtd.memory.isRam(0x10000n)).toBe(false);
    expect(vtd.translate({ stream: SID, iova: 0x6000n }).status).toBe("bypassed");
    expect(() => vtd.reset({ features: { cap: 0n, ecap: 0n, hostWidth: 48 } })).toThrow(RangeError);
    expect(vtd.features).toEqual(VTD_PRESETS.qemuLegacy);
  });

  it("keeps units apart", () => {
    const one = rigWithPage();
    const other = new VtdIommu();
    other.write32(REG.GCMD, TE);
    expect(one.vtd.translate({ stream: SID, pasid: 1, iova: 0x5000n }).pa).toBe(0x77000n);
    expect(other.translate({ stream: SID, iova: 0x5000n }).fault?.name).toBe("LEGACY_ROOT_NOT_PRESENT");
  });

  it("walks tables, and finds the target of a page request, in an embedder's memory", () => {
    const bytes = new Uint8Array(0x20_0000);
    const filled: bigint[] = [];
    const rig = new Rig({
      ram: [[0x4000_0000n, 0x10000n]],
      external: [
        {
          base: 0n,
          size: 0x20_0000n,
          fill: (pa: bigint, into: Uint8Array) => {
            filled.push(pa);
            into.set(bytes.subarray(Number(pa), Number(pa) + into.length));
          },
          store: (pa: bigint, from: Uint8Array) => bytes.set(from, Number(pa)),
        },
      ],
    });
    rig.structures();
    const second = rig.table();
    rig.map({ root: second, input: 0x5000n, output: 0x77000n, flags: SS });
    rig.pasid(1, SECOND_STAGE, 1, { second });
    rig.vtd.write64(REG.PQA, 0x4000_0000n);
    rig.enable();
    expect(
      rig.vtd.requestPage({ stream: SID, pasid: 1, group: 1, address: 0x5000n, last: true, read: true }),
    ).toBe("queued");
    expect(rig.vtd.translate({ stream: SID, pasid: 1, iova: 0x5008n }).pa).toBe(0x77008n);
    expect(filled.length).toBeGreaterThan(0);
  });
});
