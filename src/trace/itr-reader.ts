// ItrReader: reads "#itr 1" traces from chunks of bytes, in memory that does not grow with the trace.
//
// Nearly all lines of a trace that matter for speed are accesses: those are scanned as bytes into typed columns, with
// no string and no bigint a line (test/trace shows the rate); other lines go through readEvent. Whoever opens
// the file unpacks it: this room has no file system.
import type { AccessColumns, ItrHandler } from "./itr-events.js";
import { LineError, printable } from "./itr-line.js";
import { readEvent } from "./itr-line-events.js";
import { TraceError } from "./trace-error.js";

const LINE_FEED = 10;
const BLANK = 32;
const LETTER_A = 97;
const MAX_LINE = 65536;

/** Value of a hexadecimal digit, 255 for other bytes. */
const DIGIT = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  DIGIT[value.toString(16).charCodeAt(0)] = value;
  DIGIT[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}
/** Code of an access letter: r 0, w 1, ? 2, 255 for other bytes. */
const ACCESS = new Uint8Array(256).fill(255);
ACCESS[114] = 0;
ACCESS[119] = 1;
ACCESS[63] = 2;

function digitAt(buf: Uint8Array, at: number): number {
  return DIGIT[buf[at] as number] as number;
}

/** Reads a trace in chunks and hands its events to a handler. */
export class ItrReader {
  readonly #handler: ItrHandler;
  readonly #file: string;
  readonly #columns: AccessColumns;
  readonly #capacity: number;
  readonly #carry = new Uint8Array(MAX_LINE);
  #carried = 0;
  #line = 0;

  /**
   * @param handler takes the events
   * @param options file: name for error messages, default "-"; capacity: accesses handed over at a time, 1..65536,
   *   default 4096
   * @throws RangeError when the capacity is out of range
   */
  constructor(handler: ItrHandler, options: { file?: string; capacity?: number } = {}) {
    const { file = "-", capacity = 4096 } = options;
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 65536) {
      throw new RangeError(`"capacity" expected integer in 1..65536, got ${capacity}`);
    }
    this.#handler = handler;
    this.#file = file;
    this.#capacity = capacity;
    this.#columns = {
      count: 0,
      stream: new Uint32Array(capacity),
      iova: new Uint32Array(2 * capacity),
      pa: new Uint32Array(2 * capacity),
      access: new Uint8Array(capacity),
      size: new Uint32Array(capacity),
      leafLg2: new Uint8Array(capacity),
      line: new Float64Array(capacity),
    };
  }

  /** Lines read so far. */
  get line(): number {
    return this.#line;
  }

  /**
   * Reads the next bytes of the trace; lines may be cut anywhere.
   * @param chunk bytes of text
   * @throws TraceError for the first malformed line, and what the handler throws
   */
  push(chunk: Uint8Array): void {
    let from = 0;
    if (this.#carried > 0) {
      const feed = chunk.indexOf(LINE_FEED);
      this.#keep(chunk, 0, feed < 0 ? chunk.length : feed + 1);
      if (feed < 0) return;
      const end = this.#carried;
      this.#carried = 0;
      this.#scan(this.#carry, 0, end);
      from = feed + 1;
    }
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > from) this.#scan(chunk, from, end);
    this.#keep(chunk, Math.max(from, end), chunk.length);
  }

  /**
   * Ends the trace: reads a last line without line feed and hands over the last accesses.
   * @throws TraceError when the last line is malformed or the trace is empty
   */
  end(): void {
    if (this.#carried > 0) this.push(Uint8Array.of(LINE_FEED));
    if (this.#line === 0) throw new TraceError(this.#file, 1, 'expected "#itr 1", got an empty file');
    this.#flush();
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.#carried + to - from > MAX_LINE) {
      throw new TraceError(this.#file, this.#line + 1, `line longer than ${MAX_LINE} bytes`);
    }
    this.#carry.set(chunk.subarray(from, to), this.#carried);
    this.#carried += to - from;
  }

  /** Reads whole lines: buf[from..end) ends with a line feed. */
  #scan(buf: Uint8Array, from: number, end: number): void {
    let at = from;
    while (at < end) {
      if (buf[at] === LETTER_A && this.#line > 0) {
        const next = this.#access(buf, at);
        if (next > 0) {
          at = next;
          continue;
        }
      }
      const feed = buf.indexOf(LINE_FEED, at);
      this.#line++;
      this.#other(buf.subarray(at, feed));
      at = feed + 1;
    }
  }

  /** Reads `a SID IOVA PA RW SIZE LG`; returns where the next line begins, or 0 when the line is malformed. */
  #access(buf: Uint8Array, start: number): number {
    const columns = this.#columns;
    const index = columns.count;
    if (buf[start + 1] !== BLANK) return 0;
    let at = start + 2;
    let first = at;
    let low = 0;
    let high = 0;
    // each number ends at a byte that is no digit: a blank, or the line is malformed
    for (let digit = digitAt(buf, at); digit < 16; digit = digitAt(buf, ++at)) low = (low << 4) | digit;
    if (buf[at] !== BLANK || at === first || at - first > 8) return 0;
    columns.stream[index] = low;

    first = ++at;
    low = 0;
    for (let digit = digitAt(buf, at); digit < 16; digit = digitAt(buf, ++at)) {
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    if (buf[at] !== BLANK || at === first || at - first > 16) return 0;
    columns.iova[2 * index] = low;
    columns.iova[2 * index + 1] = high;

    first = ++at;
    low = 0;
    high = 0;
    for (let digit = digitAt(buf, at); digit < 16; digit = digitAt(buf, ++at)) {
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    if (buf[at] !== BLANK || at === first || at - first > 13) return 0;
    columns.pa[2 * index] = low;
    columns.pa[2 * index + 1] = high;

    const access = ACCESS[buf[++at] as number] as number;
    if (access === 255 || buf[++at] !== BLANK) return 0;
    columns.access[index] = access;

    first = ++at;
    low = 0;
    for (let digit = digitAt(buf, at); digit < 10; digit = digitAt(buf, ++at)) low = low * 10 + digit;
    if (buf[at] !== BLANK || at === first || at - first > 9) return 0;
    columns.size[index] = low;

    first = ++at;
    low = 0;
    for (let digit = digitAt(buf, at); digit < 10; digit = digitAt(buf, ++at)) low = low * 10 + digit;
    if (buf[at] !== LINE_FEED || at === first || at - first > 2 || low > 63) return 0;
    columns.leafLg2[index] = low;

    columns.line[index] = ++this.#line;
    columns.count = index + 1;
    if (columns.count === this.#capacity) this.#flush();
    return at + 1;
  }

  #flush(): void {
    if (this.#columns.count > 0) this.#handler.accesses?.(this.#columns);
    this.#columns.count = 0;
  }

  #other(bytes: Uint8Array): void {
    if (bytes.length > MAX_LINE) {
      throw new TraceError(this.#file, this.#line, `line longer than ${MAX_LINE} bytes`);
    }
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    try {
      if (this.#line === 1) checkMagic(text);
      else readEvent(text, this.#handler, () => this.#flush());
    } catch (error) {
      if (error instanceof LineError) throw new TraceError(this.#file, this.#line, error.message);
      throw error;
    }
  }
}

function checkMagic(text: string): void {
  if (text !== "#itr 1") throw new LineError(`expected "#itr 1", got "${printable(text)}"`);
}
