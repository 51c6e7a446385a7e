// The memory of a random world: where RAM is, what is allocated, and a journal of writes for the machines under
// test. The values live in the reference model's memory, so that hardware updates are seen by later changes.

import type { RamRange, ReferenceMemory } from "../reference/memory.js";
import type { Random } from "./random.js";

const alignUp = (value: bigint, align: bigint): bigint => ((value + align - 1n) / align) * align;

/** RAM ranges for an output size: a small low one, one in the middle, and regions that reach high. */
export function randomRam(random: Random, outputBits: number): RamRange[] {
  const size = 1n << BigInt(outputBits - 4);
  const high = [1n, 4n, 9n, 14n]
    .filter(() => random.chance(0.5))
    .map((slot) => [slot * size, size - (random.bits(8) << 12n)] as const);
  const middle = outputBits >= 44 ? [[1n << 37n, 1n << 36n] as const] : [];
  return [[1n << 26n, 1n << 26n], ...middle, ...high];
}

const RESERVE_BYTES = 4n << 20n;

export class PhysicalImage {
  readonly #pools: { next: bigint; end: bigint }[];
  readonly #reserve: { next: bigint; end: bigint };
  #journal: [pa: bigint, value: bigint][] = [];

  constructor(
    readonly random: Random,
    readonly ram: readonly RamRange[],
    readonly memory: ReferenceMemory,
  ) {
    const [low] = ram;
    this.#reserve = { next: low![0], end: low![0] + RESERVE_BYTES };
    this.#pools = ram.map(([base, size]) => ({
      next: base + RESERVE_BYTES + (random.bits(10) << 12n),
      end: base + size,
    }));
  }

  /** A fresh physical region inside RAM and below 2^bits; undefined when none fits. */
  allocate(bytes: bigint, align: bigint, bits = 52): bigint | undefined {
    const first = this.random.below(this.#pools.length);
    for (let i = 0; i < this.#pools.length; i++) {
      const pool = this.#pools[(first + i) % this.#pools.length]!;
      const base = alignUp(pool.next + (this.random.chance(0.2) ? align : 0n), align);
      // Large blocks take no more than half of a region, so that there is always room for tables.
      const end = bytes > 1n << 20n ? pool.next + (pool.end - pool.next) / 2n : pool.end;
      if (base + bytes > end || (base + bytes - 1n) >> BigInt(bits) !== 0n) continue;
      pool.next = base + bytes;
      return base;
    }
    return undefined;
  }

  /** A region that must be there: from what was kept back, when everything else is full. */
  allocateSurely(bytes: bigint): bigint {
    const base = this.allocate(bytes, bytes);
    if (base !== undefined) return base;
    const kept = alignUp(this.#reserve.next, bytes);
    if (kept + bytes > this.#reserve.end) throw new RangeError(`no room for ${bytes} bytes`);
    this.#reserve.next = kept + bytes;
    return kept;
  }

  read(pa: bigint): bigint {
    return this.memory.readDoubleword(pa) ?? 0n;
  }

  write(pa: bigint, value: bigint): void {
    const word = BigInt.asUintN(64, value);
    if (!this.memory.writeDoubleword(pa, word)) throw new RangeError(`0x${pa.toString(16)} is outside RAM`);
    this.#journal.push([pa, word]);
  }

  /** The writes since the last call, oldest first. */
  drain(): [pa: bigint, value: bigint][] {
    const journal = this.#journal;
    this.#journal = [];
    return journal;
  }
}
