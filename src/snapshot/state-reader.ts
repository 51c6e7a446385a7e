// The contents of one section while it is read. Nothing is trusted: every value is checked against the end of the section
// and against what it may be, and whatever is wrong ends in a SnapshotError with its place in the file.

import { SnapshotError } from "./snapshot-error.js";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Gives the state of a part back. */
export class StateReader {
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  #at = 0;
  /** Where the value begins that was read last. */
  #last = 0;

  /**
   * Reads a section from its start.
   *
   * @param name of the section
   * @param bytes its contents
   * @param base where they are in the file
   */
  constructor(name: string, bytes: Uint8Array, base: number) {
    this.#name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /**
   * Refuses the value that was read last.
   *
   * @throws SnapshotError always
   */
  refuse(reason: string, cause?: unknown): never {
    throw new SnapshotError(`section "${this.#name}": ${reason}`, this.#base + this.#last, cause);
  }

  /** Refuses the value that was read last unless `holds`. */
  expect(holds: boolean, what: string, expected: string, got: unknown): void {
    if (!holds) this.refuse(`"${what}" expected ${expected}, got ${String(got)}`);
  }

  /** Makes something of the values that were read; what it throws is why they are refused. */
  attempt<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (error instanceof SnapshotError) throw error;
      return this.refuse(error instanceof Error ? error.message : String(error), error);
    }
  }

  #take(bytes: number, what: string): number {
    const at = this.#at;
    this.#last = at;
    if (bytes > this.left)
      this.refuse(`"${what}" expected ${bytes} bytes, got the ${this.left} that are left`);
    this.#at = at + bytes;
    return at;
  }

  /** A byte. */
  u8(what: string, most = 0xff): number {
    const value = this.#view.getUint8(this.#take(1, what));
    this.expect(value <= most, what, `0..${most}`, value);
    return value;
  }

  /** A byte, 1 or 0. */
  flag(what: string): boolean {
    return this.u8(what, 1) === 1;
  }

  /** 4 bytes. */
  u32(what: string, most = 0xffffffff): number {
    const value = this.#view.getUint32(this.#take(4, what), true);
    this.expect(value <= most, what, `0..${most}`, value);
    return value;
  }

  /** 8 bytes. */
  u64(what: string): bigint {
    return this.#view.getBigUint64(this.#take(8, what), true);
  }

  /** 8 bytes that are a number. */
  number(what: string, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.u64(what);
    this.expect(value <= BigInt(most), what, `0..${most}`, value);
    return Number(value);
  }

  /** A presence byte and, if it is 1, a value. */
  optional<T>(what: string, read: () => T): T | undefined {
    return this.flag(what) ? read() : undefined;
  }

  /**
   * A count and so many items.
   *
   * @param most how many a machine can have
   * @param itemBytes length of the shortest item, 1 or more: what is not there is not made room for
   */
  list<T>(what: string, most: number, itemBytes: number, read: () => T): T[] {
    const count = this.u32(what, most);
    this.expect(count * itemBytes <= this.left, what, `at most ${Math.floor(this.left / itemBytes)}`, count);
    const items: T[] = [];
    for (let n = 0; n < count; n++) items.push(read());
    return items;
  }

  /** So many bytes, a view of the file. */
  bytes(what: string, count: number): Uint8Array {
    const at = this.#take(count, what);
    return this.#bytes.subarray(at, at + count);
  }

  /** A length byte and so many bytes of UTF-8. */
  text(what: string): string {
    const bytes = this.bytes(what, this.u8(what));
    return this.attempt(() => decoder.decode(bytes));
  }

  /** Leaves the rest unread. */
  skip(): void {
    this.#at = this.#bytes.length;
  }

  /** Refuses bytes that nobody has read. */
  end(): void {
    this.#last = this.#at;
    if (this.left > 0) this.refuse(`expected its end, got ${this.left} bytes more`);
  }
}
