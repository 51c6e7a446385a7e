// Invalidation descriptors: which are legal under the capabilities and the table mode.
// Source: Intel VT-d Rev 5.10, sections 6.5.2.1 to 6.5.2.9, 6.5.2.11 (Table 26), 7.6.1, 11.4.9.9 (error codes).
// One row a type: the bits that it uses (others must be 0), legal granularities, and when it exists at all.
// Choices: a reserved granularity and an address mask that is too large are reserved field violations; an interrupt entry
// cache invalidation is legal without interrupt remapping, since Table 26 has it in all modes.

import { getField, type Words } from "../machine/bit-fields.js";
import * as I from "../spec/vtd/invalidation.js";
import { TTM_ABORT, TTM_LEGACY, TTM_SCALABLE } from "../spec/vtd/registers.js";
import type { VtdFeatureSet } from "./feature-set.js";

type Bits = readonly [msb: number, lsb: number];

interface DescriptorRow {
  readonly name: string;
  /** Fields beside the type. */
  readonly fields: readonly Bits[];
  /** Legal values of G. */
  readonly granularities?: readonly number[];
  /** Only as a 32-byte descriptor. */
  readonly wide?: boolean;
  /** Without it the type is invalid. */
  readonly needs?: keyof VtdFeatureSet;
  /** Fields that are reserved without a capability. */
  readonly optional?: readonly (readonly [keyof VtdFeatureSet, readonly Bits[]])[];
  /** What else must hold. */
  readonly legal?: (words: Words, features: VtdFeatureSet) => boolean;
}

const TYPE: readonly Bits[] = [
  [I.INV_TYPE_LOW_MSB, I.INV_TYPE_LOW_LSB],
  [I.INV_TYPE_HIGH_MSB, I.INV_TYPE_HIGH_LSB],
];
const G: Bits = [I.INV_G_MSB, I.INV_G_LSB];
const DID: Bits = [I.INV_DID_MSB, I.INV_DID_LSB];
const PASID: Bits = [I.INV_PASID_MSB, I.INV_PASID_LSB];
const ADDR: Bits = [I.INV_ADDR_MSB, I.INV_ADDR_LSB];
const RANGE: readonly Bits[] = [[I.INV_AM_MSB, I.INV_AM_LSB], [I.INV_IH_MSB, I.INV_IH_LSB], ADDR];
const PFSID: readonly Bits[] = [
  [I.INV_PFSID_LOW_MSB, I.INV_PFSID_LOW_LSB],
  [I.INV_PFSID_HIGH_MSB, I.INV_PFSID_HIGH_LSB],
];

/** Page-selective invalidation needs CAP.PSI and a mask that CAP.MAMV allows; PASID-based ones need neither. */
function isPageLegal(words: Words, { pageSelective, addressMaskMost }: VtdFeatureSet): boolean {
  if (getField(words, ...G) !== I.IOTLB_PAGE) return true;
  return pageSelective && getField(words, I.INV_AM_MSB, I.INV_AM_LSB) <= addressMaskMost;
}

const DESCRIPTORS: ReadonlyMap<number, DescriptorRow> = new Map<number, DescriptorRow>([
  [
    I.INV_CONTEXT_CACHE,
    {
      name: "context-cache",
      fields: [G, DID, [I.CC_SID_MSB, I.CC_SID_LSB], [I.CC_FM_MSB, I.CC_FM_LSB]],
      granularities: [I.CC_GLOBAL, I.CC_DOMAIN, I.CC_DEVICE],
    },
  ],
  [
    I.INV_IOTLB,
    {
      name: "IOTLB",
      fields: [G, [I.IOTLB_DRAIN_READS_MSB, I.IOTLB_DRAIN_WRITES_LSB], DID, ...RANGE],
      granularities: [I.IOTLB_GLOBAL, I.IOTLB_DOMAIN, I.IOTLB_PAGE],
      legal: isPageLegal,
    },
  ],
  [
    I.INV_DEVICE_TLB,
    {
      name: "device-TLB",
      fields: [
        [I.DTLB_MIP_MSB, I.DTLB_MIP_LSB],
        [I.DTLB_SID_MSB, I.DTLB_SID_LSB],
        [I.DTLB_S_MSB, I.DTLB_S_LSB],
        ADDR,
      ],
      needs: "deviceTlb",
      optional: [["invalidationThrottle", PFSID]],
    },
  ],
  [
    I.INV_INTERRUPT_ENTRY_CACHE,
    {
      name: "interrupt entry cache",
      fields: [
        [I.IEC_G_MSB, I.IEC_G_LSB],
        [I.IEC_IM_MSB, I.IEC_IM_LSB],
        [I.IEC_IIDX_MSB, I.IEC_IIDX_LSB],
      ],
    },
  ],
  [
    I.INV_WAIT,
    {
      name: "wait",
      fields: [
        [I.WAIT_FN_MSB, I.WAIT_IF_LSB],
        [I.WAIT_DATA_MSB, I.WAIT_DATA_LSB],
        [I.WAIT_ADDRESS_MSB, I.WAIT_ADDRESS_LSB],
      ],
      optional: [["pageRequestDrain", [[I.WAIT_PD_MSB, I.WAIT_PD_LSB]]]],
    },
  ],
  [
    I.INV_PASID_IOTLB,
    {
      name: "PASID-based IOTLB",
      fields: [G, DID, PASID, ...RANGE],
      granularities: [I.PIOTLB_PASID, I.PIOTLB_PAGE],
      wide: true,
    },
  ],
  [
    I.INV_PASID_CACHE,
    {
      name: "PASID-cache",
      fields: [G, DID, PASID],
      granularities: [I.PC_DOMAIN, I.PC_PASID, I.PC_GLOBAL],
      wide: true,
    },
  ],
  [
    I.INV_PASID_DEVICE_TLB,
    {
      name: "PASID-based device-TLB",
      fields: [
        [I.PDTLB_MIP_MSB, I.PDTLB_MIP_LSB],
        [I.PDTLB_SID_MSB, I.PDTLB_SID_LSB],
        PASID,
        [I.PDTLB_GI_MSB, I.PDTLB_GI_LSB],
        [I.PDTLB_S_MSB, I.PDTLB_S_LSB],
        ADDR,
      ],
      wide: true,
      needs: "deviceTlb",
      optional: [["invalidationThrottle", PFSID]],
    },
  ],
  [
    I.INV_PAGE_GROUP_RESPONSE,
    {
      name: "page group response",
      fields: [
        [I.PGR_PP_MSB, I.PGR_PP_LSB],
        [I.PGR_RC_MSB, I.PGR_RC_LSB],
        [I.PGR_RID_MSB, I.PGR_RID_LSB],
        PASID,
        [I.PGR_PRGI_MSB, I.PGR_IGN_LSB],
      ],
      wide: true,
      needs: "pageRequests",
    },
  ],
]);

/** The type of a descriptor: bits 11:9 above bits 3:0. */
export function descriptorType(words: Words): number {
  const high = getField(words, I.INV_TYPE_HIGH_MSB, I.INV_TYPE_HIGH_LSB);
  return (high << 4) | getField(words, I.INV_TYPE_LOW_MSB, I.INV_TYPE_LOW_LSB);
}

/**
 * Names a descriptor type.
 *
 * @param type 0..0x7f
 * @returns the manual's name, or undefined for a type that is reserved or not modelled
 */
export function descriptorName(type: number): string | undefined {
  return DESCRIPTORS.get(type)?.name;
}

/** Words whose bits a set of fields leaves free. */
function reservedOf(fields: readonly Bits[]): Words {
  const words = new Uint32Array(I.INV_BITS / 32).fill(0xffffffff);
  for (const [msb, lsb] of fields) {
    for (let bit = lsb; bit <= msb; bit++) words[bit >>> 5]! &= ~(1 << (bit & 31));
  }
  return words;
}

/** What a descriptor of one type must be like. */
interface Rule {
  readonly wide: boolean;
  /** Bits that must be 0. */
  readonly reserved: Words;
  /** Bit g: granularity g is legal. */
  readonly granularities: number;
  readonly legal: (words: Words, features: VtdFeatureSet) => boolean;
}

const ANY_GRANULARITY = 0xf;
const TYPES = 128;

function ruleOf(row: DescriptorRow, features: VtdFeatureSet): Rule {
  const { fields, optional = [], granularities, wide = false, legal = () => true } = row;
  const present = optional.filter(([name]) => features[name]).flatMap(([, more]) => more);
  return {
    wide,
    reserved: reservedOf([...TYPE, ...fields, ...present]),
    granularities: granularities?.reduce((all, g) => all | (1 << g), 0) ?? ANY_GRANULARITY,
    legal,
  };
}

/** Legality of descriptors under one set of capabilities. */
export class DescriptorRules {
  readonly #features: VtdFeatureSet;
  /** By type; undefined is invalid. */
  readonly #rules: readonly (Rule | undefined)[];

  /** @param features what the unit reports */
  constructor(features: VtdFeatureSet) {
    this.#features = features;
    this.#rules = Array.from({ length: TYPES }, (_, type) => {
      const row = DESCRIPTORS.get(type);
      const isPresent = row !== undefined && (row.needs === undefined || features[row.needs]);
      return isPresent ? ruleOf(row, features) : undefined;
    });
  }

  /**
   * Tells whether descriptors of a width can be used at all.
   *
   * @param mode RTADDR.TTM in force
   * @param wide descriptors of 32 bytes
   * @returns 0, IQE_WIDTH or IQE_TABLE_MODE
   *
   * Source: Rev 5.10, 6.5.2.11 and 11.4.9.9.
   */
  widthError(mode: number, wide: boolean): number {
    const { scalable, abortMode } = this.#features;
    const known =
      mode === TTM_LEGACY || (mode === TTM_SCALABLE && scalable) || (mode === TTM_ABORT && abortMode);
    if (!known) return I.IQE_TABLE_MODE;
    if (wide) return scalable || abortMode ? 0 : I.IQE_WIDTH;
    return mode === TTM_LEGACY ? 0 : I.IQE_WIDTH;
  }

  /**
   * Checks one descriptor.
   *
   * @param words four or eight words
   * @param mode RTADDR.TTM in force
   * @returns 0, IQE_TYPE or IQE_RESERVED
   *
   * Source: Rev 5.10, 6.5.2.
   */
  error(words: Words, mode: number): number {
    const rule = this.#rules[descriptorType(words)];
    if (rule === undefined || (rule.wide && mode === TTM_LEGACY)) return I.IQE_TYPE;
    const { reserved } = rule;
    for (let n = 0; n < words.length; n++) if ((words[n]! & reserved[n]!) !== 0) return I.IQE_RESERVED;
    const granularity = getField(words, I.INV_G_MSB, I.INV_G_LSB);
    if (((rule.granularities >> granularity) & 1) === 0) return I.IQE_RESERVED;
    return rule.legal(words, this.#features) ? 0 : I.IQE_RESERVED;
  }
}
