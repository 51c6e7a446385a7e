// Paging entries, 8 bytes: first stage (FSPTE_) and second stage (SSPTE_).
// Source: Intel VT-d Rev 5.10, sections 9.7 and 9.8. Address bits from the host address width on are reserved.
// Not modelled: SSPTE.IR and IW, which replace R and W under RTADDR.SSIRWE.

export const FSPTE_BITS = 64;
export const FSPTE_P_MSB = 0, FSPTE_P_LSB = 0;
export const FSPTE_RW_MSB = 1, FSPTE_RW_LSB = 1;
export const FSPTE_US_MSB = 2, FSPTE_US_LSB = 2;
export const FSPTE_PWT_MSB = 3, FSPTE_PWT_LSB = 3;
export const FSPTE_PCD_MSB = 4, FSPTE_PCD_LSB = 4;
export const FSPTE_A_MSB = 5, FSPTE_A_LSB = 5;
export const FSPTE_D_MSB = 6, FSPTE_D_LSB = 6;
// A leaf above the last level; in a 4 KiB leaf the same bit is PAT.
export const FSPTE_PS_MSB = 7, FSPTE_PS_LSB = 7;
export const FSPTE_G_MSB = 8, FSPTE_G_LSB = 8;
export const FSPTE_EA_MSB = 10, FSPTE_EA_LSB = 10;
// PAT of a large leaf.
export const FSPTE_PAT_LARGE_MSB = 12, FSPTE_PAT_LARGE_LSB = 12;
export const FSPTE_ADDR_MSB = 51, FSPTE_ADDR_LSB = 12;

export const SSPTE_BITS = 64;
export const SSPTE_R_MSB = 0, SSPTE_R_LSB = 0;
export const SSPTE_W_MSB = 1, SSPTE_W_LSB = 1;
export const SSPTE_EMT_MSB = 5, SSPTE_EMT_LSB = 3;
export const SSPTE_IPAT_MSB = 6, SSPTE_IPAT_LSB = 6;
export const SSPTE_PS_MSB = 7, SSPTE_PS_LSB = 7;
export const SSPTE_A_MSB = 8, SSPTE_A_LSB = 8;
export const SSPTE_D_MSB = 9, SSPTE_D_LSB = 9;
export const SSPTE_SNP_MSB = 11, SSPTE_SNP_LSB = 11;
export const SSPTE_ADDR_MSB = 51, SSPTE_ADDR_LSB = 12;
export const SSPTE_IR_MSB = 61, SSPTE_IR_LSB = 61;
export const SSPTE_IW_MSB = 62, SSPTE_IW_LSB = 62;
