// Context Descriptor: bit numbers within the 64-byte record.
// Source: Arm IHI 0070 G.b, section 5.4.
// Aliases: with IDR5.D128 the bits of HAD0/HAD1 are DisCH0/DisCH1, HWU061/062 are SKL0 and HWU161/162
// are SKL1; TTB0/TTB1 reach up to address bit 55 (the _56 forms). The model has no D128.
//
//  bit 511                                                                            bit 0
//  +--------+--------+--------+---------+-----------+-----------+------------+-------------+
//  | dw 7   | dw 6   | dw 5   | dw 4    | dw 3      | dw 2      | dw 1       | dw 0        |
//  | PIIP   | PIIU   | PARTID | AMAIR   | MAIR1:0   | TTB1, DS  | TTB0, EPAN | ASID, AA64, |
//  |        |        | PMG    |         |           | HAD1 ...  | HAD0 ...   | V, TxSZ ... |
//  +--------+--------+--------+---------+-----------+-----------+------------+-------------+
//   byte 56   48       40       32        24          16          8            0

export const CD_BITS = 512;

export const CD_T0SZ_MSB = 5, CD_T0SZ_LSB = 0;
export const CD_TG0_MSB = 7, CD_TG0_LSB = 6;
export const CD_IR0_MSB = 9, CD_IR0_LSB = 8;
export const CD_OR0_MSB = 11, CD_OR0_LSB = 10;
export const CD_SH0_MSB = 13, CD_SH0_LSB = 12;
export const CD_EPD0_MSB = 14, CD_EPD0_LSB = 14;
export const CD_ENDI_MSB = 15, CD_ENDI_LSB = 15;
export const CD_T1SZ_MSB = 21, CD_T1SZ_LSB = 16;
export const CD_TG1_MSB = 23, CD_TG1_LSB = 22;
export const CD_IR1_MSB = 25, CD_IR1_LSB = 24;
export const CD_OR1_MSB = 27, CD_OR1_LSB = 26;
export const CD_SH1_MSB = 29, CD_SH1_LSB = 28;
export const CD_EPD1_MSB = 30, CD_EPD1_LSB = 30;
export const CD_V_MSB = 31, CD_V_LSB = 31;
export const CD_IPS_MSB = 34, CD_IPS_LSB = 32;
export const CD_AFFD_MSB = 35, CD_AFFD_LSB = 35;
export const CD_WXN_MSB = 36, CD_WXN_LSB = 36;
export const CD_UWXN_MSB = 37, CD_UWXN_LSB = 37;
export const CD_TBI0_MSB = 38, CD_TBI0_LSB = 38;
export const CD_TBI1_MSB = 39, CD_TBI1_LSB = 39;
export const CD_PAN_MSB = 40, CD_PAN_LSB = 40;
export const CD_AA64_MSB = 41, CD_AA64_LSB = 41;
export const CD_HD_MSB = 42, CD_HD_LSB = 42;
export const CD_HA_MSB = 43, CD_HA_LSB = 43;
export const CD_S_MSB = 44, CD_S_LSB = 44;
export const CD_R_MSB = 45, CD_R_LSB = 45;
export const CD_A_MSB = 46, CD_A_LSB = 46;
export const CD_ASET_MSB = 47, CD_ASET_LSB = 47;
export const CD_ASID_MSB = 63, CD_ASID_LSB = 48;
export const CD_NSCFG0_MSB = 64, CD_NSCFG0_LSB = 64;
export const CD_HAD0_MSB = 65, CD_HAD0_LSB = 65;
export const CD_E0PD0_MSB = 66, CD_E0PD0_LSB = 66;
export const CD_HAFT_MSB = 67, CD_HAFT_LSB = 67;
export const CD_TTB0_MSB = 115, CD_TTB0_LSB = 68;
export const CD_TTB0_56_MSB = 119, CD_TTB0_56_LSB = 68;
export const CD_PNCH_MSB = 122, CD_PNCH_LSB = 122;
export const CD_EPAN_MSB = 123, CD_EPAN_LSB = 123;
export const CD_HWU059_MSB = 124, CD_HWU059_LSB = 124;
export const CD_HWU060_MSB = 125, CD_HWU060_LSB = 125;
export const CD_HWU061_MSB = 126, CD_HWU061_LSB = 126;
export const CD_HWU062_MSB = 127, CD_HWU062_LSB = 127;
export const CD_NSCFG1_MSB = 128, CD_NSCFG1_LSB = 128;
export const CD_HAD1_MSB = 129, CD_HAD1_LSB = 129;
export const CD_E0PD1_MSB = 130, CD_E0PD1_LSB = 130;
export const CD_AIE_MSB = 131, CD_AIE_LSB = 131;
export const CD_TTB1_MSB = 179, CD_TTB1_LSB = 132;
export const CD_TTB1_56_MSB = 183, CD_TTB1_56_LSB = 132;
export const CD_DS_MSB = 186, CD_DS_LSB = 186;
export const CD_PIE_MSB = 187, CD_PIE_LSB = 187;
export const CD_HWU159_MSB = 188, CD_HWU159_LSB = 188;
export const CD_HWU160_MSB = 189, CD_HWU160_LSB = 189;
export const CD_HWU161_MSB = 190, CD_HWU161_LSB = 190;
export const CD_HWU162_MSB = 191, CD_HWU162_LSB = 191;
export const CD_MAIR0_MSB = 223, CD_MAIR0_LSB = 192;
export const CD_MAIR1_MSB = 255, CD_MAIR1_LSB = 224;
export const CD_AMAIR0_MSB = 287, CD_AMAIR0_LSB = 256;
export const CD_AMAIR1_MSB = 319, CD_AMAIR1_LSB = 288;
export const CD_PARTID_MSB = 367, CD_PARTID_LSB = 352;
export const CD_PMG_MSB = 375, CD_PMG_LSB = 368;
export const CD_PIIU_MSB = 431, CD_PIIU_LSB = 384;
export const CD_PIIP_MSB = 495, CD_PIIP_LSB = 448;

// CD.TG0
export const CD_TG0_4K = 0;
export const CD_TG0_64K = 1;
export const CD_TG0_16K = 2;
// CD.TG1: another encoding
export const CD_TG1_16K = 1;
export const CD_TG1_4K = 2;
export const CD_TG1_64K = 3;
