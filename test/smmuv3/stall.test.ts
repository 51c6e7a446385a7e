// Stalled transactions: their records and answers, CMD_RESUME and CMD_STALL_TERM.

import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "../../src/index.js";
import { bytes, hex } from "./machine.js";
import { CD, CR0, ON, StallWorld, translationFault } from "./stall-world.js";

describe("a transaction that stalls (IHI 0070 3.12.2, 5.5)", () => {
  it("is held without an answer, and recorded with Stall = 1 and its STAG", () => {
    const world = new StallWorld();
    const first = world.read(8, 5);
    expect(first).toMatchObject({ ok: false, status: "stalled", pa: 0n, transaction: 1, stag: 0 });
    expect(first.fault).toMatchObject({ name: "F_TRANSLATION", recorded: true, transaction: 1, stag: 0 });
    expect(hex(first.event!)).toBe("1000000008000000000000800802000023510000000000000000000000000000");
    expect(world.read(8, 6)).toMatchObject({ transaction: 2, stag: 1 });
    expect([world.event(0), world.event(1)]).toEqual([translationFault(8, 5, 0), translationFault(8, 6, 1)]);
    expect(world.smmu.stalled()).toEqual([
      { transaction: 1, stag: 0, stream: 8, iova: 0x5123n, write: false, execute: false, privileged: false },
      { transaction: 2, stag: 1, stream: 8, iova: 0x6123n, write: false, execute: false, privileged: false },
    ]);
    expect(world.outcomes).toEqual([]);
    expect(world.smmu.counters()).toMatchObject({ stalls: 2, eventsRecorded: 2, faulted: 2, translated: 0 });
  });

  it("is recorded although CD.R = 0: R is ignored (5.5 ARS = 0bx01)", () => {
    const world = new StallWorld();
    world.configure(8, CD.S);
    expect(world.read(8, 5).event).toEqual(bytes(translationFault(8, 5, 0)));
  });

  it("has status 4 in a batch, and its fault names it", () => {
    const world = new StallWorld();
    world.map(1, 7, 0x4800_0000n);
    world.configure(2, CD.R | CD.A);
    const { batch } = world.smmu;
    batch.stream.set([1, 1, 2, 1]);
    batch.iova.set([0x7000n, 0x8000n, 0x8000n, 0x9000n]);
    expect(world.smmu.run(4)).toBe(3);
    expect([...batch.status.subarray(0, 4)]).toEqual([0, 4, 0x90, 4]);
    expect([...batch.pa.subarray(0, 4)]).toEqual([0x4800_0000n, 0n, 0n, 0n]);
    expect(world.smmu.faults().map(({ index, transaction, stag }) => [index, transaction, stag])).toEqual([
      [1, 1, 0],
      [2, undefined, undefined],
      [3, 2, 1],
    ]);
  });

  it("keeps its SubstreamID, and the access that it asked for, for the retry", () => {
    const world = new StallWorld();
    // S1CDMax = 1: SubstreamID 1 has the CD of stream 9. PRIVCFG = 0b11, INSTCFG = 0b10: privileged data.
    const cds = 0x4000_1200n | 0xbn | (1n << 59n);
    world.writeSte(8, cds, 0xbn << 48n);
    const answer = world.smmu.translate({ stream: 8, pasid: 1, iova: 0x5000n, execute: true });
    expect(answer.fault).toMatchObject({ pasid: 1, execute: false, privileged: true });
    const asked = { transaction: 1, stream: 8, pasid: 1, iova: 0x5000n, execute: true, privileged: false };
    expect(world.smmu.stalled()).toEqual([{ ...asked, stag: 0, write: false }]);
    world.writeSte(8, cds, 0n);
    world.resume(8, 0, "retry");
    // SSV and SubstreamID 1; InD = 1, PnU = 0: byte 12 is RnW 0x08 | InD 0x04.
    expect(world.event(1)).toBe(`1018000008000000010000800c02000000500000000000000000000000000000`);
    world.map(9, 5, 0x4800_0000n);
    world.resume(8, 1, "retry");
    expect(world.outcomes).toEqual([
      { transaction: 1, stag: 1, stream: 8, pasid: 1, iova: 0x5000n, status: "translated", pa: 0x4800_0000n },
    ]);
  });

  it("is decoded and encoded with its STAG (7.3.13)", () => {
    const record = "10000000080000003412008008020000235100000000000000000000000000 00".replace(" ", "");
    const event = decodeEvent(bytes(record));
    expect(event).toMatchObject({ name: "F_TRANSLATION", stag: 0x1234 });
    const rest = { write: false, execute: false, privileged: false, stage2: false, tableWrite: false };
    const full = { ...rest, iova: 0n, class: "IN", ipa: 0n, fetchAddress: 0n, ...event } as const;
    expect(hex(encodeEvent(full))).toBe(record);
    expect(decodeEvent(bytes(translationFault(8, 5, undefined))).stag).toBeUndefined();
  });
});

describe("CMD_RESUME (IHI 0070 4.7.1)", () => {
  it("retries: the answer is that of a transaction that arrives now", () => {
    const world = new StallWorld();
    world.read(8, 5);
    world.map(8, 5, 0x4800_0000n);
    world.resume(8, 0, "retry");
    expect(world.outcomes).toEqual([
      { transaction: 1, stag: 0, stream: 8, iova: 0x5123n, status: "translated", pa: 0x4800_0123n },
    ]);
    expect(world.held).toEqual([]);
    expect(world.produced).toBe(1);
    expect(world.smmu.counters()).toMatchObject({ stalls: 1, stallRetries: 1, stallsTerminated: 0 });
  });

  it("retries into a new stall: the same transaction, a new record, another STAG", () => {
    const world = new StallWorld();
    world.read(8, 5);
    world.resume(8, 0, "retry");
    expect(world.held).toEqual([[1, 1]]);
    expect(world.event(1)).toBe(translationFault(8, 5, 1));
    expect(world.outcomes).toEqual([]);
    world.resume(8, 0, "abort");
    expect(world.held).toEqual([[1, 1]]);
    world.resume(8, 1, "abort");
    expect(world.take()).toEqual([[1, "aborted"]]);
    expect(world.smmu.counters()).toMatchObject({ stalls: 1, stallRetries: 1, stallsTerminated: 1 });
  });

  it("retries under a configuration that terminates: aborted or RAZ/WI, with its record (3.12.2)", () => {
    for (const [ars, status] of [
      [CD.A | CD.R, "aborted"],
      [CD.R, "raz-wi"],
    ] as const) {
      const world = new StallWorld();
      world.read(8, 5);
      world.configure(8, ars);
      world.resume(8, 0, "retry");
      expect(world.take()).toEqual([[1, status]]);
      expect(world.event(1)).toBe(translationFault(8, 5, undefined));
    }
  });

  it("retries a transaction into bypass and into an abort without an event", () => {
    const world = new StallWorld();
    world.read(8, 5);
    world.read(8, 6);
    world.writeSte(8, 9n, 0n);
    world.resume(8, 0, "retry");
    world.writeSte(8, 1n, 0n);
    world.resume(8, 1, "retry");
    expect(world.outcomes.map(({ status, pa }) => [status, pa])).toEqual([
      ["bypassed", 0x5123n],
      ["aborted", 0n],
    ]);
    expect(world.produced).toBe(2);
  });

  it("does not retry what it terminates, whatever the tables say now", () => {
    const world = new StallWorld();
    world.read(8, 5);
    world.read(8, 6);
    world.map(8, 5, 0x4800_0000n);
    world.map(8, 6, 0x4800_0000n);
    world.resume(8, 0, "abort");
    world.resume(8, 1, "raz-wi");
    expect(world.take()).toEqual([
      [1, "aborted"],
      [2, "raz-wi"],
    ]);
    expect(world.produced).toBe(2);
    expect(world.smmu.counters()).toMatchObject({ requests: 2, stallsTerminated: 2 });
  });

  it("aborts with Ab = 0 where TERM_MODEL = 1", () => {
    const world = new StallWorld({ idr0: 1 << 26 });
    world.read(8, 5);
    world.resume(8, 0, "raz-wi");
    expect(world.take()).toEqual([[1, "aborted"]]);
  });

  it("ignores Ab with Ac = 1", () => {
    const world = new StallWorld();
    world.read(8, 5);
    world.issue("44300000 08000000 0000000000000000");
    expect(world.held).toEqual([[1, 1]]);
  });

  it("has no effect for another stream, a free STAG, an STAG beyond STALL_MAX, or a second time", () => {
    const world = new StallWorld();
    world.read(8, 5);
    world.read(9, 5);
    for (const [stream, stag] of [
      [9, 0],
      [8, 1],
      [8, 2],
      [8, 0xffff],
      [0x108, 0],
    ] as const) {
      for (const action of ["retry", "abort", "raz-wi"] as const) world.resume(stream, stag, action);
    }
    expect(world.held).toEqual([
      [1, 0],
      [2, 1],
    ]);
    world.resume(8, 0, "abort");
    world.resume(8, 0, "abort");
    expect(world.take()).toEqual([[1, "aborted"]]);
    expect(world.held).toEqual([[2, 1]]);
  });

  it("answers in any order, and each STAG comes back last of all (3.12.2)", () => {
    const world = new StallWorld();
    for (const page of [1, 2, 3, 4]) world.read(8, page);
    for (const stag of [2, 0, 3, 1]) world.resume(8, stag, "abort");
    expect(world.take().map(([transaction]) => transaction)).toEqual([3, 1, 4, 2]);
    expect([5, 6, 7, 8].map((page) => world.read(8, page).stag)).toEqual([2, 0, 3, 1]);
  });

  it("is carried out from the Command queue, too, after CONS has moved", () => {
    const world = new StallWorld();
    const { smmu } = world;
    world.read(8, 5);
    smmu.memory.write(0x4002_0000n, bytes("44200000080000000000000000000000"));
    smmu.write64(0x90, 0x4002_0001n);
    const seen: number[] = [];
    world.onResume = () => seen.push(smmu.read32(0x9c));
    smmu.write32(CR0, ON | 8);
    smmu.write32(0x98, 1);
    expect(world.take()).toEqual([[1, "aborted"]]);
    expect(seen).toEqual([1]);
  });
});

describe("CMD_STALL_TERM (IHI 0070 4.7.2)", () => {
  it("aborts all of the stream, recorded or not, and none of another", () => {
    const world = new StallWorld({ stallMax: 3 });
    for (const [stream, page] of [
      [8, 1],
      [9, 1],
      [8, 2],
      [8, 3],
      [9, 2],
    ] as const) {
      world.read(stream, page);
    }
    expect(world.held.map(([, stag]) => stag)).toEqual([0, 1, 2, undefined, undefined]);
    world.terminate(8);
    expect(world.take()).toEqual([
      [1, "aborted"],
      [3, "aborted"],
      [4, "aborted"],
    ]);
    // A tag is free: what waited on stream 9 is recorded.
    expect(world.held).toEqual([
      [2, 1],
      [5, 0],
    ]);
    expect(world.event(3)).toBe(translationFault(9, 2, 0));
    world.terminate(7);
    expect(world.held).toHaveLength(2);
  });

  it("lets no record follow, in the sequence that shuts a stream down (4.7.2.1)", () => {
    const world = new StallWorld({ sizeLg2: 0 });
    world.read(8, 1);
    world.read(8, 2);
    world.writeSte(8, 1n, 0n);
    world.issue("46000000000000000000000000000000");
    world.terminate(8);
    world.consume(world.produced);
    expect(world.produced).toBe(1);
    expect(world.take()).toHaveLength(2);
    expect(world.held).toEqual([]);
  });
});
