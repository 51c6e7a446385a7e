// The engine against the VT-d reference model: random worlds, random requests in batches of random sizes, random changes
// with sufficient invalidations, under several choices of caches. Answers, fault codes, whether a fault is recorded, and
// the flags that hardware sets in memory must be the same. NI_SEED=n reproduces, NI_WORLD=i runs one world, NI_RUNS=n
// runs n times as many.

import { describe, expect, it } from "vitest";
import type { CacheOptions, MachineOptions } from "../../../src/index.js";
import { SCALAR } from "../../core/scalar-build.js";
import { onlyWorld, runs, seed } from "../settings.js";
import { Histogram } from "./histogram.js";
import { Machine } from "./machine.js";
import { World } from "./world.js";
import { WorldRun } from "./world-run.js";

const WORLDS = 250 * runs;
const MOST_FAILURES = 5;

const CACHES: Record<string, CacheOptions & Pick<MachineOptions, "core">> = {
  default: {},
  "one entry": { iotlb: { entries: 1, ways: 1 }, configCache: { contexts: 1 } },
  minimum: {
    iotlb: { entries: 4, ways: 4 },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
  "general 96 x 3 lru": { iotlb: { entries: 96, ways: 3, policy: "lru" } },
  "scalar build": { core: SCALAR },
  "general 64 x 8 plru, no walk caches": {
    iotlb: { entries: 64, ways: 8, policy: "plru" },
    walkCaches: "off",
  },
  off: { iotlb: "off", walkCaches: "off", configCache: "off" },
};

/** Machines whose fault recording registers are compared, too. */
const LOGGING = ["default", "off"];

describe(`engine and VT-d reference model (seed ${seed})`, () => {
  it("agree on every request under every choice of caches", { timeout: 60_000 * (1 + runs) }, () => {
    const machines = Object.entries(CACHES).map(
      ([name, caches]) => new Machine(name, caches, LOGGING.includes(name)),
    );
    const histogram = new Histogram();
    const failures: string[] = [];
    const first = onlyWorld ?? 0;
    const last = onlyWorld ?? WORLDS - 1;
    for (let index = first; index <= last && failures.length < MOST_FAILURES; index++) {
      const failure = new WorldRun(new World(seed, index), machines, histogram).run();
      if (failure !== undefined) failures.push(failure);
    }
    if (process.env.NI_VERBOSE !== undefined) console.log(histogram.toString());
    expect(failures.join("\n\n")).toBe("");
    if (onlyWorld === undefined) expect(histogram.total).toBeGreaterThanOrEqual(200_000);
  });
});
