// The fields of IDR0, IDR1, IDR3 and IDR5 as a table: where each is and which values the model implements.
// Source: Arm IHI 0070 G.b, sections 6.3.1, 6.3.2, 6.3.4, 6.3.6.
// A row whose largest modelled value is 0 names a feature that reads as absent.

import * as R from "../spec/smmuv3/registers.js";

/** The register that holds a field. */
export type IdRegister = "idr0" | "idr1" | "idr3" | "idr5";

/** One field of an ID register and the values of it that are modelled. */
export interface FieldRule {
  readonly register: IdRegister;
  readonly name: string;
  readonly msb: number;
  readonly lsb: number;
  readonly least: number;
  readonly most: number;
}

// [register, field, MSB, LSB, largest modelled value, smallest modelled value]
type Row = readonly [IdRegister, string, number, number, number, number?];

const ROWS: readonly Row[] = [
  ["idr0", "S2P", R.IDR0_S2P_MSB, R.IDR0_S2P_LSB, 1],
  ["idr0", "S1P", R.IDR0_S1P_MSB, R.IDR0_S1P_LSB, 1],
  ["idr0", "TTF", R.IDR0_TTF_MSB, R.IDR0_TTF_LSB, 2, 2],
  ["idr0", "COHACC", R.IDR0_COHACC_MSB, R.IDR0_COHACC_LSB, 1],
  ["idr0", "BTM", R.IDR0_BTM_MSB, R.IDR0_BTM_LSB, 1],
  ["idr0", "HTTU", R.IDR0_HTTU_MSB, R.IDR0_HTTU_LSB, 2],
  ["idr0", "DORMHINT", R.IDR0_DORMHINT_MSB, R.IDR0_DORMHINT_LSB, 0],
  ["idr0", "HYP", R.IDR0_HYP_MSB, R.IDR0_HYP_LSB, 0],
  ["idr0", "ATS", R.IDR0_ATS_MSB, R.IDR0_ATS_LSB, 1],
  ["idr0", "NS1ATS", R.IDR0_NS1ATS_MSB, R.IDR0_NS1ATS_LSB, 1],
  ["idr0", "ASID16", R.IDR0_ASID16_MSB, R.IDR0_ASID16_LSB, 1],
  ["idr0", "MSI", R.IDR0_MSI_MSB, R.IDR0_MSI_LSB, 1],
  ["idr0", "SEV", R.IDR0_SEV_MSB, R.IDR0_SEV_LSB, 1],
  ["idr0", "ATOS", R.IDR0_ATOS_MSB, R.IDR0_ATOS_LSB, 0],
  ["idr0", "PRI", R.IDR0_PRI_MSB, R.IDR0_PRI_LSB, 1],
  ["idr0", "VMW", R.IDR0_VMW_MSB, R.IDR0_VMW_LSB, 0],
  ["idr0", "VMID16", R.IDR0_VMID16_MSB, R.IDR0_VMID16_LSB, 1],
  ["idr0", "CD2L", R.IDR0_CD2L_MSB, R.IDR0_CD2L_LSB, 1],
  ["idr0", "VATOS", R.IDR0_VATOS_MSB, R.IDR0_VATOS_LSB, 0],
  ["idr0", "TTENDIAN", R.IDR0_TTENDIAN_MSB, R.IDR0_TTENDIAN_LSB, 2, 2],
  ["idr0", "ATSRECERR", R.IDR0_ATSRECERR_MSB, R.IDR0_ATSRECERR_LSB, 1],
  ["idr0", "STALL_MODEL", R.IDR0_STALL_MODEL_MSB, R.IDR0_STALL_MODEL_LSB, 2],
  ["idr0", "TERM_MODEL", R.IDR0_TERM_MODEL_MSB, R.IDR0_TERM_MODEL_LSB, 1],
  ["idr0", "ST_LEVEL", R.IDR0_ST_LEVEL_MSB, R.IDR0_ST_LEVEL_LSB, 1],
  ["idr0", "RME_IMPL", R.IDR0_RME_IMPL_MSB, R.IDR0_RME_IMPL_LSB, 0],
  ["idr1", "SIDSIZE", R.IDR1_SIDSIZE_MSB, R.IDR1_SIDSIZE_LSB, 32],
  ["idr1", "SSIDSIZE", R.IDR1_SSIDSIZE_MSB, R.IDR1_SSIDSIZE_LSB, 20],
  ["idr1", "PRIQS", R.IDR1_PRIQS_MSB, R.IDR1_PRIQS_LSB, 19],
  ["idr1", "EVENTQS", R.IDR1_EVENTQS_MSB, R.IDR1_EVENTQS_LSB, 19],
  ["idr1", "CMDQS", R.IDR1_CMDQS_MSB, R.IDR1_CMDQS_LSB, 19],
  ["idr1", "ATTR_PERMS_OVR", R.IDR1_ATTR_PERMS_OVR_MSB, R.IDR1_ATTR_PERMS_OVR_LSB, 1],
  ["idr1", "ATTR_TYPES_OVR", R.IDR1_ATTR_TYPES_OVR_MSB, R.IDR1_ATTR_TYPES_OVR_LSB, 0],
  ["idr1", "REL", R.IDR1_REL_MSB, R.IDR1_REL_LSB, 0],
  ["idr1", "QUEUES_PRESET", R.IDR1_QUEUES_PRESET_MSB, R.IDR1_QUEUES_PRESET_LSB, 0],
  ["idr1", "TABLES_PRESET", R.IDR1_TABLES_PRESET_MSB, R.IDR1_TABLES_PRESET_LSB, 0],
  ["idr1", "ECMDQ", R.IDR1_ECMDQ_MSB, R.IDR1_ECMDQ_LSB, 0],
  ["idr3", "HAD", R.IDR3_HAD_MSB, R.IDR3_HAD_LSB, 1],
  ["idr3", "PBHA", R.IDR3_PBHA_MSB, R.IDR3_PBHA_LSB, 0],
  ["idr3", "XNX", R.IDR3_XNX_MSB, R.IDR3_XNX_LSB, 1],
  ["idr3", "PPS", R.IDR3_PPS_MSB, R.IDR3_PPS_LSB, 0],
  ["idr3", "MPAM", R.IDR3_MPAM_MSB, R.IDR3_MPAM_LSB, 0],
  ["idr3", "FWB", R.IDR3_FWB_MSB, R.IDR3_FWB_LSB, 0],
  ["idr3", "STT", R.IDR3_STT_MSB, R.IDR3_STT_LSB, 1],
  ["idr3", "RIL", R.IDR3_RIL_MSB, R.IDR3_RIL_LSB, 1],
  ["idr3", "BBML", R.IDR3_BBML_MSB, R.IDR3_BBML_LSB, 2],
  ["idr3", "E0PD", R.IDR3_E0PD_MSB, R.IDR3_E0PD_LSB, 1],
  ["idr3", "PTWNNC", R.IDR3_PTWNNC_MSB, R.IDR3_PTWNNC_LSB, 1],
  ["idr3", "DPT", R.IDR3_DPT_MSB, R.IDR3_DPT_LSB, 0],
  ["idr3", "PASIDTT", R.IDR3_PASIDTT_MSB, R.IDR3_PASIDTT_LSB, 0],
  ["idr3", "EPAN", R.IDR3_EPAN_MSB, R.IDR3_EPAN_LSB, 1],
  ["idr3", "S1PI", R.IDR3_S1PI_MSB, R.IDR3_S1PI_LSB, 0],
  ["idr3", "S2PI", R.IDR3_S2PI_MSB, R.IDR3_S2PI_LSB, 0],
  ["idr3", "S2PO", R.IDR3_S2PO_MSB, R.IDR3_S2PO_LSB, 0],
  ["idr3", "THE", R.IDR3_THE_MSB, R.IDR3_THE_LSB, 0],
  ["idr3", "MTEPERM", R.IDR3_MTEPERM_MSB, R.IDR3_MTEPERM_LSB, 0],
  ["idr3", "AIE", R.IDR3_AIE_MSB, R.IDR3_AIE_LSB, 0],
  ["idr5", "OAS", R.IDR5_OAS_MSB, R.IDR5_OAS_LSB, 6],
  ["idr5", "GRAN4K", R.IDR5_GRAN4K_MSB, R.IDR5_GRAN4K_LSB, 1],
  ["idr5", "GRAN16K", R.IDR5_GRAN16K_MSB, R.IDR5_GRAN16K_LSB, 1],
  ["idr5", "GRAN64K", R.IDR5_GRAN64K_MSB, R.IDR5_GRAN64K_LSB, 1],
  ["idr5", "DS", R.IDR5_DS_MSB, R.IDR5_DS_LSB, 1],
  ["idr5", "D128", R.IDR5_D128_MSB, R.IDR5_D128_LSB, 0],
  ["idr5", "VAX", R.IDR5_VAX_MSB, R.IDR5_VAX_LSB, 1],
  ["idr5", "STALL_MAX", R.IDR5_STALL_MAX_MSB, R.IDR5_STALL_MAX_LSB, 0xffff],
];

/** All fields, in the order of the manual. */
export const FIELD_RULES: readonly FieldRule[] = ROWS.map(([register, name, msb, lsb, most, least = 0]) => ({
  register,
  name,
  msb,
  lsb,
  least,
  most,
}));

/** The same by "register.FIELD". */
export const FIELD_RULE: ReadonlyMap<string, FieldRule> = new Map(
  FIELD_RULES.map((rule) => [`${rule.register}.${rule.name}`, rule]),
);
