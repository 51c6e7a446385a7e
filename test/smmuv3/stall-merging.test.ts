// Merging of event records (IHI 0070 7.3.1): off by default; never with Stall = 1, never where STE.MEV = 0; and the
// statistics of events.

import { describe, expect, it } from "vitest";
import { hex } from "./machine.js";
import { CD, CR0, ON, StallWorld, translationFault } from "./stall-world.js";

/** STE.MEV, bit 83. */
const MEV = 1n << 19n;

/** Streams 8 and 9 terminate faults and have MEV = 1; stream 10 has MEV = 0. */
function merging(options: ConstructorParameters<typeof StallWorld>[0] = {}): StallWorld {
  const world = new StallWorld({ mergeEvents: true, ...options });
  for (const stream of [8, 9, 10]) {
    world.configure(stream, CD.A | CD.R);
    world.writeSte(stream, undefined, stream === 10 ? 0n : MEV);
  }
  return world;
}

describe("mergeEvents", () => {
  it("off: every fault has a record", () => {
    const world = merging({ mergeEvents: false });
    for (let n = 0; n < 3; n++) world.read(8, 5);
    expect(world.produced).toBe(3);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 3, eventsMerged: 0, eventsLost: 0 });
  });

  it("the same fault again shares the record; InputAddr[11:0] does not matter (7.3.13)", () => {
    const world = merging();
    const first = world.read(8, 5);
    expect([first.fault!.recorded, hex(first.event!)]).toEqual([true, translationFault(8, 5, undefined)]);
    const second = world.smmu.translate({ stream: 8, iova: 0x5fffn });
    expect([second.status, second.fault!.recorded, second.event]).toEqual(["aborted", true, undefined]);
    expect(world.produced).toBe(1);
    expect(world.event(0)).toBe(translationFault(8, 5, undefined));
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 1, eventsMerged: 1, faulted: 2 });
  });

  it("another stream, page, access, privilege or SubstreamID is another event", () => {
    const world = merging();
    const { smmu } = world;
    // S1CDMax = 1; without a SubstreamID CD 0 (S1DSS = 0b10).
    world.writeSte(8, 0x4000_1200n | 0xbn | (1n << 59n), MEV | 2n);
    world.configure(9, CD.A | CD.R);
    smmu.translate({ stream: 8, iova: 0x5000n });
    smmu.translate({ stream: 8, iova: 0x6000n });
    smmu.translate({ stream: 9, iova: 0x6000n });
    smmu.translate({ stream: 9, iova: 0x6000n, write: true });
    smmu.translate({ stream: 9, iova: 0x6000n, privileged: true });
    smmu.translate({ stream: 9, iova: 0x6000n, execute: true });
    smmu.translate({ stream: 8, pasid: 1, iova: 0x6000n });
    expect(world.produced).toBe(7);
  });

  it("only with the record before it: alternating faults are all recorded", () => {
    const world = merging();
    for (const page of [1, 2, 1, 2]) world.read(8, page);
    expect(world.produced).toBe(4);
  });

  it("never where STE.MEV = 0, which also ends a run of merged ones", () => {
    const world = merging();
    for (const stream of [10, 10, 8, 8, 10, 8]) world.read(stream, 1);
    expect(world.produced).toBe(5);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 5, eventsMerged: 1 });
  });

  it("not across the record of a stall", () => {
    const world = merging();
    for (const stream of [8, 11, 8]) world.read(stream, 1);
    expect(world.held).toHaveLength(1);
    expect(world.produced).toBe(3);
  });

  it("never a stall", () => {
    const world = merging();
    world.configure(8, CD.S);
    world.read(8, 1);
    world.read(8, 1);
    expect(world.held).toHaveLength(2);
    expect(world.produced).toBe(2);
  });

  it("events from before an STE is known may always be merged: C_BAD_STREAMID, C_BAD_STE, F_STE_FETCH", () => {
    const world = merging();
    const { smmu } = world;
    smmu.write32(CR0, 4);
    smmu.write32(0x2c, 2);
    smmu.write32(CR0, ON);
    for (let n = 0; n < 2; n++) smmu.translate({ stream: 99, iova: 0n });
    expect([world.produced, world.event(0).slice(0, 16)]).toEqual([1, "0200000063000000"]);
    world.writeSte(8, 0n, 0n);
    for (let n = 0; n < 2; n++) smmu.translate({ stream: 8, iova: BigInt(n) << 12n });
    expect([world.produced, world.event(1).slice(0, 16)]).toEqual([2, "0400000008000000"]);
    smmu.write32(CR0, 4);
    smmu.write64(0x80, 0x9000_0000n);
    smmu.write32(CR0, ON);
    world.issue("0400000000000000 1f00000000000000");
    for (let n = 0; n < 2; n++) smmu.translate({ stream: 8, iova: 0n });
    expect([world.produced, world.event(2).slice(0, 16)]).toEqual([3, "0300000008000000"]);
  });

  it("STE.MEV counts for configuration errors after the STE", () => {
    const world = merging();
    for (const stream of [8, 8, 10, 10]) {
      world.configure(stream, CD.base);
      world.smmu.memory.writeU64(0x4000_1000n + BigInt(64 * stream), 0n);
      world.smmu.translate({ stream, iova: 0n });
    }
    // C_BAD_CD: one of stream 8, two of stream 10.
    expect([0, 1, 2].map((n) => world.event(n).slice(0, 16))).toEqual([
      "0a00000008000000",
      "0a0000000a000000",
      "0a0000000a000000",
    ]);
    expect(world.produced).toBe(3);
  });

  it("not into a record that software has read", () => {
    const world = merging();
    world.read(8, 1);
    world.consume(1);
    world.read(8, 1);
    expect(world.produced).toBe(2);
    world.read(8, 1);
    expect(world.produced).toBe(2);
  });

  it("into a record of a full queue: no overflow, nothing is lost", () => {
    const world = merging({ sizeLg2: 0 });
    world.read(8, 1);
    world.read(8, 1);
    expect(world.produced).toBe(1);
    world.read(8, 2);
    expect(world.produced).toBe(0x8000_0001);
    world.read(8, 2);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 1, eventsMerged: 1, eventsLost: 2 });
  });

  it("not while the queue is off", () => {
    const world = merging();
    world.read(8, 1);
    world.smmu.write32(CR0, 1);
    expect(world.read(8, 1).fault!.recorded).toBe(false);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 1, eventsMerged: 0, eventsLost: 1 });
  });

  it("with an eventSink: events of one run", () => {
    const records: string[] = [];
    const world = merging({ eventSink: (record) => records.push(hex(record)) });
    const { batch } = world.smmu;
    batch.stream.fill(8, 0, 3);
    batch.iova.set([0x1123n, 0x1fffn, 0x1000n]);
    world.smmu.run(3);
    expect(records).toEqual([translationFault(8, 1, undefined)]);
    world.smmu.run(3);
    expect(records).toHaveLength(2);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 2, eventsMerged: 4 });
    world.smmu.resetCounters();
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 0, eventsMerged: 0, eventsLost: 0 });
  });
});
