// Registers: offsets, and fields by bit numbers within each register.
// Source: Intel VT-d Rev 5.10, section 11.4. Interrupt remapping, protected memory, performance monitoring and
// virtual command registers are not modelled: they read 0.

export const REG_VER = 0x0;
export const REG_CAP = 0x8;
export const REG_ECAP = 0x10;
export const REG_GCMD = 0x18;
export const REG_GSTS = 0x1c;
export const REG_RTADDR = 0x20;
export const REG_CCMD = 0x28;
export const REG_FSTS = 0x34;
export const REG_FECTL = 0x38;
export const REG_FEDATA = 0x3c;
export const REG_FEADDR = 0x40;
export const REG_FEUADDR = 0x44;
export const REG_IQH = 0x80;
export const REG_IQT = 0x88;
export const REG_IQA = 0x90;
export const REG_ICS = 0x9c;
export const REG_IECTL = 0xa0;
export const REG_IEDATA = 0xa4;
export const REG_IEADDR = 0xa8;
export const REG_IEUADDR = 0xac;
export const REG_IQERCD = 0xb0;
export const REG_PQH = 0xc0;
export const REG_PQT = 0xc8;
export const REG_PQA = 0xd0;
export const REG_PRS = 0xdc;
export const REG_PECTL = 0xe0;
export const REG_PEDATA = 0xe4;
export const REG_PEADDR = 0xe8;
export const REG_PEUADDR = 0xec;

export const VER_MIN_MSB = 3, VER_MIN_LSB = 0;
export const VER_MAX_MSB = 7, VER_MAX_LSB = 4;

export const CAP_ND_MSB = 2, CAP_ND_LSB = 0;
export const CAP_AFL_MSB = 3, CAP_AFL_LSB = 3;
export const CAP_RWBF_MSB = 4, CAP_RWBF_LSB = 4;
export const CAP_PLMR_MSB = 5, CAP_PLMR_LSB = 5;
export const CAP_PHMR_MSB = 6, CAP_PHMR_LSB = 6;
export const CAP_CM_MSB = 7, CAP_CM_LSB = 7;
export const CAP_SAGAW_MSB = 12, CAP_SAGAW_LSB = 8;
export const CAP_MGAW_MSB = 21, CAP_MGAW_LSB = 16;
export const CAP_ZLR_MSB = 22, CAP_ZLR_LSB = 22;
export const CAP_FRO_MSB = 33, CAP_FRO_LSB = 24;
export const CAP_SSLPS_MSB = 37, CAP_SSLPS_LSB = 34;
export const CAP_PSI_MSB = 39, CAP_PSI_LSB = 39;
export const CAP_NFR_MSB = 47, CAP_NFR_LSB = 40;
export const CAP_MAMV_MSB = 53, CAP_MAMV_LSB = 48;
export const CAP_DWD_MSB = 54, CAP_DWD_LSB = 54;
export const CAP_DRD_MSB = 55, CAP_DRD_LSB = 55;
export const CAP_FS1GP_MSB = 56, CAP_FS1GP_LSB = 56;
export const CAP_PI_MSB = 59, CAP_PI_LSB = 59;
export const CAP_FS5LP_MSB = 60, CAP_FS5LP_LSB = 60;
export const CAP_ESIRTPS_MSB = 62, CAP_ESIRTPS_LSB = 62;
export const CAP_ESRTPS_MSB = 63, CAP_ESRTPS_LSB = 63;

export const ECAP_C_MSB = 0, ECAP_C_LSB = 0;
export const ECAP_QI_MSB = 1, ECAP_QI_LSB = 1;
export const ECAP_DT_MSB = 2, ECAP_DT_LSB = 2;
export const ECAP_IR_MSB = 3, ECAP_IR_LSB = 3;
export const ECAP_EIM_MSB = 4, ECAP_EIM_LSB = 4;
export const ECAP_PT_MSB = 6, ECAP_PT_LSB = 6;
export const ECAP_SC_MSB = 7, ECAP_SC_LSB = 7;
export const ECAP_IRO_MSB = 17, ECAP_IRO_LSB = 8;
export const ECAP_MHMV_MSB = 23, ECAP_MHMV_LSB = 20;
export const ECAP_MTS_MSB = 25, ECAP_MTS_LSB = 25;
export const ECAP_NEST_MSB = 26, ECAP_NEST_LSB = 26;
export const ECAP_PRS_MSB = 29, ECAP_PRS_LSB = 29;
export const ECAP_ERS_MSB = 30, ECAP_ERS_LSB = 30;
export const ECAP_SRS_MSB = 31, ECAP_SRS_LSB = 31;
export const ECAP_NWFS_MSB = 33, ECAP_NWFS_LSB = 33;
export const ECAP_EAFS_MSB = 34, ECAP_EAFS_LSB = 34;
export const ECAP_PSS_MSB = 39, ECAP_PSS_LSB = 35;
export const ECAP_PASID_MSB = 40, ECAP_PASID_LSB = 40;
export const ECAP_DIT_MSB = 41, ECAP_DIT_LSB = 41;
export const ECAP_PDS_MSB = 42, ECAP_PDS_LSB = 42;
export const ECAP_SMTS_MSB = 43, ECAP_SMTS_LSB = 43;
export const ECAP_VCS_MSB = 44, ECAP_VCS_LSB = 44;
export const ECAP_SSADS_MSB = 45, ECAP_SSADS_LSB = 45;
export const ECAP_SSTS_MSB = 46, ECAP_SSTS_LSB = 46;
export const ECAP_FSTS_MSB = 47, ECAP_FSTS_LSB = 47;
export const ECAP_SMPWC_MSB = 48, ECAP_SMPWC_LSB = 48;
export const ECAP_RPS_MSB = 49, ECAP_RPS_LSB = 49;
export const ECAP_ADMS_MSB = 52, ECAP_ADMS_LSB = 52;
export const ECAP_RPRIVS_MSB = 53, ECAP_RPRIVS_LSB = 53;

// GCMD and GSTS share their bits.
export const GCMD_CFI_MSB = 23, GCMD_CFI_LSB = 23;
export const GCMD_SIRTP_MSB = 24, GCMD_SIRTP_LSB = 24;
export const GCMD_IRE_MSB = 25, GCMD_IRE_LSB = 25;
export const GCMD_QIE_MSB = 26, GCMD_QIE_LSB = 26;
export const GCMD_WBF_MSB = 27, GCMD_WBF_LSB = 27;
export const GCMD_EAFL_MSB = 28, GCMD_EAFL_LSB = 28;
export const GCMD_SFL_MSB = 29, GCMD_SFL_LSB = 29;
export const GCMD_SRTP_MSB = 30, GCMD_SRTP_LSB = 30;
export const GCMD_TE_MSB = 31, GCMD_TE_LSB = 31;

export const RTADDR_TTM_MSB = 11, RTADDR_TTM_LSB = 10;
export const RTADDR_RTA_MSB = 63, RTADDR_RTA_LSB = 12;
export const TTM_LEGACY = 0;
export const TTM_SCALABLE = 1;
export const TTM_ABORT = 3;

export const CCMD_DID_MSB = 15, CCMD_DID_LSB = 0;
export const CCMD_SID_MSB = 31, CCMD_SID_LSB = 16;
export const CCMD_FM_MSB = 33, CCMD_FM_LSB = 32;
export const CCMD_CAIG_MSB = 60, CCMD_CAIG_LSB = 59;
export const CCMD_CIRG_MSB = 62, CCMD_CIRG_LSB = 61;
export const CCMD_ICC_MSB = 63, CCMD_ICC_LSB = 63;

// IOTLB invalidate register, at 16 x ECAP.IRO + 8; IVA is 8 bytes below.
export const IVA_AM_MSB = 5, IVA_AM_LSB = 0;
export const IVA_IH_MSB = 6, IVA_IH_LSB = 6;
export const IVA_ADDR_MSB = 63, IVA_ADDR_LSB = 12;
export const IOTLB_DID_MSB = 47, IOTLB_DID_LSB = 32;
export const IOTLB_DW_MSB = 48, IOTLB_DW_LSB = 48;
export const IOTLB_DR_MSB = 49, IOTLB_DR_LSB = 49;
export const IOTLB_IAIG_MSB = 58, IOTLB_IAIG_LSB = 57;
export const IOTLB_IIRG_MSB = 61, IOTLB_IIRG_LSB = 60;
export const IOTLB_IVT_MSB = 63, IOTLB_IVT_LSB = 63;

export const FSTS_PFO_MSB = 0, FSTS_PFO_LSB = 0;
export const FSTS_PPF_MSB = 1, FSTS_PPF_LSB = 1;
export const FSTS_IQE_MSB = 4, FSTS_IQE_LSB = 4;
export const FSTS_ICE_MSB = 5, FSTS_ICE_LSB = 5;
export const FSTS_ITE_MSB = 6, FSTS_ITE_LSB = 6;
export const FSTS_FRI_MSB = 15, FSTS_FRI_LSB = 8;

export const FECTL_IP_MSB = 30, FECTL_IP_LSB = 30;
export const FECTL_IM_MSB = 31, FECTL_IM_LSB = 31;

// Fault recording register, 128 bits, at 16 x CAP.FRO.
export const FRCD_FI_MSB = 63, FRCD_FI_LSB = 12;
export const FRCD_SID_MSB = 79, FRCD_SID_LSB = 64;
export const FRCD_T2_MSB = 92, FRCD_T2_LSB = 92;
export const FRCD_PRIV_MSB = 93, FRCD_PRIV_LSB = 93;
export const FRCD_EXE_MSB = 94, FRCD_EXE_LSB = 94;
export const FRCD_PP_MSB = 95, FRCD_PP_LSB = 95;
export const FRCD_FR_MSB = 103, FRCD_FR_LSB = 96;
export const FRCD_PV_MSB = 123, FRCD_PV_LSB = 104;
export const FRCD_AT_MSB = 125, FRCD_AT_LSB = 124;
export const FRCD_T1_MSB = 126, FRCD_T1_LSB = 126;
export const FRCD_F_MSB = 127, FRCD_F_LSB = 127;

export const IQA_QS_MSB = 2, IQA_QS_LSB = 0;
export const IQA_DW_MSB = 11, IQA_DW_LSB = 11;
export const IQA_IQA_MSB = 63, IQA_IQA_LSB = 12;
export const IQH_QH_MSB = 18, IQH_QH_LSB = 4;
export const IQT_QT_MSB = 18, IQT_QT_LSB = 4;
export const ICS_IWC_MSB = 0, ICS_IWC_LSB = 0;
export const IECTL_IP_MSB = 30, IECTL_IP_LSB = 30;
export const IECTL_IM_MSB = 31, IECTL_IM_LSB = 31;
export const IQERCD_IQEI_MSB = 3, IQERCD_IQEI_LSB = 0;
export const IQERCD_ITESID_MSB = 47, IQERCD_ITESID_LSB = 32;
export const IQERCD_ICESID_MSB = 63, IQERCD_ICESID_LSB = 48;

export const PQA_PQS_MSB = 2, PQA_PQS_LSB = 0;
export const PQA_PQA_MSB = 63, PQA_PQA_LSB = 12;
export const PQH_PQH_MSB = 18, PQH_PQH_LSB = 5;
export const PQT_PQT_MSB = 18, PQT_PQT_LSB = 5;
export const PRS_PPR_MSB = 0, PRS_PPR_LSB = 0;
export const PRS_PRO_MSB = 1, PRS_PRO_LSB = 1;
export const PECTL_IP_MSB = 30, PECTL_IP_LSB = 30;
export const PECTL_IM_MSB = 31, PECTL_IM_LSB = 31;
