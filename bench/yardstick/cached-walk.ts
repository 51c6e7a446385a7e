// Yardstick: the nested walk with walk caches, three direct-mapped tables of 32-bit words as in the model: the last
// stage-1 table of a VA, the stage-2 answer of an IPA page, the last stage-2 table of an IPA (1024, 2048, 1024 entries).
// Same facts, same limits and same form as walk.ts.
import {
  CTX_S1_HI,
  CTX_S1_LO,
  CTX_S1_OVER,
  CTX_S2_OVER,
  CTX_S2_WORD,
  CTX_SEED,
  CTX_SEED2,
  CTX_TAG,
  CTX_TAG2,
} from "./context-record.js";
import { STAGE2_RIGHTS } from "./permissions.js";
import { stage1Rights, type Walk } from "./walk.js";

/** Entries of each walk cache, powers of two. */
export interface WalkCacheSizes {
  readonly stage1: number;
  readonly stage2: number;
  readonly stage2Tlb: number;
}

// Constants of this file fold into the code; imported ones would be loaded from their cells.
const TAG = CTX_TAG;
const SEED = CTX_SEED;
const TAG2 = CTX_TAG2;
const SEED2 = CTX_SEED2;
const S1_LO = CTX_S1_LO;
const S1_HI = CTX_S1_HI;
const S1_OVER = CTX_S1_OVER;
const S2_WORD = CTX_S2_WORD;
const S2_OVER = CTX_S2_OVER;
const RIGHTS2 = STAGE2_RIGHTS;
const EABT = 0x8b;
const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91;
const ACCESS = 0x92;
const PERMISSION = 0x93;

/** A walk and how its caches forget. */
export interface CachedWalk {
  readonly walk: Walk;
  /** Drops the last stage-1 table of an address: TLBI by address without leaf-only. */
  forget(at: number, lo: number, hi: number): void;
  /** Drops everything. */
  clear(): void;
}

/**
 * Makes the walk with caches.
 *
 * @param mem the flat memory
 * @param contexts the context records
 * @param found receives what a walk finds
 * @param sizes entries of the caches
 * @returns the walk
 */
export function createCachedWalk(
  mem: Int32Array,
  contexts: Int32Array,
  found: Int32Array,
  sizes: WalkCacheSizes,
): CachedWalk {
  const words = mem.length;
  // 4 words an entry: VA[47:21] + 1, tag, word of the last table, attributes of the tables above
  const stage1 = new Int32Array(sizes.stage1 * 4);
  const stage1Mask = stage1.length - 4;
  // IPA[31:12] | 1, tag | IPA[47:32], PA[31:12] | rights, PA[47:32] | lg2 << 16
  const tlb = new Int32Array(sizes.stage2Tlb * 4);
  const tlbMask = tlb.length - 4;
  // IPA[47:21] + 1, tag, word of the last table, unused
  const stage2 = new Int32Array(sizes.stage2 * 4);
  const stage2Mask = stage2.length - 4;
  // The last answer of `translate`: page and rights, upper address bits and leaf size; and the reads of this walk.
  let pageLo = 0;
  let pageHi = 0;
  let fetches = 0;

  /** Stage 2 of one IPA; the answer is left in pageLo and pageHi. */
  function translate(at: number, ipaLo: number, ipaHi: number): number {
    if (ipaHi >>> 16 !== 0) return TRANSLATION;
    const tag = contexts[at | TAG2]!;
    const seed = contexts[at | SEED2]!;
    const page = (ipaHi << 20) | (ipaLo >>> 12);
    const slot = ((page ^ (page >>> 11) ^ seed) << 2) & tlbMask;
    const key = (ipaLo & ~0xfff) | 1;
    const keyHi = tag | ipaHi;
    if (tlb[slot] === key && tlb[slot | 1] === keyHi) {
      pageLo = tlb[slot | 2]!;
      pageHi = tlb[slot | 3]!;
      return 0;
    }
    const over = contexts[at | S2_OVER]!;
    const region = (ipaHi << 11) | (ipaLo >>> 21);
    const near = ((region ^ (region >>> 10) ^ seed) << 2) & stage2Mask;
    let word = 0;
    let level = 0;
    if (stage2[near] === ((region + 1) | 0) && stage2[near | 1] === tag) {
      word = stage2[near | 2]! | (((ipaLo >>> 12) & 511) << 1);
      level = 3;
    } else {
      word = contexts[at | S2_WORD]! | ((ipaHi >>> 7) << 1);
    }
    for (;;) {
      const e = mem[word]!;
      const eh = mem[word | 1]!;
      fetches = (fetches + 1) | 0;
      if ((e & 1) === 0) return TRANSLATION;
      if (level < 3 && (e & 2) !== 0) {
        if ((eh & over) !== 0) return ADDR_SIZE;
        if ((eh & 0xffff) !== 0 || e >>> 2 >= words) {
          fetches = (fetches + 1) | 0;
          return EABT;
        }
        level = (level + 1) | 0;
        const table = (e & ~0xfff) >>> 2;
        const index = level === 1 ? (ipaHi << 2) | (ipaLo >>> 30) : level === 2 ? ipaLo >>> 21 : ipaLo >>> 12;
        word = table | ((index & 511) << 1);
        if (level === 3) {
          stage2[near] = region + 1;
          stage2[near | 1] = tag;
          stage2[near | 2] = table;
        }
        continue;
      }
      if (level === 0 || (level === 3 && (e & 2) === 0)) return TRANSLATION;
      if ((eh & over) !== 0) return ADDR_SIZE;
      if ((e & 0x400) === 0) return ACCESS;
      let leaf = level === 3 ? 12 : level === 2 ? 21 : 30;
      const below = -1 << leaf;
      if ((eh & 0x100000) !== 0) leaf = (leaf + 4) | 0;
      const rights = RIGHTS2[((e >>> 6) & 3) | (((eh >>> 21) & 3) << 2)]!;
      pageLo = (((e & below) | (ipaLo & ~below)) & ~0xfff) | rights;
      pageHi = (eh & 0xffff) | (leaf << 16);
      tlb[slot] = key;
      tlb[slot | 1] = keyHi;
      tlb[slot | 2] = pageLo;
      tlb[slot | 3] = pageHi;
      return 0;
    }
  }

  /** Word of the stage-1 descriptor at an IPA, or minus the status. */
  function descriptor(at: number, ipaLo: number, ipaHi: number): number {
    const status = translate(at, ipaLo, ipaHi);
    if (status !== 0) return -status;
    if ((pageLo & 1) === 0) return -PERMISSION;
    if ((pageHi & 0xffff) !== 0 || pageLo >>> 2 >= words) {
      fetches = (fetches + 1) | 0;
      return -EABT;
    }
    return ((pageLo & ~0xfff) | (ipaLo & 0xfff)) >>> 2;
  }

  function steps(at: number, lo: number, hi: number, access: number): number {
    const over = contexts[at | S1_OVER]!;
    const tag = contexts[at | TAG]!;
    const region = (hi << 11) | (lo >>> 21);
    const slot = ((region ^ (region >>> 10) ^ contexts[at | SEED]!) << 2) & stage1Mask;
    let hierarchy = 0;
    let level = 0;
    let word = 0;
    if (stage1[slot] === ((region + 1) | 0) && stage1[slot | 1] === tag) {
      level = 3;
      word = stage1[slot | 2]! | (((lo >>> 12) & 511) << 1);
      hierarchy = stage1[slot | 3]!;
    } else {
      word = descriptor(at, contexts[at | S1_LO]! | ((hi >>> 7) << 3), contexts[at | S1_HI]!);
      if (word < 0) return -word;
    }
    for (;;) {
      const d = mem[word]!;
      const dh = mem[word | 1]!;
      fetches = (fetches + 1) | 0;
      if ((d & 1) === 0) return TRANSLATION;
      if (level < 3 && (d & 2) !== 0) {
        if ((dh & over) !== 0) return ADDR_SIZE;
        hierarchy |= dh;
        level = (level + 1) | 0;
        const index = level === 1 ? (hi << 2) | (lo >>> 30) : level === 2 ? lo >>> 21 : lo >>> 12;
        word = descriptor(at, (d & ~0xfff) | ((index & 511) << 3), dh & 0xffff);
        if (word < 0) return -word;
        if (level === 3) {
          stage1[slot] = region + 1;
          stage1[slot | 1] = tag;
          stage1[slot | 2] = word & ~1023;
          stage1[slot | 3] = hierarchy;
        }
        continue;
      }
      if (level === 0 || (level === 3 && (d & 2) === 0)) return TRANSLATION;
      if ((dh & over) !== 0) return ADDR_SIZE;
      if ((d & 0x400) === 0) return ACCESS;
      const rights = stage1Rights(d, dh, hierarchy);
      if (((rights >>> access) & 1) === 0) return PERMISSION;
      let leaf = level === 3 ? 12 : level === 2 ? 21 : 30;
      const below = -1 << leaf;
      if ((dh & 0x100000) !== 0) leaf = (leaf + 4) | 0;
      const status = translate(at, (d & below) | (lo & ~below), dh & 0xffff);
      if (status !== 0) return status;
      const both = rights & pageLo;
      if (((both >>> access) & 1) === 0) return PERMISSION;
      const size = pageHi >>> 16;
      if (size < leaf) leaf = size;
      found[0] = ((pageLo ^ lo) & ~0xfff) | both;
      found[1] = (pageHi & 0xffff) ^ hi;
      found[2] = leaf > 30 ? 30 : leaf;
      return 0;
    }
  }

  function walk(at: number, lo: number, hi: number, access: number): number {
    fetches = 0;
    const status = steps(at, lo, hi, access);
    found[3] = fetches;
    return status;
  }

  return {
    walk,
    forget(at, lo, hi) {
      const region = (hi << 11) | (lo >>> 21);
      const slot = ((region ^ (region >>> 10) ^ contexts[at | SEED]!) << 2) & stage1Mask;
      if (stage1[slot] === ((region + 1) | 0) && stage1[slot | 1] === contexts[at | TAG]) stage1[slot] = 0;
    },
    clear() {
      for (const cache of [stage1, tlb, stage2]) cache.fill(0);
    },
  };
}
