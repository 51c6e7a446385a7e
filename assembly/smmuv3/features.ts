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
  CR0_SMMUEN_LSB,
  CR2_RECINVSID_LSB,
  GBPA_ABORT_LSB,
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

export function recordsInvalidStreams(): bool {
  return bit(register(REGS_CR2), CR2_RECINVSID_LSB);
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
