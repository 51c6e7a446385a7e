// Which invalidation descriptors are legal (VT-d 6.5.2, 11.4.8): type, reserved bits, granularity, limits. What they
// invalidate is nothing here: the reference has no caches.
//
//   type = {bits 11:9, bits 3:0}; G = bits 5:4 where there is one; 128 bits, or 256 with the upper half reserved

import { bitsOf, Structure } from "../structure.js";
import type { Capabilities } from "./capabilities.js";

/** IQERCD_REG.IQEI. */
export const QUEUE_ERROR = {
  tail: 1n,
  fetch: 2n,
  type: 3n,
  reserved: 4n,
  width: 5n,
  misalignedTail: 6n,
  tableMode: 7n,
} as const;

export const WAIT = 5;

interface DescriptorRule {
  /** Bits that may be set, of the two doublewords. */
  allowed: readonly [bigint, bigint];
  /** Legal values of G. */
  granularities?: readonly number[];
  /** Not in legacy mode. */
  scalableOnly?: boolean;
  present?(capabilities: Capabilities): boolean;
  legal?(descriptor: Structure, capabilities: Capabilities): boolean;
}

const ADDRESS_AM_IH = 0xffff_ffff_ffff_f07fn;

const RULES: Record<number, DescriptorRule> = {
  // Context-cache: DID 31:16, SID 47:32, FM 49:48.
  1: { allowed: [0x0003_ffff_ffff_003fn, 0n], granularities: [1, 2, 3] },
  // IOTLB: DW 6, DR 7, DID 31:16, AM 69:64, IH 70, ADDR 127:76.
  2: {
    allowed: [0x0000_0000_ffff_00ffn, ADDRESS_AM_IH],
    granularities: [1, 2, 3],
    legal: (d, c) => d.field(5, 4) !== 3n || (c.pageSelective && d.field(69, 64) <= c.maximumAddressMask),
  },
  // Device-TLB: PFSID 15:12 and 63:52, MIP 20:16, SID 47:32, S 64, ADDR 127:76.
  3: { allowed: [0xfff0_ffff_001f_f00fn, 0xffff_ffff_ffff_f001n], present: (c) => c.deviceTlb },
  // Interrupt entry cache: G 4, IM 31:27, IIDX 47:32.
  4: {
    allowed: [0x0000_ffff_f800_001fn, 0n],
    present: (c) => c.interruptRemapping,
    legal: (d, c) => !d.bit(4) || d.field(31, 27) <= c.maximumHandleMask,
  },
  // Wait: IF 4, SW 5, FN 6, PD 7, status data 63:32, status address 127:66.
  [WAIT]: {
    allowed: [0xffff_ffff_0000_00ffn, 0xffff_ffff_ffff_fffcn],
    legal: (d, c) => !d.bit(7) || c.pageRequestDrain,
  },
  // PASID-based IOTLB: DID 31:16, PASID 51:32, AM 69:64, IH 70, ADDR 127:76.
  6: { allowed: [0x000f_ffff_ffff_003fn, ADDRESS_AM_IH], granularities: [2, 3], scalableOnly: true },
  // PASID-cache: DID 31:16, PASID 51:32.
  7: { allowed: [0x000f_ffff_ffff_003fn, 0n], granularities: [0, 1, 3], scalableOnly: true },
  // PASID-based device-TLB: MIP 8:4, PFSID 15:12 and 63:52, SID 31:16, PASID 51:32, GI 64, S 75, ADDR 127:76.
  8: {
    allowed: [0xffff_ffff_ffff_f1ffn, 0xffff_ffff_ffff_f801n],
    scalableOnly: true,
    present: (c) => c.deviceTlb,
  },
  // Page group response: PP 4, RC 15:12, RID 31:16, PASID 51:32, PRGI 75:67, bit 66 ignored.
  9: {
    allowed: [0x000f_ffff_ffff_f01fn, 0x0000_0000_0000_0ffcn],
    scalableOnly: true,
    present: (c) => c.pageRequests,
  },
};

/** {bits 11:9, bits 3:0}. */
export const descriptorType = (word: bigint): number =>
  Number(bitsOf(word, 3, 0) | (bitsOf(word, 11, 9) << 4n));

/** The queue error that a descriptor causes; undefined = none. */
export function descriptorError(
  words: readonly bigint[],
  legacy: boolean,
  capabilities: Capabilities,
): bigint | undefined {
  const type = descriptorType(words[0]!);
  const rule = RULES[type];
  if (rule === undefined || (legacy && rule.scalableOnly)) return QUEUE_ERROR.type;
  if (rule.present !== undefined && !rule.present(capabilities)) return QUEUE_ERROR.type;
  // The type's own bits are allowed in every rule (11:9 are 0 in all types known).
  const reserved = words.some((word, i) => (word & ~(rule.allowed[i] ?? 0n)) !== 0n);
  if (reserved) return QUEUE_ERROR.reserved;
  const descriptor = new Structure(words);
  const granularities = rule.granularities;
  if (granularities !== undefined && !granularities.includes(descriptor.number(5, 4))) {
    return QUEUE_ERROR.reserved;
  }
  return rule.legal === undefined || rule.legal(descriptor, capabilities) ? undefined : QUEUE_ERROR.reserved;
}
