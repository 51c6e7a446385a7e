// The frames of simulated RAM inside a core's linear memory: taking, finding and dropping them. TypeScript
// is the only one who takes frames; the core only looks them up (assembly/mem/physical.ts).

import { loadSparse, saveSparse } from "../snapshot/sparse-bytes.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import * as A from "../spec/abi/core.js";

const FRAME_BYTES = 1 << A.FRAME_LG2;
const NUMBER_SHIFT = BigInt(A.FRAME_NUMBER_LSB);
const INDEX_MASK = A.FRAME_FLAG_MIXED - 1;
/** Frame numbers of 52-bit addresses. */
const MOST_NUMBER = 2 ** 36 - 1;
/** Number, index, flag and the count of an empty list. */
const SAVED_BYTES = 17;

/** A write needs more simulated RAM than `memoryLimit` allows. */
export class MemoryLimitError extends RangeError {
  override name = "MemoryLimitError";
}

/** A declared piece of the physical address space. */
export interface FrameRange {
  base: bigint;
  /** Inclusive. */
  last: bigint;
  kind: typeof A.RANGE_RAM | typeof A.RANGE_EXTERNAL;
}

/** What the frame table needs of its core. */
export interface FrameHost {
  /** Linear offset of frame index 0, the frame of zeros. */
  readonly framesBase: number;
  /** Most frames that may be taken. */
  readonly frameLimit: number;
  readonly u8: Uint8Array;
  readonly u64: BigUint64Array;
  readonly exports: { frameSlot(pa: bigint): number; forgetFrames(): void };
  /** Makes linear memory at least `bytes` long. */
  ensure(bytes: number): void;
  /** @throws when somebody may be looking frames up at the moment: none may go then */
  checkQuiet(): void;
  /** Empties the hash table that the core searches. */
  clearFrameTable(): void;
}

/** The frame table of one core. Frame numbers are physical addresses divided by 64 KiB. */
export class Frames {
  readonly #core: FrameHost;
  /** Index and flags, as the frame was taken with them, by frame number. */
  readonly #taken = new Map<number, number>();
  readonly #free: number[] = [];
  #used = 0;

  constructor(core: FrameHost) {
    this.#core = core;
  }

  /** Number of frames in use. */
  get count(): number {
    return this.#taken.size;
  }

  /** Linear offset of frame `frame`; -1 when it was not taken, or was taken with one of the `refused` flags. */
  find(frame: number, refused = 0): number {
    const taken = this.#taken.get(frame);
    return taken === undefined || (taken & refused) !== 0 ? -1 : this.#offset(taken);
  }

  /** Physical address of the byte at linear offset `offset`, which lies in a frame that was taken. */
  addressOf(offset: number): bigint {
    const index = Math.floor((offset - this.#core.framesBase) / FRAME_BYTES);
    for (const [frame, taken] of this.#taken) {
      if ((taken & INDEX_MASK) === index) return (BigInt(frame) << 16n) | BigInt(offset % FRAME_BYTES);
    }
    throw new RangeError(`"offset" expected one in a frame of RAM, got ${offset}`);
  }

  #offset(taken: number): number {
    return this.#core.framesBase + (taken & INDEX_MASK) * FRAME_BYTES;
  }

  /**
   * Checks that frames first..last can all be taken.
   * @throws MemoryLimitError that names the first which could not
   */
  checkRoom(first: number, last: number): void {
    let room = this.#core.frameLimit - this.#taken.size;
    for (let frame = first; frame <= last; frame++) {
      if (this.#taken.has(frame)) continue;
      if (room <= 0) throw this.#limitError(frame);
      room--;
    }
  }

  #limitError(frame: number): MemoryLimitError {
    return new MemoryLimitError(
      `"memoryLimit" of ${this.#core.frameLimit * FRAME_BYTES} bytes is used up: no frame for 0x${(BigInt(frame) << 16n).toString(16)}`,
    );
  }

  /** Linear offset of frame `frame`, taken (zeroed) if need be. `flags` are FRAME_FLAG_*. */
  take(frame: number, flags: number): number {
    const taken = this.#taken.get(frame);
    if (taken !== undefined) return this.#offset(taken);
    if (this.#taken.size >= this.#core.frameLimit) throw this.#limitError(frame);
    const fresh = this.#free.pop() ?? this.#used + 1;
    this.#core.ensure(this.#core.framesBase + (fresh + 1) * FRAME_BYTES);
    if (fresh > this.#used) this.#used = fresh;
    this.#taken.set(frame, flags | fresh);
    this.#putSlot(frame, flags | fresh);
    return this.#offset(fresh);
  }

  #putSlot(frame: number, entry: number): void {
    const slot = this.#core.exports.frameSlot(BigInt(frame) << 16n) >>> 0;
    this.#core.u64[slot / 8] = (BigInt(frame) << NUMBER_SHIFT) | BigInt(entry);
  }

  /** Gives frames first..last (numbers) back; their contents are gone. Returns how many there were. */
  drop(first: number, last: number): number {
    const gone = [...this.#taken].filter(([frame]) => frame >= first && frame <= last);
    if (gone.length === 0) return 0;
    this.#core.checkQuiet();
    for (const [frame, taken] of gone) {
      const at = this.#offset(taken);
      this.#core.u8.fill(0, at, at + FRAME_BYTES);
      this.#taken.delete(frame);
      this.#free.push(taken & INDEX_MASK);
    }
    this.#rebuild();
    this.#core.exports.forgetFrames();
    return gone.length;
  }

  /** Frame numbers whose slot carries `flag`. */
  flagged(flag: number): number[] {
    return [...this.#taken.keys()].filter((frame) => (this.#slot(frame).entry & BigInt(flag)) !== 0n);
  }

  /** Takes `flag` off the slot of frame `frame`. */
  clearFlag(frame: number, flag: number): void {
    const { at, entry } = this.#slot(frame);
    this.#core.u64[at] = entry & ~BigInt(flag);
  }

  #slot(frame: number): { at: number; entry: bigint } {
    const at = (this.#core.exports.frameSlot(BigInt(frame) << 16n) >>> 0) / 8;
    return { at, entry: this.#core.u64[at] ?? 0n };
  }

  /** @internal Writes all frames, with their places: what the core caches points at them. */
  save(to: StateWriter): void {
    to.u32(this.#used);
    to.list(this.#free, (index) => to.u32(index));
    to.list(this.#taken, ([frame, taken]) => {
      to.u64(frame);
      to.u32(taken & INDEX_MASK);
      to.flag((this.#slot(frame).entry & BigInt(A.FRAME_FLAG_DIRTY)) !== 0n);
      const at = this.#offset(taken);
      saveSparse(to, this.#core.u8.subarray(at, at + FRAME_BYTES));
    });
  }

  /**
   * @internal Takes frames over; there are none yet.
   * @param flagsOf FRAME_FLAG_* of a frame by its number, undefined where no frame can be
   */
  load(from: StateReader, flagsOf: (frame: number) => number | undefined): void {
    const limit = this.#core.frameLimit;
    const used = from.u32("frames ever used", limit);
    const seen = new Set<number>();
    const index = (): number => {
      const read = from.u32("index of a frame", used);
      from.expect(read > 0 && !seen.has(read), "index of a frame", `one of 1..${used}, each once`, read);
      seen.add(read);
      return read;
    };
    const free = from.list("free frames", used, 4, index);
    this.#core.ensure(this.#core.framesBase + (used + 1) * FRAME_BYTES);
    from.list("frames", used, SAVED_BYTES, () => {
      const frame = from.number("frame", MOST_NUMBER);
      from.expect(!this.#taken.has(frame), "frame", "each number once", frame);
      const flags = flagsOf(frame) ?? from.refuse(`no memory in frame ${frame}`);
      const entry = index() | flags;
      const isDirty = from.flag("changed by the core");
      from.expect(!isDirty || (flags & A.FRAME_FLAG_EXTERNAL) !== 0, "changed by the core", "0 in RAM", 1);
      this.#taken.set(frame, entry);
      this.#putSlot(frame, isDirty ? entry | A.FRAME_FLAG_DIRTY : entry);
      const at = this.#offset(entry);
      loadSparse(from, "frame", this.#core.u8.subarray(at, at + FRAME_BYTES));
    });
    from.expect(seen.size === used, "frames ever used", `${seen.size}, those that are free or taken`, used);
    this.#free.push(...free);
    this.#used = used;
  }

  /** Forgets everything: all frames free and zero. */
  clear(): void {
    this.#core.checkQuiet();
    this.#core.u8.fill(
      0,
      this.#core.framesBase + FRAME_BYTES,
      this.#core.framesBase + (this.#used + 1) * FRAME_BYTES,
    );
    this.#taken.clear();
    this.#free.length = 0;
    this.#used = 0;
    this.#core.clearFrameTable();
  }

  /** Open addressing leaves no room for holes: after a drop the table is written anew. */
  #rebuild(): void {
    const entries = [...this.#taken.keys()].map((frame) => ({ frame, entry: this.#slot(frame).entry }));
    this.#core.clearFrameTable();
    for (const { frame, entry } of entries) this.#putSlot(frame, Number(entry & 0xfffffn));
  }
}
