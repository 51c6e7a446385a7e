// ItrWriter: writes "#itr 1" traces, one line a call; the inverse of ItrReader.
import { INVALIDATIONS } from "./invalidations.js";
import type { ItrAccess, ItrDirection } from "./itr-events.js";

/** Builds the text of a trace. */
export class ItrWriter {
  readonly #version: 1 | 2;
  #lines: string[];

  /**
   * @param options version: 2 writes "#itr 2", in which a stream may have PASIDs; default 1
   */
  constructor(options: { version?: 1 | 2 } = {}) {
    this.#version = options.version ?? 1;
    this.#lines = [`#itr ${this.#version}`];
  }

  /** Writes `# KEY VALUE`. */
  header(key: string, value: string): this {
    return this.#add("#", key, value);
  }

  /** Writes `s`: the domain of a stream; both undefined for one that is never translated, -1 for a stage not in use. */
  stream(stream: number, d0: number | undefined, d1: number | undefined, pasid?: number): this {
    return this.#add("s", ...this.#source(stream, pasid), domain(d0), domain(d1));
  }

  /** Writes `w`: a window begins, microseconds after the first event of the run. */
  window(time: number): this {
    return this.#add("w", String(time));
  }

  /** Writes `t`: microseconds have passed. */
  elapsed(microseconds: number): this {
    return this.#add("t", String(microseconds));
  }

  /** Writes `M` (live) or `m`: a mapping; stream -1 when it is not known. */
  map(
    stream: number,
    iova: bigint,
    pa: bigint,
    size: bigint,
    direction: ItrDirection,
    live = false,
    pasid?: number,
  ): this {
    const source = this.#source(stream, pasid);
    return this.#add(live ? "M" : "m", ...source, hex(iova), hex(pa), hex(size), direction);
  }

  /** Writes `u`: a mapping goes. */
  unmap(stream: number, iova: bigint, size: bigint, pasid?: number): this {
    return this.#add("u", ...this.#source(stream, pasid), hex(iova), hex(size));
  }

  /** Writes `a`: an access of `size` bytes (0: not known) through a page of 2^leafLg2 bytes. */
  access(
    stream: number,
    iova: bigint,
    pa: bigint,
    access: ItrAccess,
    size: number,
    leafLg2: number,
    pasid?: number,
  ): this {
    const source = this.#source(stream, pasid);
    return this.#add("a", ...source, hex(iova), hex(pa), access, String(size), String(leafLg2));
  }

  /**
   * Writes `i`: an invalidation command.
   * @param kind as ItrHandler.invalidate has it
   * @param args its numbers
   * @throws RangeError when the kind is unknown or the count of arguments is wrong
   */
  invalidate(kind: string, ...args: (number | bigint)[]): this {
    const names = INVALIDATIONS.get(kind);
    if (names?.length !== args.length) {
      throw new RangeError(`"kind" expected a command with ${args.length} argument(s), got "${kind}"`);
    }
    return this.#add("i", kind, ...args.map(hex));
  }

  /** Writes `r`: a register write. */
  register(offset: number, value: bigint): this {
    return this.#add("r", hex(offset), hex(value));
  }

  /** Writes `b`: an access that bypassed translation. */
  bypass(stream: number, iova: bigint, access: ItrAccess, why: string): this {
    return this.#add("b", hex(stream), hex(iova), access, why);
  }

  /** Writes `f`: a recorded fault. */
  fault(stream: number, what: string, iova?: bigint, access: ItrAccess = "?"): this {
    return iova === undefined
      ? this.#add("f", hex(stream), what)
      : this.#add("f", hex(stream), what, hex(iova), access);
  }

  /** Returns the trace so far, with a line feed after every line. */
  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  /** Returns the trace since the last call and forgets it: for traces that are longer than memory. */
  take(): string {
    const text = this.#lines.length === 0 ? "" : this.toString();
    this.#lines = [];
    return text;
  }

  /** SID and, in version 2, P<pasid>. Throws RangeError for a PASID in version 1 or out of range. */
  #source(stream: number, pasid: number | undefined): string[] {
    if (pasid === undefined) return [streamOf(stream)];
    if (this.#version < 2) throw new RangeError('"pasid" expected none in "#itr 1", got one');
    if (!Number.isInteger(pasid) || pasid < 0 || pasid > 0xfffff) {
      throw new RangeError(`"pasid" expected integer in 0..2^20-1, got ${pasid}`);
    }
    return [streamOf(stream), `P${hex(pasid)}`];
  }

  #add(...fields: string[]): this {
    this.#lines.push(fields.join(" "));
    return this;
  }
}

const hex = (value: number | bigint): string => value.toString(16);
const streamOf = (stream: number): string => (stream < 0 ? "-" : hex(stream));
const domain = (value: number | undefined): string =>
  value === undefined ? "-" : value < 0 ? "-1" : hex(value);
