// The way of a report from the SMMU's queue to the listener.

import { describe, expect, it } from "vitest";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import { Rig, RW } from "./rig.js";

const EVENTQ_PROD = 0x100a8;
const EVENTQ_CONS = 0x100ac;

describe("the Event queue", () => {
  it("is never full while somebody listens: every fault of a batch is reported, in order, one report each", () => {
    const rig = new Rig();
    const { machine } = rig.driver;
    const [device] = rig.probe(8);
    rig.driver.createDomain(true).attach(device!);
    const count = 4096;
    for (let round = 0; round < 2; round++) {
      machine.batch.stream.fill(8);
      for (let n = 0; n < count; n++) machine.batch.iova[n] = BigInt(n) << 12n;
      expect(machine.run(count)).toBe(count);
    }
    expect(rig.faults).toHaveLength(2 * count);
    expect(rig.faults.every(({ address }, n) => address === BigInt(n % count) << 12n)).toBe(true);
    expect(machine.read32(EVENTQ_CONS)).toBe(machine.read32(EVENTQ_PROD));
    expect(machine.read32(EVENTQ_PROD) >>> 31).toBe(0);
  });

  it("has a free place when its report is handed over: a listener may cause faults itself", () => {
    const driver = new SmmuV3Driver();
    const seen: bigint[] = [];
    driver.listen({
      fault({ address = 0n }) {
        seen.push(address);
        if (address < 400n) driver.machine.translate({ stream: 8, iova: address + 1n });
      },
      pageRequest: () => false,
    });
    const device = { name: "dev", stream: 8, pasidBits: 0, ats: false, pri: false };
    driver.probe(device);
    driver.createDomain(false).attach(device);
    driver.machine.translate({ stream: 8, iova: 0n });
    expect(seen).toEqual(Array.from({ length: 401 }, (_, n) => BigInt(n)));
  });

  it("is read without a listener, too; the last one who listens is told", () => {
    const rig = new Rig();
    const { machine } = rig.driver;
    const driver = new SmmuV3Driver();
    for (let n = 0; n < 1000; n++) driver.machine.translate({ stream: 1, iova: 0n });
    const seen: string[] = [];
    driver.listen({ fault: () => void seen.push("first"), pageRequest: () => false });
    driver.listen({ fault: () => void seen.push("second"), pageRequest: () => false });
    driver.machine.translate({ stream: 1, iova: 0n });
    expect(seen).toEqual(["second"]);
    expect(machine.read32(EVENTQ_CONS)).toBe(0);
  });

  it("goes on after a listener that threw", () => {
    const driver = new SmmuV3Driver();
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
    const driver = new SmmuV3Driver();
    const device = { name: "dev", stream: 8, pasidBits: 0, ats: false, pri: false };
    driver.probe(device);
    const domain = driver.createDomain(true);
    domain.attach(device);
    driver.listen({
      fault({ address = 0n }) {
        domain.map(address, 0x5000n, 0x1000n, RW);
        domain.unmap(0x2000n, 0x1000n);
      },
      pageRequest: () => false,
    });
    domain.map(0x2000n, 0x7000n, 0x1000n, RW);
    const dma = (iova: bigint) => driver.machine.translate({ stream: 8, iova });
    expect(dma(0x2000n).pa).toBe(0x7000n);
    expect(dma(0x1000n).ok).toBe(false);
    expect(dma(0x1000n).pa).toBe(0x5000n);
    driver.listen({ fault: () => {}, pageRequest: () => false });
    expect(dma(0x2000n).ok).toBe(false);
  });
});

describe("a global error", () => {
  it("of the Event queue is acknowledged, so that later events are recorded (7.2.2)", () => {
    const rig = new Rig({ machine: { ram: [[0x8000_0000n, 0x1000n]] } });
    const { machine } = rig.driver;
    const base = machine.read64(0xa0);
    const cr0 = machine.read32(0x20);
    const move = (to: bigint) => {
      machine.write32(0x20, cr0 & ~4);
      machine.write64(0xa0, to);
      machine.write32(0x20, cr0);
    };
    move(0x1_0000_0007n);
    machine.translate({ stream: 1, iova: 0n });
    expect(machine.read32(0x60) & 4).toBe(4);
    expect(machine.read32(0x64)).toBe(machine.read32(0x60));
    expect(rig.faults).toEqual([]);
    move(base);
    machine.translate({ stream: 1, iova: 0n });
    expect(rig.faults).toHaveLength(1);
  });
});
