// The way of a report from the fault recording registers to the listener.

import { describe, expect, it } from "vitest";
import { VtdDriver } from "../../src/vtd/driver/vtd-driver.js";
import { buildVtdFeatures, VTD_PRESETS } from "../../src/vtd/features.js";
import { bindingOf, boot } from "./guest.js";
import { endpoint, Rig, RW } from "./rig.js";

const FSTS = 0x34;

describe("the fault recording registers", () => {
  it.each([1, 2, 8, 256])(
    "%i of them never overflow while somebody listens: every fault of a batch is reported, in order, one report each",
    (faultRecords) => {
      const features = buildVtdFeatures({ faultRecords, iotlbOffset: 0x3f0 * 16 }, VTD_PRESETS.host);
      const rig = new Rig({ machine: { features } });
      const { machine } = rig.driver;
      const [device] = rig.probe(8);
      rig.driver.createDomain(true).attach(device!);
      const count = 4096;
      for (let round = 0; round < 2; round++) {
        machine.batch.stream.fill(8);
        for (let n = 0; n < count; n++) machine.batch.iova[n] = BigInt(n) << 12n;
        expect(machine.run(count)).toBe(count);
        expect(machine.faults().every(({ recorded }) => recorded)).toBe(true);
      }
      expect(rig.faults).toHaveLength(2 * count);
      expect(rig.faults.every(({ address }, n) => address === BigInt(n % count) << 12n)).toBe(true);
      expect(machine.read32(FSTS) & 0xff).toBe(0);
    },
  );

  it("have a free place when a report is handed over: a listener may cause faults itself", () => {
    const driver = new VtdDriver();
    const seen: bigint[] = [];
    driver.listen({
      fault({ address = 0n }) {
        seen.push(address);
        if (address < 400n << 12n) driver.machine.translate({ stream: 8, iova: address + 4096n });
      },
      pageRequest: () => false,
    });
    driver.probe(endpoint(8));
    driver.createDomain(false).attach(endpoint(8));
    driver.machine.translate({ stream: 8, iova: 0n });
    expect(seen).toEqual(Array.from({ length: 401 }, (_, n) => BigInt(n) << 12n));
  });

  it("are read without a listener, too; the last one who listens is told", () => {
    const driver = new VtdDriver();
    for (let n = 0; n < 1000; n++) driver.machine.translate({ stream: 1, iova: 0n });
    const seen: string[] = [];
    driver.listen({ fault: () => void seen.push("first"), pageRequest: () => false });
    driver.listen({ fault: () => void seen.push("second"), pageRequest: () => false });
    driver.machine.translate({ stream: 1, iova: 0n });
    expect(seen).toEqual(["second"]);
    expect(driver.machine.read32(FSTS) & 0xff).toBe(0);
  });

  it("go on after a listener that threw", () => {
    const driver = new VtdDriver();
    let calls = 0;
    driver.listen({
      fault() {
        if (++calls === 1) throw new Error("mine");
      },
      pageRequest: () => false,
    });
    expect(() => driver.machine.translate({ stream: 1, iova: 0n })).toThrow("mine");
    for (let n = 0; n < 300; n++) driver.machine.translate({ stream: 1, iova: 0n });
    expect(calls).toBe(301);
  });

  it("may be answered with a change of the domain from inside the report", () => {
    const rig = new Rig();
    const { driver } = rig;
    const { devices, domain, vm } = boot(rig, 8);
    const table = vm.table();
    domain.bindGpasid(devices[0]!, bindingOf(5, table));
    driver.listen({
      fault({ address = 0n }) {
        table.map(address, 0x20_0000n, 0x1000n);
        domain.map(address + 0x4000_0000n, 0x5000n, 0x1000n, RW);
        domain.unmap(0x2000n, 0x1000n);
      },
      pageRequest: () => false,
    });
    expect(rig.dma(8, 0x2000n)).toBe(0x8000_2000n);
    expect(rig.dma(8, 0x1000n, { pasid: 5 })).toBe("abort");
    driver.listen({ fault: () => {}, pageRequest: () => false });
    expect(rig.dma(8, 0x1000n, { pasid: 5 })).toBe(0x8020_0000n);
    expect(rig.dma(8, 0x4000_1000n)).toBe(0x5000n);
    expect(rig.dma(8, 0x2000n)).toBe("abort");
  });
});
