// SET_PASID_TABLE: what a struct iommu_pasid_table_config must be, and what it means for the domain.
// Rules: the header's contract (paddings zero, table aligned to its size, PASIDs that every device has) or, by profile,
// what arm_smmu_attach_pasid_table of "SMMUv3 Nested Stage Setup" v10 6/13 looks at. Layout of the tables: Arm IHI 0070
// G.b 5.2 STE.S1Fmt, S1ContextPtr, S1CDMax; 3.3.2.

import type { PasidTable } from "../../contract/driver.js";
import { EINVAL } from "../../uapi/errno.js";
import {
  IOMMU_PASID_CONFIG_ABORT,
  IOMMU_PASID_CONFIG_BYPASS,
  IOMMU_PASID_CONFIG_TRANSLATE,
  IOMMU_PASID_FORMAT_SMMUV3,
  type iommu_pasid_table_config,
  PASID_TABLE_CFG_VERSION_1,
  PASID_TABLE_SMMUV3_CFG_VERSION_1,
} from "../../uapi/index.js";
import type { Profile } from "../profile.js";
import { enforce, hex, isZero, type Rule } from "../rules.js";

/** What stands in the place of a guest's PASID table, or the table. */
export type PasidTableSetting = PasidTable | "bypass" | "abort";

/** What a table is judged by. */
export interface PasidTableLimits {
  /** PASIDs of the device that has the fewest, as a power of two. */
  readonly pasidBits: number;
  /** Bits of address that stage 2 takes. */
  readonly inputBits: number;
}

interface Call {
  readonly config: iommu_pasid_table_config;
  readonly limits: PasidTableLimits;
}

/** STE.S1DSS: a DMA without PASID uses the context descriptor of PASID 0. */
const S1DSS_SSID0 = 2;

/** Context descriptors in a leaf table, as a power of two, by s1fmt: none (linear), 4 KiB, 64 KiB of 64 bytes each. */
const LEAF_LG2 = [undefined, 6, 10] as const;

const VERSION_RULES: readonly Rule<Call>[] = [
  [
    EINVAL,
    ({ config }) => config.format !== IOMMU_PASID_FORMAT_SMMUV3,
    ({ config }) => `format expected ${IOMMU_PASID_FORMAT_SMMUV3}, got ${config.format}`,
  ],
  [
    EINVAL,
    ({ config }) => config.version !== PASID_TABLE_CFG_VERSION_1,
    ({ config }) => `version expected ${PASID_TABLE_CFG_VERSION_1}, got ${config.version}`,
  ],
  [
    EINVAL,
    ({ config }) => config.smmuv3.version !== PASID_TABLE_SMMUV3_CFG_VERSION_1,
    ({ config }) =>
      `smmuv3.version expected ${PASID_TABLE_SMMUV3_CFG_VERSION_1}, got ${config.smmuv3.version}`,
  ],
  [
    EINVAL,
    ({ config }) => config.config < IOMMU_PASID_CONFIG_TRANSLATE || config.config > IOMMU_PASID_CONFIG_ABORT,
    ({ config }) => `config expected 1..3, got ${config.config}`,
  ],
];

const PADDING_RULES: readonly Rule<Call>[] = [
  [EINVAL, ({ config }) => !isZero(config.padding), () => "padding expected zeros"],
  [EINVAL, ({ config }) => !isZero(config.smmuv3.padding), () => "smmuv3.padding expected zeros"],
];

const TABLE_RULES: readonly Rule<Call>[] = [
  [
    EINVAL,
    ({ config }) => config.smmuv3.s1fmt >= LEAF_LG2.length,
    ({ config }) => `smmuv3.s1fmt expected 0..2, got ${config.smmuv3.s1fmt}`,
  ],
  [
    EINVAL,
    ({ config }) => config.smmuv3.s1dss > S1DSS_SSID0,
    ({ config }) => `smmuv3.s1dss expected 0..2, got ${config.smmuv3.s1dss}`,
  ],
  [
    EINVAL,
    ({ config, limits }) => config.pasid_bits > limits.pasidBits,
    ({ config, limits }) => `pasid_bits expected 0..${limits.pasidBits}, got ${config.pasid_bits}`,
  ],
  [
    EINVAL,
    ({ config, limits }) => config.base_ptr >> BigInt(limits.inputBits) !== 0n,
    ({ config, limits }) => `base_ptr expected below 2^${limits.inputBits}, got ${hex(config.base_ptr)}`,
  ],
  [
    EINVAL,
    ({ config }) => config.base_ptr % tableSize(config) !== 0n,
    ({ config }) => `base_ptr expected a multiple of ${tableSize(config)}, got ${hex(config.base_ptr)}`,
  ],
];

const ONE_CONTEXT_RULES: readonly Rule<Call>[] = [
  [
    EINVAL,
    ({ config }) => config.pasid_bits !== 0,
    ({ config }) => `pasid_bits expected 0, got ${config.pasid_bits}`,
  ],
];

/** Bytes of the table that base_ptr names, at least a context descriptor's 64. */
function tableSize({ pasid_bits, smmuv3 }: iommu_pasid_table_config): bigint {
  const leafLg2 = pasid_bits === 0 ? undefined : LEAF_LG2[smmuv3.s1fmt];
  if (leafLg2 === undefined) return 64n << BigInt(pasid_bits);
  return 8n << BigInt(Math.max(3, pasid_bits - leafLg2));
}

/**
 * What a SET asks for.
 *
 * @param profile whose rules
 * @param limits what the devices and stage 2 can do
 * @returns the setting for the domain
 * @throws Refusal EINVAL
 */
export function pasidTableOf(
  config: iommu_pasid_table_config,
  profile: Profile,
  limits: PasidTableLimits,
): PasidTableSetting {
  const call = { config, limits };
  enforce(VERSION_RULES, call);
  if (!profile.pasidTableOneContext) enforce(PADDING_RULES, call);
  if (config.config === IOMMU_PASID_CONFIG_BYPASS) return "bypass";
  if (config.config === IOMMU_PASID_CONFIG_ABORT) return "abort";
  if (profile.pasidTableOneContext) {
    enforce(ONE_CONTEXT_RULES, call);
    return { base: contextPointer(config.base_ptr), pasidBits: 0, s1fmt: 0, s1dss: S1DSS_SSID0 };
  }
  enforce(TABLE_RULES, call);
  const { s1fmt, s1dss } = config.smmuv3;
  if (config.pasid_bits === 0) return { base: config.base_ptr, pasidBits: 0, s1fmt: 0, s1dss: S1DSS_SSID0 };
  return { base: config.base_ptr, pasidBits: config.pasid_bits, s1fmt, s1dss };
}

/** What an unchecked address leaves in STE.S1ContextPtr, bits 51:6. */
const contextPointer = (base: bigint): bigint => base & 0x000f_ffff_ffff_ffc0n;
