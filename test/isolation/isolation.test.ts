// What must hold of the host face whatever guests do: no DMA reaches a physical page that MAP_DMA or SET_MSI_BINDING did
// not grant to its container, none reads or writes beyond the right granted, and nothing but granted memory is written.
// Guests write tables, context descriptors and garbage; hosts map, unmap, bind and move devices meanwhile.
// NI_SEED=n reproduces, NI_WORLD=i runs one world, NI_RUNS=n makes n times as many requests.

import { describe, expect, it } from "vitest";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/index.js";
import { SCALAR } from "../core/scalar-build.js";
import { onlyWorld, runs, seed } from "../property/settings.js";
import { Scenario, type ScenarioOptions } from "./scenario.js";

const REQUESTS = 20_000 * runs;

const host = buildFeatures({ streamIdBits: 12 }, SMMUV3_PRESETS.host);
const updating = buildFeatures({ accessFlagUpdate: true, dirtyStateUpdate: true }, host);
const wide = buildFeatures(
  { outputBits: 52, virtualBits: 52, ds: true, smallTables: true, terminateAborts: false },
  updating,
);

const ONE_ENTRY = {
  iotlb: { entries: 1, ways: 1 },
  walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
  configCache: { contexts: 1 },
} as const;
const OFF = { iotlb: "off", walkCaches: "off", configCache: "off" } as const;

const WORLDS: Record<string, ScenarioOptions> = {
  "default caches": { features: host, caches: {} },
  "caches of one entry": { features: host, caches: ONE_ENTRY },
  "no caches": { features: host, caches: OFF },
  "hardware updates": { features: updating, caches: {}, updates: true },
  "hardware updates, 52-bit fields, caches of one entry": {
    features: wide,
    caches: ONE_ENTRY,
    updates: true,
    wide: true,
  },
  'the profile "linux-v10", no pin function, without SIMD': {
    features: host,
    caches: { core: SCALAR },
    profile: "linux-v10",
    pins: false,
  },
};

describe(`isolation (seed ${seed})`, () => {
  for (const [world, [name, options]] of Object.entries(WORLDS).entries()) {
    it.skipIf(onlyWorld !== undefined && onlyWorld !== world)(
      `no DMA goes beyond what was granted: ${name} (world ${world})`,
      { timeout: 60_000 * (1 + runs) },
      () => {
        const scenario = new Scenario(seed, world, options);
        const violation = scenario.run(REQUESTS);
        const { tally } = scenario;
        console.log(`isolation, seed ${seed}, world ${world}: ${JSON.stringify(tally)}`);
        expect(violation, `NI_SEED=${seed} NI_WORLD=${world}`).toBeUndefined();
        // Enough of everything has happened.
        expect(tally.requests).toBeGreaterThanOrEqual(REQUESTS);
        expect(tally.nested).toBeGreaterThan(REQUESTS / 40);
        expect(tally.direct).toBeGreaterThan(REQUESTS / 100);
        expect(tally.revoked).toBeGreaterThan(REQUESTS / 40);
        expect(tally.doorbell).toBeGreaterThan(REQUESTS / 2000);
        expect(tally.updates > REQUESTS / 1000).toBe(options.updates === true);
      },
    );
  }
});
