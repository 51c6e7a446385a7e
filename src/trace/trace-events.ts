// TraceEvents: events of a trace, decoded, as a structure of arrays. Readers of every format fill it, a block at a time;
// a replay reads it without text, strings or bigints. 64-bit values are pairs of words, low word first.
//
//   kind         iova            pa         size        code                   text or arguments
//   HEADER                                                                     "KEY VALUE"
//   STREAM       D0 (signed)     D1                     1: never translated
//   WINDOW       microseconds
//   ELAPSED      microseconds
//   MAP, UNMAP   address         address    bytes       direction (MAP)
//   ACCESS       address         address    bytes       0 read, 1 write, 2 ?
//   INVALIDATE                                          index of the command   its numbers
//   REGISTER     value                                                         offset: in `stream`
//   BYPASS       address                                as ACCESS              why
//   FAULT        address                                as ACCESS              what

/** Kinds of events. */
export const EVENT = {
  HEADER: 0,
  STREAM: 1,
  WINDOW: 2,
  ELAPSED: 3,
  MAP: 4,
  UNMAP: 5,
  ACCESS: 6,
  INVALIDATE: 7,
  REGISTER: 8,
  BYPASS: 9,
  FAULT: 10,
} as const;

/** Bits of `flags`. */
export const FLAG = {
  /** MAP, UNMAP: the trace does not know the stream. */
  NO_STREAM: 1,
  /** MAP: live at the start of the window. */
  LIVE: 2,
  /** ACCESS: the trace does not know the physical address. */
  NO_PA: 4,
  /** FAULT: the record has no address. */
  NO_IOVA: 8,
} as const;

/** Bit of `pasid` that says that there is one, as in the columns of a batch. */
export const PASID_VALID = 0x8000_0000;

/** Most numbers that one event adds to `args`. */
const MOST_ARGS = 8;

/** The columns of a buffer as plain arrays, which can be sent to another thread. */
export interface EventColumns {
  readonly count: number;
  readonly kind: Uint8Array;
  readonly code: Uint8Array;
  readonly flags: Uint8Array;
  readonly leafLg2: Uint8Array;
  readonly stream: Uint32Array;
  readonly pasid: Uint32Array;
  readonly iova: Uint32Array;
  readonly pa: Uint32Array;
  readonly size: Uint32Array;
  readonly index: Uint32Array;
  readonly line: Float64Array;
  readonly args: Uint32Array;
  readonly texts: string[];
}

/** Decoded events in the order of the trace, one array a column. */
export class TraceEvents {
  /** Events in the columns. */
  count = 0;
  /** EVENT: what happened. */
  kind!: Uint8Array;
  /** Access, direction (0 r, 1 w, 2 both, 3 not known), or command; see above. */
  code!: Uint8Array;
  /** FLAG bits. */
  flags!: Uint8Array;
  /** ACCESS: log2 of the page that the recording found, 0 where not known. */
  leafLg2!: Uint8Array;
  /** StreamID. */
  stream!: Uint32Array;
  /** 0, or bit 31 and the PASID. */
  pasid!: Uint32Array;
  /** Input addresses as pairs of words. */
  iova!: Uint32Array;
  /** Physical addresses as pairs of words. */
  pa!: Uint32Array;
  /** Bytes as pairs of words; of an access 0 where not known. */
  size!: Uint32Array;
  /** Index of the event's first number in `args`, or of its text in `texts`. */
  index!: Uint32Array;
  /** Line numbers, from 1. */
  line!: Float64Array;
  /** Numbers of invalidations as pairs of words. */
  args!: Uint32Array;
  /** Numbers in `args`. */
  argCount = 0;
  /** Texts of HEADER, BYPASS and FAULT. */
  texts: string[] = [];
  #capacity = 0;

  /** @param capacity events to make room for, at least 1 */
  constructor(capacity = 1024) {
    this.reserve(Math.max(1, capacity));
  }

  /** Events that fit before the columns have to grow. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Forgets all events; the room stays. */
  clear(): void {
    this.count = 0;
    this.argCount = 0;
    if (this.texts.length > 0) this.texts = [];
  }

  /**
   * Makes room; columns are replaced when they have to grow.
   * @param events how many events must fit
   */
  reserve(events: number): void {
    if (events > this.#capacity) {
      const capacity = Math.max(events, 2 * this.#capacity);
      const u8 = (old?: Uint8Array): Uint8Array => copy(new Uint8Array(capacity), old);
      const u32 = (old: Uint32Array | undefined, width = 1): Uint32Array =>
        copy(new Uint32Array(width * capacity), old);
      this.kind = u8(this.kind);
      this.code = u8(this.code);
      this.flags = u8(this.flags);
      this.leafLg2 = u8(this.leafLg2);
      this.stream = u32(this.stream);
      this.pasid = u32(this.pasid);
      this.iova = u32(this.iova, 2);
      this.pa = u32(this.pa, 2);
      this.size = u32(this.size, 2);
      this.index = u32(this.index);
      this.line = copy(new Float64Array(capacity), this.line);
      this.#capacity = capacity;
    }
    if (this.args === undefined) this.args = new Uint32Array(2 * MOST_ARGS * Math.min(events, 1024));
  }

  /** Makes room for the numbers of one more event. */
  reserveArgs(count = MOST_ARGS): void {
    const words = 2 * (this.argCount + count);
    if (words > this.args.length) this.args = copy(new Uint32Array(2 * words), this.args);
  }

  /**
   * Adds an event whose other columns are 0.
   * @param kind EVENT
   * @param line line number
   * @returns its index
   */
  add(kind: number, line: number): number {
    const at = this.count;
    this.reserve(at + 1);
    this.kind[at] = kind;
    this.code[at] = 0;
    this.flags[at] = 0;
    this.leafLg2[at] = 0;
    this.stream[at] = 0;
    this.pasid[at] = 0;
    this.iova[2 * at] = 0;
    this.iova[2 * at + 1] = 0;
    this.pa[2 * at] = 0;
    this.pa[2 * at + 1] = 0;
    this.size[2 * at] = 0;
    this.size[2 * at + 1] = 0;
    this.index[at] = 0;
    this.line[at] = line;
    this.count = at + 1;
    return at;
  }

  /** Gives an invalidation its numbers; negative ones as two's complement. */
  addArgs(at: number, values: readonly bigint[]): void {
    this.reserveArgs(values.length);
    this.index[at] = this.argCount;
    for (const value of values) setU64(this.args, this.argCount++, value);
  }

  /** Gives an event its text. */
  addText(at: number, text: string): void {
    this.index[at] = this.texts.push(text) - 1;
  }

  /** Text of a HEADER, BYPASS or FAULT event. */
  text(at: number): string {
    return this.texts[this.index[at] as number] ?? "";
  }

  /** Copies of the columns, as long as they have events. */
  columns(): EventColumns {
    const { count } = this;
    return {
      count,
      kind: this.kind.slice(0, count),
      code: this.code.slice(0, count),
      flags: this.flags.slice(0, count),
      leafLg2: this.leafLg2.slice(0, count),
      stream: this.stream.slice(0, count),
      pasid: this.pasid.slice(0, count),
      iova: this.iova.slice(0, 2 * count),
      pa: this.pa.slice(0, 2 * count),
      size: this.size.slice(0, 2 * count),
      index: this.index.slice(0, count),
      line: this.line.slice(0, count),
      args: this.args.slice(0, 2 * this.argCount),
      texts: this.texts,
    };
  }

  /**
   * A buffer over columns that came from another thread.
   * @param columns what columns() gave; the buffer goes on with these arrays
   */
  static of(columns: EventColumns): TraceEvents {
    const events = new TraceEvents();
    Object.assign(events, columns);
    events.argCount = columns.args.length / 2;
    events.#capacity = columns.count;
    return events;
  }

  /** Copies one event of another buffer behind those that are here. */
  copy(other: TraceEvents, from: number): void {
    const kind = other.kind[from] as number;
    const at = this.add(kind, other.line[from] as number);
    this.code[at] = other.code[from] as number;
    this.flags[at] = other.flags[from] as number;
    this.leafLg2[at] = other.leafLg2[from] as number;
    this.stream[at] = other.stream[from] as number;
    this.pasid[at] = other.pasid[from] as number;
    for (let word = 0; word < 2; word++) {
      this.iova[2 * at + word] = other.iova[2 * from + word] as number;
      this.pa[2 * at + word] = other.pa[2 * from + word] as number;
      this.size[2 * at + word] = other.size[2 * from + word] as number;
    }
    if (kind === EVENT.INVALIDATE) {
      this.reserveArgs();
      this.index[at] = this.argCount;
      const first = 2 * (other.index[from] as number);
      this.args.set(other.args.subarray(first, first + 2 * MOST_ARGS), 2 * this.argCount);
      this.argCount += MOST_ARGS;
    } else if (kind === EVENT.HEADER || kind === EVENT.BYPASS || kind === EVENT.FAULT) {
      this.addText(at, other.text(from));
    }
  }

  /** Copies all events of another buffer behind those that are here. */
  append(other: TraceEvents): void {
    const at = this.count;
    const { count } = other;
    this.reserve(at + count);
    this.kind.set(other.kind.subarray(0, count), at);
    this.code.set(other.code.subarray(0, count), at);
    this.flags.set(other.flags.subarray(0, count), at);
    this.leafLg2.set(other.leafLg2.subarray(0, count), at);
    this.stream.set(other.stream.subarray(0, count), at);
    this.pasid.set(other.pasid.subarray(0, count), at);
    this.iova.set(other.iova.subarray(0, 2 * count), 2 * at);
    this.pa.set(other.pa.subarray(0, 2 * count), 2 * at);
    this.size.set(other.size.subarray(0, 2 * count), 2 * at);
    this.line.set(other.line.subarray(0, count), at);
    this.index.set(other.index.subarray(0, count), at);
    for (let i = 0; i < count; i++) {
      const kind = other.kind[i];
      if (kind === EVENT.INVALIDATE) this.index[at + i] = (other.index[i] as number) + this.argCount;
      else if (other.texts.length > 0) this.index[at + i] = (other.index[i] as number) + this.texts.length;
    }
    this.reserveArgs(other.argCount);
    this.args.set(other.args.subarray(0, 2 * other.argCount), 2 * this.argCount);
    this.argCount += other.argCount;
    this.texts.push(...other.texts);
    this.count = at + count;
  }
}

function copy<T extends Uint8Array | Uint32Array | Float64Array>(to: T, from: T | undefined): T {
  if (from !== undefined) to.set(from);
  return to;
}

/** A 64-bit value of a column of pairs. */
export function u64At(pairs: Uint32Array, at: number): bigint {
  return (BigInt(pairs[2 * at + 1] as number) << 32n) | BigInt(pairs[2 * at] as number);
}

/** The same as a number: exact below 2^53, and above 2^53 never below it. */
export function f64At(pairs: Uint32Array, at: number): number {
  return (pairs[2 * at + 1] as number) * 2 ** 32 + (pairs[2 * at] as number);
}

/** Sets a 64-bit value; negative ones as two's complement. */
export function setU64(pairs: Uint32Array, at: number, value: bigint): void {
  pairs[2 * at] = Number(BigInt.asUintN(32, value));
  pairs[2 * at + 1] = Number(BigInt.asUintN(32, value >> 32n));
}
