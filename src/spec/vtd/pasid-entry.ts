// PASID directory entry (PDE_, 8 bytes) and PASID table entry (PASIDE_, 64 bytes) of scalable mode.
// Source: Intel VT-d Rev 5.10, sections 9.5 and 9.6. Everything not named is reserved and must be 0, but for bits
// 134:133, which are ignored. Host permission tables (bits 258 and above) read as absent.
// Aliases: Rev 3.x had EMT in 93:91, PWT in 94 and PCD in 95, where Rev 5.10 has reserved bits.

export const PDE_BITS = 64;
export const PDE_P_MSB = 0, PDE_P_LSB = 0;
export const PDE_FPD_MSB = 1, PDE_FPD_LSB = 1;
export const PDE_SMPTBLPTR_MSB = 63, PDE_SMPTBLPTR_LSB = 12;

export const PASIDE_BITS = 512;
export const PASIDE_P_MSB = 0, PASIDE_P_LSB = 0;
export const PASIDE_FPD_MSB = 1, PASIDE_FPD_LSB = 1;
export const PASIDE_AW_MSB = 4, PASIDE_AW_LSB = 2;
export const PASIDE_PGTT_MSB = 8, PASIDE_PGTT_LSB = 6;
export const PASIDE_SSADE_MSB = 9, PASIDE_SSADE_LSB = 9;
export const PASIDE_SSPTPTR_MSB = 63, PASIDE_SSPTPTR_LSB = 12;
export const PASIDE_DID_MSB = 79, PASIDE_DID_LSB = 64;
export const PASIDE_PWSNP_MSB = 87, PASIDE_PWSNP_LSB = 87;
export const PASIDE_PGSNP_MSB = 88, PASIDE_PGSNP_LSB = 88;
export const PASIDE_CD_MSB = 89, PASIDE_CD_LSB = 89;
export const PASIDE_EMTE_MSB = 90, PASIDE_EMTE_LSB = 90;
export const PASIDE_EMT_MSB = 93, PASIDE_EMT_LSB = 91;
export const PASIDE_PWT_MSB = 94, PASIDE_PWT_LSB = 94;
export const PASIDE_PCD_MSB = 95, PASIDE_PCD_LSB = 95;
export const PASIDE_PAT_MSB = 127, PASIDE_PAT_LSB = 96;
export const PASIDE_SRE_MSB = 128, PASIDE_SRE_LSB = 128;
export const PASIDE_FSPM_MSB = 131, PASIDE_FSPM_LSB = 130;
export const PASIDE_WPE_MSB = 132, PASIDE_WPE_LSB = 132;
export const PASIDE_IGN_MSB = 134, PASIDE_IGN_LSB = 133;
export const PASIDE_EAFE_MSB = 135, PASIDE_EAFE_LSB = 135;
export const PASIDE_FSPTPTR_MSB = 191, PASIDE_FSPTPTR_LSB = 140;

// PASIDE.PGTT
export const PGTT_FIRST_STAGE = 1;
export const PGTT_SECOND_STAGE = 2;
export const PGTT_NESTED = 3;
export const PGTT_PASS_THROUGH = 4;

// PASIDE.AW and CE.AW: 39, 48 and 57 bits
export const AW_39 = 1;
export const AW_48 = 2;
export const AW_57 = 3;

// PASIDE.FSPM
export const FSPM_4_LEVEL = 0;
export const FSPM_5_LEVEL = 1;
