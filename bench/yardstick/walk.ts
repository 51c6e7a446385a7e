// Yardstick: the nested walk without walk caches, 4 levels over 4 levels of VMSAv8-64 4K tables: up to 24 descriptor
// reads from a flat memory. Arm DDI 0487 M.a D8.2-D8.4, Arm IHI 0070 G.b 3.4 and 7.3. One function without calls on its
// way, all in 32-bit integers, nothing allocated. The arrays are constants of a closure: V8 folds them into the code.
// Not modelled: hardware update of the tables, other granules (contexts.ts refuses them).
import { CTX_S1_HI, CTX_S1_LO, CTX_S1_OVER, CTX_S2_OVER, CTX_S2_WORD } from "./context-record.js";
import { STAGE1_RIGHTS, STAGE2_RIGHTS } from "./permissions.js";

// Status column: 0x80 | event type.
export const F_WALK_EABT = 0x8b;
export const F_TRANSLATION = 0x90;
export const F_ADDR_SIZE = 0x91;
export const F_ACCESS = 0x92;
export const F_PERMISSION = 0x93;

/**
 * Walks for one request. `at` is the context's record, `lo` and `hi` the IOVA; returns 0 or the status of a fault.
 * What was found lies in the Int32Array that the walk was made with, at the FOUND_ indices.
 */
export type Walk = (at: number, lo: number, hi: number, access: number) => number;

export const FOUND_LO = 0; // (PA ^ VA)[31:12], allowed accesses in bits 7:0
export const FOUND_HI = 1; // (PA ^ VA)[47:32]
export const FOUND_LEAF = 2; // log2 of the leaf, the smaller of both stages, at most 30
export const FOUND_FETCHES = 3; // descriptor reads; set also by a fault
export const FOUND_WORDS = 4;

// Constants of this file fold into the code; imported ones would be loaded from their cells.
const S1_LO = CTX_S1_LO;
const S1_HI = CTX_S1_HI;
const S1_OVER = CTX_S1_OVER;
const S2_WORD = CTX_S2_WORD;
const S2_OVER = CTX_S2_OVER;
const RIGHTS1 = STAGE1_RIGHTS;
const RIGHTS2 = STAGE2_RIGHTS;
const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91;

/**
 * Makes the walk that reads every descriptor.
 *
 * @param mem the flat memory
 * @param contexts the context records
 * @param found receives what a walk finds
 * @returns the walk
 */
export function createPlainWalk(mem: Int32Array, contexts: Int32Array, found: Int32Array): Walk {
  const words = mem.length;

  function fail(status: number, fetches: number): number {
    found[3] = fetches;
    return status;
  }

  /** A table beyond the flat memory: too wide for the stage, else nothing there to read. */
  function outside(over: number, fetches: number): number {
    return over !== 0 ? fail(ADDR_SIZE, fetches) : fail(0x8b, fetches + 1);
  }

  return function walk(at, lo, hi, access) {
    const root = contexts[at | S2_WORD]!;
    const over1 = contexts[at | S1_OVER]!;
    const over2 = contexts[at | S2_OVER]!;
    let ipaLo = contexts[at | S1_LO]! | ((hi >>> 7) << 3);
    let ipaHi = contexts[at | S1_HI]!;
    let level = 0;
    let hierarchy = 0;
    let rights = 0;
    let leaf = 0; // log2 of the stage-1 leaf once it is known
    let fetches = 0;

    for (;;) {
      // Stage 2 of the address at hand: a stage-1 descriptor's, or at last the output of stage 1.
      if (ipaHi >>> 16 !== 0) return fail(TRANSLATION, fetches);
      let word = (root + ((ipaHi >>> 7) << 1)) | 0;
      let e = mem[word]!;
      let eh = mem[word | 1]!;
      let size = 12;
      fetches = (fetches + 1) | 0;
      if ((e & 3) !== 3) return fail(TRANSLATION, fetches);
      if ((eh & 0xffff) !== 0 || e >>> 2 >= words) return outside(eh & over2, fetches);
      word = ((e & ~0xfff) >>> 2) | ((((ipaHi << 2) | (ipaLo >>> 30)) & 511) << 1);
      e = mem[word]!;
      eh = mem[word | 1]!;
      fetches = (fetches + 1) | 0;
      if ((e & 3) === 3) {
        if ((eh & 0xffff) !== 0 || e >>> 2 >= words) return outside(eh & over2, fetches);
        word = ((e & ~0xfff) >>> 2) | (((ipaLo >>> 21) & 511) << 1);
        e = mem[word]!;
        eh = mem[word | 1]!;
        fetches = (fetches + 1) | 0;
        if ((e & 3) === 3) {
          if ((eh & 0xffff) !== 0 || e >>> 2 >= words) return outside(eh & over2, fetches);
          word = ((e & ~0xfff) >>> 2) | (((ipaLo >>> 12) & 511) << 1);
          e = mem[word]!;
          eh = mem[word | 1]!;
          fetches = (fetches + 1) | 0;
          if ((e & 3) !== 3) return fail(TRANSLATION, fetches);
        } else {
          if ((e & 1) === 0) return fail(TRANSLATION, fetches);
          size = 21;
        }
      } else {
        if ((e & 1) === 0) return fail(TRANSLATION, fetches);
        size = 30;
      }
      if ((eh & over2) !== 0) return fail(ADDR_SIZE, fetches);
      if ((e & 0x400) === 0) return fail(0x92, fetches);
      const outer = -1 << size;
      const paLo = (e & outer) | (ipaLo & ~outer);
      const paHi = eh & 0xffff;

      if (leaf !== 0) {
        const both = rights & RIGHTS2[((e >>> 6) & 3) | (((eh >>> 21) & 3) << 2)]!;
        if (((both >>> access) & 1) === 0) return fail(0x93, fetches);
        if ((eh & 0x100000) !== 0) size = (size + 4) | 0;
        if (size > leaf) size = leaf;
        found[0] = ((paLo ^ lo) & ~0xfff) | both;
        found[1] = paHi ^ hi;
        found[2] = size > 30 ? 30 : size;
        found[3] = fetches;
        return 0;
      }

      // The stage-1 descriptor.
      if ((e & 0x40) === 0) return fail(0x93, fetches);
      fetches = (fetches + 1) | 0;
      if (paHi !== 0 || paLo >>> 2 >= words) return fail(0x8b, fetches);
      word = paLo >>> 2;
      const d = mem[word]!;
      const dh = mem[word | 1]!;
      if ((d & 1) === 0) return fail(TRANSLATION, fetches);
      if (level < 3 && (d & 2) !== 0) {
        if ((dh & over1) !== 0) return fail(ADDR_SIZE, fetches);
        hierarchy |= dh;
        level = (level + 1) | 0;
        const index = level === 1 ? (hi << 2) | (lo >>> 30) : level === 2 ? lo >>> 21 : lo >>> 12;
        ipaLo = (d & ~0xfff) | ((index & 511) << 3);
        ipaHi = dh & 0xffff;
        continue;
      }
      if (level === 0 || (level === 3 && (d & 2) === 0)) return fail(TRANSLATION, fetches);
      if ((dh & over1) !== 0) return fail(ADDR_SIZE, fetches);
      if ((d & 0x400) === 0) return fail(0x92, fetches);
      rights = stage1Rights(d, dh, hierarchy);
      if (((rights >>> access) & 1) === 0) return fail(0x93, fetches);
      leaf = level === 3 ? 12 : level === 2 ? 21 : 30;
      const below = -1 << leaf;
      ipaLo = (d & below) | (lo & ~below);
      ipaHi = dh & 0xffff;
      if ((dh & 0x100000) !== 0) leaf = (leaf + 4) | 0;
    }
  };
}

/**
 * Allowed accesses of a stage-1 leaf under the attributes of the tables above it.
 *
 * @param d bits 31:0 of the leaf
 * @param dh bits 63:32 of the leaf
 * @param hierarchy bits 63:32 of the table descriptors, or-ed
 * @returns mask by access
 */
export function stage1Rights(d: number, dh: number, hierarchy: number): number {
  const user = (d >>> 6) & ~(hierarchy >>> 29) & 1;
  const readOnly = ((d >>> 7) | (hierarchy >>> 30)) & 1;
  const uxn = ((dh >>> 22) | (hierarchy >>> 28)) & 1;
  const pxn = ((dh >>> 21) | (hierarchy >>> 27)) & 1;
  return RIGHTS1[user | (readOnly << 1) | (uxn << 2) | (pxn << 3)]!;
}
