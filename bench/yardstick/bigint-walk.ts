// Yardstick: the walk over bigints, of one stage or nested, 4K granules, four levels each, in a flat memory:
// addresses that come in and go out are bigints, descriptors are read as two halves. Arm DDI 0487 M.a D8.2-D8.4, Arm IHI 0070 G.b 3.4 and 7.3.
import type { MapContext } from "./map-contexts.js";
import { STAGE2_RIGHTS } from "./permissions.js";
import { stage1Rights } from "./walk.js";

const EABT = 0x8b;
const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91;
const ACCESS = 0x92;
const PERMISSION = 0x93;

/** Log2 of the bytes that an index of each level stands for. */
const LEVEL_LG2 = [39n, 30n, 21n, 12n] as const;

/** A walker; what a walk finds stays in its fields. */
export class BigintWalk {
  pa = 0n;
  /** Log2 of the leaf, the smaller of both stages, at most 30. */
  lg2 = 0;
  /** Allowed accesses. */
  rights = 0;
  readonly #memory: Int32Array;
  #lo = 0;
  #hi = 0;

  /** @param memory the tables */
  constructor(memory: Int32Array) {
    this.#memory = memory;
  }

  /** Reads a descriptor; false when there is no memory. */
  #read(address: number): boolean {
    const word = address / 4;
    if (word >= this.#memory.length) return false;
    this.#lo = this.#memory[word]!;
    this.#hi = this.#memory[word + 1]!;
    return true;
  }

  /**
   * Walks for a request.
   *
   * @returns 0, or the status of a fault
   */
  translate(context: MapContext, iova: bigint, access: number): number {
    if (context.mode === 2) return this.#stage2(context, iova) || this.#permit(access);
    const nested = context.mode === 3;
    let table = context.stage1Root;
    let hierarchy = 0;
    for (let level = 0; ; level++) {
      const size = LEVEL_LG2[level]!;
      let address = table + Number((iova >> size) & 511n) * 8;
      if (nested) {
        const status = this.#stage2(context, BigInt(address));
        if (status !== 0) return status;
        if ((this.rights & 1) === 0) return PERMISSION;
        address = Number(this.pa);
      }
      if (!this.#read(address)) return EABT;
      const lo = this.#lo;
      const hi = this.#hi;
      if ((lo & 1) === 0) return TRANSLATION;
      if (level < 3 && (lo & 2) !== 0) {
        if ((hi & context.stage1Over) !== 0) return ADDR_SIZE;
        hierarchy |= hi;
        table = tableOf(lo, hi);
        continue;
      }
      if (level === 0 || (level === 3 && (lo & 2) === 0)) return TRANSLATION;
      if ((hi & context.stage1Over) !== 0) return ADDR_SIZE;
      if ((lo & 0x400) === 0) return ACCESS;
      const rights = stage1Rights(lo, hi, hierarchy);
      if (((rights >>> access) & 1) === 0) return PERMISSION;
      const output = outputOf(tableOf(lo, hi), size, iova);
      const leaf = leafOf(hi, size);
      if (nested) return this.#combine(context, output, leaf, rights, access);
      this.#found(output, leaf, rights);
      return 0;
    }
  }

  #combine(context: MapContext, ipa: bigint, leaf: number, rights: number, access: number): number {
    const status = this.#stage2(context, ipa);
    if (status !== 0) return status;
    this.rights &= rights;
    this.lg2 = Math.min(this.lg2, leaf);
    return this.#permit(access);
  }

  #permit(access: number): number {
    return ((this.rights >>> access) & 1) === 0 ? PERMISSION : 0;
  }

  #found(pa: bigint, leaf: number, rights: number): void {
    this.pa = pa;
    this.lg2 = leaf;
    this.rights = rights;
  }

  #stage2(context: MapContext, ipa: bigint): number {
    if (ipa >> 48n !== 0n) return TRANSLATION;
    let table = context.stage2Root;
    for (let level = 0; ; level++) {
      const size = LEVEL_LG2[level]!;
      if (!this.#read(table + Number((ipa >> size) & 511n) * 8)) return EABT;
      const lo = this.#lo;
      const hi = this.#hi;
      if ((lo & 1) === 0) return TRANSLATION;
      if (level < 3 && (lo & 2) !== 0) {
        if ((hi & context.stage2Over) !== 0) return ADDR_SIZE;
        table = tableOf(lo, hi);
        continue;
      }
      if (level === 0 || (level === 3 && (lo & 2) === 0)) return TRANSLATION;
      if ((hi & context.stage2Over) !== 0) return ADDR_SIZE;
      if ((lo & 0x400) === 0) return ACCESS;
      const rights = STAGE2_RIGHTS[((lo >>> 6) & 3) | (((hi >>> 21) & 3) << 2)]!;
      this.#found(outputOf(tableOf(lo, hi), size, ipa), leafOf(hi, size), rights);
      return 0;
    }
  }
}

/** The address in a descriptor, 48 bits. */
function tableOf(lo: number, hi: number): number {
  return ((lo & ~0xfff) >>> 0) + (hi & 0xffff) * 2 ** 32;
}

function outputOf(address: number, size: bigint, input: bigint): bigint {
  const mask = (1n << size) - 1n;
  return (BigInt(address) & ~mask) | (input & mask);
}

function leafOf(hi: number, size: bigint): number {
  return Math.min(Number(size) + ((hi & 0x100000) !== 0 ? 4 : 0), 30);
}
