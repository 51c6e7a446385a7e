// Random scripts on SMMUv3s of all kinds against the models: mapping, unmapping, invalidation right and wrong, DMA, stalls
// and resumes, page requests and responses, full queues, queues switched off, moved and out of memory. NI_SEED=n
// reproduces, NI_RUNS=n runs n times as many; a failing script is made short and printed.

import { describe, expect, it } from "vitest";
import { Random } from "../../property/random.js";
import { runs, seed } from "../../property/settings.js";
import { report } from "../script.js";
import { type Operation, script } from "./operations.js";
import { play, type Tally } from "./run.js";
import type { WorldOptions } from "./unit.js";

const WORLDS = 12 * runs;
const LENGTH = 1800;

function world(index: number): { options: WorldOptions; operations: Operation[] } {
  const random = new Random(seed, 7000 + index);
  const options: WorldOptions = {
    caches: random.pick(["default", "default", "tiny", "tiny", "off"]),
    stallMax: random.between(1, 6),
    maxStalled: random.pick([4, 12, 65536]),
    abortOnly: random.chance(0.25),
    substreams: !random.chance(0.2),
  };
  return { options, operations: script(random, LENGTH) };
}

describe(`SMMUv3 against the models (seed ${seed})`, () => {
  it("answers every transaction and every page request group once, and as the models say", {
    timeout: 120_000 * runs,
  }, () => {
    const sum: Record<string, number> = {};
    for (let index = 0; index < WORLDS; index++) {
      const { options, operations } = world(index);
      const result = play(options, operations);
      if ("text" in result) {
        const again = (part: readonly Operation[]) => {
          const found = play(options, part);
          return "text" in found ? found : undefined;
        };
        expect.fail(`NI_SEED=${seed}, world ${index}\n${report(options, again, operations, result)}`);
      }
      for (const [name, value] of Object.entries(result satisfies Tally))
        sum[name] = (sum[name] ?? 0) + value;
    }
    if (process.env.NI_TALLY) console.log(sum);
    expect(sum.operations).toBeGreaterThanOrEqual(20_000);
    // Each kind of end is met often, or the test would prove nothing.
    expect(sum.stalls).toBeGreaterThan(1_000);
    expect(sum.eventsLost).toBeGreaterThan(200);
    expect(sum.pageOverflows).toBeGreaterThan(200);
    expect(sum.responses).toBeGreaterThan(500);
    expect(sum.stale).toBeGreaterThan(60);
  });
});
