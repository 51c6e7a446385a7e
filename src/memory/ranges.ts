// Which parts of the 52-bit physical address space are memory: RAM that the model backs itself, and
// external ranges whose contents the embedder hands over on demand.

import type { FrameRange } from "../core/frames.js";
import { FRAME_FLAG_EXTERNAL, FRAME_FLAG_MIXED, RANGE_EXTERNAL, RANGE_RAM } from "../spec/abi/core.js";

/** First address beyond the 52-bit physical address space. */
export const PHYSICAL_LIMIT = 1n << 52n;

/** Memory that belongs to the embedder and is copied in, 64 KiB at a time, when first needed. */
export interface ExternalRange {
  /** First byte, a multiple of 64 KiB. */
  base: bigint;
  /** Bytes, a multiple of 64 KiB. */
  size: bigint;
  /** Fills `into` with the bytes from physical address `pa` on. */
  fill(pa: bigint, into: Uint8Array): void;
  /** Takes back bytes that the model changed (access flags, dirty state, queue records). */
  store?(pa: bigint, from: Uint8Array): void;
}

/** RAM as [first byte, size in bytes], both multiples of 4 KiB. */
export type RamRange = readonly [base: bigint, size: bigint];

/** Ranges that a machine may have, RAM and external ones. */
export const MOST_RANGES = 256;

function check(what: string, base: bigint, size: bigint, unit: bigint): void {
  if (typeof base !== "bigint" || typeof size !== "bigint") {
    throw new TypeError(`"${what}" expected bigint base and size, got ${typeof base} and ${typeof size}`);
  }
  if (base < 0n || size <= 0n || base + size > PHYSICAL_LIMIT || base % unit !== 0n || size % unit !== 0n) {
    throw new RangeError(
      `"${what}" expected ranges inside 0..2^52-1 in multiples of ${unit}, got base 0x${base.toString(16)} size 0x${size.toString(16)}`,
    );
  }
}

/**
 * The ranges as the core searches them.
 *
 * @param ram RAM ranges; undefined = the whole address space
 * @param external the embedder's ranges; they win where both cover an address
 */
export function frameRanges(
  ram: readonly RamRange[] | undefined,
  external: readonly ExternalRange[],
): FrameRange[] {
  const ranges: FrameRange[] = [];
  for (const { base, size } of external) {
    check("external", base, size, 65536n);
    ranges.push({ base, last: base + size - 1n, kind: RANGE_EXTERNAL });
  }
  for (const [base, size] of ram ?? [[0n, PHYSICAL_LIMIT] as const]) {
    check("ram", base, size, 4096n);
    ranges.push({ base, last: base + size - 1n, kind: RANGE_RAM });
  }
  if (ranges.length > MOST_RANGES) {
    throw new RangeError(`"ram" and "external" expected at most ${MOST_RANGES} ranges, got ${ranges.length}`);
  }
  return ranges;
}

/**
 * Flags of a frame of 64 KiB: whose it is, and whether all of it is memory.
 *
 * @param ranges where memory is
 * @param frame number of the frame, its address divided by 64 KiB
 * @returns FRAME_FLAG_*; undefined where there is no memory at all
 */
export function frameFlags(ranges: readonly FrameRange[], frame: bigint): number | undefined {
  const first = frame << 16n;
  const last = first | 0xffffn;
  const covering = ranges.find((range) => range.base <= first && range.last >= last);
  if (covering) return covering.kind === RANGE_EXTERNAL ? FRAME_FLAG_EXTERNAL : 0;
  return ranges.some((range) => range.base <= last && range.last >= first) ? FRAME_FLAG_MIXED : undefined;
}
