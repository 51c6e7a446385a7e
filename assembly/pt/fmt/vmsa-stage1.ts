// VMSAv8-64 stage 1 (DDI 0487 D8.3, D8.4; IHI 0070 5.4): hierarchical and leaf permissions, nG, DBM.
// A format answers questions about one descriptor; the walk (../walk.ts) asks.

import {
  PTE_APTABLE_LSB,
  PTE_APTABLE_MSB,
  PTE_NG_LSB,
  PTE_PXNTABLE_LSB,
  PTE_UXNTABLE_LSB,
} from "../../../src/spec/vmsa/descriptor";
import { bit, bits } from "../../lib/bits";
import { WALK_HAD, WALK_HD } from "../config";
import { Vmsa } from "./vmsa";
import { ANY_WRITE, deniedByStage1, regimeOf } from "./vmsa-permissions";

const AP_READ_ONLY: u64 = 1 << 7;

export class VmsaStage1 extends Vmsa {
  /** APTable, UXNTable and PXNTable only ever take rights away on the way down (D8.4.2). */
  tableAttributes(descriptor: u64, config: u64): u32 {
    if ((config & WALK_HAD) !== 0) return 0;
    return (
      <u32>bits(descriptor, PTE_APTABLE_MSB, PTE_APTABLE_LSB) |
      ((<u32>bit(descriptor, PTE_UXNTABLE_LSB)) << 2) |
      ((<u32>bit(descriptor, PTE_PXNTABLE_LSB)) << 3)
    );
  }

  denied(descriptor: u64, attributes: u32, config: u64): u32 {
    const dirtiable = (config & WALK_HD) !== 0 && this.mayBeDirtied(descriptor);
    return deniedByStage1(descriptor, attributes, regimeOf(config, <u32>dirtiable));
  }

  /** The same for a plain page, which is not DBM. */
  deniedPlain(descriptor: u64, attributes: u32, rights: u64): u32 {
    return deniedByStage1(descriptor, attributes, <u32>rights);
  }

  /** What of the walk configuration decides the rights of plain pages. */
  rightsOf(config: u64): u64 {
    return regimeOf(config, 0);
  }

  /** Whether a write must first make the leaf dirty: DBM = 1 and AP[2] still 1 (D8.5.3). */
  isClean(descriptor: u64, config: u64): bool {
    return (config & WALK_HD) !== 0 && this.mayBeDirtied(descriptor) && (descriptor & AP_READ_ONLY) !== 0;
  }

  withDirty(descriptor: u64): u64 {
    return descriptor & ~AP_READ_ONLY;
  }

  /** Accesses that a clean leaf must send to the walk. */
  writes(): u32 {
    return ANY_WRITE;
  }

  isGlobal(descriptor: u64): bool {
    return !bit(descriptor, PTE_NG_LSB);
  }

  /** A bit that pages have which are not global, or 0 where none are. */
  notGlobal(): u64 {
    return (<u64>1) << PTE_NG_LSB;
  }

  isDevice(descriptor: u64): bool {
    return false;
  }

  stage(): u32 {
    return 1;
  }
}
