// What an entry of the IOTLB and a context cost: the growth of the arena between two sizes, everything that comes with them
// counted (hashes, spaces, decoded STEs, replacement state).

import { describe, expect, it } from "vitest";
import { layOut } from "../../src/core/layout.js";
import { type MachineOptions, planArena } from "../../src/machine/options.js";

const bytes = (options: MachineOptions): number => layOut(planArena(options)).end;

describe("the arena", () => {
  it("takes at most 17 bytes an IOTLB entry", () => {
    const size = (entries: number): number => bytes({ iotlb: { entries, ways: 4 } });
    expect((size(2 ** 20) - size(2 ** 19)) / 2 ** 19).toBeLessThanOrEqual(17);
  });

  it("takes at most 192 bytes a context", () => {
    const size = (contexts: number): number => bytes({ configCache: { contexts } });
    for (const [few, many] of [
      [2 ** 10, 2 ** 16],
      [2 ** 15, 2 ** 16],
      [10_000, 50_000],
    ] as const) {
      expect((size(many) - size(few)) / (many - few)).toBeLessThanOrEqual(192);
    }
  });
});
