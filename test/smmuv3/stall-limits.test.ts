// Stalled transactions that cannot be recorded: no STAG, no room in the Event queue, no memory there.

import { describe, expect, it } from "vitest";
import { SmmuV3 } from "../../src/index.js";
import { hex } from "./machine.js";
import {
  CD,
  CR0,
  EVENTQ_BASE,
  GERROR,
  GERRORN,
  ON,
  OVERFLOW,
  StallWorld,
  translationFault,
} from "./stall-world.js";

describe("STALL_MAX (IHI 0070 6.3.6)", () => {
  it("is how many are recorded at once: the next one waits, and is recorded when an STAG is free", () => {
    const world = new StallWorld({ stallMax: 2 });
    world.read(8, 1);
    world.read(8, 2);
    const third = world.read(8, 3);
    expect(third).toMatchObject({ status: "stalled", transaction: 3 });
    expect([third.stag, third.event, third.fault!.recorded]).toEqual([undefined, undefined, false]);
    world.read(8, 4);
    expect(world.produced).toBe(2);
    expect(world.held).toEqual([
      [1, 0],
      [2, 1],
      [3, undefined],
      [4, undefined],
    ]);
    world.resume(8, 1, "abort");
    expect(world.event(2)).toBe(translationFault(8, 3, 1));
    expect(world.produced).toBe(3);
    world.resume(8, 0, "abort");
    expect(world.event(3)).toBe(translationFault(8, 4, 0));
    expect(world.take().map(([transaction]) => transaction)).toEqual([2, 1]);
  });

  it("what waits is retried, so it may succeed and need no record (3.12.2)", () => {
    const world = new StallWorld({ stallMax: 1 });
    for (const page of [1, 2, 3]) world.read(8, page);
    world.map(8, 2, 0x4800_0000n);
    world.map(8, 3, 0x4900_0000n);
    world.resume(8, 0, "abort");
    expect(world.outcomes.map(({ status, stag, pa }) => [status, stag, pa])).toEqual([
      ["aborted", 0, 0n],
      ["translated", undefined, 0x4800_0123n],
      ["translated", undefined, 0x4900_0123n],
    ]);
    expect(world.produced).toBe(1);
    expect(world.held).toEqual([]);
  });

  it("a retry into a new stall takes the place before those that wait", () => {
    const world = new StallWorld({ stallMax: 1 });
    world.read(8, 1);
    world.read(8, 2);
    world.resume(8, 0, "retry");
    expect(world.held).toEqual([
      [1, 0],
      [2, undefined],
    ]);
  });
});

describe("an Event queue that is not writable (IHI 0070 7.2.1, 7.4)", () => {
  it("full: the stall waits without an overflow, and is recorded when there is room", () => {
    const world = new StallWorld({ sizeLg2: 0 });
    world.read(8, 1);
    world.read(8, 2);
    world.read(8, 3);
    expect(world.produced).toBe(1);
    expect(world.held.map(([, stag]) => stag)).toEqual([0, undefined, undefined]);
    world.consume(1);
    expect(world.produced).toBe(0);
    expect(world.event(0)).toBe(translationFault(8, 2, 1));
    world.consume(0);
    expect(world.produced).toBe(1);
    expect(world.event(0)).toBe(translationFault(8, 3, 2));
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 3, eventsLost: 0, stalls: 3 });
    expect(world.irqs).toEqual(["eventq", "eventq", "eventq"]);
  });

  it("full: events of terminated transactions are lost, with an overflow; those of stalled ones are not", () => {
    const world = new StallWorld({ sizeLg2: 0 });
    world.configure(9, CD.A | CD.R);
    world.read(8, 1);
    world.read(9, 2);
    world.read(8, 3);
    expect(world.produced).toBe((OVERFLOW + 1) >>> 0);
    world.consume((OVERFLOW + 1) >>> 0);
    expect(world.event(0)).toBe(translationFault(8, 3, 1));
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 2, eventsLost: 1 });
  });

  it("off: the stall waits until EVENTQEN = 1 (7.4)", () => {
    const world = new StallWorld();
    world.smmu.write32(CR0, 1);
    world.read(8, 1);
    expect(world.held).toEqual([[1, undefined]]);
    world.smmu.write32(CR0, ON);
    expect(world.held).toEqual([[1, 0]]);
    expect(world.event(0)).toBe(translationFault(8, 1, 0));
  });

  it("in error: the stall waits for the acknowledgement, and for memory (7.2.2)", () => {
    const world = new StallWorld();
    const { smmu } = world;
    smmu.write32(CR0, 1);
    smmu.write64(EVENTQ_BASE, 0x9000_0004n);
    smmu.write32(CR0, ON);
    world.read(8, 1);
    expect([smmu.read32(GERROR), world.produced]).toEqual([4, 0]);
    expect(world.held).toEqual([[1, undefined]]);
    // Acknowledged, and nothing has changed: in error again.
    smmu.write32(GERRORN, 4);
    expect(smmu.read32(GERROR)).toBe(0);
    expect(world.held).toEqual([[1, undefined]]);
    smmu.write32(CR0, 1);
    smmu.write64(EVENTQ_BASE, 0x4001_0004n);
    smmu.write32(CR0, ON);
    expect(world.held).toEqual([[1, undefined]]);
    smmu.write32(GERRORN, 0);
    // Tags 0 and 1 went into the aborted writes.
    expect(world.held).toEqual([[1, 2]]);
    expect(world.event(0)).toBe(translationFault(8, 1, 2));
    expect(smmu.counters()).toMatchObject({ eventsRecorded: 1, eventsLost: 0 });
  });

  it("in error, and a handler acknowledges at once: no endless loop, the stall waits", () => {
    const world = new StallWorld();
    const { smmu } = world;
    world.onIrq = (irq) => {
      if (irq === "gerror") smmu.write32(GERRORN, smmu.read32(GERROR));
    };
    smmu.write32(CR0, 1);
    smmu.write64(EVENTQ_BASE, 0x9000_0004n);
    smmu.write32(CR0, ON);
    world.read(8, 1);
    world.read(8, 2);
    expect(world.held).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
    expect(world.irqs.length).toBeLessThan(10);
    smmu.write32(CR0, 1);
    smmu.write64(EVENTQ_BASE, 0x4001_0004n);
    smmu.write32(CR0, ON);
    expect(world.held.map(([, stag]) => typeof stag)).toEqual(["number", "number"]);
  });

  it("a stall whose configuration changed meanwhile is retried, not recorded as it was (4.7.3)", () => {
    const world = new StallWorld({ sizeLg2: 0 });
    world.read(8, 1);
    world.read(9, 2);
    world.configure(9, CD.A | CD.R);
    world.issue("46000000000000000000000000000000");
    world.consume(1);
    expect(world.event(0)).toBe(translationFault(9, 2, undefined));
    expect(world.take()).toEqual([[2, "aborted"]]);
  });

  it("CMD_RESUME does not reach a transaction that has no STAG yet", () => {
    const world = new StallWorld({ sizeLg2: 0 });
    world.read(8, 1);
    world.read(8, 2);
    for (let stag = 1; stag < 8; stag++) world.resume(8, stag, "abort");
    expect(world.held).toEqual([
      [1, 0],
      [2, undefined],
    ]);
  });
});

describe("eventSink", () => {
  it("takes records of stalls, too; only STAGs are scarce", () => {
    const records: string[] = [];
    const world = new StallWorld({ stallMax: 2, eventSink: (record) => records.push(hex(record)) });
    world.smmu.write32(CR0, 1);
    for (const page of [1, 2, 3]) world.read(8, page);
    expect(records).toEqual([translationFault(8, 1, 0), translationFault(8, 2, 1)]);
    world.resume(8, 0, "abort");
    expect(records[2]).toBe(translationFault(8, 3, 0));
  });
});

describe("maxStalled", () => {
  it("one more is aborted, with a record that says so (3.12)", () => {
    const world = new StallWorld({ stallMax: 1, maxStalled: 2 });
    world.configure(8, CD.S);
    const { batch } = world.smmu;
    batch.stream.fill(8, 0, 3);
    batch.iova.set([0x1000n, 0x2000n, 0x3123n]);
    world.smmu.run(3);
    expect([...batch.status.subarray(0, 3)]).toEqual([4, 4, 0x90]);
    expect(world.event(1)).toBe(translationFault(8, 3, undefined));
    const refused = world.read(8, 4);
    expect(refused).toMatchObject({ status: "aborted", fault: { recorded: true } });
    expect([refused.transaction, refused.fault!.transaction]).toEqual([undefined, undefined]);
    // Those that are held go on: a retry that stalls again keeps its place.
    world.resume(8, 0, "retry");
    expect(world.held).toHaveLength(2);
    expect(world.smmu.counters()).toMatchObject({ stalls: 2, stallsRefused: 2 });
    world.resume(8, 0, "abort");
    expect(world.read(8, 5).status).toBe("stalled");
  });

  it("expects an integer in 1..2^20", () => {
    expect(() => new SmmuV3({ maxStalled: 0 })).toThrow(/"maxStalled" expected 1\.\.1048576, got 0/);
    expect(() => new SmmuV3({ maxStalled: 2 ** 20 + 1 })).toThrow(RangeError);
    expect(() => new SmmuV3({ maxStalled: 1.5 })).toThrow(/"maxStalled" expected an integer, got 1.5/);
  });
});
