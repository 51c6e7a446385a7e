// The walk configuration word: everything a walk needs beside the root, packed in 64 bits, so that it
// can be part of a space's key. A vendor's decoder packs it, the walk and the formats read it.

/* 5:0 granule lg2 | 8:6 first level + 1 | 15:9 input bits | 22:16 output bits | flags from 23 */
const LEVEL_SHIFT: u32 = 6;
const INPUT_SHIFT: u32 = 9;
const OUTPUT_SHIFT: u32 = 16;

export const WALK_AFFD: u64 = 1 << 23;
export const WALK_HA: u64 = 1 << 24;
export const WALK_HD: u64 = 1 << 25;
export const WALK_DS: u64 = 1 << 26;
/** 64 KiB granule descriptors carry OA[51:48] in bits 15:12. */
export const WALK_OA52: u64 = 1 << 27;
export const WALK_HAD: u64 = 1 << 28;
export const WALK_WXN: u64 = 1 << 29;
export const WALK_PAN: u64 = 1 << 30;
export const WALK_EPAN: u64 = (<u64>1) << 31;
export const WALK_E0PD: u64 = (<u64>1) << 32;
export const WALK_UPPER_HALF: u64 = (<u64>1) << 33;
/** Stage 2: a table walk of stage 1 may not touch Device memory (STE.S2PTW). */
export const WALK_PTW: u64 = (<u64>1) << 34;
export const WALK_XNX: u64 = (<u64>1) << 35;
export const WALK_ASET: u64 = (<u64>1) << 36;
/** The top byte of the input is a tag: it is no part of the address of an invalidation either. */
export const WALK_TBI: u64 = (<u64>1) << 37;
/** No descriptor may be updated: its memory is not coherent with the walk (VT-d without PWSNP or SMPWC). */
export const WALK_NO_UPDATE: u64 = (<u64>1) << 38;
/** Privileged requests see nothing through these tables (VT-d without SRE). */
export const WALK_BAR_PRIVILEGED: u64 = (<u64>1) << 39;
/** Instruction fetches see nothing through these tables (VT-d). */
export const WALK_BAR_EXECUTE: u64 = (<u64>1) << 53;
/** Bits from here on belong to one vendor's formats. */
export const WALK_VENDOR_SHIFT: u32 = 40;

export function packWalk(granuleLg2: u32, firstLevel: i32, inputBits: u32, outputBits: u32): u64 {
  return (
    granuleLg2 |
    ((<u64>(firstLevel + 1)) << LEVEL_SHIFT) |
    ((<u64>inputBits) << INPUT_SHIFT) |
    ((<u64>outputBits) << OUTPUT_SHIFT)
  );
}

export function granuleLg2Of(config: u64): u32 {
  return <u32>config & 63;
}

export function firstLevelOf(config: u64): i32 {
  return <i32>((config >> LEVEL_SHIFT) & 7) - 1;
}

export function inputBitsOf(config: u64): u32 {
  return <u32>(config >> INPUT_SHIFT) & 127;
}

export function outputBitsOf(config: u64): u32 {
  return <u32>(config >> OUTPUT_SHIFT) & 127;
}

/** Last level of every format here: levels are counted as in VMSAv8-64. */
export const LAST_LEVEL: i32 = 3;
