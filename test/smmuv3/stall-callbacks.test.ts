// Callbacks around stalled transactions that act, throw, or reset the machine.

import { describe, expect, it } from "vitest";
import { CR0, EVENTQ_CONS, EVENTQ_PROD, ON, StallWorld, translationFault } from "./stall-world.js";

describe("callbacks", () => {
  it("may answer from inside the interrupt: the outcome comes before `translate` returns", () => {
    const world = new StallWorld();
    const { smmu } = world;
    world.onIrq = () => {
      world.map(8, 5, 0x4800_0000n);
      world.consume(world.produced);
      world.resume(8, smmu.stalled()[0]!.stag!, "retry");
    };
    expect(world.read(8, 5)).toMatchObject({ status: "stalled", transaction: 1, stag: 0 });
    expect(world.outcomes).toMatchObject([{ transaction: 1, status: "translated", pa: 0x4800_0123n }]);
    expect(world.held).toEqual([]);
  });

  it("may stall and resume again and again without a stack", () => {
    const world = new StallWorld({ stallMax: 2 });
    let left = 5_000;
    world.onIrq = () => {
      world.consume(world.produced);
      world.resume(8, world.smmu.stalled()[0]!.stag!, left-- > 0 ? "retry" : "abort");
    };
    world.read(8, 5);
    expect(world.take()).toEqual([[1, "aborted"]]);
    expect(world.smmu.counters()).toMatchObject({ stalls: 1, stallRetries: 5_000, eventsRecorded: 5_001 });
  });

  it("may end a transaction before its record is written: then there is none", () => {
    const world = new StallWorld();
    const { batch } = world.smmu;
    world.onIrq = () => world.terminate(9);
    batch.stream.set([8, 9, 8]);
    batch.iova.set([0x1123n, 0x2123n, 0x3123n]);
    world.smmu.run(3);
    expect(world.take()).toEqual([[2, "aborted"]]);
    expect(world.held).toEqual([
      [1, 0],
      [3, 1],
    ]);
    expect([world.event(0), world.event(1), world.produced]).toEqual([
      translationFault(8, 1, 0),
      translationFault(8, 3, 1),
      2,
    ]);
  });

  it("that throw take nobody's outcome away", () => {
    const world = new StallWorld({ stallMax: 2 });
    for (const page of [1, 2, 3]) world.read(8, page);
    world.onResume = ({ transaction }) => {
      throw new Error(`outcome ${transaction}`);
    };
    expect(() => world.terminate(8)).toThrow("outcome 1");
    expect(world.take()).toHaveLength(3);
    world.read(8, 4);
    world.map(8, 4, 0x4800_0000n);
    expect(() => world.resume(8, 0, "retry")).toThrow("outcome 4");
    expect(world.take()).toEqual([[4, "translated"]]);
    world.read(8, 5);
    expect(() => world.smmu.write32(CR0, 0)).toThrow("outcome 5");
    expect(world.smmu.read32(0x24)).toBe(0);
    expect(world.held).toEqual([]);
    world.smmu.write32(CR0, ON);
    world.read(8, 6);
    expect(() => world.smmu.reset()).toThrow("outcome 6");
    expect(world.smmu.read32(0x24)).toBe(0);
  });

  it("interrupt handlers that throw leave the stall recorded", () => {
    const world = new StallWorld();
    world.onIrq = () => {
      throw new Error("irq");
    };
    expect(() => world.read(8, 1)).toThrow("irq");
    expect(world.held).toEqual([[1, 0]]);
    expect(world.smmu.faults()).toMatchObject([{ recorded: true, stag: 0 }]);
    world.onIrq = () => {};
    world.resume(8, 0, "abort");
    expect(world.take()).toEqual([[1, "aborted"]]);
  });

  it("a frame of the embedder's memory that cannot be had for a retry: the transaction waits", () => {
    let fails = false;
    const world = new StallWorld({
      external: [
        {
          base: 0x8000_0000n,
          size: 0x1_0000n,
          fill: () => {
            if (fails) throw new Error("fill");
          },
          store: () => {},
        },
      ],
    });
    world.read(8, 1);
    // The level 2 table of stream 8 moves to the embedder's memory.
    world.smmu.memory.writeU64(0x4018_0000n, 0x8000_0003n);
    world.issue("3000000000000000 0000000000000000");
    fails = true;
    expect(() => world.resume(8, 0, "retry")).toThrow("fill");
    expect(world.held).toEqual([[1, undefined]]);
    expect(world.outcomes).toEqual([]);
    fails = false;
    world.consume(world.produced);
    expect(world.held).toEqual([[1, 1]]);
  });

  it("a reset from inside an interrupt ends what the batch has stalled", () => {
    const world = new StallWorld();
    const { batch } = world.smmu;
    world.onIrq = () => world.smmu.reset();
    batch.stream.fill(8, 0, 3);
    world.smmu.run(3);
    expect(world.take()).toEqual([
      [1, "aborted"],
      [2, "aborted"],
      [3, "aborted"],
    ]);
    expect(world.smmu.stalled()).toEqual([]);
    expect([world.smmu.read32(EVENTQ_PROD), world.smmu.read32(EVENTQ_CONS)]).toEqual([0, 0]);
  });
});
