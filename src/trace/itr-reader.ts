// ItrReader: reads "#itr 1" and "#itr 2" traces from chunks of bytes and calls a handler's method for each event, in
// memory that does not grow with the trace. What is fast reads blocks of events instead (ItrDecoder, TraceEvents).
import { EventDispatcher } from "./event-dispatcher.js";
import { ItrDecoder } from "./itr-decoder.js";
import type { ItrHandler } from "./itr-events.js";

/** Reads a trace in chunks and hands its events to a handler. */
export class ItrReader {
  readonly #dispatcher: EventDispatcher;
  readonly #decoder: ItrDecoder;

  /**
   * @param handler takes the events
   * @param options file: name for error messages, default "-"; capacity: accesses handed over at a time, 1..65536,
   *   default 4096
   * @throws RangeError when the capacity is out of range
   */
  constructor(handler: ItrHandler, options: { file?: string; capacity?: number } = {}) {
    const { capacity = 4096 } = options;
    this.#decoder = new ItrDecoder((events) => this.#dispatcher.dispatch(events), options);
    this.#dispatcher = new EventDispatcher(handler, capacity);
  }

  /** Lines read so far. */
  get line(): number {
    return this.#decoder.line;
  }

  /**
   * Reads the next bytes of the trace; lines may be cut anywhere.
   * @param chunk bytes of text
   * @throws TraceError for the first malformed line, and what the handler throws
   */
  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
    this.#decoder.flush();
  }

  /**
   * Ends the trace: reads a last line without line feed and hands over the last accesses.
   * @throws TraceError when the last line is malformed or the trace is empty
   */
  end(): void {
    this.#decoder.end();
    this.#dispatcher.flush();
  }
}
