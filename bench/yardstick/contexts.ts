// Yardstick: stream table and context descriptors, decoded at set-up into one Int32Array of 16 words a stream.
// Arm IHI 0070 G.b 5.2 (STE) and 5.4 (CD). Linear stream table, Config 0b111, one CD a stream, 4K granules,
// 48-bit input at both stages (four levels each). Anything else is refused: this is the machine of the benchmark.
import { stage2Address } from "./stage2.js";

/** Words of a context record, in Int32Array indices from its start. */
export const CTX_TAG = 0; // dense (ASID, VMID) number << 16, or -1: no translation, status in CTX_STATUS
export const CTX_SEED = 1; // spreads contexts over the sets
export const CTX_SIZES = 2; // bit lg2 set: a leaf of that size has been cached
export const CTX_S1_LO = 3; // stage-1 root, an IPA
export const CTX_S1_HI = 4;
export const CTX_S1_OVER = 5; // bits of OA[47:32] that are out of range at stage 1
export const CTX_S2_WORD = 6; // stage-2 root, index of its first word in the flat memory
export const CTX_S2_OVER = 7; // bits of OA[47:32] that are out of range at stage 2
export const CTX_STATUS = 8;
export const CTX_FIRST = 9; // log2 of the leaf size to look for first
export const CTX_LG2 = 4; // log2 of the words of a record

const STATUS_ABORTED = 3;
/** S2PS and IPS encodings → address bits. */
const SIZES = [32, 36, 40, 42, 44, 48, 52] as const;

function field(words: Int32Array, base: number, msb: number, lsb: number): number {
  const word = words[base + (lsb >> 5)]! >>> 0;
  return Math.floor(word / 2 ** (lsb & 31)) % 2 ** (msb - lsb + 1);
}

function need(condition: boolean, what: string): void {
  if (!condition) throw new RangeError(`yardstick does not model ${what}`);
}

/** Bits of OA[47:32] above an address size. */
function over(encoding: number): number {
  const bits = SIZES[Math.min(encoding, 5)]!;
  return 0xffff & ~(2 ** (bits - 32) - 1);
}

/**
 * Decodes every entry of a linear stream table.
 *
 * @param mem the flat memory
 * @param strtab byte address of the stream table
 * @param log2size log2 of the number of entries
 * @returns CTX_WORDS words a stream
 */
export function decodeContexts(mem: Int32Array, strtab: number, log2size: number): Int32Array {
  const contexts = new Int32Array(1 << (log2size + CTX_LG2));
  const dense = new Map<string, number>();
  for (let stream = 0; stream < 1 << log2size; stream++) {
    const ste = (strtab >>> 2) + stream * 16;
    const at = stream << CTX_LG2;
    contexts[at + CTX_TAG] = -1;
    contexts[at + CTX_STATUS] = STATUS_ABORTED;
    if (field(mem, ste, 0, 0) === 0) {
      contexts[at + CTX_STATUS] = 0x80 | 4; // C_BAD_STE
      continue;
    }
    if (field(mem, ste, 3, 1) < 4) continue; // Config 0b0xx: aborted without an event
    need(field(mem, ste, 3, 1) === 7, "STE.Config other than 0b111");
    need(field(mem, ste, 63, 59) === 0, "more than one CD a stream");
    need(field(mem, ste, 165, 160) === 16, "S2T0SZ other than 16");
    need(field(mem, ste, 167, 166) === 2, "S2SL0 other than 2");
    need(field(mem, ste, 175, 174) === 0, "S2TG other than 4K");
    need(field(mem, ste, 179, 179) === 1, "AArch32 tables");
    need(field(mem, ste, 184, 181) === 0, "S2AFFD, S2PTW, S2HD, S2HA");
    need(field(mem, ste, 113, 110) === 0 && field(mem, ste, 115, 114) === 0, "attribute overrides");
    const vmid = field(mem, ste, 143, 128);
    const s2root = mem[ste + 6]! & ~0xfff;
    need((mem[ste + 7]! & 0xfffff) === 0 && s2root >>> 2 < mem.length, "a stage-2 root outside the memory");
    contexts[at + CTX_S2_WORD] = s2root >>> 2;
    contexts[at + CTX_S2_OVER] = over(field(mem, ste, 178, 176));

    const cdWord = stage2Address(mem, s2root >>> 2, mem[ste]! & ~0x3f, mem[ste + 1]! & 0xffffff);
    need(cdWord >= 0, "faults on fetching the CD");
    need(field(mem, cdWord, 31, 31) === 1 && field(mem, cdWord, 41, 41) === 1, "invalid or AArch32 CDs");
    need(field(mem, cdWord, 5, 0) === 16 && field(mem, cdWord, 7, 6) === 0, "T0SZ other than 16, TG0 not 4K");
    need(field(mem, cdWord, 14, 14) === 0 && field(mem, cdWord, 30, 30) === 1, "TTB1, or no TTB0");
    need(field(mem, cdWord, 40, 35) === 0, "AFFD, WXN, UWXN, TBI, PAN");
    need(field(mem, cdWord, 43, 42) === 0, "hardware update of the tables");
    need(field(mem, cdWord, 46, 45) === 3 && field(mem, cdWord, 44, 44) === 0, "A = 0, R = 0 or stalls");
    need(field(mem, cdWord, 66, 65) === 0, "HAD0, E0PD0");
    const asid = field(mem, cdWord, 63, 48);
    const key = `${asid} ${vmid}`;
    const id = dense.get(key) ?? dense.size;
    dense.set(key, id);
    contexts[at + CTX_TAG] = id << 16;
    contexts[at + CTX_FIRST] = 12;
    contexts[at + CTX_SEED] = Math.imul(id, 0x9e3779b1) >>> 16;
    contexts[at + CTX_S1_LO] = mem[cdWord + 2]! & ~0xfff;
    contexts[at + CTX_S1_HI] = mem[cdWord + 3]! & 0xfffff;
    contexts[at + CTX_S1_OVER] = over(field(mem, cdWord, 34, 32));
    contexts[at + CTX_STATUS] = 0;
  }
  return contexts;
}
