// Yardstick: the walk over numbers, of one stage or nested, 4K granules, four levels each, in a flat memory. Powers of two
// are looked up, not computed, and what fits 32 bits is kept there. Arm DDI 0487 M.a D8.2-D8.4, Arm IHI 0070 G.b 3.4 and 7.3.
import type { MapContext } from "./map-contexts.js";
import { STAGE2_RIGHTS } from "./permissions.js";
import { stage1Rights } from "./walk.js";

const TWO_32 = 2 ** 32;
const EABT = 0x8b;
const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91;
const ACCESS = 0x92;
const PERMISSION = 0x93;

/** Log2 of the bytes that an index of each level stands for, and the bytes. */
const LEVEL_LG2 = [39, 30, 21, 12] as const;
const LEVEL_SIZE = [2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12] as const;

/** A walker; what a walk finds stays in its fields. */
export class NumberWalk {
  pa = 0;
  /** Log2 of the leaf, the smaller of both stages, at most 30. */
  lg2 = 0;
  /** Allowed accesses. */
  rights = 0;
  readonly #memory: Int32Array;
  readonly #bytes: number;
  #lo = 0;
  #hi = 0;

  /** @param memory the tables */
  constructor(memory: Int32Array) {
    this.#memory = memory;
    this.#bytes = memory.length * 4;
  }

  /** Reads a descriptor; false when there is no memory. */
  #read(address: number): boolean {
    if (address >= this.#bytes) return false;
    const word = address >>> 2;
    this.#lo = this.#memory[word]!;
    this.#hi = this.#memory[word + 1]!;
    return true;
  }

  /**
   * Walks for a request.
   *
   * @returns 0, or the status of a fault
   */
  translate(context: MapContext, iova: number, access: number): number {
    if (context.mode === 2) return this.#stage2(context, iova) || this.#permit(access);
    const nested = context.mode === 3;
    let table = context.stage1Root;
    let hierarchy = 0;
    for (let level = 0; ; level++) {
      let address = table + ((Math.floor(iova / LEVEL_SIZE[level]!) & 511) << 3);
      if (nested) {
        const status = this.#stage2(context, address);
        if (status !== 0) return status;
        if ((this.rights & 1) === 0) return PERMISSION;
        address = this.pa;
      }
      if (!this.#read(address)) return EABT;
      const lo = this.#lo;
      const hi = this.#hi;
      if ((lo & 1) === 0) return TRANSLATION;
      if (level < 3 && (lo & 2) !== 0) {
        if ((hi & context.stage1Over) !== 0) return ADDR_SIZE;
        hierarchy |= hi;
        table = addressOf(lo, hi);
        continue;
      }
      if (level === 0 || (level === 3 && (lo & 2) === 0)) return TRANSLATION;
      if ((hi & context.stage1Over) !== 0) return ADDR_SIZE;
      if ((lo & 0x400) === 0) return ACCESS;
      const rights = stage1Rights(lo, hi, hierarchy);
      if (((rights >>> access) & 1) === 0) return PERMISSION;
      const output = outputOf(lo, hi, LEVEL_SIZE[level]!, iova);
      const leaf = LEVEL_LG2[level]! + contiguous(hi);
      if (nested) return this.#combine(context, output, leaf, rights, access);
      this.#found(output, leaf, rights);
      return 0;
    }
  }

  #combine(context: MapContext, ipa: number, leaf: number, rights: number, access: number): number {
    const status = this.#stage2(context, ipa);
    if (status !== 0) return status;
    this.rights &= rights;
    this.lg2 = Math.min(this.lg2, leaf, 30);
    return this.#permit(access);
  }

  #permit(access: number): number {
    return ((this.rights >>> access) & 1) === 0 ? PERMISSION : 0;
  }

  #found(pa: number, leaf: number, rights: number): void {
    this.pa = pa;
    this.lg2 = Math.min(leaf, 30);
    this.rights = rights;
  }

  #stage2(context: MapContext, ipa: number): number {
    if (ipa >= 2 ** 48) return TRANSLATION;
    let table = context.stage2Root;
    for (let level = 0; ; level++) {
      if (!this.#read(table + ((Math.floor(ipa / LEVEL_SIZE[level]!) & 511) << 3))) return EABT;
      const lo = this.#lo;
      const hi = this.#hi;
      if ((lo & 1) === 0) return TRANSLATION;
      if (level < 3 && (lo & 2) !== 0) {
        if ((hi & context.stage2Over) !== 0) return ADDR_SIZE;
        table = addressOf(lo, hi);
        continue;
      }
      if (level === 0 || (level === 3 && (lo & 2) === 0)) return TRANSLATION;
      if ((hi & context.stage2Over) !== 0) return ADDR_SIZE;
      if ((lo & 0x400) === 0) return ACCESS;
      const rights = STAGE2_RIGHTS[((lo >>> 6) & 3) | (((hi >>> 21) & 3) << 2)]!;
      const leaf = LEVEL_LG2[level]! + contiguous(hi);
      this.#found(outputOf(lo, hi, LEVEL_SIZE[level]!, ipa), leaf, rights);
      return 0;
    }
  }
}

function addressOf(lo: number, hi: number): number {
  return ((lo & ~0xfff) >>> 0) + (hi & 0xffff) * TWO_32;
}

function outputOf(lo: number, hi: number, size: number, input: number): number {
  const base = addressOf(lo, hi);
  return base - (base % size) + (input % size);
}

function contiguous(hi: number): number {
  return (hi & 0x100000) !== 0 ? 4 : 0;
}
