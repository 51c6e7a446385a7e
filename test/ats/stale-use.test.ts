// A device with ATS never uses a translation after its invalidation has completed: TLBI, SYNC, ATC_INV, SYNC (IHI 0070
// 3.9.1, 4.5.1). And the test can tell: without ATC_INV, or with it first, it finds a stale use.

import { describe, expect, it } from "vitest";
import type { AtcPolicy } from "../../src/index.js";
import { Random } from "../property/random.js";
import { RIGS } from "./rigs.js";
import { type Order, StaleUse } from "./stale-use.js";

const SEED = 20_261_122;
const STEPS = 4000;

const GEOMETRIES: readonly { entries: number; ways: number; policy: AtcPolicy; pageSizes?: number[] }[] = [
  { entries: 64, ways: 4, policy: "lru" },
  { entries: 12, ways: 3, policy: "fifo" },
  { entries: 8, ways: 8, policy: "lru", pageSizes: [12, 16] },
];

describe.each(Object.entries(RIGS))("%s", (_, { make, wrong }) => {
  const play = (order: Order, geometry: (typeof GEOMETRIES)[number], seed: number, steps: number) => {
    const run = new StaleUse(make(geometry), new Random(seed), order);
    return { stale: run.run(steps), run };
  };

  it.each(GEOMETRIES)("no stale use in random order, $entries entries in $ways ways, $policy", (geometry) => {
    const { stale, run } = play("right", geometry, SEED, STEPS);
    expect(stale, `seed ${SEED}`).toBeUndefined();
    // Something was at stake.
    expect(run.hits).toBeGreaterThan(run.accesses / 40);
  });

  it.each(wrong)("a stale use is found with %s invalidation", (order) => {
    const { stale } = play(order, GEOMETRIES[0]!, SEED, STEPS);
    expect(stale, `seed ${SEED}`).toMatch(/^step \d+: /);
  });
});
