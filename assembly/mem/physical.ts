// Simulated physical memory as the core reads it: sparse 52-bit addresses in 64 KiB frames of linear
// memory, found through an open-addressing hash table that TypeScript fills (src/memory). RAM is
// declared in ranges: inside, unwritten bytes read 0 from one shared frame of zeros; outside is a bus
// error; an external range whose frame has not been handed over stops the batch (Bus.missing).
// The core never takes a frame: it only reads them and updates descriptors in place.

import {
  FRAME_FLAG_DIRTY,
  FRAME_FLAG_EXTERNAL,
  FRAME_FLAG_MIXED,
  FRAME_LG2,
  FRAME_NUMBER_LSB,
  RANGE_EXTERNAL,
  RANGE_FIRST,
  RANGE_KIND,
  RANGE_LAST,
  RANGE_SIZE,
} from "../../src/spec/abi/core";
import { Arena } from "./arena";

/** What the last failed read met: a plain bus error, or an external frame that must be filled first. */
export class Bus {
  static missing: bool = false;
  static missingAddress: u64 = 0;
  /** Trace build: the physical address looked up last. */
  static lastPa: u64 = 0;
  /** External frames that the core has changed and nobody has asked for yet. */
  static dirtied: u32 = 0;
}

const FRAME_OFFSET_MASK: u64 = 0xffff;

/** First slot to probe for frame number `frame`. */
function firstSlot(frame: u64): u32 {
  return <u32>((frame * 0x9e3779b97f4a7c15) >> 32) & Arena.frameMask;
}

/** Address of the frame-table slot of `frame`, or of the free slot where it would go. */
export function slotOf(frame: u64): usize {
  let slot = firstSlot(frame);
  while (true) {
    const at = Arena.frameTable + ((<usize>slot) << 3);
    const entry = load<u64>(at);
    if (entry === 0 || entry >> FRAME_NUMBER_LSB === frame) return at;
    slot = (slot + 1) & Arena.frameMask;
  }
}

/** Kind of the range that holds `pa` (RANGE_RAM, RANGE_EXTERNAL), 0 when none does. */
function rangeKind(pa: u64): u32 {
  let range = Arena.ranges;
  for (let i: u32 = 0; i < Arena.rangeCount; ++i) {
    if (pa >= load<u64>(range + RANGE_FIRST) && pa <= load<u64>(range + RANGE_LAST)) {
      return load<u32>(range + RANGE_KIND);
    }
    range += RANGE_SIZE;
  }
  return 0;
}

function unbacked(pa: u64): usize {
  const kind = rangeKind(pa);
  Bus.missing = kind === RANGE_EXTERNAL;
  if (kind === 0) return 0;
  if (kind === RANGE_EXTERNAL) {
    Bus.missingAddress = pa;
    return 0;
  }
  return Arena.zeroFrame + <usize>(pa & FRAME_OFFSET_MASK);
}

/** Offset in linear memory of the byte at `pa`, or 0 on a bus error (Bus.missing tells which kind). */
export function hostOf(pa: u64): usize {
  if (isDefined(NI_TRACE)) Bus.lastPa = pa;
  const frame = pa >> FRAME_LG2;
  const entry = load<u64>(Arena.frameTable + ((<usize>firstSlot(frame)) << 3));
  // Nearly always: in its own slot, and RAM throughout.
  if (entry >> FRAME_NUMBER_LSB === frame && (<u32>entry & FRAME_FLAG_MIXED) === 0 && entry !== 0) {
    return (
      Arena.frames + ((<usize>(entry & FRAME_OFFSET_MASK)) << FRAME_LG2) + <usize>(pa & FRAME_OFFSET_MASK)
    );
  }
  return lookFurther(pa);
}

function lookFurther(pa: u64): usize {
  const frame = pa >> FRAME_LG2;
  const entry = load<u64>(slotOf(frame));
  if (entry === 0) return unbacked(pa);
  if ((entry & FRAME_FLAG_MIXED) !== 0 && rangeKind(pa) === 0) {
    Bus.missing = false;
    return 0;
  }
  return Arena.frames + ((<usize>(entry & FRAME_OFFSET_MASK)) << FRAME_LG2) + <usize>(pa & FRAME_OFFSET_MASK);
}

/** Whether `host` lies in the shared frame of zeros: such an offset must never be cached. */
export function isZeroFrame(host: usize): bool {
  return host - Arena.zeroFrame < 1 << FRAME_LG2;
}

/** Notes that the core changed the frame of `pa`, so that an external range can be written back. */
export function markDirty(pa: u64): void {
  const slot = slotOf(pa >> FRAME_LG2);
  const entry = load<u64>(slot);
  if ((entry & FRAME_FLAG_EXTERNAL) === 0) return;
  if ((entry & FRAME_FLAG_DIRTY) === 0) Bus.dirtied += 1;
  store<u64>(slot, entry | FRAME_FLAG_DIRTY);
}

/** The descriptor at linear offset `host`, in one piece whoever writes it. */
export function fetch(host: usize): u64 {
  return ASC_FEATURE_THREADS ? atomic.load<u64>(host) : load<u64>(host);
}

/** Compare-and-swap of the descriptor at linear offset `host`; true when it still held `expected`. */
export function exchange(host: usize, expected: u64, desired: u64): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u64>(host, expected, desired) === expected;
  if (load<u64>(host) !== expected) return false;
  store<u64>(host, desired);
  return true;
}
