// One script on one VT-d unit and on the models beside it: each operation is done to both, and what can be seen compared:
// answers, recording registers, FSTS, FECTL, page request descriptors, PRS, PECTL, responses, interrupts.

import type { PageResponse } from "../../../src/index.js";
import { Different, type Divergence, same } from "../script.js";
import { Devices } from "./devices.js";
import type { Of, Operation } from "./operations.js";
import { PageQueue } from "./page-queue.js";
import { Software } from "./software.js";
import { REG, type WorldOptions } from "./unit.js";
import { World } from "./world.js";

export interface Tally {
  operations: number;
  requests: number;
  faults: number;
  faultsLost: number;
  pageRequests: number;
  pageOverflows: number;
  pageFaults: number;
  responses: number;
  /** Requests with more than one permitted answer. */
  mixed: number;
  /** Requests answered by what was remembered, not by the tables as they are. */
  stale: number;
}

type Acts = { readonly [Op in Operation["op"]]: (run: Run, operation: Of<Op>) => void };

const ACTS: Acts = {
  dma: ({ devices }, o) => devices.dma(o),
  entry: ({ devices }, o) => devices.entry(o),
  page: ({ devices }, o) => devices.page(o),
  "stop-marker": ({ devices }, o) => devices.stopMarker(o),
  invalidate: ({ software }, o) => software.invalidate(o),
  fpd: ({ software }, o) => software.fpd(o),
  faults: ({ software }, o) => software.faults(o),
  mask: ({ software }, o) => software.mask(o),
  pages: ({ software }, o) => software.pages(o),
  respond: ({ software }, o) => software.respond(o),
  place: ({ software }, o) => software.place(o),
  translation: ({ world }, { on }) => world.enable(on),
  illegal: ({ software }, o) => software.illegal(o),
};

/** Everything served and answered. */
const MEND: readonly Operation[] = [
  { op: "translation", on: true },
  { op: "faults", records: 255, overflow: true },
  { op: "pages", count: 999, status: 3 },
  { op: "respond", count: 999, code: 0 },
];

const parts = ({ stream, pasid, group, code }: PageResponse) => [stream, pasid, group, code];

class Run {
  readonly world: World;
  readonly devices: Devices;
  readonly software: Software;
  #messages = 0;
  #pageMessages = 0;
  #responses = 0;

  constructor(options: WorldOptions) {
    this.world = new World(options);
    this.devices = new Devices(this.world);
    this.software = new Software(this.world);
  }

  /** Does one operation to both, and compares. */
  step<Op extends Operation["op"]>(operation: Of<Op>): void {
    const act = ACTS[operation.op as Op] as (run: Run, operation: Of<Op>) => void;
    act(this, operation);
    this.#compareRegisters();
    this.#compareResponses();
    this.#compareInterrupts();
  }

  #compareRegisters(): void {
    const { pages, unit } = this.world;
    const { log, vtd } = unit;
    log.records.forEach(({ low, high }, n) => {
      const at = REG.FRCD + 16 * n;
      same(`FRCD ${n}`, [vtd.read64(at), vtd.read64(at + 8)], [low, high]);
    });
    same("FSTS", vtd.read32(REG.FSTS), Number(log.status));
    same("FECTL", vtd.read32(REG.FECTL), Number(log.control));
    same("PRS", vtd.read32(REG.PRS), pages.status);
    same("PECTL", vtd.read32(REG.PECTL), pages.control);
    same("PQT", vtd.read32(REG.PQT), PageQueue.offset(pages.tail));
  }

  #compareResponses(): void {
    const { ledger, pages, unit } = this.world;
    same("responses", unit.responses.map(parts), pages.responses.map(parts));
    this.#responses += pages.responses.length;
    for (const { stream, group } of pages.responses) {
      const wrong = ledger.response(stream, group);
      if (wrong !== undefined) throw new Different(wrong);
    }
    unit.responses = [];
    pages.responses = [];
  }

  #compareInterrupts(): void {
    const { pages, unit } = this.world;
    const count = (name: string): number => unit.irqs.filter((irq) => irq === name).length;
    same("fault events", count("fault"), unit.log.messages - this.#messages);
    same("page request events", count("page-request"), pages.messages - this.#pageMessages);
    this.#messages = unit.log.messages;
    this.#pageMessages = pages.messages;
    unit.irqs = [];
  }

  finish(): Tally {
    const { devices } = this;
    const { ledger, pages, unit } = this.world;
    for (const operation of MEND) this.step(operation);
    same("groups not answered", ledger.owed, []);
    same("groups answered", ledger.answered, ledger.completed);
    const counters = unit.vtd.counters();
    for (const [name, expected] of [
      ["requests", devices.requests],
      ["pageRequests", pages.requests],
      ["pageRequestsQueued", pages.queued],
      ["pageRequestsOverflowed", pages.overflowed],
      ["pageResponses", this.#responses],
      ["automaticPageResponses", pages.automatic],
    ] as const) {
      same(`counters.${name}`, counters[name], expected);
    }
    return {
      operations: 0,
      requests: devices.requests,
      faults: devices.faults,
      faultsLost: devices.lost,
      pageRequests: pages.requests,
      pageOverflows: pages.overflowed,
      pageFaults: pages.faulted,
      responses: this.#responses,
      mixed: devices.mixed,
      stale: devices.stale,
    };
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
