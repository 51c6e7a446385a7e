// The VT-d reference model of the tests as a driver. It has no caches, so descriptors have nothing to do.
import { ReferenceVtd } from "../../reference/vtd/iommu.js";
import type { Driver, Outcome } from "./run.js";

export function referenceDriver(): Driver {
  let vtd: ReferenceVtd;
  return {
    name: "reference model",
    caches: "none",
    reset: ({ cap, ecap, hostWidth }, ram, rtaddr) => {
      vtd = new ReferenceVtd({ cap, ecap, version: 0x10, haw: hostWidth, ram });
      vtd.presetRegister("RTADDR", rtaddr);
      vtd.presetRegister("GSTS", 0xc000_0000n);
    },
    write: (pa, bytes) => {
      vtd.memory.write(pa, bytes);
    },
    read: (pa, length) => vtd.memory.read(pa, length)!,
    invalidate: () => undefined,
    access: ({ sid, pasid, iova, write, exec, priv }) => {
      const answer = vtd.access({ sid, pasid, iova, write, exec, priv });
      const paging = answer.fetches.filter(({ what }) => what === "FS" || what === "SS");
      let outcome: Outcome;
      if (answer.kind === "blocked")
        outcome = { kind: "blocked", reason: answer.reason, record: answer.record };
      else if (answer.kind === "translated") {
        outcome = { kind: "translated", pa: answer.pa, leaf: answer.leafLg2 };
      } else outcome = { kind: "bypassed", pa: answer.pa };
      return { outcome, fetches: paging.length, hit: false };
    },
  };
}
