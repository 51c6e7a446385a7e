// The fields of CAP and ECAP as a table: where each is and which values the model implements.
// Source: Intel VT-d Rev 5.10, sections 11.4.2 and 11.4.3.
// A row whose largest modelled value is 0 names a feature that reads as absent; bits without a row are reserved.

import * as R from "../spec/vtd/registers.js";

/** The register that holds a field. */
export type CapabilityRegister = "cap" | "ecap";

/** One field of a capability register and the values of it that are modelled. */
export interface FieldRule {
  readonly register: CapabilityRegister;
  readonly name: string;
  readonly msb: number;
  readonly lsb: number;
  readonly least: number;
  readonly most: number;
}

// [register, field, MSB, LSB, largest modelled value, smallest modelled value]
type Row = readonly [CapabilityRegister, string, number, number, number, number?];

const ROWS: readonly Row[] = [
  ["cap", "ND", R.CAP_ND_MSB, R.CAP_ND_LSB, 6, 6],
  ["cap", "AFL", R.CAP_AFL_MSB, R.CAP_AFL_LSB, 0],
  ["cap", "RWBF", R.CAP_RWBF_MSB, R.CAP_RWBF_LSB, 0],
  ["cap", "PLMR", R.CAP_PLMR_MSB, R.CAP_PLMR_LSB, 0],
  ["cap", "PHMR", R.CAP_PHMR_MSB, R.CAP_PHMR_LSB, 0],
  ["cap", "CM", R.CAP_CM_MSB, R.CAP_CM_LSB, 1],
  ["cap", "SAGAW", R.CAP_SAGAW_MSB, R.CAP_SAGAW_LSB, 0b01110],
  ["cap", "MGAW", R.CAP_MGAW_MSB, R.CAP_MGAW_LSB, 56, 31],
  ["cap", "ZLR", R.CAP_ZLR_MSB, R.CAP_ZLR_LSB, 1],
  ["cap", "FRO", R.CAP_FRO_MSB, R.CAP_FRO_LSB, 0x3ff, 0xf],
  ["cap", "SSLPS", R.CAP_SSLPS_MSB, R.CAP_SSLPS_LSB, 0b0011],
  ["cap", "PSI", R.CAP_PSI_MSB, R.CAP_PSI_LSB, 1],
  ["cap", "NFR", R.CAP_NFR_MSB, R.CAP_NFR_LSB, 255],
  ["cap", "MAMV", R.CAP_MAMV_MSB, R.CAP_MAMV_LSB, 63],
  ["cap", "DWD", R.CAP_DWD_MSB, R.CAP_DWD_LSB, 1],
  ["cap", "DRD", R.CAP_DRD_MSB, R.CAP_DRD_LSB, 1],
  ["cap", "FS1GP", R.CAP_FS1GP_MSB, R.CAP_FS1GP_LSB, 1],
  ["cap", "PI", R.CAP_PI_MSB, R.CAP_PI_LSB, 0],
  ["cap", "FS5LP", R.CAP_FS5LP_MSB, R.CAP_FS5LP_LSB, 1],
  ["cap", "ECMDS", 61, 61, 0],
  ["cap", "ESIRTPS", R.CAP_ESIRTPS_MSB, R.CAP_ESIRTPS_LSB, 0],
  ["cap", "ESRTPS", R.CAP_ESRTPS_MSB, R.CAP_ESRTPS_LSB, 1],
  ["ecap", "C", R.ECAP_C_MSB, R.ECAP_C_LSB, 1],
  ["ecap", "QI", R.ECAP_QI_MSB, R.ECAP_QI_LSB, 1],
  ["ecap", "DT", R.ECAP_DT_MSB, R.ECAP_DT_LSB, 1],
  ["ecap", "IR", R.ECAP_IR_MSB, R.ECAP_IR_LSB, 0],
  ["ecap", "EIM", R.ECAP_EIM_MSB, R.ECAP_EIM_LSB, 0],
  ["ecap", "PT", R.ECAP_PT_MSB, R.ECAP_PT_LSB, 1],
  ["ecap", "SC", R.ECAP_SC_MSB, R.ECAP_SC_LSB, 1],
  ["ecap", "IRO", R.ECAP_IRO_MSB, R.ECAP_IRO_LSB, 0x3ff, 0xf],
  ["ecap", "MHMV", R.ECAP_MHMV_MSB, R.ECAP_MHMV_LSB, 0],
  ["ecap", "MTS", R.ECAP_MTS_MSB, R.ECAP_MTS_LSB, 1],
  ["ecap", "NEST", R.ECAP_NEST_MSB, R.ECAP_NEST_LSB, 1],
  ["ecap", "PRS", R.ECAP_PRS_MSB, R.ECAP_PRS_LSB, 1],
  ["ecap", "ERS", R.ECAP_ERS_MSB, R.ECAP_ERS_LSB, 0],
  ["ecap", "SRS", R.ECAP_SRS_MSB, R.ECAP_SRS_LSB, 1],
  ["ecap", "NWFS", R.ECAP_NWFS_MSB, R.ECAP_NWFS_LSB, 1],
  ["ecap", "EAFS", R.ECAP_EAFS_MSB, R.ECAP_EAFS_LSB, 1],
  ["ecap", "PSS", R.ECAP_PSS_MSB, R.ECAP_PSS_LSB, 19],
  ["ecap", "PASID", R.ECAP_PASID_MSB, R.ECAP_PASID_LSB, 1],
  ["ecap", "DIT", R.ECAP_DIT_MSB, R.ECAP_DIT_LSB, 1],
  ["ecap", "PDS", R.ECAP_PDS_MSB, R.ECAP_PDS_LSB, 1],
  ["ecap", "SMTS", R.ECAP_SMTS_MSB, R.ECAP_SMTS_LSB, 1],
  ["ecap", "VCS", R.ECAP_VCS_MSB, R.ECAP_VCS_LSB, 0],
  ["ecap", "SSADS", R.ECAP_SSADS_MSB, R.ECAP_SSADS_LSB, 1],
  ["ecap", "SSTS", R.ECAP_SSTS_MSB, R.ECAP_SSTS_LSB, 1],
  ["ecap", "FSTS", R.ECAP_FSTS_MSB, R.ECAP_FSTS_LSB, 1],
  ["ecap", "SMPWC", R.ECAP_SMPWC_MSB, R.ECAP_SMPWC_LSB, 1],
  ["ecap", "RPS", R.ECAP_RPS_MSB, R.ECAP_RPS_LSB, 1],
  ["ecap", "TDXCS", 50, 50, 0],
  ["ecap", "PMS", 51, 51, 0],
  ["ecap", "ADMS", R.ECAP_ADMS_MSB, R.ECAP_ADMS_LSB, 1],
  ["ecap", "RPRIVS", R.ECAP_RPRIVS_MSB, R.ECAP_RPRIVS_LSB, 1],
  ["ecap", "HPTS", 55, 55, 0],
  ["ecap", "PTRS", 56, 56, 0],
  ["ecap", "SSIRWS", 57, 57, 0],
  ["ecap", "SMS", 58, 58, 1],
  ["ecap", "HPT1GPS", 59, 59, 0],
  ["ecap", "RDTS", 60, 60, 0],
  ["ecap", "EIMER", 61, 61, 0],
  ["ecap", "IRREQ", 62, 62, 0],
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
