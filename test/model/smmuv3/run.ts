// One script on one SMMUv3 and on the models beside it: each operation is done to both, and what can be seen compared.
// Every stalled transaction must end once, every page request group must be answered once.

import type { PageResponse } from "../../../src/index.js";
import { Different, type Divergence, same } from "../script.js";
import { Devices } from "./devices.js";
import type { Of, Operation } from "./operations.js";
import { Software } from "./software.js";
import { GERROR, GERRORN, type WorldOptions } from "./unit.js";
import { World } from "./world.js";

const [EVENTQ_PROD, PRIQ_PROD] = [0x100a8, 0x100c8];
const [EVENTQ_ABT_ERR, PRIQ_ABT_ERR] = [4, 8];

export interface Tally {
  operations: number;
  requests: number;
  stalls: number;
  eventsLost: number;
  pageRequests: number;
  pageOverflows: number;
  responses: number;
  /** Requests with more than one permitted answer. */
  mixed: number;
  /** Requests answered by what was remembered, not by the tables as they are. */
  stale: number;
}

type Acts = { readonly [Op in Operation["op"]]: (run: Run, operation: Of<Op>) => void };

const ACTS: Acts = {
  dma: ({ devices }, o) => devices.dma(o),
  descriptor: ({ devices }, o) => devices.descriptor(o),
  page: ({ devices }, o) => devices.page(o),
  "stop-marker": ({ devices }, o) => devices.stopMarker(o),
  invalidate: ({ software }, o) => software.invalidate(o),
  faults: ({ software }, o) => software.faults(o),
  resume: ({ software }, o) => software.resume(o),
  "resume-nobody": ({ software }, o) => software.resume(o),
  terminate: ({ software }, o) => software.terminate(o),
  events: ({ software }, { count, acknowledge }) => software.readEvents(count, acknowledge),
  "event-queue": ({ software }, o) => software.eventQueue(o),
  "new-event-queue": ({ software }, o) => software.newEventQueue(o),
  pages: ({ software }, { count, acknowledge }) => software.readPages(count, acknowledge),
  respond: ({ software }, o) => software.respond(o),
  "pri-queue": ({ software }, o) => software.priQueue(o),
  "new-pri-queue": ({ software }, o) => software.newPriQueue(o),
  translation: ({ software }, o) => software.translation(o),
  illegal: ({ software }, o) => software.illegal(o),
  acknowledge: ({ software }) => software.acknowledge(),
};

const START: readonly Operation[] = [
  { op: "new-event-queue", sizeLg2: 2, at: 0, memory: true },
  { op: "new-pri-queue", sizeLg2: 2, at: 0, memory: true },
  { op: "translation", on: true, abort: false },
];
/** Everything on again, in memory, without errors. */
const MEND: readonly Operation[] = [
  { op: "acknowledge" },
  { op: "new-event-queue", sizeLg2: 3, at: 0, memory: true },
  { op: "acknowledge" },
  { op: "new-pri-queue", sizeLg2: 3, at: 0, memory: true },
  { op: "translation", on: true, abort: false },
  { op: "event-queue", on: true },
  { op: "pri-queue", on: true },
];

const parts = ({ stream, pasid, group, code }: PageResponse) => [stream, pasid, group, code];

class Run {
  readonly world: World;
  readonly devices: Devices;
  readonly software: Software;
  /** How often each transaction that stalled has ended. */
  readonly #ends = new Map<number, number>();
  #responses = 0;

  constructor(options: WorldOptions) {
    this.world = new World(options);
    this.devices = new Devices(this.world);
    this.software = new Software(this.world);
    for (const operation of START) this.step(operation);
  }

  /** Does one operation to both, and compares. */
  step<Op extends Operation["op"]>(operation: Of<Op>): void {
    const act = ACTS[operation.op as Op] as (run: Run, operation: Of<Op>) => void;
    act(this, operation);
    this.#compareOutcomes();
    this.#compareResponses();
    this.#compareRegisters();
  }

  #compareOutcomes(): void {
    const { transactions, unit } = this.world;
    const ended = unit.outcomes.map(({ transaction, status, pa }) => [transaction, status, pa]);
    same("outcomes", ended, transactions.ended);
    for (const [id] of transactions.ended) this.#ends.set(id, (this.#ends.get(id) ?? 0) + 1);
    transactions.ended = [];
    unit.outcomes = [];
    const held = unit.smmu.stalled().map(({ transaction, stag }) => [transaction, stag !== undefined]);
    const expected = transactions.held.map(({ id, recorded }) => [id, recorded]);
    same("held", held, expected);
  }

  #compareResponses(): void {
    const { ledger, pages, unit } = this.world;
    same("responses", unit.responses.map(parts), pages.responses.map(parts));
    this.#responses += pages.responses.length;
    for (const { stream, group } of pages.responses) {
      const wrong = ledger.response(stream, group);
      if (wrong !== undefined) throw new Different(wrong);
    }
    pages.responses = [];
    unit.responses = [];
  }

  #compareRegisters(): void {
    const { events, pages, unit } = this.world;
    const { smmu } = unit;
    same("interrupts", unit.irqs.sort(), [...events.irqs, ...pages.irqs].sort());
    events.irqs = [];
    pages.irqs = [];
    unit.irqs = [];
    same("EVENTQ_PROD", smmu.read32(EVENTQ_PROD), events.prod);
    same("PRIQ_PROD", smmu.read32(PRIQ_PROD), pages.prod);
    const errors = (events.abortError ? EVENTQ_ABT_ERR : 0) | (pages.abortError ? PRIQ_ABT_ERR : 0);
    same("GERROR", smmu.read32(GERROR) ^ smmu.read32(GERRORN), errors);
  }

  /** All read and answered, all that is held ended; then the accounts. */
  finish(): Tally {
    const { events, ledger, pages, transactions } = this.world;
    for (const operation of MEND) this.step(operation);
    for (let n = 0; n < 1000 && transactions.held.length > 0; n++) {
      this.step({ op: "events", count: 99, acknowledge: true });
      this.step({ op: "resume", which: 0, action: "abort" });
    }
    this.step({ op: "pages", count: 99, acknowledge: true });
    this.step({ op: "respond", count: 999, code: 2 });
    same("still held", transactions.held.length, 0);
    const twice = [...this.#ends].filter(([, count]) => count !== 1);
    same("transactions that ended not once", [this.#ends.size, twice], [transactions.stalls, []]);
    same("groups not answered", ledger.owed, []);
    same("groups answered", ledger.answered, ledger.completed);
    this.#compareCounters();
    return {
      operations: 0,
      requests: this.devices.requests,
      stalls: transactions.stalls,
      eventsLost: events.lost,
      pageRequests: pages.requests,
      pageOverflows: pages.overflowed,
      responses: this.#responses,
      mixed: this.devices.mixed,
      stale: this.devices.stale,
    };
  }

  #compareCounters(): void {
    const { events, pages, transactions, unit } = this.world;
    const counters = unit.smmu.counters();
    for (const [name, expected] of [
      ["stalls", transactions.stalls],
      ["stallsRefused", transactions.refused],
      ["stallsTerminated", transactions.terminated],
      ["eventsRecorded", events.recorded],
      ["eventsLost", events.lost],
      ["pageRequests", pages.requests],
      ["pageRequestsQueued", pages.queued],
      ["pageRequestsOverflowed", pages.overflowed],
      ["pageResponses", this.#responses],
      ["automaticPageResponses", pages.automatic],
    ] as const) {
      same(`counters.${name}`, counters[name], expected);
    }
  }
}

/** Plays a script from power-on: what differed, or the tally. */
export function play(options: WorldOptions, script: readonly Operation[]): Divergence | Tally {
  let at = 0;
  try {
    const run = new Run(options);
    for (; at < script.length; at++) run.step(script[at]!);
    return { ...run.finish(), operations: script.length };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const operation = at < script.length ? JSON.stringify(script[at]) : "the final accounts";
    const text = error instanceof Different ? error.message : error.stack;
    return { at, text: `operation ${at}, ${operation}: ${text}` };
  }
}
