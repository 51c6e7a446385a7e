// Yardstick: the walk of a stream with one stage, four levels of VMSAv8-64 4K tables in a flat memory. The same form as
// walk.ts: one function, 32-bit integers, nothing allocated. Arm DDI 0487 M.a D8.2-D8.4, Arm IHI 0070 G.b 3.4 and 7.3.
import { CTX_MODE, CTX_S1_HI, CTX_S1_LO, CTX_S1_OVER, CTX_S2_OVER, CTX_S2_WORD } from "./context-record.js";
import { STAGE2_RIGHTS } from "./permissions.js";
import { stage1Rights, type Walk } from "./walk.js";

// Constants of this file fold into the code; imported ones would be loaded from their cells.
const MODE = CTX_MODE;
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

/**
 * Makes the walk.
 *
 * @param mem the flat memory
 * @param contexts the context records
 * @param found receives what a walk finds, as for walk.ts
 * @returns the walk
 */
export function createSingleWalk(mem: Int32Array, contexts: Int32Array, found: Int32Array): Walk {
  const words = mem.length;

  function fail(status: number, fetches: number): number {
    found[3] = fetches;
    return status;
  }

  return function walk(at, lo, hi, access) {
    const first = contexts[at | MODE] === 1;
    const over = first ? contexts[at | S1_OVER]! : contexts[at | S2_OVER]!;
    let table = first ? contexts[at | S1_LO]! >>> 2 : contexts[at | S2_WORD]!;
    if (first && (contexts[at | S1_HI] !== 0 || table >= words)) return fail(EABT, 1);
    let index = hi >>> 7;
    let hierarchy = 0;
    let level = 0;
    let e = 0;
    let eh = 0;
    for (;;) {
      const word = (table + ((index & 511) << 1)) | 0;
      e = mem[word]!;
      eh = mem[word | 1]!;
      if ((e & 1) === 0) return fail(TRANSLATION, level + 1);
      if (level === 3 || (e & 2) === 0) break;
      if ((eh & over) !== 0) return fail(ADDR_SIZE, level + 1);
      if ((eh & 0xffff) !== 0 || e >>> 2 >= words) return fail(EABT, level + 2);
      hierarchy |= eh;
      table = (e & ~0xfff) >>> 2;
      level = (level + 1) | 0;
      index = level === 1 ? (hi << 2) | (lo >>> 30) : level === 2 ? lo >>> 21 : lo >>> 12;
    }
    const fetches = level + 1;
    if (level === 0 || (level === 3 && (e & 2) === 0)) return fail(TRANSLATION, fetches);
    if ((eh & over) !== 0) return fail(ADDR_SIZE, fetches);
    if ((e & 0x400) === 0) return fail(ACCESS, fetches);
    const rights = first
      ? stage1Rights(e, eh, hierarchy)
      : RIGHTS2[((e >>> 6) & 3) | (((eh >>> 21) & 3) << 2)]!;
    if (((rights >>> access) & 1) === 0) return fail(PERMISSION, fetches);
    let size = level === 3 ? 12 : level === 2 ? 21 : 30;
    const outer = -1 << size;
    if ((eh & 0x100000) !== 0) size = (size + 4) | 0;
    found[0] = ((((e & outer) | (lo & ~outer)) ^ lo) & ~0xfff) | rights;
    found[1] = (eh & 0xffff) ^ hi;
    found[2] = size > 30 ? 30 : size;
    found[3] = fetches;
    return 0;
  };
}
