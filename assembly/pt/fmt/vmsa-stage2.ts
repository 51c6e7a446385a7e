// VMSAv8-64 stage 2 (DDI 0487 D8.3, D8.4.6): S2AP, XN with and without XNX, MemAttr as far as S2PTW
// asks (Device or not). No hierarchical attributes, no privilege except for execute with XNX.

import {
  S2PTE_MEMATTR_LSB,
  S2PTE_MEMATTR_MSB,
  S2PTE_S2AP_LSB,
  S2PTE_XN_LSB,
} from "../../../src/spec/vmsa/descriptor";
import { bits } from "../../lib/bits";
import { WALK_HD, WALK_XNX } from "../config";
import { Vmsa } from "./vmsa";

/* Denied reads (0x11) and writes (0xaa) by S2AP, one byte a value. */
const DATA: u32 = 0x0011aabb;
const WRITES: u32 = 0xaa;
/* Denied executes (0x04 unprivileged, 0x40 privileged) by XN, one byte a value, value 0 lowest (D8.4.6):
   with XNX 00 none, 01 privileged, 10 both, 11 unprivileged; without it XN[1] denies both. */
const EXECUTE_WITH_XNX: u32 = 0x04444000;
const EXECUTE_WITHOUT_XNX: u32 = 0x44440000;
const S2AP_WRITE: u64 = 1 << 7;

export class VmsaStage2 extends Vmsa {
  tableAttributes(descriptor: u64, config: u64): u32 {
    return 0;
  }

  denied(descriptor: u64, attributes: u32, config: u64): u32 {
    const denied = this.deniedPlain(descriptor, attributes, this.rightsOf(config));
    return (config & WALK_HD) !== 0 && this.mayBeDirtied(descriptor) ? denied & ~WRITES : denied;
  }

  deniedPlain(descriptor: u64, attributes: u32, rights: u64): u32 {
    const data = <u32>(descriptor >> S2PTE_S2AP_LSB) & 3;
    const xn = <u32>(descriptor >> S2PTE_XN_LSB) & 3;
    return ((DATA >> (data << 3)) | (<u32>rights >> (xn << 3))) & 0xff;
  }

  /** The row of executes. */
  rightsOf(config: u64): u64 {
    return (config & WALK_XNX) !== 0 ? EXECUTE_WITH_XNX : EXECUTE_WITHOUT_XNX;
  }

  isClean(descriptor: u64, config: u64): bool {
    return (config & WALK_HD) !== 0 && this.mayBeDirtied(descriptor) && (descriptor & S2AP_WRITE) === 0;
  }

  withDirty(descriptor: u64): u64 {
    return descriptor | S2AP_WRITE;
  }

  writes(): u32 {
    return WRITES;
  }

  isGlobal(descriptor: u64): bool {
    return false;
  }

  notGlobal(): u64 {
    return 0;
  }

  /** MemAttr[3:2] = 00: Device (D8.6.6; without FWB). */
  isDevice(descriptor: u64): bool {
    return bits(descriptor, S2PTE_MEMATTR_MSB, S2PTE_MEMATTR_LSB) >> 2 === 0;
  }

  stage(): u32 {
    return 2;
  }

  /** The access code of a stage-1 table fetch: a read. */
  tableFetch(config: u64): u32 {
    return 0;
  }
}
