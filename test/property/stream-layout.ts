// Puts the STEs of a random world into a linear or two-level stream table (IHI 0070 3.3.1, 5.1, 6.3.25).

import type { Features } from "../reference/features.js";
import type { PhysicalImage } from "./physical-image.js";
import type { Random } from "./random.js";
import type { Stream } from "./stream.js";

export interface StreamTable {
  /** STRTAB_BASE and STRTAB_BASE_CFG. */
  base: bigint;
  config: bigint;
  /** L1STD addresses in use, by first-level index. */
  l1stds: Map<number, bigint>;
  split: number;
}

const TABLE_ALIGN_MIN = 64n;

export function placeStreamTable(
  random: Random,
  image: PhysicalImage,
  features: Features,
  streams: readonly Stream[],
): StreamTable {
  const largest = Math.max(...streams.map(({ sid }) => sid), 1);
  const log2Size = Math.ceil(Math.log2(largest + 1)) + (random.chance(0.3) ? 1 : 0);
  const ra = random.flag(0.5) << 62n;
  if (!features.streamTableTwoLevel || random.chance(0.4)) {
    const bytes = 64n << BigInt(log2Size);
    const base = image.allocateSurely(bytes);
    for (const stream of streams) {
      stream.address = base + (BigInt(stream.sid) << 6n);
      stream.write();
    }
    // Reserved formats behave as linear; stray low bits of the base are ignored.
    const format = random.chance(0.1) ? 2n : 0n;
    const stray = random.chance(0.3) ? random.bits(20) & (bytes - 1n) & ~63n : 0n;
    const config = BigInt(log2Size) | (random.bits(5) << 6n) | (format << 16n);
    return { base: base | stray | ra, config, l1stds: new Map(), split: 0 };
  }
  const splitField = random.pick([6, 8, 10, 10, 7]);
  const split = splitField === 8 || splitField === 10 ? splitField : 6;
  let bytes = 8n << BigInt(Math.max(0, log2Size - split));
  if (bytes < TABLE_ALIGN_MIN) bytes = TABLE_ALIGN_MIN;
  const base = image.allocateSurely(bytes);
  const l1stds = new Map<number, bigint>();
  const arrays = new Map<number, bigint>();
  for (const stream of streams) {
    const index = stream.sid >> split;
    let array = arrays.get(index);
    if (array === undefined) {
      const arrayBytes = 64n << BigInt(split);
      array = image.allocateSurely(arrayBytes);
      arrays.set(index, array);
      const at = base + 8n * BigInt(index);
      l1stds.set(index, at);
      // Mostly the whole span; sometimes shorter, reserved, or stray low bits of L2Ptr.
      const span = random.chance(0.95) ? split + 1 : random.below(16);
      const stray = random.chance(0.3)
        ? random.bits(10) & 0x3c0n & ((64n << BigInt(Math.min(span, split))) - 1n)
        : 0n;
      // Now and then second-level arrays lie outside RAM.
      const pointer = random.chance(0.97) ? array : 1n << BigInt(features.outputBits - 1);
      image.write(at, pointer | BigInt(span) | (random.flag(0.2) << 5n) | stray);
    }
    stream.address = array + (BigInt(stream.sid & ((1 << split) - 1)) << 6n);
    stream.write();
  }
  const config = BigInt(log2Size) | (BigInt(splitField) << 6n) | (1n << 16n);
  return { base: base | ra, config, l1stds, split };
}
