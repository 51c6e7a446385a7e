// What happens inside callbacks of the embedding program: what they do takes effect at once, and what they throw loses
// nothing. Each test is a bug that was found.

import { describe, expect, it } from "vitest";
import { SmmuV3 } from "../../src/index.js";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import { endpoint, Rig, RW } from "./rig.js";

describe("a callback", () => {
  it("that unmaps while an endpoint is being answered sees the unmap done when it returns", () => {
    const seen: (bigint | string)[] = [];
    const rig = new Rig({
      machine: {
        onPageResponse: () => {
          seen.push(rig.dma(8, 0x1000n));
          domain.unmap(0x1000n, 0x1000n);
          seen.push(rig.dma(8, 0x1000n));
        },
      },
    });
    const device = endpoint(8, { pri: true });
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.map(0x1000n, 0x8000_0000n, 0x1000n, RW);
    rig.driver.machine.requestPage({ stream: 8, group: 1, address: 0x1000n, read: true, last: true });
    rig.driver.respond({ stream: 8, group: 1, code: "success" });
    expect(seen).toEqual([0x8000_0000n, "fault"]);
  });

  it("of the driver's listener that throws keeps no other report from arriving", () => {
    const driver = new SmmuV3Driver();
    const device = endpoint(8);
    driver.probe(device);
    driver.createDomain(true).attach(device);
    const addresses: (bigint | undefined)[] = [];
    driver.listen({
      fault({ address }) {
        addresses.push(address);
        throw new Error(`at ${address}`);
      },
      pageRequest: () => false,
    });
    const { batch } = driver.machine;
    for (let n = 0; n < 5; ++n) {
      batch.stream[n] = 8;
      batch.iova[n] = BigInt(n) * 0x1000n;
    }
    expect(() => driver.machine.run(5)).toThrow("at 0");
    expect(addresses).toEqual([0n, 0x1000n, 0x2000n, 0x3000n, 0x4000n]);
  });

  it("that throws at one page response keeps no later command from being carried out (IHI 0070 4.1)", () => {
    const groups: number[] = [];
    const rig = new Rig({
      machine: {
        onPageResponse: ({ group }) => {
          groups.push(group);
          if (group === 1) throw new Error("endpoint");
        },
      },
    });
    const { machine, memory } = rig.driver;
    // Three CMD_PRI_RESP (0x41): stream 8, groups 1 to 3, success, then their PROD.
    const base = machine.read64(0x90) & 0x00ff_ffff_ffff_ffe0n;
    const lg2 = Number(machine.read64(0x90) & 0x1fn);
    const first = machine.read32(0x98);
    for (let n = 0; n < 3; ++n) {
      const at = base + BigInt(((first + n) % 2 ** lg2) * 16);
      memory.writeU64(at, 0x41n | (8n << 32n));
      memory.writeU64(at + 8n, BigInt(n + 1) | (2n << 12n));
    }
    expect(() => machine.write32(0x98, first + 3)).toThrow("endpoint");
    expect(groups).toEqual([1, 2, 3]);
    expect(machine.read32(0x9c)).toBe(first + 3);
  });

  it("of the SMMU's interrupt that throws keeps no event of the batch from the queue (IHI 0070 7.2)", () => {
    const smmu = new SmmuV3({
      onIrq: () => {
        throw new Error("no handler");
      },
    });
    // Event queue of 16 at 0x10000, its interrupt, RECINVSID, SMMUEN and EVENTQEN; no stream table: every stream is bad.
    smmu.write64(0xa0, 0x1_0004n);
    smmu.write32(0x50, 0x4);
    smmu.write32(0x2c, 0x2);
    smmu.write32(0x20, 0x5);
    for (let n = 0; n < 3; ++n) smmu.batch.stream[n] = n + 1;
    expect(() => smmu.run(3)).toThrow("no handler");
    expect(smmu.read32(0x100a8)).toBe(3);
    expect(smmu.faults().map(({ stream }) => stream)).toEqual([1, 2, 3]);
  });
});
