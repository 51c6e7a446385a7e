// Random requests of endpoints and random doings of software, the machine against an independent model: outcomes,
// entries, responses, interrupts, PROD, GERROR and counts after every step. NI_SEED=n reproduces, NI_RUNS=n runs n
// times as many.

import { describe, expect, it } from "vitest";
import type { PageRequest, PageResponse } from "../../src/contract/machine.js";
import { SmmuV3 } from "../../src/smmuv3/smmuv3.js";
import { Random } from "../property/random.js";
import { runs, seed } from "../property/settings.js";
import { PriModel, type StreamState } from "./pri-model.js";
import {
  ABT_ERR,
  CR0,
  GERROR,
  GERRORN,
  IRQ_CTRL,
  NOWHERE,
  OVERFLOW,
  PRI_FEATURES,
  PRIQ_BASE,
  PRIQ_CONS,
  PRIQ_IRQ_CFG2,
  PRIQ_PROD,
  WITHOUT_SUBSTREAMS,
} from "./pri-world.js";

const STEPS = 3000;
const WORLDS = 12 * runs;
const STREAM_TABLE = 0x4000_0000n;
const QUEUE = 0x4001_0000n;
const STREAMS: readonly StreamState[] = ["PPAR = 1", "PPAR = 0", "no valid STE"];
const CODES = ["failure", "invalid", "success"] as const;

/** Like `toBe`, which is too slow to be asked a hundred thousand times. */
function same<T>(actual: T, expected: T): void {
  if (actual !== expected) expect(actual).toBe(expected);
}

class World {
  readonly random: Random;
  readonly model: PriModel;
  readonly smmu: SmmuV3;
  responses: PageResponse[] = [];
  irqs: string[] = [];
  requests = 0;
  answers = 0;

  constructor(index: number) {
    this.random = new Random(seed, index);
    const substreams = !this.random.chance(0.2);
    const streams = new Map(Array.from({ length: 8 }, (_, n) => [n, this.random.pick(STREAMS)]));
    this.model = new PriModel(streams, substreams);
    this.smmu = new SmmuV3({
      features: substreams ? PRI_FEATURES : WITHOUT_SUBSTREAMS,
      ram: [[STREAM_TABLE, 0x1000_0000n]],
      memoryLimit: 2 ** 20,
      onIrq: (irq) => this.irqs.push(irq),
      onPageResponse: (response) => this.responses.push(response),
    });
    this.smmu.write64(0x80, STREAM_TABLE);
    this.smmu.write32(0x88, 3);
    for (const [stream, state] of streams) {
      const at = STREAM_TABLE + BigInt(64 * stream);
      this.smmu.memory.writeU64(at, state === "no valid STE" ? 0n : 9n);
      this.smmu.memory.writeU64(at + 8n, state === "PPAR = 0" ? 0n : 1n << 18n);
    }
    this.configure();
    this.enable(true, true);
  }

  /** PRIQEN = 0, then a queue of another size at another place and state. */
  configure(): void {
    const { model, random, smmu } = this;
    this.enable(model.smmuEnabled, false);
    model.sizeLg2 = random.below(5);
    model.hasMemory = !random.chance(0.15);
    model.produced = random.below(2 * model.capacity);
    model.consumed = model.produced;
    model.overflowFlag = random.chance(0.5);
    model.acknowledged = random.chance(0.1) ? !model.overflowFlag : model.overflowFlag;
    model.held.length = 0;
    smmu.write64(PRIQ_BASE, (model.hasMemory ? QUEUE : NOWHERE) | BigInt(model.sizeLg2));
    smmu.write32(PRIQ_PROD, model.prod);
    this.writeCons();
  }

  writeCons(): void {
    const { model } = this;
    const flag = model.acknowledged ? OVERFLOW : 0;
    this.smmu.write32(PRIQ_CONS, (model.consumed % (2 * model.capacity)) + flag);
  }

  enable(smmuEnabled: boolean, queueEnabled: boolean): void {
    this.model.smmuEnabled = smmuEnabled;
    this.model.queueEnabled = queueEnabled;
    this.smmu.write32(CR0, (smmuEnabled ? 1 : 0) | (queueEnabled ? 2 : 0));
  }

  consume(): void {
    const { model, random, smmu } = this;
    const count = random.chance(0.5) ? model.held.length : random.below(model.held.length + 1);
    for (let n = 0; n < count; ++n) {
      const at = QUEUE + BigInt(16 * ((model.consumed + n) % model.capacity));
      const entry = smmu.memory.readU64(at) | (smmu.memory.readU64(at + 8n) << 64n);
      same(entry, model.held[n]);
    }
    model.held.splice(0, count);
    model.consumed += count;
    if (random.chance(0.6)) model.acknowledged = model.overflowFlag;
    this.writeCons();
  }

  interrupts(): void {
    const { model, random, smmu } = this;
    smmu.write32(IRQ_CTRL, 0);
    model.lastOnly = random.chance(0.5);
    smmu.write32(PRIQ_IRQ_CFG2, model.lastOnly ? OVERFLOW : 0);
    model.irqEnabled = random.chance(0.8);
    model.gerrorIrqEnabled = random.chance(0.8);
    smmu.write32(IRQ_CTRL, (model.gerrorIrqEnabled ? 1 : 0) | (model.irqEnabled ? 2 : 0));
  }

  command(): void {
    const { model, random, smmu } = this;
    const response: PageResponse = {
      stream: random.word(),
      group: random.below(512),
      code: random.pick(CODES),
    };
    const pasid = random.chance(0.5) ? random.below(2 ** 20) : undefined;
    const resp = random.chance(0.1) ? 3 : CODES.indexOf(response.code);
    const command = new Uint8Array(16);
    const view = new DataView(command.buffer);
    view.setUint32(0, (0x41 | (pasid === undefined ? 0 : 0x800 | (pasid << 12))) >>> 0, true);
    view.setUint32(4, response.stream, true);
    view.setUint32(8, response.group | (resp << 12), true);
    expect(smmu.issue(command)).toBe(resp === 3 ? 1 : 0);
    if (pasid !== undefined && model.substreams) response.pasid = pasid;
    if (resp !== 3) model.respond(response);
  }

  request(): void {
    const { random } = this;
    const request: PageRequest = {
      stream: random.chance(0.05) ? random.word() : random.below(9),
      group: random.below(512),
      address: random.bits(64),
      last: random.chance(0.5),
    };
    if (random.chance(0.5)) request.pasid = random.below(2 ** 20);
    for (const name of ["read", "write", "execute", "privileged"] as const) {
      if (random.chance(0.7)) request[name] = random.chance(0.5);
    }
    ++this.requests;
    same(this.smmu.requestPage(request), this.model.request(request));
  }

  step(): void {
    const draw = this.random.below(100);
    if (draw < 80) this.request();
    else if (draw < 89) this.consume();
    else if (draw < 93) this.command();
    else if (draw < 95) this.interrupts();
    else if (draw < 96) this.configure();
    else if (draw < 98) this.enable(!this.random.chance(0.2), !this.random.chance(0.2));
    else this.acknowledge();
    this.compare();
  }

  acknowledge(): void {
    if (!this.model.abortError) return;
    this.model.abortError = false;
    this.smmu.write32(GERRORN, this.smmu.read32(GERROR));
  }

  compare(): void {
    const { model, smmu } = this;
    same(smmu.read32(PRIQ_PROD), model.prod);
    same((smmu.read32(GERROR) ^ smmu.read32(GERRORN)) >>> 0, model.abortError ? ABT_ERR : 0);
    if (this.responses.length + model.responses.length > 0) expect(this.responses).toEqual(model.responses);
    same(this.irqs.join(), model.irqs.join());
    this.answers += this.responses.length;
    this.responses = [];
    model.responses = [];
    this.irqs = [];
    model.irqs = [];
  }
}

describe(`page requests against an independent model (seed ${seed})`, () => {
  it("agree on every step", () => {
    const outcomes = { requests: 0, queued: 0, overflowed: 0, answers: 0 };
    for (let index = 0; index < WORLDS; ++index) {
      const world = new World(index);
      try {
        for (let n = 0; n < STEPS; ++n) world.step();
      } catch (error) {
        throw new Error(`world ${index} of seed ${seed}`, { cause: error });
      }
      const counters = world.smmu.counters();
      expect(counters.pageRequests).toBe(world.requests);
      expect(counters.pageResponses).toBe(world.answers);
      outcomes.requests += world.requests;
      outcomes.queued += counters.pageRequestsQueued;
      outcomes.overflowed += counters.pageRequestsOverflowed;
      outcomes.answers += world.answers;
    }
    // Every ending is met often, or the test would prove nothing.
    expect(outcomes.requests).toBeGreaterThan(20_000);
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(2_000);
  });
});
