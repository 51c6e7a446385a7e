// Ranges cut into TLBI commands, read back by the formulas of Arm IHI 0070 G.b, 4.4.1.1.

import { describe, expect, it } from "vitest";
import { tlbiRange } from "../../src/smmuv3/driver/tlbi.js";

const NH_VA = 0x12;
const GRANULES = [12, 14, 16];
// TG → log2 of the granule
const TG_LG2 = [0, 12, 14, 16];

interface Covered {
  tg: number;
  first: bigint;
  end: bigint;
}

/** What a command covers; fails for the encoding that is CERROR_ILL and for stray bits. */
function covered(words: Uint32Array): Covered {
  const tg = (words[2]! >>> 10) & 3;
  const num = (words[0]! >>> 12) & 0x1f;
  const scale = (words[0]! >>> 20) & 0x3f;
  const first = (BigInt(words[3]!) << 32n) | (BigInt(words[2]! & 0xffff_f000) & 0xffff_f000n);
  expect(words[0]! & 0xff).toBe(NH_VA);
  expect(words[1]).toBe((77 << 16) | 5);
  expect(words[2]! & 0x3ff).toBe(1); // Leaf; no TTL
  if (tg === 0) {
    expect([num, scale]).toEqual([0, 0]);
    return { tg, first, end: first + 4096n };
  }
  const lg2 = BigInt(TG_LG2[tg]!);
  expect(num + scale, "NUM = SCALE = TTL = 0").toBeGreaterThan(0);
  expect(scale).toBeLessThan(32);
  expect(first % (1n << lg2)).toBe(0n);
  return { tg, first, end: first + (BigInt(num + 1) << (BigInt(scale) + lg2)) };
}

function cut(first: bigint, end: bigint, granules: number[]): Covered[] | undefined {
  const tlbi = { opcode: NH_VA, vmid: 5, asid: 77, leaf: true } as const;
  return tlbiRange(tlbi, first, end, granules)?.map((words) => covered(words));
}

/** Whether pieces of one granule, with single addresses filling in, cover a range. */
function covers(pieces: Covered[], granuleLg2: number, first: bigint, end: bigint): boolean {
  const size = 1n << BigInt(granuleLg2);
  const mine = pieces
    .filter(({ tg }) => tg === 0 || TG_LG2[tg] === granuleLg2)
    .map((piece) =>
      piece.tg === 0 ? { first: piece.first & -size, end: (piece.first & -size) + size } : piece,
    )
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  let reached = first & -size;
  for (const piece of mine) {
    if (piece.first > reached) return false;
    if (piece.end > reached) reached = piece.end;
  }
  return reached >= end;
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("a range", () => {
  it("of one page is one command without range, whatever its granule (4.4.1.1)", () => {
    expect(cut(0x7000n, 0x8000n, GRANULES)).toEqual([{ tg: 0, first: 0x7000n, end: 0x8000n }]);
    expect(cut(0x7123n, 0x7124n, GRANULES)).toEqual([{ tg: 0, first: 0x7000n, end: 0x8000n }]);
  });

  it("has its own commands for each granule: one drops no entries of another (4.4.1.1 TG)", () => {
    expect(cut(0x10000n, 0x30000n, GRANULES)).toEqual([
      { tg: 1, first: 0x10000n, end: 0x30000n },
      { tg: 2, first: 0x10000n, end: 0x30000n },
      { tg: 3, first: 0x10000n, end: 0x30000n },
    ]);
  });

  it("is widened to whole pages of the granule, and not cut where one address will do", () => {
    expect(cut(0x11000n, 0x13000n, GRANULES)).toEqual([
      { tg: 1, first: 0x11000n, end: 0x13000n },
      { tg: 0, first: 0x10000n, end: 0x11000n },
    ]);
  });

  it("of pages that are no power of two is few commands", () => {
    // 0x1_0000_0421 pages: 1 + 32 · 33 + 2^32
    expect(cut(0n, 0x1_0000_0421n * 4096n, [12])).toEqual([
      { tg: 0, first: 0n, end: 4096n },
      { tg: 1, first: 4096n, end: 4096n + 32n * 4096n },
      { tg: 1, first: 33n * 4096n, end: 0x421n * 4096n },
      { tg: 1, first: 0x421n * 4096n, end: 0x1_0000_0421n * 4096n },
    ]);
  });

  it("up to the end of the address space does not wrap", () => {
    const end = 1n << 64n;
    const pieces = cut(end - 0x23000n, end, GRANULES)!;
    for (const granule of GRANULES) expect(covers(pieces, granule, end - 0x23000n, end)).toBe(true);
    for (const piece of pieces) expect(piece.end).toBeLessThanOrEqual(end);
  });

  it("of 2^36 pages or more is too long", () => {
    expect(cut(0n, (1n << 48n) - 4096n, GRANULES)?.length).toBeLessThanOrEqual(24);
    expect(cut(0n, 1n << 48n, GRANULES)).toBeUndefined();
    expect(cut(0n, 1n << 64n, GRANULES)).toBeUndefined();
  });

  it("without range commands is one command for 4 KiB, at most 512", () => {
    expect(cut(0x800n, 0x3000n, [])).toEqual([
      { tg: 0, first: 0n, end: 0x1000n },
      { tg: 0, first: 0x1000n, end: 0x2000n },
      { tg: 0, first: 0x2000n, end: 0x3000n },
    ]);
    expect(cut(0n, 512n * 4096n, [])).toHaveLength(512);
    expect(cut(0n, 512n * 4096n + 1n, [])).toBeUndefined();
  });

  it("of any size is covered for every granule by at most 24 commands, and nothing far from it is", () => {
    const seed = 20260730;
    const next = random(seed);
    for (let round = 0; round < 300; round++) {
      const pages = BigInt(Math.floor(2 ** (next() * 36)));
      const bytes = pages * 4096n - BigInt(Math.floor(next() * 4096));
      const room = (1n << 64n) - bytes;
      const first =
        (BigInt(Math.floor(next() * 2 ** 32)) * 2n ** 32n + BigInt(Math.floor(next() * 2 ** 32))) % room;
      const what = `seed ${seed} round ${round}: 0x${first.toString(16)} + 0x${bytes.toString(16)}`;
      const pieces = cut(first, first + bytes, GRANULES);
      if (!pieces) {
        expect(pages, what).toBeGreaterThan((1n << 36n) - 3n);
        continue;
      }
      expect(pieces.length, what).toBeLessThanOrEqual(24);
      for (const granule of GRANULES) {
        expect(covers(pieces, granule, first, first + bytes), `${what} granule ${granule}`).toBe(true);
      }
      for (const piece of pieces) {
        expect(piece.first + 65536n > first && piece.end < first + bytes + 65536n, what).toBe(true);
      }
    }
  });
});
