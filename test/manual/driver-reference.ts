// The reference model of the tests as a driver. It has no caches and no commands.
import { isRefused } from "../reference/outcome.js";
import { ReferenceSmmu } from "../reference/smmu.js";
import type { Driver, Outcome } from "./run.js";

export function referenceDriver(): Driver {
  let smmu: ReferenceSmmu;
  return {
    name: "reference model",
    caches: "none",
    reset: ({ IDR0, IDR1, IDR3, IDR5 }, ram) => {
      const idr = { idr0: BigInt(IDR0), idr1: BigInt(IDR1), idr3: BigInt(IDR3), idr5: BigInt(IDR5) };
      smmu = new ReferenceSmmu({ idr, ram });
    },
    write: (pa, bytes) => {
      smmu.memory.write(pa, bytes);
    },
    read: (pa, length) => smmu.memory.read(pa, length)!,
    reg: (name, value, preset) => (preset ? smmu.presetRegister(name, value) : smmu.setRegister(name, value)),
    command: () => undefined,
    access: ({ sid, ssid, iova, write, exec, priv }): Outcome => {
      const answer = smmu.access({ sid, ssid, iova, write, exec, priv });
      if (isRefused(answer)) {
        return { kind: answer.kind === "raz-wi" ? "razwi" : answer.kind, event: answer.event };
      }
      if (answer.kind === "bypassed") return { kind: "bypassed", pa: answer.pa };
      return { kind: "translated", pa: answer.pa, leaf: answer.leafLg2 };
    },
  };
}
