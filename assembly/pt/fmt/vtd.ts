// What VT-d paging entries of both stages have in common (Rev 5.10, 9.7, 9.8): address, large leaves, reserved bits,
// and the bits of the walk configuration that only these formats read.

import { FSPTE_PS_LSB } from "../../../src/spec/vtd/paging-entry";
import { below, bit } from "../../lib/bits";
import { LAST_LEVEL, WALK_VENDOR_SHIFT } from "../config";

const BITS_51_12: u64 = 0x000ffffffffff000;

/* Walk configuration, from bit 40: host address width in six bits, then flags. */
const WIDTH_SHIFT: u32 = WALK_VENDOR_SHIFT;
export const WALK_LARGE_1G: u64 = (<u64>1) << 46;
export const WALK_LARGE_2M: u64 = (<u64>1) << 47;
/** ECAP.SC: SNP is not reserved. */
export const WALK_SNOOP_CONTROL: u64 = (<u64>1) << 48;
export const WALK_WPE: u64 = (<u64>1) << 49;
export const WALK_EAFE: u64 = (<u64>1) << 50;
/** Requests without PASID: their privilege is the context's. */
export const WALK_NO_PASID: u64 = (<u64>1) << 51;
/** That privilege is supervisor (RID_PRIV). */
export const WALK_SUPERVISOR: u64 = (<u64>1) << 52;

/** The host address width as the walk configuration holds it. */
export function packHostWidth(bits: u32): u64 {
  return (<u64>bits) << WIDTH_SHIFT;
}

function hostWidthOf(config: u64): u32 {
  return <u32>(config >> WIDTH_SHIFT) & 63;
}

/** FEEx_xxxx: addresses that mean interrupts. */
export const INTERRUPT_BLOCK: u64 = 0xfee;
export const INTERRUPT_BLOCK_LG2: u32 = 20;

/** Whether `address` lies in the interrupt range. */
export function isInterrupt(address: u64): bool {
  return address >> INTERRUPT_BLOCK_LG2 === INTERRUPT_BLOCK;
}

export function isLarge(descriptor: u64): bool {
  return bit(descriptor, FSPTE_PS_LSB);
}

export function entryAddress(descriptor: u64, lowest: u32): u64 {
  return descriptor & BITS_51_12 & (u64(-1) << lowest);
}

/** Whether a reserved bit of a present entry is set; a large leaf reserves its low address bits from `leafLsb` on. */
export function entryReserved(descriptor: u64, level: i32, config: u64, leafLsb: u32): bool {
  if ((descriptor & BITS_51_12) >> hostWidthOf(config) !== 0) return true;
  if (level === LAST_LEVEL || !isLarge(descriptor)) return false;
  if (level === 2) {
    return (config & WALK_LARGE_2M) === 0 || (descriptor & below(21) & ~below(leafLsb)) !== 0;
  }
  if (level === 1) {
    return (config & WALK_LARGE_1G) === 0 || (descriptor & below(30) & ~below(leafLsb)) !== 0;
  }
  return true;
}

/** Address bits that no entry may have, for the formats' plain masks. */
export function wideAddress(config: u64): u64 {
  return BITS_51_12 & (u64(-1) << hostWidthOf(config));
}
