// The contents of one section while it is written: little-endian values one after another, without padding. Long runs
// of bytes are kept as views, so that memory is copied once, into the finished file.

import { crc32 } from "./checksum.js";

const FIRST_ROOM = 256;
/** Runs of at least so many bytes are not copied before the file is put together. */
const LONG = 4096;
const encoder = new TextEncoder();

/** Takes the state of a part. */
export class StateWriter {
  readonly #pieces: Uint8Array[] = [];
  #room = new Uint8Array(FIRST_ROOM);
  #view = new DataView(this.#room.buffer);
  #used = 0;
  #done = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#done + this.#used;
  }

  /** CRC-32 of the bytes so far. */
  get checksum(): number {
    return this.#all().reduce((crc, piece) => crc32(piece, crc), 0);
  }

  /** Copies the bytes so far to `into`, from `at` on. */
  copyTo(into: Uint8Array, at: number): void {
    for (const piece of this.#all()) {
      into.set(piece, at);
      at += piece.length;
    }
  }

  #all(): Uint8Array[] {
    return [...this.#pieces, this.#room.subarray(0, this.#used)];
  }

  /** Place for `bytes` more bytes; returns where. */
  #take(bytes: number): number {
    const at = this.#used;
    if (at + bytes > this.#room.length) {
      const larger = new Uint8Array(Math.max(2 * this.#room.length, at + bytes));
      larger.set(this.#room.subarray(0, at));
      this.#room = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#used = at + bytes;
    return at;
  }

  /** A byte, 0..255. */
  u8(value: number): void {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  /** A byte, 1 or 0. */
  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  /** 4 bytes, 0..2^32-1. */
  u32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  /** 8 bytes, 0..2^64-1; numbers up to 2^53-1. */
  u64(value: bigint | number): void {
    const at = this.#take(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  /** A presence byte and, unless undefined, the value. */
  optional<T>(value: T | undefined, write: (value: T) => void): void {
    this.flag(value !== undefined);
    if (value !== undefined) write(value);
  }

  /** A count of 4 bytes, and the items. */
  list<T>(items: Iterable<T>, write: (item: T) => void): void {
    const all = [...items];
    this.u32(all.length);
    for (const item of all) write(item);
  }

  /** Bytes, whose number the reader knows. A view of memory must stay as it is until the file is put together. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length < LONG) {
      // First: it may make a larger room.
      const at = this.#take(bytes.length);
      this.#room.set(bytes, at);
      return;
    }
    this.#pieces.push(this.#room.subarray(0, this.#used), bytes);
    this.#done += this.#used + bytes.length;
    this.#room = new Uint8Array(FIRST_ROOM);
    this.#view = new DataView(this.#room.buffer);
    this.#used = 0;
  }

  /** A length byte, and so many bytes of UTF-8; at most 255. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    this.u8(bytes.length);
    this.bytes(bytes);
  }
}
