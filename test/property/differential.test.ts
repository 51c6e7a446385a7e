// The engine against the reference model: random worlds, random requests, random changes with sufficient
// invalidations, under several choices of caches. The answers, the event records and the hardware's updates of
// descriptors must be the same. NI_SEED=n reproduces, NI_RUNS=n multiplies the worlds, NI_WORLD=i runs one world.

import { describe, expect, it } from "vitest";
import type { CacheOptions } from "../../src/index.js";
import { change } from "./change.js";
import { Histogram } from "./histogram.js";
import { Machine } from "./machine.js";
import { runs, seed } from "./settings.js";
import { World } from "./world.js";

const WORLDS = 250 * runs;
const ROUNDS = 6;
const REQUESTS = 140;

const CACHES: Record<string, CacheOptions> = {
  default: {},
  "one entry": { iotlb: { entries: 1, ways: 1 }, configCache: { contexts: 1 } },
  minimum: {
    iotlb: { entries: 4, ways: 4 },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
  "general 96 x 3 lru": { iotlb: { entries: 96, ways: 3, policy: "lru" } },
  off: { iotlb: "off", walkCaches: "off", configCache: "off" },
};

/** The first descriptor in which a machine's memory differs in more than a run's lagging flags. */
function memoryDifference(world: World, machine: Machine): string | undefined {
  // Access flag and dirty state of a contiguous run's members may lag: a TLB entry covers the run (D8.7.1).
  const LAG = (1n << 10n) | (1n << 7n);
  for (const page of world.reference.memory.writtenPages()) {
    for (let offset = 0n; offset < 4096n; offset += 8n) {
      const pa = page + offset;
      const expected = world.image.read(pa);
      const actual = machine.smmu.memory.readU64(pa);
      const differs = expected ^ actual;
      if (differs === 0n) continue;
      if ((expected & (1n << 52n)) !== 0n && (differs & ~LAG) === 0n) continue;
      return `${machine.name}: memory at 0x${pa.toString(16)} is 0x${actual.toString(16)}, expected 0x${expected.toString(16)}`;
    }
  }
  return undefined;
}

/** Runs one world on all machines; what happened up to the first disagreement, or undefined. */
function runWorld(world: World, machines: readonly Machine[], histogram: Histogram): string | undefined {
  const history: string[] = [];
  const report = (difference: string): string =>
    [`NI_SEED=${world.seed} NI_WORLD=${world.index}`, ...history, difference].join("\n");
  const first = world.image.drain();
  for (const machine of machines) {
    machine.begin(world);
    machine.write(first);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const requests = Array.from({ length: REQUESTS }, () => world.request());
    const outcomes = requests.map((request) => world.reference.access(request));
    for (const outcome of outcomes) histogram.add(outcome);
    for (const machine of machines) {
      const difference = machine.compare(requests, outcomes);
      if (difference !== undefined) return report(`round ${round}, ${difference}`);
    }
    const changes = Array.from({ length: world.random.between(1, 3) }, () => change(world));
    history.push(`round ${round}: ${changes.map(({ what }) => what).join("; ")}`);
    const journal = world.image.drain();
    for (const machine of machines) {
      machine.write(journal);
      for (const { commands } of changes) machine.issue(commands);
    }
  }
  for (const machine of machines) {
    const difference = memoryDifference(world, machine);
    if (difference !== undefined) return report(difference);
  }
  return undefined;
}

describe(`engine and reference model (seed ${seed})`, () => {
  it("agree on every request, under every choice of caches", () => {
    const machines = Object.entries(CACHES).map(([name, caches]) => new Machine(name, caches));
    const histogram = new Histogram();
    const only = process.env.NI_WORLD === undefined ? undefined : Number(process.env.NI_WORLD);
    const failures: string[] = [];
    for (let index = only ?? 0; index < (only === undefined ? WORLDS : only + 1); index++) {
      const failure = runWorld(new World(seed, index), machines, histogram);
      if (failure !== undefined) failures.push(failure);
      if (failures.length >= 5) break;
    }
    if (process.env.NI_VERBOSE !== undefined) console.log(histogram.toString());
    expect(failures.join("\n\n")).toBe("");
    if (only === undefined) expect(histogram.total).toBeGreaterThanOrEqual(200_000);
  }, 600_000);
});
