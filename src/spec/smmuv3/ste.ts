// Stream Table Entry: bit numbers within the 64-byte record.
// Source: Arm IHI 0070 G.b, section 5.2. Numbers count from bit 0 of byte 0 (little-endian).
// Left out: fields that exist only for Secure or Realm streams.
//
//  bit 511                                                                          bit 0
//  +--------+--------+--------+--------+-----------+-----------+-----------+-------------+
//  | dw 7   | dw 6   | dw 5   | dw 4   | dw 3      | dw 2      | dw 1      | dw 0        |
//  |        |        | VMSPtr |        | S2TTB     | S2VMID,   | S1DSS,    | V, Config,  |
//  |        |        |        |        |           | S2 control| attributes| S1ContextPtr|
//  +--------+--------+--------+--------+-----------+-----------+-----------+-------------+
//   byte 56   48       40       32       24          16          8           0

export const STE_BITS = 512;

export const STE_V_MSB = 0, STE_V_LSB = 0;
export const STE_CONFIG_MSB = 3, STE_CONFIG_LSB = 1;
export const STE_S1FMT_MSB = 5, STE_S1FMT_LSB = 4;
export const STE_S1CONTEXTPTR_MSB = 55, STE_S1CONTEXTPTR_LSB = 6;
export const STE_S1CDMAX_MSB = 63, STE_S1CDMAX_LSB = 59;
export const STE_S1DSS_MSB = 65, STE_S1DSS_LSB = 64;
export const STE_S1CIR_MSB = 67, STE_S1CIR_LSB = 66;
export const STE_S1COR_MSB = 69, STE_S1COR_LSB = 68;
export const STE_S1CSH_MSB = 71, STE_S1CSH_LSB = 70;
export const STE_S2HWU59_MSB = 72, STE_S2HWU59_LSB = 72;
export const STE_S2HWU60_MSB = 73, STE_S2HWU60_LSB = 73;
export const STE_S2HWU61_MSB = 74, STE_S2HWU61_LSB = 74;
export const STE_S2HWU62_MSB = 75, STE_S2HWU62_LSB = 75;
export const STE_DRE_MSB = 76, STE_DRE_LSB = 76;
export const STE_CONT_MSB = 80, STE_CONT_LSB = 77;
export const STE_DCP_MSB = 81, STE_DCP_LSB = 81;
export const STE_PPAR_MSB = 82, STE_PPAR_LSB = 82;
export const STE_MEV_MSB = 83, STE_MEV_LSB = 83;
export const STE_SW_MSB = 87, STE_SW_LSB = 84;
export const STE_S1PIE_MSB = 88, STE_S1PIE_LSB = 88;
export const STE_S2FWB_MSB = 89, STE_S2FWB_LSB = 89;
export const STE_S1MPAM_MSB = 90, STE_S1MPAM_LSB = 90;
export const STE_S1STALLD_MSB = 91, STE_S1STALLD_LSB = 91;
export const STE_EATS_MSB = 93, STE_EATS_LSB = 92;
export const STE_STRW_MSB = 95, STE_STRW_LSB = 94;
export const STE_MEMATTR_MSB = 99, STE_MEMATTR_LSB = 96;
export const STE_MTCFG_MSB = 100, STE_MTCFG_LSB = 100;
export const STE_ALLOCCFG_MSB = 104, STE_ALLOCCFG_LSB = 101;
export const STE_SHCFG_MSB = 109, STE_SHCFG_LSB = 108;
export const STE_NSCFG_MSB = 111, STE_NSCFG_LSB = 110;
export const STE_PRIVCFG_MSB = 113, STE_PRIVCFG_LSB = 112;
export const STE_INSTCFG_MSB = 115, STE_INSTCFG_LSB = 114;
export const STE_S2VMID_MSB = 143, STE_S2VMID_LSB = 128;
export const STE_S2T0SZ_MSB = 165, STE_S2T0SZ_LSB = 160;
export const STE_S2SL0_MSB = 167, STE_S2SL0_LSB = 166;
export const STE_S2IR0_MSB = 169, STE_S2IR0_LSB = 168;
export const STE_S2OR0_MSB = 171, STE_S2OR0_LSB = 170;
export const STE_S2SH0_MSB = 173, STE_S2SH0_LSB = 172;
export const STE_S2TG_MSB = 175, STE_S2TG_LSB = 174;
export const STE_S2PS_MSB = 178, STE_S2PS_LSB = 176;
export const STE_S2AA64_MSB = 179, STE_S2AA64_LSB = 179;
export const STE_S2ENDI_MSB = 180, STE_S2ENDI_LSB = 180;
export const STE_S2AFFD_MSB = 181, STE_S2AFFD_LSB = 181;
export const STE_S2PTW_MSB = 182, STE_S2PTW_LSB = 182;
export const STE_S2HD_MSB = 183, STE_S2HD_LSB = 183;
export const STE_S2HA_MSB = 184, STE_S2HA_LSB = 184;
export const STE_S2S_MSB = 185, STE_S2S_LSB = 185;
export const STE_S2R_MSB = 186, STE_S2R_LSB = 186;
export const STE_S2HAFT_MSB = 187, STE_S2HAFT_LSB = 187;
export const STE_S2PIE_MSB = 188, STE_S2PIE_LSB = 188;
export const STE_S2POE_MSB = 189, STE_S2POE_LSB = 189;
export const STE_DPT_VMATCH_MSB = 191, STE_DPT_VMATCH_LSB = 190;
export const STE_S2NSW_MSB = 192, STE_S2NSW_LSB = 192;
export const STE_S2NSA_MSB = 193, STE_S2NSA_LSB = 193;
export const STE_S2SL0_2_MSB = 194, STE_S2SL0_2_LSB = 194;
export const STE_S2DS_MSB = 195, STE_S2DS_LSB = 195;
export const STE_S2TTB_MSB = 243, STE_S2TTB_LSB = 196;
export const STE_VMSPTR_MSB = 375, STE_VMSPTR_LSB = 332;

// STE.Config
export const STE_CONFIG_ABORT = 0;
export const STE_CONFIG_BYPASS = 4;
export const STE_CONFIG_S1 = 5;
export const STE_CONFIG_S2 = 6;
export const STE_CONFIG_NESTED = 7;

// STE.S1Fmt (3 behaves as 0)
export const STE_S1FMT_LINEAR = 0;
export const STE_S1FMT_4K_L2 = 1;
export const STE_S1FMT_64K_L2 = 2;

// STE.S1DSS (3 behaves as 0)
export const STE_S1DSS_TERMINATE = 0;
export const STE_S1DSS_BYPASS = 1;
export const STE_S1DSS_SSID0 = 2;

// STE.EATS
export const STE_EATS_NONE = 0;
export const STE_EATS_FULL = 1;
export const STE_EATS_SPLIT = 2;
export const STE_EATS_DPT = 3;

// STE.STRW, as far as a Non-secure stream goes
export const STE_STRW_EL1 = 0;
export const STE_STRW_EL2 = 2;

// STE.S2TG: the encoding of TG0, not of TG1
export const STE_S2TG_4K = 0;
export const STE_S2TG_64K = 1;
export const STE_S2TG_16K = 2;

// STE.PRIVCFG and STE.INSTCFG
export const STE_PRIVCFG_INCOMING = 0;
export const STE_PRIVCFG_UNPRIVILEGED = 2;
export const STE_PRIVCFG_PRIVILEGED = 3;
export const STE_INSTCFG_INCOMING = 0;
export const STE_INSTCFG_DATA = 2;
export const STE_INSTCFG_INSTRUCTION = 3;
