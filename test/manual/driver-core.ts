// The public API as a driver: registers over MMIO (offsets of IHI 0070 6.2), memory over PhysicalMemory, commands one
// by one, and one translation a step.
import { type CacheOptions, SmmuV3 } from "../../src/index.js";
import { cmd } from "./assemble.js";
import { type Driver, fromHex, type Outcome } from "./run.js";

const OFFSETS: Readonly<Record<string, readonly [offset: number, bits: 32 | 64]>> = {
  CR0: [0x20, 32],
  CR1: [0x28, 32],
  CR2: [0x2c, 32],
  GBPA: [0x44, 32],
  STRTAB_BASE: [0x80, 64],
  STRTAB_BASE_CFG: [0x88, 32],
};
/** A write to GBPA counts only with Update = 1 (6.3.14). */
const GBPA_UPDATE = 1n << 31n;

export function coreDriver(name: string, cacheOptions: CacheOptions, caches: Driver["caches"]): Driver {
  // Records go to the sink, so that no queue fills up; each translation carries its own.
  const smmu = new SmmuV3({ ...cacheOptions, eventSink: () => {} });
  return {
    name,
    caches,
    reset: (idr, ram) =>
      smmu.reset({ features: { idr0: idr.IDR0, idr1: idr.IDR1, idr3: idr.IDR3, idr5: idr.IDR5 }, ram }),
    write: (pa, bytes) => smmu.memory.write(pa, bytes),
    read: (pa, length) => smmu.memory.read(pa, length),
    reg: (register, value, preset) => {
      const [offset, bits] = OFFSETS[register]!;
      const written = register === "GBPA" && preset ? value | GBPA_UPDATE : value;
      if (bits === 64) smmu.write64(offset, written);
      else smmu.write32(offset, Number(written));
    },
    command: (bytes) => smmu.issue(bytes),
    access: ({ sid, ssid, iova, write, exec, priv }): Outcome => {
      const answer = smmu.translate({
        stream: sid,
        pasid: ssid,
        iova,
        write,
        execute: exec,
        privileged: priv,
      });
      if (answer.status === "translated") return { kind: "translated", pa: answer.pa, leaf: answer.leafLg2 };
      if (answer.status === "bypassed") return { kind: "bypassed", pa: answer.pa };
      if (answer.status === "stalled") {
        // Abort it, so that its tag is free again; which tag it was is the machine's own business.
        smmu.issue(fromHex(cmd({ Opcode: 0x44, StreamID: sid, Ab: 1, STAG: answer.stag ?? 0xffff })));
        answer.event?.fill(0, 8, 10);
        return { kind: "stalled", event: answer.event };
      }
      return { kind: answer.status === "raz-wi" ? "razwi" : "abort", event: answer.event };
    },
  };
}
