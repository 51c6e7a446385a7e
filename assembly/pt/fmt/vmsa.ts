// What VMSAv8-64 descriptors of both stages have in common (DDI 0487 D8.3): validity, type, addresses,
// contiguous runs. Not modelled: 128-bit descriptors, 56-bit addresses.

import {
  PTE_AF_LSB,
  PTE_CONTIG_LSB,
  PTE_DBM_LSB,
  PTE_TYPE_LSB,
  PTE_VALID_LSB,
} from "../../../src/spec/vmsa/descriptor";
import { bit, bits } from "../../lib/bits";
import {
  granuleLg2Of,
  inputBitsOf,
  LAST_LEVEL,
  outputBitsOf,
  WALK_DS,
  WALK_E0PD,
  WALK_OA52,
} from "../config";

const BITS_47_0: u64 = 0x0000ffffffffffff;

/* What makes a page plain: valid, a page, accessed (bits 0, 1, 10), not DBM, not contiguous (51, 52). */
const PLAIN_MASK: u64 = 0x0018000000000403;
/** Bits under the plain mask of a plain page. */
const PLAIN_VALUE: u64 = 0x403;

/** The questions of a format that both stages answer alike; none of the methods is overridden. */
export class Vmsa {
  isValid(descriptor: u64, level: i32): bool {
    // At the last level type 0 is reserved and reads as invalid (D8.3.1).
    if (!bit(descriptor, PTE_VALID_LSB)) return false;
    return level !== LAST_LEVEL || bit(descriptor, PTE_TYPE_LSB);
  }

  /** Reserved bits are RES0 for software, not checked by the walk. */
  isReserved(descriptor: u64, level: i32, config: u64): bool {
    return false;
  }

  isTable(descriptor: u64, level: i32): bool {
    return level !== LAST_LEVEL && bit(descriptor, PTE_TYPE_LSB);
  }

  /** Blocks exist at level 2, at level 1 with 4K, and one level higher with 52-bit addresses (D8.3.1). */
  mayBeLeaf(level: i32, config: u64): bool {
    if (level >= 2) return true;
    const granule = granuleLg2Of(config);
    if (granule === 12) return level === 1 || (level === 0 && (config & WALK_DS) !== 0);
    if (granule === 14) return level === 1 && (config & WALK_DS) !== 0;
    return level === 1 && (config & WALK_OA52) !== 0;
  }

  /** Output or next-table address: bits 47 (49 with DS) down to `lowest`, plus the high bits' odd places. */
  addressOf(descriptor: u64, lowest: u32, config: u64): u64 {
    const plain = descriptor & BITS_47_0 & (u64(-1) << lowest);
    if ((config & (WALK_DS | WALK_OA52)) === 0) return plain;
    if (granuleLg2Of(config) === 16) {
      return (config & WALK_OA52) !== 0 ? plain | (bits(descriptor, 15, 12) << 48) : plain;
    }
    if ((config & WALK_DS) === 0) return plain;
    return plain | (bits(descriptor, 49, 48) << 48) | (bits(descriptor, 9, 8) << 50);
  }

  /** Log2 of the number of descriptors in a contiguous run at `level` (D8.3.2, D8.7.1); 0 = no runs. */
  runLg2(descriptor: u64, level: i32, config: u64): u32 {
    if (!bit(descriptor, PTE_CONTIG_LSB)) return 0;
    const granule = granuleLg2Of(config);
    if (granule === 12) return level >= 1 ? 4 : 0;
    if (granule === 14) return level === 3 ? 7 : level === 2 ? 5 : 0;
    return level >= 2 ? 5 : 0;
  }

  isAccessed(descriptor: u64, config: u64): bool {
    return bit(descriptor, PTE_AF_LSB);
  }

  withAccessed(descriptor: u64, config: u64): u64 {
    return descriptor | ((<u64>1) << PTE_AF_LSB);
  }

  /** Table descriptors have no access flag (HAFT is not modelled). */
  withTableUsed(descriptor: u64, config: u64): u64 {
    return descriptor;
  }

  mayBeDirtied(descriptor: u64): bool {
    return bit(descriptor, PTE_DBM_LSB);
  }

  /** Memory attributes of the result are not modelled. */
  memoryType(descriptor: u64, level: i32): u32 {
    return 0;
  }

  /** No range of addresses means interrupts. */
  isInterrupt(address: u64): bool {
    return false;
  }

  /**
   * Bits of a last-level descriptor that decide whether it is plain: one that needs no further look but at its permissions.
   * Address bits beyond the output size are among them. 0 = none is (../plain.ts).
   */
  plainMask(config: u64): u64 {
    if ((config & (WALK_DS | WALK_OA52 | WALK_E0PD)) !== 0) return 0;
    // A root of pages with less than 512 entries needs its index cut.
    if (inputBitsOf(config) < granuleLg2Of(config) + 9) return 0;
    return PLAIN_MASK | (BITS_47_0 & (u64(-1) << outputBitsOf(config)));
  }

  /** What a plain page has under its plain mask. */
  plainValue(): u64 {
    return PLAIN_VALUE;
  }

  /** Output address of a plain page of 2^lg2 bytes. */
  plainAddress(descriptor: u64, lg2: u32): u64 {
    return descriptor & BITS_47_0 & (u64(-1) << lg2);
  }
}
