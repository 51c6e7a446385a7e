// Random transactions and random doings of software, the machine against an independent model of what is pending: every
// answer, every record, every outcome, and at the end every stalled transaction answered exactly once. NI_SEED=n
// reproduces, NI_RUNS=n runs n times as many.

import { describe, expect, it } from "vitest";
import { Random } from "../property/random.js";
import { runs, seed } from "../property/settings.js";
import { type Ending, type ExpectedEvent, type Pending, StallModel } from "./stall-model.js";
import { CD, CR0, OVERFLOW, StallWorld, translationFault } from "./stall-world.js";

const WORLDS = 10 * runs;
const STEPS = 1500;
const STREAMS = [1, 2, 3, 4];
const PAGES = 6;
const ENDINGS: readonly Ending[] = ["stall", "stall", "stall", "abort", "raz-wi", "silent"];
const ARS: Readonly<Record<Ending, bigint>> = {
  stall: CD.S,
  abort: CD.A | CD.R,
  "raz-wi": CD.R,
  silent: CD.A,
};
const ACTIONS = ["retry", "retry", "abort", "raz-wi"] as const;

/** Like `toEqual`, which is too slow to be asked a hundred thousand times. */
function same<T>(actual: T, expected: T): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

class Run {
  readonly random: Random;
  readonly world: StallWorld;
  readonly model: StallModel;
  readonly capacity: number;
  /** Tags of the transactions whose records software has read, by number. */
  readonly tags = new Map<number, number>();
  /** How often each transaction was answered. */
  readonly answers = new Map<number, number>();
  read = 0;
  acknowledged = 0;
  operations = 0;

  constructor(index: number) {
    this.random = new Random(seed, 500 + index);
    const sizeLg2 = this.random.below(4);
    const stallMax = this.random.between(1, 6);
    this.capacity = 2 ** sizeLg2;
    this.world = new StallWorld({ sizeLg2, stallMax });
    this.model = new StallModel(stallMax, this.capacity, new Map(), new Set());
    for (const stream of STREAMS) this.configure(stream, "stall");
  }

  configure(stream: number, ending: Ending): void {
    this.model.endings.set(stream, ending);
    this.world.configure(stream, ARS[ending]);
  }

  get page(): number {
    return this.random.below(PAGES);
  }

  dma(): void {
    const { model, world } = this;
    const requests = Array.from({ length: this.random.pick([1, 1, 1, 5]) }, () => {
      return { stream: this.random.pick(STREAMS), page: this.page, id: 0, recorded: false };
    });
    if (requests.length === 1) {
      const [one] = requests as [Pending];
      const expected = model.arrive(one);
      const answer = world.read(one.stream, one.page);
      same([answer.status, answer.transaction ?? 0], [expected, one.id]);
      same(answer.event !== undefined && answer.stag !== undefined, one.recorded);
      return;
    }
    const { batch } = world.smmu;
    const expected = requests.map((one) => model.arrive(one));
    requests.forEach(({ stream, page }, i) => {
      batch.stream[i] = stream;
      batch.iova[i] = BigInt(page * 0x1000 + 0x123);
    });
    world.smmu.run(requests.length);
    const codes = { translated: 0, bypassed: 1, "raz-wi": 2, stalled: 4 } as const;
    expected.forEach((status, i) => {
      const ending = model.endings.get(requests[i]!.stream)!;
      const code = status === "aborted" ? 0x90 : codes[status];
      same([i, ending, batch.status[i]], [i, ending, code]);
    });
    const numbers = world.smmu.faults().flatMap(({ transaction }) => transaction ?? []);
    expect(numbers).toEqual(requests.filter(({ id }) => id > 0).map(({ id }) => id));
  }

  map(): void {
    const { model, random, world } = this;
    const [stream, page] = [random.pick(STREAMS), this.page];
    const key = `${stream} ${page}`;
    const maps = !model.mapped.has(key) && random.chance(0.5);
    if (maps) model.mapped.add(key);
    else model.mapped.delete(key);
    world.map(stream, page, maps ? 0x4800_0000n : undefined);
  }

  /** A transaction that software knows, mostly; else any stream with any tag. */
  resume(): void {
    const { model, random, world } = this;
    const known = model.held.filter(({ id, recorded }) => recorded && this.tags.has(id));
    const action = random.pick(ACTIONS);
    if (known.length > 0 && random.chance(0.85)) {
      const one = random.pick(known);
      const stag = this.tags.get(one.id)!;
      this.tags.delete(one.id);
      if (random.chance(0.1)) world.resume(one.stream ^ 8, stag, action);
      model.resume(one, action);
      world.resume(one.stream, stag, action);
      return;
    }
    // Tags that no record of this stream has: beyond STALL_MAX, or another stream's.
    const stream = random.pick(STREAMS);
    world.resume(stream, random.between(6, 0xffff), action);
    const other = known.find((one) => one.stream !== stream);
    if (other) world.resume(stream, this.tags.get(other.id)!, action);
  }

  consume(): void {
    const { model, random, world } = this;
    const count = Math.min(model.queue.length, random.between(0, this.capacity));
    same(world.produced, this.produced());
    same(world.smmu.counters().eventsLost, model.lost);
    if (model.overflow) this.acknowledged ^= OVERFLOW;
    const records = Array.from({ length: count }, (_, n) => world.event((this.read + n) % this.capacity));
    // The tags first: the model is asked afterwards.
    const expected = model.queue.slice(0, count);
    for (const [n, record] of records.entries()) this.compare(record, expected[n]!);
    this.read = (this.read + count) % (2 * this.capacity);
    model.consume(count);
    world.consume((this.read | this.acknowledged) >>> 0);
  }

  /** EVENTQ_PROD: an overflow that waits for its acknowledgement has toggled the flag. */
  produced(): number {
    const { overflow, queue } = this.model;
    const pointer = (this.read + queue.length) % (2 * this.capacity);
    return (pointer | (this.acknowledged ^ (overflow ? OVERFLOW : 0))) >>> 0;
  }

  compare(record: string, { stream, page, stalled }: ExpectedEvent): void {
    const stag =
      stalled === undefined ? undefined : Number.parseInt(record.slice(18, 20) + record.slice(16, 18), 16);
    same(record, translationFault(stream, page, stag));
    // An old record of one that has been retried or ended since says nothing any more.
    const held = this.world.smmu.stalled().find(({ transaction }) => transaction === stalled?.id);
    if (stalled && stag !== undefined && held?.stag === stag) this.tags.set(stalled.id, stag);
  }

  switchOn(): void {
    const { model, random, world } = this;
    const on = random.chance(0.7);
    const queueOn = random.chance(0.8);
    model.enable(on, queueOn);
    world.smmu.write32(CR0, (on ? 1 : 0) | (queueOn ? 4 : 0));
  }

  step(): void {
    const { model, random, world } = this;
    const kind = random.below(100);
    if (kind < 42) this.dma();
    else if (kind < 55) this.map();
    else if (kind < 75) this.resume();
    else if (kind < 88) this.consume();
    else if (kind < 94) this.configure(random.pick(STREAMS), random.pick(ENDINGS));
    else if (kind < 97) {
      const stream = random.pick(STREAMS);
      model.terminate(stream);
      world.terminate(stream);
    } else this.switchOn();
    this.operations++;
    this.check();
  }

  check(): void {
    const { model, world } = this;
    const ended = model.ended.splice(0);
    same(world.take(), ended);
    for (const [id] of ended) this.answers.set(id, (this.answers.get(id) ?? 0) + 1);
    const { held } = world;
    const expected = [...model.held].sort((a, b) => a.id - b.id).map(({ id, recorded }) => [id, recorded]);
    same(
      held.map(([id, stag]) => [id, stag !== undefined]),
      expected,
    );
    const stags = held.flatMap(([, stag]) => stag ?? []);
    same(new Set(stags).size, stags.length);
    same(
      stags.filter((stag) => stag >= model.stallMax),
      [],
    );
  }

  finish(): void {
    this.model.enable(false, true);
    this.world.smmu.write32(CR0, 4);
    this.check();
    const { stalls } = this.world.smmu.counters();
    expect([...this.answers.values()]).toEqual(Array.from({ length: stalls }, () => 1));
  }
}

describe(`random stalls (seed ${seed})`, () => {
  it("are recorded, resumed, terminated and answered exactly once, as the model says", {
    timeout: 120_000 * runs,
  }, () => {
    let operations = 0;
    let stalls = 0;
    for (let index = 0; index < WORLDS; index++) {
      const run = new Run(index);
      try {
        for (let n = 0; n < STEPS; n++) run.step();
        run.finish();
      } catch (error) {
        throw new Error(`NI_SEED=${seed}, world ${index}, operation ${run.operations}`, { cause: error });
      }
      operations += run.operations;
      stalls += run.answers.size;
    }
    expect(operations).toBeGreaterThanOrEqual(10_000);
    expect(stalls).toBeGreaterThan(2_000);
  });
});
