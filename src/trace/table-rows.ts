// What CSV and JSONL traces have in common: rows with the fields op, stream, pasid, iova, pa, size, access, t.
//
//   op      access | map | unmap | unmap-lazy | invalidate | fault | window
//   stream  StreamID (source-id)            pasid  0..2^20-1, empty: none
//   iova    input address                   pa     physical address; of an access empty where not known
//   size    bytes; of an access any         access r | w | rw (map: what the device may do)
//   t       microseconds since any moment
//
// A stream, and each PASID of it, is a domain of its own. `unmap` is followed by the invalidation of the range, as a driver
// does in strict mode; `unmap-lazy` is not. `invalidate` without iova drops all that the stream or PASID has.
import {
  addRange,
  DriverEvents,
  type StreamRange,
  type TraceArchitecture,
  TraceClock,
} from "./driver-events.js";
import { LineError, LineReader, printable, type TraceReaderOptions, type TraceSink } from "./line-reader.js";
import { EVENT, FLAG, PASID_VALID, setU64, type TraceEvents } from "./trace-events.js";

/** Names of the fields. */
export const FIELDS = ["op", "stream", "pasid", "iova", "pa", "size", "access", "t"] as const;
/** Name of a field. */
export type Field = (typeof FIELDS)[number];
/** The fields of a row; absent or empty: not given. */
export type Row = Partial<Record<Field, string>>;

/** What readers of formats that name no architecture are told. */
export interface TableReaderOptions extends TraceReaderOptions {
  /** Architecture that it is replayed on; default "smmuv3". */
  arch?: TraceArchitecture;
}

const DIRECTIONS: Readonly<Record<string, number>> = { r: 0, w: 1, rw: 2 };
const PAGE = 4096n;
const NUMBER = /^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})$/;
const TIME = /^[0-9]{1,15}(\.[0-9]{1,9})?$/;

type Run = (row: RowReader, events: TraceEvents, line: number, driver: DriverEvents) => void;

const OPS: ReadonlyMap<string, Run> = new Map<string, Run>([
  ["access", access],
  [
    "map",
    (row, events, line, driver) =>
      driver.map(events, line, row.pages(), row.number("pa", 52), row.direction()),
  ],
  ["unmap-lazy", (row, events, line, driver) => driver.unmap(events, line, row.pages())],
  [
    "unmap",
    (row, events, line, driver) => {
      const range = row.pages();
      driver.unmap(events, line, range);
      driver.invalidate(events, line, range);
    },
  ],
  [
    "invalidate",
    (row, events, line, driver) => {
      if (row.has("iova")) driver.invalidate(events, line, row.pages());
      else driver.invalidateAll(events, line, row.stream(), row.pasid());
    },
  ],
  ["fault", fault],
  [
    "window",
    (_row, events, line, driver) => {
      driver.begin(events, line);
      events.add(EVENT.WINDOW, line);
    },
  ],
]);

function access(row: RowReader, events: TraceEvents, line: number, driver: DriverEvents): void {
  const size = row.has("size") ? row.number("size", 32) : 0n;
  const range = { stream: row.stream(), pasid: row.pasid(), iova: row.number("iova", 64), size };
  const pa = row.has("pa") ? row.number("pa", 52) : undefined;
  const kind = row.direction("access");
  const at = driver.access(events, line, range, kind, pa === undefined ? FLAG.NO_PA : 0);
  setU64(events.pa, at, pa ?? 0n);
}

function fault(row: RowReader, events: TraceEvents, line: number, driver: DriverEvents): void {
  const range = {
    stream: row.stream(),
    pasid: row.pasid(),
    iova: row.has("iova") ? row.number("iova", 64) : 0n,
    size: 0n,
  };
  driver.begin(events, line);
  const at = addRange(events, EVENT.FAULT, line, range);
  events.code[at] = row.has("access") ? row.direction("access") : 3;
  if (!row.has("iova")) events.flags[at] = FLAG.NO_IOVA;
  events.addText(at, "fault");
}

/** Takes the fields of one row. */
class RowReader {
  readonly #row: Row;

  constructor(row: Row) {
    this.#row = row;
  }

  has(name: Field): boolean {
    const text = this.#row[name];
    return text !== undefined && text !== "";
  }

  text(name: Field): string {
    const text = this.#row[name];
    if (text === undefined || text === "") throw new LineError(`${this.#what()} has no ${name}`);
    return text;
  }

  number(name: Field, bits: number): bigint {
    const text = this.text(name);
    if (!NUMBER.test(text)) throw this.#bad(name, "a number, decimal or 0x and hexadecimal", text);
    const value = BigInt(text);
    if (value >> BigInt(bits) !== 0n) throw this.#bad(name, `a number of at most ${bits} bits`, text);
    return value;
  }

  stream(): number {
    return Number(this.number("stream", 32));
  }

  pasid(): number {
    return this.has("pasid") ? (Number(this.number("pasid", 20)) | PASID_VALID) >>> 0 : 0;
  }

  /** Whole pages. */
  pages(): StreamRange {
    const iova = this.number("iova", 64);
    const size = this.number("size", 64);
    if (iova % PAGE !== 0n) throw this.#bad("iova", "a multiple of 4096", this.text("iova"));
    if (size % PAGE !== 0n || size === 0n) throw this.#bad("size", "a multiple of 4096", this.text("size"));
    if (iova + size > 1n << 64n) throw this.#bad("size", "iova + size at most 2^64", this.text("size"));
    return { stream: this.stream(), pasid: this.pasid(), iova, size };
  }

  /** A mapping's direction (default both); of an access r, w or not given. */
  direction(kind: "map" | "access" = "map"): number {
    if (!this.has("access")) return 2; // both, or "?"
    const text = this.text("access");
    const code = DIRECTIONS[text];
    if (code === undefined || (kind === "access" && code === 2)) {
      throw this.#bad("access", kind === "map" ? "one of r w rw" : "one of r w", text);
    }
    return code;
  }

  time(): number | undefined {
    if (!this.has("t")) return undefined;
    const text = this.text("t");
    if (!TIME.test(text)) throw this.#bad("t", "microseconds", text);
    return Number(text);
  }

  #what(): string {
    return `"${printable(this.#row.op ?? "")}" row`;
  }

  #bad(name: Field, expected: string, text: string): LineError {
    return new LineError(`${this.#what()}: ${name} expected ${expected}, got "${printable(text)}"`);
  }
}

/** Turns rows into events. */
export abstract class RowTraceReader extends LineReader {
  readonly #driver: DriverEvents;
  readonly #clock = new TraceClock();

  /**
   * @param sink takes the events
   * @param options as for every reader, and the architecture
   */
  constructor(sink: TraceSink, options: TableReaderOptions = {}) {
    super(sink, options);
    this.#driver = new DriverEvents(options.arch ?? "smmuv3");
  }

  /** Adds the events of a row. */
  protected take(row: Row): void {
    const reader = new RowReader(row);
    const op = reader.text("op");
    const run = OPS.get(op);
    if (run === undefined) {
      throw new LineError(`op expected one of ${[...OPS.keys()].join(" ")}, got "${printable(op)}"`);
    }
    const time = reader.time();
    this.#driver.begin(this.events, this.lineNumber);
    if (time !== undefined) this.#clock.tick(this.events, this.lineNumber, time);
    run(reader, this.events, this.lineNumber, this.#driver);
  }
}
