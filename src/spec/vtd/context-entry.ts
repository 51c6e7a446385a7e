// Context entries: legacy mode (CE_, 16 bytes a device-function) and scalable mode (SCE_, 32 bytes).
// Source: Intel VT-d Rev 5.10, sections 9.3 and 9.4. Everything not named is reserved and must be 0.

export const CE_BITS = 128;
export const CE_P_MSB = 0, CE_P_LSB = 0;
export const CE_FPD_MSB = 1, CE_FPD_LSB = 1;
export const CE_TT_MSB = 3, CE_TT_LSB = 2;
export const CE_SSPTPTR_MSB = 63, CE_SSPTPTR_LSB = 12;
export const CE_AW_MSB = 66, CE_AW_LSB = 64;
// Available to software.
export const CE_IGN_MSB = 70, CE_IGN_LSB = 67;
export const CE_DID_MSB = 87, CE_DID_LSB = 72;

// CE.TT: translate untranslated requests; also allow ATS; pass through.
export const CE_TT_UNTRANSLATED = 0;
export const CE_TT_ATS = 1;
export const CE_TT_PASS_THROUGH = 2;

export const SCE_BITS = 256;
export const SCE_P_MSB = 0, SCE_P_LSB = 0;
export const SCE_FPD_MSB = 1, SCE_FPD_LSB = 1;
export const SCE_DTE_MSB = 2, SCE_DTE_LSB = 2;
export const SCE_PASIDE_MSB = 3, SCE_PASIDE_LSB = 3;
export const SCE_PRE_MSB = 4, SCE_PRE_LSB = 4;
export const SCE_HPTE_MSB = 5, SCE_HPTE_LSB = 5;
export const SCE_EPTR_MSB = 6, SCE_EPTR_LSB = 6;
export const SCE_PDTS_MSB = 11, SCE_PDTS_LSB = 9;
export const SCE_PASIDDIRPTR_MSB = 63, SCE_PASIDDIRPTR_LSB = 12;
export const SCE_RID_PASID_MSB = 83, SCE_RID_PASID_LSB = 64;
export const SCE_RID_PRIV_MSB = 84, SCE_RID_PRIV_LSB = 84;
