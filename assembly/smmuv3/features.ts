// What the ID registers advertise, as the validity rules and the walk ask it (IHI 0070 6.3.1–6.3.6).

import {
  REGS_CR0,
  REGS_CR2,
  REGS_GBPA,
  REGS_IDR0,
  REGS_IDR1,
  REGS_IDR3,
  REGS_IDR5,
} from "../../src/spec/abi/core";
import {
  CR0_ATSCHK_LSB,
  CR0_SMMUEN_LSB,
  CR2_REC_CFG_ATS_LSB,
  CR2_RECINVSID_LSB,
  GBPA_ABORT_LSB,
  IDR0_HTTU_LSB,
  IDR0_HTTU_MSB,
  IDR0_STALL_MODEL_LSB,
  IDR0_STALL_MODEL_MSB,
  IDR0_TTENDIAN_LSB,
  IDR0_TTENDIAN_MSB,
  IDR5_GRAN4K_LSB,
  IDR5_GRAN16K_LSB,
  IDR5_OAS_LSB,
  IDR5_OAS_MSB,
} from "../../src/spec/smmuv3/registers";
import { bit, bits } from "../lib/bits";
import { Arena } from "../mem/arena";

function register(offset: usize): u64 {
  return load<u32>(Arena.registers + offset);
}

export function idr0(lsb: u32): bool {
  return bit(register(REGS_IDR0), lsb);
}

export function idr0Field(msb: u32, lsb: u32): u32 {
  return <u32>bits(register(REGS_IDR0), msb, lsb);
}

export function idr1Field(msb: u32, lsb: u32): u32 {
  return <u32>bits(register(REGS_IDR1), msb, lsb);
}

export function idr3(lsb: u32): bool {
  return bit(register(REGS_IDR3), lsb);
}

export function idr5(lsb: u32): bool {
  return bit(register(REGS_IDR5), lsb);
}

export function idr5Field(msb: u32, lsb: u32): u32 {
  return <u32>bits(register(REGS_IDR5), msb, lsb);
}

export function isEnabled(): bool {
  return bit(register(REGS_CR0), CR0_SMMUEN_LSB);
}

/** The same as the number of a bit of the registers. */
export const ENABLE_BIT: u32 = (REGS_CR0 << 3) + CR0_SMMUEN_LSB;

export function recordsInvalidStreams(): bool {
  return bit(register(REGS_CR2), CR2_RECINVSID_LSB);
}

/** Whether configuration errors of translation requests and translated accesses are recorded (6.3.12). */
export function recordsAtsErrors(): bool {
  return bit(register(REGS_CR2), CR2_REC_CFG_ATS_LSB);
}

/** Whether accesses with translated addresses are checked against STE.EATS (6.3.9). */
export function checksTranslated(): bool {
  return bit(register(REGS_CR0), CR0_ATSCHK_LSB);
}

/** Log2 of the smallest translation unit of endpoints: the smallest granule (3.9.1). */
export function smallestUnit(): u32 {
  if (idr5(IDR5_GRAN4K_LSB)) return 12;
  return idr5(IDR5_GRAN16K_LSB) ? 14 : 16;
}

export function globalAbort(): bool {
  return bit(register(REGS_GBPA), GBPA_ABORT_LSB);
}

/** Address bits of an OAS / IPS / S2PS encoding: 32, 36, 40, 42, 44, 48, 52; 7 and more count as 52. */
export function sizeBits(encoding: u32): u32 {
  switch (encoding) {
    case 0:
      return 32;
    case 1:
      return 36;
    case 2:
      return 40;
    case 3:
      return 42;
    case 4:
      return 44;
    case 5:
      return 48;
    default:
      return 52;
  }
}

/** Output address size in bits; the intermediate size (IAS) is the same without AArch32 tables. */
export function oas(): u32 {
  return sizeBits(idr5Field(IDR5_OAS_MSB, IDR5_OAS_LSB));
}

/** Address bits of an IPS / S2PS field, capped by OAS. */
export function cappedSizeBits(encoding: u32): u32 {
  return min(sizeBits(encoding), oas());
}

/** Whether a structure may ask for stalls (CD.S, STE.S2S): STALL_MODEL 1 never stalls, 2 always does. */
export function isStallLegal(stall: bool): bool {
  const model = idr0Field(IDR0_STALL_MODEL_MSB, IDR0_STALL_MODEL_LSB);
  return !((model === 1 && stall) || (model === 2 && !stall));
}

/** Whether a structure may ask for hardware update: HTTU 0 none, 1 access flag, 2 dirty state, 3 table flags too. */
export function isUpdateLegal(ha: bool, hd: bool, haft: bool): bool {
  const httu = idr0Field(IDR0_HTTU_MSB, IDR0_HTTU_LSB);
  if (httu === 0) return !ha && !hd;
  if (httu === 1) return !hd;
  return httu !== 3 || !haft || ha;
}

/** Whether tables may have this endianness: TTENDIAN 2 little only, 3 big only, else both. */
export function isEndianLegal(big: bool): bool {
  const endian = idr0Field(IDR0_TTENDIAN_MSB, IDR0_TTENDIAN_LSB);
  return !((endian === 2 && big) || (endian === 3 && !big));
}
