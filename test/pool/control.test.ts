// The control block of a unit and what is posted through it, on one thread: every step is the test's.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  CONTROL_BYTES,
  FLUSHES,
  INVALIDATIONS,
  type InvalidationName,
  MOST_RUNS,
  RING_RECORDS,
  readRecord,
  WRITTEN,
  writeRecord,
} from "../../src/core/shared-control.js";
import { Mailbox } from "../../src/core/shared-mailbox.js";
import { Batch } from "../../src/machine/batch.js";
import { tlbiEverything, tlbiVa } from "../core/rig.js";
import { answers, fill, type Request, Streams, steppedUnit } from "./rig.js";

const PAGES = 16;
const IOVA = 0x100_0000n;
const PA = 0x7000_0000n;
const requests = Array.from({ length: PAGES }, (_, i): Request => [1, IOVA + BigInt(i) * 0x1000n]);
const mapped = requests.map((_, i) => `0x${(PA + BigInt(i) * 0x1000n).toString(16)}`);
const faulting = requests.map(() => "status 0x90");

function rig() {
  const stepped = steppedUnit({ eventSink: () => undefined });
  const streams = new Streams(stepped.smmu);
  const table = streams.stage1(1, 7);
  table.map(IOVA, PA, BigInt(PAGES) * 0x1000n);
  const columns = { batch: new Batch(stepped.arena) };
  return {
    ...stepped,
    streams,
    table,
    /** Posts a run of the requests and lets the unit do it. */
    run: (): string[] => {
      fill(columns, requests);
      stepped.arena.mailbox.run(0, PAGES);
      expect(stepped.unit.turn()).toBeUndefined();
      stepped.arena.mailbox.completed();
      return answers(columns, PAGES);
    },
  };
}

describe("a record of the ring", () => {
  it.each(Object.entries(INVALIDATIONS) as [InvalidationName, string][])(
    "brings %s with its largest and smallest arguments",
    (name, kinds) => {
      const words = new Int32Array(CONTROL_BYTES / 4);
      const argument = { i: [-1, 0x7fff_ffff, 0], p: [0, 2 ** 52 - 1, 2 ** 51, 2 ** 32, 2 ** 31] };
      for (let n = 0; n < 4; n++) {
        const args = Array.from(kinds, (kind, k) => {
          const choices = argument[kind as "i" | "p"];
          return choices[(n + k) % choices.length]!;
        });
        writeRecord(words, RING_RECORDS - 2 + n, name, args);
        expect(readRecord(words, RING_RECORDS - 2 + n)).toEqual({ name, args });
      }
    },
  );

  it("exists for every export of the core that drops something; the others are local", () => {
    const local = [
      "init",
      "run",
      "runAts",
      "single",
      "single64",
      "hit",
      "hitHashed",
      "sourceSlot",
      "frameSlot",
      "faultCount",
      "missingAddress",
      "pageResponsePasid",
      "pageRequestTarget",
      "memoryTypeFacts",
      "takeDirtied",
      "saveState",
      "loadState",
      "traceCount",
      "traceField",
      "memory",
    ];
    const module = new WebAssembly.Module(
      readFileSync(new URL("../../build/shared.wasm", import.meta.url)) as Uint8Array<ArrayBuffer>,
    );
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    for (const name of Object.keys(INVALIDATIONS)) expect(exported).toContain(name);
    expect(exported.filter((name) => !(name in INVALIDATIONS) && !local.includes(name))).toEqual([]);
  });
});

describe("a mailbox", () => {
  it("asks for everything to be dropped once the ring is full, and loses no record before", () => {
    const words = new Int32Array(CONTROL_BYTES / 4);
    const mailbox = new Mailbox(words);
    const before = mailbox.bell;
    for (let n = 0; n < RING_RECORDS + 3; n++) mailbox.invalidate("forgetStreams", [n, n]);
    expect([words[WRITTEN], words[FLUSHES]]).toEqual([RING_RECORDS, 3]);
    expect(readRecord(words, RING_RECORDS - 1).args).toEqual([RING_RECORDS - 1, RING_RECORDS - 1]);
    expect(readRecord(words, 0).args).toEqual([0, 0]);
    expect(mailbox.isAnswered(before)).toBe(true);
    expect(mailbox.isAnswered(mailbox.bell)).toBe(false);
  });

  it("takes 16 runs at a time", () => {
    const mailbox = new Mailbox(new Int32Array(CONTROL_BYTES / 4));
    for (let n = 0; n < MOST_RUNS; n++) mailbox.run(n, n + 1);
    expect(() => mailbox.run(0, 1)).toThrow(RangeError);
    mailbox.completed();
    expect(() => mailbox.run(0, 1)).not.toThrow();
    mailbox.abandon();
    expect(mailbox.running).toBe(0);
  });
});

describe("a unit", () => {
  it("answers by the machine's registers and tables, and from its own cache", () => {
    const { run, smmu, arena } = rig();
    expect(run()).toEqual(mapped);
    expect(run()).toEqual(mapped);
    expect(arena.counter(0)).toBe(2 * PAGES);
    expect(smmu.counters()).toMatchObject({ requests: 2 * PAGES, iotlbMisses: PAGES, iotlbHits: PAGES });
  });

  it("keeps what it cached until it carries out the posted invalidation, which then counts as answered", () => {
    const { run, smmu, table, arena, unit, words } = rig();
    run();
    table.unmap(IOVA, BigInt(PAGES) * 0x1000n);
    // Nothing posted: the answers are the cached ones.
    expect(run()).toEqual(mapped);
    smmu.issue(tlbiEverything());
    const { bell } = arena.mailbox;
    expect(arena.mailbox.isAnswered(bell)).toBe(false);
    arena.mailbox.requestWord();
    expect(unit.turn()).toBe(bell);
    expect(arena.mailbox.isAnswered(bell)).toBe(true);
    expect(words.map(({ kind }) => kind)).toEqual(["done", "done", "answered"]);
    expect(run()).toEqual(faulting);
  });

  it("drops no more than one page for TLBI_NH_VA", () => {
    const { run, smmu, table } = rig();
    run();
    table.unmap(IOVA, BigInt(PAGES) * 0x1000n);
    smmu.issue(tlbiVa(7, IOVA + 0x3000n));
    expect(run()).toEqual(mapped.map((pa, i) => (i === 3 ? "status 0x90" : pa)));
  });

  it("drops everything when more was posted than the ring holds", () => {
    const { run, smmu, table, core } = rig();
    run();
    for (let n = 0; n < RING_RECORDS + 1; n++) smmu.issue(tlbiVa(99, 0n));
    table.unmap(IOVA, BigInt(PAGES) * 0x1000n);
    smmu.issue(tlbiVa(7, IOVA));
    expect(run()).toEqual(faulting);
    // It goes on by the ring.
    table.map(IOVA, PA, BigInt(PAGES) * 0x1000n);
    expect(run()).toEqual(mapped);
    smmu.issue(tlbiEverything());
    table.unmap(IOVA, BigInt(PAGES) * 0x1000n);
    expect(run()).toEqual(faulting);
    expect(core.units[0]!.counter(120)).toBe(RING_RECORDS + 2);
  });

  it("follows a register that is written, without an invalidation", () => {
    const { run, smmu } = rig();
    expect(run()).toEqual(mapped);
    smmu.write32(0x20, 0xc);
    expect(run()).toEqual(requests.map(([, iova]) => `0x${iova.toString(16)}`));
    smmu.write32(0x20, 0xd);
    expect(run()).toEqual(mapped);
  });

  it("begins anew with empty caches and counters after a reset, whatever was posted before it", () => {
    const { run, smmu, arena } = rig();
    expect(run()).toEqual(mapped);
    smmu.issue(tlbiEverything());
    smmu.reset();
    expect(smmu.counters().requests).toBe(0);
    const table = new Streams(smmu).stage1(1, 7);
    table.map(IOVA, PA + 0x10_0000n, BigInt(PAGES) * 0x1000n);
    expect(run()).toEqual(mapped.map((pa) => `0x${(BigInt(pa) + 0x10_0000n).toString(16)}`));
    expect(arena.counter(0)).toBe(PAGES);
    expect(smmu.counters()).toMatchObject({ requests: PAGES, iotlbMisses: PAGES, invalidations: 0 });
  });

  it("follows RAM ranges that a reset declares", () => {
    const { run, smmu } = rig();
    smmu.reset({ ram: [[0x4000_0000n, 0x1000_0000n]] });
    const streams = new Streams(smmu);
    const table = streams.stage1(1, 7);
    table.map(IOVA, PA, BigInt(PAGES) * 0x1000n);
    expect(run()).toEqual(mapped);
    // F_WALK_EABT: the next table is outside.
    smmu.memory.writeU64(table.root, 0x6000_0003n);
    smmu.issue(tlbiEverything());
    expect(run()).toEqual(requests.map(() => "status 0x8b"));
  });

  it("counts from 0 after resetCounters, without its own counters being touched", () => {
    const { run, smmu } = rig();
    run();
    smmu.resetCounters();
    expect(smmu.counters()).toMatchObject({ requests: 0, iotlbMisses: 0, steFetches: 0 });
    run();
    expect(smmu.counters()).toMatchObject({ requests: PAGES, iotlbHits: PAGES, iotlbMisses: 0 });
  });
});

describe("memory", () => {
  it("cannot be taken away while a run is posted", () => {
    const { smmu, arena, unit, run } = rig();
    arena.mailbox.run(0, 1);
    expect(() => smmu.memory.drop(TABLES_AT, 0x1_0000n)).toThrow(/only while no unit runs, but unit 0 does/);
    expect(() => smmu.reset()).toThrow(/no unit runs/);
    unit.turn();
    arena.mailbox.completed();
    expect(run()).toEqual(mapped);
    smmu.memory.drop(TABLES_AT, 0x1_0000n);
    smmu.issue(tlbiEverything());
    expect(run()).toEqual(faulting);
  });
});

const TABLES_AT = 0x4200_0000n;
