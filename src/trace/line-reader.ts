// LineReader: what all readers of text traces do alike. Chunks of bytes are cut into whole lines, in memory that does not
// grow with the trace; decoded events are handed over in blocks; a malformed line is reported with its number and is
// either the end or passed over. Whoever opens the file unpacks it: this room has no file system.
import { TraceError } from "./trace-error.js";
import { TraceEvents } from "./trace-events.js";

const LINE_FEED = 10;
/** Most bytes of a line. */
export const MAX_LINE = 65536;

/** Cause of a malformed line; the reader adds file and line number. */
export class LineError extends Error {}

/** How a trace is read. */
export interface TraceReaderOptions {
  /** Name for error messages; default "-". */
  file?: string;
  /** Most events handed over at a time, 1..65536; default 4096. */
  capacity?: number;
  /** Takes the errors of malformed lines, which are then passed over; absent: the first one is thrown. */
  onSkip?: (error: TraceError) => void;
}

/** Takes decoded events; they are good until it returns. */
export type TraceSink = (events: TraceEvents) => void;

/** A reader of one format: bytes in, blocks of events out. */
export interface TraceReader {
  /** Lines read so far. */
  readonly line: number;
  /** Reads the next bytes of the trace; lines may be cut anywhere. */
  push(chunk: Uint8Array): void;
  /** Hands over what was read so far, before the block is full: for who shows a trace while it plays. */
  flush(): void;
  /** Ends the trace: the last line may lack its line feed. */
  end(): void;
}

/** Cuts chunks into lines. */
export abstract class LineReader implements TraceReader {
  /** The block that is filled at the moment. */
  protected readonly events: TraceEvents;
  protected lineNumber = 0;
  protected readonly capacity: number;
  readonly #sink: TraceSink;
  readonly #file: string;
  readonly #onSkip: ((error: TraceError) => void) | undefined;
  readonly #carry = new Uint8Array(MAX_LINE);
  #carried = 0;
  /** Inside a line that is too long and passed over. */
  #skipping = false;

  /**
   * @param sink takes the events
   * @param options file, capacity, what becomes of malformed lines
   * @throws RangeError when the capacity is out of range
   */
  constructor(sink: TraceSink, options: TraceReaderOptions = {}) {
    const { file = "-", capacity = 4096, onSkip } = options;
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 65536) {
      throw new RangeError(`"capacity" expected integer in 1..65536, got ${capacity}`);
    }
    this.#sink = sink;
    this.#file = file;
    this.#onSkip = onSkip;
    this.capacity = capacity;
    // one line may make a few events
    this.events = new TraceEvents(capacity + 64);
  }

  /** Lines read so far. */
  get line(): number {
    return this.lineNumber;
  }

  /**
   * Reads the next bytes of the trace; lines may be cut anywhere.
   * @param chunk bytes of text
   * @throws TraceError for the first malformed line, and what the sink throws
   */
  push(chunk: Uint8Array): void {
    let from = 0;
    if (this.#carried > 0 || this.#skipping) {
      const feed = chunk.indexOf(LINE_FEED);
      this.#keep(chunk, 0, feed < 0 ? chunk.length : feed + 1);
      if (feed < 0) return;
      from = feed + 1;
      if (this.#skipping) this.#skipping = false;
      else this.#scanCarry();
    }
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > from) this.scan(chunk, from, end);
    this.#keep(chunk, Math.max(from, end), chunk.length);
  }

  /**
   * Ends the trace: reads a last line without line feed and hands over the last events.
   * @throws TraceError when the last line is malformed or the trace is empty
   */
  end(): void {
    if (this.#carried > 0) this.push(Uint8Array.of(LINE_FEED));
    if (this.lineNumber === 0)
      throw new TraceError(this.#file, 1, `expected ${this.expected}, got an empty file`);
    this.finish();
    this.handOver();
  }

  /** Adds what was held back until the end. */
  protected finish(): void {}

  /** Hands over what was read so far, before the block is full. */
  flush(): void {
    this.handOver();
  }

  /** What a trace of this format begins with, for messages. */
  protected abstract readonly expected: string;

  /** Reads one line, buf[from..to), into `events`; its number is `lineNumber`. Throws LineError when it is malformed. */
  protected abstract read(buf: Uint8Array, from: number, to: number): void;

  /** Reads whole lines: buf[from..end) ends with a line feed. */
  protected scan(buf: Uint8Array, from: number, end: number): void {
    for (let at = from; at < end; ) {
      const feed = buf.indexOf(LINE_FEED, at);
      this.readLine(buf, at, feed);
      at = feed + 1;
    }
  }

  /** Reads the next line; the error of a malformed one is thrown or handed over. */
  protected readLine(buf: Uint8Array, from: number, to: number): void {
    this.lineNumber++;
    const { count, argCount } = this.events;
    try {
      if (to - from > MAX_LINE) throw new LineError(`line longer than ${MAX_LINE} bytes`);
      this.read(buf, from, to);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.events.count = count;
      this.events.argCount = argCount;
      this.#malformed(error.message);
    }
    if (this.events.count >= this.capacity) this.handOver();
  }

  /** Hands the events over. */
  protected handOver(): void {
    if (this.events.count > 0) this.#sink(this.events);
    this.events.clear();
  }

  #scanCarry(): void {
    const end = this.#carried;
    this.#carried = 0;
    this.scan(this.#carry, 0, end);
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.#skipping) return;
    if (this.#carried + to - from > MAX_LINE) {
      this.#carried = 0;
      this.#skipping = true;
      this.lineNumber++;
      this.#malformed(`line longer than ${MAX_LINE} bytes`);
      return;
    }
    this.#carry.set(chunk.subarray(from, to), this.#carried);
    this.#carried += to - from;
  }

  #malformed(reason: string): void {
    const error = new TraceError(this.#file, this.lineNumber, reason);
    // what came before it happened before it
    if (this.#onSkip === undefined || this.lineNumber === 1) {
      this.handOver();
      throw error;
    }
    this.#onSkip(error);
  }
}

/** Text of a line, one character a byte. */
export function textOf(buf: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(buf[at] as number);
  return text;
}

/** Text from outside, made fit for one line of a message. */
export function printable(text: string): string {
  const safe = text.replace(/[^\x20-\x7e]/g, "?");
  return safe.length > 40 ? `${safe.slice(0, 40)}...` : safe;
}
