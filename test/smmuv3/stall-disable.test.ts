// Stalled transactions when translation is switched off, and at a reset.

import { describe, expect, it } from "vitest";
import { CR0, ON, StallWorld } from "./stall-world.js";

describe("SMMUEN = 0 (IHI 0070 6.3.9.6)", () => {
  it("aborts all, recorded or not, and returns their STAGs", () => {
    const world = new StallWorld({ stallMax: 2 });
    for (const stream of [8, 9, 8]) world.read(stream, stream);
    world.smmu.write32(CR0, 4);
    expect(world.take()).toEqual([
      [1, "aborted"],
      [2, "aborted"],
      [3, "aborted"],
    ]);
    expect(world.held).toEqual([]);
    expect(world.produced).toBe(2);
    world.resume(8, 0, "retry");
    world.terminate(9);
    world.smmu.write32(CR0, ON);
    expect([world.read(8, 1).stag, world.read(8, 1).stag]).toEqual([0, 1]);
    expect(world.outcomes).toEqual([]);
  });

  it("lets none that waits slip through as bypass", () => {
    const world = new StallWorld({ stallMax: 1 });
    for (const page of [1, 2, 3]) world.read(8, page);
    world.onResume = () => world.consume(world.produced);
    world.smmu.write32(CR0, 4);
    expect(world.take().map(([, status]) => status)).toEqual(["aborted", "aborted", "aborted"]);
  });

  it("writing CR0 with SMMUEN = 1 again changes nothing", () => {
    const world = new StallWorld();
    world.read(8, 1);
    world.smmu.write32(CR0, ON);
    world.smmu.write32(CR0, 1);
    expect(world.held).toEqual([[1, 0]]);
  });
});

describe("reset", () => {
  it("aborts all first; numbers of transactions are never used again, STAGs are", () => {
    const world = new StallWorld();
    world.read(8, 1);
    world.smmu.reset();
    expect(world.take()).toEqual([[1, "aborted"]]);
    expect(world.smmu.stalled()).toEqual([]);
    expect(world.smmu.counters()).toMatchObject({ stalls: 0, stallsTerminated: 0, eventsRecorded: 0 });
    world.start(4);
    expect(world.read(8, 1)).toMatchObject({ transaction: 2, stag: 0 });
  });
});
