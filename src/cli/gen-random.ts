// Numbers of a generated trace: a small generator that gives the same for the same seed everywhere, and Zipf's law.

/** Pseudo-random numbers (xorshift, 32 bits of state). */
export class Random {
  #state: number;

  /** @param seed 0..2^32-1 */
  constructor(seed: number) {
    // any seed but the one fixed point, well apart for neighbours
    this.#state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) >>> 0 || 1;
  }

  /** 0..1, 1 excluded. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }

  /** An integer in 0..limit-1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Puts the elements in random order. */
  shuffle(values: Uint32Array): void {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const value = values[last] as number;
      values[last] = values[other] as number;
      values[other] = value;
    }
  }
}

/** Picks 0..count-1; n is 1 / (n + 1) as likely as 0. */
export class ZipfTable {
  /** Share of the picks up to each number. */
  readonly #shares: Float64Array;

  /** @param count how many numbers */
  constructor(count: number) {
    this.#shares = new Float64Array(count);
    let sum = 0;
    for (let n = 0; n < count; n++) {
      sum += 1 / (n + 1);
      this.#shares[n] = sum;
    }
    for (let n = 0; n < count; n++) this.#shares[n] = (this.#shares[n] as number) / sum;
  }

  /** Picks a number. */
  pick(random: Random): number {
    const share = random.next();
    let low = 0;
    let high = this.#shares.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#shares[middle] as number) > share) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
