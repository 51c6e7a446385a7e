// Yardstick: reads one STE or one CD and refuses what the yardstick does not model. Set-up only.
// Arm IHI 0070 G.b 5.2 (STE) and 5.4 (CD).
import { stage2Address } from "./stage2.js";

/** What the yardstick needs of an STE. */
export interface StreamEntry {
  readonly valid: boolean;
  readonly config: number;
  /** Contexts: 2^S1CDMax with stage 1, else 1. */
  readonly cdCount: number;
  /** Address of the CD table, bits 31:0 and 51:32. */
  readonly cdLo: number;
  readonly cdHi: number;
  readonly vmid: number;
  /** Byte address. */
  readonly stage2Root: number;
  /** S2PS. */
  readonly stage2Size: number;
}

/**
 * Reads a bit field of a structure.
 *
 * @param words the flat memory
 * @param base index of the structure's first word
 * @param msb highest bit
 * @param lsb lowest bit, in the same word
 * @returns its value
 */
export function bitField(words: Int32Array, base: number, msb: number, lsb: number): number {
  const word = words[base + (lsb >> 5)]! >>> 0;
  return Math.floor(word / 2 ** (lsb & 31)) % 2 ** (msb - lsb + 1);
}

function need(condition: boolean, what: string): void {
  if (!condition) throw new RangeError(`yardstick does not model ${what}`);
}

/**
 * Reads an STE.
 *
 * @param mem the flat memory
 * @param address its byte address
 * @returns what it says; of an invalid one, or one that aborts, only `valid` and `config`
 */
export function readStreamEntry(mem: Int32Array, address: number): StreamEntry {
  const ste = address >>> 2;
  const valid = bitField(mem, ste, 0, 0) === 1;
  const config = bitField(mem, ste, 3, 1);
  const empty = { valid, config, cdCount: 1, cdLo: 0, cdHi: 0, vmid: 0, stage2Root: 0, stage2Size: 0 };
  if (!valid || config < 4) return empty; // Config 0b0xx: aborted without an event
  need(config > 4, "STE.Config 0b100");
  const cdMax = bitField(mem, ste, 63, 59);
  if ((config & 1) !== 0) {
    need(bitField(mem, ste, 5, 4) === 0, "two-level CD tables");
    need(cdMax === 0 || bitField(mem, ste, 65, 64) === 0, "S1DSS other than 0");
  }
  need(bitField(mem, ste, 113, 110) === 0 && bitField(mem, ste, 115, 114) === 0, "attribute overrides");
  const stage2Root = (config & 2) === 0 ? 0 : mem[ste + 6]! & ~0xfff;
  if ((config & 2) !== 0) {
    need(bitField(mem, ste, 165, 160) === 16, "S2T0SZ other than 16");
    need(bitField(mem, ste, 167, 166) === 2, "S2SL0 other than 2");
    need(bitField(mem, ste, 175, 174) === 0, "S2TG other than 4K");
    need(bitField(mem, ste, 179, 179) === 1, "AArch32 tables");
    need(bitField(mem, ste, 184, 181) === 0, "S2AFFD, S2PTW, S2HD, S2HA");
    need(
      (mem[ste + 7]! & 0xfffff) === 0 && stage2Root >>> 2 < mem.length,
      "a stage-2 root outside the memory",
    );
  }
  return {
    valid,
    config,
    cdCount: (config & 1) === 0 ? 1 : 1 << cdMax,
    cdLo: mem[ste]! & ~0x3f,
    cdHi: mem[ste + 1]! & 0xfffff,
    vmid: (config & 2) === 0 ? 0 : bitField(mem, ste, 143, 128),
    stage2Root,
    stage2Size: bitField(mem, ste, 178, 176),
  };
}

/**
 * Finds a CD.
 *
 * @param mem the flat memory
 * @param entry the stream's STE, with stage 1
 * @param index SubstreamID, 0 without
 * @returns index of its first word
 */
export function readContextDescriptor(mem: Int32Array, entry: StreamEntry, index: number): number {
  const lo = (entry.cdLo + index * 64) | 0;
  const nested = (entry.config & 2) !== 0;
  const cd = nested
    ? stage2Address(mem, entry.stage2Root >>> 2, lo, entry.cdHi)
    : entry.cdHi === 0
      ? lo >>> 2
      : -1;
  need(cd >= 0 && cd < mem.length, "faults on fetching the CD");
  need(bitField(mem, cd, 31, 31) === 1 && bitField(mem, cd, 41, 41) === 1, "invalid or AArch32 CDs");
  need(bitField(mem, cd, 5, 0) === 16 && bitField(mem, cd, 7, 6) === 0, "T0SZ other than 16, TG0 not 4K");
  need(bitField(mem, cd, 14, 14) === 0 && bitField(mem, cd, 30, 30) === 1, "TTB1, or no TTB0");
  need(bitField(mem, cd, 40, 35) === 0, "AFFD, WXN, UWXN, TBI, PAN");
  need(bitField(mem, cd, 43, 42) === 0, "hardware update of the tables");
  need(bitField(mem, cd, 46, 45) === 3 && bitField(mem, cd, 44, 44) === 0, "A = 0, R = 0 or stalls");
  need(bitField(mem, cd, 66, 65) === 0, "HAD0, E0PD0");
  return cd;
}
