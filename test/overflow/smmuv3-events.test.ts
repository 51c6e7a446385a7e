// Ten times more faults than the Event queue of an SMMUv3 holds (IHI 0070 7.2.1, 7.4, 3.12.2): what is lost is counted and
// flagged once, what is stalled is kept and told later, and afterwards everything works as before. Counts by hand.

import { describe, expect, it } from "vitest";
import { CD, CR0, GERROR, ON, OVERFLOW, StallWorld, translationFault } from "../smmuv3/stall-world.js";

/** 8 entries; pointers have one bit more. */
const QUEUE = { sizeLg2: 3 };
const ENTRIES = 8;
const TIMES = 10;
const MAPPED = 0x4800_0000n;

/** STAG of entry `index`, or undefined for a record without Stall. */
function stagOf(world: StallWorld, index: number): number | undefined {
  const record = Buffer.from(world.event(index), "hex");
  return (record[11]! & 0x80) === 0 ? undefined : record.readUInt16LE(8);
}

/** The page that entry `index` is about. */
const pageOf = (world: StallWorld, index: number): number =>
  Number(Buffer.from(world.event(index), "hex").readBigUInt64LE(16) >> 12n);

/** Entry numbers from `from` up to PROD. */
function unread(world: StallWorld, from: number): number[] {
  const list: number[] = [];
  for (let at = from; at !== (world.produced & 15); at = (at + 1) & 15) list.push(at);
  return list;
}

describe("80 terminated faults at an Event queue of 8", () => {
  function flooded(): StallWorld {
    const world = new StallWorld(QUEUE);
    world.configure(8, CD.A | CD.R);
    const { batch } = world.smmu;
    for (let n = 0; n < ENTRIES * TIMES; n++) {
      batch.stream[n] = 8;
      batch.iova[n] = BigInt(n * 0x1000 + 0x123);
    }
    expect(world.smmu.run(ENTRIES * TIMES)).toBe(80);
    return world;
  }

  it("records 8, loses 72, toggles OVFLG once, and answers all 80", () => {
    const world = flooded();
    const status = [...world.smmu.batch.status.subarray(0, 80)];
    expect(status.every((code) => code === 0x90)).toBe(true);
    expect(world.produced).toBe((OVERFLOW + 8) >>> 0);
    for (let n = 0; n < ENTRIES; n++) expect(world.event(n)).toBe(translationFault(8, n, undefined));
    expect(world.smmu.counters()).toMatchObject({
      eventsRecorded: 8,
      eventsLost: 72,
      stalls: 0,
      faulted: 80,
    });
    expect(world.smmu.faults().filter(({ recorded }) => recorded)).toHaveLength(8);
    expect([world.irqs, world.smmu.read32(GERROR)]).toEqual([["eventq"], 0]);
  });

  it("goes on behind them when software has read them, acknowledged or not (7.4)", () => {
    const world = flooded();
    // RD moves and OVACKFLG does not: records are written, and what is lost again is invisible.
    world.consume(8);
    world.read(8, 100);
    expect([world.produced, world.event(0)]).toEqual([
      (OVERFLOW + 9) >>> 0,
      translationFault(8, 100, undefined),
    ]);
    for (let n = 0; n < 80; n++) world.read(8, n);
    expect(world.produced).toBe(OVERFLOW >>> 0);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 16, eventsLost: 72 + 73 });
    // Acknowledged, and again full: the flag toggles back with the next loss, once.
    world.consume((OVERFLOW + 8) >>> 0);
    for (let n = 0; n < 5; n++) world.read(8, n);
    expect(world.produced).toBe(0);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 16, eventsLost: 150 });
    world.consume(0);
    world.map(8, 3, MAPPED);
    expect(world.read(8, 3)).toMatchObject({ status: "translated", pa: MAPPED + 0x123n });
    world.read(8, 4);
    expect([world.produced, world.event(0)]).toEqual([1, translationFault(8, 4, undefined)]);
  });

  it("while the queue is off loses all, and no flag toggles (7.4)", () => {
    const world = new StallWorld(QUEUE);
    world.configure(8, CD.A | CD.R);
    world.smmu.write32(CR0, 1);
    for (let n = 0; n < 80; n++) expect(world.read(8, n).status).toBe("aborted");
    expect([world.produced, world.irqs]).toEqual([0, []]);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 0, eventsLost: 80 });
    world.smmu.write32(CR0, ON);
    world.read(8, 5);
    expect([world.produced, world.event(0)]).toEqual([1, translationFault(8, 5, undefined)]);
  });
});

describe("80 stalled transactions at an Event queue of 8", () => {
  it("are all kept: 8 told, 72 later, no overflow; each is resumed once, in order of age", () => {
    const world = new StallWorld({ ...QUEUE, stallMax: 100 });
    for (let n = 0; n < 80; n++) expect(world.read(8, n).status).toBe("stalled");
    expect(world.produced).toBe(8);
    expect(world.held.filter(([, stag]) => stag !== undefined)).toHaveLength(8);
    const told: number[] = [];
    for (let round = 0; round < TIMES; round++) {
      const entries = unread(world, (round * 8) & 15);
      expect(entries).toHaveLength(8);
      told.push(...entries.map((at) => pageOf(world, at & 7)));
      world.consume(world.produced);
    }
    expect(told).toEqual(Array.from({ length: 80 }, (_, n) => n));
    expect(world.produced & OVERFLOW).toBe(0);
    expect(world.smmu.counters()).toMatchObject({ stalls: 80, eventsRecorded: 80, eventsLost: 0 });
    for (let n = 0; n < 80; n += 2) world.map(8, n, MAPPED);
    for (const [, stag] of world.held) world.resume(8, stag!, "retry");
    // The even ones succeed; the odd ones stall again, with a record each as far as there is room: 8 of 40.
    expect(world.take()).toEqual(Array.from({ length: 40 }, (_, n) => [2 * n + 1, "translated"]));
    expect(world.held).toHaveLength(40);
    expect(world.held.filter(([, stag]) => stag !== undefined)).toHaveLength(8);
    world.terminate(8);
    expect(world.take()).toEqual(Array.from({ length: 40 }, (_, n) => [2 * n + 2, "aborted"]));
    expect(world.held).toEqual([]);
  });

  it("with only two STAGs are told two at a time, and still each ends once", () => {
    const world = new StallWorld({ ...QUEUE, stallMax: 2 });
    for (let n = 0; n < 80; n++) world.read(8, n);
    expect(world.produced).toBe(2);
    let at = 0;
    const ended: number[] = [];
    for (let n = 0; n < 80; n++) {
      world.resume(8, stagOf(world, at & 7)!, n % 2 === 0 ? "abort" : "raz-wi");
      at = (at + 1) & 15;
      world.consume(at);
      ended.push(...world.take().map(([transaction]) => transaction));
    }
    expect(ended).toEqual(Array.from({ length: 80 }, (_, n) => n + 1));
    expect(world.held).toEqual([]);
    expect(world.smmu.counters()).toMatchObject({
      stalls: 80,
      stallsTerminated: 80,
      eventsRecorded: 80,
      eventsLost: 0,
    });
    expect(world.read(8, 1)).toMatchObject({ status: "stalled" });
  });

  it("that wait while the queue is off are told when it is on, 8 at a time", () => {
    const world = new StallWorld({ ...QUEUE, stallMax: 100 });
    world.smmu.write32(CR0, 1);
    for (let n = 0; n < 80; n++) world.read(8, n);
    expect([world.produced, world.irqs, world.held.length]).toEqual([0, [], 80]);
    world.smmu.write32(CR0, ON);
    expect([world.produced, world.irqs]).toEqual([8, ["eventq"]]);
    // SMMUEN = 0 ends them all.
    world.smmu.write32(CR0, 4);
    expect(world.take()).toEqual(Array.from({ length: 80 }, (_, n) => [n + 1, "aborted"]));
  });
});

describe("40 stalled and 40 terminated transactions by turns, at an Event queue of 8", () => {
  it("lose 36 records of the terminated and none of the stalled", () => {
    const world = new StallWorld({ ...QUEUE, stallMax: 16 });
    world.configure(9, CD.A | CD.R);
    for (let n = 0; n < 40; n++) {
      expect(world.read(8, n).status).toBe("stalled");
      expect(world.read(9, n).status).toBe("aborted");
    }
    // Four of each are in the queue.
    expect(world.produced).toBe((OVERFLOW + 8) >>> 0);
    expect(Array.from({ length: 8 }, (_, n) => stagOf(world, n) !== undefined)).toEqual(
      Array.from({ length: 8 }, (_, n) => n % 2 === 0),
    );
    expect(world.smmu.counters()).toMatchObject({ stalls: 40, eventsRecorded: 8, eventsLost: 36 });
    // Read and acknowledged: 8 more stalls, 12 tags in use; read: 4 more, all 16 tags in use; read: none.
    const fills: number[] = [];
    for (let round = 0; round < 3; round++) {
      const before = world.smmu.counters().eventsRecorded;
      world.consume(world.produced);
      fills.push(world.smmu.counters().eventsRecorded - before);
    }
    expect(fills).toEqual([8, 4, 0]);
    expect(world.held.filter(([, stag]) => stag !== undefined)).toHaveLength(16);
    // Software brings the pages in and retries what it knows; those that wait need no record any more.
    for (let n = 0; n < 40; n++) world.map(8, n, MAPPED);
    for (const [, stag] of world.held) if (stag !== undefined) world.resume(8, stag, "retry");
    expect(world.take().map(([, status]) => status)).toEqual(Array.from({ length: 40 }, () => "translated"));
    expect(world.held).toEqual([]);
    expect(world.smmu.counters()).toMatchObject({ eventsRecorded: 20, eventsLost: 36, stallsTerminated: 0 });
    // 20 records in all: PROD is 20 modulo 16.
    world.read(9, 77);
    expect(world.produced).toBe((OVERFLOW + 5) >>> 0);
    expect(world.event(4)).toBe(translationFault(9, 77, undefined));
  });
});
