// TableAllocator: hands out blocks of simulated physical memory for tables, queues and other structures.
//
// A bump pointer with one free list per power of two: a block of 2^k bytes lies at a multiple of 2^k, as the
// roots of translation tables, stream tables and queues ask for. The holes that alignment leaves go to the lists.
// It deals in addresses only: memory is neither read nor written, and a released block keeps its contents.

const MIN_LG2 = 6; // 64 bytes: the smallest structure (a root table, an STE, a CD)

/** Hands out power-of-two blocks of an address range. */
export class TableAllocator {
  /** First byte of the range. */
  readonly base: bigint;
  /** Bytes of the range. */
  readonly size: bigint;
  /** Bytes handed out and not released, as rounded up to powers of two. */
  used = 0;
  /** Largest value that `used` had. */
  peak = 0;
  readonly #free: number[][] = Array.from({ length: 53 }, () => []);
  #next: number;
  readonly #end: number;

  /**
   * @param base first byte address, a multiple of 64, 0..2^52-1
   * @param size bytes, a multiple of 64; base + size is at most 2^52
   * @throws TypeError when a parameter is not a bigint; RangeError when it is out of range
   */
  constructor(base: bigint, size: bigint) {
    checkBigint("base", base);
    checkBigint("size", size);
    if (base < 0n || base >= 1n << 52n || base % 64n !== 0n) {
      throw new RangeError(`"base" expected a multiple of 64 in 0..2^52-1, got ${base}`);
    }
    if (size <= 0n || size % 64n !== 0n || base + size > 1n << 52n) {
      throw new RangeError(`"size" expected a multiple of 64 with base + size <= 2^52, got ${size}`);
    }
    this.base = base;
    this.size = size;
    this.#next = Number(base);
    this.#end = Number(base + size);
  }

  /**
   * Takes a block.
   * @param bytes size, 1..2^51; rounded up to a power of two of at least 64
   * @param align alignment in bytes, a power of two; default: the rounded size
   * @returns address of the block, aligned to `align` and to the rounded size
   * @throws RangeError when a parameter is out of range or the range has no room left
   */
  allocate(bytes: number, align = 1): bigint {
    const lg2 = blockLg2(bytes, align);
    const address = this.#free[lg2]?.pop() ?? this.#bump(lg2);
    this.used += 2 ** lg2;
    this.peak = Math.max(this.peak, this.used);
    return BigInt(address);
  }

  /**
   * Gives a block back; it is handed out again for requests of the same rounded size.
   * @param address what allocate returned
   * @param bytes the size that was asked for
   * @param align the alignment that was asked for
   * @throws RangeError when the block is not inside what was handed out, or not aligned
   */
  release(address: bigint, bytes: number, align = 1): void {
    const lg2 = blockLg2(bytes, align);
    checkBigint("address", address);
    const start = Number(address);
    if (address < this.base || start + 2 ** lg2 > this.#next || start % 2 ** lg2 !== 0) {
      throw new RangeError(
        `"address" expected a block of ${2 ** lg2} bytes from allocate, got 0x${address.toString(16)}`,
      );
    }
    const list = this.#free[lg2] as number[];
    list.push(start);
    this.used -= 2 ** lg2;
  }

  #bump(lg2: number): number {
    const bytes = 2 ** lg2;
    const start = Math.ceil(this.#next / bytes) * bytes;
    if (start + bytes > this.#end) return this.#split(lg2);
    // the hole below an aligned block is handed out later, in naturally aligned pieces
    for (let at = this.#next; at < start; ) {
      let piece = MIN_LG2;
      while (at % 2 ** (piece + 1) === 0 && at + 2 ** (piece + 1) <= start) piece++;
      this.#free[piece]?.push(at);
      at += 2 ** piece;
    }
    this.#next = start + bytes;
    return start;
  }

  /** Halves a larger free block until it has the size wanted. */
  #split(lg2: number): number {
    for (let from = lg2 + 1; from < this.#free.length; from++) {
      const start = this.#free[from]?.pop();
      if (start === undefined) continue;
      for (let half = from - 1; half >= lg2; half--) this.#free[half]?.push(start + 2 ** half);
      return start;
    }
    throw new RangeError(
      `no room for ${2 ** lg2} bytes: ${this.used} of ${this.size} bytes at 0x${this.base.toString(16)} are in use`,
    );
  }
}

function blockLg2(bytes: number, align: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > 2 ** 51) {
    throw new RangeError(`"bytes" expected integer in 1..2^51, got ${bytes}`);
  }
  if (
    !Number.isSafeInteger(align) ||
    align < 1 ||
    align > 2 ** 51 ||
    2 ** Math.round(Math.log2(align)) !== align
  ) {
    throw new RangeError(`"align" expected a power of two in 1..2^51, got ${align}`);
  }
  let lg2 = MIN_LG2;
  while (2 ** lg2 < bytes || 2 ** lg2 < align) lg2++;
  return lg2;
}

function checkBigint(name: string, value: unknown): void {
  if (typeof value !== "bigint") throw new TypeError(`"${name}" expected bigint, got ${typeof value}`);
}
