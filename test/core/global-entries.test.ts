// Global entries answer through tags of their own, to which the contexts that meet them point.

import { describe, expect, it } from "vitest";
import { Rig, tlbiAll, tlbiEverything, tlbiVaa } from "./rig.js";

const PAGE = 0x1000n;

describe("global pages whose space holds nothing else", () => {
  for (const [name, invalidation] of [
    ["TLBI_NH_ALL", tlbiAll()],
    ["TLBI_NSNH_ALL", tlbiEverything()],
    ["TLBI_NH_VAA", tlbiVaa(0n)],
  ] as const) {
    it(`are gone after ${name}, without walk caches too (IHI 0070 4.4)`, () => {
      const rig = new Rig({ walkCaches: "off" });
      const { table } = rig.stage1(0, 1);
      table.map(0n, 0x7000_0000n, PAGE, { global: true });
      const read = rig.smmu.bind({ stream: 0 });
      // The first fills, the others are answered by the entry.
      for (let n = 0; n < 3; ++n) expect(read(0x10 + n)).toBe(0x7000_0010 + n);
      table.unmap(0n, PAGE);
      table.map(0n, 0x8000_0000n, PAGE, { global: true });
      rig.smmu.issue(invalidation);
      expect(read(0x10)).toBe(0x8000_0010);
      rig.run([[0, 0x20n]]);
      expect(rig.answers(1)).toEqual(["0x80000020"]);
    });
  }
});
