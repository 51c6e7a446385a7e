// The seeded random numbers of the benchmark and its tests: xoshiro128**, 32 bits a call.
// A seed is printed with every run, so that a request stream can be made again.

/** A seeded source of 32-bit random numbers. */
export class Random {
  readonly #s = new Uint32Array(4);

  /** @param seed any integer; its low 32 bits count */
  constructor(seed: number) {
    // splitmix32 spreads the seed over the state, so that near seeds give unlike streams.
    let x = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0;
      let z = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#s[i] = z ^ (z >>> 15);
    }
  }

  /** @returns the next number, 0..2^32-1 */
  next(): number {
    const s = this.#s;
    const x = Math.imul(s[1]!, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /**
   * @param limit 1..2^32
   * @returns a number in 0..limit-1
   */
  below(limit: number): number {
    return Math.floor((this.next() / 4294967296) * limit);
  }
}
