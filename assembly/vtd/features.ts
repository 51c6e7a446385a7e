// What the VT-d core knows of the hardware face: capabilities and the registers that translation depends on
// (Rev 5.10, 11.4.2, 11.4.3, 11.4.4, 11.4.5).

import {
  REGS_CAP,
  REGS_ECAP,
  REGS_GSTS,
  REGS_HOST_WIDTH,
  REGS_REVISION,
  REGS_RTADDR,
} from "../../src/spec/abi/core";
import {
  CAP_MGAW_LSB,
  CAP_MGAW_MSB,
  ECAP_PSS_LSB,
  ECAP_PSS_MSB,
  GCMD_TE_LSB,
  RTADDR_RTA_LSB,
  RTADDR_RTA_MSB,
  RTADDR_TTM_LSB,
  RTADDR_TTM_MSB,
  TTM_LEGACY,
} from "../../src/spec/vtd/registers";
import { bit, bits } from "../lib/bits";
import { Arena } from "../mem/arena";

export function cap(lsb: u32): bool {
  return bit(load<u64>(Arena.registers + REGS_CAP), lsb);
}

export function capField(msb: u32, lsb: u32): u32 {
  return <u32>bits(load<u64>(Arena.registers + REGS_CAP), msb, lsb);
}

export function ecap(lsb: u32): bool {
  return bit(load<u64>(Arena.registers + REGS_ECAP), lsb);
}

/** Bits of a PASID, 1..20 (ECAP.PSS + 1). */
export function pasidBits(): u32 {
  return <u32>bits(load<u64>(Arena.registers + REGS_ECAP), ECAP_PSS_MSB, ECAP_PSS_LSB) + 1;
}

/** Maximum guest address width: bits of a second-stage input. */
export function mgaw(): u32 {
  return capField(CAP_MGAW_MSB, CAP_MGAW_LSB) + 1;
}

/** Host address width: bits of a physical address. */
export function hostWidth(): u32 {
  return load<u32>(Arena.registers + REGS_HOST_WIDTH);
}

/** Whether PASID entries have the fields of Rev 3.x: EMT, PWT and PCD, which later revisions reserve. */
export function isRevision3(): bool {
  return load<u32>(Arena.registers + REGS_REVISION) === 3;
}

/** Whether `address` has bits that no physical address has. */
export function isBeyondHost(address: u64): bool {
  return address >> hostWidth() !== 0;
}

/** GSTS.TES. */
export function isEnabled(): bool {
  return ((load<u32>(Arena.registers + REGS_GSTS) >> GCMD_TE_LSB) & 1) !== 0;
}

/** The same as the number of a bit of the registers. */
export const ENABLE_BIT: u32 = (REGS_GSTS << 3) + GCMD_TE_LSB;

/** RTADDR.TTM as latched. */
export function tableMode(): u32 {
  return <u32>bits(load<u64>(Arena.registers + REGS_RTADDR), RTADDR_TTM_MSB, RTADDR_TTM_LSB);
}

/** RTADDR.TTM: legacy mode. */
export function isLegacy(): bool {
  return tableMode() === TTM_LEGACY;
}

/** Address of the root table as latched. */
export function rootTable(): u64 {
  const register = load<u64>(Arena.registers + REGS_RTADDR);
  return bits(register, RTADDR_RTA_MSB, RTADDR_RTA_LSB) << RTADDR_RTA_LSB;
}
