// Register pages 0 and 1, Non-secure programming interface: byte offsets and bit numbers.
// Source: Arm IHI 0070 G.b, sections 6.2 (map) and 6.3 (formats).
// EVENTQ_PROD/CONS and PRIQ_PROD/CONS live on page 1 (+0x10000); their page-0 places are optional aliases.
// Left out: Secure, Realm, Root, VATOS and Enhanced Command queue pages.

export const REG_PAGE_BYTES = 0x10000;

export const REG_IDR0 = 0x0;
export const REG_IDR1 = 0x4;
export const REG_IDR2 = 0x8;
export const REG_IDR3 = 0xc;
export const REG_IDR4 = 0x10;
export const REG_IDR5 = 0x14;
export const REG_IIDR = 0x18;
export const REG_AIDR = 0x1c;
export const REG_CR0 = 0x20;
export const REG_CR0ACK = 0x24;
export const REG_CR1 = 0x28;
export const REG_CR2 = 0x2c;
export const REG_S2PII = 0x30;
export const REG_STATUSR = 0x40;
export const REG_GBPA = 0x44;
export const REG_AGBPA = 0x48;
export const REG_IRQ_CTRL = 0x50;
export const REG_IRQ_CTRLACK = 0x54;
export const REG_GERROR = 0x60;
export const REG_GERRORN = 0x64;
export const REG_GERROR_IRQ_CFG0 = 0x68;
export const REG_GERROR_IRQ_CFG1 = 0x70;
export const REG_GERROR_IRQ_CFG2 = 0x74;
export const REG_STRTAB_BASE = 0x80;
export const REG_STRTAB_BASE_CFG = 0x88;
export const REG_CMDQ_BASE = 0x90;
export const REG_CMDQ_PROD = 0x98;
export const REG_CMDQ_CONS = 0x9c;
export const REG_EVENTQ_BASE = 0xa0;
export const REG_EVENTQ_PROD = 0x100a8;
export const REG_EVENTQ_CONS = 0x100ac;
export const REG_EVENTQ_IRQ_CFG0 = 0xb0;
export const REG_EVENTQ_IRQ_CFG1 = 0xb8;
export const REG_EVENTQ_IRQ_CFG2 = 0xbc;
export const REG_PRIQ_BASE = 0xc0;
export const REG_PRIQ_PROD = 0x100c8;
export const REG_PRIQ_CONS = 0x100cc;
export const REG_PRIQ_IRQ_CFG0 = 0xd0;
export const REG_PRIQ_IRQ_CFG1 = 0xd8;
export const REG_PRIQ_IRQ_CFG2 = 0xdc;

// Optional aliases of the page-1 registers, on page 0
export const REG_EVENTQ_PROD_ALIAS = 0xa8;
export const REG_EVENTQ_CONS_ALIAS = 0xac;
export const REG_PRIQ_PROD_ALIAS = 0xc8;
export const REG_PRIQ_CONS_ALIAS = 0xcc;

// IDR0 (6.3.1)
export const IDR0_S2P_MSB = 0, IDR0_S2P_LSB = 0;
export const IDR0_S1P_MSB = 1, IDR0_S1P_LSB = 1;
export const IDR0_TTF_MSB = 3, IDR0_TTF_LSB = 2;
export const IDR0_COHACC_MSB = 4, IDR0_COHACC_LSB = 4;
export const IDR0_BTM_MSB = 5, IDR0_BTM_LSB = 5;
export const IDR0_HTTU_MSB = 7, IDR0_HTTU_LSB = 6;
export const IDR0_DORMHINT_MSB = 8, IDR0_DORMHINT_LSB = 8;
export const IDR0_HYP_MSB = 9, IDR0_HYP_LSB = 9;
export const IDR0_ATS_MSB = 10, IDR0_ATS_LSB = 10;
export const IDR0_NS1ATS_MSB = 11, IDR0_NS1ATS_LSB = 11;
export const IDR0_ASID16_MSB = 12, IDR0_ASID16_LSB = 12;
export const IDR0_MSI_MSB = 13, IDR0_MSI_LSB = 13;
export const IDR0_SEV_MSB = 14, IDR0_SEV_LSB = 14;
export const IDR0_ATOS_MSB = 15, IDR0_ATOS_LSB = 15;
export const IDR0_PRI_MSB = 16, IDR0_PRI_LSB = 16;
export const IDR0_VMW_MSB = 17, IDR0_VMW_LSB = 17;
export const IDR0_VMID16_MSB = 18, IDR0_VMID16_LSB = 18;
export const IDR0_CD2L_MSB = 19, IDR0_CD2L_LSB = 19;
export const IDR0_VATOS_MSB = 20, IDR0_VATOS_LSB = 20;
export const IDR0_TTENDIAN_MSB = 22, IDR0_TTENDIAN_LSB = 21;
export const IDR0_ATSRECERR_MSB = 23, IDR0_ATSRECERR_LSB = 23;
export const IDR0_STALL_MODEL_MSB = 25, IDR0_STALL_MODEL_LSB = 24;
export const IDR0_TERM_MODEL_MSB = 26, IDR0_TERM_MODEL_LSB = 26;
export const IDR0_ST_LEVEL_MSB = 28, IDR0_ST_LEVEL_LSB = 27;
export const IDR0_RME_IMPL_MSB = 30, IDR0_RME_IMPL_LSB = 30;

// IDR1 (6.3.2)
export const IDR1_SIDSIZE_MSB = 5, IDR1_SIDSIZE_LSB = 0;
export const IDR1_SSIDSIZE_MSB = 10, IDR1_SSIDSIZE_LSB = 6;
export const IDR1_PRIQS_MSB = 15, IDR1_PRIQS_LSB = 11;
export const IDR1_EVENTQS_MSB = 20, IDR1_EVENTQS_LSB = 16;
export const IDR1_CMDQS_MSB = 25, IDR1_CMDQS_LSB = 21;
export const IDR1_ATTR_PERMS_OVR_MSB = 26, IDR1_ATTR_PERMS_OVR_LSB = 26;
export const IDR1_ATTR_TYPES_OVR_MSB = 27, IDR1_ATTR_TYPES_OVR_LSB = 27;
export const IDR1_REL_MSB = 28, IDR1_REL_LSB = 28;
export const IDR1_QUEUES_PRESET_MSB = 29, IDR1_QUEUES_PRESET_LSB = 29;
export const IDR1_TABLES_PRESET_MSB = 30, IDR1_TABLES_PRESET_LSB = 30;
export const IDR1_ECMDQ_MSB = 31, IDR1_ECMDQ_LSB = 31;

// IDR3 (6.3.4)
export const IDR3_HAD_MSB = 2, IDR3_HAD_LSB = 2;
export const IDR3_PBHA_MSB = 3, IDR3_PBHA_LSB = 3;
export const IDR3_XNX_MSB = 4, IDR3_XNX_LSB = 4;
export const IDR3_PPS_MSB = 5, IDR3_PPS_LSB = 5;
export const IDR3_MPAM_MSB = 7, IDR3_MPAM_LSB = 7;
export const IDR3_FWB_MSB = 8, IDR3_FWB_LSB = 8;
export const IDR3_STT_MSB = 9, IDR3_STT_LSB = 9;
export const IDR3_RIL_MSB = 10, IDR3_RIL_LSB = 10;
export const IDR3_BBML_MSB = 12, IDR3_BBML_LSB = 11;
export const IDR3_E0PD_MSB = 13, IDR3_E0PD_LSB = 13;
export const IDR3_PTWNNC_MSB = 14, IDR3_PTWNNC_LSB = 14;
export const IDR3_DPT_MSB = 15, IDR3_DPT_LSB = 15;
export const IDR3_PASIDTT_MSB = 16, IDR3_PASIDTT_LSB = 16;
export const IDR3_EPAN_MSB = 17, IDR3_EPAN_LSB = 17;
export const IDR3_S1PI_MSB = 18, IDR3_S1PI_LSB = 18;
export const IDR3_S2PI_MSB = 19, IDR3_S2PI_LSB = 19;
export const IDR3_S2PO_MSB = 20, IDR3_S2PO_LSB = 20;
export const IDR3_THE_MSB = 21, IDR3_THE_LSB = 21;
export const IDR3_MTEPERM_MSB = 22, IDR3_MTEPERM_LSB = 22;
export const IDR3_AIE_MSB = 23, IDR3_AIE_LSB = 23;

// IDR5 (6.3.6); OAS 0..7 = 32, 36, 40, 42, 44, 48, 52, 56 bits; VAX 0 = 48, 1 = 52 bits
export const IDR5_OAS_MSB = 2, IDR5_OAS_LSB = 0;
export const IDR5_GRAN4K_MSB = 4, IDR5_GRAN4K_LSB = 4;
export const IDR5_GRAN16K_MSB = 5, IDR5_GRAN16K_LSB = 5;
export const IDR5_GRAN64K_MSB = 6, IDR5_GRAN64K_LSB = 6;
export const IDR5_DS_MSB = 7, IDR5_DS_LSB = 7;
export const IDR5_D128_MSB = 8, IDR5_D128_LSB = 8;
export const IDR5_VAX_MSB = 11, IDR5_VAX_LSB = 10;
export const IDR5_STALL_MAX_MSB = 31, IDR5_STALL_MAX_LSB = 16;

// CR0 and CR0ACK (6.3.9, 6.3.10)
export const CR0_SMMUEN_MSB = 0, CR0_SMMUEN_LSB = 0;
export const CR0_PRIQEN_MSB = 1, CR0_PRIQEN_LSB = 1;
export const CR0_EVENTQEN_MSB = 2, CR0_EVENTQEN_LSB = 2;
export const CR0_CMDQEN_MSB = 3, CR0_CMDQEN_LSB = 3;
export const CR0_ATSCHK_MSB = 4, CR0_ATSCHK_LSB = 4;
export const CR0_VMW_MSB = 8, CR0_VMW_LSB = 6;
export const CR0_DPT_WALK_EN_MSB = 10, CR0_DPT_WALK_EN_LSB = 10;

// CR1 (6.3.11)
export const CR1_QUEUE_IC_MSB = 1, CR1_QUEUE_IC_LSB = 0;
export const CR1_QUEUE_OC_MSB = 3, CR1_QUEUE_OC_LSB = 2;
export const CR1_QUEUE_SH_MSB = 5, CR1_QUEUE_SH_LSB = 4;
export const CR1_TABLE_IC_MSB = 7, CR1_TABLE_IC_LSB = 6;
export const CR1_TABLE_OC_MSB = 9, CR1_TABLE_OC_LSB = 8;
export const CR1_TABLE_SH_MSB = 11, CR1_TABLE_SH_LSB = 10;

// CR2 (6.3.12)
export const CR2_E2H_MSB = 0, CR2_E2H_LSB = 0;
export const CR2_RECINVSID_MSB = 1, CR2_RECINVSID_LSB = 1;
export const CR2_PTM_MSB = 2, CR2_PTM_LSB = 2;
export const CR2_REC_CFG_ATS_MSB = 3, CR2_REC_CFG_ATS_LSB = 3;

// GBPA (6.3.14)
export const GBPA_MEMATTR_MSB = 3, GBPA_MEMATTR_LSB = 0;
export const GBPA_MTCFG_MSB = 4, GBPA_MTCFG_LSB = 4;
export const GBPA_ALLOCCFG_MSB = 11, GBPA_ALLOCCFG_LSB = 8;
export const GBPA_SHCFG_MSB = 13, GBPA_SHCFG_LSB = 12;
export const GBPA_PRIVCFG_MSB = 17, GBPA_PRIVCFG_LSB = 16;
export const GBPA_INSTCFG_MSB = 19, GBPA_INSTCFG_LSB = 18;
export const GBPA_ABORT_MSB = 20, GBPA_ABORT_LSB = 20;
export const GBPA_UPDATE_MSB = 31, GBPA_UPDATE_LSB = 31;

// IRQ_CTRL and IRQ_CTRLACK (6.3.16, 6.3.18)
export const IRQ_CTRL_GERROR_IRQEN_MSB = 0, IRQ_CTRL_GERROR_IRQEN_LSB = 0;
export const IRQ_CTRL_PRIQ_IRQEN_MSB = 1, IRQ_CTRL_PRIQ_IRQEN_LSB = 1;
export const IRQ_CTRL_EVENTQ_IRQEN_MSB = 2, IRQ_CTRL_EVENTQ_IRQEN_LSB = 2;

// GERROR and GERRORN (6.3.19, 6.3.20)
export const GERROR_CMDQ_ERR_MSB = 0, GERROR_CMDQ_ERR_LSB = 0;
export const GERROR_EVENTQ_ABT_ERR_MSB = 2, GERROR_EVENTQ_ABT_ERR_LSB = 2;
export const GERROR_PRIQ_ABT_ERR_MSB = 3, GERROR_PRIQ_ABT_ERR_LSB = 3;
export const GERROR_MSI_CMDQ_ABT_ERR_MSB = 4, GERROR_MSI_CMDQ_ABT_ERR_LSB = 4;
export const GERROR_MSI_EVENTQ_ABT_ERR_MSB = 5, GERROR_MSI_EVENTQ_ABT_ERR_LSB = 5;
export const GERROR_MSI_PRIQ_ABT_ERR_MSB = 6, GERROR_MSI_PRIQ_ABT_ERR_LSB = 6;
export const GERROR_MSI_GERROR_ABT_ERR_MSB = 7, GERROR_MSI_GERROR_ABT_ERR_LSB = 7;
export const GERROR_SFM_ERR_MSB = 8, GERROR_SFM_ERR_LSB = 8;
export const GERROR_CMDQP_ERR_MSB = 9, GERROR_CMDQP_ERR_LSB = 9;
export const GERROR_DPT_ERR_MSB = 10, GERROR_DPT_ERR_LSB = 10;

// *_IRQ_CFG0 (64 bits), 1 and 2 of GERROR, Event queue and PRI queue (6.3.21 to 6.3.23, 6.3.30 to 6.3.32, 6.3.34 to 6.3.36)
export const IRQ_CFG0_ADDR_MSB = 55, IRQ_CFG0_ADDR_LSB = 2;
export const IRQ_CFG1_DATA_MSB = 31, IRQ_CFG1_DATA_LSB = 0;
export const IRQ_CFG2_MEMATTR_MSB = 3, IRQ_CFG2_MEMATTR_LSB = 0;
export const IRQ_CFG2_SH_MSB = 5, IRQ_CFG2_SH_LSB = 4;
export const PRIQ_IRQ_CFG2_LO_MSB = 31, PRIQ_IRQ_CFG2_LO_LSB = 31;

// Shareability (13.1), as SH fields encode it; 1 is reserved and counts as 0
export const SH_NON = 0;
export const SH_OUTER = 2;
export const SH_INNER = 3;

// STRTAB_BASE (64 bits) and STRTAB_BASE_CFG (6.3.24, 6.3.25)
export const STRTAB_BASE_ADDR_MSB = 55, STRTAB_BASE_ADDR_LSB = 6;
export const STRTAB_BASE_RA_MSB = 62, STRTAB_BASE_RA_LSB = 62;
export const STRTAB_BASE_CFG_LOG2SIZE_MSB = 5, STRTAB_BASE_CFG_LOG2SIZE_LSB = 0;
export const STRTAB_BASE_CFG_SPLIT_MSB = 10, STRTAB_BASE_CFG_SPLIT_LSB = 6;
export const STRTAB_BASE_CFG_FMT_MSB = 17, STRTAB_BASE_CFG_FMT_LSB = 16;
export const STRTAB_BASE_CFG_FMT_LINEAR = 0;
export const STRTAB_BASE_CFG_FMT_2LEVEL = 1;

// Queue bases (64 bits): CMDQ_BASE (6.3.26), EVENTQ_BASE (6.3.29), PRIQ_BASE (6.3.33)
export const CMDQ_BASE_LOG2SIZE_MSB = 4, CMDQ_BASE_LOG2SIZE_LSB = 0;
export const CMDQ_BASE_ADDR_MSB = 55, CMDQ_BASE_ADDR_LSB = 5;
export const CMDQ_BASE_RA_MSB = 62, CMDQ_BASE_RA_LSB = 62;
export const EVENTQ_BASE_LOG2SIZE_MSB = 4, EVENTQ_BASE_LOG2SIZE_LSB = 0;
export const EVENTQ_BASE_ADDR_MSB = 55, EVENTQ_BASE_ADDR_LSB = 5;
export const EVENTQ_BASE_WA_MSB = 62, EVENTQ_BASE_WA_LSB = 62;
export const PRIQ_BASE_LOG2SIZE_MSB = 4, PRIQ_BASE_LOG2SIZE_LSB = 0;
export const PRIQ_BASE_ADDR_MSB = 55, PRIQ_BASE_ADDR_LSB = 5;
export const PRIQ_BASE_WA_MSB = 62, PRIQ_BASE_WA_LSB = 62;

// Queue pointers: the index has LOG2SIZE bits, the wrap bit is above it (6.3.27, 6.3.28, page 1: 6.2.2)
export const CMDQ_PROD_WR_MSB = 19, CMDQ_PROD_WR_LSB = 0;
export const CMDQ_CONS_RD_MSB = 19, CMDQ_CONS_RD_LSB = 0;
export const CMDQ_CONS_ERR_MSB = 30, CMDQ_CONS_ERR_LSB = 24;
export const EVENTQ_PROD_WR_MSB = 19, EVENTQ_PROD_WR_LSB = 0;
export const EVENTQ_PROD_OVFLG_MSB = 31, EVENTQ_PROD_OVFLG_LSB = 31;
export const EVENTQ_CONS_RD_MSB = 19, EVENTQ_CONS_RD_LSB = 0;
export const EVENTQ_CONS_OVACKFLG_MSB = 31, EVENTQ_CONS_OVACKFLG_LSB = 31;
export const PRIQ_PROD_WR_MSB = 19, PRIQ_PROD_WR_LSB = 0;
export const PRIQ_PROD_OVFLG_MSB = 31, PRIQ_PROD_OVFLG_LSB = 31;
export const PRIQ_CONS_RD_MSB = 19, PRIQ_CONS_RD_LSB = 0;
export const PRIQ_CONS_OVACKFLG_MSB = 31, PRIQ_CONS_OVACKFLG_LSB = 31;
