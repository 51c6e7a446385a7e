// What must hold of VT-d's host face whatever guests do: no DMA reaches a physical page that MAP_DMA did not grant to its
// container, none reads or writes beyond the right granted, and nothing but granted memory is written. Guests write
// first-stage tables and garbage; hosts map, unmap, bind PASIDs and move devices meanwhile.
// NI_SEED=n reproduces, NI_WORLD=i runs one world, NI_RUNS=n makes n times as many requests.

import { describe, expect, it } from "vitest";
import { VTD_PRESETS } from "../../src/index.js";
import { SCALAR } from "../core/scalar-build.js";
import { onlyWorld, runs, seed } from "../property/settings.js";
import { VtdScenario, type VtdScenarioOptions } from "./vtd-scenario.js";

const REQUESTS = 26_000 * runs;

const ONE_ENTRY = {
  iotlb: { entries: 1, ways: 1 },
  walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
  configCache: { contexts: 1 },
} as const;
const OFF = { iotlb: "off", walkCaches: "off", configCache: "off" } as const;

const WORLDS: Record<string, VtdScenarioOptions> = {
  "default caches": { features: VTD_PRESETS.host, caches: {} },
  "caches of one entry, without SIMD": {
    features: VTD_PRESETS.host,
    caches: { ...ONE_ENTRY, core: SCALAR },
  },
  "no caches": { features: VTD_PRESETS.host, caches: OFF },
  "all features, first stages of five levels": {
    features: VTD_PRESETS.full,
    caches: {},
    fiveLevel: true,
  },
};

describe(`isolation on VT-d (seed ${seed})`, () => {
  for (const [world, [name, options]] of Object.entries(WORLDS).entries()) {
    it.skipIf(onlyWorld !== undefined && onlyWorld !== world)(
      `no DMA goes beyond what was granted: ${name} (world ${world})`,
      { timeout: 60_000 * (1 + runs) },
      () => {
        const scenario = new VtdScenario(seed, world, options);
        const violation = scenario.run(REQUESTS);
        const { tally } = scenario;
        console.log(`isolation on VT-d, seed ${seed}, world ${world}: ${JSON.stringify(tally)}`);
        expect(violation, `NI_SEED=${seed} NI_WORLD=${world}`).toBeUndefined();
        expect(tally.requests).toBeGreaterThanOrEqual(REQUESTS);
        // Otherwise it proves little.
        for (const kind of ["nested", "direct", "revoked", "unbound", "updates"] as const) {
          expect(tally[kind], kind).toBeGreaterThan(REQUESTS / 100);
        }
      },
    );
  }
});
