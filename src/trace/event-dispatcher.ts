// EventDispatcher: blocks of events as calls of a handler's methods, for programs that want a method an event.
import { INVALIDATION_ROWS, invalidationArgs } from "./invalidations.js";
import type { AccessColumns, ItrAccess, ItrDirection, ItrHandler } from "./itr-events.js";
import { EVENT, FLAG, f64At, PASID_VALID, type TraceEvents, u64At } from "./trace-events.js";

const ACCESSES: readonly ItrAccess[] = ["r", "w", "?"];
const DIRECTIONS: readonly ItrDirection[] = ["r", "w", "b", "-"];

/** Calls a handler for each event; accesses wait in columns until another event has a method. */
export class EventDispatcher {
  readonly #handler: ItrHandler;
  readonly #columns: AccessColumns;
  readonly #capacity: number;

  /** @param capacity most accesses handed over at a time */
  constructor(handler: ItrHandler, capacity: number) {
    this.#handler = handler;
    this.#capacity = capacity;
    this.#columns = {
      count: 0,
      stream: new Uint32Array(capacity),
      pasid: new Uint32Array(capacity),
      iova: new Uint32Array(2 * capacity),
      pa: new Uint32Array(2 * capacity),
      access: new Uint8Array(capacity),
      size: new Uint32Array(capacity),
      leafLg2: new Uint8Array(capacity),
      line: new Float64Array(capacity),
    };
  }

  /** Hands over a block. */
  dispatch(events: TraceEvents): void {
    for (let at = 0; at < events.count; at++) {
      if (events.kind[at] === EVENT.ACCESS) this.#access(events, at);
      else this.#other(events, at);
    }
  }

  /** Hands over the accesses that wait. */
  flush(): void {
    if (this.#columns.count > 0) this.#handler.accesses?.(this.#columns);
    this.#columns.count = 0;
  }

  #access(events: TraceEvents, at: number): void {
    const columns = this.#columns;
    const to = columns.count++;
    columns.stream[to] = events.stream[at] as number;
    columns.pasid[to] = events.pasid[at] as number;
    columns.iova[2 * to] = events.iova[2 * at] as number;
    columns.iova[2 * to + 1] = events.iova[2 * at + 1] as number;
    columns.pa[2 * to] = events.pa[2 * at] as number;
    columns.pa[2 * to + 1] = events.pa[2 * at + 1] as number;
    columns.access[to] = events.code[at] as number;
    columns.size[to] = events.size[2 * at] as number;
    columns.leafLg2[to] = events.leafLg2[at] as number;
    columns.line[to] = events.line[at] as number;
    if (columns.count === this.#capacity) this.flush();
  }

  #other(events: TraceEvents, at: number): void {
    const handler = this.#handler;
    const name = METHODS[events.kind[at] as number];
    if (name === undefined || handler[name] === undefined) return;
    this.flush();
    CALLS[name]?.(handler, events, at);
  }
}

const METHODS: Readonly<Record<number, keyof ItrHandler>> = {
  [EVENT.HEADER]: "header",
  [EVENT.STREAM]: "stream",
  [EVENT.WINDOW]: "window",
  [EVENT.ELAPSED]: "elapsed",
  [EVENT.MAP]: "map",
  [EVENT.UNMAP]: "unmap",
  [EVENT.INVALIDATE]: "invalidate",
  [EVENT.REGISTER]: "register",
  [EVENT.BYPASS]: "bypass",
  [EVENT.FAULT]: "fault",
};

type Call = (handler: ItrHandler, events: TraceEvents, at: number) => void;

const CALLS: Partial<Record<keyof ItrHandler, Call>> = {
  header: (handler, events, at) => {
    const text = events.text(at);
    const blank = text.indexOf(" ");
    handler.header?.(blank < 0 ? text : text.slice(0, blank), blank < 0 ? "" : text.slice(blank + 1));
  },
  stream: (handler, events, at) => {
    const domain = (pairs: Uint32Array): number | undefined =>
      events.code[at] === 1 ? undefined : Number(BigInt.asIntN(64, u64At(pairs, at)));
    handler.stream?.(
      events.stream[at] as number,
      domain(events.iova),
      domain(events.pa),
      pasidOf(events, at),
    );
  },
  window: (handler, events, at) => handler.window?.(f64At(events.iova, at)),
  elapsed: (handler, events, at) => handler.elapsed?.(f64At(events.iova, at)),
  map: (handler, events, at) => {
    const { iova, pa, size, code, flags } = events;
    const direction = DIRECTIONS[code[at] as number] as ItrDirection;
    const live = ((flags[at] as number) & FLAG.LIVE) !== 0;
    const addresses = [u64At(iova, at), u64At(pa, at), u64At(size, at)] as const;
    handler.map?.(streamOf(events, at), ...addresses, direction, live, pasidOf(events, at));
  },
  unmap: (handler, events, at) => {
    const { iova, size } = events;
    handler.unmap?.(streamOf(events, at), u64At(iova, at), u64At(size, at), pasidOf(events, at));
  },
  invalidate: (handler, events, at) => {
    const row = INVALIDATION_ROWS[events.code[at] as number];
    if (row) handler.invalidate?.(row.kind, invalidationArgs(events, at));
  },
  register: (handler, events, at) => handler.register?.(events.stream[at] as number, u64At(events.iova, at)),
  bypass: (handler, events, at) => {
    const access = ACCESSES[events.code[at] as number] as ItrAccess;
    handler.bypass?.(events.stream[at] as number, u64At(events.iova, at), access, events.text(at));
  },
  fault: (handler, events, at) => {
    const none = ((events.flags[at] as number) & FLAG.NO_IOVA) !== 0;
    const iova = none ? undefined : u64At(events.iova, at);
    handler.fault?.(events.stream[at] as number, events.text(at), iova, ACCESSES[events.code[at] as number]);
  },
};

function streamOf(events: TraceEvents, at: number): number {
  return ((events.flags[at] as number) & FLAG.NO_STREAM) !== 0 ? -1 : (events.stream[at] as number);
}

function pasidOf(events: TraceEvents, at: number): number | undefined {
  const pasid = events.pasid[at] as number;
  return pasid >= PASID_VALID ? pasid - PASID_VALID : undefined;
}
