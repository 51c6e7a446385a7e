// A structure of doublewords in memory or a register, read by whole-structure bit numbers as the manual prints
// them: `field(243, 196)` is S2TTB[51:4] of an STE.

/** Bits [msb:lsb] of one value. */
export function bitsOf(value: bigint, msb: number, lsb: number): bigint {
  return (value >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);
}

export function bitOf(value: bigint, bit: number): boolean {
  return ((value >> BigInt(bit)) & 1n) === 1n;
}

/** True when the value needs more than `width` bits. */
export function exceeds(value: bigint, width: number): boolean {
  return value >> BigInt(width) !== 0n;
}

/** The value with bits [count-1:0] cleared. */
export function alignDown(value: bigint, count: number): bigint {
  return (value >> BigInt(count)) << BigInt(count);
}

export class Structure {
  readonly #words: readonly bigint[];

  constructor(words: readonly bigint[]) {
    this.#words = words;
  }

  /** Bits [msb:lsb] of the whole structure; a field never crosses a doubleword in these structures. */
  field(msb: number, lsb: number): bigint {
    return bitsOf(this.#words[lsb >> 6]!, msb & 63, lsb & 63);
  }

  number(msb: number, lsb: number): number {
    return Number(this.field(msb, lsb));
  }

  bit(bit: number): boolean {
    return bitOf(this.#words[bit >> 6]!, bit & 63);
  }
}
