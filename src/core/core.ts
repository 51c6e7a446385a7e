// One instance of the WASM core with its arena: views, typed calls, registers, growth. The only room
// that touches WebAssembly.*; whoever needs the core goes through this class.

import { crc32 } from "../snapshot/checksum.js";
import * as A from "../spec/abi/core.js";
import type { FrameRange } from "./frames.js";
import { Frames } from "./frames.js";
import { type ArenaPlan, layOut, type PlannedArena } from "./layout.js";
import { type CoreBuild, type CoreExports, coreFingerprint, instantiate } from "./module.js";

export { MemoryLimitError } from "./frames.js";

const PAGE = 65536;
const GROWTH = 16 << 20;
const LINEAR_LIMIT = 4 * 2 ** 30;

/** Inclusive byte range of an invalidation. */
export interface InvalidationRange {
  first: bigint;
  last: bigint;
  leafOnly: boolean;
  leafLg2: number;
}

/** The same in page numbers of 4 KiB, which are numbers without rounding: storms of invalidations need no bigint. */
export interface PageRange {
  readonly first: number;
  readonly last: number;
  readonly leafOnly: boolean;
  readonly leafLg2: number;
}

/** An invalidation of cached translations as it reaches the caches; in VT-d's words domain-id for VMID, PASID for ASID. */
export interface TranslationInvalidation {
  /** Entries of a first stage, alone or over a second. */
  readonly stage1: boolean;
  /** Entries of a second stage alone. */
  readonly stage2: boolean;
  /** -1 = any. */
  readonly vmid: number;
  /** -1 = any; second stages have none. */
  readonly asid: number;
  /** Which input addresses; undefined: all. */
  readonly range: Readonly<InvalidationRange> | undefined;
}

/** An instance over a memory that was laid out elsewhere. */
export interface PlacedInstance {
  readonly layout: PlannedArena;
  readonly exports: CoreExports;
}

/** One arena, as those see it who fill its columns and read what a run left there. */
export type ArenaView = Pick<Core, "plan" | "buffer" | "u8" | "u32" | "u64" | "part" | "counter" | "faults">;

/** The core of one machine. */
export class Core {
  readonly exports: CoreExports;
  readonly frames: Frames;
  readonly plan: ArenaPlan;
  readonly framesBase: number;
  readonly frameLimit: number;
  /** Told of each invalidation of translations before it is carried out. */
  onInvalidation: ((invalidation: TranslationInvalidation) => void) | undefined;
  readonly #layout: PlannedArena;
  #buffer!: ArrayBufferLike;
  #u8!: Uint8Array;
  #u32!: Uint32Array;
  #u64!: BigUint64Array;

  /**
   * @param plan sizes of the arena's parts
   * @param ranges where memory is
   * @param build the embedded build, the bytes of another, or an instance
   */
  constructor(plan: ArenaPlan, ranges: readonly FrameRange[], build: CoreBuild | PlacedInstance = "release") {
    this.plan = plan;
    const { layout, exports } =
      typeof build === "object" && "layout" in build
        ? build
        : { layout: layOut(plan), exports: instantiate(build) };
    this.exports = exports;
    this.#layout = layout;
    this.framesBase = this.part(A.HDR_FRAMES);
    this.frameLimit = Math.min(plan.frames, Math.floor((LINEAR_LIMIT - this.framesBase) / PAGE) - 1);
    this.#renew();
    this.ensure(this.framesBase + PAGE);
    this.frames = new Frames(this);
    this.#writeArena(ranges);
  }

  /** Bytes of linear memory; like all views renewed when memory has grown. */
  get u8(): Uint8Array {
    return this.#u8;
  }

  get u32(): Uint32Array {
    return this.#u32;
  }

  get u64(): BigUint64Array {
    return this.#u64;
  }

  /** The buffer itself, for views of columns. */
  get buffer(): ArrayBufferLike {
    return this.#buffer;
  }

  /** Only here views come to be, when memory has grown or frames have gone: asking the engine each time costs 14 ns. */
  #renew(): void {
    const buffer = this.exports.memory.buffer;
    this.#buffer = buffer;
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#u64 = new BigUint64Array(buffer);
  }

  /** Makes linear memory at least `bytes` long; grows by a quarter or 16 MiB so that it is rare. */
  ensure(bytes: number): void {
    const have = this.#buffer.byteLength;
    if (bytes <= have) return;
    const wish = Math.max(bytes, have + Math.max(GROWTH, have / 4));
    const pages = Math.ceil(
      Math.min(wish, Math.max(bytes, this.framesBase + (this.frameLimit + 1) * PAGE)) / PAGE,
    );
    this.exports.memory.grow(pages - have / PAGE);
    this.#renew();
  }

  /** All that the header names but the frames. */
  get arena(): Uint8Array {
    return this.u8.subarray(this.#layout.start, this.#layout.end);
  }

  /** Offset of a part of the arena by its header word. */
  part(header: number): number {
    return this.#layout.words.get(header) ?? 0;
  }

  #writeArena(ranges: readonly FrameRange[]): void {
    for (const [header, value] of this.#layout.words) this.u32[(this.#layout.header + header) / 4] = value;
    for (const [at, value] of this.#layout.tlbWords) this.u32[at / 4] = value;
    let at = this.#layout.ranges;
    for (const range of ranges) {
      this.u64[(at + A.RANGE_FIRST) / 8] = range.base;
      this.u64[(at + A.RANGE_LAST) / 8] = range.last;
      this.u32[(at + A.RANGE_KIND) / 4] = range.kind;
      at += A.RANGE_SIZE;
    }
    this.u32[(this.#layout.header + A.HDR_RANGE_COUNT) / 4] = ranges.length;
    this.exports.init(this.#layout.header);
  }

  /** Whether nobody else has caches over the same memory, as the units of a pool do. */
  get isAlone(): boolean {
    return this.framesBase === this.#layout.end;
  }

  /** CRC-32 that stands for the meaning of the arena's bytes: the core's code, and where each part is. */
  get fingerprint(): number {
    const words = [...this.#layout.words, ...this.#layout.tlbWords].flat();
    return crc32(new Uint8Array(Uint32Array.from(words).buffer), coreFingerprint());
  }

  /** Power-on: caches, counters, columns and all memory forgotten; `ranges` may be at most as many as planned. */
  reset(ranges: readonly FrameRange[]): void {
    this.frames.clear();
    this.u8.fill(0, this.#layout.start, this.#layout.end);
    this.#writeArena(ranges);
  }

  /** Checks that nobody looks frames up at the moment, so that some may go. */
  checkQuiet(): void {}

  /**
   * Empties the frame table (the frames' contents are the caller's business). The views become others: who keeps one, and
   * places in it, sees by that that they are void.
   */
  clearFrameTable(): void {
    const base = this.part(A.HDR_FRAME_TABLE);
    this.u8.fill(0, base, base + (this.part(A.HDR_FRAME_MASK) + 1) * 8);
    this.#renew();
  }

  /** Hands registers to the translation path, by their byte offset in the core's register block (REGS_*). */
  setRegisters(words: readonly (readonly [offset: number, value: number | bigint])[]): void {
    const base = this.#layout.registers;
    for (const [offset, value] of words) {
      if (typeof value === "bigint") this.u64[(base + offset) / 8] = value;
      else this.u32[(base + offset) / 4] = value;
    }
  }

  /** Forgets the configuration of the 2^`lg2` StreamIDs around `first`. */
  cfgiSte(first: number, lg2: number): void {
    if (lg2 >= 32) {
      this.exports.forgetStreams(0, 0xffffffff);
      return;
    }
    const size = 2 ** lg2;
    const base = first - (first % size);
    this.exports.forgetStreams(base, base + size - 1);
  }

  /** Forgets the CD of (stream, pasid); -1 = all of the stream. */
  cfgiCd(stream: number, pasid: number): void {
    this.exports.forgetContexts(stream, pasid);
  }

  /** Drops TLB entries of all addresses; -1 = any VMID or ASID. */
  tlbi(stages: number, vmid: number, asid: number): void {
    if (this.onInvalidation) this.#tell(stages, vmid, asid, undefined);
    this.exports.invalidateAll(stages, vmid, asid);
  }

  /** Drops TLB entries by address. */
  tlbiRange(stages: number, vmid: number, asid: number, range: PageRange): void {
    if (this.onInvalidation) this.#tell(stages, vmid, asid, range);
    const { first, last, leafLg2 } = range;
    const leafOnly = range.leafOnly ? 1 : 0;
    if (first === last && leafLg2 === 0) this.exports.invalidatePage(stages, vmid, asid, first, leafOnly);
    else this.exports.invalidateRange(stages, vmid, asid, first, last, leafOnly, leafLg2);
  }

  #tell(stages: number, vmid: number, asid: number, pages: PageRange | undefined): void {
    const range = pages && {
      ...pages,
      first: BigInt(pages.first) << 12n,
      last: (BigInt(pages.last) << 12n) | 0xfffn,
    };
    this.onInvalidation?.({ stage1: (stages & 1) !== 0, stage2: (stages & 6) !== 0, vmid, asid, range });
  }

  /** Value of the counter at byte offset `counter` of the counter block. */
  counter(counter: number): number {
    return Number(this.u64[(this.#layout.counters + counter) / 8] ?? 0n);
  }

  resetCounters(): void {
    this.u8.fill(0, this.#layout.counters, this.#layout.counters + A.CNT_SIZE);
  }

  /** Offset of the first fault record. */
  get faults(): number {
    return this.#layout.faults;
  }
}
