// Nonsense for a VT-d unit: words that look like root, context, directory, PASID and paging entries but are not, random
// descriptors, registers and requests. Biased towards what is nearly valid, so that walks get far before they end.

import type { Random } from "../random.js";

export const RAM_BASE = 0x10000n;
export const RAM_SIZE = 0x40_0000n;

/** An address, mostly inside the small RAM and aligned to a page. */
function address(random: Random): bigint {
  const align = BigInt(random.pick([6, 12, 12, 12, 12, 21]));
  const bits = random.chance(0.9) ? 22 : random.pick([32, 44, 52, 64]);
  return (random.bits(bits) >> align) << align;
}

/** A word for memory. */
export function word(random: Random): bigint {
  const kind = random.below(10);
  if (kind === 0) return random.bits(64);
  if (kind === 1) return 0n;
  // A table or page of either stage, with and without the bits that don't matter.
  if (kind < 7)
    return (address(random) & ((1n << 50n) - 1n)) | 7n | (random.bits(4) << 3n) | (random.bits(4) << 8n);
  if (kind === 7) return address(random) | random.bits(12) | (random.bits(12) << 52n);
  // A root or directory entry, the first word of a context or PASID entry.
  if (kind === 8) return (address(random) & ((1n << 44n) - 1n)) | 1n | (random.bits(1) << 1n);
  return (address(random) & ((1n << 44n) - 1n)) | 1n | (random.bits(3) << 2n) | (random.bits(3) << 6n);
}

const TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** A descriptor of 16 or 32 bytes. */
export function descriptor(random: Random): Uint8Array {
  const view = new DataView(new ArrayBuffer(random.chance(0.8) ? 32 : 16));
  const legal = random.chance(0.7);
  view.setBigUint64(0, legal ? random.bits(6) << 16n : random.bits(64), true);
  view.setBigUint64(8, legal ? random.bits(22) & ~0xf80n : random.bits(64), true);
  if (random.chance(0.9)) view.setUint8(0, random.pick(TYPES) | (random.below(4) << 4));
  return new Uint8Array(view.buffer);
}

// GCMD, RTADDR, CCMD, FSTS, FECTL .. FEUADDR, IQT, IQA, ICS, IECTL .. IEUADDR, PQH .. PEUADDR, IVA, IOTLB, some records.
const KNOWN = [
  ...[
    0x18, 0x20, 0x24, 0x28, 0x2c, 0x34, 0x38, 0x3c, 0x40, 0x44, 0x88, 0x90, 0x94, 0x9c, 0xa0, 0xa4, 0xa8,
    0xac,
  ],
  ...[0xc0, 0xc8, 0xd0, 0xd4, 0xdc, 0xe0, 0xe4, 0xe8, 0xec, 0xf0, 0xf4, 0xf8, 0xfc, 0x22c, 0x23c],
];

export function registerWrite(random: Random): { offset: number; value: number } {
  const offset = random.chance(0.8) ? random.pick(KNOWN) : (random.below(0x8000) >> 2) << 2;
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
  const canonical = random.chance(0.7);
  return {
    stream: wild ? random.word() : random.below(24),
    pasid: random.chance(0.5) ? 0 : wild ? random.word() : 0x8000_0000 + random.below(16),
    iova: canonical ? random.bits(random.pick([12, 22, 30, 39, 47])) : random.bits(64),
    access: random.chance(0.9) ? random.below(8) : random.below(256),
  };
}

/** Reserved bits of what nearlySane writes are clear this often. */
const SANE = 0.97;

/** Structures for the first 24 source-ids that are legal, over tables of garbage in the first 64 KiB. */
export function nearlySane(
  random: Random,
  root: bigint,
  legacy: boolean,
): [address: bigint, value: bigint][] {
  const low = (): bigint => RAM_BASE + (random.bits(16) & ~0xfffn);
  const [contexts, directory, pasids] = [root + 0x1000n, root + 0x2000n, root + 0x3000n] as const;
  const words: [bigint, bigint][] = [
    [root, contexts | 1n],
    [root + 8n, 0n],
    [directory, pasids | 1n],
  ];
  const some = (bits: bigint): bigint => (random.chance(SANE) ? 0n : bits);
  for (let sid = 0n; sid < 24n; sid++) {
    if (legacy) {
      const at = contexts + 16n * sid;
      words.push([at, low() | 1n | (random.pick([0n, 0n, 2n]) << 2n) | some(random.bits(12))]);
      words.push([at + 8n, BigInt(random.between(1, 3)) | (sid << 8n) | some(random.bits(64))]);
      continue;
    }
    const at = contexts + 32n * sid;
    words.push([at, directory | 9n | some(random.bits(12))]);
    words.push([at + 8n, random.bits(3) | (random.flag(0.2) << 20n) | some(random.bits(64))]);
    words.push([at + 16n, 0n], [at + 24n, 0n]);
  }
  for (let pasid = 0n; pasid < 16n; pasid++) {
    const at = pasids + 64n * pasid;
    const pgtt = BigInt(random.between(1, 4));
    const aw = BigInt(random.between(1, 3));
    words.push([
      at,
      low() | 1n | (random.flag(0.1) << 1n) | (aw << 2n) | (pgtt << 6n) | (random.flag(0.3) << 9n),
    ]);
    words.push([at + 8n, random.bits(3) | (random.flag(0.8) << 23n) | some(random.bits(64))]);
    const flags = random.flag(0.6) | (random.bits(1) << 2n) | (random.bits(1) << 4n) | (random.bits(1) << 7n);
    words.push([at + 16n, low() | flags | some(random.bits(12))]);
    for (let i = 3n; i < 8n; i++) words.push([at + 8n * i, 0n]);
  }
  return words;
}
