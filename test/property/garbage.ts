// Nonsense for the engine: words that look like table descriptors, STEs and CDs but are not, random commands,
// registers and requests. Biased towards what is nearly valid, so that walks get far before they end.

import type { Random } from "./random.js";

export const RAM_BASE = 0x10000n;
export const RAM_SIZE = 0x40_0000n;

/** An address, mostly inside the small RAM and aligned to something. */
function address(random: Random): bigint {
  const align = BigInt(random.pick([3, 6, 12, 12, 12, 14, 16]));
  const bits = random.chance(0.9) ? 22 : random.pick([32, 44, 52, 64]);
  return (random.bits(bits) >> align) << align;
}

/** A word for memory. */
export function word(random: Random): bigint {
  const kind = random.below(10);
  if (kind === 0) return random.bits(64);
  if (kind === 1) return 0n;
  // A table or page descriptor.
  if (kind < 6) return (address(random) & ((1n << 50n) - 1n)) | 3n | (1n << 10n) | (random.bits(10) << 2n);
  if (kind === 6)
    return (address(random) & ((1n << 50n) - 1n)) | 1n | (random.bits(11) << 1n) | (random.bits(12) << 52n);
  // The first words of an STE, of a CD, and a stage 2 set-up.
  if (kind === 7)
    return (
      (address(random) & ((1n << 52n) - 1n) & ~0x3fn) | 9n | (random.bits(2) << 1n) | (random.bits(6) << 58n)
    );
  if (kind === 8) {
    const sizes = random.bits(6) | (random.bits(6) << 16n) | (random.bits(2) << 6n) | (random.bits(2) << 22n);
    return (
      sizes | (1n << 31n) | (random.bits(3) << 32n) | (1n << 41n) | (3n << 45n) | (random.bits(4) << 35n)
    );
  }
  const t0sz = BigInt(random.between(12, 40));
  return (
    random.bits(16) |
    (t0sz << 32n) |
    (random.bits(2) << 38n) |
    (random.bits(2) << 46n) |
    (5n << 48n) |
    (1n << 51n) |
    (1n << 58n)
  );
}

const OPCODES = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x28, 0x2a, 0x30, 0x40, 0x44, 0x46,
];

export function command(random: Random): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, random.bits(64), true);
  view.setBigUint64(8, random.chance(0.5) ? random.bits(64) : random.bits(24), true);
  if (random.chance(0.9)) view.setUint8(0, random.pick(OPCODES));
  return new Uint8Array(view.buffer);
}

/** A register offset of either page, and a value. */
export function registerWrite(random: Random): { offset: number; value: number } {
  const known = [
    0x20, 0x28, 0x2c, 0x44, 0x50, 0x60, 0x64, 0x80, 0x84, 0x88, 0x90, 0x94, 0x98, 0x9c, 0xa0, 0xa4,
  ];
  const second = [0x100a8, 0x100ac, 0x100c8, 0x100cc];
  const offset = random.chance(0.8) ? random.pick([...known, ...second]) : (random.below(0x20000) >> 2) << 2;
  return { offset, value: random.chance(0.5) ? random.word() : random.below(1 << 22) };
}

export interface GarbageRequest {
  stream: number;
  pasid: number;
  iova: bigint;
  access: number;
}

export function request(random: Random): GarbageRequest {
  const wild = random.chance(0.05);
  return {
    stream: wild ? random.word() : random.below(64),
    pasid: random.chance(0.5) ? 0 : wild ? random.word() : 0x8000_0000 + random.below(16),
    iova: random.chance(0.7) ? random.bits(random.pick([12, 22, 30, 39])) : random.bits(64),
    access: random.chance(0.9) ? random.below(8) : random.below(256),
  };
}

/** STEs and CDs that are legal with 4KB granules, over tables of garbage in the first 64 KiB. */
export function nearlySane(random: Random, table: bigint): [address: bigint, value: bigint][] {
  const words: [bigint, bigint][] = [];
  const low = (): bigint => RAM_BASE + (random.bits(16) & ~0xfffn);
  for (let stream = 0n; stream < 24n; stream++) {
    const ste = table + 64n * stream;
    const cd = RAM_BASE + (random.bits(16) & ~0x3fn);
    const config = BigInt(random.between(4, 7));
    const t0sz = BigInt(random.between(25, 33));
    words.push([ste, 1n | (config << 1n) | cd], [ste + 8n, random.bits(4) << 48n]);
    const flags = (random.bits(2) << 53n) | (random.chance(0.3) ? random.bits(2) << 55n : 0n);
    words.push([
      ste + 16n,
      stream | (t0sz << 32n) | (1n << 38n) | (5n << 48n) | (1n << 51n) | (1n << 58n) | flags,
    ]);
    words.push([ste + 24n, low()]);
    const cdFlags = (random.bits(4) << 35n) | (random.chance(0.3) ? random.bits(2) << 42n : 0n);
    words.push([cd, t0sz | (1n << 30n) | (1n << 31n) | (5n << 32n) | (1n << 41n) | (3n << 45n) | cdFlags]);
    words.push([cd + 8n, low()]);
  }
  return words;
}
