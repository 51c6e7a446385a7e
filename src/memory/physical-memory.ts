// Simulated physical memory as users see it: sparse 52-bit addresses, little-endian, bytes that nobody
// wrote read 0. Backed by 64 KiB frames in the core's linear memory, so the core sees every write at once.

import type { Core } from "../core/core.js";
import type { FrameRange } from "../core/frames.js";
import type { StateReader } from "../snapshot/state-reader.js";
import { FRAME_FLAG_DIRTY, FRAME_FLAG_EXTERNAL, FRAME_FLAG_MIXED } from "../spec/abi/core.js";
import { ExternalMemory } from "./external-memory.js";
import { BusError, checkUnsigned } from "./memory-access.js";
import { type ExternalRange, frameFlags, PHYSICAL_LIMIT } from "./ranges.js";

export { BusError } from "./memory-access.js";

const FRAME_BYTES = 65536;
const FRAME_LG2 = 16n;
const FRAME_LAST = 0xffffn;
/** Frames in which a word cannot be read, or written, directly. */
const READ_LONG_WAY = FRAME_FLAG_MIXED;
const WRITE_LONG_WAY = FRAME_FLAG_MIXED | FRAME_FLAG_EXTERNAL;

/** Simulated physical memory of one machine. All addresses are bigint, 0..2^52-1. */
export class PhysicalMemory {
  readonly #core: Core;
  readonly #external: ExternalMemory;
  #ranges: readonly FrameRange[];
  /** Changed frames wait for the embedder's store, one that threw included. */
  #mustStore = false;

  /** @internal */
  constructor(core: Core, ranges: readonly FrameRange[], external: readonly ExternalRange[]) {
    this.#core = core;
    this.#ranges = ranges;
    this.#external = new ExternalMemory(external);
  }

  /** @internal New ranges after a reset. */
  redeclare(ranges: readonly FrameRange[]): void {
    this.#ranges = ranges;
  }

  /** @internal Takes over frames that Frames.save wrote. */
  load(from: StateReader): void {
    this.#core.frames.load(from, (frame) => frameFlags(this.#ranges, BigInt(frame)));
    this.#mustStore = this.#core.frames.flagged(FRAME_FLAG_DIRTY).length > 0;
  }

  /** Bytes of simulated RAM that are backed at the moment, a multiple of 64 KiB. */
  get backedBytes(): number {
    return this.#core.frames.count * FRAME_BYTES;
  }

  /**
   * Whether the byte at `pa` is memory.
   *
   * @param pa byte address, 0..2^52-1
   */
  isRam(pa: bigint): boolean {
    return this.#ranges.some((range) => pa >= range.base && pa <= range.last);
  }

  #require(pa: bigint, length: number): void {
    if (typeof pa !== "bigint") throw new TypeError(`"pa" expected bigint in 0..2^52-1, got ${typeof pa}`);
    if (pa < 0n || pa + BigInt(length) > PHYSICAL_LIMIT) {
      throw new RangeError(`"pa" expected ${length} bytes inside 0..2^52-1, got 0x${pa.toString(16)}`);
    }
    let at = pa;
    const end = pa + BigInt(length);
    while (at < end) {
      const range = this.#ranges.find((candidate) => at >= candidate.base && at <= candidate.last);
      if (!range) throw new BusError(`no memory at physical address 0x${at.toString(16)}`);
      at = range.last + 1n;
    }
  }

  #flagsOf(frame: bigint): number {
    return frameFlags(this.#ranges, frame) ?? FRAME_FLAG_MIXED;
  }

  /** Linear offset of the frame of `pa`, backed if need be. */
  #back(pa: bigint): number {
    const frame = pa >> FRAME_LG2;
    const known = this.#core.frames.find(Number(frame));
    if (known >= 0) return known;
    const flags = this.#flagsOf(frame);
    if (flags !== FRAME_FLAG_EXTERNAL) return this.#core.frames.take(Number(frame), flags);
    // Asked for before the frame is taken: an embedder's error leaves nothing half done.
    const bytes = this.#external.frame(frame << FRAME_LG2);
    const at = this.#core.frames.take(Number(frame), flags);
    this.#core.u8.set(bytes, at);
    return at;
  }

  /** Backs all frames of a write, so that one that does not fit changes nothing. */
  #backAll(pa: bigint, length: number): void {
    if (length <= 0) return;
    const first = pa >> FRAME_LG2;
    const last = (pa + BigInt(length) - 1n) >> FRAME_LG2;
    this.#core.frames.checkRoom(Number(first), Number(last));
    for (let frame = first; frame <= last; frame++) this.#back(frame << FRAME_LG2);
  }

  /** @internal Backs the frame that stopped a batch. */
  supply(pa: bigint): void {
    this.#back(pa);
  }

  /** @internal Hands frames that the core changed back to the embedder. */
  storeChanged(): void {
    if (this.#core.exports.takeDirtied() > 0) this.#mustStore = true;
    if (!this.#mustStore) return;
    for (const frame of this.#core.frames.flagged(FRAME_FLAG_DIRTY)) {
      const pa = BigInt(frame) << FRAME_LG2;
      const at = this.#core.frames.find(frame);
      this.#external.store(pa, this.#core.u8.subarray(at, at + FRAME_BYTES));
      // Only then: if the embedder's store throws, the change is offered again.
      this.#core.frames.clearFlag(frame, FRAME_FLAG_DIRTY);
    }
    this.#mustStore = false;
  }

  /**
   * Reads `into.length` bytes.
   *
   * @param pa first byte, 0..2^52-1
   * @param into receives the bytes
   * @throws BusError when part of it is not memory
   */
  readInto(pa: bigint, into: Uint8Array): void {
    this.#require(pa, into.length);
    let done = 0;
    while (done < into.length) {
      const at = pa + BigInt(done);
      const offset = Number(at & FRAME_LAST);
      const n = Math.min(into.length - done, FRAME_BYTES - offset);
      let frame = this.#core.frames.find(Number(at >> FRAME_LG2));
      if (frame < 0 && this.#flagsOf(at >> FRAME_LG2) === FRAME_FLAG_EXTERNAL) frame = this.#back(at);
      if (frame < 0) into.fill(0, done, done + n);
      else into.set(this.#core.u8.subarray(frame + offset, frame + offset + n), done);
      done += n;
    }
  }

  /**
   * Writes `bytes`.
   *
   * @param pa first byte, 0..2^52-1
   * @throws BusError when part of it is not memory, MemoryLimitError when `memoryLimit` has no room for all of it
   */
  write(pa: bigint, bytes: Uint8Array): void {
    const quick = this.#quick(pa, 1, WRITE_LONG_WAY);
    if (quick >= 0 && (quick % FRAME_BYTES) + bytes.length <= FRAME_BYTES) {
      this.#core.u8.set(bytes, quick);
      return;
    }
    this.#require(pa, bytes.length);
    this.#backAll(pa, bytes.length);
    let done = 0;
    while (done < bytes.length) {
      const at = pa + BigInt(done);
      const offset = Number(at & FRAME_LAST);
      const n = Math.min(bytes.length - done, FRAME_BYTES - offset);
      const frame = this.#back(at);
      this.#core.u8.set(bytes.subarray(done, done + n), frame + offset);
      this.#external.store(at, bytes.subarray(done, done + n));
      done += n;
    }
  }

  /**
   * A copy of `length` bytes from `pa` on.
   *
   * @throws BusError when part of it is not memory
   */
  read(pa: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.readInto(pa, bytes);
    return bytes;
  }

  /** Linear offset for a naturally aligned access of `size` bytes, or -1 when it must go the long way. */
  #quick(pa: bigint, size: number, refused: number): number {
    if (typeof pa !== "bigint" || pa < 0n || pa >= PHYSICAL_LIMIT) return -1;
    const at = Number(pa);
    const number = Math.floor(at / FRAME_BYTES);
    const offset = at - number * FRAME_BYTES;
    if (offset % size !== 0) return -1;
    const frame = this.#core.frames.find(number, refused);
    return frame < 0 ? -1 : frame + offset;
  }

  /** @internal Words from `pa` on, live until memory grows; none beyond a frame or where it is not plain backed RAM. */
  wordsAt(pa: number, bytes: number): Uint32Array | undefined {
    const offset = pa - Math.floor(pa / FRAME_BYTES) * FRAME_BYTES;
    const index = offset + bytes > FRAME_BYTES ? -1 : this.wordIndexAt(pa);
    return index < 0 ? undefined : new Uint32Array(this.#core.buffer, 4 * index, bytes / 4);
  }

  /** @internal Index in `allWords` of the word at `pa`, a multiple of 4, or -1. */
  wordIndexAt(pa: number): number {
    const start = Math.floor(pa / FRAME_BYTES);
    const frame = this.#core.frames.find(start, WRITE_LONG_WAY);
    return frame < 0 ? -1 : (frame + pa - start * FRAME_BYTES) / 4;
  }

  /** @internal All of linear memory as words: another array when it has grown, or when frames have gone. */
  allWords(): Uint32Array {
    return this.#core.u32;
  }

  /** The byte at `pa`. */
  readU8(pa: bigint): number {
    return this.read(pa, 1)[0] ?? 0;
  }

  /** The little-endian 32-bit word at `pa`. */
  readU32(pa: bigint): number {
    const at = this.#quick(pa, 4, READ_LONG_WAY);
    if (at >= 0) return this.#core.u32[at / 4] ?? 0;
    return new DataView(this.read(pa, 4).buffer).getUint32(0, true);
  }

  /** The little-endian 64-bit word at `pa`. */
  readU64(pa: bigint): bigint {
    const at = this.#quick(pa, 8, READ_LONG_WAY);
    if (at >= 0) return this.#core.u64[at / 8] ?? 0n;
    return new DataView(this.read(pa, 8).buffer).getBigUint64(0, true);
  }

  /**
   * Writes a byte.
   *
   * @param value 0..255
   */
  writeU8(pa: bigint, value: number): void {
    checkUnsigned(value, 0xff);
    this.write(pa, Uint8Array.of(value));
  }

  /**
   * Writes a 32-bit word, little-endian.
   *
   * @param value 0..2^32-1
   */
  writeU32(pa: bigint, value: number): void {
    checkUnsigned(value, 0xffff_ffff);
    const at = this.#quick(pa, 4, WRITE_LONG_WAY);
    if (at >= 0) this.#core.u32[at / 4] = value;
    else this.write(pa, new Uint8Array(Uint32Array.of(value).buffer));
  }

  /**
   * Writes a 64-bit word, little-endian.
   *
   * @param value 0..2^64-1
   */
  writeU64(pa: bigint, value: bigint): void {
    if (typeof value !== "bigint") throw new TypeError(`"value" expected bigint, got ${typeof value}`);
    if (value < 0n || value >> 64n !== 0n) throw new RangeError(`"value" expected 0..2^64-1, got ${value}`);
    const at = this.#quick(pa, 8, WRITE_LONG_WAY);
    if (at >= 0) this.#core.u64[at / 8] = value;
    else this.write(pa, new Uint8Array(BigUint64Array.of(value).buffer));
  }

  /**
   * Sets `length` bytes from `pa` on to `byte`.
   *
   * @throws as write
   */
  fill(pa: bigint, length: number, byte: number): void {
    this.#require(pa, length);
    this.#backAll(pa, length);
    const chunk = new Uint8Array(Math.min(length, FRAME_BYTES)).fill(byte);
    for (let done = 0; done < length; done += chunk.length) {
      this.write(pa + BigInt(done), chunk.subarray(0, Math.min(chunk.length, length - done)));
    }
  }

  /**
   * Forgets the frames inside a range: RAM reads 0 again, external memory is asked for anew. Cached
   * translations stay (software invalidates), cached table pointers go.
   *
   * @param pa first byte, a multiple of 64 KiB
   * @param size bytes, a multiple of 64 KiB
   * @throws RangeError when not so aligned
   */
  drop(pa: bigint, size: bigint): void {
    if ((pa | size) & FRAME_LAST) {
      throw new RangeError(
        `"pa" and "size" expected multiples of 65536, got 0x${pa.toString(16)} and 0x${size.toString(16)}`,
      );
    }
    if (size <= 0n) return;
    this.#core.frames.drop(Number(pa >> FRAME_LG2), Number((pa + size - 1n) >> FRAME_LG2));
  }
}
