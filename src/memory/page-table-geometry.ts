// The shape of a VMSAv8-64 translation: which level is the first, how many entries its table has, which levels
// may hold a leaf, how long a contiguous run is.
// Source: Arm DDI 0487 M.a, D8.2 (granules, levels, concatenation) and D8.3 (blocks, Contiguous bit).
// Not modelled: 56-bit addresses and 128-bit descriptors (D128).

/** What decides the shape of a translation table. */
export interface GeometryOptions {
  /** Stage of translation: stage 2 roots may be concatenated. */
  stage: 1 | 2;
  /** Bytes of the smallest page: 4096, 16384 or 65536. */
  granule: 4096 | 16384 | 65536;
  /** Bits of an input address (64 - TxSZ), 16..52 (64 KiB granule: 17..52). */
  inputBits: number;
  /** First level, -1..3; default: the one that needs no concatenation. Only stage 2 leaves a choice. */
  startLevel?: number;
  /** Bits of an output address, 32..52; default 52 with `ds`, else 48. More than 48 needs `ds` or the 64 KiB granule. */
  outputBits?: number;
  /** Descriptors of the LPA2 form (CD.DS, STE.S2DS): 52-bit addresses with 4 and 16 KiB granules. */
  ds?: boolean;
}

/** Shape of a translation: levels, shifts, leaf sizes. */
export class Geometry {
  readonly stage: 1 | 2;
  readonly granule: number;
  readonly granuleLg2: number;
  /** Address bits that one level resolves: 9, 11 or 13. */
  readonly indexBits: number;
  readonly inputBits: number;
  readonly outputBits: number;
  readonly startLevel: number;
  readonly ds: boolean;
  /** Bytes of the root, concatenated tables included; at least 64. */
  readonly rootBytes: number;

  /**
   * @param options what decides the shape
   * @throws RangeError when a value is outside of what the architecture has
   */
  constructor(options: GeometryOptions) {
    const { stage, granule, inputBits, ds = false } = options;
    if (stage !== 1 && stage !== 2) throw new RangeError(`"stage" expected 1 or 2, got ${stage}`);
    if (granule !== 4096 && granule !== 16384 && granule !== 65536) {
      throw new RangeError(`"granule" expected 4096, 16384 or 65536, got ${granule}`);
    }
    if (ds && granule === 65536) throw new RangeError('"ds" expected false with granule 65536, got true');
    const wide = ds || granule === 65536;
    const outputBits = options.outputBits ?? (ds ? 52 : 48);
    checkInteger("outputBits", outputBits, 32, wide ? 52 : 48);
    checkInteger("inputBits", inputBits, granule === 65536 ? 17 : 16, wide ? 52 : 48);
    this.stage = stage;
    this.granule = granule;
    this.granuleLg2 = Math.log2(granule);
    this.indexBits = this.granuleLg2 - 3;
    this.inputBits = inputBits;
    this.outputBits = outputBits;
    this.ds = ds;
    this.startLevel = options.startLevel ?? this.#naturalStart();
    const index = this.#checkStart();
    this.rootBytes = Math.max(64, 8 * 2 ** index);
    Object.freeze(this);
  }

  /**
   * Log2 of the bytes that one entry of a level covers.
   * @param level -1..3
   * @returns 12..48
   */
  shift(level: number): number {
    return this.granuleLg2 + (3 - level) * this.indexBits;
  }

  /**
   * Whether a level may hold a block or page.
   * @param level -1..3
   * @returns true where a leaf is legal
   */
  mayHoldLeaf(level: number): boolean {
    if (level >= 2) return true;
    if (this.granule === 4096) return level === 1 || (level === 0 && this.ds);
    return level === 1 && (this.granule === 16384 ? this.ds : this.outputBits > 48);
  }

  /**
   * Adjacent leaves that the Contiguous bit may join.
   * @param level -1..3
   * @returns entries in a run; 1 where the bit has no meaning
   */
  contiguousEntries(level: number): number {
    if (level < (this.granule === 4096 ? 1 : 2)) return 1;
    if (this.granule === 4096) return 16;
    return this.granule === 16384 && level === 3 ? 128 : 32;
  }

  #naturalStart(): number {
    const levels = Math.max(1, Math.ceil((this.inputBits - this.granuleLg2) / this.indexBits));
    const level = 4 - levels;
    // stage 2 has level 0 of the 16 KiB granule only with DS: 48 bits are two concatenated tables at level 1
    return level === 0 && this.stage === 2 && this.granule === 16384 && !this.ds ? 1 : level;
  }

  /** Returns how many bits the first level resolves. */
  #checkStart(): number {
    const level = this.startLevel;
    checkInteger("startLevel", level, -1, 3);
    const index = this.inputBits - this.shift(level);
    const natural = this.#naturalStart();
    if (this.stage === 1 && level !== natural) {
      throw new RangeError(
        `"startLevel" expected ${natural} for stage 1 with ${this.inputBits} input bits, got ${level}`,
      );
    }
    const forbidden =
      (level === -1 && !(this.ds && this.granule === 4096)) ||
      (level === 0 && (this.granule === 65536 || (this.granule === 16384 && this.stage === 2 && !this.ds)));
    if (forbidden || index < 1 || index > this.indexBits + (this.stage === 2 ? 4 : 0)) {
      throw new RangeError(
        `"startLevel" expected one that resolves ${this.inputBits} input bits with at most 16 tables of ` +
          `${this.granule >> 10} KiB, got ${level}`,
      );
    }
    return index;
  }
}

/** Throws unless `value` is an integer in low..high. */
export function checkInteger(name: string, value: unknown, low: number, high: number): void {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`"${name}" expected integer in ${low}..${high}, got ${value}`);
  }
}
